"""From an event log to a region-by-period panel of cooperation measures: one entrance."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

from panelcoop.errors import DataError
from panelcoop.options import BoolArray, FloatArray
from panelcoop.panel.events.columns import MEASURE_NOTES, NETWORK_MEASURES, measure_columns
from panelcoop.panel.events.coverage import coverage_grid, documents_grid
from panelcoop.panel.events.dyads import expand_dyads
from panelcoop.panel.events.log import EventLog
from panelcoop.panel.events.nodes import Nodes, nodes_of
from panelcoop.panel.events.query import RegionTables, run_region_queries
from panelcoop.panel.events.read import RegionsLike, as_regions
from panelcoop.panel.events.settings import Assembly
from panelcoop.panel.measures.engine import open_engine
from panelcoop.panel.measures.slices import slice_names
from panelcoop.panel.record import Ledger, Panel, Role
from panelcoop.panel.regions import RegionSystem
from panelcoop.panel.weeks import WEEKS, Calendar, Unit, When, calendar_of

__all__ = ["assemble_events"]


def assemble_events(
    log: EventLog | Path | str,
    regions: RegionsLike | None = None,
    calendar: Calendar | Unit = WEEKS,
    *,
    window: tuple[When, When] | None = None,
    coverage: pd.DataFrame | None = None,
    documents: pd.DataFrame | None = None,
    choices: Assembly | None = None,
) -> Panel:
    """Turn a log of cooperation events into a panel of measures.

    Parameters
    ----------
    log
        A log from ``read_events``; or, for logs that do not fit in memory, the path of Parquet files in the columns of
        a dyad table (``DYAD_COLUMNS`` without `event`: one row per ordered pair, each within one period).
    regions
        Region system, table or path; default the system the log was read with.
    calendar
        ISO weeks or days: ``WEEKS``, ``DAYS``, or "week", "day".
    window
        First and last period of the panel; default from the first event to the last.
    coverage
        When records exist: `first`, `last`, and `region` where it matters. Default: from the log's first period to
        its last. Periods without records are missing in every measure, never zero.
    documents
        Total documents by `region` and `date`: becomes the offset `documents`. Where it is given, a region-period
        without a row has no records.
    choices
        Level, centre, slices, durations, half-life and engine: see ``Assembly``.

    Returns
    -------
    Panel
        One row per region and period; measures are outcomes, measures of the whole network "other".

    Raises
    ------
    DataError
        When there is no event, no region, or a table breaks its contract.

    Notes
    -----
    Formulas stand with each measure in ``panelcoop.panel.measures``; ``panel.notes`` gives range and treatment of 0/0.

    Examples
    --------
    >>> from panelcoop.panel.events.read import read_events
    >>> log = read_events(pd.DataFrame({"date": ["2020-02-03", "2020-02-10"], "source": ["A", "B"],
    ...     "target": ["B|C", "A"], "mechanism": "agreement"}))
    >>> assemble_events(log).data["out_intensity"].unstack().values.tolist()
    [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
    """
    chosen, calendar = choices or Assembly(), calendar_of(calendar)
    system = _system(log, regions)
    nodes = _nodes(log, system, chosen)
    dyads = (
        expand_dyads(log.events, calendar=calendar, durations=chosen.durations) if isinstance(log, EventLog) else log
    )
    with open_engine(chosen.engine) as connection:
        tables = run_region_queries(connection, dyads, nodes, calendar=calendar, choices=chosen)
    periods = _periods(tables, calendar, window)
    covered = _covered(tables, nodes, periods, coverage, calendar=calendar, system=system)
    counts = None
    if documents is not None:
        counts = documents_grid(documents, nodes.regions, periods, calendar=calendar, system=system)
        covered = covered & np.isfinite(counts)
    columns = measure_columns(tables, nodes, periods, covered, chosen)
    ledger = (log.ledger if isinstance(log, EventLog) else Ledger.empty()) + _uncovered(tables, nodes, periods, covered)
    return _panel(columns, counts, nodes, periods, chosen=chosen, ledger=ledger, system=system)


def _system(log: EventLog | Path | str, regions: RegionsLike | None) -> RegionSystem | None:
    if regions is not None:
        return as_regions(regions)
    if isinstance(log, EventLog):
        return log.regions
    msg = "A log on disk needs its regions: pass a region system, a table or the path of one."
    raise DataError(msg)


def _nodes(log: EventLog | Path | str, system: RegionSystem | None, chosen: Assembly) -> Nodes:
    if isinstance(log, EventLog) and not len(log):
        msg = f"The log has no accepted event ({len(log.rejected):,} rejected rows: see log.problems)."
        raise DataError(msg)
    actors = pd.concat([log.events["source"], log.events["target"]]) if isinstance(log, EventLog) else ()
    return nodes_of(system, actors, level=chosen.level, centre=chosen.centre)


def _periods(tables: RegionTables, calendar: Calendar, window: tuple[When, When] | None) -> pd.DatetimeIndex:
    if window is None and not len(tables.flows):
        msg = "The log has no event; name the window of the panel."
        raise DataError(msg)
    first, last = window or (tables.flows["period"].min(), tables.flows["period"].max())
    return pd.DatetimeIndex(calendar.range(first, last).astype("datetime64[us]"))


def _covered(
    tables: RegionTables,
    nodes: Nodes,
    periods: pd.DatetimeIndex,
    coverage: pd.DataFrame | None,
    *,
    calendar: Calendar,
    system: RegionSystem | None,
) -> BoolArray:
    if coverage is None and len(tables.flows):
        span = tables.flows["period"].min(), tables.flows["period"].max()
        coverage = pd.DataFrame({"first": [span[0]], "last": [span[1]]})
    return coverage_grid(coverage, nodes.regions, periods, calendar=calendar, system=system)


def _uncovered(tables: RegionTables, nodes: Nodes, periods: pd.DatetimeIndex, covered: BoolArray) -> Ledger:
    """Account for region-periods with events that the panel does not hold or that have no records."""
    column = periods.get_indexer(pd.DatetimeIndex(tables.flows["period"]))
    row = tables.flows["region"].to_numpy(int)
    inside = (row < len(nodes.regions)) & (column >= 0)
    blank = inside.copy()
    blank[inside] = ~covered[row[inside], column[inside]]
    entries = [
        ("outside the window of the panel", int((column < 0).sum())),
        ("events where the coverage says there are no records", int(blank.sum())),
    ]
    excluded = [(f"region-period {why}", count) for why, count in entries if count]
    excluded += [(f"dyads of an actor no region system knows: {name}", n) for name, n in tables.strangers.items()]
    return Ledger.of({"source": "events", "action": "excluded", "reason": why, "count": n} for why, n in excluded)


def _panel(
    columns: dict[str, FloatArray],
    counts: FloatArray | None,
    nodes: Nodes,
    periods: pd.DatetimeIndex,
    *,
    chosen: Assembly,
    ledger: Ledger,
    system: RegionSystem | None,
) -> Panel:
    if counts is not None:
        columns = {**columns, "documents": counts}
    index = pd.MultiIndex.from_product([list(nodes.regions), periods], names=["region", "week"])
    roles: dict[str, Role] = {name: "other" if name in NETWORK_MEASURES else "outcome" for name in columns}
    roles |= {"documents": "offset"} if counts is not None else {}
    return Panel(
        data=pd.DataFrame({name: values.ravel() for name, values in columns.items()}, index=index),
        roles=MappingProxyType(roles),
        notes=MappingProxyType(_notes(chosen, counted=counts is not None)),
        regions=_region_table(nodes, system),
        ledger=ledger,
    )


def _notes(chosen: Assembly, *, counted: bool) -> dict[str, str]:
    notes = dict(MEASURE_NOTES)
    for name, chosen_slice in slice_names(chosen.slices).items():
        words = ", ".join(f"{key} {word}" for key, word in chosen_slice.items())
        for way in ("out_intensity", "in_intensity", "intensity"):
            notes[f"{way}_{name}"] = f"{MEASURE_NOTES[way].split(';', maxsplit=1)[0]}; only {words}"
    notes["stock"] += f" of {chosen.half_life:g} periods"
    return notes | ({"documents": "total documents of the source: the offset of counts"} if counted else {})


def _region_table(nodes: Nodes, system: RegionSystem | None) -> pd.DataFrame:
    index = pd.Index(list(nodes.regions), name="region")
    return pd.DataFrame(index=index) if system is None else system.table.reindex(index).rename_axis("region")
