"""Event tables as they come: CSV, Parquet, folders and frames become one frame of text that remembers its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing, fail_if_not_one_of, name_few
from panelcoop.errors import DataError
from panelcoop.panel.events.contract import FIELDS, NOT_EVENTS, SEPARATOR
from panelcoop.panel.events.csv_lines import EmptyFileError, read_csv_lines
from panelcoop.panel.record import Ledger

__all__ = ["RAW_FIELDS", "RawRows", "TableLike", "read_tables"]

TableLike: TypeAlias = "str | Path | pd.DataFrame | Any"
"""A path, a folder, or a frame of pandas, polars or pyarrow."""

Entries: TypeAlias = list[dict[str, object]]

RAW_FIELDS = tuple(field.name for field in FIELDS)
MISSING_WORDS = frozenset({"", "na", "n/a", "nan", "nat", "none", "null", "<na>"})
PROVENANCE = ("file", "row")
"""Columns of a log that was read before: where each row came from then."""
REGION_FIELDS = ("source", "target")
CSV_ENDINGS = (".csv", ".csv.gz")
TABLE_ENDINGS = (*CSV_ENDINGS, ".parquet", ".pq")
NEAR = 0.8
"""How alike a header and a field must be for the header to count as a misspelling."""
OTHER_MARKS = {";": "';'", "\t": "tabs", "|": "'|'"}


@dataclass(frozen=True)
class RawRows:
    """Event tables as text.

    Attributes
    ----------
    draft
        One row per data row: every field as text (empty where missing), `file` and `row` (from 1).
    original
        The rows as they were written, same index: `file`, `row`, `original` (one text), and `fault` naming what made a
        row unreadable (mixed encodings, broken quotation, wrong number of cells), else empty.
    ledger
        Files and columns that were not read.
    """

    draft: pd.DataFrame
    original: pd.DataFrame
    ledger: Ledger


def read_tables(source: TableLike, *, columns: Mapping[str, str] | None = None, encoding: str = "utf-8") -> RawRows:
    """Read one table or a folder of tables as text.

    Parameters
    ----------
    source
        A CSV (plain or gzipped) or Parquet file, a folder of them with its sub-folders, or a frame.
    columns
        Own header to field name, for headers that are neither a field nor one of its other names.
    encoding
        Encoding of CSV files.

    Raises
    ------
    DataError
        When there is nothing to read, a file is no table, a required column is missing, or `columns` names no field.
    """
    for field in (columns or {}).values():
        fail_if_not_one_of(field, RAW_FIELDS, "a field named in columns")
    found, unread = _load(source, encoding)
    tables = [_text_of(loaded, columns or {}) for loaded in found]
    return RawRows(
        draft=pd.concat([draft for draft, _, _ in tables], ignore_index=True),
        original=pd.concat([original for _, original, _ in tables], ignore_index=True),
        ledger=Ledger.of([*unread, *(entry for _, _, entries in tables for entry in entries)]),
    )


@dataclass(frozen=True)
class _Loaded:
    """A table, its name, and for CSV the fault and the text of each row as it was written."""

    name: str
    table: pd.DataFrame
    faults: list[str] | None = None
    original: list[str] | None = None


def _load(source: TableLike, encoding: str) -> tuple[list[_Loaded], Entries]:
    if not isinstance(source, (str, Path)):
        return [_Loaded("table", _as_pandas(source))], []
    path = Path(source)
    if not path.is_dir():
        _fail_if_no_table(path)
        return [_load_file(path, path.name, encoding)], []
    return _load_folder(path, encoding)


def _load_folder(path: Path, encoding: str) -> tuple[list[_Loaded], Entries]:
    """Load every table of a folder, and note the files that hold none."""
    names = {file: file.relative_to(path).as_posix() for file in sorted(path.rglob("*")) if file.is_file()}
    shown = {file: name for file, name in names.items() if not name.startswith(".") and "/." not in name}
    found: list[_Loaded] = []
    unread: Entries = []
    for file, name in shown.items():
        why = _no_events(file)
        if not why:
            try:
                found.append(_load_file(file, name, encoding))
            except EmptyFileError:
                why = "the file is empty: not read"
        if why:
            unread.append({"source": name, "action": "excluded", "reason": why})
    if not found:
        msg = f"The folder {path} holds no CSV or Parquet file with a header and rows of events."
        raise DataError(msg)
    return found, unread


def _no_events(file: Path) -> str:
    """Say why a file of a folder is no table of events, by its name."""
    if not file.name.lower().endswith(TABLE_ENDINGS):
        return "the file is neither CSV nor Parquet: not read"
    return "the file stands beside the events of a log that was saved: not read" if file.name in NOT_EVENTS else ""


def _fail_if_no_table(path: Path) -> None:
    if not path.is_file():
        msg = f"There is no file {path}."
        raise DataError(msg)
    if not path.name.lower().endswith(TABLE_ENDINGS):
        msg = f"{path} is neither CSV nor Parquet; save it as one of these, or use the adapter of its layout."
        raise DataError(msg)


def _load_file(path: Path, name: str, encoding: str) -> _Loaded:
    if not path.name.lower().endswith(CSV_ENDINGS):
        return _Loaded(name, _read_parquet(path))
    lines = read_csv_lines(path, encoding)
    table = pd.DataFrame(lines.cells, columns=lines.header, dtype=object)
    return _Loaded(name, table, lines.faults, lines.original)


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as fault:
        msg = f"{path} cannot be read as Parquet: {fault}."
        raise DataError(msg) from fault


def _as_pandas(table: Any) -> pd.DataFrame:  # noqa: ANN401 - polars and pyarrow frames have no common type
    if isinstance(table, pd.DataFrame):
        return table
    if type(table).__name__ == "LazyFrame":
        table = table.collect()
    convert: Callable[[], pd.DataFrame] | None = getattr(table, "to_pandas", None)
    if convert is None:
        msg = f"A log is a path, a folder or a frame of pandas, polars or pyarrow; got {type(table).__name__}."
        raise DataError(msg)
    return convert()


def _text_of(loaded: _Loaded, columns: Mapping[str, str]) -> tuple[pd.DataFrame, pd.DataFrame, Entries]:
    name, table = loaded.name, loaded.table
    present = [str(header).strip() for header in table.columns]
    headers = _headers(present, columns, name)
    draft = pd.DataFrame(
        {
            field: _text_column(table.iloc[:, headers[field]], keep_words=field in REGION_FIELDS)
            if field in headers
            else pd.Series([""] * len(table), dtype=object)
            for field in RAW_FIELDS
        }
    )
    position = np.arange(1, len(table) + 1)
    original = loaded.original
    if original is None:
        texts = [_text_column(table.iloc[:, k], keep_words=True) for k in range(table.shape[1])]
        original = [",".join(cells) for cells in zip(*texts, strict=True)] if texts else []
    kept = pd.DataFrame({"file": name, "row": position, "original": original, "fault": loaded.faults or ""})
    others = (header for k, header in enumerate(present) if k not in headers.values())
    unread = [header for header in others if header not in ("", *PROVENANCE)]
    return draft.assign(file=name, row=position), kept, _unread_columns(unread, name)


def _known_headers() -> dict[str, str]:
    return {alias: field.name for field in FIELDS for alias in (*field.aliases, field.name)}


def _unread_columns(headers: list[str], name: str) -> Entries:
    """Note the columns that are no field: misspelt ones one by one, the others together."""
    close = {header: get_close_matches(_plain(header), _known_headers(), n=1, cutoff=NEAR) for header in headers}
    reasons = [f"column '{header}' is not read; did you mean '{near[0]}'?" for header, near in close.items() if near]
    if others := [header for header, near in close.items() if not near]:
        reasons.append(f"columns that are no field are not read ({name_few(others)})")
    return [{"source": name, "action": "noted", "reason": reason} for reason in reasons]


def _plain(header: str) -> str:
    return header.casefold().replace(" ", "_")


def _headers(present: list[str], columns: Mapping[str, str], name: str) -> dict[str, int]:
    """Position of each field's column: own names first, then the field's name, then its aliases."""
    fail_if_columns_missing(columns, present, name)
    known = _known_headers()
    found: dict[str, int] = {}
    for position, header in enumerate(present):
        field = columns.get(header) or known.get(_plain(header))
        if field is None:
            continue
        if field in found:
            msg = f"{name}: columns '{present[found[field]]}' and '{header}' both hold '{field}'; keep one."
            raise DataError(msg)
        found[field] = position
    _fail_if_fields_missing(found, present, name)
    return found


def _fail_if_fields_missing(found: Mapping[str, int], present: list[str], name: str) -> None:
    missing = [
        f"'{f.name}' (or {name_few(f.aliases)})" if f.aliases else f"'{f.name}'"
        for f in FIELDS
        if f.required and f.name not in found
    ]
    if not missing:
        return
    mark = next((words for mark, words in OTHER_MARKS.items() if len(present) == 1 and mark in present[0]), None)
    hint = f" Are its columns parted by {mark}? Save it with commas." if mark else ""
    msg = f"{name} lacks the column {', '.join(missing)}. Columns present: {name_few(present, 30)}.{hint}"
    raise DataError(msg)


def _text_column(values: pd.Series, *, keep_words: bool) -> pd.Series:
    """Write every cell as text; words for "missing" become empty, except where they may be a region's name."""
    codes, uniques = pd.factorize(values.map(_text_cell), use_na_sentinel=False)
    words = [str(word) for word in uniques]
    words = words if keep_words else ["" if word.casefold() in MISSING_WORDS else word for word in words]
    return pd.Series(np.array(words, dtype=object)[codes] if words else [], dtype=object)


def _text_cell(cell: object) -> str:
    if isinstance(cell, (list, tuple, set, np.ndarray)):
        return SEPARATOR.join(_text_cell(part) for part in cell)
    if cell is None or cell is pd.NaT or cell is pd.NA or (isinstance(cell, float) and np.isnan(cell)):
        return ""
    if isinstance(cell, pd.Timestamp):
        return cell.isoformat()
    return str(cell).strip()
