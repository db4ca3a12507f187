"""Randomisation inference: the statistic under every way the drivers could have been assigned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from panelcoop.errors import DataError
from panelcoop.numerics.grouping import group_rows, group_sums
from panelcoop.numerics.regression.least_squares import LinearFit
from panelcoop.numerics.resampling.permutations import PermutationPlan, permutation_block, plan_permutations
from panelcoop.numerics.resampling.wild_contrasts import WildTests
from panelcoop.numerics.resampling.wild_draws import WildOptions, fail_if_options_wrong
from panelcoop.numerics.resampling.wild_pvalue import (
    DrawPolynomials,
    exceedance,
    interval_by_inversion,
    studentised_draws,
)
from panelcoop.numerics.resampling.wild_regression import Contrasts, WildRegression, prepare_contrasts, wild_from_fit
from panelcoop.options import BoolArray, FloatArray, IntArray
from panelcoop.progress import track

__all__ = ["randomise_design", "randomise_paths"]

BALANCE = 1e-8
CANCELLED = 1e-16  # share of the draws' largest variance below which the sample's is rounding error


def randomise_paths(
    fit: WildRegression,
    restrictions: FloatArray,
    regions: IntArray,
    weeks: IntArray,
    *,
    permuted: BoolArray | None = None,
    null: FloatArray | float = 0.0,
    strata: IntArray | None = None,
    options: WildOptions | None = None,
) -> WildTests:
    """Test contrasts by exchanging whole regional paths of some columns, on a balanced panel.

    Parameters
    ----------
    fit
        The regression on a balanced, unweighted panel.
    restrictions
        One contrast per row, shape (m, k).
    regions, weeks
        Codes of each row, shape (n,).
    permuted
        Columns whose paths are exchanged (a driver and its interactions with national stages), shape (k,);
        default all. The others stay with their region.
    null
        Value under the null, a number or shape (m,).
    strata
        Regions are exchanged within a stratum only, shape (regions,), in the order of their codes.
    options
        Draws, seed, ties, interval; `impose_null` is always true.

    Returns
    -------
    The record of the wild bootstrap; the first draw is the assignment in the data.

    Raises
    ------
    DataError
        When the panel is not balanced or is weighted: use `randomise_design`.

    Notes
    -----
    The assignment: which region got which path is as good as random (within strata). The statistic is the
    contrast over its cluster-robust standard error by region, which keeps the test valid asymptotically when
    regions' errors differ. Outcomes under the null are residuals of the regression that imposes it: exact
    where the null fixes every permuted column, approximate for a contrast. Exchanging rows of demeaned paths
    is refitting here, so cross-products of regions' paths are enough: no draw is refitted.

    References
    ----------
    DiCiccio, Romano (2017), Journal of the American Statistical Association 112. Young (2019), Quarterly
    Journal of Economics 134.
    """
    options = options or WildOptions()
    fail_if_options_wrong(options)
    contrasts = prepare_contrasts(fit, restrictions, null)
    tables = path_tables(fit, contrasts, group_rows(regions).codes, group_rows(weeks).codes, permuted)
    plan = plan_permutations(np.arange(tables.regions), options.draws, options.seed, strata=strata)
    R = np.atleast_2d(np.asarray(restrictions, dtype=np.float64))[:, tables.columns]
    rows = np.empty((contrasts.count, 5, plan.draws))
    start = 0
    for block in track(range(plan.blocks), "randomisation inference"):
        orders = permutation_block(plan, block)
        rows[:, :, start : start + len(orders)] = path_polynomials(tables, R, orders)
        start += len(orders)
    return randomisation_record(contrasts, rows, plan, options, "regions' paths exchanged")


@dataclass(frozen=True, eq=False)
class PathTables:
    """Cross-products of regions' demeaned paths: p permuted columns, f fixed ones, c = 1 + m residual vectors.

    Attributes
    ----------
    regions
        N.
    columns
        Permuted columns first, shape (k,).
    pp, pf, ff
        Shapes (N, p, p), (N, N, p, f) with the source of the permuted path first, and (N, f, f).
    pe, fe
        Products with residuals: (N, N, p, c) and (N, f, c); first those of the fit, then one per contrast.
    """

    regions: int
    columns: IntArray
    pp: FloatArray
    pf: FloatArray
    ff: FloatArray
    pe: FloatArray
    fe: FloatArray


def path_tables(
    fit: WildRegression, contrasts: Contrasts, regions: IntArray, weeks: IntArray, permuted: BoolArray | None
) -> PathTables:
    """Form the cross-products, or say why the panel does not allow it."""
    N, T, k = int(regions.max()) + 1, int(weeks.max()) + 1, fit.coefficients.size
    cells = regions * T + weeks
    if cells.size != N * T or np.unique(cells).size != N * T or np.ptp(fit.weights) > BALANCE * fit.weights.max():
        msg = "Exchanging paths needs a balanced panel without weights; use randomise_design, which refits each draw."
        raise DataError(msg)
    chosen = np.ones(k, dtype=bool) if permuted is None else np.asarray(permuted, dtype=bool)
    columns = np.concatenate([np.flatnonzero(chosen), np.flatnonzero(~chosen)])
    order = np.argsort(cells)
    paths = fit.regressors[order].reshape(N, T, k)
    P, F = paths[:, :, chosen], paths[:, :, ~chosen]
    steps = contrasts.directions / np.diag(contrasts.spread)
    E = np.column_stack([fit.residuals, steps])[order].reshape(N, T, -1)
    return PathTables(
        regions=N,
        columns=columns,
        pp=np.einsum("itp,itq->ipq", P, P),
        pf=np.einsum("itp,jtf->ijpf", P, F, optimize=True),
        ff=np.einsum("itf,itg->ifg", F, F),
        pe=np.einsum("itp,jtc->ijpc", P, E, optimize=True),
        fe=np.einsum("itf,itc->ifc", F, E),
    )


def path_polynomials(tables: PathTables, restrictions: FloatArray, orders: IntArray) -> FloatArray:
    """Return each contrast's draw polynomials, shape (m, 5, draws)."""
    draws, N = orders.shape
    own = np.arange(N)
    p, f = tables.pp.shape[1], tables.ff.shape[1]
    grams = np.empty((draws, N, p + f, p + f))
    grams[:, :, :p, :p] = tables.pp[orders]
    grams[:, :, :p, p:] = tables.pf[orders, own]
    grams[:, :, p:, :p] = grams[:, :, :p, p:].swapaxes(2, 3)
    grams[:, :, p:, p:] = tables.ff
    shares = np.empty((draws, N, p + f, tables.pe.shape[3]))
    shares[:, :, :p] = tables.pe[orders, own]
    shares[:, :, p:] = tables.fe
    return score_polynomials(grams, shares, restrictions)


