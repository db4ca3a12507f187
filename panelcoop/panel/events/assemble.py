"""From an event log to a region-by-period panel of cooperation measures: one entrance."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

import pandas as pd

from panelcoop.errors import DataError
from panelcoop.options import BoolArray, FloatArray
from panelcoop.panel.events.columns import measure_columns
from panelcoop.panel.events.coverage import records_of
from panelcoop.panel.events.log import EventLog
from panelcoop.panel.events.nodes import Nodes
from panelcoop.panel.events.query import RegionTables, log_nodes, log_regions, run_region_queries
from panelcoop.panel.events.read import RegionsLike
from panelcoop.panel.events.settings import Assembly
from panelcoop.panel.measures.engine import open_engine
from panelcoop.panel.measures.names import INTENSITIES, MEASURE_NOTES, NETWORK_MEASURES, sliced_measures
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
        A log from ``read_events``; or, for logs that do not fit in memory, the path of Parquet files: accepted events
        as ``EventLog.save`` writes them, or a dyad table (``DYAD_COLUMNS`` without `event`: one row per ordered pair,
        each within one period).
    regions
        Region system, table or path; default the system the log was read with.
    calendar
        ISO weeks or days: ``WEEKS``, ``DAYS``, or "week", "day".
    window
        First and last period of the panel; default the window the log was read with, else from the first event to the
        last. Of an event that reaches beyond it only the days inside count; the ledger says how much is cut.
    coverage
        When records exist: `first`, `last`, and `region` where it matters. Default: where `documents` has a row;
        without it, from the first period with an event to the last, and the ledger counts the region-periods of the
        window before and after. Periods without records are missing in every measure, never zero.
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
    system = log_regions(log, regions)
    nodes = log_nodes(log, system, chosen)
    with open_engine(chosen.engine) as connection:
        tables = run_region_queries(connection, log, nodes, calendar=calendar, choices=chosen)
    read = log.window if isinstance(log, EventLog) else None
    periods = _periods(tables, calendar, window or read)
    records = records_of(
        nodes.regions,
        periods,
        calendar=calendar,
        system=system,
        coverage=coverage,
        documents=documents,
        events=_span(tables),
        window=read,
    )
    columns = measure_columns(tables, nodes, periods, records.covered, chosen)
    known = log.ledger if isinstance(log, EventLog) else Ledger.empty()
    ledger = known + _uncovered(tables, nodes, periods, records.covered) + records.ledger
    return _panel(columns, records.documents, nodes, periods, chosen=chosen, ledger=ledger, system=system)


def _periods(tables: RegionTables, calendar: Calendar, window: tuple[When, When] | None) -> pd.DatetimeIndex:
    span = window or _span(tables)
    if span is None:
        msg = "The log has no event; name the window of the panel."
        raise DataError(msg)
    first, last = span
    return pd.DatetimeIndex(calendar.range(first, last).astype("datetime64[us]"))


def _span(tables: RegionTables) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    return (tables.flows["period"].min(), tables.flows["period"].max()) if len(tables.flows) else None


def _uncovered(tables: RegionTables, nodes: Nodes, periods: pd.DatetimeIndex, covered: BoolArray) -> Ledger:
    """Account for region-periods with events that the panel does not hold or that have no records.

    `before` and `after` are the flow at the regions' ends with and without them.
    """
    column = periods.get_indexer(pd.DatetimeIndex(tables.flows["period"]))
    row = tables.flows["region"].to_numpy(int)
    mine = row < len(nodes.regions)
    blank = mine & (column >= 0)
    blank[blank] = ~covered[row[blank], column[blank]]
    size = tables.flows[["out_total", "in_total", "vertical"]].sum(axis=1).to_numpy(float)
    lost = {
        "region-period outside the window of the panel": mine & (column < 0),
        "region-period events where the coverage says there are no records": blank,
    }
    excluded: list[dict[str, object]] = [
        {"reason": why, "count": int(cells.sum()), "before": size[mine].sum(), "after": size[mine & ~cells].sum()}
        for why, cells in lost.items()
        if cells.any()
    ]
    excluded += [
        {"reason": f"dyads of an actor no region system knows: {name}", "count": n}
        for name, n in tables.strangers.items()
    ]
    return Ledger.of({"source": "events", "action": "excluded", **entry} for entry in excluded)


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
    roles: dict[str, Role] = {name: "other" if name.startswith(NETWORK_MEASURES) else "outcome" for name in columns}
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
    for suffix, part in slice_names(chosen.slices).items():
        words = ", ".join(f"{key} {word}" for key, word in part.items())
        for name in (*INTENSITIES, *sliced_measures(part, chosen.by_slice)):
            notes[f"{name}_{suffix}"] = f"{MEASURE_NOTES[name].split(';', maxsplit=1)[0]}; only {words}"
    notes["stock"] += f" of {chosen.half_life:g} periods"
    return notes | ({"documents": "total documents of the source: the offset of counts"} if counted else {})


def _region_table(nodes: Nodes, system: RegionSystem | None) -> pd.DataFrame:
    index = pd.Index(list(nodes.regions), name="region")
    return pd.DataFrame(index=index) if system is None else system.table.reindex(index).rename_axis("region")
