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
from panelcoop.numerics.resampling.wild_pvalue import exceedance
from panelcoop.options import FloatArray, IntArray
from panelcoop.progress import track

__all__ = ["CountRandomisation", "randomise_counts", "restricted_offset"]


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
    """

    gap: float
    se: float
    statistic: float
    p_value: float
    p_error: float
    t_draws: FloatArray
    invalid: int


def randomise_counts(
    fit: PoissonFit,
    restriction: FloatArray,
    rebuild: Callable[[IntArray], FloatArray],
    clusters: IntArray,
    plan: PermutationPlan,
    *,
    null: float = 0.0,
    ties: Ties = "weak",
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

    Notes
    -----
    What the null explains, X b_r with b_r fitted under R b_r = r, becomes an offset; the outcome is then refitted on
    the columns of every assignment, effects and all, and the contrast of these coefficients over its CRV1 error is the
    statistic. For the assignment in the data it is (R b - r) over its error. Exact where the null fixes every column
    that is rebuilt, approximate for a contrast. There is no interval: each of its values would be as many refits.
    """
    offset = restricted_offset(fit, restriction, null)
    t_draws = np.full(plan.draws, np.nan)
    gap = se = np.nan
    orders = np.vstack([permutation_block(plan, block) for block in range(plan.blocks)])
    for draw, order in enumerate(track(list(orders), "randomisation inference")):
        try:
            again = poisson_again(fit, columns=rebuild(order), offset=offset)
        except PanelcoopError:
            continue
        if again.linear.identified.all():
            error = _error(again, restriction, clusters[again.rows])
            t_draws[draw] = float(restriction @ again.coef) / error if error > 0 else np.nan
            if draw == 0:
                gap, se = float(restriction @ again.coef), error
    p = exceedance(t_draws, float(t_draws[0]), ties)
    spread = 0.0 if plan.enumerated else float(np.sqrt(p * (1 - p) / plan.draws))
    lost = int(np.count_nonzero(~np.isfinite(t_draws)))
    return CountRandomisation(gap, se, float(t_draws[0]), p, spread, t_draws, lost)


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
