"""Truths and noises under which the wave test's size and power are shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from panelcoop.errors import DataError
from panelcoop.numerics.waves.autoregression import ar1_paths
from panelcoop.options import FloatArray
from panelcoop.simulate_paths import SHAPES, Shape
from panelcoop.simulate_paths import mean_path as shape_path

__all__ = [
    "ALTERNATIVES",
    "DRIFTLESS",
    "NULLS",
    "Design",
    "Noise",
    "Truth",
    "common_noise",
    "exposure_of",
    "mean_path",
    "simulate_panel",
]

Truth: TypeAlias = Literal[
    "flat", "linear", "step", "staircase", "hump", "driftless", "declining", "rising", "irregular"
]
"""Shape of the common mean."""

Noise: TypeAlias = Literal["gaussian", "t4", "heteroskedastic", "outlier", "missing", "counts", "volume"]
"""What disturbs it."""

NULLS: tuple[Truth, ...] = ("flat", "linear", "step", "staircase", "hump", "declining")
DRIFTLESS: Truth = "driftless"
ALTERNATIVES: tuple[Truth, ...] = ("rising", "irregular")

COUNTED = ("counts", "volume")
OUTLIER_SCALE = 10.0
IDIOSYNCRATIC_ROOT = 0.4
LOADING_SPREAD = 0.3


@dataclass(frozen=True)
class Design:
    """One cell of the size and power tables.

    Attributes
    ----------
    truth, amplitude
        Shape of the mean and its amplitude a; net drawdown of rising waves is about .7 a.
    weeks, regions
        T and N.
    root
        AR coefficient of the common shock; 1.0 is a random walk scaled by 1.7 / sqrt(T).
    share
        Share of the variance that is common.
    noise
        Kind of disturbance.
    """

    truth: Truth = "linear"
    amplitude: float = 2.0
    weeks: int = 100
    root: float = 0.5
    share: float = 0.3
    regions: int = 31
    noise: Noise = "gaussian"


def mean_path(truth: Truth, weeks: int, amplitude: float) -> FloatArray:
    """Return the common mean m_t, shape (T,).

    Notes
    -----
    The shapes of ``panelcoop.simulate_paths.mean_path``, under the short names of the tables.

    Examples
    --------
    >>> mean_path("linear", 3, 2.0).tolist()
    [0.0, 1.0, 2.0]
    """
    truths = (*NULLS, DRIFTLESS, *ALTERNATIVES)
    if truth not in truths:
        msg = f"truth must be one of {', '.join(truths)}; got '{truth}'."
        raise DataError(msg)
    shapes: dict[str, Shape] = {shape.removesuffix(" waves"): shape for shape in SHAPES}
    return shape_path(shapes[truth], weeks, amplitude)


def common_noise(design: Design, replications: int, rng: np.random.Generator) -> FloatArray:
    """Draw the noise of the common path directly, shape (T, replications).

    Notes
    -----
    With loadings of mean one and independent regions the mean over regions of sqrt(s) lam_i f_t + sqrt(1 - s) e_it is
    sqrt(s) f_t + sqrt((1 - s) / N) g_t, where g is AR(1) like each e_i: exact for Gaussian noise, so a panel need
    not be
    drawn. An outlier region of ten times the scale adds 1 - 1/N + 100/N to the idiosyncratic variance instead of 1.
    """
    kind: Noise = design.noise
    factor = common_factor(design.weeks, design.root, replications, rng, kind)
    own = _stationary(design.weeks, IDIOSYNCRATIC_ROOT, replications, rng, kind)
    n = design.regions
    inflation = (n - 1 + OUTLIER_SCALE**2) / n if kind == "outlier" else 1.0
    return np.asarray(np.sqrt(design.share) * factor + np.sqrt((1 - design.share) * inflation / n) * own)


def common_factor(weeks: int, root: float, replications: int, rng: np.random.Generator, kind: Noise) -> FloatArray:
    """Draw the common shock f_t with unit variance, shape (T, replications); root 1 is a scaled random walk."""
    if root < 1.0:
        return _stationary(weeks, root, replications, rng, kind)
    steps = _shocks(weeks, replications, rng, kind)
    return np.asarray(np.cumsum(steps, axis=0) * (1.7 / np.sqrt(weeks)))


def simulate_panel(design: Design, rng: np.random.Generator) -> FloatArray:
    """Draw one panel in full, shape (N, T), NaN where missing.

    Notes
    -----
    y_it = a_i + m_t + sqrt(s) lam_i f_t + sqrt(1 - s) e_it with lam_i = 1 + .3 N(0, 1) scaled to mean one.
    "outlier": the first
    region's own noise is ten times as large. "missing": a fifth of the cells at random, and three whole weeks.
    "counts": Poisson-gamma counts (dispersion 1) with log mean 1 + the linear predictor times .5. "volume": the same
    per hundred documents, whose number `exposure_of` gives.
    """
    n, t = design.regions, design.weeks
    factor = common_factor(t, design.root, 1, rng, design.noise)[:, 0]
    loadings = 1.0 + LOADING_SPREAD * rng.standard_normal(n)
    own = _stationary(t, IDIOSYNCRATIC_ROOT, n, rng, design.noise).T.copy()
    if design.noise == "outlier":
        own[0] *= OUTLIER_SCALE
    noise = np.sqrt(design.share) * np.outer(loadings / loadings.mean(), factor) + np.sqrt(1 - design.share) * own
    values = rng.standard_normal((n, 1)) + mean_path(design.truth, t, design.amplitude)[None, :] + noise
    if design.noise == "missing":
        values[rng.random((n, t)) < 0.2] = np.nan
        values[:, rng.choice(np.arange(1, t - 1), size=3, replace=False)] = np.nan
    if design.noise in COUNTED:
        rate = np.exp(1.0 + 0.5 * values) * exposure_of(design) / 100.0
        values = rng.poisson(rate * rng.gamma(1.0, 1.0, size=values.shape)).astype(np.float64)
    return np.asarray(values)


def exposure_of(design: Design) -> FloatArray:
    """Give the total number of documents (N, T): a hundred, or under "volume" one that rises fourfold in three waves.

    Waves and rise of the volume are no waves of the rate: the offset must take them out.
    """
    shape = (design.regions, design.weeks)
    if design.noise != "volume":
        return np.full(shape, 100.0)
    u = np.arange(design.weeks) / (design.weeks - 1)
    size = 50.0 * (1.0 + np.arange(design.regions) % 5)
    return np.outer(size, np.exp(np.log(4.0) * u - 0.8 * np.cos(6 * np.pi * u)))


def _stationary(weeks: int, root: float, replications: int, rng: np.random.Generator, kind: Noise) -> FloatArray:
    """Draw AR(1) paths with unit variance."""
    shocks = _shocks(weeks, replications, rng, kind)
    return ar1_paths(shocks * np.sqrt(1.0 - root * root), root)


def _shocks(weeks: int, replications: int, rng: np.random.Generator, kind: Noise) -> FloatArray:
    if kind == "t4":
        return np.asarray(rng.standard_t(4, size=(weeks, replications)) / np.sqrt(2.0))
    shocks = rng.standard_normal((weeks, replications))
    if kind == "heteroskedastic":
        calm = np.where(np.arange(weeks) < weeks // 3, 2.0, 0.5)[:, None]
        shocks = shocks * calm / np.sqrt(np.mean(calm**2))
    return shocks
