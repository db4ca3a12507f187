"""Flows between nodes, period by period: the dyadic panel, and what the pictures of networks are drawn from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from panelcoop.errors import DataError
from panelcoop.options import BoolArray, FloatArray
from panelcoop.panel.events.contract import CONTENTS
from panelcoop.panel.events.coverage import records_of
from panelcoop.panel.events.log import EventLog
from panelcoop.panel.events.query import log_nodes, log_regions, run_dyad_query
from panelcoop.panel.events.read import RegionsLike
from panelcoop.panel.events.settings import Assembly
from panelcoop.panel.measures.names import sliced_measures
from panelcoop.panel.measures.ratios import ratio, stock
from panelcoop.panel.measures.slices import Slice, slice_names
from panelcoop.panel.weeks import WEEKS, Calendar, Unit, When, calendar_of

__all__ = ["DYAD_MEASURES", "assemble_dyads", "flow_table"]

FLOW_KEYS = ["period", "source", "target", "layer", "mechanism"]

DYAD_MEASURES = {
    "reciprocity": ("back", "mutual", "reciprocity"),
    "persistence": ("kept",),
    "stock": ("stock",),
    "formality": ("formality",),
}
"""Columns of a pair that correspond to a measure of regions: `Assembly.by_slice` names the latter."""


def flow_table(
    log: EventLog | Path | str,
    regions: RegionsLike | None = None,
    calendar: Calendar | Unit = WEEKS,
    *,
    choices: Assembly | None = None,
) -> pd.DataFrame:
    """Add up the flows A_ij,t by mechanism and layer.

    Parameters
    ----------
    log, regions, calendar, choices
        As in ``assemble_events``.

    Returns
    -------
    pandas.DataFrame
        `period`, `source`, `target` (nodes), `layer`, `mechanism`, `flow`, and `resource`, `information`, `policy`:
        the part of the flow with that content (an event of two contents counts in both). Flows within one region, and
        outside the window the log was read with, are left out.

    Examples
    --------
    >>> from panelcoop.panel.events.read import read_events
    >>> log = read_events(pd.DataFrame({"date": ["2020-02-03"], "source": ["A"], "target": ["B|C"],
    ...     "mechanism": ["counterpart_support"]}))
    >>> flow_table(log)[["source", "target", "layer", "flow"]].values.tolist()
    [['A', 'B', 'mandated-horizontal', 0.5], ['A', 'C', 'mandated-horizontal', 0.5]]
    """
    chosen = choices or Assembly()
    nodes = log_nodes(log, log_regions(log, regions), chosen)
    step = calendar_of(calendar)
    cells = run_dyad_query(log, nodes, calendar=step, choices=chosen)
    across = cells[(cells["layer"] != "") & _in_window(cells["period"], log, step)]
    contents = {content: across["flow"].where(across[content], 0.0) for content in CONTENTS}
    return across.assign(**contents).groupby(FLOW_KEYS, sort=True)[["flow", *CONTENTS]].sum().reset_index()


def assemble_dyads(
    log: EventLog | Path | str,
    regions: RegionsLike | None = None,
    calendar: Calendar | Unit = WEEKS,
    *,
    window: tuple[When, When] | None = None,
    coverage: pd.DataFrame | None = None,
    documents: pd.DataFrame | None = None,
    keep_centre: bool = False,
    choices: Assembly | None = None,
) -> pd.DataFrame:
    """Turn a log into a panel of ordered pairs of regions.

    Parameters
    ----------
    log, regions, calendar, window, coverage, documents, choices
        As in ``assemble_events``, whose ledger accounts for what lies outside window and records.
    keep_centre
        Whether the pairs of a region and the centre are rows as well: the vertical layer.

    Returns
    -------
    pandas.DataFrame
        Indexed by (source, target, period), every ordered pair of different nodes in every period: `flow` (A_ij) and
        `flow_<slice>` for every slice chosen; `back` (A_ji), `mutual` = min(A_ij, A_ji), `reciprocity` = 2 mutual /
        (A_ij + A_ji); `kept` (the tie was there in the period before as well; missing where it is absent in both);
        `stock` (flow accumulated with the half-life); `formality` = sum w f / sum w over graded events. Measures named
        by ``choices.by_slice`` stand beside, with the slice as suffix.

    Raises
    ------
    DataError
        When the log has no event between two of the nodes, or a table breaks its contract.

    Notes
    -----
    A pair has records where both its ends have; elsewhere everything is missing, never zero. With records, a sum
    without an event is 0 and a ratio without one is missing.

    Examples
    --------
    >>> from panelcoop.panel.events.read import read_events
    >>> log = read_events(pd.DataFrame({"date": ["2020-02-03", "2020-02-10"], "source": ["A", "B"],
    ...     "target": ["B", "A"], "mechanism": "agreement"}))
    >>> assemble_dyads(log)[["flow", "back", "mutual"]].loc[("A", "B")].values.tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    calendar, chosen = calendar_of(calendar), choices or Assembly()
    system = log_regions(log, regions)
    nodes = log_nodes(log, system, chosen)
    cells = run_dyad_query(log, nodes, calendar=calendar, choices=chosen)
    centre = nodes.centre if keep_centre else None
    labels = [*nodes.regions, *([centre] if centre is not None else [])]
    across = cells[(cells["layer"] != "") & cells["source"].isin(labels) & cells["target"].isin(labels)]
    if across.empty:
        msg = "The log has no event between two regions of the panel."
        raise DataError(msg)
    read = log.window if isinstance(log, EventLog) else None
    events = (cells["period"].min(), cells["period"].max())
    periods = pd.DatetimeIndex(calendar.range(*(window or read or events)).astype("datetime64[us]"), name="period")
    records = records_of(
        nodes.regions,
        periods,
        calendar=calendar,
        system=system,
        coverage=coverage,
        documents=documents,
        events=events,
        window=read,
    )
    cube = _Cube(labels, periods, records.of_pairs(centre=centre is not None))
    return cube.frame(_columns(cube, across, chosen, vertical=centre is not None))


