"""Extreme rays of the cone {w >= 0, X'w = 0} by the double description method: they do not depend on the data."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from panelcoop.options import BoolArray, FloatArray

__all__ = ["MOST_RAYS", "extreme_rays"]

MOST_RAYS = 500
"""Beyond this many rays the caller solves linear programmes instead."""

MOST_PAIRS = 4_000_000  # pairs of rays compared in one step
ZERO = 1e-10  # entries are of order one: rays are scaled to a largest weight of one


def extreme_rays(columns: FloatArray) -> FloatArray | None:
    """Find all nonnegative weights of minimal support that annihilate the columns.

    Parameters
    ----------
    columns
        X, shape (m, k).

    Returns
    -------
    ndarray or None
        Rays, shape (r, m), largest weight one; None where there are more than `MOST_RAYS`.

    Notes
    -----
    Motzkin, Raiffa, Thompson and Thrall (1953): columns are imposed one at a time; a ray on the positive side and an
    adjacent one on the negative side give one ray in the hyperplane. Rays are adjacent when no third ray has its
    support within the union of theirs. Answers are kept: the pieces of a relative restriction share their columns.

    Examples
    --------
    >>> extreme_rays(np.array([[1.0], [-1.0], [-2.0]]))
    array([[1. , 1. , 0. ],
           [1. , 0. , 0.5]])
    """
    return _kept(np.ascontiguousarray(columns).tobytes(), *columns.shape)


@lru_cache(maxsize=64)
def _kept(buffer: bytes, m: int, k: int) -> FloatArray | None:
    columns = np.frombuffer(buffer).reshape(m, k)
    rays = np.eye(m)
    waiting = list(range(k))
    while waiting:
        value = rays @ columns[:, waiting]
        value[np.abs(value) < ZERO] = 0.0
        pairs = (value > 0).sum(axis=0) * (value < 0).sum(axis=0)
        at = int(pairs.argmin())
        if pairs[at] > MOST_PAIRS:
            return None
        rays = _intersect(rays, value[:, at], k - len(waiting))
        if len(rays) > MOST_RAYS:
            return None
        waiting.pop(at)
    rays.setflags(write=False)
    return rays


def _intersect(rays: FloatArray, value: FloatArray, imposed: int) -> FloatArray:
    """Impose one more column: keep rays on it, and combine adjacent rays of opposite sides."""
    support = rays > ZERO
    up, down = np.nonzero(value > 0)[0], np.nonzero(value < 0)[0]
    i, j = (side.ravel() for side in np.meshgrid(up, down, indexing="ij"))
    few = (support[i] | support[j]).sum(axis=1) <= imposed + 2  # a ray has at most one more weight than columns imposed
    i, j = i[few], j[few]
    adjacent = _adjacent(support, i, j)
    i, j = i[adjacent], j[adjacent]
    made = value[i, None] * rays[j] - value[j, None] * rays[i]
    made[made < ZERO * made.max(axis=1, keepdims=True, initial=ZERO)] = 0.0
    made /= made.max(axis=1, keepdims=True, initial=ZERO)
    return np.vstack([rays[value == 0], made])


def _adjacent(support: BoolArray, i: np.ndarray, j: np.ndarray) -> BoolArray:
    """Say of pairs of rays whether exactly the two lie within the union of their supports."""
    found = np.zeros(i.size, dtype=bool)
    inside = support.astype(np.float32)
    chunk = max(1, 20_000_000 // max(len(support), 1))
    for start in range(0, i.size, chunk):
        part = slice(start, start + chunk)
        outside = (~(support[i[part]] | support[j[part]])).astype(np.float32)
        found[part] = ((outside @ inside.T) == 0).sum(axis=1) == 2
    return found
