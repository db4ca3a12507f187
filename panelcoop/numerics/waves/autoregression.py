"""AR(1) noise around a smooth trend: fit with a bias-corrected root, and paths drawn from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from scipy.special import chdtrc

from panelcoop.errors import DataError
from panelcoop.options import FloatArray, IntArray

__all__ = [
    "VARIANCE_LEVEL",
    "NoiseDraws",
    "NoiseFit",
    "ar1_paths",
    "at_root",
    "constant_variance",
    "correct_root",
    "cosine_basis",
    "draw_noise",
    "fit_noise",
]

NoiseDraws: TypeAlias = Literal["auto", "resampled", "wild"]
"""Innovations picked from all weeks, or kept in their week with a random sign; "auto" asks `constant_variance`."""

VARIANCE_COSINES = 4
VARIANCE_LEVEL = 0.05


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
    weeks
        Place of each innovation in the span of the weeks, shape (n,).
    p_constant
        p-value of innovations of the same size in all weeks.
    short
        Whether the path is too short to tell the root: it is then set to the cap.
    """

    root: float
    root_raw: float
    innovations: FloatArray
    trend: FloatArray
    residuals: FloatArray
    columns: int
    weeks: IntArray
    p_constant: float
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
    innovations = _innovations(now, before, root, path.size, k)
    weeks = np.rint(positions[steps + 1] - positions[0]).astype(np.int64)
    p_constant = float(constant_variance(innovations, weeks / max(int(weeks[-1]), 1)))
    return NoiseFit(root, root_raw, innovations, trend, residuals, k, weeks, p_constant, short)


def at_root(fit: NoiseFit, positions: FloatArray, root: float) -> NoiseFit:
    """Return the same residuals read as noise with another root: what they would be if the root had been missed.

    Examples
    --------
    >>> clock = np.arange(40.0)
    >>> fit = fit_noise(np.sin(clock), clock)
    >>> at_root(fit, clock, 0.9).root
    0.9
    """
    steps = np.flatnonzero(np.diff(positions) == 1)
    now, before = fit.residuals[steps + 1], fit.residuals[steps]
    return replace(fit, root=root, innovations=_innovations(now, before, root, fit.residuals.size, fit.columns))


def _innovations(now: FloatArray, before: FloatArray, root: float, weeks: int, columns: int) -> FloatArray:
    """Centre what a root leaves and scale it for the fitted trend columns."""
    innovations = now - root * before
    return np.asarray((innovations - innovations.mean()) * np.sqrt(weeks / (weeks - columns)))


def constant_variance(innovations: FloatArray, clock: FloatArray) -> FloatArray:
    """Return the p-value of innovations of constant size over time, for one series or many.

    Parameters
    ----------
    innovations
        Shape (n,) or (n, R).
    clock
        Time of each innovation from 0 to 1, shape (n,).

    Notes
    -----
    n R^2 of |e| on four half-cosines of time, chi2(4): Glejser (1969) in the Lagrange-multiplier form of Godfrey
    (1996).
    """
    size = np.abs(innovations)
    basis = np.column_stack([np.ones_like(clock), *(np.cos(np.pi * j * clock) for j in range(1, VARIANCE_COSINES + 1))])
    centred = size - size.mean(axis=0)
    fitted = basis @ np.linalg.lstsq(basis, centred, rcond=None)[0]
    total = np.maximum((centred * centred).sum(axis=0), 1e-300)
    return np.asarray(chdtrc(VARIANCE_COSINES, len(clock) * (fitted * fitted).sum(axis=0) / total))


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


def draw_noise(
    fit: NoiseFit,
    positions: FloatArray,
    draws: int,
    rng: np.random.Generator,
    kind: NoiseDraws = "auto",
) -> FloatArray:
    """Draw noise paths from the fitted innovations, shape (T, draws).

    Parameters
    ----------
    fit
        Fitted noise.
    positions
        Week numbers, shape (T,).
    draws
        Number of paths.
    rng
        Source of randomness.
    kind
        "resampled" picks innovations from all weeks; "wild" keeps each in its week with a random sign, which holds the
        size where some weeks are noisier than others; "auto" is wild where `constant_variance` rejects at 5%.

    Notes
    -----
    A gap in the weeks goes on in the dark: the recursion runs over the whole span, then the seen weeks are kept.
    """
    clock: IntArray = np.rint(positions - positions[0]).astype(np.int64)
    span = int(clock[-1]) + 1
    if kind == "resampled" or (kind == "auto" and fit.p_constant > VARIANCE_LEVEL):
        picks = rng.integers(0, fit.innovations.size, size=(span, draws), dtype=np.int32)
        drawn = fit.innovations[picks]
    else:
        nearest = np.abs(np.arange(span)[:, None] - fit.weeks[None, :]).argmin(axis=1)
        drawn = fit.innovations[nearest][:, None] * rng.choice([-1.0, 1.0], size=(span, draws))
    paths = ar1_paths(drawn, fit.root)
    return paths if clock.size == span else paths[clock]