def _in_window(periods: pd.Series, log: EventLog | Path | str, calendar: Calendar) -> pd.Series:
    """Tell the periods of the window the log was read with."""
    if not isinstance(log, EventLog) or log.window is None:
        return pd.Series(data=True, index=periods.index)
    first, last = (calendar.start(day) for day in log.window)
    return periods.between(first, last)


def _columns(cube: _Cube, cells: pd.DataFrame, choices: Assembly, *, vertical: bool) -> dict[str, FloatArray]:
    """Measure all flows, and those of every slice."""
    parts = slice_names(choices.slices)
    parts = parts if vertical else {name: part for name, part in parts.items() if part.get("layer") != "vertical"}
    named = sliced_measures({}, choices.by_slice)
    by_slice = [column for name in named for column in DYAD_MEASURES.get(name, ())]
    whole = _measures(cube, cells, choices)
    columns = {"flow": whole["flow"]}
    sliced = {name: _measures(cube, cells[_belongs(cells, part)], choices) for name, part in parts.items()}
    columns |= {f"flow_{name}": measures["flow"] for name, measures in sliced.items()}
    columns |= whole
    return columns | {f"{column}_{name}": part[column] for name, part in sliced.items() for column in by_slice}


def _measures(cube: _Cube, cells: pd.DataFrame, choices: Assembly) -> dict[str, FloatArray]:
    flow = cube.fill(cells, "flow")
    back = flow.transpose(1, 0, 2)
    mutual = np.minimum(flow, back)
    return {
        "flow": flow,
        "back": back,
        "mutual": mutual,
        "reciprocity": ratio(2 * mutual, flow + back),
        "kept": _kept(flow),
        "stock": stock(flow, half_life=choices.half_life),
        "formality": ratio(cube.fill(cells, "rungs"), cube.fill(cells, "graded")),
    }


def _belongs(cells: pd.DataFrame, part: Slice) -> pd.Series:
    """Tell which rows belong to a slice."""
    inside = pd.Series(data=True, index=cells.index)
    for key, word in part.items():
        inside &= cells[word] if key == "content" else cells[key] == word
    return inside


def _kept(flow: FloatArray) -> FloatArray:
    """Tell whether a tie was there in the period before; missing without a tie in both, or records of both."""
    before = np.concatenate([np.full_like(flow[..., :1], np.nan), flow[..., :-1]], axis=-1)
    known = np.isfinite(flow) & np.isfinite(before)
    tied, was = flow > 0, before > 0
    return np.where(known & (tied | was), (tied & was).astype(float), np.nan)


class _Cube:
    """Arrays of sources by targets by periods: zero where records exist and no event does, missing elsewhere."""

    def __init__(self, labels: list[str], periods: pd.DatetimeIndex, covered: BoolArray) -> None:
        self.labels = pd.Index(labels, dtype=object)
        self.periods = periods
        self.covered = covered

    def fill(self, cells: pd.DataFrame, value: str) -> FloatArray:
        """Add up a column of flows."""
        cube = np.zeros(self.covered.shape)
        period = self.periods.get_indexer(pd.DatetimeIndex(cells["period"]))
        seen = period >= 0
        row, column = (self.labels.get_indexer(pd.Index(cells[side]))[seen] for side in ("source", "target"))
        np.add.at(cube, (row, column, period[seen]), cells[value].to_numpy(float)[seen])
        return np.where(self.covered, cube, np.nan)

    def frame(self, columns: dict[str, FloatArray]) -> pd.DataFrame:
        """Lay the arrays out as one row per ordered pair and period."""
        levels = [self.labels, self.labels, self.periods]
        index = pd.MultiIndex.from_product(levels, names=["source", "target", "period"])
        frame = pd.DataFrame({name: cube.ravel() for name, cube in columns.items()}, index=index)
        different = index.get_level_values("source") != index.get_level_values("target")
        return frame[np.asarray(different)]
