"""Bootstrap p-values with a stated tie rule, and the interval that inverts the test exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.numerics.resampling.wild_draws import Alternative, Ties
from panelcoop.options import BoolArray, FloatArray

__all__ = ["TIE", "DrawPolynomials", "exceedance", "interval_by_inversion", "studentised_draws", "symmetric_interval"]

TIE = 1e-9
"""Two statistics closer than this, relatively, are one."""

SEARCH_STEP = 0.25
NARROW_STEPS = 14
WIDEST = 1e4


@dataclass(frozen=True, eq=False)
class DrawPolynomials:
    """Each draw's statistic as a function of the gap d between estimate and null value.

    With d = R b - r the numerator is `n0 + d n1` and its variance `q0 + 2 d q01 + d^2 q1`, every array of
    shape (draws,). The sample's own statistic is d over the root of `variance`, which no null value moves in a
    regression; elsewhere it is `variance + 2 d tilt + d^2 bend`.
    """

    n0: FloatArray
    n1: FloatArray
    q0: FloatArray
    q01: FloatArray
    q1: FloatArray
    variance: float
    tilt: float = 0.0
    bend: float = 0.0

    def extremes(self, gap: float, *, weak: bool) -> BoolArray:
        """Tell which draws are more extreme than the sample (`weak`: or as extreme)."""
        spread = self.spread(gap)
        own = self.variance + gap * (2.0 * self.tilt + gap * self.bend)
        margin = (self.n0 + gap * self.n1) ** 2 * own - gap**2 * spread
        slack = 2.0 * TIE * gap**2 * spread
        return (margin >= -slack if weak else margin > slack) & (spread > 0)

    def spread(self, gap: float) -> FloatArray:
        """Return the variance of each draw's numerator."""
        return self.q0 + gap * (2.0 * self.q01 + gap * self.q1)

    def keep(self, chosen: BoolArray) -> DrawPolynomials:
        """Return the polynomials of some draws."""
        n0, n1, q0, q01, q1 = (c[chosen] for c in (self.n0, self.n1, self.q0, self.q01, self.q1))
        return DrawPolynomials(n0, n1, q0, q01, q1, self.variance, self.tilt, self.bend)


def studentised_draws(numerator: FloatArray, variance: FloatArray) -> FloatArray:
    """Return numerator over standard error; NaN where a variance is not positive."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(variance > 0, numerator / np.sqrt(np.maximum(variance, 0.0)), np.nan)


def exceedance(draws: FloatArray, statistic: float, ties: Ties, alternative: Alternative = "two-sided") -> float:
    """Return the share of draws at least as extreme as the statistic; draws that are NaN do not count.

    Parameters
    ----------
    draws
        Statistics of the draws, shape (draws,).
    statistic
        Statistic of the sample.
    ties
        "weak", "strict" or "half".
    alternative
        "two-sided" compares absolute values.

    Returns
    -------
    The p-value; NaN when the statistic or every draw is NaN.

    Examples
    --------
    >>> exceedance(np.array([1.0, -2.0, 2.0, 3.0]), 2.0, "weak")
    0.75
    """
    valid = draws[np.isfinite(draws)]
    if valid.size == 0 or not np.isfinite(statistic):
        return float("nan")
    if alternative == "two-sided":
        valid, statistic = np.abs(valid), abs(statistic)
    elif alternative == "less":
        valid, statistic = -valid, -statistic
    slack = TIE * abs(statistic)
    strict = float(np.mean(valid > statistic + slack))
    weak = float(np.mean(valid >= statistic - slack))
    return {"weak": weak, "strict": strict, "half": (weak + strict) / 2}[ties]


def p_of_gap(draws: DrawPolynomials, gap: float, ties: Ties) -> float:
    """Return the two-sided p-value of the null value that lies `gap` below the estimate."""
    count = np.count_nonzero(draws.spread(gap) > 0)
    if count == 0:
        return float("nan")
    rules = {"weak": (True,), "strict": (False,), "half": (True, False)}[ties]
    extreme = sum(np.count_nonzero(draws.extremes(gap, weak=rule)) for rule in rules)
    return extreme / (count * len(rules))


def interval_by_inversion(draws: DrawPolynomials, estimate: float, alpha: float, ties: Ties) -> tuple[float, float]:
    """Find the null values around the estimate that are not rejected.

    Parameters
    ----------
    draws
        The draws' polynomials.
    estimate
        R b.
    alpha
        One less the coverage; a value is kept while its p-value is above alpha.
    ties
        The tie rule of the p-value.

    Returns
    -------
    Lower and upper end; infinite where no value within 10,000 standard errors is rejected.

    Notes
    -----
    The p-value is a step function of the null value whose every value is known from the same draws, so
    nothing is refitted. The search walks outwards by a quarter standard error to the first rejection, and
    then halves the step until the jump is located to the last digit; rejections that begin and end within
    one such step are not seen. Where the set of kept values is in several pieces this is the piece that
    holds the estimate.
    """
    error = float(np.sqrt(draws.variance))
    ends = [estimate - crossing(draws, sign * error, alpha + TIE, ties) for sign in (1.0, -1.0)]
    return ends[0], ends[1]


def crossing(draws: DrawPolynomials, unit: float, alpha: float, ties: Ties) -> float:
    """Return the gap at which the p-value first falls to alpha, walking in steps of `unit`."""
    inside, outside, step = 0.0, SEARCH_STEP, SEARCH_STEP
    while p_of_gap(draws, outside * unit, ties) > alpha:
        inside = outside
        if outside >= 8:
            step = outside / 4
        outside += step
        if outside > WIDEST:
            return float(np.sign(unit) * np.inf)
    for _ in range(NARROW_STEPS):
        middle = (inside + outside) / 2
        if p_of_gap(draws, middle * unit, ties) > alpha:
            inside = middle
        else:
            outside = middle
    return last_digits(draws, inside * unit, outside * unit, alpha, ties)


def last_digits(draws: DrawPolynomials, inside: float, outside: float, alpha: float, ties: Ties) -> float:
    """Narrow a short bracket to the last digit, looking only at draws that change within it."""
    weak = ties == "weak"
    here, there = draws.extremes(inside, weak=weak), draws.extremes(outside, weak=weak)
    total = np.count_nonzero(draws.spread(inside) > 0)
    moving, fixed = draws.keep(here != there), np.count_nonzero(here & there)
    simple = ties != "half" and total == np.count_nonzero(draws.spread(outside) > 0)
    while (middle := (inside + outside) / 2) not in {inside, outside}:
        if simple:
            p: float = (fixed + np.count_nonzero(moving.extremes(middle, weak=weak))) / total
        else:
            p = p_of_gap(draws, middle, ties)
        inside, outside = (middle, outside) if p > alpha else (inside, middle)
    return outside


def symmetric_interval(t_draws: FloatArray, estimate: float, error: float, alpha: float) -> tuple[float, float]:
    """Return the interval of an unrestricted bootstrap: estimate plus and minus a quantile of |t*|.

    Notes
    -----
    The critical value is the smallest |t*| that at most a share alpha of the draws reach or exceed, so
    that the interval holds exactly the null values whose p-value is above alpha.
    """
    size = np.sort(np.abs(t_draws[np.isfinite(t_draws)]))[::-1]
    reach = int(np.floor(alpha * size.size + TIE))
    critical = float(size[reach]) if reach < size.size else 0.0
    return estimate - critical * error, estimate + critical * error
