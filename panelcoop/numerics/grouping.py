"""Rows in groups: codes 0, 1, ..., sums by group, and the counting sort that makes groups contiguous."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from panelcoop.errors import DataError
from panelcoop.options import FloatArray, IntArray

__all__ = ["Grouping", "counting_sort", "group_rows", "group_sums", "level_totals"]


@dataclass(frozen=True, eq=False)
class Grouping:
    """One partition of the rows.

    Attributes
    ----------
    codes : (n,) group of each row, 0 .. size - 1, every group present
    size : number of groups
    counts : (size,) rows in each group
    labels : (size,) the codes as they were handed over
    """

    codes: IntArray
    size: int
    counts: IntArray
    labels: IntArray


def group_rows(codes: IntArray | Grouping, name: str = "groups") -> Grouping:
    """Give groups the numbers 0, 1, ... in the order of their codes; copy nothing when they have them already.

    A grouping is returned as it is.

    Raises
    ------
    DataError
        When codes are not one-dimensional integers, or negative (a missing label).

    Examples
    --------
    >>> group_rows(np.array([5, 2, 5])).codes.tolist()
    [1, 0, 1]
    """
    if isinstance(codes, Grouping):
        return codes
    codes = np.asarray(codes)
    if codes.ndim != 1 or not np.issubdtype(codes.dtype, np.integer):
        msg = f"'{name}' must be a one-dimensional array of integer codes; got {codes.dtype} {codes.shape}."
        raise DataError(msg)
    if codes.size == 0:
        msg = f"'{name}' holds no rows."
        raise DataError(msg)
    codes = codes.astype(np.int64, copy=False)
    low, high = int(codes.min()), int(codes.max())
    if low < 0:
        msg = f"'{name}' holds negative codes (missing labels) in {int((codes < 0).sum())} rows; drop them first."
        raise DataError(msg)
    if high < 4 * codes.size + 64:
        counts = np.bincount(codes)
        if counts.all():
            return Grouping(codes, counts.size, counts, np.arange(counts.size))
        present = np.flatnonzero(counts)
        new = np.cumsum(counts > 0) - 1
        return Grouping(new[codes], present.size, counts[present], present)
    labels, codes, counts = np.unique(codes, return_inverse=True, return_counts=True)
    return Grouping(codes, labels.size, counts, labels)


def group_sums(values: FloatArray, codes: IntArray, size: int, weights: FloatArray | None = None) -> FloatArray:
    """Sum rows by group.

    Parameters
    ----------
    values : (n,) or (n, m)
    codes : (n,) in 0 .. size - 1, in any order
    size : number of groups
    weights : (n,) optional multiplier of each row

    Returns
    -------
    (size,) or (size, m)

    Examples
    --------
    >>> group_sums(np.array([[1.0], [2.0], [4.0]]), np.array([0, 1, 0]), 2).ravel().tolist()
    [5.0, 2.0]
    """
    if values.ndim == 1:
        return np.asarray(np.bincount(codes, values if weights is None else values * weights, size), float)
    n = len(codes)
    data = np.ones(n) if weights is None else weights
    indicator = sparse.csc_array((data, codes, np.arange(n + 1)), shape=(size, n))
    return np.asarray(indicator @ np.ascontiguousarray(values))


def level_totals(grouping: Grouping, weights: FloatArray | None) -> FloatArray:
    """Return (size,) total weight of each group; its rows without weights."""
    if weights is None:
        return grouping.counts.astype(float)
    return np.asarray(np.bincount(grouping.codes, weights, grouping.size), float)


def counting_sort(codes: IntArray, size: int) -> IntArray | None:
    """Return the stable order that makes groups contiguous, or None when they already are.

    Examples
    --------
    >>> counting_sort(np.array([1, 0, 1]), 2).tolist()
    [1, 0, 2]
    """
    n = len(codes)
    if n < 2 or bool(np.all(codes[1:] >= codes[:-1])):
        return None
    rows = sparse.csc_array((np.arange(n), codes, np.arange(n + 1)), shape=(size, n)).tocsr()
    return np.asarray(rows.data, dtype=np.int64)
