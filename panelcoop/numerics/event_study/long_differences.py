"""Regressions of long differences on an event dummy (or dose) within event weeks: the engine of LP-DiD."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.numerics.event_study.independent import column_size, independent_bread
from panelcoop.options import FloatArray, IntArray

__all__ = ["WeekRegression", "week_regression"]


@dataclass(frozen=True)
class WeekRegression:
    """Weighted least squares within weeks.

    Attributes
    ----------
    coefficients
        Shape (K,); NaN where weeks or other columns span a column.
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
        Event dummy or doses first, then what is conditioned on, shape (n, K). Of columns that span one another the
        earlier ones stay, but the event goes before any of them: it has an effect only if they do not span it.
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

    order = np.append(np.arange(1, columns.shape[1]), 0)
    sorted_columns = columns[:, order]
    X, y = within(sorted_columns), within(change[:, None])[:, 0]
    heavy = weight[:, None]
    bread, kept = independent_bread((X * heavy).T @ X, column_size(sorted_columns[:, None, :], heavy))
    beta = bread @ (X.T @ (weight * y))
    score = (weight * (y - X @ beta))[:, None] * (X @ bread)
    lost = ~np.isin(np.arange(order.size), kept)
    back = np.argsort(order)
    return WeekRegression(np.where(lost, np.nan, beta)[back], score[:, back], labels)
