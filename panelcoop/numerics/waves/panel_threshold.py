"""Hansen's (1999) threshold regression with region effects: one or two thresholds, bootstrap, confidence set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from panelcoop.errors import DataError
from panelcoop.options import FloatArray, IntArray

__all__ = ["ThresholdFit", "panel_threshold", "threshold_ssr"]

TRIM = 0.05
MOST_CANDIDATES = 200


@dataclass(frozen=True)
class ThresholdFit:
    """A threshold regression.

    Attributes
    ----------
    thresholds
        One or two thresholds, in order of size.
    slopes
        Coefficients of the switching columns by regime, shape (regimes, k).
    statistic, p
        F of this many thresholds against one fewer, and its bootstrap p-value.
    confidence
        Set of values of the (last found) threshold not rejected at the level: its smallest and largest member.
    ssr
        Sum of squared residuals.
    candidates, profile
        Candidate values and the likelihood ratio at each, shape (G,).
    critical
        Critical value of the likelihood ratio.
    """

    thresholds: tuple[float, ...]
    slopes: FloatArray
    statistic: float
    p: float
    confidence: tuple[float, float]
    ssr: float
    candidates: FloatArray
    profile: FloatArray
    critical: float


@dataclass(frozen=True)
class _Search:
    """The search for one more threshold: columns already in the model, columns that switch, q, candidates, regions."""

    base: FloatArray
    switching: FloatArray
    q: FloatArray
    candidates: FloatArray
    regions: IntArray

    def given(self, threshold: float) -> _Search:
        """Return the search for a further threshold, one being known; regimes keep 5% of the rows."""
        known = self.switching * (self.q > threshold)[:, None]
        below = np.searchsorted(np.sort(self.q), np.append(self.candidates, threshold), side="right") / self.q.size
        apart = self.candidates[np.abs(below[:-1] - below[-1]) >= TRIM]
        base = np.column_stack([self.switching, known])
        return replace(self, base=base, candidates=apart if apart.size else self.candidates)

    def added(self) -> tuple[FloatArray, list[FloatArray]]:
        """Orthonormal base, and for each candidate an orthonormal basis of what x 1(q > g) adds to it."""
        frame = np.linalg.qr(_within(self.base, self.regions))[0]
        least = 1e-9 * max(float(np.linalg.norm(self.switching)), 1e-300)
        added = []
        for g in self.candidates:
            extra = _within(self.switching * (self.q > g)[:, None], self.regions)
            left, size, _ = np.linalg.svd(extra - frame @ (frame.T @ extra), full_matrices=False)
            added.append(left[:, size > least])
        return frame, added

    def profile(self, y: FloatArray) -> FloatArray:
        """Sum of squared residuals at each candidate."""
        frame, added = self.added()
        rest = y - frame @ (frame.T @ y)
        total = float(rest @ rest)
        return np.array([total - float(np.sum((one.T @ rest) ** 2)) for one in added])

    def best(self, y: FloatArray) -> float:
        """Candidate with the smallest sum of squares."""
        return float(self.candidates[self.profile(y).argmin()])

    def bootstrap(self, residuals: FloatArray, statistic: float, draws: int, rng: np.random.Generator) -> float:
        """Share of resampled data sets without this threshold whose F is at least as large."""
        if draws == 0:
            return float("nan")
        frame, added = self.added()
        drawn = _within(_resampled(residuals, self.regions, draws, rng), self.regions)
        drawn -= frame @ (frame.T @ drawn)
        total = (drawn * drawn).sum(axis=0)
        gain = np.max([((one.T @ drawn) ** 2).sum(axis=0) for one in added], axis=0)
        free = residuals.size - np.unique(self.regions).size
        return float((1 + ((gain / ((total - gain) / free)) >= statistic).sum()) / (1 + draws))


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
        1 - level is the coverage of the confidence set.
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
    Candidates: the values of q between its 5% and 95% quantiles, at most 200 of them. F = (SSR_0 - SSR_1) / s2, s2
    = SSR_1 / (n - N).
    The bootstrap holds x and q fixed and resamples whole regions' residual paths of the null fit (Hansen 1999,
    section 3.4; a region
    with other weeks has its residuals placed in order). Confidence set: LR(g) = (SSR(g) - SSR_1) / s2 <= -2 log(1
    - sqrt(1 - level)),
    7.35 at 95%. Ties with lagged outcomes: see the caller's warning.

    References
    ----------
    Hansen, B. E. (1999), Threshold effects in non-dynamic panels, *Journal of Econometrics* 93, 345-368.
    """
    y = _within(outcome[:, None], regions)[:, 0]
    search = _Search(switching, switching, threshold_variable, _candidates(threshold_variable), regions)
    fixed: list[float] = []
    if thresholds == 2:
        first = search.best(y)
        fixed = [search.given(search.given(first).best(y)).best(y)]
        search = search.given(fixed[0])
    ssr = search.profile(y)
    last, smallest = float(search.candidates[ssr.argmin()]), float(ssr.min())
    variance = smallest / (y.size - np.unique(regions).size)
    null_residuals = _fit(y, _within(search.base, regions))[1]
    statistic = (float(null_residuals @ null_residuals) - smallest) / variance
    ordered = tuple(sorted([*fixed, last]))
    profile = (ssr - smallest) / variance
    critical = float(-2 * np.log(1 - np.sqrt(1 - level)))
    inside = search.candidates[profile <= critical]
    regimes = _within(_regimes(switching, threshold_variable, ordered), regions)
    return ThresholdFit(
        thresholds=ordered,
        slopes=_fit(y, regimes)[0].reshape(len(ordered) + 1, switching.shape[1]),
        statistic=statistic,
        p=search.bootstrap(null_residuals, statistic, draws, rng),
        confidence=(float(inside.min()), float(inside.max())),
        ssr=smallest,
        candidates=search.candidates,
        profile=profile,
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
