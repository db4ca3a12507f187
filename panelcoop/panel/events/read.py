"""Read a log of cooperation events: every row is either accepted or rejected with its reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd

from panelcoop.errors import DataError
from panelcoop.options import BoolArray
from panelcoop.panel.events.contract import EVENT_COLUMNS, LEVELS, SEPARATOR, event_schema
from panelcoop.panel.events.csv_lines import USUAL_ENCODINGS
from panelcoop.panel.events.log import PROBLEM_COLUMNS, REJECTED_COLUMNS, EventLog
from panelcoop.panel.events.old_codes import with_current_codes
from panelcoop.panel.events.problems import (
    Parsed,
    parse_contents,
    parse_date,
    parse_formality,
    parse_level,
    parse_mandated,
    parse_mechanism,
    parse_regions,
    parse_weight,
)
from panelcoop.panel.events.raw import RawRows, TableLike, read_tables
from panelcoop.panel.record import Ledger
from panelcoop.panel.region_hierarchy import RegionHierarchy, code_changes, fail_if_parents_wrong
from panelcoop.panel.regions import RegionSystem, code_texts
from panelcoop.panel.tables import csv_cells
from panelcoop.panel.weeks import WEEKS, Calendar, Unit, When, calendar_of

__all__ = ["RegionsLike", "as_regions", "read_events", "with_code_changes"]

RegionsLike: TypeAlias = "RegionSystem | RegionHierarchy | pd.DataFrame | str | Path"
"""A region system or hierarchy, a table of regions or its path: columns code, name, and where known level, parent,
other_names."""

SAME_EVENT = ["document", "start", "end", "source", "target", "mechanism"]
"""Rows of one document that agree in these fields tell of one event."""


def read_events(
    source: TableLike,
    *,
    regions: RegionsLike | None = None,
    calendar: Calendar | Unit = WEEKS,
    window: tuple[When, When] | None = None,
    columns: Mapping[str, str] | None = None,
    encoding: str = "utf-8",
) -> EventLog:
    """Read and check a log of cooperation events.

    Parameters
    ----------
    source
        A CSV (plain or gzipped) or Parquet file, a folder of them with its sub-folders, or a frame of pandas, polars or
        pyarrow.
    regions
        Region system, table or path that names are matched against; without it every name is its own code. A
        hierarchy with changes of code reads old codes as those of today.
    calendar, window
        First and last period of the study: events without a day inside are rejected; of events that reach beyond it
        only the days inside count. Without a window no date is outside.
    columns
        Own header to field name, for headers the codebook does not know.
    encoding
        Encoding of CSV files.

    Returns
    -------
    EventLog
        Good rows, rejected rows with reasons, problems by row and column, and the ledger.

    Raises
    ------
    DataError
        When the table cannot be read at all or lacks a required column.

    Notes
    -----
    De-duplication comes first. A row is a duplicate when its document already told of an event of the same days,
    regions and mechanism; without a document id, when all its fields equal those of an earlier row. A region on both
    sides is a self-loop, unless source and target are the same two or more regions (a mutual event).

    Every line of a CSV file is a row: a cell cannot hold a line break, and a stray quotation mark costs its own row
    only. Files that are no table and columns that are no field are named in the ledger.

    Examples
    --------
    >>> log = read_events(pd.DataFrame({
    ...     "date": ["2020-02-10", "2020-02-30"], "source": ["A", "A"], "target": ["B", "B"],
    ...     "mechanism": ["agreement", "agreement"]}))
    >>> print(log.report())
    table: row 2, start '2020-02-30': impossible date; write year-month-day, such as 2020-02-10
    2 rows read: 1 good, 1 rejected
    """
    system = None if regions is None else as_regions(regions, encoding=encoding)
    raw = read_tables(source, columns=columns, encoding=encoding)
    named, renamed = (
        with_current_codes(raw.draft, regions) if isinstance(regions, RegionHierarchy) else (raw.draft, Ledger.empty())
    )
    parsed = _parse(named, system)
    values = _with_defaults(pd.DataFrame({name: column.values for name, column in parsed.items()}), raw.draft)
    span = None if window is None else _span(calendar_of(calendar), window)
    problems = _problems(raw, parsed, values, outside=_outside(values, calendar_of(calendar), span))
    log = _split(values, raw.original, problems, system)
    return replace(log, window=span, ledger=raw.ledger + renamed + log.ledger + _cut_at_the_edges(log.events, span))


def as_regions(regions: RegionsLike, *, encoding: str = "utf-8") -> RegionSystem:
    """Make a region system of a hierarchy, a table or the path of one.

    Parameters
    ----------
    regions
        Columns `code` and `name`; `level` and `parent` where known; `other_names` with spellings parted by "|". A path
        names a CSV or Parquet file.
    encoding
        Encoding of a CSV file that is not UTF-8.

    Raises
    ------
    DataError
        When the file is absent or unreadable, or the table breaks the contract of ``RegionSystem``.

    Examples
    --------
    >>> as_regions(pd.DataFrame({"code": ["A"], "name": ["Alpha"], "other_names": ["Al|Alfa"]})).find("alfa")
    'A'
    """
    if isinstance(regions, RegionHierarchy):
        return regions.system
    if isinstance(regions, RegionSystem):
        return regions
    table, label = (
        (regions, "regions")
        if isinstance(regions, pd.DataFrame)
        else (_region_file(Path(regions), encoding), str(regions))
    )
    plain = table.rename(columns=lambda name: str(name).strip())
    if "name" not in plain and "code" in plain:
        plain = plain.assign(name=code_texts(plain["code"]))
    if "level" in plain:
        bad = sorted(set(plain["level"].dropna().astype(str)) - {"", *LEVELS, "outside"})
        if bad:
            msg = f"The region table '{label}' has unknown levels {bad}; use {', '.join(LEVELS)} or outside."
            raise DataError(msg)
    spellings = [name for name in plain.columns if name == "other_names" or str(name).startswith("name_")]
    system = RegionSystem.from_table(plain, label=label, name_columns=spellings)
    fail_if_parents_wrong(system, nation_apart=True)
    return system


def with_code_changes(regions: RegionsLike, changes: Path | str, *, encoding: str = "utf-8") -> RegionHierarchy:
    """Join a region table and a file of replaced codes: `old`, `new`, `since`.

    Raises
    ------
    DataError
        When a file is absent or unreadable, or a table breaks its contract.
    """
    table = _region_file(Path(changes), encoding)
    return RegionHierarchy(as_regions(regions, encoding=encoding), code_changes(table))


def _region_file(path: Path, encoding: str) -> pd.DataFrame:
    try:
        if path.suffix.lower() == ".parquet":
            return pd.read_parquet(path)
        return csv_cells(StringIO(_decoded(path.read_bytes(), encoding)))
    except FileNotFoundError as fault:
        msg = f"There is no file {path}."
        raise DataError(msg) from fault
    except (UnicodeError, LookupError) as fault:
        msg = (
            f"{path} is neither in UTF-8 nor in {encoding}: {fault}. Name its encoding (encoding=..., or --encoding on "
            f"the command line), such as {USUAL_ENCODINGS}."
        )
        raise DataError(msg) from fault
    except (OSError, ValueError, pd.errors.ParserError) as fault:
        msg = f"{path} cannot be read as a table of regions: {fault}."
        raise DataError(msg) from fault


def _decoded(data: bytes, encoding: str) -> str:
    """Decode a table that may be in UTF-8 though the log beside it is not; other encodings do not look like it."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode(encoding).removeprefix("\ufeff")


