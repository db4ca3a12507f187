"""Wald statistic of linear restrictions, with the rank of their covariance checked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from panelcoop.errors import IdentificationError
from panelcoop.numerics.distributions import chi2_sf, f_sf
from panelcoop.options import FloatArray

__all__ = ["WaldRecord", "wald_statistic"]

RANK_TOLERANCE = 1e-9  # eigenvalue of the correlation matrix of the restrictions that counts as zero


@dataclass(frozen=True)
class WaldRecord:
    """A Wald test.

    Attributes
    ----------
    chi2 : W = (R b - q)' (R V R')^-1 (R b - q)
    statistic : W / df where the reference is F, else W
    df : independent restrictions
    df_denominator : infinite for chi-squared
    pvalue : upper tail
    """

    chi2: float
    statistic: float
    df: int
    df_denominator: float
    pvalue: float


def wald_statistic(
    coef: FloatArray,
    cov: FloatArray,
    restrictions: FloatArray,
    values: FloatArray | float = 0.0,
    df_denominator: float = np.inf,
) -> WaldRecord:
    """Test R b = q.

    Parameters
    ----------
    coef : (k,)
    cov : (k, k)
    restrictions : (r, k) R
    values : (r,) or a number, q
    df_denominator : for F; infinite for chi-squared

    Notes
    -----
    Columns of coefficients that no restriction touches are ignored, so NaN there is harmless. Redundant restrictions
    that agree with each other are dropped and `df` counts the independent ones.

    Raises
    ------
    IdentificationError
        When a restricted coefficient or its variance is NaN, restrictions contradict each other, or R V R' has a lower
        rank than R: with few clusters or weeks, more restrictions than the covariance can carry.

    Examples
    --------
    >>> test = wald_statistic(np.array([2.0, 1.0]), np.eye(2), np.array([[1.0, -1.0]]), df_denominator=30)
    >>> test.statistic, test.df
    (0.5, 1)
    """
    R = np.atleast_2d(np.asarray(restrictions, float))
    used = (R != 0).any(axis=0)
    if np.isnan(coef[used]).any():
        msg = "A restricted coefficient is not identified (NaN); test an identified contrast instead."
        raise IdentificationError(msg)
    if np.isnan(cov[np.ix_(used, used)]).any():
        msg = "The variance of a restricted coefficient could not be estimated (NaN); the covariance's notes say why."
        raise IdentificationError(msg)
    R, gap = _independent(R[:, used], R[:, used] @ coef[used] - np.broadcast_to(values, len(R)), values)
    middle = R @ cov[np.ix_(used, used)] @ R.T
    scale = np.sqrt(np.abs(np.diag(middle)))
    if not scale.all():
        msg = "The covariance gives a restriction no variance; too few clusters or weeks for this hypothesis."
        raise IdentificationError(msg)
    eigen, vectors = linalg.eigh(middle / np.outer(scale, scale))
    if eigen[0] < RANK_TOLERANCE:
        rank = int((eigen >= RANK_TOLERANCE).sum())
        msg = f"{len(R)} restrictions but their covariance has rank {rank}; test fewer, or use another covariance."
        raise IdentificationError(msg)
    chi2 = float((((gap / scale) @ vectors) ** 2 / eigen).sum())
    q = len(R)
    if np.isinf(df_denominator):
        return WaldRecord(chi2, chi2, q, float("inf"), float(chi2_sf(chi2, q)))
    return WaldRecord(chi2, chi2 / q, q, float(df_denominator), float(f_sf(chi2 / q, q, df_denominator)))


def _independent(R: FloatArray, gap: FloatArray, values: FloatArray | float) -> tuple[FloatArray, FloatArray]:
    """Drop restrictions that repeat others; raise where repeated ones disagree."""
    norms = np.sqrt((R**2).sum(axis=1))
    norms[norms == 0] = 1.0
    unit = R / norms[:, None]
    _, triangle, order = linalg.qr(unit.T, mode="economic", pivoting=True)
    size = np.abs(np.diag(triangle))
    rank = int((size > RANK_TOLERANCE * max(float(size[0]), 1e-300)).sum()) if size.size else 0
    if rank == 0:
        msg = "The hypothesis restricts nothing: every weight is zero."
        raise IdentificationError(msg)
    keep = np.sort(order[:rank])
    if rank < len(R):
        target = np.broadcast_to(np.asarray(values, float), len(R)) / norms
        weights = linalg.lstsq(unit[keep].T, unit.T)[0]
        if np.abs(weights.T @ target[keep] - target).max() > 1e-8 * max(1.0, float(np.abs(target).max())):
            msg = "The restrictions contradict each other; restate the hypothesis."
            raise IdentificationError(msg)
    return R[keep], gap[keep]
