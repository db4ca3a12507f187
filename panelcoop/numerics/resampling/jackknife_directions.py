"""Directions whose scores are exact delete-one-cluster changes, effects re-estimated each time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dpotrf, dpotrs

from panelcoop.numerics.resampling.effect_overlap import EffectBasis, is_nested
from panelcoop.numerics.resampling.wild_regression import WildRegression
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["JackknifeDirections", "jackknife_directions"]

NULL_SHARE = 1e-10
SAFE_PIVOT = 1e-4


LOST_SHARE = 1e-6


@dataclass(frozen=True, eq=False)
class JackknifeDirections:
    """Rows z~, shape (n, m), and which contrasts are not identified without which cluster, shape (m, G)."""

    rows: FloatArray
    lost: BoolArray


def jackknife_directions(fit: WildRegression, directions: FloatArray, clusters: IntArray) -> JackknifeDirections:
    """Return rows z~ such that R b - R b(without g) is the sum of w z~ e over the rows of cluster g.

    Parameters
    ----------
    fit
        The regression.
    directions
        Z with R (b - beta) = Z' W e, shape (n, m).
    clusters
        Codes 0 .. G - 1, shape (n,).

    Notes
    -----
    z~_g = (I - H_gg)^+ z_g, H the hat matrix of regressors *and* effects: the exact change when the whole
    regression, week effects included, is run without g. Effects that only g informs leave I - H_gg
    singular; the pseudo-inverse drops them, as deleting them would. A contrast that needs a direction which
    only g informs is marked lost. Time is of order sum_g n_g^3.

    References
    ----------
    Bell, McCaffrey (2002), Survey Methodology 28. MacKinnon, Nielsen, Webb (2023), Journal of Applied
    Econometrics 38.
    """
    out = np.empty_like(directions)
    members = np.split(np.argsort(clusters, kind="stable"), np.cumsum(np.bincount(clusters))[:-1])
    lost = np.zeros((directions.shape[1], len(members)), dtype=bool)
    root = np.sqrt(fit.weights)
    own = nested_levels(fit, clusters)
    for g, rows in enumerate(members):
        scaled = fit.regressors[rows] * root[rows, None]
        hat = scaled @ fit.inverse @ scaled.T + effect_hat(fit, rows, root)
        z = directions[rows] * root[rows, None]
        solved = solve_annihilator(hat, z, level_columns(own, rows, root))
        gap = np.linalg.norm(solved - hat @ solved - z, axis=0)
        lost[:, g] = gap > LOST_SHARE * np.linalg.norm(z, axis=0)
        out[rows] = solved / root[rows, None]
    return JackknifeDirections(out, lost)


def effect_hat(fit: WildRegression, rows: IntArray, root: FloatArray) -> FloatArray:
    """Return the effects' hat matrix among some rows, in the metric of root weights."""
    if fit.absorb is not None:
        units = np.zeros((fit.residuals.size, rows.size))
        units[rows, np.arange(rows.size)] = 1.0 / root[rows]
        return np.eye(rows.size) - root[rows, None] * fit.absorb(units)[rows]
    if fit.basis is None or fit.basis.large is None:
        return np.zeros((rows.size, rows.size))
    coordinates = row_coordinates(fit.basis, rows, root)
    return coordinates @ coordinates.T


def row_coordinates(basis: EffectBasis, rows: IntArray, root: FloatArray) -> FloatArray:
    """Return each row's coordinates on the effects, shape (rows, r)."""
    assert basis.large is not None
    levels, position = np.unique(basis.large[rows], return_inverse=True)
    on_large = np.zeros((rows.size, levels.size))
    on_large[np.arange(rows.size), position] = root[rows] / np.sqrt(basis.large_totals[basis.large[rows]])
    if basis.small is None:
        return on_large
    rest = -basis.shares[basis.large[rows]]
    rest[np.arange(rows.size), basis.small[rows]] += 1.0
    rest *= root[rows, None]
    return np.hstack([on_large, solve_triangular(basis.root, rest.T, lower=True).T])


def solve_annihilator(hat: FloatArray, right: FloatArray, fitted: FloatArray) -> FloatArray:
    """Return (I - hat)^+ right, for `right` orthogonal to what the cluster alone informs.

    Parameters
    ----------
    hat
        Block of the hat matrix, shape (r, r).
    right
        Shape (r, m).
    fitted
        Orthonormal columns known to span (part of) the null space of I - hat, shape (r, c).

    Notes
    -----
    Filling the null space makes the matrix positive definite and a Cholesky factor enough, five times
    faster than eigenvalues; these are the fallback where more is lost than the known columns.
    """
    rest = np.eye(len(hat)) - hat
    factor, failed = dpotrf(rest + fitted @ fitted.T, lower=1)
    if failed == 0 and float(np.diag(factor).min()) > SAFE_PIVOT:
        return np.asarray(dpotrs(factor, right, lower=1)[0])
    values, vectors = np.linalg.eigh(rest)
    kept = values > NULL_SHARE
    return np.asarray(vectors[:, kept] @ ((vectors[:, kept].T @ right) / values[kept, None]))


def nested_levels(fit: WildRegression, clusters: IntArray) -> IntArray | None:
    """Return the levels of a set of effects that is nested in the clusters, shape (n,); None if there is none."""
    if fit.basis is not None:
        for levels in (fit.basis.large, fit.basis.small):
            if levels is not None and is_nested(levels, clusters):
                return levels
    return None


def level_columns(levels: IntArray | None, rows: IntArray, root: FloatArray) -> FloatArray:
    """Return one orthonormal column for each level among some rows, shape (rows, c)."""
    if levels is None:
        return np.zeros((rows.size, 0))
    present, position = np.unique(levels[rows], return_inverse=True)
    columns = np.zeros((rows.size, present.size))
    columns[np.arange(rows.size), position] = root[rows]
    return np.asarray(columns / np.linalg.norm(columns, axis=0))
