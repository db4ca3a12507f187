"""Randomisation inference: the statistic under every way the drivers could have been assigned."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from panelcoop.errors import DataError
from panelcoop.numerics.grouping import group_rows, group_sums
from panelcoop.numerics.regression.least_squares import LinearFit
from panelcoop.numerics.resampling.permutations import PermutationPlan, permutation_block
from panelcoop.numerics.resampling.wild_contrasts import CANCELLED, WildTests, row_variances
from panelcoop.numerics.resampling.wild_draws import WildOptions, fail_if_options_wrong
from panelcoop.numerics.resampling.wild_pvalue import (
    DrawPolynomials,
    exceedance,
    interval_by_inversion,
    studentised_draws,
)
from panelcoop.numerics.resampling.wild_regression import Contrasts, WildRegression, prepare_contrasts, wild_from_fit
from panelcoop.options import FloatArray, IntArray
from panelcoop.progress import track

__all__ = ["inverses", "randomisation_record", "randomise_design", "sample_variances"]

LOST_RANK = 1e-13  # smallest eigenvalue of a draw's scaled design, relative to the largest, that counts as zero
SAME = 1e-12  # relative difference of rebuilt columns that rounding explains


def randomise_design(
    fit: LinearFit,
    restrictions: FloatArray,
    rebuild: Callable[[IntArray], FloatArray],
    clusters: IntArray,
    plan: PermutationPlan,
    *,
    null: FloatArray | float = 0.0,
    options: WildOptions | None = None,
) -> WildTests:
    """Test contrasts by assigning anew and rebuilding every column that depends on the assignment.

    Parameters
    ----------
    fit
        The least-squares fit, with any effects and weights.
    restrictions
        One contrast per row, shape (m, k).
    rebuild
        Takes an order of units (N,) - unit i is given the label of unit order[i] - and returns the raw
        columns (n, k) with interactions rebuilt.
    clusters
        Clusters that studentise, shape (n,): the units of the assignment.
    plan
        The assignment, from `plan_permutations`: regions, or treatment dates.
    null
        Value under the null, a number or shape (m,).
    options
        Ties, level, interval; `draws` and `seed` are those of the plan.

    Returns
    -------
    The record of the wild bootstrap; the first draw is the assignment in the data.

    Raises
    ------
    DataError
        When `rebuild` does not return the fit's own columns for the order in the data.

    Notes
    -----
    The statistic is the contrast over its cluster-robust standard error, which keeps the test valid asymptotically
    when clusters' errors differ. Outcomes under the null are residuals of the regression that imposes it: exact where
    the null fixes every column that is rebuilt, approximate for a contrast. Every draw's columns are residualised on
    the effects and refitted; a draw whose design loses rank is left out and counted in `invalid`.

    References
    ----------
    DiCiccio, Romano (2017), Journal of the American Statistical Association 112. Young (2019), Quarterly
    Journal of Economics 134.
    """
    options = options or WildOptions()
    fail_if_options_wrong(options)
    system = wild_from_fit(fit)
    contrasts = prepare_contrasts(system, restrictions, null)
    R = np.atleast_2d(np.asarray(restrictions, dtype=np.float64))
    E = np.column_stack([fit.resid, contrasts.directions / np.diag(contrasts.spread)])
    first = rebuild(np.arange(plan.labels.size))
    if first.shape != fit.design.columns.shape or not np.allclose(first, fit.design.columns, rtol=SAME, atol=0.0):
        msg = "rebuild() must return the fit's own columns when every unit keeps its label; check its order of columns."
        raise DataError(msg)
    groups = group_rows(clusters, "clusters")
    rows = np.full((contrasts.count, 5, plan.draws), np.nan)
    orders = np.vstack([permutation_block(plan, block) for block in range(plan.blocks)])
    for draw, order in enumerate(track(list(orders), "randomisation inference")):
        X = fit.absorber.residualise(rebuild(order))
        rows[:, :, draw] = refit_polynomials(X, E, system.weights, R, (groups.codes, groups.size))
    variances = sample_variances(system, contrasts, rows)
    return randomisation_record(contrasts, (rows, variances), plan, options, "labels exchanged, columns rebuilt")


def refit_polynomials(
    X: FloatArray, E: FloatArray, weights: FloatArray, restrictions: FloatArray, clusters: tuple[IntArray, int]
) -> FloatArray:
    """Refit one draw and return its polynomials, shape (m, 5); NaN where its design loses rank."""
    weighted = X * weights[:, None]
    inverse = inverses((weighted.T @ X)[None])[0]
    if np.isnan(inverse).any():
        return np.full((len(restrictions), 5), np.nan)
    slopes = inverse @ (weighted.T @ E)
    left = E - X @ slopes
    out = np.empty((len(restrictions), 5))
    for j, row in enumerate(restrictions):
        pair = [0, 1 + j]
        h = group_sums((weighted @ (inverse @ row))[:, None] * left[:, pair], *clusters)
        out[j] = (*(row @ slopes[:, pair]), h[:, 0] @ h[:, 0], h[:, 0] @ h[:, 1], h[:, 1] @ h[:, 1])
    return out


def inverses(grams: FloatArray) -> FloatArray:
    """Invert designs' Gram matrices (draws, k, k); NaN where a design loses rank."""
    size = np.sqrt(np.einsum("dkk->dk", grams))
    unit = 1.0 / np.where(size > 0, size, 1.0)
    scaled = grams * (unit[:, :, None] * unit[:, None, :])
    values = np.linalg.eigvalsh(scaled)
    lost = values[:, 0] <= LOST_RANK * values[:, -1]
    scaled[lost] = np.eye(grams.shape[1])
    inverse = np.linalg.inv(scaled) * (unit[:, :, None] * unit[:, None, :])
    inverse[lost] = np.nan
    return np.asarray(inverse)


