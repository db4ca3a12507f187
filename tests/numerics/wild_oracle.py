"""Brute force for the wild bootstrap: dummies, a refit per draw, nothing clever."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from panelcoop.numerics.resampling.wild_regression import WildRegression, wild_regression

Array = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class TinyPanel:
    """An unbalanced, weighted panel with region and week effects, kept as raw columns."""

    y: Array
    X: Array
    region: Codes
    week: Codes
    weights: Array
    dummies: Array


def tiny_panel(
    seed: int, regions: int, weeks: int, k: int, *, missing: float = 0.2, weighted: bool = True
) -> TinyPanel:
    rng = np.random.default_rng(seed)
    region, week = np.divmod(np.arange(regions * weeks), weeks)
    keep = rng.random(region.size) >= missing
    keep[week == 0] = True
    region, week = region[keep], week[keep]
    n = region.size
    X = rng.standard_normal((n, k)) + rng.standard_normal(weeks)[week, None]
    y = X.sum(axis=1) * 0.2 + rng.standard_normal(regions)[region] + rng.standard_normal(weeks)[week]
    y += rng.standard_normal(n) * (1 + (region == 0))
    weights = rng.uniform(0.5, 2.0, n) if weighted else np.ones(n)
    return TinyPanel(y, X, region, week, weights, two_way_dummies(region, week))


def two_way_dummies(region: Codes, week: Codes) -> Array:
    return np.hstack([region[:, None] == np.unique(region), week[:, None] == np.unique(week)[1:]]).astype(float)


def weighted_residuals(columns: Array, dummies: Array, weights: Array) -> Array:
    root = np.sqrt(weights)[:, None]
    return columns - dummies @ np.linalg.lstsq(dummies * root, columns * root, rcond=None)[0]


def residualised(panel: TinyPanel, *, by_function: bool = False) -> WildRegression:
    """Residualise by dummies; hand over codes, or a function, for the effects."""

    def absorb(columns: Array) -> Array:
        return weighted_residuals(columns, panel.dummies, panel.weights)

    X = absorb(panel.X)
    y = absorb(panel.y[:, None])[:, 0]
    root = np.sqrt(panel.weights)
    b = np.linalg.lstsq(X * root[:, None], y * root, rcond=None)[0]
    effects = () if by_function else (panel.region, panel.week)
    return wild_regression(X, y - X @ b, b, effects, weights=panel.weights, absorb=absorb if by_function else None)


def refit(panel: TinyPanel, y: Array) -> tuple[Array, Array]:
    """Full weighted least squares on regressors and dummies: slopes and residuals."""
    W = np.hstack([panel.X, panel.dummies])
    root = np.sqrt(panel.weights)
    full = np.linalg.lstsq(W * root[:, None], y * root, rcond=None)[0]
    return full[: panel.X.shape[1]], y - W @ full


def restricted_fit(panel: TinyPanel, R: Array, r: Array) -> tuple[Array, Array]:
    """Weighted least squares under R b = r by substitution: fitted values and residuals."""
    W = np.hstack([panel.X, panel.dummies])
    full = np.hstack([R, np.zeros((R.shape[0], panel.dummies.shape[1]))])
    special = np.linalg.lstsq(full, r, rcond=None)[0]
    free = np.linalg.svd(full)[2][np.linalg.matrix_rank(full) :].T
    root = np.sqrt(panel.weights)
    coef = np.linalg.lstsq((W @ free) * root[:, None], (panel.y - W @ special) * root, rcond=None)[0]
    fitted = W @ (special + free @ coef)
    return fitted, panel.y - fitted


def score_rows(panel: TinyPanel, residuals: Array) -> Array:
    """Rows of A^-1 x~ w e: their group sums make every covariance."""
    X = weighted_residuals(panel.X, panel.dummies, panel.weights)
    inverse = np.linalg.inv((X * panel.weights[:, None]).T @ X)
    return (X * (panel.weights * residuals)[:, None]) @ inverse


def clustered(panel: TinyPanel, residuals: Array, codes: Codes) -> Array:
    rows = score_rows(panel, residuals)
    sums = np.stack([rows[codes == g].sum(axis=0) for g in np.unique(codes)])
    return sums.T @ sums


def driscoll_kraay(panel: TinyPanel, residuals: Array, lag: int) -> Array:
    rows = score_rows(panel, residuals)
    weeks = np.arange(panel.week.max() + 1)
    sums = np.stack([rows[panel.week == t].sum(axis=0) for t in weeks])
    kernel = np.maximum(0, 1 - np.abs(np.subtract.outer(weeks, weeks)) / (lag + 1))
    return sums.T @ kernel @ sums


def jackknife(panel: TinyPanel, y: Array, codes: Codes) -> Array:
    """Delete-one-cluster covariance by refitting everything without each cluster."""
    whole = refit(panel, y)[0]
    changes = []
    for g in np.unique(codes):
        keep = codes != g
        dummies = two_way_dummies(panel.region[keep], panel.week[keep])
        W = np.hstack([panel.X[keep], dummies])
        root = np.sqrt(panel.weights[keep])
        b = np.linalg.lstsq(W * root[:, None], y[keep] * root, rcond=None)[0][: panel.X.shape[1]]
        changes.append(whole - b)
    D = np.stack(changes)
    return (len(D) - 1) / len(D) * D.T @ D
