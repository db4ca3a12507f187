"""Tables of events or dyads on disk: opened out of core, and checked by one query before anything is measured."""

from __future__ import annotations

from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any

from panelcoop.checks import name_few
from panelcoop.errors import DataError
from panelcoop.panel.events.contract import CONTENTS, FORMALITY, MECHANISMS, NOT_EVENTS
from panelcoop.panel.events.dyads import DYAD_COLUMNS, Durations, dyads_of, with_actor_lists
from panelcoop.panel.measures.engine import IbisTable, read_parquet_files
from panelcoop.panel.weeks import Calendar

__all__ = ["open_dyads"]

ENDINGS = (".parquet", ".pq")
DYAD_FIELDS = tuple(name for name in DYAD_COLUMNS if name != "event")
EVENT_FIELDS = ("start", "end", "source", "target", "mechanism", "contents", "weight", "formality", "mandated")
KINDS = {
    "date": ("day", "start", "end"),
    "string": ("source", "target", "mechanism", "contents"),
    "number": ("share", "weight", "formality"),
    "boolean": (*CONTENTS, "mandated"),
}
REMEDY = "`read_events(...).save(folder)` checks a log and writes its good rows to events.parquet"


def open_dyads(
    connection: Any,  # noqa: ANN401 - backends of Ibis have no common type
    path: Path | str,
    *,
    calendar: Calendar,
    durations: Durations = "spread",
) -> IbisTable:
    """Open Parquet files of accepted events, or of dyads, as a dyad table.

    Parameters
    ----------
    connection
        From ``open_engine``.
    path
        Parquet file, or a folder of them with its sub-folders (partitions `name=value` become columns). Events have
        the columns that ``EventLog.save`` writes; dyads those of ``DYAD_COLUMNS`` without `event`.
    calendar, durations
        How events are shared out over periods; a dyad lies within one.

    Returns
    -------
    ibis.Table
        Columns ``DYAD_COLUMNS`` without `event`. Where they are absent, `share` and `weight` are 1, `formality` and
        `contents` are not coded, and flags are false.

    Raises
    ------
    DataError
        When there is no Parquet file, a column is absent or of the wrong type, or rows break the contract: they are
        counted by reason.
    """
    table = _open(connection, Path(path))
    if "start" not in table.columns:
        dyads = _typed(table, DYAD_FIELDS, path)
        _fail_if_faulty(connection, dyads, _common_faults(dyads, "share") | {"no day": dyads.day.isnull()}, path)
        return dyads
    events = with_actor_lists(_typed(table, EVENT_FIELDS, path))
    _fail_if_faulty(connection, events, _common_faults(events, "weight") | _faults_of_events(events), path)
    return dyads_of(events.mutate(event=0), calendar=calendar, durations=durations).select(*DYAD_FIELDS)


def _open(connection: Any, path: Path) -> IbisTable:  # noqa: ANN401
    if not path.exists():
        msg = f"There is no file {path}."
        raise DataError(msg)
    files = [file for file in sorted(path.rglob("*")) if _is_table(file, path)] if path.is_dir() else [path]
    wrong = [str(file) for file in files if file.suffix.lower() not in ENDINGS]
    if wrong or not files:
        what = f"{name_few(wrong)} is no Parquet file" if wrong else f"the folder {path} holds no Parquet file"
        msg = f"{what}; {REMEDY}."
        raise DataError(msg)
    return read_parquet_files(connection, files, base=path if path.is_dir() else path.parent)


def _is_table(file: Path, folder: Path) -> bool:
    """Tell a table from what stands beside it: rejected rows, a panel, hidden files, folders with an underscore."""
    if file.name.lower() in NOT_EVENTS:
        return False
    hidden = any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)
    return file.is_file() and file.suffix.lower() in ENDINGS and not hidden


