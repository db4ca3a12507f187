"""Labels of time on a scale: which label comes first, and how many periods lie between two of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionDtype

from panelcoop.checks import name_few
from panelcoop.errors import DataError
from panelcoop.options import FloatArray, IntArray
from panelcoop.panel.weeks import parse_week

__all__ = ["ordered_periods", "period_counter", "period_positions"]

DATE_PATTERN = re.compile(r"\d{4}-(W\d{2}|\d{2}(-\d{2})?)")
FIRST_YEAR, LAST_YEAR, MONTHS_OF_A_YEAR, WEEKS_OF_A_YEAR = 1900, 2100, 12, 53
DAY = 86_400  # seconds
MONTH_DAYS = 28  # no two months' first (or last) days are closer
ROUNDING = 1e-6
"""Share of a step by which decimal labels may miss their place."""


def ordered_periods(labels: pd.Series, name: str) -> pd.Series:
    """Give time labels a type whose order is the order of time.

    Parameters
    ----------
    labels
        Numbers, dates, periods, an ordered Categorical, or text that is an ISO week, an ISO date or a whole number.
    name
        The column, for the error.

    Returns
    -------
    pandas.Series
        Numbers as they are; dates, periods and ISO text as timestamps of their first day; an ordered Categorical of
        text as it is, taken as consecutive.

    Raises
    ------
    DataError
        If the labels are text without an order, such as "w2" and "w10": sorting them as text would misplace weeks. If
        they are whole numbers that read as a year and a week or month in it (202052, 202053, 202101) over several
        years: as numbers they would leave a hole at every turn of the year.

    Examples
    --------
    >>> ordered_periods(pd.Series(["2020-W05", "2020-W04"]), "week").dt.date.astype(str).tolist()
    ['2020-01-27', '2020-01-20']
    """
    if isinstance(labels.dtype, pd.CategoricalDtype):
        kinds = labels.cat.categories.dtype
        if labels.cat.ordered and not _is_scale(kinds):
            return labels.cat.remove_unused_categories()
        labels = labels.astype(kinds)
    if isinstance(labels.dtype, pd.PeriodDtype):
        return pd.Series(pd.PeriodIndex(labels).to_timestamp(), index=labels.index, name=labels.name)
    if labels.dtype == object and labels.map(lambda v: isinstance(v, pd.Period)).all():
        return pd.Series(pd.PeriodIndex(labels).to_timestamp(), index=labels.index, name=labels.name)
    read = labels if _is_scale(labels.dtype) else _read_text(labels, name)
    _fail_if_year_glued(read, name)
    return read


def period_counter(periods: pd.Index) -> Callable[[pd.DatetimeIndex], FloatArray]:
    """Return a function that counts dates in the periods of a dated panel; a date inside a period takes its number.

    Notes
    -----
    The step is the greatest common divisor of the distances; where these are months of unequal length, calendar
    months (or quarters, or years) are counted instead. Dates with a time zone are read by its clock, on which a week
    keeps its length when summer time begins; by universal time where only there they are evenly spaced.
    """
    clock = _clock(pd.DatetimeIndex(periods))
    dates = clock(pd.DatetimeIndex(periods))
    first, gaps, step = dates[0], np.diff(_seconds(dates)), _step(dates)
    if gaps.size and gaps.min() >= MONTH_DAYS * DAY and step < MONTH_DAYS * DAY:
        months = np.diff(_month(dates)).astype(np.int64)
        every = int(np.gcd.reduce(months)) if (months > 0).all() else 0
        if every:
            return lambda when: np.floor((_month(clock(when)) - _month(dates)[0]) / every)
    width = pd.Timedelta(seconds=step)
    return lambda when: np.floor(np.asarray((clock(when) - first) / width, dtype=float))


def period_positions(periods: pd.Index) -> FloatArray:
    """Place each label of a panel on a scale of periods, so that a missing period leaves a gap.

    Parameters
    ----------
    periods
        Labels in order: numbers, timestamps or an ordered Categorical (taken as consecutive).

    Raises
    ------
    DataError
        If numbers with decimals lie between the steps that the two closest of them make.

    Examples
    --------
    >>> period_positions(pd.DatetimeIndex(["2020-01-31", "2020-02-29", "2020-04-30"])).tolist()
    [0.0, 1.0, 3.0]
    >>> period_positions(pd.Index([7, 14, 28])).tolist()
    [0.0, 1.0, 3.0]
    """
    if isinstance(periods, pd.PeriodIndex):
        periods = periods.to_timestamp()
    if isinstance(periods, pd.DatetimeIndex):
        return period_counter(periods)(periods)
    if pd.api.types.is_numeric_dtype(periods.dtype):
        values = periods.to_numpy(dtype=float)
        whole = bool((values == np.rint(values)).all())
        return _whole(periods.to_numpy().astype(np.int64)) if whole else _decimal(values)
    return np.arange(float(len(periods)))


def _whole(numbers: IntArray) -> FloatArray:
    return np.asarray((numbers - numbers[0]) / max(int(np.gcd.reduce(np.diff(numbers))), 1), dtype=float)


def _decimal(values: FloatArray) -> FloatArray:
    """Count numbers such as 0, .5, 1, 2 in steps of the two closest."""
    gaps = np.diff(values)
    steps = gaps / gaps.min() if gaps.size else gaps
    between = np.abs(steps - np.rint(steps)) > ROUNDING * np.maximum(steps, 1.0)
    if between.any():
        named = name_few(f"{values[at + 1]:g} after {values[at]:g}" for at in np.flatnonzero(between))
        msg = (
            f"{int(between.sum())} weeks lie between periods of {gaps.min():g}, the smallest distance ({named}). "
            "Number the periods 0, 1, 2 with gaps where one is missing, or give dates (pandas.to_datetime)."
        )
        raise DataError(msg)
    return np.concatenate([[0.0], np.cumsum(np.rint(steps))])


def _clock(dates: pd.DatetimeIndex) -> Callable[[pd.DatetimeIndex], pd.DatetimeIndex]:
    """Return how to drop a time zone: local time, or universal time where that has the longer step."""
    if dates.tz is None:
        return lambda when: when

    def local(when: pd.DatetimeIndex) -> pd.DatetimeIndex:
        return when.tz_convert(dates.tz).tz_localize(None)

    def universal(when: pd.DatetimeIndex) -> pd.DatetimeIndex:
        return when.tz_convert(None)

    return max(local, universal, key=lambda read: _step(read(dates)))


def _seconds(dates: pd.DatetimeIndex) -> IntArray:
    return np.asarray(dates.to_numpy().astype("datetime64[s]").astype(np.int64))


def _step(dates: pd.DatetimeIndex) -> int:
    """Greatest common divisor of the distances in seconds; a week for one date."""
    gaps = np.diff(_seconds(dates))
    return int(np.gcd.reduce(gaps)) if gaps.size else 7 * DAY


def _is_scale(dtype: np.dtype[Any] | ExtensionDtype) -> bool:
    return bool(pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_datetime64_any_dtype(dtype))


def _read_text(labels: pd.Series, name: str) -> pd.Series:
    distinct = labels.drop_duplicates()
    text = distinct.astype(str)
    if text.str.fullmatch(DATE_PATTERN).all():
        dates = [parse_week(t) if "W" in t else pd.Timestamp(t) for t in text]
        return labels.map(dict(zip(distinct, dates, strict=True)))
    if text.str.fullmatch(r"[+-]?\d+").all():
        return labels.astype(str).astype(np.int64)
    try:
        return pd.to_datetime(labels) if not isinstance(distinct.iloc[0], str) else _refuse(distinct, name)
    except (ValueError, TypeError):
        return _refuse(distinct, name)


def _fail_if_year_glued(labels: pd.Series, name: str) -> None:
    """Refuse whole numbers such as 202053 and 202101, which lie one week but 48 numbers apart."""
    if labels.empty or not pd.api.types.is_integer_dtype(labels.dtype):
        return
    year, part = np.divmod(labels.to_numpy(dtype=np.int64), 100)
    if year.min() < FIRST_YEAR or year.max() > LAST_YEAR or year.min() == year.max():
        return
    if part.min() >= 1 and part.max() <= WEEKS_OF_A_YEAR:
        weekly = part.max() > MONTHS_OF_A_YEAR
        kind, remedy = ("week", "text such as '2020-W53'") if weekly else ("month", "pandas periods or '2020-12'")
        msg = (
            f"'{name}' glues year and {kind} into one number ({labels.min()} to {labels.max()}), which leaves a hole "
            f"at every turn of the year. Give {remedy}, or periods numbered throughout."
        )
        raise DataError(msg)


def _refuse(labels: pd.Series, name: str) -> pd.Series:
    msg = (
        f"Labels of '{name}' have no order of time ({name_few(map(repr, labels), 3)}): as text, 'w10' would come "
        "before 'w2'. Give whole numbers, dates (pandas.to_datetime), ISO weeks such as '2020-W05', or an ordered "
        "Categorical."
    )
    raise DataError(msg)


def _month(dates: pd.DatetimeIndex) -> FloatArray:
    return np.asarray(dates.year * 12 + dates.month, dtype=float)