def sample_variances(fit: WildRegression, contrasts: Contrasts, rows: FloatArray) -> FloatArray:
    """Return the contrasts' variances under the assignment in the data, shape (m,); NaN where scores cancel."""
    usual = np.fmax(row_variances(fit, contrasts, range(contrasts.count)), np.fmax.reduce(rows[:, 2], axis=1))
    return np.where(rows[:, 2, 0] > CANCELLED * usual, rows[:, 2, 0], np.nan)


def randomisation_record(
    contrasts: Contrasts, drawn: tuple[FloatArray, FloatArray], plan: PermutationPlan, options: WildOptions, how: str
) -> WildTests:
    """Turn polynomials (m, 5, draws) and the sample's variances (m,) into p-values and intervals."""
    m, (rows, variances) = contrasts.count, drawn
    p, ends, t_draws = np.empty(m), np.full((m, 2), np.nan), np.empty((m, plan.draws))
    se = np.sqrt(variances)
    for j in range(m):
        n0, n1, q0, q01, q1 = rows[j]
        draws = DrawPolynomials(n0, n1, q0, q01, q1, float(variances[j]))
        gap = float(contrasts.gaps[j])
        t_draws[j] = studentised_draws(n0 + gap * n1, draws.spread(gap))
        p[j] = exceedance(t_draws[j], gap / float(se[j]), options.ties, options.alternative)
        if options.interval and options.alternative == "two-sided" and variances[j] > 0:
            estimate = float(gap + contrasts.null[j])
            ends[j] = interval_by_inversion(draws, estimate, 1 - options.level, options.ties)
    return WildTests(
        estimate=contrasts.gaps + contrasts.null,
        null=contrasts.null,
        se=se,
        statistic=contrasts.gaps / se,
        p_value=p,
        p_error=np.zeros(m) if plan.enumerated else np.sqrt(p * (1 - p) / plan.draws),
        lower=ends[:, 0],
        upper=ends[:, 1],
        t_draws=t_draws,
        draws=plan.draws,
        enumerated=plan.enumerated,
        invalid=np.count_nonzero(~np.isfinite(t_draws), axis=1),
        convention=f"randomisation inference, {how} ({plan.taken}), CRV1",
    )
