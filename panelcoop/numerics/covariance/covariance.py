"""One door to every covariance of the coefficients, for least squares and Poisson alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from panelcoop.checks import fail_if_not_one_of, name_few
from panelcoop.errors import DataError
from panelcoop.numerics.covariance.bias_reduced import ClusterCorrection, crv2, crv3
from panelcoop.numerics.covariance.clusters import cluster_parts
from panelcoop.numerics.covariance.definiteness import definiteness_note, is_psd, repaired, without_variance
from panelcoop.numerics.covariance.dimensions import Dimensions, dimensions_of, lag_of, nesting_groups
from panelcoop.numerics.covariance.hac import driscoll_kraay_meat, newey_west_meat
from panelcoop.numerics.covariance.small_sample import (
    SmallSampleRule,
    count_parameters,
    groups_factor,
    residual_degrees,
    rows_factor,
    small_sample_rule,
)
from panelcoop.numerics.covariance.spatial_hac import SpatialKernel, conley_meat
from panelcoop.numerics.grouping import Grouping
from panelcoop.numerics.regression.iterative import IterativeSolver
from panelcoop.numerics.regression.least_squares import LinearFit
from panelcoop.numerics.regression.leverage import row_leverage
from panelcoop.numerics.threads import one_thread
from panelcoop.options import BoolArray, Covariance, FloatArray, IntArray, SmallSample

__all__ = ["CovarianceRecord", "covariance", "jackknife_notes"]

NO_VARIANCE = 1e-16  # of the variance from single rows: what rounding leaves where summed scores cancel
NO_DIFFERENCE = 1e-13  # the same for two-way sums, whose terms cancel each other
KINDS = ("iid", "HC1", "HC2", "HC3", "CRV1", "CRV2", "CRV3", "two-way", "newey-west", "driscoll-kraay", "conley")
RANKED = ("rank", "rank-unless-nested", "nonnested-rank", "nonregional")
LEVERAGE_ONE = 1e-10  # rows whose leverage is this close to one fit perfectly and have no residual to correct


@dataclass(frozen=True, eq=False)
class CovarianceRecord:
    """A covariance of the coefficients and the convention behind it.

    Attributes
    ----------
    kind : its name
    cov : (k, k), NaN in rows and columns of coefficients that are not identified
    full : (k, k) the same in the coordinates of `LinearFit.solution`: for contrasts that are identified
    df : (k,) degrees of freedom of t, per coefficient; infinite for the normal
    factor : the small-sample factor that was applied
    groups : clusters per dimension, or weeks
    convention : one sentence
    psd : whether the estimate was positive semi-definite before any repair
    repaired : whether negative eigenvalues were set to zero
    notes : what a careful reader should know
    correction : of CRV2, what degrees of freedom of contrasts and joint tests are read from
    undefined : (G, k) of CRV3, coefficients that are not identified without a cluster
    factors : of "two-way", the factor of each dimension and combination of dimensions, in the order of `cluster_parts`
    """

    kind: Covariance
    cov: FloatArray
    full: FloatArray
    df: FloatArray
    factor: float
    groups: tuple[int, ...]
    convention: str
    psd: bool
    repaired: bool
    notes: tuple[str, ...]
    correction: ClusterCorrection | None = None
    undefined: BoolArray | None = None
    factors: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class _Estimated:
    """A covariance (k, k) in the design's coordinates, degrees of freedom (k,), factor and notes."""

    full: FloatArray
    df: FloatArray
    factor: float
    notes: tuple[str, ...] = ()
    correction: ClusterCorrection | None = None
    undefined: BoolArray | None = None
    factors: tuple[float, ...] = ()


