"""From influence rows to covariances and bootstrap draws: sums over clusters, one matrix product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from panelcoop.options import FloatArray, IntArray

__all__ = [
    "MultiplierDraws",
    "cluster_sums",
    "dyadic_covariance",
    "influence_covariance",
    "multiplier_draws",
    "positive_part",
    "two_way_covariance",
]

DRAWS_PER_BLOCK = 256

QUARTILE_SPREAD = 1.3489795003921634
"""Distance between the quartiles of a standard normal."""


def cluster_sums(rows: FloatArray, cluster: IntArray | None) -> FloatArray:
    """Sum influence rows within clusters, shape (G, K); without clusters the rows themselves."""
    if cluster is None:
        return rows
    order = np.argsort(cluster, kind="stable")
    first = np.flatnonzero(np.diff(cluster[order], prepend=cluster[order][0] - 1))
    out: FloatArray = np.add.reduceat(rows[order], first, axis=0)
    return out


def influence_covariance(sums: FloatArray) -> FloatArray:
    """Covariance of estimates from their influence in the sum form: sums' sums, no small-sample factor."""
    out: FloatArray = sums.T @ sums
    return out


def two_way_covariance(rows: FloatArray, first: IntArray, second: IntArray) -> FloatArray:
    """Covariance robust to clusters in two dimensions: first + second - both (Cameron, Gelbach and Miller 2011).

    Notes
    -----
    Negative eigenvalues are set to zero, so the result is positive semi-definite.
    """
    both = first * (int(second.max()) + 1) + second
    raw = sum(
        sign * influence_covariance(cluster_sums(rows, groups))
        for sign, groups in ((1.0, first), (1.0, second), (-1.0, both))
    )
    return positive_part(np.asarray(raw))


def dyadic_covariance(rows: FloatArray, first: IntArray, second: IntArray) -> FloatArray:
    """Covariance robust to dyads that share a member (Aronow, Samii and Assenova 2015).

    Parameters
    ----------
    rows
        Influence of dyads, shape (D, K).
    first, second
        Members of each dyad, shape (D,).

    Notes
    -----
    Sums over members count a pair of dyads once per shared member; dyads of the same two members share both, so
    their products are subtracted once. Negative eigenvalues are set to zero.
    """
    size = int(max(first.max(), second.max())) + 1
    low, high = np.minimum(first, second), np.maximum(first, second)
    members = np.zeros((size, rows.shape[1]))
    np.add.at(members, first, rows)
    np.add.at(members, second, rows)
    raw = influence_covariance(members) - influence_covariance(cluster_sums(rows, low * size + high))
    return positive_part(raw)


def positive_part(matrix: FloatArray) -> FloatArray:
    """Set negative eigenvalues to zero; rows and columns of zeros (reference periods) stay exactly zero."""
    live = np.flatnonzero(np.abs(matrix).any(axis=0))
    block = matrix[np.ix_(live, live)]
    values, vectors = np.linalg.eigh(block)
    if not live.size or values[0] >= 0:
        return matrix
    out = np.zeros_like(matrix)
    out[np.ix_(live, live)] = (vectors * np.maximum(values, 0.0)) @ vectors.T
    return out


@dataclass(frozen=True)
class MultiplierDraws:
    """A multiplier bootstrap of K estimates.

    Attributes
    ----------
    draws
        Deviations from the estimates, shape (B, K).
    std_errors
        Interquartile range over that of a standard normal, shape (K,); NaN where a column does not vary.
    """

    draws: FloatArray
    std_errors: FloatArray

    def critical_value(self, level: float) -> float:
        """Quantile of the largest studentised deviation: the factor of a simultaneous band."""
        live = np.isfinite(self.std_errors)
        largest = np.max(np.abs(self.draws[:, live]) / self.std_errors[live], axis=1)
        return float(np.quantile(largest, level, method="inverted_cdf"))


def multiplier_draws(
    sums: FloatArray,
    n_draws: int,
    rng: np.random.Generator,
    kind: Literal["rademacher", "mammen", "gaussian"] = "rademacher",
) -> MultiplierDraws:
    """Multiply cluster influences by independent weights, all draws in one matrix product.

    Parameters
    ----------
    sums
        Influence by cluster in the sum form, shape (G, K).
    n_draws
        Number B of draws.
    rng
        Source of randomness.
    kind
        "rademacher" (what the R package did draws through BMisc), "mammen" or "gaussian".

    Notes
    -----
    Standard errors follow R did: (q75 - q25) / (z75 - z25), quartiles by the inverse of the empirical
    distribution function (type 1).
    """
    draws = _rademacher_sums(sums, n_draws, rng) if kind == "rademacher" else _multipliers(n_draws, sums, rng, kind)
    at = [max(int(np.ceil(q * n_draws)) - 1, 0) for q in (0.25, 0.75)]
    ordered = np.partition(draws, at, axis=0)
    spread = (ordered[at[1]] - ordered[at[0]]) / QUARTILE_SPREAD
    return MultiplierDraws(draws, np.where(spread > 0, spread, np.nan))


def _rademacher_sums(sums: FloatArray, n_draws: int, rng: np.random.Generator) -> FloatArray:
    """Sum clusters with random signs, in blocks that stay in the cache.

    Signs are 2 b - 1 with random bits b. Columns are scaled to unit length and summed in single precision: an error
    near 1e-6 of a draw's standard deviation.
    """
    n = len(sums)
    size = np.sqrt((sums**2).sum(axis=0))
    scale = np.where(size > 0, size, 1.0)
    unit = (sums / scale).astype(np.float32)
    total = (sums / scale).sum(axis=0)
    draws = np.empty((n_draws, sums.shape[1]))
    for start in range(0, n_draws, DRAWS_PER_BLOCK):
        count = min(DRAWS_PER_BLOCK, n_draws - start)
        bits = np.unpackbits(np.frombuffer(rng.bytes((count * n + 7) // 8), dtype=np.uint8))[: count * n]
        draws[start : start + count] = 2.0 * (bits.reshape(count, n).astype(np.float32) @ unit) - total
    return draws * scale


def _multipliers(n_draws: int, sums: FloatArray, rng: np.random.Generator, kind: str) -> FloatArray:
    shape = (n_draws, len(sums))
    if kind == "gaussian":
        return np.asarray(rng.standard_normal(shape) @ sums)
    root = np.sqrt(5.0)
    low = rng.random(shape) < (root + 1) / (2 * root)
    return np.asarray(np.where(low, (1 - root) / 2, (1 + root) / 2) @ sums)
