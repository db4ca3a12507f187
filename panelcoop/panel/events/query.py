"""Run the measures of a dyad table on an engine and bring back small tables by region and period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from panelcoop.errors import DataError
from panelcoop.panel.events.contract import CONTENTS
from panelcoop.panel.events.dyads import Durations, dyads_of
from panelcoop.panel.events.log import EventLog
from panelcoop.panel.events.nodes import Nodes, nodes_of
from panelcoop.panel.events.parquet_tables import open_dyads
from panelcoop.panel.events.read import RegionsLike, as_regions
from panelcoop.panel.events.settings import Assembly
from panelcoop.panel.measures.engine import IbisTable, in_memory, open_engine
from panelcoop.panel.measures.flows import (
    LAYER_NUMBERS,
    pair_ends,
    pair_flows,
    period_starts,
    place_dyads,
    slice_dyads,
)
from panelcoop.panel.measures.regional import dyad_flows, ego_persistence, pair_measures, region_flows
from panelcoop.panel.measures.slices import Slice, slice_names
from panelcoop.panel.regions import RegionSystem
from panelcoop.panel.weeks import Calendar
from panelcoop.progress import track

__all__ = ["RegionTables", "dyad_table", "log_nodes", "log_regions", "run_dyad_query", "run_region_queries"]

LAYER_WORDS = {number: layer for layer, number in LAYER_NUMBERS.items()}


@dataclass(frozen=True)
class RegionTables:
    """Results by region (its number) and period (its first day); region-periods without an event have no row.

    Attributes
    ----------
    flows
        Sent and received, in total and by slice; sums for formality; internal.
    pairs
        Partners, effective partners, reciprocity; degree, targets, exchange and returned among regions.
    kept
        Ties kept from the period before; None where not asked for.
    strangers
        Number of dyads left out by actor, because no region system knows it.
    slices
        The same of each slice alone, by its suffix; empty where no further measure is taken apart.
    """

    flows: pd.DataFrame
    pairs: pd.DataFrame
    kept: pd.DataFrame | None
    strangers: dict[str, int] = field(default_factory=dict)
    slices: Mapping[str, RegionTables] = field(default_factory=dict)


def dyad_table(
    connection: Any,  # noqa: ANN401 - backends of Ibis have no common type
    log: EventLog | Path | str,
    *,
    calendar: Calendar,
    durations: Durations = "spread",
) -> IbisTable:
    """Open a log as a dyad table on an engine.

    Parameters
    ----------
    connection
        From ``open_engine``.
    log
        A log in memory, or Parquet files of accepted events or of dyads, which are read out of core.
    calendar, durations
        How events are shared out over periods.

    Raises
    ------
    DataError
        When a file cannot be read or its rows break the contract.
    """
    if isinstance(log, EventLog):
        numbered = log.events.assign(event=range(len(log.events)))
        return dyads_of(in_memory(numbered), calendar=calendar, durations=durations)
    return open_dyads(connection, log, calendar=calendar, durations=durations)


def log_regions(log: EventLog | Path | str, regions: RegionsLike | None) -> RegionSystem | None:
    """Return the region system asked for, or the one the log was read with.

    Raises
    ------
    DataError
        When a log on disk comes without regions.
    """
    if regions is not None:
        return as_regions(regions)
    if isinstance(log, EventLog):
        return log.regions
    msg = "A log on disk needs its regions: pass a region system, a table or the path of one."
    raise DataError(msg)


def log_nodes(log: EventLog | Path | str, system: RegionSystem | None, choices: Assembly) -> Nodes:
    """Find the nodes of a log's network.

    Raises
    ------
    DataError
        When a log in memory has no event.
    """
    if isinstance(log, EventLog) and not len(log):
        msg = f"The log has no accepted event ({len(log.rejected):,} rejected rows: see log.problems)."
        raise DataError(msg)
    actors = pd.concat([log.events["source"], log.events["target"]]) if isinstance(log, EventLog) else ()
    return nodes_of(system, actors, level=choices.level, centre=choices.centre)


def run_dyad_query(log: EventLog | Path | str, nodes: Nodes, *, calendar: Calendar, choices: Assembly) -> pd.DataFrame:
    """Add up the flows between nodes as finely as any slice needs.

    Returns
    -------
    pandas.DataFrame
        `period`, `source`, `target` (nodes), `layer` (empty within one region), `mechanism`, one flag per content;
        `flow`, and `graded` and `rungs` (sums of w and w f over dyads with a coded formality); sorted.
    """
    with open_engine(choices.engine) as connection:
        table = dyad_table(connection, log, calendar=calendar, durations=choices.durations)
        actors = in_memory(nodes.actor_frame())
        placed = place_dyads(table, actors, centre=nodes.centre_number, unit=calendar.unit)
        found = _execute(connection, dyad_flows(placed))
    names = pd.Series(nodes.names, dtype=object)
    named = {side: found[side].map(names).astype(object) for side in ("source", "target")}
    layer = found["layer"].map(LAYER_WORDS).fillna("").astype(object)
    keys = ["period", "source", "target", "layer", "mechanism", *CONTENTS]
    return found.assign(**named, layer=layer).sort_values(keys, ignore_index=True)


def run_region_queries(
    connection: Any,  # noqa: ANN401
    log: EventLog | Path | str,
    nodes: Nodes,
    *,
    calendar: Calendar,
    choices: Assembly,
) -> RegionTables:
    """Compute every measure of regions from a log.

    Parameters
    ----------
    connection
        From ``open_engine``.
    log
        In memory or on disk, as in ``dyad_table``.
    nodes
        Who stands in the network.
    calendar, choices
        Step, slices, and whether to measure persistence.
    """
    table = dyad_table(connection, log, calendar=calendar, durations=choices.durations)
    actors = in_memory(nodes.actor_frame())
    placed = place_dyads(table, actors, centre=nodes.centre_number, unit=calendar.unit)
    slices = slice_names(choices.slices)
    inside = len(nodes.regions) if nodes.outside else None
    measure = partial(_measured, connection, days=calendar.days, regions=inside, persistence=choices.persistence)
    parts = slices if choices.by_slice else {}
    found = {name: measure(slice_dyads(placed, parts[name])) for name in track(list(parts), "measuring slices")}
    whole = measure(placed, slices=slices)
    return replace(whole, strangers=_strangers(connection, table, actors), slices=found)


def _measured(
    connection: Any,  # noqa: ANN401
    placed: IbisTable,
    *,
    days: int,
    regions: int | None,
    persistence: bool,
    slices: Mapping[str, Slice] | None = None,
) -> RegionTables:
    """Measure all dyads, or those of one slice."""
    ends = pair_ends(pair_flows(placed))
    wanted = {"flows": region_flows(placed, slices or {}), "pairs": pair_measures(ends, regions=regions)}
    if persistence:
        wanted["kept"] = ego_persistence(ends, days=days, regions=regions)
    found = {name: _execute(connection, wanted[name]) for name in track(list(wanted), "measuring")}
    return RegionTables(found["flows"], found["pairs"], found.get("kept"))


def _execute(connection: Any, expression: IbisTable) -> pd.DataFrame:  # noqa: ANN401
    frame: pd.DataFrame = connection.to_pyarrow(expression).to_pandas()
    return frame.assign(period=period_starts(frame["period"]))


def _strangers(connection: Any, table: IbisTable, actors: IbisTable) -> dict[str, int]:  # noqa: ANN401
    """Count the dyads of each actor that no region system knows."""
    sides = [table.group_by(actor=table[side]).aggregate(dyads=table.count()) for side in ("source", "target")]
    unknown = sides[0].union(sides[1]).anti_join(actors, "actor")
    counts = connection.to_pyarrow(unknown).to_pydict()
    totals: dict[str, int] = {}
    for actor, count in zip(counts["actor"], counts["dyads"], strict=True):
        totals[str(actor)] = totals.get(str(actor), 0) + int(count)
    return totals
