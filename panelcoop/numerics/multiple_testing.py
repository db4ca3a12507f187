"""Adjust p-values of many tests: Holm's step-down, and Romano-Wolf's from joint bootstrap draws."""

from __future__ import annotations

import numpy as np

from panelcoop.errors import DataError
from panelcoop.numerics.resampling.wild_draws import Ties
from panelcoop.numerics.resampling.wild_pvalue import exceedance
from panelcoop.options import FloatArray

__all__ = ["holm", "romano_wolf"]


def holm(p_values: FloatArray) -> FloatArray:
    """Adjust p-values (m,) by Holm's (1979) step-down method; NaN stays NaN and is not counted.

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03])).round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    adjusted = np.full(len(p_values), np.nan)
    known = np.flatnonzero(np.isfinite(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    steps = np.arange(order.size, 0, -1) * p_values[order]
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def romano_wolf(statistics: FloatArray, t_draws: FloatArray, *, ties: Ties = "weak") -> FloatArray:
    """Adjust the p-values of m two-sided tests by Romano and Wolf's step-down over the largest statistic.

    Parameters
    ----------
    statistics
        Studentised statistics of the sample, shape (m,); NaN where a test does not exist.
    t_draws
        Their draws under the nulls, the same draw in the same column, shape (m, draws): `WildTests.t_draws`.
    ties
        How a draw as extreme as the data counts; see `WildOptions`.

    Returns
    -------
    Adjusted p-values, shape (m,): rejecting those at most alpha keeps the chance of any false rejection
    at alpha, using the dependence between the tests. NaN where the statistic is NaN.

    Raises
    ------
    DataError
        When shapes do not agree.

    Notes
    -----
    In the order of falling |t|, the j-th p-value is the share of draws in which the largest |t*| among the
    j-th and later tests reaches |t_j|, made monotone: the rule of the single p-values, which are never above it. Draws
    without a statistic for one of the tests are left out.

    References
    ----------
    Romano, Wolf (2005), Econometrica 73. Clarke, Romano, Wolf (2020), Stata Journal 20.

    Examples
    --------
    >>> draws = np.random.default_rng(0).standard_normal((3, 999))
    >>> romano_wolf(np.array([4.0, 0.5, 0.1]), draws).round(2).tolist()
    [0.0, 0.88, 0.93]
    """
    if t_draws.ndim != 2 or len(t_draws) != len(statistics):
        msg = f"Draws must have one row per statistic ({len(statistics)}); got shape {t_draws.shape}."
        raise DataError(msg)
    adjusted = np.full(len(statistics), np.nan)
    known = np.flatnonzero(np.isfinite(statistics))
    order = known[np.argsort(-np.abs(statistics[known]), kind="stable")]
    size = np.abs(t_draws[order])
    complete = size[:, np.isfinite(size).all(axis=0)]
    if not complete.size:
        return adjusted
    largest = np.maximum.accumulate(complete[::-1], axis=0)[::-1]
    stepped = [exceedance(most, float(t), ties) for most, t in zip(largest, np.abs(statistics[order]), strict=True)]
    single = [exceedance(own, float(t), ties) for own, t in zip(size, np.abs(statistics[order]), strict=True)]
    adjusted[order] = np.maximum.accumulate(np.maximum(stepped, single))
    return adjusted
