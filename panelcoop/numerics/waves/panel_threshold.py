"""Hansen's (1999) threshold regression with region effects: one or two thresholds, bootstrap, confidence sets."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from panelcoop.errors import DataError
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["ThresholdFit", "ThresholdSet", "panel_threshold", "threshold_ssr"]

TRIM = 0.05
MOST_CANDIDATES = 200
NEGLIGIBLE = 1e-7
"""Norm of a column, relative to the switching columns, that rounding explains."""


@dataclass(frozen=True)
class ThresholdSet:
    """One threshold and the values that are not rejected.

    Attributes
    ----------
    threshold
        Estimate.
    low, high
        Hull of the confidence set: its smallest and largest member; values in between may be rejected.
    candidates, profile
        Candidate values and the likelihood ratio at each, the other threshold held at its estimate, shape (G,).
    """

    threshold: float
    low: float
    high: float
    candidates: FloatArray
    profile: FloatArray


@dataclass(frozen=True)
class ThresholdFit:
    """A threshold regression.

    Attributes
    ----------
    sets
        One or two thresholds with their confidence sets, in order of size.
    slopes
        Coefficients of the switching columns by regime, shape (regimes, k).
    statistic, p
        F of this many thresholds against one fewer, and its bootstrap p-value; NaN without draws.
    ssr
        Sum of squared residuals at the thresholds.
    critical
        Critical value of the likelihood ratio.
    """

    sets: tuple[ThresholdSet, ...]
    slopes: FloatArray
    statistic: float
    p: float
    ssr: float
    critical: float

    @property
    def thresholds(self) -> tuple[float, ...]:
        """The thresholds, in order of size."""
        return tuple(one.threshold for one in self.sets)


@dataclass(frozen=True)
class _Search:
    """All columns of the search within regions, as coordinates on one orthonormal frame.

    Attributes
    ----------
    frame
        Shape (n, r); every column lies in its span.
    base, steps
        Columns x, shape (r, k), and x 1(q > g) for each candidate g, shape (r, G, k).
    candidates, below
        Candidate thresholds and the share of rows at or below each, shape (G,).
    free
        n less the number of regions.
    """

    frame: FloatArray
    base: FloatArray
    steps: FloatArray
    candidates: FloatArray
    below: FloatArray
    free: int

    def ssr(self, y: FloatArray, known: int | None = None) -> FloatArray:
        """Sum of squared residuals at every candidate, one more being known; infinite near it, shape (G, B)."""
        inside = self.frame.T @ y
        model = self.base if known is None else np.column_stack([self.base, self.steps[:, known]])
        model = _orthonormal(model, self.least)
        rank, count, k = self.steps.shape
        flat = self.steps.reshape(rank, count * k)
        added = (flat - model @ (model.T @ flat)).reshape(rank, count, k)
        sizes, axes = np.linalg.eigh(np.einsum("rgk,rgl->gkl", added, added))
        scores = (added.reshape(rank, -1).T @ inside).reshape(count, k, -1)
        along = (axes.transpose(0, 2, 1) @ scores) ** 2
        big = sizes > self.least**2
        gain = (along * np.where(big, 1 / np.where(big, sizes, 1.0), 0.0)[:, :, None]).sum(axis=1)
        total = (y * y).sum(axis=0) - ((model.T @ inside) ** 2).sum(axis=0)
        return np.where(self.apart(known)[:, None], total - gain, np.inf)

    def ssr_without(self, y: FloatArray) -> FloatArray:
        """Sum of squared residuals without any threshold, shape (B,)."""
        model = self.frame @ _orthonormal(self.base, self.least)
        return np.asarray((y * y).sum(axis=0) - ((model.T @ y) ** 2).sum(axis=0))

    def apart(self, known: int | None) -> BoolArray:
        """Candidates that leave 5% of the rows between themselves and the known one; all where none does."""
        if known is None:
            return np.ones(self.candidates.size, dtype=bool)
        far = np.abs(self.below - self.below[known]) >= TRIM
        return far if far.any() else np.ones_like(far)

    def fitted(self, y: FloatArray, known: list[int]) -> FloatArray:
        """Fitted values with the given thresholds, shape (n,)."""
        model = _orthonormal(np.column_stack([self.base, *(self.steps[:, g] for g in known)]), self.least)
        return np.asarray(self.frame @ (model @ (model.T @ (self.frame.T @ y))))

    def f_statistics(self, y: FloatArray, thresholds: int) -> tuple[FloatArray, IntArray, IntArray]:
        """F of 1 against 0 or 2 against 1 thresholds of many outcomes (n, B), and the candidates found in turn."""
        first = self.ssr(y)
        found = first.argmin(axis=0)
        smaller, larger, second = self.ssr_without(y), first.min(axis=0), found
        if thresholds == 2:
            smaller, larger, second = larger, np.empty_like(larger), np.empty_like(found)
            for known in np.unique(found):
                same = found == known
                profile = self.ssr(y[:, same], int(known))
                larger[same], second[same] = profile.min(axis=0), profile.argmin(axis=0)
        return (smaller - larger) / (larger / self.free), found, second

    @property
    def least(self) -> float:
        """Norm below which a column counts as zero."""
        return NEGLIGIBLE * max(float(np.linalg.norm(self.base)), 1e-300)


def panel_threshold(
    outcome: FloatArray,
    switching: FloatArray,
    threshold_variable: FloatArray,
    regions: IntArray,
    *,
    thresholds: int = 1,
    draws: int = 299,
    level: float = 0.05,
    rng: np.random.Generator,
) -> ThresholdFit:
    """Fit y_it = a_i + sum_r b_r' x_it 1(q_it in regime r) + e_it.

    Parameters
    ----------
    outcome
        Shape (n,).
    switching
        Columns whose coefficients switch, shape (n, k).
    threshold_variable
        q, shape (n,).
    regions
        Region codes, shape (n,).
    thresholds
        1 or 2; the second is found given the first, and the first again given the second.
    draws
        Bootstrap draws of the F test; 0 for none.
    level
        1 - level is the coverage of each confidence set.
    rng
        Source of randomness.

    Returns
    -------
    ThresholdFit

    Raises
    ------
    DataError
        If the threshold variable has fewer than five values between its 5% and 95% quantiles.

    Notes
    -----
    Candidates: the values of q between its 5% and 95% quantiles, at most 200 of them.
    F1 = (S0 - S1(g1)) / s2 with s2 = S1(g1) / (n - N), g1 the minimiser of S1; F2 = (S1(g1) - S2(g2 | g1)) / s2 with
    s2 = S2(g2 | g1) / (n - N), g2 the minimiser given g1 (Hansen 1999, sections 3 and 5). The bootstrap holds x and q
    fixed, resamples whole regions' residual paths of the larger model, adds the fit of the smaller one, and repeats
    every search; a region with other weeks has its residuals placed in order. What is reported for two thresholds is
    g2 and the refined first threshold, the minimiser given g2, which F2 does not use.

    Confidence sets: all g with LR(g) = (S(g) - S min) / s2 <= -2 log(1 - sqrt(1 - level)), 7.35 at 95%, the other
    threshold held at its estimate: the refined estimates have the distribution of a single one (Hansen, section 5).
    Ties with lagged outcomes: see the caller's warning.

    References
    ----------
    Hansen, B. E. (1999), Threshold effects in non-dynamic panels, *Journal of Econometrics* 93, 345-368.
    """
    y = _within(outcome[:, None], regions)
    search = _search(switching, threshold_variable, regions)
    statistic, first, second = search.f_statistics(y, thresholds)
    known = [int(first[0]), int(second[0])][:thresholds]
    critical = float(-2 * np.log(1 - np.sqrt(1 - level)))
    held: list[int | None] = [None] if thresholds == 1 else [known[1], known[0]]
    sets = sorted((_set(search, y, other, critical) for other in held), key=lambda one: one.threshold)
    columns = _within(_regimes(switching, threshold_variable, tuple(one.threshold for one in sets)), regions)
    slopes, residuals = _fit(y[:, 0], columns)
    return ThresholdFit(
        sets=tuple(sets),
        slopes=slopes.reshape(thresholds + 1, switching.shape[1]),
        statistic=float(statistic[0]),
        p=_bootstrap(search, y[:, 0], regions, known, draws=draws, rng=rng),
        ssr=float(residuals @ residuals),
        critical=critical,
    )


def threshold_ssr(
    outcome: FloatArray,
    switching: FloatArray,
    threshold_variable: FloatArray,
    regions: IntArray,
    thresholds: tuple[float, ...],
) -> float:
    """Return the sum of squared residuals at given thresholds: least squares with one dummy per region."""
    columns = _regimes(switching, threshold_variable, thresholds)
    residuals = _fit(_within(outcome[:, None], regions)[:, 0], _within(columns, regions))[1]
    return float(residuals @ residuals)


def _candidates(q: FloatArray) -> FloatArray:
    values = np.unique(q)
    low, high = np.quantile(q, [TRIM, 1 - TRIM])
    inner = values[(values >= low) & (values < high)]
    if inner.size < 5:
        msg = f"The threshold variable has {inner.size} values between its 5% and 95% quantiles; at least 5 are needed."
        raise DataError(msg)
    if inner.size <= MOST_CANDIDATES:
        return np.asarray(inner)
    return np.asarray(np.unique(np.quantile(inner, np.linspace(0, 1, MOST_CANDIDATES), method="inverted_cdf")))


def _search(switching: FloatArray, q: FloatArray, regions: IntArray) -> _Search:
    candidates = _candidates(q)
    columns = [switching, *(switching * (q > g)[:, None] for g in candidates)]
    frame, corner = np.linalg.qr(_within(np.column_stack(columns), regions))
    parts = corner.reshape(len(corner), len(columns), switching.shape[1])
    below = np.searchsorted(np.sort(q), candidates, side="right") / q.size
    return _Search(frame, parts[:, 0], parts[:, 1:], candidates, below, q.size - np.unique(regions).size)


def _set(search: _Search, y: FloatArray, other: int | None, critical: float) -> ThresholdSet:
    """Best threshold given the other, and what the likelihood ratio does not reject."""
    ssr = search.ssr(y, other)[:, 0]
    allowed = np.isfinite(ssr)
    candidates, ssr = search.candidates[allowed], ssr[allowed]
    profile = (ssr - ssr.min()) / (ssr.min() / search.free)
    inside = candidates[profile <= critical]
    return ThresholdSet(
        float(candidates[ssr.argmin()]), float(inside.min()), float(inside.max()), candidates, np.asarray(profile)
    )


def _bootstrap(
    search: _Search, y: FloatArray, regions: IntArray, known: list[int], *, draws: int, rng: np.random.Generator
) -> float:
    """(1 + number of resampled F at least as large) / (1 + draws), with one threshold fewer than found."""
    if draws == 0:
        return float("nan")
    smaller = search.fitted(y, known[:-1])
    residuals = _resampled(y - search.fitted(y, known), regions, draws, rng)
    drawn = smaller[:, None] + _within(residuals, regions)
    observed = search.f_statistics(y[:, None], len(known))[0][0]
    return float((1 + (search.f_statistics(drawn, len(known))[0] >= observed).sum()) / (1 + draws))


def _orthonormal(columns: FloatArray, least: float) -> FloatArray:
    left, size, _ = np.linalg.svd(columns, full_matrices=False)
    return np.asarray(left[:, size > least])


def _within(columns: FloatArray, regions: IntArray) -> FloatArray:
    codes = np.unique(regions, return_inverse=True)[1]
    counts = np.bincount(codes)
    means = np.stack([np.bincount(codes, column) for column in columns.T], axis=1) / counts[:, None]
    return np.asarray(columns - means[codes])


def _fit(y: FloatArray, x: FloatArray) -> tuple[FloatArray, FloatArray]:
    coef: FloatArray = np.asarray(np.linalg.lstsq(x, y, rcond=None)[0], dtype=np.float64)
    return coef, np.asarray(y - x @ coef)


def _resampled(residuals: FloatArray, regions: IntArray, draws: int, rng: np.random.Generator) -> FloatArray:
    """Residual paths of regions drawn with replacement, shape (n, draws); lengths are met by wrapping around."""
    rows = [np.flatnonzero(regions == r) for r in np.unique(regions)]
    out = np.empty((residuals.size, draws))
    for own in rows:
        for draw, source in enumerate(rng.integers(0, len(rows), draws)):
            out[own, draw] = np.resize(residuals[rows[source]], own.size)
    return out


def _regimes(switching: FloatArray, q: FloatArray, thresholds: tuple[float, ...]) -> FloatArray:
    edges = [-np.inf, *thresholds, np.inf]
    return np.column_stack([switching * ((q > a) & (q <= b))[:, None] for a, b in pairwise(edges)])