def _parse(draft: pd.DataFrame, regions: RegionSystem | None) -> dict[str, Parsed]:
    return {
        "start": parse_date(draft["start"], required=True),
        "end": parse_date(draft["end"], required=False),
        "source": parse_regions(draft["source"], regions),
        "target": parse_regions(draft["target"], regions),
        "source_level": parse_level(draft["source_level"]),
        "target_level": parse_level(draft["target_level"]),
        "mechanism": parse_mechanism(draft["mechanism"]),
        "contents": parse_contents(draft["contents"]),
        "weight": parse_weight(draft["weight"]),
        "formality": parse_formality(draft["formality"]),
        "mandated": parse_mandated(draft["mandated"]),
    }


def _with_defaults(values: pd.DataFrame, draft: pd.DataFrame) -> pd.DataFrame:
    """Fill the last day, and count paired support as ordered."""
    ordered = values["mandated"] | (values["mechanism"] == "counterpart_support")
    return values.assign(
        end=values["end"].where(values["end"].notna() | (draft["end"] != ""), values["start"]),
        mandated=ordered.astype(bool),
        document=draft["document"],
        file=draft["file"].astype(object),
        row=draft["row"].astype(int),
    )


def _problems(raw: RawRows, parsed: dict[str, Parsed], values: pd.DataFrame, *, outside: pd.Series) -> pd.DataFrame:
    """List every problem, one line per row and column; a row repeats an earlier one that has no problem."""
    draft, fault_of_row = raw.draft, raw.original["fault"]
    nothing = pd.Series("", index=draft.index, dtype=object)
    unread = fault_of_row != ""
    columns = [(name, draft[name], column.problems) for name, column in parsed.items()]
    columns += [("target", draft["target"], _self_loops(values)), ("end", draft["end"], _reversed(values))]
    columns.append(("start", draft["start"], outside))
    columns = [("", nothing, fault_of_row), *((n, cells, fault.where(~unread, "")) for n, cells, fault in columns)]
    good = np.logical_and.reduce([(fault == "").to_numpy(bool) for _, _, fault in columns])
    known = np.logical_and.reduce([(fault == "").to_numpy(bool) for n, _, fault in columns if n in ("", *SAME_EVENT)])
    columns.append(("document", draft["document"], _duplicates(values, good=good, known=known)))
    parts = [
        draft.loc[fault != "", ["file", "row"]].assign(
            column=name, value=cells[fault != ""], problem=fault[fault != ""]
        )
        for name, cells, fault in columns
        if (fault != "").any()
    ]
    nobody = pd.DataFrame(columns=list(PROBLEM_COLUMNS), index=draft.index[:0])
    listed = pd.concat(parts).sort_index(kind="stable") if parts else nobody
    return listed.assign(position=listed.index).reset_index(drop=True)


