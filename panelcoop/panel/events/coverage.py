"""Where records exist: a period before a source begins is missing, a period without an event is zero."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing
from panelcoop.errors import DataError
from panelcoop.options import BoolArray, FloatArray
from panelcoop.panel.regions import RegionSystem
from panelcoop.panel.weeks import Calendar

__all__ = ["coverage_grid", "documents_grid"]


def coverage_grid(
    table: pd.DataFrame | None,
    regions: Sequence[str],
    periods: pd.DatetimeIndex,
    *,
    calendar: Calendar,
    system: RegionSystem | None = None,
) -> BoolArray:
    """Tell which region-periods have records.

    Parameters
    ----------
    table
        `first` and, where the source ended, `last` day with records; `region` for sources that speak of one region.
        Several rows are joined (any source counts). None: everything is covered.
    regions, periods
        Rows and columns of the result.
    calendar
        Weeks or days; a period is covered when any of its days is.
    system
        Region system that names are matched against.

    Returns
    -------
    numpy.ndarray
        Shape (regions, periods).

    Raises
    ------
    DataError
        When a column is missing, a date is no date, or a region is unknown.

    Examples
    --------
    >>> from panelcoop.panel.weeks import DAYS
    >>> days = pd.date_range("2020-01-01", periods=3)
    >>> coverage_grid(pd.DataFrame({"region": ["A"], "first": ["2020-01-02"]}), ["A"], days, calendar=DAYS)
    array([[False,  True,  True]])
    """
    grid = np.full((len(regions), len(periods)), fill_value=table is None)
    if table is None:
        return grid
    fail_if_columns_missing(["first"], table.columns, "the coverage table")
    begin = calendar.starts(_days(table["first"], "first"))
    final = _days(table["last"], "last") if "last" in table else pd.Series(pd.NaT, index=table.index)
    end = calendar.starts(final.where(final.notna(), periods[-1]))
    names = table["region"] if "region" in table else pd.Series("", index=table.index)
    rows = _rows_of(names, regions, system)
    for where, first, last in zip(rows, begin, end, strict=True):
        grid[where] |= np.asarray((periods >= first) & (periods <= last))
    return grid


def documents_grid(
    table: pd.DataFrame,
    regions: Sequence[str],
    periods: pd.DatetimeIndex,
    *,
    calendar: Calendar,
    system: RegionSystem | None = None,
) -> FloatArray:
    """Add up the total documents of each region and period: the offset of counts.

    Parameters
    ----------
    table
        `region`, `date` (any day of the period) and `documents`.

    Returns
    -------
    numpy.ndarray
        Shape (regions, periods); NaN where the table has no row: no records, not zero documents.

    Raises
    ------
    DataError
        When a column is missing, a count is negative or no number, or a region is unknown.
    """
    fail_if_columns_missing(["region", "date", "documents"], table.columns, "the table of documents")
    counts = pd.to_numeric(table["documents"], errors="coerce")
    if (bad := counts.isna() | (counts < 0)).any():
        row = int(np.flatnonzero(bad)[0]) + 1
        msg = f"The table of documents has no count of zero or more in {int(bad.sum())} rows (first: row {row})."
        raise DataError(msg)
    rows = _rows_of(table["region"], regions, system)
    column = periods.get_indexer(calendar.starts(_days(table["date"], "date")))
    grid = np.full((len(regions), len(periods)), np.nan)
    for where, k, count in zip(rows, column, counts, strict=True):
        if k >= 0:
            grid[where, k] = np.nan_to_num(grid[where, k]) + count
    return grid


def _days(cells: pd.Series, name: str) -> pd.Series:
    days = pd.to_datetime(cells, errors="coerce")
    if (bad := days.isna() & cells.notna() & (cells.astype(str) != "")).any():
        msg = f"Column '{name}' holds '{cells[bad].iloc[0]}', which is no date; write year-month-day."
        raise DataError(msg)
    return pd.Series(days)


def _rows_of(names: pd.Series, regions: Sequence[str], system: RegionSystem | None) -> list[int | slice]:
    """Row of each name; an empty name speaks of every region."""
    position = {region: k for k, region in enumerate(regions)}
    found: list[int | slice] = []
    for name in names:
        if pd.isna(name) or str(name) == "":
            found.append(slice(None))
            continue
        code = str(name) if system is None else system.code_of(name)
        if code not in position:
            msg = f"'{name}' is no region of the panel."
            raise DataError(msg)
        found.append(position[code])
    return found