@one_thread
def covariance(
    fit: LinearFit,
    kind: Covariance,
    *,
    clusters: Sequence[IntArray] = (),
    units: IntArray | None = None,
    weeks: IntArray | None = None,
    lag: int | None = None,
    space: SpatialKernel | None = None,
    small_sample: SmallSample | SmallSampleRule = "fixest",
    repair: bool = False,
) -> CovarianceRecord:
    """Estimate the covariance of the coefficients.

    Parameters
    ----------
    fit : a `LinearFit`, or the `linear` part of a Poisson fit
    kind : "iid", "HC1", "HC2", "HC3", "CRV1", "CRV2", "CRV3", "two-way", "newey-west", "driscoll-kraay" or "conley"
    clusters : integer codes (n,) per dimension: one for CRV1, CRV2 and CRV3; two or more for "two-way"
    units, weeks : integer codes (n,) of region and week for newey-west (both), driscoll-kraay (weeks; units tell the
        preset "stata" which effects are of regions) and conley
    lag : largest lag in weeks; default that of the small-sample preset (floor(T^(1/4)) in fixest), 0 for conley
    space : distances and kernel for conley
    small_sample : a preset, or an explicit `SmallSampleRule`
    repair : set negative eigenvalues to zero where the estimate is not positive semi-definite

    Notes
    -----
    V = factor x B M B with bread B and the meat M of the kind; an explicit rule gives the factor and the degrees of
    freedom of every kind. References: White (1980); MacKinnon and White (1985); Bell and McCaffrey (2002); Cameron,
    Gelbach and Miller (2011); MacKinnon, Nielsen and Webb (2023); Newey and West (1987); Driscoll and Kraay (1998);
    Conley (1999).

    Raises
    ------
    DataError
        When the kind needs clusters, weeks or distances that were not given, or there is one cluster only.
    """
    fail_if_not_one_of(kind, KINDS, "kind")
    rule = _written_out(fit, kind, small_sample)
    over = dimensions_of(fit, kind, clusters=clusters, units=units, weeks=weeks, space=space)
    over = replace(over, lag=lag_of(kind, over, lag, small_sample))
    if fit.saturated:
        return _nothing_left(fit, kind, over, rule)
    found = _estimate(fit, kind, over, rule)
    alone = np.diag(_natural(fit, _sandwich(fit.bread, fit.meat)))
    least = NO_DIFFERENCE if kind == "two-way" else NO_VARIANCE
    full, lost = without_variance(_natural(fit, found.full), alone, fit.names, least)
    psd, smallest = is_psd(full)
    notes = (*found.notes, *lost, *_count_notes(fit, rule))
    notes += () if psd else (definiteness_note(smallest, mended=repair),)
    full = repaired(full) if repair and not psd else full
    return CovarianceRecord(
        kind,
        cov=_known(full, fit.identified),
        full=full,
        df=found.df,
        factor=found.factor,
        groups=over.sizes,
        convention=_convention(fit, kind, over, rule, found.factor),
        psd=psd,
        repaired=repair and not psd,
        notes=notes,
        correction=found.correction,
        undefined=found.undefined,
        factors=found.factors,
    )


def _known(full: FloatArray, identified: BoolArray) -> FloatArray:
    return np.where(identified[:, None] & identified[None, :], full, np.nan)


def _written_out(fit: LinearFit, kind: Covariance, small_sample: SmallSample | SmallSampleRule) -> SmallSampleRule:
    if isinstance(small_sample, SmallSampleRule):
        return small_sample
    return small_sample_rule(kind, small_sample, counts=fit.dispersion is not None)


def _nothing_left(fit: LinearFit, kind: Covariance, over: Dimensions, rule: SmallSampleRule) -> CovarianceRecord:
    """Return NaN, with the reason, where the fit leaves no residual to estimate a variance from."""
    k = len(fit.solution)
    nothing, lost = np.full((k, k), np.nan), float("nan")
    convention = _convention(fit, kind, over, rule, lost)
    return CovarianceRecord(
        kind,
        cov=nothing,
        full=nothing,
        df=np.full(k, lost),
        factor=lost,
        groups=over.sizes,
        convention=convention,
        psd=True,
        repaired=False,
        notes=(fit.saturated,),
    )


