"""Few clusters: CRV2 with Bell-McCaffrey degrees of freedom, and CRV3, the cluster jackknife."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from panelcoop.errors import DataError
from panelcoop.numerics.grouping import Grouping, group_sums
from panelcoop.numerics.regression.least_squares import LinearFit
from panelcoop.numerics.regression.leverage import cluster_hat
from panelcoop.options import BoolArray, FloatArray

__all__ = ["ClusterCorrection", "Jackknife", "bell_mccaffrey_df", "crv2", "crv3"]

MOST_ROWS = 5000  # rows of one cluster: its hat matrix is formed densely
WELL_POSED = 1e-6  # smallest squared pivot for which a Cholesky solve keeps nine digits
LOST = 1e-6  # share of a column's norm in a vanishing direction that is rounding
SINGULAR = 1e-9  # eigenvalue of I - H that counts as zero (an effect nested in the cluster)


@dataclass(frozen=True, eq=False)
class ClusterCorrection:
    """Scores of clusters after leverage is corrected for.

    Attributes
    ----------
    scores : (G, k) corrected scores
    df : (k,) degrees of freedom per coefficient
    """

    scores: FloatArray
    df: FloatArray


@dataclass(frozen=True, eq=False)
class Jackknife:
    """Clusters left out one by one.

    Attributes
    ----------
    scores : (G, k) X_g' (I - H_gg)^+ e_g; bread times a row is the change when that cluster is left out
    undefined : (G, k) coefficients that are not identified without the cluster
    """

    scores: FloatArray
    undefined: BoolArray


def crv3(fit: LinearFit, clusters: Grouping) -> Jackknife:
    """Leave out each cluster, by its block of the hat matrix instead of a refit (MacKinnon, Nielsen and Webb, 2023)."""
    k = len(fit.solution)
    scores, undefined = np.zeros((clusters.size, k)), np.zeros((clusters.size, k), dtype=bool)
    for group, columns, resid, hat in _cluster_blocks(fit, clusters):
        left, gone = _left_out(resid, hat, _single_level(fit, clusters, group, len(hat)))
        scores[group] = columns.T @ left
        undefined[group] = _unidentified(fit, columns, gone)
    return Jackknife(scores, undefined)


def _unidentified(fit: LinearFit, columns: FloatArray, gone: FloatArray) -> BoolArray:
    """Say which coefficients the vanishing directions (m, d) of a cluster's rows (m, k) take with them."""
    lost = columns.T @ gone
    lost[np.abs(lost) < LOST * np.sqrt((columns**2).sum(axis=0))[:, None]] = 0.0
    moved = np.abs(fit.bread @ lost) * fit.ranks.scale[:, None]
    return np.asarray((moved > LOST * moved.max(axis=0, initial=1e-300)).any(axis=1))


