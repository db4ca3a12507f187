"""Randomisation inference on a balanced panel: exchanged paths of regions as sums of cross-products, no refits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from panelcoop.errors import DataError
from panelcoop.numerics.grouping import group_rows
from panelcoop.numerics.resampling.permutations import PermutationPlan, permutation_block, plan_permutations
from panelcoop.numerics.resampling.randomisation import inverses, randomisation_record, sample_variances
from panelcoop.numerics.resampling.wild_contrasts import WildTests
from panelcoop.numerics.resampling.wild_draws import WildOptions, fail_if_options_wrong
from panelcoop.numerics.resampling.wild_regression import Contrasts, WildRegression, prepare_contrasts
from panelcoop.options import BoolArray, FloatArray, IntArray
from panelcoop.progress import track

__all__ = ["is_exchangeable", "randomise_paths"]

BALANCE = 1e-8
PAIR_VALUES = 20_000_000  # products of all pairs of regions that are kept (160 MB); beyond, each draw forms its own
BLOCK_VALUES = 2_000_000  # values of a block of draws


def is_exchangeable(regions: IntArray, weeks: IntArray, weights: FloatArray | None = None) -> bool:
    """Say whether every region has one row in every week and all rows weigh the same.

    Examples
    --------
    >>> is_exchangeable(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))
    True
    """
    cells = group_rows(regions).codes * group_rows(weeks).size + group_rows(weeks).codes
    full = group_rows(regions).size * group_rows(weeks).size
    even = weights is None or float(np.ptp(weights)) <= BALANCE * float(weights.max())
    return cells.size == full == np.unique(cells).size and even


def randomise_paths(
    fit: WildRegression,
    restrictions: FloatArray,
    regions: IntArray,
    weeks: IntArray,
    *,
    permuted: BoolArray | None = None,
    null: FloatArray | float = 0.0,
    strata: IntArray | None = None,
    clusters: IntArray | None = None,
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
    clusters
        Cluster of each region, which studentises, shape (regions,); default every region its own.
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
    The assignment: which region got which path is as good as random (within strata). Statistic, null and references
    as in `randomise_design`, whose numbers these are: exchanging rows of demeaned paths is refitting here, so
    cross-products of regions' paths are enough and no draw is refitted. Memory is bounded whatever the number of
    regions.
    """
    options = options or WildOptions()
    fail_if_options_wrong(options)
    contrasts = prepare_contrasts(fit, restrictions, null)
    if not is_exchangeable(regions, weeks, fit.weights):
        msg = "Exchanging paths needs a balanced panel without weights; use randomise_design, which refits each draw."
        raise DataError(msg)
    tables = path_tables(fit, contrasts, group_rows(regions).codes, group_rows(weeks).codes, permuted)
    plan = plan_permutations(np.arange(len(tables.paths)), options.draws, options.seed, strata=strata)
    R = contrasts.rows[:, tables.columns]
    rows = np.empty((contrasts.count, 5, plan.draws))
    start = 0
    for orders in order_blocks(plan, tables.draw_values):
        grams, shares = cross_products(tables, orders)
        rows[:, :, start : start + len(orders)] = score_polynomials(grams, shares, R, clusters)
        start += len(orders)
    variances = sample_variances(fit, contrasts, rows)
    return randomisation_record(contrasts, (rows, variances), plan, options, "regions' paths exchanged")


@dataclass(frozen=True, eq=False)
class PathTables:
    """Regions' demeaned paths and their cross-products: p permuted columns, f fixed ones, c = 1 + m residual vectors.

    Attributes
    ----------
    columns
        Permuted columns first, shape (k,).
    paths, others
        Permuted paths, shape (N, T, p), and what stays, shape (N, T, f + c): fixed columns, residuals of the fit, and
        a direction per contrast.
    own, fixed
        Products within permuted paths, shape (N, p, p), and of fixed columns with what stays, shape (N, f, f + c).
    pairs
        Products of every region's permuted path with what stays in every region, shape (N, N, p, f + c), the source
        of the path first; None where that is too large.
    """

    columns: IntArray
    paths: FloatArray
    others: FloatArray
    own: FloatArray
    fixed: FloatArray
    pairs: FloatArray | None

    @property
    def draw_values(self) -> int:
        """Values that one draw takes."""
        N, T, p = self.paths.shape
        k, c = len(self.columns), self.others.shape[2] - self.fixed.shape[1]
        return int(N * (k * (k + c) + (T * p if self.pairs is None else 0)))


