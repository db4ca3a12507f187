"""Estimable combinations of coefficients: those that the null space of the design cannot move."""

from __future__ import annotations

import numpy as np

from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["combination_covariance", "estimable_rows", "full_rank_columns"]

ESTIMABLE_TOLERANCE = 1e-8  # relative size of R N below which rounding explains it
PIVOT = 1e-6  # entry of the scaled null space below which a row depends on those before it


def estimable_rows(matrix: FloatArray, null_space: FloatArray) -> BoolArray:
    """Say of each row R of a matrix whether R b is estimable, that is R N = 0.

    Parameters
    ----------
    matrix
        Shape (q, k).
    null_space
        N, shape (k, d).

    References
    ----------
    Searle, S. R. (1971). Linear Models. Wiley, section 5.4.

    Examples
    --------
    >>> null = np.array([[1.0], [1.0]])
    >>> estimable_rows(np.array([[1.0, -1.0], [1.0, 0.0]]), null).tolist()
    [True, False]
    """
    if not null_space.size:
        return np.ones(len(matrix), dtype=bool)
    size = np.linalg.norm(matrix, axis=1, keepdims=True) * np.linalg.norm(null_space, axis=0)
    return np.asarray((np.abs(matrix @ null_space) <= ESTIMABLE_TOLERANCE * size).all(axis=1))


def full_rank_columns(solution: FloatArray, null_space: FloatArray) -> tuple[IntArray, FloatArray]:
    """Set aside as many columns as the null space has dimensions and move the solution onto the rest.

    Parameters
    ----------
    solution
        One solution of the normal equations, shape (k,).
    null_space
        N, shape (k, d).

    Returns
    -------
    Positions of the k - d columns kept, and their coefficients; every estimable combination keeps its value.
    """
    if not null_space.size:
        return np.arange(len(solution)), solution
    aside = _first_independent_rows(null_space)
    moved = solution - null_space @ np.linalg.solve(null_space[aside], solution[aside])
    kept = np.setdiff1d(np.arange(len(solution)), aside)
    return kept, moved[kept]


def _first_independent_rows(matrix: FloatArray) -> IntArray:
    """Pick the first rows that span the row space, so that a family's first stage becomes its reference."""
    left = matrix / np.abs(matrix).max(axis=0)
    chosen: list[int] = []
    for row in range(len(left)):
        size = np.abs(left[row])
        if len(chosen) < matrix.shape[1] and size.max() > PIVOT:
            column = int(size.argmax())
            pivot = left[:, column] / left[row, column]
            left = left - np.outer(pivot, left[row])
            left[:, column] = 0.0
            chosen.append(row)
    return np.array(chosen, dtype=np.int64)


def combination_covariance(matrix: FloatArray, cov: FloatArray) -> FloatArray:
    """Return R V R' (q, q), reading only the coefficients that R touches: NaN elsewhere does no harm.

    Examples
    --------
    >>> combination_covariance(np.array([[1.0, 0.0]]), np.array([[2.0, np.nan], [np.nan, np.nan]])).tolist()
    [[2.0]]
    """
    used = (matrix != 0).any(axis=0)
    return np.asarray(matrix[:, used] @ cov[np.ix_(used, used)] @ matrix[:, used].T)
