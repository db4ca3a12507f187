"""AR(1) noise around a smooth trend: fit with a bias-corrected root, and paths drawn from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.errors import DataError
from panelcoop.options import FloatArray, IntArray

__all__ = ["NoiseFit", "ar1_paths", "correct_root", "cosine_basis", "draw_noise", "fit_noise"]


@dataclass(frozen=True)
class NoiseFit:
    """AR(1) noise around a smooth trend.

    Attributes
    ----------
    root
        Bias-corrected and capped AR coefficient: what draws use.
    root_raw
        Least-squares AR coefficient of the residuals.
    innovations
        Centred, scaled by sqrt(n / (n - k)), one per consecutive pair of weeks, shape (n,).
    trend, residuals
        Fitted smooth trend and what is left, shape (T,).
    columns
        Number k of fitted trend columns.
    short
        Whether the path is too short to tell the root: it is then set to the cap.
    """

    root: float
    root_raw: float
    innovations: FloatArray
    trend: FloatArray
    residuals: FloatArray
    columns: int
    short: bool


def cosine_basis(positions: FloatArray, cosines: int) -> FloatArray:
    """Return constant, linear trend and half-cosines, shape (T, 2 + cosines).

    Notes
    -----
    Column j is cos(pi j (t - .5) / T), t = 1..T counted over the span of the weeks, gaps included.
    """
    span = positions[-1] - positions[0] + 1
    clock = (positions - positions[0] + 0.5) / span
    waves = np.cos(np.pi * np.arange(1, cosines + 1)[None, :] * clock[:, None])
    return np.column_stack([np.ones_like(clock), clock - 0.5, waves])


def correct_root(root: float, columns: int, weeks: int, cap: float) -> float:
    """Correct the downward bias of an AR root estimated around k fitted columns, and cap it.

    Notes
    -----
    phi + [k + (k + 1) phi] / T: the first-order bias of Tanaka (1984) and Shaman and Stine (1988), for residuals of a
    regression on k trend columns.

    Examples
    --------
    >>> correct_root(0.5, 10, 100, 0.98)
    0.655
    """
    return float(np.clip(root + (columns + (columns + 1) * root) / weeks, -cap, cap))


def fit_noise(
    path: FloatArray, positions: FloatArray, *, cosines: int = 8, cap: float = 0.98, minimum_weeks: int = 30
) -> NoiseFit:
    """Fit AR(1) noise around linear plus half-cosines.

    Parameters
    ----------
    path
        Shape (T,).
    positions
        Week numbers, shape (T,), increasing; only consecutive weeks enter the autoregression.
    cosines
        Half-cosines in the trend (fewer, T // 6, where the path is shorter than 6 per cosine).
    cap
        Largest absolute root.
    minimum_weeks
        Below this many weeks the root cannot be told: it is set to the cap.

    Returns
    -------
    NoiseFit

    Raises
    ------
    DataError
        If fewer than 5 weeks, or fewer than 4 pairs of consecutive weeks, are seen.
    """
    steps = np.flatnonzero(np.diff(positions) == 1)
    if path.size < 5 or steps.size < 4:
        msg = (
            f"{path.size} weeks with {steps.size} consecutive pairs cannot show any noise; at least 5 weeks are needed."
        )
        raise DataError(msg)
    basis = cosine_basis(positions, min(cosines, path.size // 6))
    trend = basis @ np.linalg.lstsq(basis, path, rcond=None)[0]
    residuals = path - trend
    now, before = residuals[steps + 1], residuals[steps]
    energy = float(before @ before)
    root_raw = float(now @ before) / energy if energy > 0 else 0.0
    k = basis.shape[1]
    short = path.size < minimum_weeks
    root = cap if short else correct_root(root_raw, k, path.size, cap)
    innovations = now - root * before
    innovations = (innovations - innovations.mean()) * np.sqrt(path.size / (path.size - k))
    return NoiseFit(root, root_raw, innovations, trend, residuals, k, short)


def ar1_paths(innovations: FloatArray, root: FloatArray | float) -> FloatArray:
    """Run AR(1) recursions along the first axis, in place, from the stationary distribution.

    Parameters
    ----------
    innovations
        Shape (T, ...); overwritten.
    root
        Scalar or array that broadcasts against ``innovations[0]``, inside (-1, 1).
    """
    innovations[0] /= np.sqrt(1.0 - np.square(root))
    for t in range(1, len(innovations)):
        innovations[t] += root * innovations[t - 1]
    return innovations


def draw_noise(fit: NoiseFit, positions: FloatArray, draws: int, rng: np.random.Generator) -> FloatArray:
    """Draw noise paths by resampling innovations, shape (T, draws).

    Notes
    -----
    Innovations are resampled independently over the whole span of weeks (a gap goes on in the dark), then the seen
    weeks are kept.
    """
    clock: IntArray = np.rint(positions - positions[0]).astype(np.int64)
    picks = rng.integers(0, fit.innovations.size, size=(int(clock[-1]) + 1, draws), dtype=np.int32)
    paths = ar1_paths(fit.innovations[picks], fit.root)
    return paths if clock.size == len(paths) else paths[clock]
