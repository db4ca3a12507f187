"""One AR root for all regions, and one for each, with the bias of the fitted trend taken out exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.errors import DataError
from panelcoop.numerics.waves.autoregression import cosine_basis
from panelcoop.options import BoolArray, FloatArray

__all__ = ["RegionRoots", "region_roots"]

BISECTIONS = 50


@dataclass(frozen=True)
class RegionRoots:
    """AR roots of regions' noise.

    Attributes
    ----------
    pooled
        The root that all regions would have if they shared one.
    own
        Each region's own root, shape (N,); NaN where it has no two weeks in a row.
    """

    pooled: float
    own: FloatArray


@dataclass(frozen=True)
class _Moments:
    """Lag products of residuals M y, and what M makes of each autocovariance: sums over |s - t| = k, shape (span,)."""

    now: float
    before: float
    now_by_lag: FloatArray
    before_by_lag: FloatArray

    def __add__(self, other: _Moments) -> _Moments:
        return _Moments(
            self.now + other.now,
            self.before + other.before,
            self.now_by_lag + other.now_by_lag,
            self.before_by_lag + other.before_by_lag,
        )

    def limit(self, root: float) -> float:
        """Least-squares root to be expected if the noise has this root."""
        powers = root ** np.arange(self.now_by_lag.size)
        return float(self.now_by_lag @ powers) / float(self.before_by_lag @ powers)

    def root(self, cap: float) -> float:
        """Root whose limit is the least-squares root found."""
        if not self.before > 0:
            return float("nan")
        found, low, high = self.now / self.before, -cap, cap
        if found >= self.limit(cap):
            return cap
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if self.limit(middle) < found else (low, middle)
        return low


def region_roots(values: FloatArray, positions: FloatArray, *, cosines: int = 8, cap: float = 0.98) -> RegionRoots:
    """Estimate the AR root of regions' noise around linear plus half-cosines by indirect inference.

    Parameters
    ----------
    values
        Shape (N, T), NaN where missing.
    positions
        Week numbers, shape (T,), increasing; only consecutive weeks enter the autoregression.
    cosines
        Half-cosines in every region's trend (at most T // 6).
    cap
        Largest absolute root.

    Returns
    -------
    RegionRoots

    Raises
    ------
    DataError
        If no region is seen in two consecutive weeks around which a trend can be fitted.

    Notes
    -----
    With residuals e_i = M_i y_i the pooled least-squares root r = sum_i sum_t e_it e_i,t-1 / sum_i sum_t e_i,t-1^2
    tends in N, at any T and with any gaps, to
    g(phi) = sum_i tr(M_i D M_i S(phi)) / sum_i tr(M_i E M_i S(phi)), S_st = phi^|s - t|, D and E picking pairs of
    consecutive weeks; the estimate solves g(phi) = r. Both traces are polynomials in phi whose coefficients are sums
    along diagonals, so that one pass over the regions is enough. A region's own root solves the same equation for its
    own sums: without bias to first order, but as noisy as T weeks are; the pooled root averages that noise away.

    References
    ----------
    Gourieroux, C., P. Phillips and J. Yu (2010), Indirect inference for dynamic panel models, *Journal of
    Econometrics* 157, 68-77.

    Examples
    --------
    >>> from panelcoop.numerics.waves.autoregression import ar1_paths
    >>> noise = ar1_paths(np.random.default_rng(1).standard_normal((60, 200)), 0.7).T
    >>> round(region_roots(noise, np.arange(60.0)).pooled, 1)
    0.7
    """
    clock = np.rint(positions - positions[0]).astype(np.int64)
    basis = cosine_basis(positions, min(cosines, positions.size // 6))
    distance = np.abs(clock[:, None] - clock[None, :])
    seen = np.isfinite(values)
    patterns, kind = np.unique(seen, axis=0, return_inverse=True)
    moments: list[_Moments | None] = [None] * len(values)
    for number, pattern in enumerate(patterns):
        members = np.flatnonzero(kind.ravel() == number)
        for member, one in zip(members, _moments(values[members], pattern, basis, distance), strict=True):
            moments[member] = one
    known = [one for one in moments if one is not None]
    if not known:
        msg = "No region is seen in enough consecutive weeks to fit the AR root of its noise."
        raise DataError(msg)
    pooled = known[0]
    for one in known[1:]:
        pooled += one
    own = np.array([np.nan if one is None else one.root(cap) for one in moments])
    return RegionRoots(pooled.root(cap), own)


def _moments(
    rows: FloatArray, seen: BoolArray, basis: FloatArray, distance: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
) -> list[_Moments | None]:
    """Moments of regions seen in the same weeks; none where the trend leaves nothing over."""
    weeks = np.flatnonzero(seen)
    apart = distance[np.ix_(weeks, weeks)]
    pairs = np.flatnonzero(apart.diagonal(1) == 1)
    if weeks.size <= basis.shape[1] + 1 or pairs.size == 0:
        return [None] * len(rows)
    frame = np.linalg.qr(basis[weeks])[0]
    maker = np.eye(weeks.size) - frame @ frame.T
    now, before = maker[pairs + 1], maker[pairs]
    span = int(distance.max()) + 1
    by_lag = [np.bincount(apart.ravel(), (one.T @ before).ravel(), span).astype(np.float64) for one in (now, before)]
    residuals = rows[:, weeks] @ maker
    e_now, e_before = residuals[:, pairs + 1], residuals[:, pairs]
    return [_Moments(float(a @ b), float(b @ b), by_lag[0], by_lag[1]) for a, b in zip(e_now, e_before, strict=True)]
