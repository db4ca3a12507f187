"""Working models of covariate-adjusted difference in differences, each with its asymptotically linear form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from panelcoop.options import BoolArray, FloatArray

__all__ = ["OutcomeModel", "PropensityModel", "TwoByTwo", "fit_outcome", "fit_propensity", "ratio_mean"]

OVERLAP_LIMIT = 0.999
"""A fitted propensity at or above this violates overlap (R did)."""

TRIM = 0.995
"""Controls whose fitted propensity reaches this get weight zero (R DRDID)."""


@dataclass(frozen=True)
class TwoByTwo:
    """One two-by-two effect.

    Attributes
    ----------
    effect
        NaN where not estimable.
    influence
        In the sum form: one entry per row used, shape (n,).
    reason
        Why the effect is NaN; empty otherwise.
    """

    effect: float
    influence: FloatArray
    reason: str = ""


@dataclass(frozen=True)
class OutcomeModel:
    """Least squares on a subset.

    Attributes
    ----------
    fitted
        For every row, shape (n,).
    linear
        Influence of rows on the coefficients in the mean form, shape (n, P).
    """

    fitted: FloatArray
    linear: FloatArray


def fit_outcome(y: FloatArray, X: FloatArray, subset: BoolArray) -> OutcomeModel | None:
    """Regress y on X in a subset; None if the design is singular there."""
    part = X[subset]
    gram = part.T @ part
    if len(part) < X.shape[1] or 1.0 / np.linalg.cond(gram, 1) < np.finfo(float).eps:
        return None
    inverse = np.linalg.inv(gram)
    fitted = X @ (inverse @ (part.T @ y[subset]))
    linear = np.where(subset, y - fitted, 0.0)[:, None] * X @ inverse * len(y)
    return OutcomeModel(fitted, linear)


@dataclass(frozen=True)
class PropensityModel:
    """A logit of treatment.

    Attributes
    ----------
    odds
        p / (1 - p) for untrimmed controls, zero elsewhere, shape (n,).
    linear
        Influence of rows on the coefficients in the mean form, shape (n, P).
    overlap
        Whether the largest fitted propensity stays below 0.999.
    """

    odds: FloatArray
    linear: FloatArray
    overlap: bool


def fit_propensity(treated: BoolArray, X: FloatArray) -> PropensityModel:
    """Fit a logit by Newton's method (25 steps at most, tolerance 1e-10 on the score)."""
    d = treated.astype(float)
    beta = np.zeros(X.shape[1])
    for _ in range(25):
        p = expit(X @ beta)
        score = X.T @ (d - p)
        hessian = (X * (p * (1 - p))[:, None]).T @ X
        if not np.isfinite(hessian).all() or 1.0 / np.linalg.cond(hessian, 1) < np.finfo(float).eps:
            return PropensityModel(np.zeros(d.size), np.zeros_like(X), overlap=False)
        step = np.linalg.solve(hessian, score)
        beta = beta + step
        if np.abs(step).max() < 1e-10 * (1.0 + np.abs(beta).max()):
            break
    p = expit(X @ beta)
    hessian = (X * (p * (1 - p))[:, None]).T @ X
    linear = (d - p)[:, None] * X @ np.linalg.inv(hessian) * d.size
    odds = np.where(~treated & (p < TRIM), p / (1 - np.minimum(p, 1 - 1e-6)), 0.0)
    return PropensityModel(odds, linear, overlap=bool(p.max() < OVERLAP_LIMIT))


def ratio_mean(weight: FloatArray, value: FloatArray) -> tuple[float, FloatArray]:
    """Take a weighted mean and its influence in the mean form."""
    mass = weight.mean()
    centre = float((weight * value).mean() / mass)
    return centre, weight * (value - centre) / mass
