"""Least squares of one path on columns of time, with a Bartlett long-run covariance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.numerics.covariance.hac import bartlett_sum
from panelcoop.options import FloatArray

__all__ = ["PathRegression", "long_run_lag", "path_regression"]


@dataclass(frozen=True)
class PathRegression:
    """Coefficients (k,), covariance (k, k), residuals (T,), degrees of freedom and lag."""

    coef: FloatArray
    cov: FloatArray
    residuals: FloatArray
    df: int
    lag: int


def long_run_lag(weeks: int) -> int:
    """Return floor(.75 T^(1/3)) + 1, the rule of thumb of Stock and Watson.

    Examples
    --------
    >>> long_run_lag(100)
    4
    """
    return int(0.75 * weeks ** (1 / 3)) + 1


def path_regression(path: FloatArray, columns: FloatArray, lag: int | None = None) -> PathRegression:
    """Regress a path on columns with a Newey-West covariance.

    Parameters
    ----------
    path
        Shape (T,).
    columns
        Shape (T, k), constant included.
    lag
        Largest lag; default `long_run_lag`.

    Notes
    -----
    V = T/(T - k) B M B, M with Bartlett weights. On the common path of a balanced panel this is Driscoll and Kraay's
    covariance of a regression of y_it on functions of the week with region effects.
    """
    weeks, k = columns.shape
    used = long_run_lag(weeks) if lag is None else lag
    bread = np.linalg.pinv(columns.T @ columns)
    coef = bread @ (columns.T @ path)
    residuals = path - columns @ coef
    meat = bartlett_sum(columns * residuals[:, None], used)
    return PathRegression(coef, weeks / (weeks - k) * bread @ meat @ bread, residuals, weeks - k, used)
