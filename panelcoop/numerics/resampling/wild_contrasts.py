"""One wild-bootstrap test per contrast, all on the same draws: the engine behind DWB-t and WCR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from panelcoop.numerics.grouping import group_sums
from panelcoop.numerics.resampling.multipliers import MultiplierPlan
from panelcoop.numerics.resampling.wild_draws import WildOptions, fail_if_options_wrong, run_draws
from panelcoop.numerics.resampling.wild_forms import Boot, VarianceTerm, score_forms
from panelcoop.numerics.resampling.wild_moments import Moments, Pair, moments_by_group
from panelcoop.numerics.resampling.wild_pvalue import (
    DrawPolynomials,
    exceedance,
    interval_by_inversion,
    studentised_draws,
    symmetric_interval,
)
from panelcoop.numerics.resampling.wild_regression import Contrasts, WildRegression
from panelcoop.options import FloatArray, IntArray

__all__ = ["CANCELLED", "WildDesign", "WildTests", "joint_covariance", "row_variances", "wild_contrasts"]

CONTRASTS_AT_ONCE = 32
CANCELLED = 1e-16  # share of the rows' own variance below which a sum of scores is rounding error


@dataclass(frozen=True, eq=False)
class WildTests:
    """Bootstrap tests of m contrasts R_j b = r_j, each on its own.

    Attributes
    ----------
    estimate
        R b, shape (m,).
    null
        r, shape (m,).
    se
        Standard error of the studentising covariance, shape (m,); NaN, and with it statistic, p-value and interval,
        where the contrast rests on a single cluster or week and no variance can be estimated, or where a two-way
        variance is negative.
    statistic
        (R b - r) / se, shape (m,).
    p_value
        Bootstrap p-value, shape (m,).
    p_error
        Its Monte Carlo standard error, zero when every draw was enumerated, shape (m,).
    lower, upper
        Ends of the inverted interval, NaN when none was asked for, shape (m,).
    t_draws
        Statistics of the draws under each contrast's null, shape (m, draws).
    draws
        Number of draws.
    enumerated
        Whether the draws were all sign vectors.
    invalid
        Draws whose variance was not positive, left out of the p-value, shape (m,).
    convention
        The method in one line.
    """

    estimate: FloatArray
    null: FloatArray
    se: FloatArray
    statistic: FloatArray
    p_value: FloatArray
    p_error: FloatArray
    lower: FloatArray
    upper: FloatArray
    t_draws: FloatArray
    draws: int
    enumerated: bool
    invalid: IntArray
    convention: str


@dataclass(frozen=True, eq=False)
class WildDesign:
    """How a bootstrap draws and studentises.

    Attributes
    ----------
    boot
        The multipliers' groups.
    terms
        The studentising variance.
    plan
        The multipliers.
    convention
        The method in one line.
    """

    boot: Boot
    terms: Sequence[VarianceTerm]
    plan: MultiplierPlan
    convention: str

    def moments(self, fit: WildRegression) -> Moments:
        """Take the regression's sums over the multipliers' groups and the variance's."""
        groupings = {id(t.groups): (t.groups, t.size) for t in self.terms if t.size < fit.residuals.size}
        return moments_by_group(fit, (groupings | {id(self.boot.groups): (self.boot.groups, self.boot.size)}).values())


def wild_contrasts(fit: WildRegression, contrasts: Contrasts, design: WildDesign, options: WildOptions) -> WildTests:
    """Run every contrast's bootstrap on the same multipliers.

    Parameters
    ----------
    fit
        The regression.
    contrasts
        The hypotheses, each tested on its own.
    design
        Multipliers and studentisation.
    options
        Draws, ties, interval.
    """
    fail_if_options_wrong(options)
    inverted = options.interval and options.impose_null and options.alternative == "two-sided"
    variances = np.array([joint_covariance(fit, contrasts, design.terms, [j])[0, 0] for j in range(contrasts.count)])
    moments = design.moments(fit)
    t_draws = np.empty((contrasts.count, design.plan.draws))
    ends = np.full((contrasts.count, 2), np.nan)
    for first in range(0, contrasts.count, CONTRASTS_AT_ONCE):
        batch = range(first, min(first + CONTRASTS_AT_ONCE, contrasts.count))
        pairs = (pairs_of(contrasts, j, options, inverted=inverted) for j in batch)
        forms = [score_forms(fit, pair, design.boot, design.terms, moments) for pair in pairs]
        rows = run_draws(design.plan, forms, options.threads, design.convention)
        for j, row in zip(batch, rows, strict=True):
            draws = as_polynomials(row, variances[j])
            gap = float(contrasts.gaps[j]) if inverted else 0.0
            t_draws[j] = studentised_draws(draws.n0 + gap * draws.n1, draws.spread(gap))
            if inverted and variances[j] > 0:
                estimate = float(contrasts.gaps[j] + contrasts.null[j])
                ends[j] = interval_by_inversion(draws, estimate, 1 - options.level, options.ties)
    if options.interval and not options.impose_null and options.alternative == "two-sided":
        ends = symmetric_ends(contrasts, variances, t_draws, options.level)
    return summarise(contrasts, variances, (t_draws, ends), design, options)


