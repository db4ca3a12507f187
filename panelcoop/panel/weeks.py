"""The calendar of a panel: ISO weeks by default, days by the same code path."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, TypeAlias

import pandas as pd

from panelcoop.checks import fail_if_not_one_of
from panelcoop.errors import DataError

__all__ = ["DAYS", "WEEKS", "Calendar", "Unit", "When", "calendar_of", "parse_week", "week_label", "week_range"]

Unit: TypeAlias = Literal["week", "day"]
"""The step of a calendar."""

When: TypeAlias = str | date | datetime | pd.Timestamp
"""A day or a moment: anything pandas reads as a date, or a period's label."""

WEEK_PATTERN = re.compile(r"(\d{4})-W(\d{2})")
STEP_DAYS: dict[str, int] = {"week": 7, "day": 1}


@dataclass(frozen=True)
class Calendar:
    """Periods of one length, each known by its first day.

    Parameters
    ----------
    unit
        "week" (ISO 8601: Monday to Sunday, week 1 holds the year's first Thursday) or "day".

    Notes
    -----
    A period is a midnight `Timestamp` without time zone in memory (the Monday of a week) and a label on paper:
    "2020-W05" or "2020-01-27". Labels sort like dates. The ISO year of a week is the year of its Thursday, so
    2020-W01 begins on 2019-12-30 and 2020 has 53 weeks.

    Examples
    --------
    >>> WEEKS.label("2020-01-01"), WEEKS.start("2020-W05").date().isoformat()
    ('2020-W01', '2020-01-27')
    >>> DAYS.label("2020-01-01")
    '2020-01-01'
    """

    unit: Unit = "week"

    def __post_init__(self) -> None:
        """Refuse a unit that is not in the vocabulary."""
        fail_if_not_one_of(self.unit, list(STEP_DAYS), "the calendar's unit")

    @property
    def days(self) -> int:
        """Days in one period."""
        return STEP_DAYS[self.unit]

    @property
    def step(self) -> pd.Timedelta:
        """Length of one period."""
        return pd.Timedelta(days=self.days)

    def start(self, when: When) -> pd.Timestamp:
        """Return the first day of the period that holds a day, or that a label names.

        Raises
        ------
        DataError
            When `when` is neither a date nor a label, or names a week the year does not have.
        """
        if isinstance(when, str) and (match := WEEK_PATTERN.fullmatch(when.strip())):
            return self._floor(_monday(int(match[1]), int(match[2]), when))
        return self._floor(_day(when))

    def starts(self, days: pd.Series | pd.DatetimeIndex) -> pd.DatetimeIndex:
        """Return the first day of each day's period; missing days stay missing."""
        index = pd.DatetimeIndex(days).normalize()
        return index if self.unit == "day" else index - pd.to_timedelta(index.day_of_week, unit="D")

    def label(self, when: When) -> str:
        """Return the label of the period that holds a day."""
        first = self.start(when)
        if self.unit == "day":
            return first.strftime("%Y-%m-%d")
        year, week, _ = first.isocalendar()
        return f"{year}-W{week:02d}"

    def labels(self, days: pd.Series | pd.DatetimeIndex) -> list[str]:
        """Return the label of each day's period."""
        return [self.label(day) for day in pd.DatetimeIndex(days)]

    def range(self, first: When, last: When) -> pd.DatetimeIndex:
        """Return every period from the one holding `first` to the one holding `last`, both included.

        Raises
        ------
        DataError
            When `last` lies before `first`.
        """
        begin, end = self.start(first), self.start(last)
        if end < begin:
            msg = f"the range ends ({self.label(end)}) before it begins ({self.label(begin)}); swap the two."
            raise DataError(msg)
        return pd.DatetimeIndex(
            [begin + k * self.step for k in range((end - begin).days // self.days + 1)], name=self.unit
        )

    def days_of(self, when: When) -> pd.DatetimeIndex:
        """Return the days of one period."""
        return pd.date_range(self.start(when), periods=self.days, freq="D")

    def _floor(self, day: pd.Timestamp) -> pd.Timestamp:
        return day if self.unit == "day" else day - pd.Timedelta(days=day.weekday())


WEEKS = Calendar("week")
DAYS = Calendar("day")


def calendar_of(unit: Unit | Calendar) -> Calendar:
    """Return the calendar of a unit; a calendar is returned as it is.

    Examples
    --------
    >>> calendar_of("day").days
    1
    """
    return unit if isinstance(unit, Calendar) else Calendar(unit)


def week_label(when: When) -> str:
    """Return the ISO week label of a day.

    Examples
    --------
    >>> week_label("2021-01-03")
    '2020-W53'
    """
    return WEEKS.label(when)


def parse_week(label: When) -> pd.Timestamp:
    """Return the Monday of a week named by its label or by any of its days.

    Raises
    ------
    DataError
        When the label is malformed or the year has no such week.

    Examples
    --------
    >>> parse_week("2020-W01").date().isoformat()
    '2019-12-30'
    """
    return WEEKS.start(label)


def week_range(first: When, last: When) -> pd.DatetimeIndex:
    """Return the Mondays of all weeks from `first` to `last`, both included.

    Raises
    ------
    DataError
        When `last` lies before `first`.

    Examples
    --------
    >>> len(week_range("2020-W01", "2022-W52"))
    157
    """
    return WEEKS.range(first, last)


def _day(when: When) -> pd.Timestamp:
    try:
        day = pd.Timestamp(when)
    except (ValueError, TypeError) as fault:
        msg = f"'{when}' is neither a date (2020-01-27) nor an ISO week (2020-W05)."
        raise DataError(msg) from fault
    if str(day) == "NaT":
        msg = f"'{when}' is a missing date; drop or repair it first."
        raise DataError(msg)
    return day.tz_localize(None).normalize()


def _monday(year: int, week: int, label: str) -> pd.Timestamp:
    try:
        return pd.Timestamp(date.fromisocalendar(year, week, 1))
    except ValueError as fault:
        msg = f"'{label}': the ISO year {year} has no week {week}."
        raise DataError(msg) from fault
