"""Randomisation inference for a Poisson fit: every assignment is a refit under the null's own offset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from panelcoop.errors import PanelcoopError
from panelcoop.numerics.covariance.covariance import covariance
from panelcoop.numerics.regression.poisson import PoissonFit, poisson_again
from panelcoop.numerics.resampling.permutations import PermutationPlan, permutation_block
from panelcoop.numerics.resampling.wild_draws import Ties
from panelcoop.numerics.resampling.wild_pvalue import TIE, exceedance, symmetric_interval
from panelcoop.options import FloatArray, IntArray
from panelcoop.progress import track

__all__ = ["VALUES_OF_AN_INTERVAL", "CountRandomisation", "randomise_counts", "restricted_offset"]

PRECISION = 0.02  # standard errors to which an end of an interval is located
WIDENED = 1.25  # steps by which an end is first bracketed
MOST_VALUES = 20
VALUES_OF_AN_INTERVAL = 16  # values that both ends together take, most often


@dataclass(frozen=True, eq=False)
class CountRandomisation:
    """One contrast of a Poisson fit under every assignment looked at.

    Attributes
    ----------
    gap, se, statistic
        R b - r, its CRV1 standard error (no factor) and their ratio.
    p_value, p_error
        Share of draws at least as extreme, and its Monte Carlo standard error.
    t_draws
        Statistics of the draws, the data first, shape (draws,); NaN where a draw could not be fitted.
    invalid
        How many could not.
    lower, upper
        Ends of the inverted interval; NaN where none was asked for.
    """

    gap: float
    se: float
    statistic: float
    p_value: float
    p_error: float
    t_draws: FloatArray
    invalid: int
    lower: float = float("nan")
    upper: float = float("nan")


def randomise_counts(
    fit: PoissonFit,
    restriction: FloatArray,
    rebuild: Callable[[IntArray], FloatArray],
    clusters: IntArray,
    plan: PermutationPlan,
    *,
    null: float = 0.0,
    ties: Ties = "weak",
    level: float | None = None,
) -> CountRandomisation:
    """Test one contrast of a Poisson fit by assigning anew and refitting.

    Parameters
    ----------
    fit
        Of m rows, its columns of full rank.
    restriction
        R, shape (k,).
    rebuild
        As for `randomise_design`: takes an order of units, returns columns (m, k).
    clusters
        Clusters that studentise, shape (m,).
    plan
        The assignment.
    null
        r.
    ties
        See `WildOptions`.
    level
        Coverage of an interval; None, the default, makes none: it takes up to 17 times as long.

    Notes
    -----
    What the null explains, X b_r with b_r fitted under R b_r = r, becomes an offset; the outcome is then refitted on
    the columns of every assignment, effects and all, and the contrast of these coefficients over its CRV1 error is the
    statistic. For the assignment in the data it is (R b - r) over its error. Exact where the null fixes every column
    that is rebuilt, approximate for a contrast.

    The interval inverts the test on the same assignments: for every value looked at, all of them are refitted under
    that value's offset. Each end is halved in to two hundredths of a standard error and given at its outer side.
    """
    orders = list(np.vstack([permutation_block(plan, block) for block in range(plan.blocks)]))

    def drawn(value: float) -> tuple[FloatArray, float, float]:
        offset = restricted_offset(fit, restriction, value)
        return _refitted(fit, restriction, (rebuild, clusters, orders), offset)

    t_draws, gap, se = drawn(null)
    p = exceedance(t_draws, float(t_draws[0]), ties)
    ends = (np.nan, np.nan)
    if level is not None and se > 0:

        def is_rejected(value: float) -> bool:
            found = drawn(value)[0]
            return exceedance(found, float(found[0]), ties) <= 1 - level + TIE  # false where it cannot be fitted

        reach = max(symmetric_interval(t_draws, 0.0, se, 1 - level)[1], se)
        few = len(orders) * (1 - level) + TIE < 1  # no share of so few draws is small enough to reject
        ends = (-np.inf, np.inf)
        if not few:
            ends = _end(is_rejected, gap + null, -reach, se), _end(is_rejected, gap + null, reach, se)
    spread = 0.0 if plan.enumerated else float(np.sqrt(p * (1 - p) / plan.draws))
    lost = int(np.count_nonzero(~np.isfinite(t_draws)))
    return CountRandomisation(gap, se, float(t_draws[0]), p, spread, t_draws, lost, *ends)


def _refitted(
    fit: PoissonFit,
    restriction: FloatArray,
    assignment: tuple[Callable[[IntArray], FloatArray], IntArray, list[IntArray]],
    offset: FloatArray,
) -> tuple[FloatArray, float, float]:
    """Return the statistics of all orders under an offset, and gap and error of the first."""
    rebuild, clusters, orders = assignment
    t_draws = np.full(len(orders), np.nan)
    gap = se = np.nan
    for draw, order in enumerate(track(orders, "randomisation inference")):
        try:
            again = poisson_again(fit, columns=rebuild(order), offset=offset)
        except PanelcoopError:
            continue
        if again.linear.identified.all():
            error = _error(again, restriction, clusters[again.rows])
            t_draws[draw] = float(restriction @ again.coef) / error if error > 0 else np.nan
            if draw == 0:
                gap, se = float(restriction @ again.coef), error
    return t_draws, gap, se


def _end(is_rejected: Callable[[float], bool], estimate: float, reach: float, error: float) -> float:
    """Find where values begin to be rejected, starting at the reach that the null's own draws suggest.

    Infinite where no value is, or where the model can no longer be fitted under the values looked at.
    """
    inside, outside, trial = 0.0, np.inf, 1.0
    for _ in range(MOST_VALUES):
        try:
            rejected = is_rejected(estimate + trial * reach)
        except PanelcoopError:
            break
        inside, outside = (inside, trial) if rejected else (trial, outside)
        if (outside - inside) * abs(reach) <= PRECISION * error:
            break
        around = 1 / WIDENED if rejected else WIDENED
        trial = trial * around if np.isinf(outside) or inside == 0.0 else (inside + outside) / 2
    return float(estimate + outside * reach)


def restricted_offset(fit: PoissonFit, restriction: FloatArray, null: float) -> FloatArray:
    """Return (m,) the offset and X b_r, b_r fitted under R b_r = r by substitution of one coefficient."""
    X = fit.linear.design.columns
    given = np.zeros(len(X)) if fit.offset is None else fit.offset
    pivot = int(np.argmax(np.abs(restriction) * fit.linear.ranks.scale))
    rest = np.delete(np.arange(len(restriction)), pivot)
    ratio = restriction[rest] / restriction[pivot]
    fixed = given + X[:, pivot] * (null / restriction[pivot])
    columns = X[:, rest] - np.outer(X[:, pivot], ratio)
    if not rest.size:
        return np.asarray(fixed)
    found = poisson_again(fit, columns=columns, offset=fixed)
    return np.asarray(fixed + columns @ found.linear.solution)


def _error(fit: PoissonFit, restriction: FloatArray, clusters: IntArray) -> float:
    record = covariance(fit.linear, "CRV1", clusters=[clusters], small_sample="none")
    variance = float(restriction @ record.full @ restriction)
    return float(np.sqrt(variance)) if variance > 0 else float("nan")