def _duplicates(values: pd.DataFrame, *, good: BoolArray, known: BoolArray) -> pd.Series:
    """Name the earlier good row that a row repeats; the event of a row without an id is known by all its fields."""
    with_id = (values["document"] != "").to_numpy(bool)
    whole = [name for name in values.columns if name not in ("file", "row")]
    problems = np.full(len(values), "", dtype=object)
    for rows, fields, kind in (
        (with_id & known, SAME_EVENT, "duplicate document: the same event as"),
        (~with_id & good, whole, "exact duplicate of"),
    ):
        told, at = values[rows], np.flatnonzero(rows)
        key = told.groupby(fields, sort=False, dropna=False).ngroup()
        first = pd.Series(np.where(good[at], at, len(values))).groupby(key.to_numpy()).transform("min").to_numpy()
        repeats = first < at
        earlier = values[["file", "row"]].iloc[first[repeats]].to_numpy()
        problems[at[repeats]] = [f"{kind} {file}: row {row}" for file, row in earlier]
    return pd.Series(problems, index=values.index)


def _self_loops(values: pd.DataFrame) -> pd.Series:
    def loop(source: str, target: str) -> str:
        if not source or not target or (source == target and SEPARATOR in source):
            return ""
        shared = set(source.split(SEPARATOR)) & set(target.split(SEPARATOR))
        return f"self-loop: {', '.join(sorted(shared))} is both source and target" if shared else ""

    pairs = zip(values["source"], values["target"], strict=True)
    return pd.Series([loop(str(s), str(t)) for s, t in pairs], index=values.index, dtype=object)


