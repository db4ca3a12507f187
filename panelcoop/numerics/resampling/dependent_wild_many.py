"""DWB-t of one contrast for many outcomes of one design: what the design fixes is worked out once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from panelcoop.errors import DataError
from panelcoop.numerics.grouping import group_sums
from panelcoop.numerics.resampling.dependent_wild import DRISCOLL_KRAAY_LAG, MULTIPLIER_LENGTH, week_design
from panelcoop.numerics.resampling.multipliers import MultiplierPlan, multiplier_block
from panelcoop.numerics.resampling.wild_draws import Ties, WildOptions, blas_controller
from panelcoop.numerics.resampling.wild_pvalue import (
    DrawPolynomials,
    exceedance,
    interval_by_inversion,
    studentised_draws,
)
from panelcoop.options import FloatArray, IntArray

__all__ = ["ContrastDraws", "contrast_draws"]

PLANS_KEPT = 8


@dataclass(frozen=True, eq=False)
class ContrastDraws:
    """The draws of DWB-t for one contrast R b of one design, ready for any outcome; `contrast_draws` makes it.

    Attributes
    ----------
    direction
        Weighted z with R (b - beta) = z' e, shape (n,).
    regressors
        Weighted, residualised regressors, shape (n, k).
    own
        Sums by week of direction times regressors, times the inverse Gram matrix, shape (T, k).
    multipliers
        Shape (draws, T).
    weeks
        Week of each row, shape (n,).
    lag
        Of the Driscoll-Kraay variance.
    step_numerator, step_windows, step_square
        What a unit gap adds to each draw: numerator (draws,), moving sums of week scores (draws, T + lag), and
        their squares (draws,).
    convention
        The method in one line.
    """

    direction: FloatArray
    regressors: FloatArray
    own: FloatArray
    multipliers: FloatArray
    weeks: IntArray
    lag: int
    step_numerator: FloatArray
    step_windows: FloatArray
    step_square: FloatArray
    convention: str

    def polynomials(self, residuals: FloatArray) -> DrawPolynomials:
        """Draw for one outcome with residuals (n,): statistics as functions of the gap between R b and its null."""
        numerator, windows = _draw(self, residuals)
        scores = group_sums(self.direction * residuals, self.weeks, self.own.shape[0])
        variance = float((window_sums(scores[None, :], self.lag) ** 2).sum()) / (self.lag + 1)
        square = np.einsum("dt,dt->d", windows, windows) / (self.lag + 1)
        cross = np.einsum("dt,dt->d", windows, self.step_windows) / (self.lag + 1)
        return DrawPolynomials(numerator, self.step_numerator, square, cross, self.step_square, variance)

    def p_value(self, draws: DrawPolynomials, gap: float, ties: Ties = "weak") -> float:
        """Return the two-sided p-value of the null that lies `gap` below the estimate."""
        if draws.variance <= 0:
            return float("nan")
        _, t_draws = self.null_draws(draws, gap)
        return exceedance(t_draws, gap / float(np.sqrt(draws.variance)), ties)

    def null_draws(self, draws: DrawPolynomials, gap: float) -> tuple[FloatArray, FloatArray]:
        """Return the draws' estimates less the null value, and their statistics, both under that null, (draws,)."""
        numerator = draws.n0 + gap * draws.n1
        return numerator, studentised_draws(numerator, draws.spread(gap))

    def interval(self, draws: DrawPolynomials, estimate: float, level: float) -> tuple[float, float]:
        """Return the interval that inverts the test; NaN where the variance is not positive."""
        if draws.variance <= 0:
            return float("nan"), float("nan")
        return interval_by_inversion(draws, estimate, 1 - level, "weak")


