"""Serial correlation: Driscoll-Kraay and Newey-West sums of lagged products of scores."""

from __future__ import annotations

import numpy as np

from panelcoop.errors import DataError
from panelcoop.numerics.grouping import Grouping
from panelcoop.options import FloatArray, IntArray, SmallSample

__all__ = ["bartlett_sum", "calendar_span", "default_lag", "driscoll_kraay_meat", "newey_west_meat"]


def default_lag(periods: int, small_sample: SmallSample = "fixest") -> int:
    """Return a program's default lag for T weeks.

    Notes
    -----
    floor(T^(1/4)) in fixest and plm; floor(4 (T/100)^(2/9)) in Stata's xtscc and in linearmodels.

    Examples
    --------
    >>> default_lag(100), default_lag(100, "stata")
    (3, 4)
    """
    if small_sample in ("stata", "linearmodels"):
        return int(np.floor(4 * (periods / 100) ** (2 / 9) + 1e-12))
    return int(np.floor(periods**0.25 + 1e-12))


def bartlett_sum(scores: FloatArray, lag: int) -> FloatArray:
    """Sum products of scores up to a lag with Bartlett weights 1 - l/(lag + 1).

    Parameters
    ----------
    scores : (T, k) scores by week, weeks in order, zero where a week has no rows
    lag : largest lag; 0 gives the sum of outer products

    Notes
    -----
    S = s's + sum_l (1 - l/(L + 1)) (s_l + s_l'), s_l the product of scores l weeks apart (Newey and West, 1987).
    """
    meat = scores.T @ scores
    for step in range(1, min(lag, len(scores) - 1) + 1):
        lagged = scores[step:].T @ scores[:-step]
        meat = meat + (1.0 - step / (lag + 1.0)) * (lagged + lagged.T)
    return np.asarray(meat)


def driscoll_kraay_meat(week_scores: FloatArray, labels: IntArray, lag: int) -> FloatArray:
    """Sum products of week totals: any correlation across regions within a week and up to `lag` weeks apart.

    Parameters
    ----------
    week_scores : (T, k) by week that has rows
    labels : (T,) ascending week numbers; gaps count as weeks without scores
    lag : largest lag
    """
    return bartlett_sum(_spread(week_scores, labels), lag)


def calendar_span(labels: IntArray) -> int:
    """Return the number of weeks from the first to the last, gaps included, of ascending week numbers (T,).

    Raises
    ------
    DataError
        When the gaps are huge.
    """
    span = int(labels[-1] - labels[0]) + 1
    if span > 100 * len(labels) + 1000:
        msg = "Week codes have huge gaps; number the weeks 0, 1, 2, ... first."
        raise DataError(msg)
    return span


def _spread(week_scores: FloatArray, labels: IntArray) -> FloatArray:
    """Put the weeks on an unbroken calendar."""
    span = calendar_span(labels)
    if span == len(labels):
        return week_scores
    calendar = np.zeros((span, week_scores.shape[1]))
    calendar[labels - labels[0]] = week_scores
    return calendar


def newey_west_meat(row_scores: FloatArray, units: Grouping, weeks: Grouping, lag: int) -> FloatArray:
    """Sum products of a region's own scores up to `lag` weeks apart, by the calendar (gaps are respected).

    Parameters
    ----------
    row_scores : (n, k)
    units, weeks : groups of the rows
    lag : largest lag

    Raises
    ------
    DataError
        When a region has two rows in one week.
    """
    calendar = weeks.labels[weeks.codes] - weeks.labels[0]
    span = int(calendar.max()) + lag + 1
    key = units.codes * span + calendar
    order = np.argsort(key, kind="stable")
    key = key[order]
    if bool((key[1:] == key[:-1]).any()):
        msg = "Newey-West needs one row per region and week; aggregate first, or use Driscoll-Kraay."
        raise DataError(msg)
    meat = row_scores.T @ row_scores
    for step in range(1, lag + 1):
        place = np.searchsorted(key, key + step)
        found = place < len(key)
        found[found] = key[place[found]] == key[found] + step
        lagged = row_scores[order[place[found]]].T @ row_scores[order[found]]
        meat += (1.0 - step / (lag + 1.0)) * (lagged + lagged.T)
    return np.asarray(meat)
