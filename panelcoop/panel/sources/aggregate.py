"""From days to weeks: means of a level, increments of a cumulative count."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from panelcoop.panel.record import Ledger
from panelcoop.panel.sources.records import DailyFigures, ledger_entry
from panelcoop.panel.weeks import WEEKS

__all__ = ["MINIMUM_DAYS", "WeeklyCounts", "WeeklyTable", "complete_days", "weekly_counts", "weekly_mean"]

MINIMUM_DAYS = 4
"""A weekly mean needs more than half of the week's seven days."""

LONGEST_GAP = 3
"""Days over which a cumulative count is carried forward inside the series."""

WeeklyTable = DailyFigures
"""The same record with Mondays in rows."""


class WeeklyCounts(NamedTuple):
    """A count by week: Mondays in rows, regions in columns.

    Attributes
    ----------
    new
        Increase over the week, never negative.
    cumulative
        The count on the week's Sunday, as reported.
    ledger
        What was corrected, carried forward or dropped.
    """

    new: pd.DataFrame
    cumulative: pd.DataFrame
    ledger: Ledger


def complete_days(table: pd.DataFrame, source: str, variable: str) -> DailyFigures:
    """Insert the days a table skips as missing, each with a ledger line.

    Parameters
    ----------
    table
        Days in rows (unique), regions in columns.
    """
    ordered = table.sort_index()
    every = pd.date_range(ordered.index.min(), ordered.index.max(), freq="D")
    skipped = every.difference(pd.DatetimeIndex(ordered.index))
    lines = [
        ledger_entry(
            source,
            "missing",
            f"day absent from the source ({day:%Y-%m-%d})",
            variable=variable,
            week=day,
            count=table.shape[1],
        )
        for day in skipped
    ]
    return DailyFigures(ordered.reindex(every), Ledger.of(lines))


def weekly_mean(daily: pd.DataFrame, *, source: str, variable: str, minimum_days: int = MINIMUM_DAYS) -> WeeklyTable:
    """Average the days of each ISO week.

    Parameters
    ----------
    daily
        Days in rows, regions in columns, NaN where nothing was observed.
    minimum_days
        A week with fewer observed days is missing.

    Returns
    -------
    WeeklyTable
        Mondays in rows, regions in columns, from the first to the last week in which any region has enough days.

    Notes
    -----
    A day before the source begins is missing, never zero: the mean is over observed days, and each week with
    fewer than seven has its ledger line. Means are rounded to six decimals so that the figures written are the
    same on every machine.

    Examples
    --------
    >>> days = pd.date_range("2020-01-01", "2020-01-12")
    >>> weekly_mean(pd.DataFrame({"A": np.arange(12.0)}, index=days), source="s", variable="v").frame["A"].tolist()
    [2.0, 8.0]
    """
    groups = daily.groupby(WEEKS.starts(pd.DatetimeIndex(daily.index)))
    days, means = groups.count(), groups.mean()
    kept = means.where(days >= minimum_days).round(6)
    weeks = _enclosing(kept, days.index)
    ledger = _partial_weeks(days, minimum_days, source, variable)
    return WeeklyTable(kept.reindex(weeks), ledger)


def weekly_counts(cumulative: pd.DataFrame, *, source: str, variable: str) -> WeeklyCounts:
    """Take the week's increase of a cumulative count, and the count on its Sunday.

    Parameters
    ----------
    cumulative
        Days in rows (complete), regions in columns.

    Returns
    -------
    WeeklyCounts
        new[w] = cumulative[Sunday of w] - cumulative[Sunday of w - 1]. The first week is missing, because
        what was counted before the source began is unknown; a last week without its Sunday is dropped.

    Notes
    -----
    Corrections inside a week cancel (each negative day has a ledger line); a week that stays negative is set to zero
    and keeps its amount in the ledger. Gaps of up to three days inside a series are carried forward.
    """
    filled = _carry_gaps(cumulative, source, variable)
    sundays = filled.frame[pd.DatetimeIndex(filled.frame.index).day_of_week == 6]
    sundays = sundays.set_axis(WEEKS.starts(pd.DatetimeIndex(sundays.index)), axis=0)
    net = sundays.diff()
    ledger = (
        filled.ledger + _negative_days(filled.frame, net, source, variable) + _negative_weeks(net, source, variable)
    )
    ledger = ledger + _ends(cumulative, net, source, variable)
    return WeeklyCounts(net.where(~(net < 0), 0.0), sundays, ledger)