def contrast_draws(
    regressors: FloatArray,
    inverse: FloatArray,
    restriction: FloatArray,
    weeks: IntArray,
    *,
    weights: FloatArray | None = None,
    length: int = MULTIPLIER_LENGTH,
    lag: int = DRISCOLL_KRAAY_LAG,
    options: WildOptions | None = None,
    multipliers: FloatArray | None = None,
) -> ContrastDraws:
    """Prepare DWB-t of one contrast for many outcomes.

    Parameters
    ----------
    regressors
        Residualised on the effects, shape (n, k).
    inverse
        (Generalised) inverse of their weighted Gram matrix, shape (k, k).
    restriction
        R, shape (k,), estimable.
    weeks
        Calendar week of each row as a whole number, shape (n,).
    weights
        Row weights, shape (n,).
    length, lag, options
        As for `dependent_wild`; of the options only draws and seed are read.
    multipliers
        Multipliers of one's own instead, shape (draws, calendar weeks from the first to the last): the same ones make
        the tests of several designs move together.

    Raises
    ------
    DataError
        As for `dependent_wild`.

    Notes
    -----
    The same test as `dependent_wild` with effects kept, draw for draw. A draw v has week scores
    h_t = v_t sum_(rows of t) z e - sum_(rows of t) z x' A^-1 sum_s v_s sum_(rows of s) x e, two thin products; and the
    Bartlett form sum_st h_s h_t (1 - |s - t|/(lag + 1)) is the mean square of its moving sums of lag + 1 weeks,
    so no weeks-by-weeks matrix is needed. Three milliseconds for 999 draws of 31 regions by 157 weeks.

    Examples
    --------
    >>> week = np.repeat(np.arange(30), 2)
    >>> x = np.cos(1.7 * np.arange(60.0))[:, None]
    >>> inverse = np.linalg.inv(x.T @ x)
    >>> prepared = contrast_draws(x, inverse, np.ones(1), week, options=WildOptions(draws=999))
    >>> y = x[:, 0] + np.sin(2.3 * np.arange(60.0))
    >>> b = float((inverse @ x.T @ y)[0])
    >>> bool(prepared.p_value(prepared.polynomials(y - x[:, 0] * b), b) < 0.05)
    True
    """
    options = options or WildOptions()
    design = week_design(weeks, options, length=length, lag=lag)
    codes, size = design.boot.groups, design.boot.size
    plan = design.plan
    if multipliers is not None and multipliers.shape[1] != size:
        msg = f"multipliers need one column per calendar week ({size}); got shape {multipliers.shape}."
        raise DataError(msg)
    drawn = _multipliers(plan) if multipliers is None else multipliers
    weighted = regressors if weights is None else regressors * weights[:, None]
    plain = regressors @ (inverse @ restriction)
    direction = plain if weights is None else plain * weights
    own = group_sums(direction[:, None] * regressors, codes, size) @ inverse
    nothing = np.zeros(0)
    bare = ContrastDraws(
        direction, weighted, own, drawn, codes, lag, nothing, np.zeros((0, 0)), nothing, design.convention
    )
    numerator, windows = _draw(bare, plain / float(restriction @ inverse @ restriction))
    square = np.einsum("dt,dt->d", windows, windows) / (lag + 1)
    return ContrastDraws(direction, weighted, own, drawn, codes, lag, numerator, windows, square, design.convention)


def window_sums(scores: FloatArray, lag: int) -> FloatArray:
    """Return all sums of lag + 1 neighbouring weeks, those that reach over the ends too, shape (draws, T + lag).

    Examples
    --------
    >>> window_sums(np.array([[1.0, 2.0, 4.0]]), 1)
    array([[1., 3., 6., 4.]])
    """
    padded = np.zeros((len(scores), scores.shape[1] + lag))
    for shift in range(lag + 1):
        padded[:, shift : shift + scores.shape[1]] += scores
    return padded


@lru_cache(maxsize=PLANS_KEPT)
def _multipliers(plan: MultiplierPlan) -> FloatArray:
    """Return all multipliers, shape (draws, T): designs that share weeks, draws and seed share them."""
    drawn = np.vstack([multiplier_block(plan, block) for block in range(plan.blocks)])
    drawn.setflags(write=False)
    return drawn


def _draw(prepared: ContrastDraws, residuals: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return numerators (draws,) and moving sums of week scores (draws, T + lag) of each draw."""
    size = len(prepared.own)
    products = group_sums(prepared.direction * residuals, prepared.weeks, size)
    moments = group_sums(prepared.regressors * residuals[:, None], prepared.weeks, size)
    with blas_controller().limit(limits=1, user_api="blas"):
        numerator = prepared.multipliers @ products
        scores = prepared.multipliers * products - (prepared.multipliers @ moments) @ prepared.own.T
    return numerator, window_sums(scores, prepared.lag)
