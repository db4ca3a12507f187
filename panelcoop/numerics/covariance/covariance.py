"""One door to every covariance of the coefficients, for least squares and Poisson alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import linalg

from panelcoop.checks import fail_if_not_one_of, name_few
from panelcoop.errors import DataError
from panelcoop.numerics.covariance.bias_reduced import crv2, crv3
from panelcoop.numerics.covariance.clusters import cluster_parts
from panelcoop.numerics.covariance.hac import default_lag, driscoll_kraay_meat, newey_west_meat
from panelcoop.numerics.covariance.small_sample import SmallSampleRule, count_parameters, rows_factor, small_sample_rule
from panelcoop.numerics.covariance.spatial_hac import SpatialKernel, conley_meat
from panelcoop.numerics.grouping import Grouping, group_rows
from panelcoop.numerics.regression.least_squares import LinearFit
from panelcoop.numerics.regression.leverage import row_leverage
from panelcoop.numerics.threads import one_thread
from panelcoop.options import Covariance, FloatArray, IntArray, SmallSample

__all__ = ["CovarianceRecord", "covariance"]

NO_VARIANCE = 1e-16  # of the variance from single rows: what rounding leaves where summed scores cancel
NO_DIFFERENCE = 1e-13  # the same for two-way sums, whose terms cancel each other
KINDS = ("iid", "HC1", "HC2", "HC3", "CRV1", "CRV2", "CRV3", "two-way", "newey-west", "driscoll-kraay", "conley")
LEVERAGE_ONE = 1e-10  # rows whose leverage is this close to one fit perfectly and have no residual to correct
PSD_TOLERANCE = 1e-10  # negative eigenvalues of the scaled matrix that rounding explains


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


@dataclass(frozen=True, eq=False)
class Dimensions:
    """What a covariance is taken over.

    Attributes
    ----------
    clusters : one grouping per cluster dimension
    units, weeks : regions and weeks, for covariances in time
    lag : largest lag in weeks
    space : distances, kernel and cutoff of Conley's covariance
    """

    clusters: tuple[Grouping, ...]
    units: Grouping | None
    weeks: Grouping | None
    lag: int
    space: SpatialKernel | None


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
    units, weeks : integer codes (n,) of region and week for newey-west (both), driscoll-kraay (weeks) and conley
    lag : largest lag in weeks; default that of the small-sample preset (floor(T^(1/4)) in fixest), 0 for conley
    space : distances and kernel for conley
    small_sample : a preset, or an explicit `SmallSampleRule`
    repair : set negative eigenvalues to zero where the estimate is not positive semi-definite

    Notes
    -----
    V = factor x B M B with bread B and the meat M of the kind. References: White (1980); MacKinnon and White (1985);
    Bell and McCaffrey (2002); Cameron, Gelbach and Miller (2011); MacKinnon, Nielsen and Webb (2023); Newey and West
    (1987);
    Driscoll and Kraay (1998); Conley (1999).

    Raises
    ------
    DataError
        When the kind needs clusters, weeks or distances that were not given, or there is one cluster only.
    """
    fail_if_not_one_of(kind, KINDS, "kind")
    rule = small_sample_rule(kind, small_sample) if isinstance(small_sample, str) else small_sample
    over = _dimensions(fit, kind, clusters=clusters, units=units, weeks=weeks, space=space)
    over = replace(over, lag=_lag(kind, over, lag, small_sample))
    full, df, factor, notes = _estimate(fit, kind, over, rule)
    full, lost = _without_variance(fit, _natural(fit, full), NO_DIFFERENCE if kind == "two-way" else NO_VARIANCE)
    notes += lost
    psd, smallest = _is_psd(full)
    notes += () if psd else (_psd_note(smallest, repaired=repair),)
    if repair and not psd:
        full = _repaired(full)
    unknown = ~fit.identified
    cov = full.copy()
    cov[unknown, :] = np.nan
    cov[:, unknown] = np.nan
    groups = tuple(g.size for g in over.clusters) or ((over.weeks.size,) if over.weeks is not None else ())
    return CovarianceRecord(
        kind, cov, full, df, factor, groups, _convention(kind, over, rule, factor), psd, repair and not psd, notes
    )


def _grouped(fit: LinearFit, codes: IntArray, name: str) -> Grouping:
    """Group the rows, or return the effect these codes were absorbed as."""
    for known in fit.absorber.groupings:
        if known.codes is codes:
            return known
    found = group_rows(codes, name)
    if len(codes) != fit.nobs:
        msg = f"'{name}' has {len(codes)} codes for {fit.nobs} rows; subset the codes as the rows were."
        raise DataError(msg)
    return found


