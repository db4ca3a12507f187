"""Flows between nodes, period by period: the dyadic panel, and what the pictures of networks are drawn from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from panelcoop.errors import DataError
from panelcoop.options import FloatArray
from panelcoop.panel.events.dyads import expand_dyads
from panelcoop.panel.events.log import EventLog
from panelcoop.panel.events.nodes import Nodes, nodes_of
from panelcoop.panel.events.read import RegionsLike, as_regions
from panelcoop.panel.events.settings import Assembly
from panelcoop.panel.measures.ratios import stock
from panelcoop.panel.weeks import WEEKS, Calendar, Unit, When, calendar_of

__all__ = ["assemble_dyads", "flow_table"]

LAYER_ORDER = ["vertical", "mandated-horizontal", "horizontal"]


def flow_table(
    log: EventLog,
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
        the part of the flow with that content (an event of two contents counts in both). Flows within one region are
        left out.

    Examples
    --------
    >>> from panelcoop.panel.events.read import read_events
    >>> log = read_events(pd.DataFrame({"date": ["2020-02-03"], "source": ["A"], "target": ["B|C"],
    ...     "mechanism": ["counterpart_support"]}))
    >>> flow_table(log)[["source", "target", "layer", "flow"]].values.tolist()
    [['A', 'B', 'mandated-horizontal', 0.5], ['A', 'C', 'mandated-horizontal', 0.5]]
    """
    chosen = choices or Assembly()
    nodes = _nodes(log, regions, chosen)
    dyads = expand_dyads(log.events, calendar=calendar, durations=chosen.durations)
    source, target = (dyads[side].map(nodes.place.__getitem__) for side in ("source", "target"))
    vertical = (source == nodes.centre) | (target == nodes.centre)
    ordered = dyads["mandated"] | (dyads["mechanism"] == "counterpart_support")
    layer = np.select([vertical, ordered], LAYER_ORDER[:2], LAYER_ORDER[2])
    contents = {q: dyads["share"].where(dyads[q], 0.0) for q in ("resource", "information", "policy")}
    placed = dyads.assign(
        source=source, target=target, layer=layer, period=dyads["day"], flow=dyads["share"], **contents
    )
    keys = ["period", "source", "target", "layer", "mechanism"]
    across = placed[placed["source"] != placed["target"]]
    return across.groupby(keys, sort=True)[["flow", *contents]].sum().reset_index()


def assemble_dyads(
    log: EventLog,
    regions: RegionsLike | None = None,
    calendar: Calendar | Unit = WEEKS,
    *,
    window: tuple[When, When] | None = None,
    choices: Assembly | None = None,
) -> pd.DataFrame:
    """Turn a log into a panel of ordered pairs of regions.

    Parameters
    ----------
    log, regions, calendar, window, choices
        As in ``assemble_events``.

    Returns
    -------
    pandas.DataFrame
        Indexed by (source, target, period), every ordered pair of different regions in every period: `flow` (A_ij),
        by layer `flow_horizontal` and `flow_mandated`, by mechanism and content `flow_<word>`; `back` (A_ji),
        `mutual` = min(A_ij, A_ji), `kept` (the tie was there in the period before as well; missing where it is absent
        in both), `stock` (flow accumulated with the half-life).

    Raises
    ------
    DataError
        When the log has no event between two regions.

    Examples
    --------
    >>> from panelcoop.panel.events.read import read_events
    >>> log = read_events(pd.DataFrame({"date": ["2020-02-03", "2020-02-10"], "source": ["A", "B"],
    ...     "target": ["B", "A"], "mechanism": "agreement"}))
    >>> assemble_dyads(log)[["flow", "back", "mutual"]].loc[("A", "B")].values.tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    calendar = calendar_of(calendar)
    chosen = choices or Assembly()
    nodes = _nodes(log, regions, chosen)
    flows = flow_table(log, regions, calendar, choices=chosen)
    between = flows[flows["source"].isin(nodes.regions) & flows["target"].isin(nodes.regions)]
    if between.empty:
        msg = "The log has no event between two regions of the panel."
        raise DataError(msg)
    span = window or (between["period"].min(), between["period"].max())
    periods = pd.DatetimeIndex(calendar.range(*span).astype("datetime64[us]"), name="period")
    cube = _Cube(nodes, periods)
    flow = cube.fill(between, "flow")
    columns = {"flow": flow}
    for name, rows in _parts(between):
        columns[f"flow_{name}"] = cube.fill(rows, "flow")
    for content in ("resource", "information", "policy"):
        columns[f"flow_{content}"] = cube.fill(between, content)
    back = flow.transpose(1, 0, 2)
    columns |= {"back": back, "mutual": np.minimum(flow, back), "kept": _kept(flow > 0)}
    columns["stock"] = stock(flow, half_life=chosen.half_life)
    return cube.frame(columns)


def _nodes(log: EventLog, regions: RegionsLike | None, chosen: Assembly) -> Nodes:
    if not len(log):
        msg = f"The log has no accepted event ({len(log.rejected):,} rejected rows: see log.problems)."
        raise DataError(msg)
    system = log.regions if regions is None else as_regions(regions)
    actors = pd.concat([log.events["source"], log.events["target"]])
    return nodes_of(system, actors, level=chosen.level, centre=chosen.centre)


def _parts(flows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    named = {"horizontal": "horizontal", "mandated-horizontal": "mandated"}
    layers = [(short, flows[flows["layer"] == layer]) for layer, short in named.items()]
    return layers + [(name, flows[flows["mechanism"] == name]) for name in sorted(flows["mechanism"].unique())]


def _kept(tied: Any) -> FloatArray:  # noqa: ANN401 - boolean cube
    before = np.concatenate([np.zeros_like(tied[..., :1]), tied[..., :-1]], axis=-1)
    kept = np.where(tied | before, (tied & before).astype(float), np.nan)
    kept[..., 0] = np.nan
    return kept


class _Cube:
    """Arrays of sources by targets by periods."""

    def __init__(self, nodes: Nodes, periods: pd.DatetimeIndex) -> None:
        self.regions = pd.Index(list(nodes.regions), dtype=object)
        self.periods = periods

    def fill(self, flows: pd.DataFrame, value: str) -> FloatArray:
        """Add up a column of flows; zero where there is none."""
        n = len(self.regions)
        cube = np.zeros((n, n, len(self.periods)))
        period = self.periods.get_indexer(pd.DatetimeIndex(flows["period"]))
        seen = period >= 0
        row, column = (self.regions.get_indexer(pd.Index(flows[side]))[seen] for side in ("source", "target"))
        np.add.at(cube, (row, column, period[seen]), flows[value].to_numpy(float)[seen])
        return cube

    def frame(self, columns: dict[str, FloatArray]) -> pd.DataFrame:
        """Lay the arrays out as one row per ordered pair and period."""
        levels = [self.regions, self.regions, self.periods]
        index = pd.MultiIndex.from_product(levels, names=["source", "target", "period"])
        frame = pd.DataFrame({name: cube.ravel() for name, cube in columns.items()}, index=index)
        different = index.get_level_values("source") != index.get_level_values("target")
        return frame[np.asarray(different)]
