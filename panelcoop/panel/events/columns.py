"""From small tables to the columns of a panel: zeros where there are records, missing where there are none."""

from __future__ import annotations

import numpy as np
import pandas as pd

from panelcoop.options import BoolArray, FloatArray
from panelcoop.panel.events.nodes import Nodes
from panelcoop.panel.events.query import RegionTables
from panelcoop.panel.events.settings import Assembly
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

__all__ = ["MEASURE_NOTES", "NETWORK_MEASURES", "measure_columns"]

MEASURE_NOTES = {
    "out_intensity": "sum of A_ij over partners j; count-like, zero or more; 0 where no event",
    "in_intensity": "sum of A_ji over partners j; count-like, zero or more; 0 where no event",
    "intensity": "out- plus in-intensity; model it as a count (Poisson), not as log(1 + y)",
    "stock": "intensity accumulated with a half-life",
    "partners": "number of partners with any cooperation",
    "breadth": "partners / possible partners, in [0, 1]",
    "effective_partners": "exp of the entropy of partner shares; missing without a partner",
    "formality": "mean rung of the formality ladder, 1 to 5, weighted; missing where nothing is graded",
    "reciprocity": "share of exchange that is returned, in [0, 1]; missing at 0/0",
    "vertical_share": "share of cooperation with the centre, in [0, 1]; missing at 0/0",
    "mandated_share": "ordered share of horizontal cooperation, in [0, 1]; missing at 0/0",
    "ei_index": "(external - internal) / (external + internal), in [-1, 1]; missing at 0/0",
    "persistence": "share of partners kept since the period before, in [0, 1]; missing at 0/0",
    "density": "directed ties / possible ties; one value per period, missing if a region lacks records",
    "centralisation": "Freeman degree centralisation; one value per period",
    "strength_gini": "Gini coefficient of intensity over regions; one value per period",
    "network_reciprocity": "returned share of all exchange between regions; one value per period",
    "network_persistence": "share of ties kept in the whole network; one value per period",
}

NETWORK_MEASURES = ("density", "centralisation", "strength_gini", "network_reciprocity", "network_persistence")
"""Measures of the whole network: the same for every region of a period, so week effects absorb them."""


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
        Slices and half-life.

    Returns
    -------
    dict of str to numpy.ndarray
        Shape (N, T) each. Sums are 0 and ratios NaN where records exist but no event does; all are NaN elsewhere.
    """
    grid = _Grid(periods, covered)
    flow = {name: grid.sums(tables.flows, name) for name in tables.flows.columns if name not in ("period", "region")}
    pair = {name: grid.sums(tables.pairs, name) for name in ("partners", "degree", "targets", "exchange", "returned")}
    ratios = {name: grid.ratios(tables.pairs, name) for name in ("effective_partners", "reciprocity")}
    columns = _intensities(flow, choices)
    between, ordered = columns["intensity"], flow["ordered"]
    columns |= {
        "stock": stock(between, half_life=choices.half_life),
        "partners": pair["partners"],
        "breadth": ratio(pair["partners"], np.full(covered.shape, float(nodes.partners))),
        **ratios,
        "formality": ratio(flow["rungs"], flow["graded"]),
        "vertical_share": vertical_share(flow["vertical"], between),
        "mandated_share": ratio(ordered, between),
        "ei_index": ei_index(between, flow["internal"]),
    }
    if tables.kept is not None:
        columns["persistence"] = _persistence(grid.sums(tables.kept, "kept"), pair["partners"])
    columns |= _whole_network(grid, tables, pair, between)
    return columns


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