def pairs_of(contrasts: Contrasts, j: int, options: WildOptions, *, inverted: bool) -> list[Pair]:
    """Return the residuals that one contrast's maps act on: those of its null, or both parts of them.

    Notes
    -----
    The residuals under R b = r are e + d z / (R A^-1 R'), with d = R b - r: affine in the null value, so
    the maps of e and of z are enough for every null value.
    """
    c = contrasts.slopes[:, j]
    step = c / contrasts.spread[j, j]
    if inverted:
        return [Pair(c, 1.0, np.zeros_like(c), j), Pair(c, 0.0, step, j)]
    return [Pair(c, 1.0, contrasts.gaps[j] * step if options.impose_null else np.zeros_like(c), j)]


def as_polynomials(rows: FloatArray, variance: float) -> DrawPolynomials:
    """Name the rows of a draw array: two maps give polynomials, one map gives constants."""
    if rows.shape[0] == 5:
        return DrawPolynomials(rows[0], rows[1], rows[2], rows[3], rows[4], variance)
    nothing = np.zeros(rows.shape[1])
    return DrawPolynomials(rows[0], nothing, rows[1], nothing, nothing, variance)


def joint_covariance(
    fit: WildRegression, contrasts: Contrasts, terms: Sequence[VarianceTerm], chosen: Sequence[int]
) -> FloatArray:
    """Return the studentising covariance of chosen contrasts in the sample, shape (q, q).

    Notes
    -----
    Where the groups' scores cancel to rounding error - a contrast that rests on a single cluster or week, whose own
    residuals the fit sets to zero - there is no variance to estimate: the entries are NaN, not 1e-32.
    """
    total = np.zeros((len(chosen), len(chosen)))
    columns = list(chosen)
    for term in terms:
        Z = (contrasts.directions if term.directions is None else term.directions)[:, columns]
        scores = group_sums(Z * (fit.weights * fit.residuals)[:, None], term.groups, term.size)
        rooted = scores if term.kernel_root is None else term.kernel_root.T @ scores
        total += term.scale * (rooted.T @ rooted)
    nothing = np.abs(np.diag(total)) <= CANCELLED * row_variances(fit, contrasts, columns)
    total[nothing, :] = total[:, nothing] = np.nan
    return total


def row_variances(fit: WildRegression, contrasts: Contrasts, chosen: Sequence[int]) -> FloatArray:
    """Return the variances of chosen contrasts with every row on its own, shape (q,): what sums are small against."""
    rows = contrasts.directions[:, list(chosen)] * (fit.weights * fit.residuals)[:, None]
    return np.asarray(np.einsum("nq,nq->q", rows, rows))


def symmetric_ends(contrasts: Contrasts, variances: FloatArray, t_draws: FloatArray, level: float) -> FloatArray:
    """Return the intervals of an unrestricted bootstrap, shape (m, 2)."""
    estimates, errors = contrasts.gaps + contrasts.null, np.sqrt(np.where(variances > 0, variances, np.nan))
    pairs = zip(t_draws, estimates, errors, strict=True)
    return np.array([symmetric_interval(t, float(b), float(s), 1 - level) for t, b, s in pairs])


def summarise(
    contrasts: Contrasts,
    variances: FloatArray,
    drawn: tuple[FloatArray, FloatArray],
    design: WildDesign,
    options: WildOptions,
) -> WildTests:
    """Turn draws and interval ends into the record."""
    t_draws, ends = drawn
    se = np.sqrt(np.where(variances > 0, variances, np.nan))
    statistic = contrasts.gaps / se
    both = zip(t_draws, statistic, strict=True)
    p = np.array([exceedance(t, float(s), options.ties, options.alternative) for t, s in both])
    plan = design.plan
    return WildTests(
        estimate=contrasts.gaps + contrasts.null,
        null=contrasts.null,
        se=se,
        statistic=statistic,
        p_value=p,
        p_error=np.zeros_like(p) if plan.enumerated else np.sqrt(p * (1 - p) / plan.draws),
        lower=ends[:, 0],
        upper=ends[:, 1],
        t_draws=t_draws,
        draws=plan.draws,
        enumerated=plan.enumerated,
        invalid=np.count_nonzero(~np.isfinite(t_draws), axis=1),
        convention=design.convention,
    )