def _enclosing(kept: pd.DataFrame, weeks: pd.Index) -> pd.DatetimeIndex:
    some = weeks[kept.notna().any(axis=1).to_numpy()]
    return WEEKS.range(some.min(), some.max()) if len(some) else pd.DatetimeIndex(weeks)


def _partial_weeks(days: pd.DataFrame, minimum_days: int, source: str, variable: str) -> Ledger:
    lines: list[dict[str, object]] = []
    for week, row in days[(days < WEEKS.days).any(axis=1)].iterrows():
        for observed, some in row[row < WEEKS.days].groupby(row):
            enough = int(observed) >= minimum_days
            action, fate = ("noted", "mean of these") if enough else ("missing", "too few for a mean")
            reason = f"{observed} of {WEEKS.days} days observed: {fate}"
            if len(some) == len(row):
                lines.append(
                    ledger_entry(
                        source, action, reason, variable=variable, week=pd.Timestamp(str(week)), count=len(some)
                    )
                )
                continue
            lines += [
                ledger_entry(source, action, reason, variable=variable, region=str(code), week=pd.Timestamp(str(week)))
                for code in some.index
            ]
    return Ledger.of(lines)


def _carry_gaps(cumulative: pd.DataFrame, source: str, variable: str) -> DailyFigures:
    inside = cumulative.isna() & cumulative.ffill().notna() & cumulative.bfill().notna()
    filled = cumulative.where(~inside, cumulative.ffill(limit=LONGEST_GAP))
    lines = [
        ledger_entry(
            source,
            "imputed",
            f"gap of up to {LONGEST_GAP} days carried forward",
            variable=variable,
            region=str(code),
            count=int(days),
        )
        for code, days in (inside & filled.notna()).sum().items()
        if days
    ]
    return DailyFigures(filled, Ledger.of(lines))


def _negative_days(cumulative: pd.DataFrame, net: pd.DataFrame, source: str, variable: str) -> Ledger:
    change = cumulative.diff()
    lines = []
    for row, column in np.argwhere(change.to_numpy() < 0):
        day, code = pd.Timestamp(change.index[row]), str(change.columns[column])
        week = WEEKS.start(day)
        after = max(float(net[code][week]), 0.0) if week in net.index else ""
        reason = "negative daily change netted within its week"
        before = f"{change.iloc[row, column]:g} on {day:%Y-%m-%d}"
        lines.append(
            ledger_entry(
                source, "corrected", reason, variable=variable, region=code, week=week, before=before, after=after
            )
        )
    return Ledger.of(lines)


def _negative_weeks(net: pd.DataFrame, source: str, variable: str) -> Ledger:
    lines = []
    for row, column in np.argwhere(net.to_numpy() < 0):
        lines.append(
            ledger_entry(
                source,
                "corrected",
                "negative weekly change set to zero",
                variable=variable,
                region=str(net.columns[column]),
                week=pd.Timestamp(net.index[row]),
                before=net.to_numpy()[row, column],
                after=0.0,
            )
        )
    return Ledger.of(lines)


def _ends(cumulative: pd.DataFrame, net: pd.DataFrame, source: str, variable: str) -> Ledger:
    lines = []
    if len(net):
        reason = "first week: what was counted before the source begins is unknown"
        unknown = int(net.iloc[0].isna().sum())
        lines.append(
            ledger_entry(source, "missing", reason, variable=variable, week=pd.Timestamp(net.index[0]), count=unknown)
        )
    last = pd.Timestamp(cumulative.index[-1])
    if last.day_of_week != 6:
        reason = f"last week ends before its Sunday ({last:%Y-%m-%d}): not used"
        lines.append(ledger_entry(source, "dropped", reason, variable=variable, week=last, count=cumulative.shape[1]))
    return Ledger.of(lines)
