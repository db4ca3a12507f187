"""Interrupted ascent: a record, a drawdown to a higher low, a higher record - and how often."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.options import FloatArray, IntArray

__all__ = [
    "Episode",
    "ascent_of",
    "count_episodes",
    "drawdown_of",
    "find_episodes",
    "largest_drawdown",
    "threshold_for",
    "up_down_up_of",
]

BISECTIONS = 60


@dataclass(frozen=True)
class Episode:
    """One interrupted ascent, as positions in the path.

    Attributes
    ----------
    peak, trough, record
        Where the old record stood, the lowest point after it, and the first point a threshold above it.
    drawdown, rise
        Fall from peak to trough; rise of the new record over the old, both in units of the path.
    """

    peak: int
    trough: int
    record: int
    drawdown: float
    rise: float


def ascent_of(path: FloatArray) -> FloatArray:
    """Return the interrupted-ascent statistic U of each path.

    Parameters
    ----------
    path
        Shape (T,) or (T, R): smooth paths along the first axis.

    Notes
    -----
    U = max_t min{max_{s<=t} m - m_t, max_{s>=t} m - max_{s<=t} m, m_t - min_{s<=t} m}. Zero for monotone paths, single
    humps, waves without a higher record, and decline.

    Examples
    --------
    >>> float(ascent_of(np.array([0.0, 2.0, 1.0, 3.0])))
    1.0
    >>> float(ascent_of(np.array([0.0, 2.0, 1.0, 2.0])))
    0.0
    """
    record = np.maximum.accumulate(path)
    ahead = np.maximum.accumulate(path[::-1])[::-1]
    low = np.minimum.accumulate(path)
    smallest = np.minimum(np.minimum(record - path, ahead - record), path - low)
    return np.asarray(np.maximum(smallest.max(axis=0), 0.0))


def drawdown_of(path: FloatArray) -> FloatArray:
    """Return the largest fall below an earlier record of each path, shape (R,) or scalar."""
    return np.asarray((np.maximum.accumulate(path) - path).max(axis=0))


def largest_drawdown(path: FloatArray) -> tuple[int, int, float]:
    """Return where the largest drawdown begins and ends, and its depth, of one path.

    Examples
    --------
    >>> largest_drawdown(np.array([0.0, 3.0, 1.0, 2.0]))
    (1, 2, 2.0)
    """
    fall = np.maximum.accumulate(path) - path
    trough = int(fall.argmax())
    peak = int(path[: trough + 1].argmax())
    return peak, trough, float(fall[trough])


def up_down_up_of(path: FloatArray) -> float:
    """Return A3 = max over t0 < t1 < t2 < t3 of min(rise, fall, rise) of one path.

    Examples
    --------
    >>> up_down_up_of(np.array([0.0, 2.0, 1.0, 2.0]))
    1.0
    """
    rise_before = path - np.minimum.accumulate(path)
    rise_after = np.maximum.accumulate(path[::-1])[::-1] - path
    fall = np.triu(path[:, None] - path[None, :])
    best = np.minimum(np.minimum(rise_before[:, None], fall), rise_after[None, :])
    return float(max(best.max(), 0.0))


def count_episodes(path: FloatArray, threshold: FloatArray | float) -> IntArray:
    """Count disjoint episodes: a drawdown of at least the threshold, then a record that much above the old one.

    Parameters
    ----------
    path
        Shape (T,) or (T, R).
    threshold
        Scalar or shape (R,), positive.

    Examples
    --------
    >>> int(count_episodes(np.array([0.0, 2.0, 1.0, 3.0, 2.0, 4.0]), 1.0))
    2
    """
    record = np.array(path[0], dtype=np.float64, copy=True)
    fallen = np.zeros(record.shape, dtype=bool)
    count = np.zeros(record.shape, dtype=np.int64)
    for level in path[1:]:
        closed = fallen & (level >= record + threshold)
        count += closed
        fallen = (fallen & ~closed) | (~fallen & (record - level >= threshold))
        record = np.where(closed | ~fallen, np.maximum(record, level), record)
    return count


def find_episodes(path: FloatArray, threshold: float) -> tuple[Episode, ...]:
    """Locate the disjoint episodes that `count_episodes` counts, of one path."""
    found: list[Episode] = []
    peak, fallen = 0, False
    for t in range(1, path.size):
        if fallen and path[t] >= path[peak] + threshold:
            trough = peak + int(path[peak : t + 1].argmin())
            found.append(Episode(peak, trough, t, float(path[peak] - path[trough]), float(path[t] - path[peak])))
            peak, fallen = t, False
        elif not fallen:
            peak = t if path[t] > path[peak] else peak
            fallen = bool(path[peak] - path[t] >= threshold)
    return tuple(found)


def threshold_for(path: FloatArray, episodes: int) -> float:
    """Return the largest threshold at which one path still shows that many episodes; 0 if none does.

    Notes
    -----
    Bisection on `count_episodes`; the p-value of "at least that many waves" is the chance of a noise range as large.
    """
    levels: list[float] = path.tolist()
    low, high = 0.0, float(np.ptp(path))
    tiny = 1e-12 * max(high, 1e-300)
    if high == 0.0 or _count_one(levels, tiny) < episodes:
        return 0.0
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _count_one(levels, middle) >= episodes else (low, middle)
    return low


def _count_one(levels: list[float], threshold: float) -> int:
    """Count the episodes of one path in plain Python: faster than arrays of one."""
    record, fallen, count = levels[0], False, 0
    for level in levels[1:]:
        if fallen:
            if level >= record + threshold:
                count, record, fallen = count + 1, level, False
        elif level > record:
            record = level
        else:
            fallen = record - level >= threshold
    return count
