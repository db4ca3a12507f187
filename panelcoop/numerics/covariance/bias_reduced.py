"""Few clusters: CRV2, which corrects scores for leverage, and CRV3, the cluster jackknife."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from panelcoop.errors import DataError
from panelcoop.numerics.covariance.satterthwaite import ClusterMoments, satterthwaite_df
from panelcoop.numerics.covariance.small_sample import nested_effects
from panelcoop.numerics.grouping import Grouping
from panelcoop.numerics.regression.least_squares import LinearFit
from panelcoop.numerics.regression.leverage import rows_in_effects, shared_size
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["ClusterCorrection", "Jackknife", "bell_mccaffrey_df", "crv2", "crv3"]

MOST_ROWS = 5000  # rows of one cluster: its hat matrix is formed densely
MOST_CELLS = 150_000_000  # cells of the table that degrees of freedom are read from (1.2 GB)
WELL_POSED = 1e-6  # smallest squared pivot for which a Cholesky solve keeps nine digits
LOST = 1e-6  # share of a column's norm in a vanishing direction that is rounding
SINGULAR = 1e-9  # eigenvalue of I - H that counts as zero (an effect nested in the cluster)
EVEN = 1e-13  # relative departure from a multiple of the columns that rounding explains


@dataclass(frozen=True, eq=False)
class ClusterCorrection:
    """Scores of clusters after leverage is corrected for, and what degrees of freedom of any contrast need.

    Attributes
    ----------
    scores : (G, k) corrected scores
    moments : the corrected rows under the working model
    df : (k,) Bell-McCaffrey degrees of freedom per coefficient; NaN where not identified
    """

    scores: FloatArray
    moments: ClusterMoments
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
    for block in _cluster_blocks(fit, clusters, nested=True):
        hat = block.columns @ fit.bread @ block.columns.T + block.effects
        left, gone = _left_out(block.resid, hat, _single_level(fit, clusters, block.group, len(hat)))
        scores[block.group] = block.columns.T @ left
        undefined[block.group] = _unidentified(fit, block.columns, gone)
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
    as working model. Under weights the root is taken of rows scaled by the roots of their weights, as in R's dfadjust;
    clubSandwich (inverse_var = TRUE) takes W^(-1/2) (W^(-1/2) (W^-1 - X B X') W^(-1/2))^(-1/2) W^(-1/2), as unbiased
    and a few per mille away. One pass over the clusters; afterwards no contrast needs the rows again.

    Raises
    ------
    DataError
        When a cluster, or the table of all clusters, is too large for memory.
    """
    k = len(fit.solution)
    nested = _is_lead_nested(fit, clusters)
    size = k + shared_size(fit, nested=nested)
    _fail_if_too_large(clusters.size * k * size, clusters)
    scores, grams = np.zeros((clusters.size, k)), np.zeros((clusters.size, k, k))
    coordinates = np.zeros((clusters.size, k, size))
    root = _bread_root(fit)
    for block in _cluster_blocks(fit, clusters, nested=nested):
        left = _corrected(block, fit.bread)
        scores[block.group] = left.T @ block.resid
        grams[block.group] = left.T @ left
        coordinates[block.group] = left.T @ np.hstack([block.columns @ root, block.shared])
    moments = ClusterMoments(grams, coordinates)
    df = np.array([satterthwaite_df(moments, fit.bread @ unit[:, None]) for unit in _natural_units(fit)])
    return ClusterCorrection(scores, moments, np.where(fit.identified, df, np.nan))


def bell_mccaffrey_df(fit: LinearFit, clusters: Grouping, contrast: FloatArray) -> float:
    """Return the Bell-McCaffrey degrees of freedom of one contrast (k,) under CRV2."""
    turned = contrast if fit.design.turn is None else contrast @ fit.design.turn
    return satterthwaite_df(crv2(fit, clusters).moments, fit.bread @ np.asarray(turned, float)[:, None])