def _count_notes(fit: LinearFit, rule: SmallSampleRule) -> tuple[str, ...]:
    """Say where the rank of the effects, and with it K, is an upper bound."""
    door = fit.absorber
    ranked = rule.parameters in RANKED and (rule.rows.endswith("(n-K)") or rule.df == "rows")
    if ranked and len(door.groupings) > 2 and isinstance(door.solver, IterativeSolver):
        counted = f"K counts the rank of {len(door.groupings)} effects by their connected sets"
        return (f"{counted}: exact for pairs, origin-weeks and destination-weeks, an upper bound in general.",)
    return ()


def _estimate(fit: LinearFit, kind: Covariance, over: Dimensions, rule: SmallSampleRule) -> _Estimated:
    """Return the covariance of a kind."""
    k = len(fit.solution)
    parameters = count_parameters(fit, rule, nesting_groups(kind, over, rule))
    rows = rows_factor(rule, fit.nobs, parameters)
    if kind == "CRV2":
        found = crv2(fit, over.clusters[0])
        factor = rows * groups_factor(rule, over.clusters[0].size)
        full = factor * _sandwich(fit.bread, found.scores.T @ found.scores)
        if rule.df == "satterthwaite":
            return _Estimated(full, found.df, factor, (), found)
        return _Estimated(full, np.full(k, _degrees(fit, rule, over, parameters)), factor)
    df = np.full(k, _degrees(fit, rule, over, parameters))
    if kind == "CRV3":
        return _jackknife(fit, over.clusters[0], rows * groups_factor(rule, over.clusters[0].size), df)
    if kind == "iid":
        dispersion = fit.rss / fit.nobs if fit.dispersion is None else fit.dispersion
        return _Estimated(rows * dispersion * fit.bread, df, rows)
    if over.clusters:
        meat, factors = _clustered(fit, over.clusters, rule, rows)
        common = rows * groups_factor(rule, min(c.size for c in over.clusters))
        return _Estimated(_sandwich(fit.bread, meat), df, common, factors=factors)
    factor = rows * (1.0 if over.weeks is None else groups_factor(rule, over.weeks.size))
    return _Estimated(factor * _sandwich(fit.bread, _meat(fit, kind, over)), df, factor)


def _jackknife(fit: LinearFit, clusters: Grouping, factor: float, df: FloatArray) -> _Estimated:
    """Return CRV3; NaN, with a note, for coefficients that one cluster alone identifies."""
    found = crv3(fit, clusters)
    full = factor * _sandwich(fit.bread, found.scores.T @ found.scores)
    undefined = found.undefined & fit.identified
    lost = undefined.any(axis=0)
    full[lost, :] = full[:, lost] = np.nan
    notes = jackknife_notes(fit.names, clusters.labels.tolist(), undefined)
    return _Estimated(full, df, factor, notes, undefined=undefined)


def jackknife_notes(names: Sequence[str], labels: Sequence[object], undefined: BoolArray) -> tuple[str, ...]:
    """Name the clusters (G,) without which coefficients (k,) are not identified, from `undefined` (G, k)."""
    said = []
    for column in np.flatnonzero(undefined.any(axis=0)).tolist():
        where = name_few([label for label, gone in zip(labels, undefined[:, column], strict=True) if gone])
        said.append(f"'{names[column]}' is not identified without cluster {where}: the jackknife is undefined.")
    return tuple(said)


