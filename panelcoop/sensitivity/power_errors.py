"""Errors like those of a panel: its residuals resampled by whole weeks, so that regions keep moving together."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from panelcoop.checks import fail_if_not_one_of
from panelcoop.numerics.resampling.multipliers import moving_normals
from panelcoop.options import FloatArray

__all__ = ["ErrorScheme", "pooled_root", "resampled_errors"]

ErrorScheme: TypeAlias = Literal["ar", "blocks", "wild"]
"""How errors are drawn; see `resampled_errors`."""

SCHEMES: tuple[ErrorScheme, ...] = ("ar", "blocks", "wild")
BURN_IN = 30
ROOT_CAP = 0.98


def resampled_errors(
    residuals: FloatArray, scheme: ErrorScheme, replications: int, rng: np.random.Generator, *, length: int = 8
) -> FloatArray:
    """Draw panels of errors from the residuals of one.

    Parameters
    ----------
    residuals
        Regions by calendar weeks, shape (N, T), NaN where there is none.
    scheme
        "ar": an AR(1) with the pooled, bias-corrected root, driven by innovations of whole weeks drawn with
        replacement. "blocks": moving blocks of `length` whole weeks. "wild": residuals stay in their weeks and take
        their week's Gaussian multiplier with Bartlett dependence of `length`: weeks of large errors stay where they
        are.
    replications
        Number R of panels.
    rng
        Source of randomness.
    length
        Weeks of a block, or of the multipliers' dependence.

    Returns
    -------
    FloatArray
        Shape (R, N, T), complete: where the week drawn has no residual for a region, one of its others is taken.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> resampled_errors(rng.normal(size=(5, 40)), "blocks", 3, rng).shape
    (3, 5, 40)
    """
    fail_if_not_one_of(scheme, SCHEMES, "scheme")
    if scheme == "ar":
        return _autoregressive(residuals, replications, rng)
    complete = _completed(residuals, rng)
    if scheme == "wild":
        multipliers = moving_normals(rng, (replications, complete.shape[1]), length)
        return np.asarray(multipliers[:, None, :] * complete)
    return np.asarray(complete[:, _block_weeks(complete.shape[1], length, replications, rng)].transpose(1, 0, 2))


def pooled_root(residuals: FloatArray) -> float:
    """Estimate one AR(1) root for all regions, corrected for the region means: r + (1 + r)/T, between -.98 and .98.

    Parameters
    ----------
    residuals
        Shape (N, T), NaN where there is none.
    """
    now, before = residuals[:, 1:], residuals[:, :-1]
    both = np.isfinite(now) & np.isfinite(before)
    if not both.any():
        return 0.0
    square = float(np.sum(before[both] ** 2))
    raw = float(np.sum(now[both] * before[both])) / square if square > 0 else 0.0
    weeks = float(np.isfinite(residuals).sum(axis=1).mean())
    return float(np.clip(raw + (1 + raw) / weeks, -ROOT_CAP, ROOT_CAP))


def _autoregressive(residuals: FloatArray, replications: int, rng: np.random.Generator) -> FloatArray:
    root = pooled_root(residuals)
    innovations = _completed(residuals[:, 1:] - root * residuals[:, :-1], rng)
    regions, weeks = residuals.shape
    drawn = rng.integers(0, innovations.shape[1], size=(weeks + BURN_IN, replications))
    path = np.zeros((replications, regions))
    errors = np.empty((replications, regions, weeks))
    for week in range(weeks + BURN_IN):
        path = root * path + innovations[:, drawn[week]].T
        if week >= BURN_IN:
            errors[:, :, week - BURN_IN] = path
    return errors


def _completed(values: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Fill a region's missing cells with values of its other weeks; a region without any gets zeros."""
    filled = values.copy()
    for region in filled:
        gone = ~np.isfinite(region)
        if gone.any():
            region[gone] = rng.choice(region[~gone], size=int(gone.sum())) if not gone.all() else 0.0
    return filled


def _block_weeks(weeks: int, length: int, replications: int, rng: np.random.Generator) -> np.ndarray:
    """Return which week each week takes, shape (replications, weeks): blocks end to end, the last cut."""
    size = min(length, weeks)
    starts = rng.integers(0, weeks - size + 1, size=(replications, -(-weeks // size)))
    return np.asarray((starts[:, :, None] + np.arange(size)).reshape(replications, -1)[:, :weeks])