def _dimensions(
    fit: LinearFit,
    kind: Covariance,
    *,
    clusters: Sequence[IntArray],
    units: IntArray | None,
    weeks: IntArray | None,
    space: SpatialKernel | None,
) -> Dimensions:
    """Group the rows as the kind needs them, or say what is missing."""
    wanted = {"CRV1": 1, "CRV2": 1, "CRV3": 1, "two-way": 2}.get(kind, 0)
    if wanted and (len(clusters) < wanted or (kind != "two-way" and len(clusters) > 1)):
        number = "at least two cluster dimensions" if wanted == 2 else "one cluster dimension"
        msg = f"'{kind}' needs {number}; got {len(clusters)}."
        raise DataError(msg)
    need = {"newey-west": ("units", "weeks"), "driscoll-kraay": ("weeks",), "conley": ("units", "space")}
    given = {"units": units, "weeks": weeks, "space": space}
    missing = [name for name in need.get(kind, ()) if given[name] is None]
    if missing:
        msg = f"'{kind}' needs {' and '.join(missing)}; pass the codes of each row."
        raise DataError(msg)
    grouped = tuple(_grouped(fit, c, f"cluster {i + 1}") for i, c in enumerate(clusters)) if wanted else ()
    for position, found in enumerate(grouped):
        if found.size < 2:
            msg = f"Cluster dimension {position + 1} holds one cluster; a clustered covariance needs at least two."
            raise DataError(msg)
    timed = kind in need
    by_week = _grouped(fit, weeks, "weeks") if timed and weeks is not None else None
    by_unit = _grouped(fit, units, "units") if timed and units is not None else None
    if kind in ("newey-west", "driscoll-kraay") and by_week is not None and by_week.size < 2:
        msg = f"'{kind}' needs at least two weeks."
        raise DataError(msg)
    return Dimensions(grouped, by_unit, by_week, 0, space)


def _lag(kind: Covariance, over: Dimensions, lag: int | None, small_sample: SmallSample | SmallSampleRule) -> int:
    """Return the lag that was asked for, or the program's default."""
    if lag is not None and lag < 0:
        msg = f"The lag must not be negative; got {lag}."
        raise DataError(msg)
    if kind == "conley" or over.weeks is None:
        return int(lag or 0)
    preset: SmallSample = small_sample if isinstance(small_sample, str) else "fixest"
    return default_lag(over.weeks.size, preset) if lag is None else int(lag)


def _estimate(
    fit: LinearFit, kind: Covariance, over: Dimensions, rule: SmallSampleRule
) -> tuple[FloatArray, FloatArray, float, tuple[str, ...]]:
    """Return the covariance in the design's coordinates, its degrees of freedom, the factor and notes."""
    k = len(fit.solution)
    if kind == "CRV2":
        found = crv2(fit, over.clusters[0])
        return _sandwich(fit.bread, found.scores.T @ found.scores), found.df, 1.0, ()
    if kind == "CRV3":
        return _jackknife(fit, over.clusters[0])
    parameters = count_parameters(fit, rule, over.clusters)
    rows = rows_factor(rule, fit.nobs, parameters)
    df = np.full(k, _degrees(fit, rule, over, parameters))
    if kind == "iid":
        if fit.dispersion is not None:
            factor = (fit.nobs - 1) / (fit.nobs - parameters) if rule.parameters == "levels" else 1.0
            return factor * fit.dispersion * fit.bread, np.full(k, np.inf), factor, ()
        return rows * fit.rss / fit.nobs * fit.bread, df, rows, ()
    if over.clusters:
        meat, factor = _clustered(fit, over.clusters, rule, rows)
        return _sandwich(fit.bread, meat), df, factor, ()
    weeks = over.weeks.size if over.weeks is not None else 0
    factor = rows * (weeks / (weeks - 1) if rule.groups != "none" and weeks > 1 else 1.0)
    return factor * _sandwich(fit.bread, _meat(fit, kind, over)), df, factor, ()


