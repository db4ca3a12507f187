"""Cross-sectional dependence of residuals, and the first common factor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.errors import DataError
from panelcoop.numerics.distributions import normal_sf
from panelcoop.options import FloatArray

__all__ = ["CrossDependence", "FirstFactor", "first_factor", "pesaran_cd"]

LEAST_OVERLAP = 3
MOST_ROUNDS = 500
SETTLED = 1e-10


@dataclass(frozen=True)
class CrossDependence:
    """Pesaran's CD statistic with its p-value, and the mean (absolute) pairwise correlation."""

    statistic: float
    p: float
    mean_correlation: float
    mean_absolute: float
    pairs: int


@dataclass(frozen=True)
class FirstFactor:
    """First principal component of region-demeaned data.

    Attributes
    ----------
    path
        Factor, shape (T,), mean zero, scaled so that loadings average one.
    loadings
        Shape (N,).
    share
        Share of the variance of the scaled regions it explains.
    """

    path: FloatArray
    loadings: FloatArray
    share: float


def pesaran_cd(values: FloatArray) -> CrossDependence:
    """Test for cross-sectional dependence.

    Parameters
    ----------
    values
        Residuals, shape (N, T), NaN where missing.

    Returns
    -------
    CrossDependence

    Raises
    ------
    DataError
        If no pair of regions shares three weeks.

    Notes
    -----
    CD = sqrt(2 / (N (N - 1))) sum_{i<j} sqrt(T_ij) r_ij, standard normal under no (or weak) dependence; r_ij over the
    T_ij weeks both see. After a common path has been removed CD is biased downward (Juodis and Reese 2022).

    References
    ----------
    Pesaran, M. H. (2004, 2021), General diagnostic tests for cross-sectional dependence in panels, *Empirical
    Economics* 60, 13-50.

    Examples
    --------
    >>> same = np.tile(np.sin(np.arange(50.0)), (4, 1))
    >>> round(pesaran_cd(same).statistic, 6) == round(float(np.sqrt(6 * 50)), 6)
    True
    """
    seen = np.isfinite(values).astype(np.float64)
    centre = np.divide(np.nansum(values, axis=1), seen.sum(axis=1), out=np.zeros(len(values)), where=seen.any(axis=1))
    x = np.where(seen > 0, values - centre[:, None], 0.0)
    shared = seen @ seen.T
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_i, mean_j = (x @ seen.T) / shared, (seen @ x.T) / shared
        cross = (x @ x.T) / shared - mean_i * mean_j
        square_i, square_j = ((x * x) @ seen.T) / shared - mean_i**2, (seen @ (x * x).T) / shared - mean_j**2
        correlation = cross / np.sqrt(square_i * square_j)
    upper = np.triu(np.ones_like(shared, dtype=bool), 1) & (shared >= LEAST_OVERLAP) & np.isfinite(correlation)
    pairs = int(upper.sum())
    if pairs == 0:
        msg = f"No two regions share {LEAST_OVERLAP} weeks with variation; cross-sectional dependence cannot be tested."
        raise DataError(msg)
    r = correlation[upper]
    statistic = float(np.sqrt(shared[upper]) @ r / np.sqrt(pairs))
    p = float(2 * normal_sf(abs(statistic)))
    return CrossDependence(statistic, p, float(r.mean()), float(np.abs(r).mean()), pairs)


def first_factor(values: FloatArray) -> FirstFactor:
    """Take the first principal component within regions; missing cells are filled by the factor itself.

    Parameters
    ----------
    values
        Shape (N, T), NaN where missing; every region and week has an observation.

    Notes
    -----
    Regions are scaled to unit variance first, so that one wild region is not taken for the common factor. Balanced:
    one singular value decomposition of the scaled y_it - mean_t y_it. Missing cells: iterated to a fixed point (Stock
    and Watson 2002, the EM form). The sign makes the loadings average positive.
    """
    seen = np.isfinite(values)
    spread = np.nanstd(values, axis=1, keepdims=True)
    spread = np.where(spread > 0, spread, 1.0)
    values = values / spread
    filled = np.where(seen, values, np.nanmean(values, axis=1, keepdims=True))
    fit = filled
    for _ in range(MOST_ROUNDS):
        level = filled.mean(axis=1, keepdims=True)
        left, size, right = np.linalg.svd(filled - level, full_matrices=False)
        updated = level + size[0] * np.outer(left[:, 0], right[0])
        change = float(np.max(np.abs(updated - fit)))
        fit, filled = updated, np.where(seen, values, updated)
        if seen.all() or change <= SETTLED * float(np.abs(filled).max() + 1e-300):
            break
    loadings = left[:, 0] * spread[:, 0]
    scale = float(loadings.mean())
    if abs(scale) < SETTLED * float(np.abs(loadings).max()):
        scale = float(np.sqrt(np.mean(loadings**2)))
    return FirstFactor(
        path=np.asarray(size[0] * right[0] * scale),
        loadings=np.asarray(loadings / scale),
        share=float(size[0] ** 2 / (size**2).sum()),
    )
