"""Mean paths and noise of simulated panels: the shapes cooperation might take over time."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from panelcoop.checks import fail_if_not_one_of
from panelcoop.options import FloatArray

__all__ = ["SHAPES", "Shape", "ar_noise", "common_factor", "mean_path", "spatial_correlation"]

Shape: TypeAlias = Literal[
    "flat",
    "linear",
    "step",
    "staircase",
    "hump",
    "driftless waves",
    "rising waves",
    "declining waves",
    "irregular waves",
    "interrupted rise",
]
"""Shape of the mean path."""

SHAPES: tuple[Shape, ...] = (
    "flat",
    "linear",
    "step",
    "staircase",
    "hump",
    "driftless waves",
    "rising waves",
    "declining waves",
    "irregular waves",
    "interrupted rise",
)

RANDOM_WALK_SCALE = 1.7
"""A random walk times this over sqrt(T) has about unit variance around its own mean."""


def mean_path(shape: Shape, weeks: int, amplitude: float = 1.0) -> FloatArray:
    """Draw the mean path of a shape.

    Parameters
    ----------
    shape
        One of ``SHAPES``.
    weeks
        T.
    amplitude
        a, in standard deviations of the noise.

    Returns
    -------
    numpy.ndarray
        Shape (T,).

    Raises
    ------
    DataError
        When the shape is unknown.

    Notes
    -----
    With u = (t-1)/(T-1) and g(c, w) = exp(-.5 ((u-c)/w)^2): linear a u; step a 1(u > .4); hump a g(.4, .18);
    staircase 2a (u - sin(6 pi u)/(6 pi)); driftless waves (a/2) sin(6 pi u - pi/2); rising waves add 2 a u to these;
    declining waves are rising waves read backwards; irregular .75 a (1.2 g(.15,.05) + 1.6 g(.42,.07) + 2.2 g(.82,.08))
    + .8 a u; interrupted rise 2 a u + .8 a g(.35, .1): one drawdown, one higher record.

    Examples
    --------
    >>> mean_path("linear", 5, 2.0).tolist()
    [0.0, 0.5, 1.0, 1.5, 2.0]
    """
    fail_if_not_one_of(shape, SHAPES, "shape")
    u = np.linspace(0.0, 1.0, weeks)
    a = amplitude
    waves = a / 2 * np.sin(6 * np.pi * u - np.pi / 2)
    rising = 2 * a * u + waves
    paths: dict[str, FloatArray] = {
        "flat": np.zeros(weeks),
        "linear": a * u,
        "step": a * (u > 0.4).astype(float),
        "staircase": 2 * a * (u - np.sin(6 * np.pi * u) / (6 * np.pi)),
        "hump": a * _bell(u, 0.4, 0.18),
        "driftless waves": waves,
        "rising waves": rising,
        "declining waves": rising[::-1],
        "irregular waves": 0.75
        * a
        * (1.2 * _bell(u, 0.15, 0.05) + 1.6 * _bell(u, 0.42, 0.07) + 2.2 * _bell(u, 0.82, 0.08))
        + 0.8 * a * u,
        "interrupted rise": 2 * a * u + 0.8 * a * _bell(u, 0.35, 0.1),
    }
    return paths[shape]


def ar_noise(
    weeks: int, regions: int, coefficient: float, rng: np.random.Generator, factor: FloatArray | None = None
) -> FloatArray:
    """Draw AR(1) noise with unit variance, independent over regions or with a given correlation.

    Parameters
    ----------
    weeks, regions
        T and N.
    coefficient
        AR coefficient, below one in absolute value.
    rng
        Random generator.
    factor
        Cholesky factor of the correlation between regions, shape (N, N).

    Returns
    -------
    numpy.ndarray
        Shape (T, N), started from the stationary distribution.
    """
    shocks = rng.standard_normal((weeks, regions))
    shocks = shocks if factor is None else shocks @ factor.T
    noise = np.empty_like(shocks)
    noise[0] = shocks[0]
    scale = np.sqrt(1.0 - coefficient**2)
    for t in range(1, weeks):
        noise[t] = coefficient * noise[t - 1] + scale * shocks[t]
    return noise


def common_factor(weeks: int, coefficient: float, rng: np.random.Generator) -> FloatArray:
    """Draw the common shock f_t: AR(1) with unit variance; at 1 a random walk times 1.7/sqrt(T).

    Returns
    -------
    numpy.ndarray
        Shape (T,).
    """
    if coefficient >= 1.0:
        return np.asarray(np.cumsum(rng.standard_normal(weeks)) * RANDOM_WALK_SCALE / np.sqrt(weeks))
    return ar_noise(weeks, 1, coefficient, rng)[:, 0]


def spatial_correlation(positions: FloatArray, reach: float) -> FloatArray:
    """Correlate regions by distance: exp(-distance / reach).

    Parameters
    ----------
    positions
        Shape (N, 2).
    reach
        Distance at which the correlation has fallen to 1/e.

    Returns
    -------
    numpy.ndarray
        Shape (N, N), positive definite.
    """
    gaps = np.linalg.norm(positions[:, None, :] - positions[None, :, :], axis=2)
    return np.asarray(np.exp(-gaps / reach), dtype=np.float64)


def _bell(u: FloatArray, centre: float, width: float) -> FloatArray:
    return np.asarray(np.exp(-0.5 * ((u - centre) / width) ** 2), dtype=np.float64)
