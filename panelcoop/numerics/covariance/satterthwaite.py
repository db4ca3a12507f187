"""Degrees of freedom of CRV2: Satterthwaite's for one contrast, approximate Hotelling's for several together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from panelcoop.errors import IdentificationError
from panelcoop.numerics.distributions import f_sf
from panelcoop.numerics.wald import WaldRecord, wald_statistic
from panelcoop.options import FloatArray

__all__ = ["ClusterMoments", "hotelling_test", "satterthwaite_df", "total_variance_df"]

NOTHING = 1e-10  # eigenvalue of the scaled expectation of the covariance that counts as zero


@dataclass(frozen=True, eq=False)
class ClusterMoments:
    """Corrected rows L_g of every cluster, as the working model (independent errors of one variance) sees them.

    Attributes
    ----------
    grams : (G, k, k) L_g' L_g
    coordinates : (G, k, r) L_g' U_g, U_g the cluster's rows on what the regressors and the effects span, so that
        L_g' (I - H)_gh L_h is, for g and h different, minus coordinates_g coordinates_h'
    """

    grams: FloatArray
    coordinates: FloatArray

    def along(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return grams (G, q, q) and coordinates (G, q, r) of combinations (k, q) of the columns."""
        return weights.T @ self.grams @ weights, weights.T @ self.coordinates


def satterthwaite_df(moments: ClusterMoments, weights: FloatArray) -> float:
    """Return tr(P)^2 / tr(P P) of one combination (k, 1), P the covariance of its cluster scores.

    References
    ----------
    Bell, R. M., McCaffrey, D. F. (2002). Bias reduction in standard errors for linear regression with multi-stage
    samples. Survey Methodology 28.
    """
    grams, coordinates = moments.along(weights)
    trace = float((grams[:, 0, 0] - np.einsum("gr,gr->g", coordinates[:, 0], coordinates[:, 0])).sum())
    spread = _sum_of_variances(grams, coordinates) / 2
    return trace**2 / spread if spread > 0 else float("nan")


def total_variance_df(moments: ClusterMoments, weights: FloatArray) -> tuple[int, float]:
    """Return the independent combinations q among (k, q) and eta, the degrees of freedom of their joint covariance.

    Notes
    -----
    With D the covariance estimate scaled so that its expectation is the identity, eta = q (q + 1) / sum_st Var(D_st):
    a Wishart matrix with eta degrees of freedom has the same total variance. One combination gives Satterthwaite's.
    """
    grams, coordinates = moments.along(weights)
    expected = (grams - coordinates @ coordinates.transpose(0, 2, 1)).sum(axis=0)
    scale = np.sqrt(np.clip(np.diag(expected), 0.0, None))
    if not scale.all():
        return 0, float("nan")
    values, vectors = linalg.eigh(expected / np.outer(scale, scale))
    kept = values > NOTHING
    turn = vectors[:, kept] / (scale[:, None] * np.sqrt(values[kept]))
    q = int(kept.sum())
    spread = _sum_of_variances(turn.T @ grams @ turn, turn.T @ coordinates)
    return q, q * (q + 1) / spread if spread > 0 else float("nan")


def hotelling_test(
    coef: FloatArray, cov: FloatArray, restrictions: FloatArray, values: FloatArray, eta: float
) -> WaldRecord:
    """Test R b = r jointly by approximate Hotelling's T-squared ("AHT", "HTZ"): the order of restrictions is nothing.

    Parameters
    ----------
    coef : (k,)
    cov : (k, k) CRV2
    restrictions : (q, k) R
    values : (q,) r
    eta : from `total_variance_df`

    Notes
    -----
    With Q the Wald statistic, (eta - q + 1) / (eta q) Q is held against F(q, eta - q + 1). For q = 1 this is the square
    of the t test with Bell-McCaffrey degrees of freedom.

    Raises
    ------
    IdentificationError
        As `wald_statistic`, and where eta < q: too few clusters for so many restrictions.

    References
    ----------
    Pustejovsky, J. E., Tipton, E. (2018). Small-sample methods for cluster-robust variance estimation and hypothesis
    testing in fixed effects models. Journal of Business & Economic Statistics 36.
    """
    wald = wald_statistic(coef, cov, restrictions, values)
    q, rest = wald.df, eta - wald.df + 1
    if not rest > 0:
        msg = f"{q} restrictions, but their CRV2 covariance has {eta:.2f} degrees of freedom; test fewer together."
        raise IdentificationError(msg)
    statistic = rest / (eta * q) * wald.chi2
    return WaldRecord(wald.chi2, statistic, q, rest, float(f_sf(statistic, q, rest)))


def _sum_of_variances(grams: FloatArray, coordinates: FloatArray) -> float:
    """Return sum_gh [tr(P_gh P_gh) + tr(P_gh)^2] over pairs of clusters, P_gh = 1{g = h} S_g - F_g F_h'.

    Only the diagonal blocks are formed; the sum over all pairs of F_g F_h' comes from sum_g F_gs F_gt' (r by r), or
    from all pairs where there are fewer clusters than coordinates.
    """
    inner = coordinates @ coordinates.transpose(0, 2, 1)
    total = float((_pair(grams - inner) - _pair(inner)).sum())
    size, q, r = coordinates.shape
    for s in range(q):
        for t in range(q):
            if size <= r:
                same = coordinates[:, s] @ coordinates[:, s].T
                other, cross = coordinates[:, t] @ coordinates[:, t].T, coordinates[:, s] @ coordinates[:, t].T
                total += float((same * other).sum() + (cross * cross.T).sum())
            else:
                mixed = coordinates[:, s].T @ coordinates[:, t]
                total += float((mixed**2).sum() + (mixed * mixed.T).sum())
    return total


def _pair(blocks: FloatArray) -> FloatArray:
    return np.asarray(np.einsum("gst,gts->g", blocks, blocks) + np.einsum("gss->g", blocks) ** 2)
