"""Directions whose scores are exact delete-one-cluster changes, effects re-estimated each time."""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_triangular

from panelcoop.numerics.effect_overlap import EffectBasis
from panelcoop.numerics.wild_regression import WildRegression
from panelcoop.options import FloatArray, IntArray

__all__ = ["jackknife_directions"]

NULL_SHARE = 1e-10


def jackknife_directions(fit: WildRegression, directions: FloatArray, clusters: IntArray) -> FloatArray:
    """Return rows z~ such that R b - R b(without g) is the sum of w z~ e over the rows of cluster g.

    Parameters
    ----------
    fit
        The regression.
    directions
        Z with R (b - beta) = Z' W e, shape (n, m).
    clusters
        Codes 0 .. G - 1, shape (n,).

    Returns
    -------
    Array of shape (n, m).

    Notes
    -----
    z~_g = (I - H_gg)^+ z_g, H the hat matrix of regressors *and* effects: the exact change when the whole
    regression, week effects included, is run without g. Effects that only g informs leave I - H_gg
    singular; the pseudo-inverse drops them, as deleting them would. Time is of order sum_g n_g^3.

    References
    ----------
    Bell, McCaffrey (2002), Survey Methodology 28. MacKinnon, Nielsen, Webb (2023), Journal of Applied
    Econometrics 38.
    """
    out = np.empty_like(directions)
    root = np.sqrt(fit.weights)
    scaled = fit.regressors * root[:, None]
    for g in range(int(clusters.max()) + 1):
        rows = np.flatnonzero(clusters == g)
        hat = scaled[rows] @ fit.inverse @ scaled[rows].T + effect_hat(fit, rows, root)
        changed = solve_annihilator(hat, directions[rows] * root[rows, None])
        out[rows] = changed / root[rows, None]
    return out


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


def solve_annihilator(hat: FloatArray, right: FloatArray) -> FloatArray:
    """Return (I - hat)^+ right."""
    values, vectors = np.linalg.eigh(np.eye(len(hat)) - hat)
    kept = values > NULL_SHARE
    return np.asarray(vectors[:, kept] @ ((vectors[:, kept].T @ right) / values[kept, None]))