def _reversed(values: pd.DataFrame) -> pd.Series:
    backwards = (values["end"] < values["start"]).to_numpy(bool)
    return pd.Series(np.where(backwards, "the event ends before it starts", ""), index=values.index, dtype=object)


def _span(calendar: Calendar, window: tuple[When, When]) -> tuple[pd.Timestamp, pd.Timestamp]:
    """First and last day of a window."""
    periods = calendar.range(*window)
    return periods[0], periods[-1] + calendar.step - pd.Timedelta(days=1)


def _outside(values: pd.DataFrame, calendar: Calendar, span: tuple[pd.Timestamp, pd.Timestamp] | None) -> pd.Series:
    if span is None:
        return pd.Series("", index=values.index, dtype=object)
    bad = ((values["end"] < span[0]) | (values["start"] > span[1])).to_numpy(bool)
    msg = f"outside the calendar ({calendar.label(span[0])} to {calendar.label(span[1])})"
    return pd.Series(np.where(bad, msg, ""), index=values.index, dtype=object)


def _cut_at_the_edges(events: pd.DataFrame, span: tuple[pd.Timestamp, pd.Timestamp] | None) -> Ledger:
    """Account for the days of accepted events that lie outside the window."""
    if span is None:
        return Ledger.empty()
    reach = events[(events["start"] < span[0]) | (events["end"] > span[1])]
    if reach.empty:
        return Ledger.empty()
    first, last = (reach[side] for side in ("start", "end"))
    inside = last.where(last <= span[1], span[1]) - first.where(first >= span[0], span[0])
    days = [int((length.dt.days + 1).sum()) for length in (last - first, inside)]
    why = "event reaches beyond the window: its days outside are cut"
    entry = {"source": "events", "action": "corrected", "reason": why, "before": days[0], "after": days[1]}
    return Ledger.of([{**entry, "count": len(reach)}])


def _split(
    values: pd.DataFrame, original: pd.DataFrame, problems: pd.DataFrame, regions: RegionSystem | None
) -> EventLog:
    bad = values.index.isin(problems["position"])
    reasons = problems.groupby("position")["problem"].agg("; ".join)
    rejected = original.loc[reasons.index, ["file", "row", "original"]].assign(reasons=reasons)
    events = values.loc[~bad, list(EVENT_COLUMNS)].reset_index(drop=True)
    schema = event_schema()
    return EventLog(
        events=schema.validate(events) if len(events) else events,
        rejected=rejected[list(REJECTED_COLUMNS)].reset_index(drop=True),
        problems=problems[list(PROBLEM_COLUMNS)],
        regions=regions,
        ledger=_ledger(problems) + _forced_mandates(events),
    )


def _forced_mandates(events: pd.DataFrame) -> Ledger:
    forced = int((events["mechanism"] == "counterpart_support").sum())
    entry = {"source": "events", "action": "noted", "reason": "counterpart support counts as ordered", "count": forced}
    return Ledger.of([entry] if forced else [])


def _ledger(problems: pd.DataFrame) -> Ledger:
    """Count each rejected row once, under its first reason without the particulars."""
    first = problems.drop_duplicates("position")
    kinds = first["problem"].str.split(r"[:;(']", n=1, regex=True).str[0].str.strip()
    kinds = kinds.str.replace(r" of .*: row.*$| of .*$", "", regex=True)
    return Ledger.of(
        {"source": file, "action": "dropped", "reason": kind, "count": count}
        for (file, kind), count in Counter(zip(first["file"], kinds, strict=True)).items()
    )
