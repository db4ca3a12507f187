"""Poisson counterparts of the untreated fit: cohort and period effects in logs, on cells or rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.options import BoolArray, FloatArray

__all__ = ["LogLinearFit", "log_linear_fit"]


@dataclass(frozen=True)
class LogLinearFit:
    """A Poisson quasi-likelihood fit.

    Attributes
    ----------
    beta
        Coefficients; NaN where not identified, shape (K,).
    bread
        Inverse information, shape (K, K); zero rows for what is not identified.
    fitted
        Means of all rows, shape (n,); NaN where a needed coefficient is not identified.
    converged
        Whether the score vanished.
    """

    beta: FloatArray
    bread: FloatArray
    fitted: FloatArray
    converged: bool


def log_linear_fit(y: FloatArray, X: FloatArray, weight: FloatArray, subset: BoolArray) -> LogLinearFit:
    """Fit y = exp(X b) by Newton's method on a subset and predict everywhere.

    Parameters
    ----------
    y
        Non-negative, shape (n,).
    X
        Shape (n, K); collinear columns are resolved by the pseudo-inverse, predictions do not depend on the choice.
    weight
        Units per row, shape (n,).
    subset
        Rows that take part in the fit.
    """
    part, target, mass = X[subset], y[subset], weight[subset]
    values, vectors = np.linalg.eigh(part.T @ (part * mass[:, None]))
    basis = vectors[:, values > 1e-10 * values[-1]]
    predicted = np.abs(X - (X @ basis) @ basis.T).max(axis=1) < 1e-7
    Z = part @ basis
    theta = np.linalg.lstsq(Z * np.sqrt(mass)[:, None], np.log(target + 0.5) * np.sqrt(mass), rcond=None)[0]
    converged = False
    for _ in range(60):
        mu = np.exp(np.clip(Z @ theta, -500, 500))
        step = np.linalg.lstsq((Z * (mass * mu)[:, None]).T @ Z, Z.T @ (mass * (target - mu)), rcond=None)[0]
        theta = theta + step * min(1.0, 5.0 / max(float(np.abs(Z @ step).max()), 1e-300))
        if float(np.abs(Z @ step).max()) < 1e-11:
            converged = True
            break
    mu = np.exp(Z @ theta)
    bread = basis @ np.linalg.pinv((Z * (mass * mu)[:, None]).T @ Z, hermitian=True) @ basis.T
    beta = basis @ theta
    fitted = np.where(predicted, np.exp(np.clip(X @ beta, -700, 700)), np.nan)
    return LogLinearFit(beta, bread, fitted, converged)
