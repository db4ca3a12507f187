"""Regressions of long differences on an event dummy (or dose) within event weeks: the engine of LP-DiD."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.options import FloatArray, IntArray

__all__ = ["WeekRegression", "week_regression"]


@dataclass(frozen=True)
class WeekRegression:
    """Weighted least squares within weeks.

    Attributes
    ----------
    coefficients
        Shape (K,); NaN where not identified.
    score
        Influence of each row on the coefficients in the sum form, shape (n, K).
    weeks
        Weeks that hold both treated and control rows.
    """

    coefficients: FloatArray
    score: FloatArray
    weeks: IntArray


def week_regression(change: FloatArray, columns: FloatArray, week: IntArray, weight: FloatArray) -> WeekRegression:
    """Regress changes on columns with week effects.

    Parameters
    ----------
    change
        Long differences, shape (n,).
    columns
        Event dummy or doses first, then covariates, shape (n, K).
    week
        Week of each row, shape (n,).
    weight
        Positive, shape (n,).
    """
    labels, code = np.unique(week, return_inverse=True)
    mass = np.bincount(code, weight, minlength=labels.size)

    def within(values: FloatArray) -> FloatArray:
        means = np.column_stack([np.bincount(code, weight * v, minlength=labels.size) / mass for v in values.T])
        return values - means[code]

    X, y = within(columns), within(change[:, None])[:, 0]
    raw = (weight[:, None] * columns**2).sum(axis=0)
    gram = (X * weight[:, None]).T @ X
    good = np.diag(gram) > 1e-10 * np.maximum(raw, 1e-300)
    bread = np.zeros_like(gram)
    bread[np.ix_(good, good)] = np.linalg.pinv(gram[np.ix_(good, good)], rcond=1e-11, hermitian=True)
    beta = bread @ (X.T @ (weight * y))
    score = (weight * (y - X @ beta))[:, None] * (X @ bread)
    return WeekRegression(np.where(good, beta, np.nan), score, labels)
