"""Weeks as numbers: how many periods lie between two labels, and the label of a number, inside the panel or beyond."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from panelcoop.checks import name_few
from panelcoop.errors import DataError
from panelcoop.options import FloatArray
from panelcoop.panel.periods import ordered_periods, period_counter

__all__ = ["WeekScale", "readable_dates", "week_scale"]

NUMBERS = ("integer", "floating", "mixed-integer-float", "decimal", "boolean")
"""What pandas.api.types.infer_dtype calls numbers."""


@dataclass(frozen=True)
class WeekScale:
    """The periods of a panel, counted from its first.

    Attributes
    ----------
    weeks
        Labels in order.
    times
        Their numbers, from 0; a period that no region observed leaves a gap, shape (T,).
    """

    weeks: pd.Index
    times: FloatArray

    @property
    def dated(self) -> bool:
        """Whether weeks are dates."""
        return isinstance(self.weeks, pd.DatetimeIndex)

    def numbers(self, dates: pd.Series | pd.Index) -> FloatArray:
        """Give dates their numbers: inside a dated period that period's, beyond the panel counting on.

        Notes
        -----
        A number between two labels (an odd year of a panel of even years) takes the later label: the first period
        observed after the event. A missing date is NaN.

        Raises
        ------
        DataError
            If the dates are of another type than the weeks: a number, such as a year, is no date of a dated panel, and
            dates with a time zone cannot be compared with weeks without one.
        """
        given = pd.Series(dates)
        if isinstance(self.weeks, pd.DatetimeIndex):
            return period_counter(self.weeks)(_timestamps(given, self.weeks))
        if isinstance(self.weeks, pd.CategoricalIndex):
            return self._places(given)
        try:
            plain = isinstance(given.dtype, np.dtype) and given.dtype.kind in "iuf"
            values = np.asarray(given if plain else pd.to_numeric(given), dtype=float)
        except (ValueError, TypeError) as error:
            msg = (
                f"Dates must be numbers like the panel's periods ({name_few(self.weeks, 3)}); got {name_few(given, 3)}."
            )
            raise DataError(msg) from error
        return np.ceil((values - float(self.weeks[0])) / self._step() - 1e-9)

    def label(self, number: float) -> object:
        """Name the period of a number; never treated for infinity."""
        if np.isinf(number):
            return "never"
        at = int(np.searchsorted(self.times, number))
        if at < self.times.size and self.times[at] == number:
            found = self.weeks[at]
            return found.item() if isinstance(found, np.generic) else found
        if isinstance(self.weeks, pd.DatetimeIndex):
            return self._date(number)
        if isinstance(self.weeks, pd.CategoricalIndex):
            return f"{self.weeks[-1]} + {number - self.times[-1]:g}"
        return int(self.weeks[0] + number * self._step())

    def name(self, number: float) -> str:
        """Write the label of a number."""
        label = self.label(number)
        return f"{label:%Y-%m-%d}" if isinstance(label, pd.Timestamp) else str(label)

    def labels(self, numbers: FloatArray) -> pd.Index:
        """Name periods, also those that no region observed."""
        found = [self.label(number) for number in numbers]
        return pd.Index(found, name=self.weeks.name)

    def _step(self) -> float:
        gaps = np.diff(self.weeks.to_numpy(dtype=np.int64))
        return float(np.gcd.reduce(gaps)) if gaps.size else 1.0

    def _places(self, given: pd.Series) -> FloatArray:
        kinds = list(self.weeks.categories)  # type: ignore[attr-defined]
        read = readable_dates(pd.Series(kinds, dtype=object))
        place = {_text(kind): at for labels in (read, kinds) for at, kind in enumerate(labels)}
        unknown = [date for date in given.dropna() if _text(date) not in place]
        if unknown:
            msg = f"Dates must be among the panel's weeks ({name_few(kinds, 3)}); got {name_few(unknown, 3)}."
            raise DataError(msg)
        first = kinds.index(self.weeks[0])
        return np.array([np.nan if pd.isna(date) else place[_text(date)] - first for date in given], dtype=float)

    def _date(self, number: float) -> pd.Timestamp:
        """Count on in weeks of one length, or else in calendar months."""
        weeks = pd.DatetimeIndex(self.weeks)
        if len(weeks) == 1:
            return pd.Timestamp(weeks[0] + number * pd.Timedelta(days=7))
        step = (weeks[1] - weeks[0]) / (self.times[1] - self.times[0])
        if (weeks[0] + pd.TimedeltaIndex(self.times * step) == weeks).all():
            return pd.Timestamp(weeks[0] + number * step)
        months = (weeks[-1].year - weeks[0].year) * 12 + weeks[-1].month - weeks[0].month
        moved = weeks[0] + pd.DateOffset(months=round(months / self.times[-1] * number))
        return pd.Timestamp(moved + pd.offsets.MonthEnd(0) if weeks.is_month_end.all() else moved)


def week_scale(weeks: pd.Index) -> WeekScale:
    """Count the periods of a panel.

    Raises
    ------
    DataError
        If numeric weeks are not whole, so that nothing says how many periods lie between two of them.
    """
    if isinstance(weeks, pd.DatetimeIndex):
        return WeekScale(weeks, period_counter(weeks)(weeks))
    if isinstance(weeks, pd.CategoricalIndex):
        return WeekScale(weeks, np.asarray(weeks.codes - weeks.codes[0], dtype=float))
    values = weeks.to_numpy(dtype=float)
    broken = values[values != np.round(values)]
    if broken.size:
        msg = (
            f"Weeks must be whole numbers, dates or an ordered Categorical, so that horizons count periods; got "
            f"{name_few(broken, 3)}. Number the periods 1, 2, 3, or give dates (pandas.to_datetime)."
        )
        raise DataError(msg)
    whole = pd.Index(values.astype(np.int64), name=weeks.name)
    scale = WeekScale(whole, np.zeros(0))
    return WeekScale(whole, scale.numbers(whole))


def readable_dates(dates: pd.Series) -> pd.Series:
    """Turn periods and text such as "2020-W04" into dates; other dates stay as they are."""
    known = dates.dropna()
    if (
        pd.api.types.is_numeric_dtype(dates.dtype)
        or pd.api.types.is_datetime64_any_dtype(dates.dtype)
        or not len(known)
    ):
        return dates
    try:
        return ordered_periods(known, str(dates.name)).reindex(dates.index)
    except DataError:
        return dates


def _timestamps(given: pd.Series, weeks: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Read the dates of events of a dated panel."""
    read = readable_dates(given)
    if pd.api.types.infer_dtype(read.dropna()) in NUMBERS and read.notna().any():
        msg = (
            f"The panel's weeks are dates, but events have numbers ({name_few(read.dropna(), 3)}), which name no day. "
            "Give dates: pandas.to_datetime(column, format='%Y') reads years, format='%Y%m%d' reads 20200205."
        )
        raise DataError(msg)
    try:
        when = pd.DatetimeIndex(pd.to_datetime(read))
    except (ValueError, TypeError) as error:
        msg = f"Dates must be readable as dates, as the panel's weeks are; got {name_few(given, 3)}."
        raise DataError(msg) from error
    if len(when) and (when.tz is None) != (weeks.tz is None):
        msg = (
            f"Dates of events have the time zone {when.tz}, the panel's weeks {weeks.tz}: make both alike, for example "
            "with column.dt.tz_localize(None)."
        )
        raise DataError(msg)
    return when


def _text(label: object) -> str:
    """Write a label so that 5, 5.0 and "5" are one."""
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)