def _typed(table: IbisTable, fields: tuple[str, ...], path: Path | str) -> IbisTable:
    """Keep the fields, fill what may be absent, and see that each is of its kind."""
    import ibis

    fill = {"share": 1.0, "weight": 1.0, "contents": "", "mandated": False, **dict.fromkeys(CONTENTS, False)}
    known = {name: ibis.literal(value) for name, value in fill.items()} | {"formality": ibis.null("float64")}
    full = table.mutate(**{name: value for name, value in known.items() if name not in table.columns})
    missing = [name for name in fields if name not in full.columns]
    if missing:
        msg = f"{path} lacks the column {', '.join(missing)}; it needs {', '.join(fields)}. {REMEDY}."
        raise DataError(msg)
    wrong = [f"'{name}' ({full[name].type()})" for name in fields if not _fits(name, full[name].type())]
    if wrong:
        msg = f"{path} has columns of the wrong type: {', '.join(wrong)}. {REMEDY}."
        raise DataError(msg)
    rung = full.formality.cast("float64")
    return full.select(*fields).mutate(formality=rung.isnan().ifelse(ibis.null("float64"), rung))


def _fits(name: str, kind: Any) -> bool:  # noqa: ANN401 - a type of Ibis
    allowed = {
        "date": kind.is_date() or kind.is_timestamp(),
        "string": kind.is_string(),
        "number": kind.is_numeric() and not kind.is_boolean(),
        "boolean": kind.is_boolean(),
    }
    return any(allowed[wanted] for wanted, names in KINDS.items() if name in names)


def _common_faults(table: IbisTable, size: str) -> dict[str, IbisTable]:
    number, rung = table[size].cast("float64"), table.formality
    flags = [table[name].isnull() for name in KINDS["boolean"] if name in table.columns]
    return {
        "no source or target": _is_empty(table.source) | _is_empty(table.target),
        f"a {size} that is missing, negative or infinite": number.isnull() | ~((number >= 0) & (number < float("inf"))),
        "a formality that is no rung": ~((rung >= 1) & (rung <= len(FORMALITY)) & (rung == rung.floor())),
        "a flag that is neither true nor false": reduce(or_, flags),
    }


def _faults_of_events(table: IbisTable) -> dict[str, IbisTable]:
    words = "|".join(CONTENTS)
    shared = table.sources.intersect(table.targets).length()
    mutual = (table.source == table.target) & (shared > 1)
    coded = table.contents.re_search(rf"^(({words})([|]({words}))*)?$")
    return {
        "no first or last day": table.start.isnull() | table.end.isnull(),
        "an end before the start": table.end < table.start,
        "a region that is both source and target": (shared > 0) & ~mutual,
        "an unknown content": table.contents.isnull() | ~coded,
    }


def _is_empty(words: IbisTable) -> IbisTable:
    return words.isnull() | (words == "")


def _fail_if_faulty(
    connection: Any,  # noqa: ANN401
    table: IbisTable,
    faults: dict[str, IbisTable],
    path: Path | str,
) -> None:
    """Count the rows of every fault in one pass; mechanisms are few, so that each is looked at once."""
    names = {f"fault_{k}": what for k, what in enumerate(faults)}
    sums = {name: faults[what].cast("int64").sum().fill_null(0) for name, what in names.items()}
    query = table.group_by("mechanism").aggregate(rows=table.count(), **sums)
    try:
        counted = connection.to_pyarrow(query).to_pylist()
    except Exception as fault:  # every engine raises its own errors
        msg = f"{path} cannot be read as one table of events or dyads: {str(fault).splitlines()[0]}. {REMEDY}."
        raise DataError(msg) from fault
    totals = {what: sum(group[name] for group in counted) for name, what in names.items()}
    totals["no known mechanism"] = sum(group["rows"] for group in counted if group["mechanism"] not in MECHANISMS)
    found = [f"{count:,} with {what}" for what, count in totals.items() if count]
    if found:
        msg = f"{path} has rows that cannot be measured: {'; '.join(found)}. {REMEDY}."
        raise DataError(msg)
