"""Confidence sets by inverting tests: a scan over a grid, then refinement of the outermost accepted values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from panelcoop.numerics.honest.conditional import ConditionalTest, accepts
from panelcoop.options import BoolArray, FloatArray

__all__ = ["ConfidenceSet", "Scan", "accepted_by_any", "confidence_set"]

WIDENINGS = 8  # the window doubles at most this often while its ends are accepted
ROUNDS, POINTS = (
    5,
    33,
)  # each round looks at 33 points of the cell that holds the endpoint: 32**-5 of a grid step remain


@dataclass(frozen=True)
class Scan:
    """Where to look for accepted values.

    Attributes
    ----------
    centre, half
        The first window is centre -+ half.
    points
        Number of grid points.
    refine
        Whether endpoints are refined beyond the grid; otherwise they are the outermost accepted grid points.
    widen
        Whether the window grows while an end of it is accepted.
    """

    centre: float
    half: float
    points: int = 1000
    refine: bool = True
    widen: bool = True


@dataclass(frozen=True)
class ConfidenceSet:
    """The smallest interval that holds every accepted value.

    Attributes
    ----------
    low, high
        Its ends; NaN where nothing is accepted, infinite where the widest window is still accepted at that end.
    pieces
        Separate runs of accepted values on the grid; more than one means that the set has gaps.
    """

    low: float
    high: float
    pieces: int


def confidence_set(tests: Sequence[ConditionalTest], scan: Scan) -> ConfidenceSet:
    """Invert tests: a value belongs to the set when the test of any polyhedron accepts it.

    Notes
    -----
    The acceptance region need not be an interval. It is read on a grid, to which the ends and the middle of every
    polyhedron's set of targets without a violated sample moment are added (those are always accepted), so that a narrow
    region is not missed between grid points. The outermost cells in which acceptance changes are then searched more
    and more finely; within a cell of the grid an island of acceptance could be missed only beyond its finer points.
    """
    half = scan.half
    grid, accepted = _evaluate(tests, scan, half)
    for _ in range(WIDENINGS if scan.widen else 0):
        if not (accepted[0] or accepted[-1]):
            break
        half *= 2
        grid, accepted = _evaluate(tests, scan, half)
    if not accepted.any():
        return ConfidenceSet(np.nan, np.nan, 0)
    first, last = int(accepted.argmax()), int(accepted.size - 1 - accepted[::-1].argmax())
    pieces = int(accepted[0]) + int((np.diff(accepted.astype(int)) == 1).sum())
    low, high = float(grid[first]), float(grid[last])
    if scan.refine and first > 0:
        low = _refine(tests, float(grid[first]), float(grid[first - 1]))
    if scan.refine and last < accepted.size - 1:
        high = _refine(tests, float(grid[last]), float(grid[last + 1]))
    if scan.widen:
        low, high = (-np.inf if accepted[0] else low), (np.inf if accepted[-1] else high)
    return ConfidenceSet(low, high, pieces)


def _evaluate(tests: Sequence[ConditionalTest], scan: Scan, half: float) -> tuple[FloatArray, BoolArray]:
    grid = np.linspace(scan.centre - half, scan.centre + half, scan.points)
    if scan.refine:
        ends = np.array([test.process.satisfied() for test in tests])
        ends = ends[(ends[:, 0] <= ends[:, 1]) & np.isfinite(ends).all(axis=1)]
        special = np.concatenate([ends.ravel(), ends.mean(axis=1)])
        grid = np.unique(np.concatenate([grid, special[np.abs(special - scan.centre) < half]]))
    return grid, accepted_by_any(tests, grid)


def accepted_by_any(tests: Sequence[ConditionalTest], theta: FloatArray) -> BoolArray:
    """Say of each value whether the test of any polyhedron accepts it."""
    accepted = np.zeros(theta.size, dtype=bool)
    for test in tests:
        left = np.flatnonzero(~accepted)
        if left.size == 0:
            break
        accepted[left] = accepts(test, theta[left])
    return accepted


def _refine(tests: Sequence[ConditionalTest], inside: float, outside: float) -> float:
    """Move from an accepted towards a rejected neighbour, keeping the outermost accepted value seen."""
    for _ in range(ROUNDS):
        fine = np.linspace(outside, inside, POINTS)
        at = int(accepted_by_any(tests, fine).argmax())
        if at == 0:
            return float(fine[0])
        inside, outside = float(fine[at]), float(fine[at - 1])
    return inside
