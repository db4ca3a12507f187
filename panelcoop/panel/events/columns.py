"""From small tables to the columns of a panel: zeros where there are records, missing where there are none."""

from __future__ import annotations

import numpy as np
import pandas as pd

from panelcoop.options import BoolArray, FloatArray
from panelcoop.panel.events.nodes import Nodes
from panelcoop.panel.events.query import RegionTables
from panelcoop.panel.events.settings import Assembly
from panelcoop.panel.measures.names import sliced_measures
from panelcoop.panel.measures.ratios import (
    centralisation,
    density,
    ei_index,
    gini,
    jaccard,
    ratio,
    stock,
    vertical_share,
)
from panelcoop.panel.measures.slices import slice_names

__all__ = ["measure_columns"]


def measure_columns(
    tables: RegionTables, nodes: Nodes, periods: pd.DatetimeIndex, covered: BoolArray, choices: Assembly
) -> dict[str, FloatArray]:
    """Fill every measure into an array of regions by periods.

    Parameters
    ----------
    tables
        Results of the queries.
    nodes, periods
        Rows and columns of the arrays.
    covered
        Shape (N, T): where records exist.
    choices
        Slices, what is measured apart for each, and half-life.

    Returns
    -------
    dict of str to numpy.ndarray
        Shape (N, T) each. Sums are 0 and ratios NaN where records exist but no event does; all are NaN elsewhere.
    """
    grid = _Grid(periods, covered)
    columns = _intensities(_flows(grid, tables), choices)
    columns |= _measures(grid, tables, columns["intensity"], nodes, choices)
    for suffix, chosen in slice_names(choices.slices).items():
        wanted = sliced_measures(chosen, choices.by_slice)
        if wanted:
            part = _measures(grid, tables.slices[suffix], columns[f"intensity_{suffix}"], nodes, choices)
            columns |= {f"{name}_{suffix}": part[name] for name in wanted if name in part}
    return columns


def _flows(grid: _Grid, tables: RegionTables) -> dict[str, FloatArray]:
    names = [str(name) for name in tables.flows.columns if name not in ("period", "region")]
    return {name: grid.sums(tables.flows, name) for name in names}


def _measures(
    grid: _Grid, tables: RegionTables, between: FloatArray, nodes: Nodes, choices: Assembly
) -> dict[str, FloatArray]:
    """Take every measure but the intensities, of all dyads or of one slice; `between` is the intensity."""
    flow = _flows(grid, tables)
    pair = {name: grid.sums(tables.pairs, name) for name in ("partners", "degree", "targets", "exchange", "returned")}
    columns = {
        "stock": stock(between, half_life=choices.half_life),
        "partners": pair["partners"],
        "breadth": ratio(pair["partners"], np.full(grid.covered.shape, float(nodes.partners))),
        "effective_partners": grid.ratios(tables.pairs, "effective_partners"),
        "reciprocity": grid.ratios(tables.pairs, "reciprocity"),
        "formality": ratio(flow["rungs"], flow["graded"]),
        "vertical_share": vertical_share(flow["vertical"], between),
        "mandated_share": ratio(flow["ordered"], between),
        "ei_index": ei_index(between, flow["internal"]),
    }
    if tables.kept is not None:
        columns["persistence"] = _persistence(grid.sums(tables.kept, "kept"), pair["partners"])
    return columns | _whole_network(grid, tables, pair, between)


def _intensities(flow: dict[str, FloatArray], choices: Assembly) -> dict[str, FloatArray]:
    columns = {
        "out_intensity": flow["out_total"],
        "in_intensity": flow["in_total"],
        "intensity": flow["out_total"] + flow["in_total"],
    }
    for name in slice_names(choices.slices):
        sent, received = flow[f"out_{name}"], flow[f"in_{name}"]
        columns |= {
            f"out_intensity_{name}": sent,
            f"in_intensity_{name}": received,
            f"intensity_{name}": sent + received,
        }
    return columns


def _persistence(kept: FloatArray, partners: FloatArray) -> FloatArray:
    """Compare each period with the one before; the first has none before."""
    before = np.concatenate([np.full((len(partners), 1), np.nan), partners[:, :-1]], axis=1)
    return jaccard(kept, partners, before)


def _whole_network(
    grid: _Grid, tables: RegionTables, pair: dict[str, FloatArray], between: FloatArray
) -> dict[str, FloatArray]:
    """Describe the network of each period in which every region has records; one value for all regions."""
    seen = grid.covered.all(axis=0)
    edges = np.where(seen, pair["targets"].sum(axis=0), np.nan)
    values = {
        "density": density(edges, np.full(edges.shape, float(len(between)))),
        "centralisation": centralisation(pair["degree"].T),
        "strength_gini": gini(between.T),
        "network_reciprocity": ratio(pair["returned"].sum(axis=0), pair["exchange"].sum(axis=0)),
    }
    if tables.kept is not None:
        kept = grid.sums(tables.kept, "kept_targets").sum(axis=0)
        values["network_persistence"] = jaccard(kept, edges, np.concatenate([[np.nan], edges[:-1]]))
    return {name: np.where(seen & grid.covered, value, np.nan) for name, value in values.items()}


class _Grid:
    """Places rows of (period, region, value) in an array of regions by periods."""

    def __init__(self, periods: pd.DatetimeIndex, covered: BoolArray) -> None:
        self.periods = periods
        self.covered = covered

    def sums(self, table: pd.DataFrame, name: str) -> FloatArray:
        """Zero where records exist and the table has no row."""
        return np.where(self.covered, np.nan_to_num(self._filled(table, name)), np.nan)

    def ratios(self, table: pd.DataFrame, name: str) -> FloatArray:
        """Missing where the table has no row."""
        return np.where(self.covered, self._filled(table, name), np.nan)

    def _filled(self, table: pd.DataFrame, name: str) -> FloatArray:
        values = np.full(self.covered.shape, np.nan)
        row = table["region"].to_numpy(int)
        column = self.periods.get_indexer(pd.DatetimeIndex(table["period"]))
        inside = (row < len(values)) & (column >= 0)
        values[row[inside], column[inside]] = table[name].to_numpy(float)[inside]
        return values
