"""Where records exist: a period before a source begins is missing, a period without an event is zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing, name_few
from panelcoop.errors import DataError
from panelcoop.options import BoolArray, FloatArray
from panelcoop.panel.record import Ledger
from panelcoop.panel.regions import RegionSystem
from panelcoop.panel.tables import match_regions, outside_rows, read_days, read_numbers
from panelcoop.panel.weeks import Calendar

__all__ = ["Records", "coverage_grid", "documents_grid", "records_of"]

COVERAGE, DOCUMENTS = "The coverage table", "The table of documents"


Span: TypeAlias = "tuple[pd.Timestamp, pd.Timestamp]"


@dataclass(frozen=True)
class Records:
    """Which region-periods have records, and how many documents they were read from.

    Attributes
    ----------
    covered
        Shape (regions, periods).
    documents
        Total documents, shape (regions, periods), NaN without records; None where no table tells.
    ledger
        Rows of the table of documents that lie outside the periods; periods without records for want of a table.
    """

    covered: BoolArray
    documents: FloatArray | None
    ledger: Ledger

    def of_pairs(self, *, centre: bool) -> BoolArray:
        """Tell which pairs have records in a period: those whose both ends have; the centre, if any, stands last.

        Returns
        -------
        numpy.ndarray
            Shape (nodes, nodes, periods).
        """
        ends = np.vstack([self.covered, np.ones((1, self.covered.shape[1]), dtype=bool)]) if centre else self.covered
        return np.asarray(ends[:, None, :] & ends[None, :, :])


def records_of(
    regions: Sequence[str],
    periods: pd.DatetimeIndex,
    *,
    calendar: Calendar,
    system: RegionSystem | None,
    coverage: pd.DataFrame | None = None,
    documents: pd.DataFrame | None = None,
    events: Span | None = None,
    window: Span | None = None,
) -> Records:
    """Find out where records exist.

    Parameters
    ----------
    regions, periods
        Rows and columns.
    calendar, system
        As in ``coverage_grid``.
    coverage, documents
        Tables of the user; a region-period without documents has no records.
    events
        First and last period with an event: where records exist when neither coverage nor documents are given.
    window
        First and last day the log was read for; outside it nothing is known.
    """
    covered = coverage_grid(coverage, regions, periods, calendar=calendar, system=system)
    if window is not None:
        covered &= _between(periods, (calendar.start(window[0]), calendar.start(window[1])))
    if documents is not None:
        counts, ledger = documents_grid(documents, regions, periods, calendar=calendar, system=system)
        return Records(covered & np.isfinite(counts), counts, ledger)
    if coverage is not None or events is None:
        return Records(covered, None, Ledger.empty())
    spanned = covered & _between(periods, events)
    return Records(spanned, None, _assumed(int((covered & ~spanned).sum())))


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
        `first` and, where the source ended, `last` day (or ISO week) with records; `region` for sources that speak of
        one region.
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
        When a column is missing, a day cannot be read, a first day is empty, or a region is unknown.

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
    fail_if_columns_missing(["first"], table.columns, COVERAGE)
    begin = calendar.starts(read_days(table["first"], COVERAGE))
    empty = pd.Series(pd.NaT, index=table.index)
    final = read_days(table["last"], COVERAGE, required=False, ends=True) if "last" in table else empty
    end = calendar.starts(final.where(final.notna(), periods[-1]))
    names = table["region"] if "region" in table else pd.Series("", index=table.index)
    rows = _rows_of(names, regions, system, COVERAGE)
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
) -> tuple[FloatArray, Ledger]:
    """Add up the total documents of each region and period: the offset of counts.

    Parameters
    ----------
    table
        `region`, `date` (any day of the period, or its ISO week) and `documents`.
    regions, periods, calendar, system
        As in ``coverage_grid``.

    Returns
    -------
    counts, ledger
        Shape (regions, periods), NaN where the table has no row: no records, not zero documents. Rows outside the
        periods are in the ledger.

    Raises
    ------
    DataError
        When a column is missing, a day cannot be read, a count is negative or no number, or a region is unknown.

    Examples
    --------
    >>> from panelcoop.panel.weeks import DAYS
    >>> days = pd.date_range("2020-01-01", periods=3)
    >>> table = pd.DataFrame({"region": ["A"], "date": ["2020-01-02"], "documents": [7]})
    >>> documents_grid(table, ["A"], days, calendar=DAYS)[0]
    array([[nan,  7., nan]])
    """
    fail_if_columns_missing(["region", "date", "documents"], table.columns, DOCUMENTS)
    counts = read_numbers(table["documents"], DOCUMENTS)
    if (bad := counts.isna() | (counts < 0)).any():
        rows = name_few(np.flatnonzero(bad) + 1)
        msg = f"{DOCUMENTS} has no count of zero or more in row {rows}; leave out a row whose count is not known."
        raise DataError(msg)
    places = _rows_of(table["region"], regions, system, DOCUMENTS)
    column = periods.get_indexer(calendar.starts(read_days(table["date"], DOCUMENTS)))
    grid = np.full((len(regions), len(periods)), np.nan)
    for where, k, count in zip(places, column, counts, strict=True):
        if k >= 0:
            grid[where, k] = np.nan_to_num(grid[where, k]) + count
    return grid, outside_rows("documents", int((column < 0).sum()))


def _between(periods: pd.DatetimeIndex, span: Span) -> BoolArray:
    return np.asarray((periods >= span[0]) & (periods <= span[1]))


def _assumed(count: int) -> Ledger:
    """Account for region-periods of the window that lie before the first event or after the last."""
    why = "before the first or after the last event: no records, for want of a table of coverage or documents"
    entry = {"source": "events", "action": "missing", "reason": why, "count": count}
    return Ledger.of([entry] if count else [])


def _rows_of(names: pd.Series, regions: Sequence[str], system: RegionSystem | None, table: str) -> list[int | slice]:
    """Row of each name; an empty name speaks of every region."""
    codes = match_regions(names, regions, system, table=table, strict=True).codes
    position: dict[str, int | slice] = {region: k for k, region in enumerate(regions)}
    return [position[code] if code else slice(None) for code in codes]
