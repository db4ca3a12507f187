"""Tables beside the event log, read as text: days, numbers and names of regions are checked alike everywhere."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TextIO

import numpy as np
import pandas as pd

from panelcoop.checks import name_few, nearest
from panelcoop.errors import DataError
from panelcoop.panel.events.problems import parse_date
from panelcoop.panel.record import Ledger
from panelcoop.panel.regions import RegionSystem
from panelcoop.panel.weeks import WEEKS, When

__all__ = [
    "RegionColumn",
    "csv_cells",
    "day_of",
    "match_regions",
    "outside_rows",
    "read_days",
    "read_numbers",
    "read_table",
    "refuse_repeated",
]

WEEK_LABEL = r"\d{4}-W\d{2}"
EMPTY_WORDS = ("", "na", "nan", "none", "null")


def read_table(path: Path) -> pd.DataFrame:
    """Read a CSV table with every cell as text; an empty cell is an empty text, "NA" a name like any other.

    Raises
    ------
    DataError
        When the file is absent, is not UTF-8, is no CSV table, or a row has more cells than the header.
    """
    try:
        return csv_cells(path)
    except FileNotFoundError as fault:
        msg = f"There is no file {path}."
        raise DataError(msg) from fault
    except (ValueError, pd.errors.ParserError, OSError) as fault:
        msg = f"{path} cannot be read as a CSV table in UTF-8: {fault}."
        raise DataError(msg) from fault


def csv_cells(source: Path | TextIO) -> pd.DataFrame:
    """Read the cells of a CSV table as text.

    Raises
    ------
    pandas.errors.ParserError
        When a row has more cells than the header.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            return pd.read_csv(source, dtype=str, keep_default_na=False, encoding="utf-8-sig", index_col=False)
        except pd.errors.ParserWarning as fault:
            msg = "its rows have more cells than the header; quote cells that hold commas, and end no row with one"
            raise pd.errors.ParserError(msg) from fault


def read_days(cells: pd.Series, table: str, *, required: bool = True, ends: bool = False) -> pd.Series:
    """Read a column of days.

    Parameters
    ----------
    cells
        Days written year first, dates, whole numbers such as 20200210, or ISO weeks such as 2020-W07.
    table
        What the table is called in messages.
    required
        Whether an empty cell is refused; otherwise it is a missing day.
    ends
        Whether a week stands for its Sunday, the last day of a span, and not for its Monday.

    Returns
    -------
    pandas.Series
        Midnights.

    Raises
    ------
    DataError
        Names the table, the column, the cell and the row; days are never guessed from another order.

    Examples
    --------
    >>> read_days(pd.Series(["2020-2-3", "20200203", "2020-W06"]), "the table").dt.strftime("%m-%d").tolist()
    ['02-03', '02-03', '02-03']
    """
    text = cells.map(_day_text).astype(object)
    weeks = text.str.fullmatch(WEEK_LABEL)
    text[weeks] = [_week_text(label, ends=ends) for label in text[weeks]]
    parsed = parse_date(text, required=required)
    bad = np.flatnonzero(parsed.problems.astype(str) != "")
    if bad.size:
        shown = str(cells.iloc[bad[0]])
        what = f"'{shown}' is no day" if text.iloc[bad[0]] else "the day is missing"
        msg = (
            f"{table}, column '{cells.name}': {what} (row {name_few(bad + 1)}); write year-month-day, such as "
            "2020-02-10, or an ISO week, such as 2020-W07."
        )
        raise DataError(msg)
    return parsed.values


def day_of(when: When, what: str, *, ends: bool = False) -> pd.Timestamp:
    """Read one day of a plan or an argument; a week stands for its Monday, or for its Sunday where it ends a span.

    Examples
    --------
    >>> day_of("2019-W52", "the base period", ends=True).date().isoformat()
    '2019-12-29'
    """
    return pd.Timestamp(read_days(pd.Series([when], name="day"), what, ends=ends).iloc[0])


def read_numbers(cells: pd.Series, table: str) -> pd.Series:
    """Read a column as numbers; empty cells are missing, any other text is refused.

    Raises
    ------
    DataError
        Names the table, the column, the cells and their rows.

    Examples
    --------
    >>> read_numbers(pd.Series(["1.5", "", "NA"]), "the table").tolist()
    [1.5, nan, nan]
    """
    empty = cells.isna() | cells.astype(str).str.strip().str.casefold().isin(EMPTY_WORDS)
    numbers = pd.to_numeric(cells.mask(empty), errors="coerce").astype(float)
    bad = np.flatnonzero(~empty & ~np.isfinite(numbers))
    if bad.size:
        msg = (
            f"{table}, column '{cells.name}': {name_few(cells.iloc[bad])} in row {name_few(bad + 1)} is not a finite "
            "number; write a number, or leave the cell empty where it is not known."
        )
        raise DataError(msg)
    return numbers