def path_tables(
    fit: WildRegression, contrasts: Contrasts, regions: IntArray, weeks: IntArray, permuted: BoolArray | None
) -> PathTables:
    """Form the cross-products."""
    N, T, k = int(regions.max()) + 1, int(weeks.max()) + 1, fit.coefficients.size
    chosen = np.ones(k, dtype=bool) if permuted is None else np.asarray(permuted, dtype=bool)
    order = np.argsort(regions * T + weeks)
    columns = fit.regressors[order].reshape(N, T, k)
    steps = contrasts.directions / np.diag(contrasts.spread)
    kept = np.column_stack([fit.residuals, steps])[order].reshape(N, T, -1)
    P, F = np.ascontiguousarray(columns[:, :, chosen]), columns[:, :, ~chosen]
    others = np.concatenate([F, kept], axis=2)
    small = N * N * P.shape[2] * others.shape[2] <= PAIR_VALUES
    return PathTables(
        columns=np.concatenate([np.flatnonzero(chosen), np.flatnonzero(~chosen)]),
        paths=P,
        others=others,
        own=P.transpose(0, 2, 1) @ P,
        fixed=F.transpose(0, 2, 1) @ others,
        pairs=np.einsum("itp,jtf->ijpf", P, others, optimize=True) if small else None,
    )


def order_blocks(plan: PermutationPlan, draw_values: int) -> Iterator[IntArray]:
    """Yield the plan's orders, as many at a time as memory allows."""
    step = max(1, BLOCK_VALUES // draw_values)
    for block in track(range(plan.blocks), "randomisation inference"):
        orders = permutation_block(plan, block)
        for start in range(0, len(orders), step):
            yield orders[start : start + step]


def cross_products(tables: PathTables, orders: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return regions' Gram matrices (draws, N, k, k) and their products with residual vectors (draws, N, k, c)."""
    draws, N = orders.shape
    p, f = tables.paths.shape[2], tables.fixed.shape[1]
    if tables.pairs is not None:
        crossed = tables.pairs[orders, np.arange(N)]
    else:
        crossed = tables.paths[orders].transpose(0, 1, 3, 2) @ tables.others
    grams = np.empty((draws, N, p + f, p + f))
    grams[:, :, :p, :p] = tables.own[orders]
    grams[:, :, :p, p:] = crossed[:, :, :, :f]
    grams[:, :, p:, :p] = crossed[:, :, :, :f].swapaxes(2, 3)
    grams[:, :, p:, p:] = tables.fixed[:, :, :f]
    shares = np.empty((draws, N, p + f, crossed.shape[3] - f))
    shares[:, :, :p] = crossed[:, :, :, f:]
    shares[:, :, p:] = tables.fixed[:, :, f:]
    return grams, shares


def score_polynomials(
    grams: FloatArray, shares: FloatArray, restrictions: FloatArray, clusters: IntArray | None = None
) -> FloatArray:
    """Turn regions' Gram matrices and cross-products into each contrast's draw polynomials, shape (m, 5, draws)."""
    inverse = inverses(grams.sum(axis=1))
    slopes = inverse @ shares.sum(axis=1)
    scores = shares - grams @ slopes[:, None]
    member = None if clusters is None else np.equal.outer(np.unique(clusters), clusters).astype(float)
    out = np.empty((len(restrictions), 5, len(grams)))
    for j, row in enumerate(restrictions):
        z = inverse @ row
        for place, column in enumerate((0, 1 + j)):
            out[j, place] = slopes[:, :, column] @ row
        h = np.einsum("dgkc,dk->dgc", scores[:, :, :, [0, 1 + j]], z)
        h = h if member is None else member @ h
        out[j, 2] = np.einsum("dg,dg->d", h[:, :, 0], h[:, :, 0])
        out[j, 3] = np.einsum("dg,dg->d", h[:, :, 0], h[:, :, 1])
        out[j, 4] = np.einsum("dg,dg->d", h[:, :, 1], h[:, :, 1])
    return out