def _meat(fit: LinearFit, kind: Covariance, over: Dimensions) -> FloatArray:
    """Return the (k, k) middle of the sandwich for kinds without clusters."""
    if kind == "HC1":
        return fit.meat
    if kind in ("HC2", "HC3"):
        rest = np.clip(1.0 - row_leverage(fit), 0.0, None)
        shrink = np.where(rest > LEVERAGE_ONE, rest, np.inf)
        scores = fit.row_scores() / (np.sqrt(shrink) if kind == "HC2" else shrink)[:, None]
        return np.asarray(scores.T @ scores)
    if kind == "driscoll-kraay" and over.weeks is not None:
        return driscoll_kraay_meat(fit.scores(over.weeks), over.weeks.labels, over.lag)
    if kind == "newey-west" and over.units is not None and over.weeks is not None:
        return newey_west_meat(fit.row_scores(), over.units, over.weeks, over.lag)
    if over.units is None or over.space is None:
        raise DataError("'conley' needs units and space.")
    return conley_meat(fit.row_scores(), over.units, over.weeks, over.space, over.lag)


def _clustered(
    fit: LinearFit, clusters: tuple[Grouping, ...], rule: SmallSampleRule, rows: float
) -> tuple[FloatArray, tuple[float, ...]]:
    """Return the scaled meat and the factor of each part: that of the smallest dimension, or each part's own."""
    smallest = min(c.size for c in clusters)
    total, factors = np.zeros_like(fit.bread), []
    for sign, size, meat in cluster_parts(fit, clusters):
        factors.append(rows * groups_factor(rule, size if rule.groups == "each" else smallest))
        total += sign * factors[-1] * meat
    return total, tuple(factors)


def _degrees(fit: LinearFit, rule: SmallSampleRule, over: Dimensions, parameters: int) -> float:
    if rule.df == "infinite":
        return float("inf")
    if rule.df == "satterthwaite":
        raise DataError("df='satterthwaite' is known for CRV2 only; take 'groups', 'rows' or 'infinite'.")
    sizes = [c.size for c in over.clusters] or ([over.weeks.size] if over.weeks is not None else [])
    if rule.df == "groups" and sizes:
        return float(min(sizes) - 1)
    return residual_degrees(fit, rule, parameters)


def _sandwich(bread: FloatArray, meat: FloatArray) -> FloatArray:
    full = bread @ meat @ bread
    return np.asarray((full + full.T) / 2)


def _natural(fit: LinearFit, full: FloatArray) -> FloatArray:
    """Carry a covariance from the coordinates of the design to those of the columns as given."""
    turn = fit.design.turn
    return full if turn is None else np.asarray(turn @ full @ turn.T)


def _convention(fit: LinearFit, kind: Covariance, over: Dimensions, rule: SmallSampleRule, factor: float) -> str:
    """Write the convention in one sentence."""
    sizes = " x ".join(str(c.size) for c in over.clusters)
    text = f"{kind}, {sizes} clusters" if sizes else kind
    if kind in ("newey-west", "driscoll-kraay") or (kind == "conley" and over.weeks is not None):
        text += f", lag {over.lag}"
    if kind == "conley" and over.space is not None:
        joint = {"product": " times Bartlett weights in time", "all": " over all weeks alike"}.get(
            over.space.serial, ""
        )
        flat = " of triangular distance" if over.space.metric == "triangular" else ""
        text += f", {over.space.kernel} kernel to {over.space.cutoff:g}{flat}{joint}"
    pieces = []
    if kind == "CRV3":
        pieces.append("jackknife" if fit.dispersion is None else "one-step jackknife at the estimate")
    if rule.rows != "none":
        pieces.append(rule.rows + (f" with K = {rule.parameters}" if rule.rows != "n/(n-1)" else ""))
    if rule.groups != "none" and (sizes or over.weeks is not None):
        group = "G" if sizes else "T"
        written = f"({group}-1)/{group}" if rule.groups == "jackknife" else f"{group}/({group}-1) {rule.groups}"
        pieces.append(written)
    if rule.df == "satterthwaite":
        step = "" if fit.dispersion is None else " of the last weighted step"
        pieces.append(f"Bell-McCaffrey degrees of freedom{step}")
    if kind == "CRV2" and fit.weights is not None:
        pieces.append("working model: variance 1/weight")
    return f"{text}; factor {factor:.6g} ({', '.join(pieces) or 'none'})"