@dataclass(frozen=True)
class RegionColumn:
    """Names of regions, matched.

    Attributes
    ----------
    codes
        Code of each row; an empty text where the cell is empty, missing where the name is no region of the panel.
    strange
        Names that are no region of the panel, with the number of their rows and the nearest candidates.
    """

    codes: pd.Series
    strange: pd.DataFrame = field(repr=False)

    def ledger(self, source: str) -> Ledger:
        """Account for the rows that are left out."""
        told = self.strange.itertuples(index=False, name=None)
        reasons = [(f"region '{name}' is not in the panel{near}", rows) for name, rows, near in told]
        return Ledger.of({"source": source, "action": "dropped", "reason": why, "count": n} for why, n in reasons)


def match_regions(
    names: pd.Series, regions: Sequence[str], system: RegionSystem | None, *, table: str, strict: bool = False
) -> RegionColumn:
    """Match the names of a table against the regions of a panel.

    Parameters
    ----------
    names
        Codes or any spelling the region system knows.
    regions
        Codes of the panel's regions.
    system
        Region system; without one every name is its own code.
    table
        What the table is called in messages.
    strict
        Whether one name that is no region of the panel is an error; otherwise its rows are left out and counted.

    Raises
    ------
    DataError
        Names the regions that do not fit, their rows and the nearest candidates, when none fits or `strict` is set.

    Examples
    --------
    >>> match_regions(pd.Series(["A", "", "B"]), ["A"], None, table="the table").codes.tolist()
    ['A', '', None]
    """
    text = names.map(lambda name: "" if pd.isna(name) else str(name).strip())
    known = {name: _code_of(name, set(regions), system) for name in text.unique()}
    codes = pd.Series([known[name] for name in text], index=names.index, dtype=object)
    lost = text[codes.isna()]
    counts = lost.value_counts(sort=False).items()
    rows = [(str(name), int(count), _near(str(name), regions, system)) for name, count in counts]
    strange = pd.DataFrame(sorted(rows), columns=["name", "rows", "nearest"])
    if len(strange) and (strict or len(lost) == (text != "").sum()):
        first = strange.iloc[0]
        where = np.flatnonzero(text == first["name"]) + 1
        more = f" and {len(strange) - 1} other names" if len(strange) > 1 else ""
        msg = (
            f"{table}, column '{names.name}': '{first['name']}' (row {name_few(where)}){more} is no region of the panel"
            f"{first['nearest']}; write the code or a known name, or leave the row out."
        )
        raise DataError(msg)
    return RegionColumn(codes, strange)


def refuse_repeated(keys: pd.DataFrame, table: str) -> None:
    """Refuse rows that stand twice.

    Raises
    ------
    DataError
        Names the table, the first key that is repeated and its rows.
    """
    twice = keys.duplicated(keep=False).to_numpy()
    if twice.any():
        first = keys.iloc[int(np.flatnonzero(twice)[0])]
        rows = np.flatnonzero((keys == first).all(axis=1)) + 1
        told = ", ".join(f"{v:%Y-%m-%d}" if isinstance(v, pd.Timestamp) else str(v) for v in first)
        msg = f"{table} holds {told} in rows {name_few(rows)}; keep one row per {' and '.join(keys.columns)}."
        raise DataError(msg)


def outside_rows(source: str, count: int) -> Ledger:
    """Account for rows of a table that lie outside the window of the panel."""
    entry = {"source": source, "action": "excluded", "reason": "rows outside the window of the panel", "count": count}
    return Ledger.of([entry] if count else [])


def _day_text(cell: object) -> str:
    """Write a cell as text that the reader of days knows."""
    if isinstance(cell, date):  # Timestamps are dates
        return "" if pd.isna(cell) else cell.isoformat()[:10]
    if isinstance(cell, np.datetime64):
        return "" if np.isnat(cell) else str(cell.astype("datetime64[D]"))
    if cell is None or (isinstance(cell, float) and np.isnan(cell)) or cell is pd.NA:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    text = str(cell).strip()
    return "" if text.casefold() in EMPTY_WORDS else text


def _week_text(label: str, *, ends: bool) -> str:
    """Write a week as its first or last day; one the year does not have stays as it is, to be refused."""
    try:
        day = WEEKS.start(label)
    except DataError:
        return label
    return f"{day + pd.Timedelta(days=6 if ends else 0):%Y-%m-%d}"


def _code_of(name: str, regions: set[str], system: RegionSystem | None) -> str | None:
    if not name:
        return ""
    code = name if system is None else system.find(name)
    return code if code in regions else None


def _near(name: str, regions: Sequence[str], system: RegionSystem | None) -> str:
    if system is None:
        return nearest(name, list(regions))
    if system.find(name) is not None:
        return ""
    close = system.nearest(name)
    return f" (nearest: {', '.join(close)})" if close else ""
