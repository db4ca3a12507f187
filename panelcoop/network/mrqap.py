"""Regression on dyads whose p-values come from relabelling regions: double semi-partialling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from panelcoop.errors import DataError
from panelcoop.options import FloatArray

__all__ = ["DyadRegression", "mrqap"]

LEAST_NODES = 4


@dataclass(frozen=True)
class DyadRegression:
    """A regression on dyads.

    Attributes
    ----------
    table
        One row per regressor: `estimate`, `t_value`, `p_value` (two-sided, by permutation).
    dyads
        Ordered pairs used.
    draws
        Permutations.
    """

    table: pd.DataFrame
    dyads: int
    draws: int


def mrqap(
    outcome: pd.DataFrame, regressors: Mapping[str, pd.DataFrame], *, draws: int = 999, seed: int = 0
) -> DyadRegression:
    """Regress one matrix of dyads on others.

    Parameters
    ----------
    outcome
        Region by region, same labels in rows and columns; the diagonal is left out.
    regressors
        Matrices with the labels of the outcome, in any order.
    draws
        Permutations per regressor.
    seed
        Seed of the permutations.

    Returns
    -------
    DyadRegression

    Raises
    ------
    DataError
        When labels differ, a cell off the diagonal is missing, or the regressors are collinear.

    Notes
    -----
    The residual of each regressor on the others and a constant is relabelled by permuting rows and columns alike; the
    t value of the permuted residual beside the others is compared with the observed one. p = (1 + #{|t*| >= |t|}) /
    (draws + 1).

    References
    ----------
    Dekker, Krackhardt and Snijders (2007), Psychometrika 72.
    """
    labels = list(outcome.index)
    cubes = [_aligned("outcome", outcome, labels), *(_aligned(n, m, labels) for n, m in regressors.items())]
    off = ~np.eye(len(labels), dtype=bool)
    if len(labels) < LEAST_NODES or not regressors:
        msg = f"Regression on dyads needs {LEAST_NODES} regions or more and a regressor."
        raise DataError(msg)
    y = cubes[0][off]
    x = np.column_stack([np.ones(y.size), *(cube[off] for cube in cubes[1:])])
    if np.linalg.matrix_rank(x) < x.shape[1]:
        msg = f"The regressors {', '.join(regressors)} are collinear over the dyads; leave one out."
        raise DataError(msg)
    estimate, t_value = _fit(y, x)
    rng = np.random.default_rng(seed)
    p_value = [_p_value(y, x, k + 1, off, draws=draws, rng=rng) for k in range(len(regressors))]
    names = pd.Index(list(regressors), name="regressor")
    table = pd.DataFrame({"estimate": estimate[1:], "t_value": t_value[1:], "p_value": p_value}, index=names)
    return DyadRegression(table, y.size, draws)


def _p_value(y: FloatArray, x: FloatArray, k: int, off: np.ndarray, *, draws: int, rng: np.random.Generator) -> float:
    """Permute the residual of column k on the other columns."""
    others = np.delete(x, k, axis=1)
    residual = np.zeros(off.shape)
    residual[off] = x[:, k] - others @ np.linalg.lstsq(others, x[:, k], rcond=None)[0]
    observed = _fit(y, np.column_stack([others, residual[off]]))[1][-1]
    beyond = 0
    for _ in range(draws):
        order = rng.permutation(len(off))
        t = _fit(y, np.column_stack([others, residual[np.ix_(order, order)][off]]))[1][-1]
        beyond += abs(t) >= abs(observed) - 1e-12
    return (1 + beyond) / (draws + 1)


def _fit(y: FloatArray, x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Least squares and t values."""
    inverse = np.linalg.pinv(x.T @ x)
    estimate = inverse @ (x.T @ y)
    residual = y - x @ estimate
    variance = residual @ residual / (y.size - x.shape[1])
    return estimate, estimate / np.sqrt(np.maximum(variance * np.diag(inverse), np.finfo(float).tiny))


def _aligned(name: str, matrix: pd.DataFrame, labels: list[object]) -> FloatArray:
    if set(matrix.index) != set(labels) or set(matrix.columns) != set(labels) or len(set(labels)) != len(labels):
        msg = f"'{name}' must hold the labels of the outcome in rows and columns, each once."
        raise DataError(msg)
    values = matrix.reindex(index=labels, columns=labels).to_numpy(float)
    if not np.isfinite(values[~np.eye(len(labels), dtype=bool)]).all():
        msg = f"'{name}' is missing or infinite off its diagonal."
        raise DataError(msg)
    return values