def _jackknife(fit: LinearFit, clusters: Grouping) -> tuple[FloatArray, FloatArray, float, tuple[str, ...]]:
    """Return CRV3; NaN, with a note, for coefficients that one cluster alone identifies."""
    found, size = crv3(fit, clusters), clusters.size
    factor = (size - 1) / size
    full = factor * _sandwich(fit.bread, found.scores.T @ found.scores)
    notes = []
    for column in np.flatnonzero(found.undefined.any(axis=0) & fit.identified):
        full[column, :] = full[:, column] = np.nan
        where = name_few(clusters.labels[found.undefined[:, column]])
        notes.append(f"'{fit.names[column]}' is not identified without cluster {where}: the jackknife is undefined.")
    return full, np.full(len(full), size - 1.0), factor, tuple(notes)


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
) -> tuple[FloatArray, float]:
    """Return the scaled meat and the factor (of the smallest dimension)."""
    smallest = min(c.size for c in clusters)
    common = smallest / (smallest - 1) if rule.groups != "none" else 1.0
    total = np.zeros_like(fit.bread)
    for sign, size, meat in cluster_parts(fit, clusters):
        total += sign * (size / (size - 1) if rule.groups == "each" else common) * rows * meat
    return total, common * rows


def _degrees(fit: LinearFit, rule: SmallSampleRule, over: Dimensions, parameters: int) -> float:
    if rule.df == "infinite":
        return float("inf")
    sizes = [c.size for c in over.clusters] or ([over.weeks.size] if over.weeks is not None else [])
    if rule.df == "groups" and sizes:
        return float(min(sizes) - 1)
    return float(max(fit.nobs - parameters, 0)) or float("nan")


def _sandwich(bread: FloatArray, meat: FloatArray) -> FloatArray:
    full = bread @ meat @ bread
    return np.asarray((full + full.T) / 2)


def _without_variance(fit: LinearFit, full: FloatArray, least: float) -> tuple[FloatArray, tuple[str, ...]]:
    """Set to NaN what rests on a single week or cluster: its summed scores cancel to rounding and show no variance."""
    alone = np.diag(_natural(fit, _sandwich(fit.bread, fit.meat)))
    lost = (np.abs(np.diag(full)) <= least * alone) & (alone > 0)
    if not lost.any():
        return full, ()
    full = full.copy()
    full[lost, :] = np.nan
    full[:, lost] = np.nan
    names = ", ".join(name for name, gone in zip(fit.names, lost, strict=True) if gone)
    return full, (f"No variance to estimate for {names}: summed over weeks or clusters the scores cancel.",)


def _natural(fit: LinearFit, full: FloatArray) -> FloatArray:
    """Carry a covariance from the coordinates of the design to those of the columns as given."""
    turn = fit.design.turn
    return full if turn is None else np.asarray(turn @ full @ turn.T)


def _is_psd(full: FloatArray) -> tuple[bool, float]:
    """Say whether a covariance, scaled to a unit diagonal, has no negative eigenvalue beyond rounding."""
    if not np.isfinite(full).all():
        return True, float("nan")
    scale = np.sqrt(np.abs(np.diag(full)))
    scale[scale == 0] = 1.0
    smallest = float(linalg.eigvalsh(full / np.outer(scale, scale), check_finite=False)[0])
    return smallest >= -PSD_TOLERANCE, smallest


def _repaired(full: FloatArray) -> FloatArray:
    """Set negative eigenvalues to zero (Cameron, Gelbach and Miller, 2011)."""
    values, vectors = linalg.eigh(full)
    return np.asarray((vectors * np.clip(values, 0.0, None)) @ vectors.T)


def _psd_note(smallest: float, *, repaired: bool) -> str:
    text = f"The covariance is not positive semi-definite (smallest eigenvalue {smallest:.2g} of the scaled matrix)"
    return f"{text}; negative eigenvalues were set to zero." if repaired else f"{text}; it was left as it is."


def _convention(kind: Covariance, over: Dimensions, rule: SmallSampleRule, factor: float) -> str:
    """Write the convention in one sentence."""
    sizes = " x ".join(str(c.size) for c in over.clusters)
    text = f"{kind}, {sizes} clusters" if sizes else kind
    if kind in ("newey-west", "driscoll-kraay", "conley"):
        text += f", lag {over.lag}"
    if kind == "conley" and over.space is not None:
        text += f", {over.space.kernel} kernel to {over.space.cutoff:g}"
    pieces = [] if rule.rows == "none" else [f"{rule.rows} with K = {rule.parameters}"]
    if rule.groups != "none" and (sizes or over.weeks is not None):
        pieces.append(f"{'G' if sizes else 'T'}/({'G' if sizes else 'T'}-1) {rule.groups}")
    if kind == "CRV2":
        pieces = ["Bell-McCaffrey degrees of freedom"]
    if kind == "CRV3":
        pieces = ["jackknife, (G-1)/G"]
    return f"{text}; factor {factor:.6g} ({', '.join(pieces) or 'none'})"