def score_polynomials(grams: FloatArray, shares: FloatArray, restrictions: FloatArray) -> FloatArray:
    """Turn clusters' Gram matrices (draws, G, k, k) and cross-products (draws, G, k, 1 + m) into polynomials."""
    inverse = np.linalg.inv(grams.sum(axis=1))
    slopes = inverse @ shares.sum(axis=1)
    scores = shares - grams @ slopes[:, None]
    out = np.empty((len(restrictions), 5, len(grams)))
    for j, row in enumerate(restrictions):
        z = inverse @ row
        for place, column in enumerate((0, 1 + j)):
            out[j, place] = slopes[:, :, column] @ row
        h = np.einsum("dgkc,dk->dgc", scores[:, :, :, [0, 1 + j]], z)
        out[j, 2] = np.einsum("dg,dg->d", h[:, :, 0], h[:, :, 0])
        out[j, 3] = np.einsum("dg,dg->d", h[:, :, 0], h[:, :, 1])
        out[j, 4] = np.einsum("dg,dg->d", h[:, :, 1], h[:, :, 1])
    return out


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
    Every draw's columns are residualised on the effects and refitted; see `randomise_paths` for statistic,
    null and references. A draw whose design loses rank is left out and counted in `invalid`.
    """
    options = options or WildOptions()
    fail_if_options_wrong(options)
    system = wild_from_fit(fit)
    contrasts = prepare_contrasts(system, restrictions, null)
    R = np.atleast_2d(np.asarray(restrictions, dtype=np.float64))
    E = np.column_stack([fit.resid, contrasts.directions / np.diag(contrasts.spread)])
    first = fit.absorber.residualise(rebuild(np.arange(plan.labels.size)))
    if first.shape != system.regressors.shape or not np.allclose(
        first, system.regressors, atol=1e-8 * np.abs(first).max()
    ):
        msg = "rebuild() must return the fit's own columns when every unit keeps its label; check its order of columns."
        raise DataError(msg)
    groups = group_rows(clusters, "clusters")
    rows = np.full((contrasts.count, 5, plan.draws), np.nan)
    orders = np.vstack([permutation_block(plan, block) for block in range(plan.blocks)])
    for draw, order in enumerate(track(list(orders), "randomisation inference")):
        X = fit.absorber.residualise(rebuild(order))
        rows[:, :, draw] = refit_polynomials(X, E, system.weights, R, (groups.codes, groups.size))
    return randomisation_record(contrasts, rows, plan, options, "labels exchanged, columns rebuilt")


def refit_polynomials(
    X: FloatArray, E: FloatArray, weights: FloatArray, restrictions: FloatArray, clusters: tuple[IntArray, int]
) -> FloatArray:
    """Refit one draw and return its polynomials, shape (m, 5); NaN where its design loses rank."""
    weighted = X * weights[:, None]
    gram = weighted.T @ X
    size = np.sqrt(np.diag(gram))
    if not (size > 0).all() or np.linalg.cond(gram / np.outer(size, size)) > 1e13:
        return np.full((len(restrictions), 5), np.nan)
    inverse = np.linalg.inv(gram)
    slopes = inverse @ (weighted.T @ E)
    left = E - X @ slopes
    out = np.empty((len(restrictions), 5))
    for j, row in enumerate(restrictions):
        pair = [0, 1 + j]
        h = group_sums((weighted @ (inverse @ row))[:, None] * left[:, pair], *clusters)
        out[j] = (*(row @ slopes[:, pair]), h[:, 0] @ h[:, 0], h[:, 0] @ h[:, 1], h[:, 1] @ h[:, 1])
    return out


def randomisation_record(
    contrasts: Contrasts, rows: FloatArray, plan: PermutationPlan, options: WildOptions, how: str
) -> WildTests:
    """Turn polynomials into p-values and intervals."""
    m = contrasts.count
    p, ends, t_draws = np.empty(m), np.full((m, 2), np.nan), np.empty((m, plan.draws))
    variances = np.where(rows[:, 2, 0] > CANCELLED * np.nanmax(rows[:, 2], axis=1), rows[:, 2, 0], np.nan)
    se = np.sqrt(np.where(variances > 0, variances, np.nan))
    for j in range(m):
        n0, n1, q0, q01, q1 = rows[j]
        draws = DrawPolynomials(n0, n1, q0, q01, q1, float(variances[j]))
        gap = float(contrasts.gaps[j])
        t_draws[j] = studentised_draws(n0 + gap * n1, draws.spread(gap))
        p[j] = exceedance(t_draws[j], gap / float(se[j]), options.ties, options.alternative)
        if options.interval and options.alternative == "two-sided" and variances[j] > 0:
            estimate = float(gap + contrasts.null[j])
            ends[j] = interval_by_inversion(draws, estimate, 1 - options.level, options.ties)
    drawn = f"all {plan.possible}" if plan.enumerated else f"{plan.draws - 1} of {plan.possible:.3g}"
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
        convention=f"randomisation inference, {how} ({drawn} assignments), CRV1",
    )
