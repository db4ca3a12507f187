"""Fixed-length confidence intervals under a bound on changes of slope (Armstrong and Kolesar 2018, 2020)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.numerics.honest.bias_path import BiasPath
from panelcoop.numerics.honest.folded_normal import folded_normal_ppf
from panelcoop.numerics.honest.study import StudyArrays
from panelcoop.options import FloatArray

__all__ = ["FixedLength", "fixed_length"]

HALVINGS = 80


@dataclass(frozen=True)
class FixedLength:
    """The shortest interval of fixed length around an affine estimator.

    Attributes
    ----------
    estimate, half_length
        The interval is estimate -+ half_length.
    weights
        Weights on all coefficients, shape (P + T,).
    bias, std_error
        Worst-case bias and standard error of the estimator.
    """

    estimate: float
    half_length: float
    weights: FloatArray
    bias: float
    std_error: float


def fixed_length(study: StudyArrays, path: BiasPath, magnitude: float, alpha: float) -> FixedLength:
    """Find the affine estimator whose honest interval is shortest.

    Parameters
    ----------
    path
        The frontier of `study`; it serves all magnitudes and levels.
    magnitude
        M, the largest change of slope.
    alpha
        One minus the level.

    Notes
    -----
    The half-length is se * cv(bias / se), cv the 1 - alpha quantile of the folded normal, so cv' = tanh(cv t) at
    t = bias / se. On the frontier se d(se) = -price d(bias / M); the half-length is stationary where
    (cv - t tanh(cv t)) price / se = M tanh(cv t), found by bisection. It is quasi-convex along the frontier.
    """
    low, high = 0.0, float(path.prices[0])
    if _rises(path, magnitude, alpha, high):
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            low, high = (low, middle) if _rises(path, magnitude, alpha, middle) else (middle, high)
            if high - low <= 1e-14 * path.prices[0]:
                break
    weights, unit, std_error = path.at(high)
    bias = magnitude * unit
    half = std_error * folded_normal_ppf(1 - alpha, bias / std_error)
    return FixedLength(float(weights @ study.estimates), half, weights, bias, std_error)


def _rises(path: BiasPath, magnitude: float, alpha: float, price: float) -> bool:
    """Say whether a higher price would lengthen the interval."""
    _, unit, std_error = path.at(price)
    t = magnitude * unit / std_error
    critical = folded_normal_ppf(1 - alpha, t)
    tilt = np.tanh(critical * t)
    return bool((critical - t * tilt) * price / std_error > magnitude * tilt)
