"""Run the measures of a dyad table on an engine and bring back small tables by region and period."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from panelcoop.errors import DataError
from panelcoop.panel.events.contract import CONTENTS
from panelcoop.panel.events.dyads import DYAD_COLUMNS
from panelcoop.panel.events.nodes import Nodes
from panelcoop.panel.events.settings import Assembly
from panelcoop.panel.measures.engine import IbisTable
from panelcoop.panel.measures.flows import pair_ends, pair_flows, period_starts, place_dyads
from panelcoop.panel.measures.regional import ego_persistence, pair_measures, region_flows
from panelcoop.panel.measures.slices import slice_names
from panelcoop.panel.weeks import Calendar
from panelcoop.progress import track

__all__ = ["RegionTables", "dyad_table", "run_region_queries"]

NEEDED = tuple(name for name in DYAD_COLUMNS if name != "event")


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
    """

    flows: pd.DataFrame
    pairs: pd.DataFrame
    kept: pd.DataFrame | None
    strangers: dict[str, int]


def dyad_table(connection: Any, dyads: pd.DataFrame | Path | str) -> IbisTable:  # noqa: ANN401
    """Open a dyad table on an engine: a frame, or Parquet files in the columns of ``DYAD_COLUMNS``.

    Parameters
    ----------
    connection
        From ``open_engine``.
    dyads
        Frame, Parquet file, or folder of Parquet files; they are read out of core.

    Raises
    ------
    DataError
        When a file is absent or lacks a column; `share` 1, no contents, no formality and not mandated are filled in.
    """
    import ibis

    if isinstance(dyads, pd.DataFrame):
        return _in_memory(dyads.drop(columns="event", errors="ignore"))
    path = Path(dyads)
    if not path.exists():
        msg = f"There is no file {path}."
        raise DataError(msg)
    table = connection.read_parquet(str(path / "*.parquet") if path.is_dir() and _is_duckdb(connection) else str(path))
    fill = {"share": 1.0, "formality": ibis.null("float64"), "mandated": False, **dict.fromkeys(CONTENTS, False)}
    table = table.mutate(**{name: value for name, value in fill.items() if name not in table.columns})
    missing = [name for name in NEEDED if name not in table.columns]
    if missing:
        msg = f"{path} lacks the column {', '.join(missing)}; a dyad table has {', '.join(NEEDED)}."
        raise DataError(msg)
    return table.select(*NEEDED)


def run_region_queries(
    connection: Any,  # noqa: ANN401
    dyads: pd.DataFrame | Path | str,
    nodes: Nodes,
    *,
    calendar: Calendar,
    choices: Assembly,
) -> RegionTables:
    """Compute every measure of regions from a dyad table.

    Parameters
    ----------
    connection
        From ``open_engine``.
    dyads
        Frame or Parquet in the columns of ``DYAD_COLUMNS``.
    nodes
        Who stands in the network.
    calendar, choices
        Step, slices, and whether to measure persistence.
    """
    table = dyad_table(connection, dyads)
    actors = _in_memory(nodes.actor_frame())
    placed = place_dyads(table, actors, centre=nodes.centre_number, unit=calendar.unit)
    inside = len(nodes.regions) if nodes.outside else None
    ends = pair_ends(pair_flows(placed))
    wanted = {"flows": region_flows(placed, slice_names(choices.slices)), "pairs": pair_measures(ends, regions=inside)}
    if choices.persistence:
        wanted["kept"] = ego_persistence(ends, days=calendar.days, regions=inside)
    found = {name: _execute(connection, wanted[name]) for name in track(list(wanted), "measuring")}
    return RegionTables(found["flows"], found["pairs"], found.get("kept"), _strangers(connection, table, actors))


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


def _in_memory(frame: pd.DataFrame) -> IbisTable:
    """Hand a frame over through Arrow, whose types every engine knows."""
    import ibis
    import pyarrow as pa

    return ibis.memtable(pa.Table.from_pandas(frame, preserve_index=False))


def _is_duckdb(connection: Any) -> bool:  # noqa: ANN401
    return str(connection.name) == "duckdb"
