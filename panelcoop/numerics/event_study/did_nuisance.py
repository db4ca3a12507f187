"""Working models of covariate-adjusted difference in differences, each with its asymptotically linear form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from scipy.special import expit

from panelcoop.options import BoolArray, FloatArray

__all__ = [
    "Method",
    "OutcomeModel",
    "PropensityModel",
    "TwoByTwo",
    "fit_outcome",
    "fit_propensity",
    "ratio_mean",
    "tilted_propensity",
    "why_no_odds",
]

Method: TypeAlias = Literal["dr", "dr-improved", "reg", "ipw"]
"""Doubly robust with a logit, doubly robust with calibrated weights, outcome regression, inverse probabilities."""

NO_BALANCE = "overlap fails: no weights of controls match the covariate means of the treated"

NO_OVERLAP = "overlap fails: a propensity reaches 0.999"

OVERLAP_LIMIT = 0.999
"""A fitted propensity at or above this violates overlap (R did)."""

BALANCED = 1e-13
"""Gap between covariate means, over the weight of the treated, that is rounding (covariates are scaled to one)."""

TILT_STEPS = 200

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

    def as_known(self) -> OutcomeModel:
        """Return the model without first-order effect of its estimation."""
        return OutcomeModel(self.fitted, np.zeros_like(self.linear))


def fit_outcome(y: FloatArray, X: FloatArray, subset: BoolArray, weight: FloatArray) -> OutcomeModel | None:
    """Regress y on X in a subset, weighted; None if the design is singular there."""
    part = X[subset]
    heavy = part * weight[subset, None]
    gram = heavy.T @ part
    if len(part) < X.shape[1] or 1.0 / np.linalg.cond(gram, 1) < np.finfo(float).eps:
        return None
    inverse = np.linalg.inv(gram)
    fitted = X @ (inverse @ (heavy.T @ y[subset]))
    linear = np.where(subset, weight * (y - fitted), 0.0)[:, None] * X @ inverse * len(y)
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


def fit_propensity(treated: BoolArray, X: FloatArray, weight: FloatArray) -> PropensityModel:
    """Fit a weighted logit by Newton's method (25 steps at most, tolerance 1e-10 on the score)."""
    d = treated.astype(float)
    beta = np.zeros(X.shape[1])
    for _ in range(25):
        p = expit(X @ beta)
        score = X.T @ (weight * (d - p))
        hessian = (X * (weight * p * (1 - p))[:, None]).T @ X
        if not np.isfinite(hessian).all() or 1.0 / np.linalg.cond(hessian, 1) < np.finfo(float).eps:
            return PropensityModel(np.zeros(d.size), np.zeros_like(X), overlap=False)
        step = np.linalg.solve(hessian, score)
        beta = beta + step
        if np.abs(step).max() < 1e-10 * (1.0 + np.abs(beta).max()):
            break
    p = expit(X @ beta)
    hessian = (X * (weight * p * (1 - p))[:, None]).T @ X
    linear = (weight * (d - p))[:, None] * X @ np.linalg.inv(hessian) * d.size
    odds = np.where(~treated & (p < TRIM), p / (1 - np.minimum(p, 1 - 1e-6)), 0.0)
    return PropensityModel(odds, linear, overlap=bool(p.max() < OVERLAP_LIMIT))


def tilted_propensity(treated: BoolArray, X: FloatArray, weight: FloatArray) -> PropensityModel:
    """Find odds exp(x'b) under which controls have the covariate means of the treated (Graham, Pinto and Egel 2012).

    Notes
    -----
    The sum of weight times odds times x over controls equals that of weight times x over the treated: the maximum of a
    concave function, found by damped Newton steps. Weighted least squares of the outcome with these odds leaves no
    first-order effect of either working model (Sant'Anna and Zhao 2020, section 3), so ``linear`` is zero. Where the
    means of the treated lie outside what controls show, there are no such odds and ``overlap`` is false.
    """
    nothing = PropensityModel(np.zeros(treated.size), np.zeros_like(X), overlap=False)
    size = np.abs(X).max(axis=0)
    if not (size > 0).all() or not treated.any() or treated.all():
        return nothing
    controls, heavy = (X / size)[~treated], weight[~treated]
    target = weight[treated] @ (X / size)[treated]
    beta = np.zeros(X.shape[1])
    odds = np.ones(heavy.size)
    for _ in range(TILT_STEPS):
        gap = target - controls.T @ (heavy * odds)
        hessian = (controls * (heavy * odds)[:, None]).T @ controls
        if np.abs(gap).max() <= BALANCED * weight[treated].sum():
            full = np.zeros(treated.size)
            full[~treated] = odds
            return PropensityModel(full, np.zeros_like(X), overlap=True)
        if not np.isfinite(hessian).all() or 1.0 / np.linalg.cond(hessian, 1) < np.finfo(float).eps:
            return nothing
        step = np.linalg.solve(hessian, gap)
        beta = beta + step * min(1.0, 2.0 / max(float(np.abs(controls @ step).max()), 1e-300))
        odds = np.exp(np.clip(controls @ beta, -700, 700))
    return nothing


def why_no_odds(X: FloatArray, *, improved: bool) -> str:
    """Say why there are no odds of treatment: covariates without a unique logit, or no overlap."""
    size = np.abs(X).max(axis=0)
    if np.linalg.matrix_rank(X / np.where(size > 0, size, 1.0)) < X.shape[1]:
        return "covariates are singular among treated and controls"
    return NO_BALANCE if improved else NO_OVERLAP


def ratio_mean(weight: FloatArray, value: FloatArray) -> tuple[float, FloatArray]:
    """Take a weighted mean and its influence in the mean form."""
    mass = weight.mean()
    centre = float((weight * value).mean() / mass)
    return centre, weight * (value - centre) / mass
