"""Event tables as they come: CSV, Parquet, folders and frames become one frame of text that remembers its rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing, name_few
from panelcoop.errors import DataError
from panelcoop.panel.events.contract import FIELDS, SEPARATOR

__all__ = ["RAW_FIELDS", "TableLike", "read_tables"]

TableLike: TypeAlias = "str | Path | pd.DataFrame | Any"
"""A path, a folder, or a frame of pandas, polars or pyarrow."""

RAW_FIELDS = tuple(field.name for field in FIELDS)
MISSING_WORDS = frozenset({"", "na", "n/a", "nan", "nat", "none", "null", "<na>"})
REGION_FIELDS = ("source", "target")
TABLE_SUFFIXES = (".csv", ".parquet", ".pq")


def read_tables(
    source: TableLike, *, columns: Mapping[str, str] | None = None, encoding: str = "utf-8"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read one table or a folder of tables as text.

    Parameters
    ----------
    source
        A CSV or Parquet file, a folder of them, or a frame.
    columns
        Own header to field name, for headers that are neither a field nor one of its other names.
    encoding
        Encoding of CSV files.

    Returns
    -------
    pandas.DataFrame
        One row per data row: every field as text (empty where missing), `file` and `row` (from 1).
    pandas.DataFrame
        The rows as they were written, same index: `file`, `row`, and `original` (cells in order, as one text), with
        `fault` naming what made a row unreadable (mixed encodings, wrong number of cells), else empty.

    Raises
    ------
    DataError
        When there is nothing to read, a file is no table, or a required column is missing.
    """
    tables = [_text_of(loaded, columns or {}) for loaded in _load(source, encoding)]
    draft = pd.concat([draft for draft, _ in tables], ignore_index=True)
    return draft, pd.concat([original for _, original in tables], ignore_index=True)


@dataclass(frozen=True)
class _Loaded:
    """A table, its name, and for CSV the fault and the cells of each row as they were written."""

    name: str
    table: pd.DataFrame
    faults: list[str] | None = None
    original: list[str] | None = None


def _load(source: TableLike, encoding: str) -> Iterable[_Loaded]:
    if isinstance(source, (str, Path)):
        for path in _files(Path(source)):
            csv_file = path.suffix.lower() == ".csv"
            yield _read_csv(path, encoding) if csv_file else _Loaded(path.name, _read_parquet(path))
    else:
        yield _Loaded("table", _as_pandas(source))


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(file for file in path.iterdir() if file.suffix.lower() in TABLE_SUFFIXES)
        if not found:
            msg = f"The folder {path} holds no CSV or Parquet file."
            raise DataError(msg)
        return found
    if not path.is_file():
        msg = f"There is no file {path}."
        raise DataError(msg)
    if path.suffix.lower() not in TABLE_SUFFIXES:
        msg = f"{path} is neither CSV nor Parquet; save it as one of these, or use the adapter of its layout."
        raise DataError(msg)
    return [path]


def _read_csv(path: Path, encoding: str) -> _Loaded:
    """Read a CSV file row by row, so that one bad row spoils no other."""
    try:
        text = path.read_bytes().decode(encoding, errors="surrogateescape").removeprefix("\ufeff")
    except LookupError as fault:
        msg = f"'{encoding}' is no encoding; try utf-8 or gb18030."
        raise DataError(msg) from fault
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))
    try:
        rows = [row for row in csv.reader(io.StringIO(text.replace("\0", "\ufffd"), newline="")) if row]
    except csv.Error as fault:
        msg = f"{path} cannot be read as CSV: {fault}."
        raise DataError(msg) from fault
    if not rows:
        msg = f"{path} is empty; a log needs a header and rows."
        raise DataError(msg)
    return _load_rows(path.name, [cell.strip() for cell in rows[0]], rows[1:], clean=_is_clean(text))


def _load_rows(name: str, header: list[str], rows: list[list[str]], *, clean: bool) -> _Loaded:
    width = len(header)
    faults = [_row_fault(row, width, clean=clean) for row in rows]
    cells = rows if clean else [[_visible(cell) for cell in row] for row in rows]
    table = pd.DataFrame([(row + [""] * width)[:width] for row in cells], columns=header, dtype=object)
    return _Loaded(name, table, faults, [",".join(row) for row in cells])


def _is_clean(text: str) -> bool:
    """Tell whether every byte was in the encoding of the file: what was not has become a lone surrogate."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _row_fault(row: list[str], width: int, *, clean: bool) -> str:
    if not clean and not all(_is_clean(cell) for cell in row):
        return "mixed encodings: the row is not in the encoding of the file; save the file as UTF-8"
    if len(row) != width:
        return f"the row has {len(row)} cells, the header {width}; quote cells that hold commas"
    return ""


def _visible(cell: str) -> str:
    return cell.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="replace")


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as fault:
        msg = f"{path} cannot be read as Parquet: {fault}."
        raise DataError(msg) from fault


def _as_pandas(table: Any) -> pd.DataFrame:  # noqa: ANN401 - polars and pyarrow frames have no common type
    if isinstance(table, pd.DataFrame):
        return table
    convert: Callable[[], pd.DataFrame] | None = getattr(table, "to_pandas", None)
    if convert is None:
        msg = f"A log is a path, a folder or a frame of pandas, polars or pyarrow; got {type(table).__name__}."
        raise DataError(msg)
    return convert()


def _text_of(loaded: _Loaded, columns: Mapping[str, str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    name, table = loaded.name, loaded.table
    headers = _headers(table, columns, name)
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
    return draft.assign(file=name, row=position), kept


def _headers(table: pd.DataFrame, columns: Mapping[str, str], name: str) -> dict[str, int]:
    """Position of each field's column: own names first, then the field's name, then its aliases."""
    present = [str(header).strip() for header in table.columns]
    fail_if_columns_missing(columns, present, name)
    known = {alias: field.name for field in FIELDS for alias in (*field.aliases, field.name)}
    found: dict[str, int] = {}
    for position, header in enumerate(present):
        field = columns.get(header) or known.get(header.casefold().replace(" ", "_"))
        if field is None:
            continue
        if field in found:
            msg = f"{name}: columns '{present[found[field]]}' and '{header}' both hold '{field}'; keep one."
            raise DataError(msg)
        found[field] = position
    missing = [
        f"'{f.name}' (or {name_few(f.aliases)})" if f.aliases else f"'{f.name}'"
        for f in FIELDS
        if f.required and f.name not in found
    ]
    if missing:
        msg = f"{name} lacks the column {', '.join(missing)}. Columns present: {name_few(present, 30)}."
        raise DataError(msg)
    return found


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