def _left_out(resid: FloatArray, hat: FloatArray, level: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    """Return (I - H)^+ e, the residuals of a cluster when it is left out, and directions that then vanish.

    Where the cluster is one level of an effect, I - H vanishes along that level only, and residuals have no part
    there: adding the level's projection makes the matrix invertible and changes nothing.
    """
    rest = -hat
    rest[np.diag_indices_from(rest)] += 1.0
    if level is not None:
        try:
            factor = linalg.cho_factor(rest + np.outer(level, level), lower=True, check_finite=False)
            if np.diag(factor[0]).min() ** 2 > WELL_POSED:
                return linalg.cho_solve(factor, resid, check_finite=False), np.empty((len(resid), 0))
        except linalg.LinAlgError:
            pass
    values, vectors = linalg.eigh(rest, check_finite=False)
    kept = values > SINGULAR
    inverse = np.where(kept, 1.0 / np.where(kept, values, 1.0), 0.0)
    return vectors @ (inverse * (vectors.T @ resid)), vectors[:, ~kept]


def _single_level(fit: LinearFit, clusters: Grouping, group: int, size: int) -> FloatArray | None:
    """Return the unit vector of the one effect level that equals this cluster, if there is one and no trend."""
    if fit.absorber.time is not None:
        return None
    for effect in fit.absorber.groupings:
        if effect.codes is clusters.codes or (
            effect.size == clusters.size and np.array_equal(effect.codes, clusters.codes)
        ):
            rows = slice(None) if fit.weights is None else effect.codes == group
            level = np.ones(size) if fit.weights is None else np.sqrt(fit.weights[rows])
            return np.asarray(level / np.linalg.norm(level))
    return None


def crv2(fit: LinearFit, clusters: Grouping) -> ClusterCorrection:
    """Return corrected scores X_g' (I - H_gg)^(+1/2) e_g and Bell-McCaffrey degrees of freedom of every coefficient.

    Notes
    -----
    H is the hat matrix of columns and absorbed effects together, as if the effects were dummy variables (Bell and
    McCaffrey, 2002; Imbens and Kolesar, 2016; Pustejovsky and Tipton, 2018), with independent errors of one variance
    as working model.
    """
    k = len(fit.solution)
    scores, adjusted = np.zeros((clusters.size, k)), []
    for group, columns, resid, hat in _cluster_blocks(fit, clusters):
        left = columns.T @ _inverse_root(hat)
        scores[group] = left @ resid
        adjusted.append(left.T)
    df = np.array([_satterthwaite(fit, clusters, adjusted, unit) for unit in np.eye(k)])
    return ClusterCorrection(scores, np.where(fit.identified, df, np.nan))


def bell_mccaffrey_df(fit: LinearFit, clusters: Grouping, contrast: FloatArray) -> float:
    """Return the Bell-McCaffrey degrees of freedom of one contrast (k,) under CRV2."""
    adjusted = [(columns.T @ _inverse_root(hat)).T for _, columns, _, hat in _cluster_blocks(fit, clusters)]
    return _satterthwaite(fit, clusters, adjusted, np.asarray(contrast, float))


def _inverse_root(hat: FloatArray) -> FloatArray:
    values, vectors = linalg.eigh(np.eye(len(hat)) - hat, check_finite=False)
    root = np.where(values > SINGULAR, 1.0 / np.sqrt(np.where(values > SINGULAR, values, 1.0)), 0.0)
    return np.asarray((vectors * root) @ vectors.T)


def _satterthwaite(fit: LinearFit, clusters: Grouping, adjusted: list[FloatArray], contrast: FloatArray) -> float:
    """Return tr(P)^2 / tr(P P) with P_gh = a_g' (I - H)_gh a_h and a_g the corrected rows along the contrast."""
    weights = fit.bread @ contrast
    order = np.argsort(clusters.codes, kind="stable")
    ends = np.cumsum(clusters.counts)[:-1]
    along = np.zeros((fit.nobs, clusters.size))
    squares, inner = np.zeros(clusters.size), np.zeros((clusters.size, len(contrast)))
    for group, rows in enumerate(np.split(order, ends)):
        a = adjusted[group] @ weights
        root = None if fit.weights is None else np.sqrt(fit.weights[rows])
        along[rows, group] = a if root is None else a / root
        squares[group] = a @ a
        columns, _ = fit.design.demeaned(rows)
        inner[group] = (a if root is None else a * root) @ columns
    P = np.diag(squares) - inner @ fit.bread @ inner.T - _explained_by_effects(fit, along)
    bottom = float((P**2).sum())
    return float(np.trace(P)) ** 2 / bottom if bottom > 0 else float("nan")


def _explained_by_effects(fit: LinearFit, along: FloatArray) -> FloatArray:
    """Return the (G, G) inner products of the part of each column of `along` that the effects explain."""
    door = fit.absorber
    if door.solver is None:
        return np.zeros((along.shape[1],) * 2)
    tables = door.tables(along)
    sums = [group_sums(along, g.codes, g.size, door.weights) for g in door.groupings]
    part = sum(table.T @ total for table, total in zip(tables.levels, sums, strict=True))
    if tables.slopes is not None and door.time is not None:
        time = door.time if door.weights is None else door.time * door.weights
        first = door.groupings[0]
        part = part + tables.slopes.T @ group_sums(along, first.codes, first.size, time)
    return np.asarray(part)


def _cluster_blocks(fit: LinearFit, clusters: Grouping) -> Iterator[tuple[int, FloatArray, FloatArray, FloatArray]]:
    """Yield (group, columns, residuals, hat block), rows scaled by the root of their weights."""
    if int(clusters.counts.max()) > MOST_ROWS:
        msg = f"CRV2 and CRV3 form one matrix per cluster; the largest has {clusters.counts.max()} rows; use CRV1."
        raise DataError(msg)
    order = np.argsort(clusters.codes, kind="stable")
    for group, rows in enumerate(np.split(order, np.cumsum(clusters.counts)[:-1])):
        columns, _ = fit.design.demeaned(rows)
        resid = fit.resid[rows]
        if fit.weights is not None:
            root = np.sqrt(fit.weights[rows])
            columns, resid = columns * root[:, None], resid * root
        yield group, columns, resid, cluster_hat(fit, rows, columns)
