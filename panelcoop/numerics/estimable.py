"""Estimable combinations of coefficients: those that the null space of the design cannot move."""

from __future__ import annotations

import numpy as np
from scipy import linalg

from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["estimable_rows", "full_rank_columns"]

ESTIMABLE_TOLERANCE = 1e-8  # relative size of R N below which rounding explains it


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
    d = null_space.shape[1]
    pivots = linalg.qr(null_space.T, pivoting=True, mode="r")[1]
    aside = pivots[:d]
    moved = solution - null_space @ np.linalg.solve(null_space[aside], solution[aside])
    kept = np.sort(pivots[d:])
    return kept, moved[kept]