def _natural_units(fit: LinearFit) -> FloatArray:
    """Return each coefficient of the columns as given, in the coordinates of the design, one per row."""
    return np.eye(len(fit.solution)) if fit.design.turn is None else fit.design.turn


def _is_lead_nested(fit: LinearFit, clusters: Grouping) -> bool:
    door = fit.absorber
    return bool(door.groupings) and nested_effects(door, [clusters])[door.eliminated]


def _bread_root(fit: LinearFit) -> FloatArray:
    """Return (k, k) L with L L' the bread, from columns of unit norm."""
    scale = fit.ranks.scale
    values, vectors = linalg.eigh(scale[:, None] * fit.bread * scale, check_finite=False)
    unit = np.where(scale > 0, 1.0 / np.where(scale > 0, scale, 1.0), 0.0)
    return np.asarray(unit[:, None] * vectors * np.sqrt(np.clip(values, 0.0, None)))


@dataclass(frozen=True, eq=False)
class _Block:
    """Rows of one cluster, scaled by the root of their weights; effects (m, m) and shared (m, r) as `RowsInEffects`."""

    group: int
    columns: FloatArray
    resid: FloatArray
    effects: FloatArray
    shared: FloatArray


def _cluster_blocks(fit: LinearFit, clusters: Grouping, *, nested: bool) -> Iterator[_Block]:
    if int(clusters.counts.max()) > MOST_ROWS:
        msg = f"CRV2 and CRV3 form one matrix per cluster; the largest has {clusters.counts.max()} rows; use CRV1."
        raise DataError(msg)
    order: IntArray = np.argsort(clusters.codes, kind="stable")
    for group, rows in enumerate(np.split(order, np.cumsum(clusters.counts)[:-1])):
        columns, _ = fit.design.demeaned(rows)
        resid = fit.resid[rows]
        if fit.weights is not None:
            root = np.sqrt(fit.weights[rows])
            columns, resid = columns * root[:, None], resid * root
        found = rows_in_effects(fit, rows, nested=nested)
        hat = np.zeros((len(rows), len(rows))) if found is None else found.hat
        yield _Block(group, columns, resid, hat, np.empty((len(rows), 0)) if found is None else found.shared)


def _corrected(block: _Block, bread: FloatArray) -> FloatArray:
    """Return (I - H)^(+1/2) X of one cluster.

    Where the effects' block maps the columns to a multiple of themselves - a region of a balanced panel - the root is
    taken in the space of the columns alone, which is small.
    """
    columns = block.columns
    image = block.effects @ columns
    total = float((columns**2).sum())
    share = float((columns * image).sum()) / total if total > 0 else 0.0
    if np.abs(image - share * columns).max(initial=0.0) <= EVEN * np.abs(columns).max(initial=0.0):
        basis, triangle = linalg.qr(columns, mode="economic", check_finite=False)
        inner = (1.0 - share) * np.eye(len(triangle)) - triangle @ bread @ triangle.T
        return np.asarray(basis @ (_inverse_root(inner) @ triangle))
    hat = block.effects + columns @ bread @ columns.T
    return _inverse_root(np.eye(len(hat)) - hat) @ columns


def _inverse_root(matrix: FloatArray) -> FloatArray:
    values, vectors = linalg.eigh(matrix, check_finite=False)
    root = np.where(values > SINGULAR, 1.0 / np.sqrt(np.where(values > SINGULAR, values, 1.0)), 0.0)
    return np.asarray((vectors * root) @ vectors.T)


def _fail_if_too_large(cells: int, clusters: Grouping) -> None:
    if cells > MOST_CELLS:
        msg = (
            f"CRV2 of {clusters.size:,} clusters under these effects needs a table of {cells:,} cells for its degrees "
            "of freedom; use CRV1 or CRV3, which differ little with so many clusters."
        )
        raise DataError(msg)
