"""The clock of a table: stages with their first days, national or by region, as someone dated them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing, fail_if_not_whole, name_few
from panelcoop.errors import DataError
from panelcoop.options import IntArray
from panelcoop.panel.clocks.dates import StageDates
from panelcoop.panel.tables import read_days
from panelcoop.panel.weeks import WEEKS, Calendar

__all__ = ["table_clock"]


def table_clock(
    table: pd.DataFrame,
    periods: pd.DatetimeIndex,
    *,
    stages: Sequence[str] = (),
    calendar: Calendar = WEEKS,
    draws: int = 199,
    shift: int = 1,
    seed: int = 0,
) -> StageDates:
    """Date stages by a table.

    Parameters
    ----------
    table
        `stage`, `first` (day or ISO week), and where they differ `region`; `last` of the last stage where it ends
        inside the window.
    periods
        Periods of the panel.
    stages
        Labels in order; default in order of their first days.
    calendar
        Weeks or days: a stage begins in the period that holds its first day.
    draws, shift
        Date vectors drawn by moving each start independently by up to `shift` periods either way, order kept: official
        dates are announcements.
    seed
        Seed of the draws.

    Returns
    -------
    StageDates

    Raises
    ------
    DataError
        When a column is missing, a day cannot be read, a stage stands twice or out of order in a region, or is unknown.

    Examples
    --------
    >>> weeks = pd.date_range("2020-01-06", periods=4, freq="7D")
    >>> dates = table_clock(pd.DataFrame({"stage": ["calm", "storm"], "first": ["2020-01-06", "2020-01-22"]}), weeks)
    >>> dates.series(["A"]).tolist()
    ['calm', 'calm', 'storm', 'storm']
    """
    fail_if_not_whole(draws, "draws", 0)
    fail_if_columns_missing(["stage", "first"], table.columns, "The table of stages")
    rows = table.assign(
        first=calendar.starts(read_days(table["first"], "The table of stages")),
        last=_last_days(table),
        stage=table["stage"].astype(str),
    )
    rows["region"] = rows["region"].fillna("").astype(str) if "region" in rows else ""
    labels = tuple(stages) or tuple(rows.sort_values("first", kind="stable")["stage"].drop_duplicates())
    unknown = sorted(set(rows["stage"]) - set(labels))
    if unknown:
        msg = f"The table of stages holds {name_few(unknown)}, which is not among {', '.join(labels)}."
        raise DataError(msg)
    regions = tuple(sorted(rows["region"].unique()))
    if "" in regions and len(regions) > 1:
        msg = "The table of stages mixes national rows and rows of regions; give every row its region, or none."
        raise DataError(msg)
    starts = np.array([_starts(rows[rows["region"] == region], labels, periods) for region in regions])
    ends = np.array([_end(rows[rows["region"] == region], periods, calendar) for region in regions])
    drawn = _shaken(starts, len(periods), draws, shift, np.random.default_rng(seed))
    return StageDates("table", labels, periods, regions, starts, ends, drawn, f"table; draws move starts by {shift}")


def _starts(rows: pd.DataFrame, labels: tuple[str, ...], periods: pd.DatetimeIndex) -> IntArray:
    if rows["stage"].duplicated().any():
        msg = f"Stage '{rows.loc[rows['stage'].duplicated(), 'stage'].iloc[0]}' stands twice; each has one first day."
        raise DataError(msg)
    by_stage = rows.set_index("stage")["first"].reindex(list(labels))
    dated = by_stage.dropna()
    if not dated.is_monotonic_increasing:
        msg = f"The first days of {', '.join(map(str, dated.index))} are out of order."
        raise DataError(msg)
    found = np.searchsorted(
        periods.to_numpy(), by_stage.bfill().fillna(periods[-1] + pd.Timedelta(days=3650)).to_numpy()
    )
    return np.asarray(found, dtype=np.int64)


def _last_days(table: pd.DataFrame) -> pd.Series:
    cells = table["last"] if "last" in table else pd.Series("", index=table.index, name="last")
    return read_days(cells, "The table of stages", required=False, ends=True)


def _end(rows: pd.DataFrame, periods: pd.DatetimeIndex, calendar: Calendar) -> int:
    """Position after the last stage's last day; an open end reaches to the end of the window."""
    last = rows.sort_values("first")["last"].iloc[-1]
    if pd.isna(last):
        return len(periods)
    return int(np.searchsorted(periods.to_numpy(), np.datetime64(calendar.start(last)), side="right"))


def _shaken(starts: IntArray, total: int, draws: int, shift: int, rng: np.random.Generator) -> IntArray:
    """Move starts that lie inside the window, keep their order, leave the first stage where it is."""
    moves = rng.integers(-shift, shift + 1, size=(draws, *starts.shape))
    moves[:, :, 0] = 0
    inside = (starts > 0) & (starts < total)
    moved = np.where(inside, np.clip(starts + moves, 0, total), starts)
    return np.asarray(np.maximum.accumulate(moved, axis=2), dtype=np.int64)
