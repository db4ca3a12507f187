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
from panelcoop.options import FloatArray
from panelcoop.panel.weeks import parse_week

__all__ = ["ordered_periods", "period_counter", "period_positions"]

DATE_PATTERN = re.compile(r"\d{4}-(W\d{2}|\d{2}(-\d{2})?)")
FIRST_YEAR, LAST_YEAR, MONTHS_OF_A_YEAR, WEEKS_OF_A_YEAR = 1900, 2100, 12, 53
MONTH_DAYS = 28  # no two months' first (or last) days are closer


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
    months (or quarters, or years) are counted instead.
    """
    dates = pd.DatetimeIndex(periods)
    first = dates[0]
    gaps = np.diff(dates.to_numpy().astype("datetime64[s]").astype(np.int64))
    day = 86_400
    step = int(np.gcd.reduce(gaps)) if gaps.size else 7 * day
    if gaps.size and gaps.min() >= MONTH_DAYS * day and step < MONTH_DAYS * day:
        months = np.diff(_month(dates)).astype(np.int64)
        every = int(np.gcd.reduce(months)) if (months > 0).all() else 0
        if every:
            return lambda when: np.floor((_month(when) - _month(dates)[0]) / every)
    width = pd.Timedelta(seconds=step)
    return lambda when: np.floor(np.asarray((when - first) / width, dtype=float))


def period_positions(periods: pd.Index) -> FloatArray:
    """Place each label of a panel on a scale of periods, so that a missing period leaves a gap.

    Parameters
    ----------
    periods
        Labels in order: numbers, timestamps or an ordered Categorical (taken as consecutive).

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
    if pd.api.types.is_integer_dtype(periods.dtype):
        numbers = periods.to_numpy(dtype=np.int64)
        return np.asarray((numbers - numbers[0]) / max(int(np.gcd.reduce(np.diff(numbers))), 1), dtype=float)
    if pd.api.types.is_numeric_dtype(periods.dtype):
        values = periods.to_numpy(dtype=float)
        return np.asarray(values - values[0])
    return np.arange(float(len(periods)))


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
