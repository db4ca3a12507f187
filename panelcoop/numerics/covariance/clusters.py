"""Scores by cluster: one-way, two-way and more by inclusion and exclusion."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from panelcoop.numerics.grouping import Grouping, group_rows
from panelcoop.numerics.regression.direct import DirectSolver
from panelcoop.numerics.regression.least_squares import LinearFit
from panelcoop.options import FloatArray

__all__ = ["cluster_meat", "cluster_parts", "intersection"]

DENSE = 4  # cells per row up to which a table of all cells is counted


def intersection(one: Grouping, other: Grouping) -> Grouping | None:
    """Return the groups of rows that share both codes, or None where every row is alone in its own."""
    cells = one.codes * other.size + other.codes
    if one.size * other.size <= DENSE * len(cells) and int(np.bincount(cells).max()) == 1:
        return None
    return group_rows(cells, "intersection")


def cluster_parts(fit: LinearFit, clusters: Sequence[Grouping]) -> list[tuple[int, int, FloatArray]]:
    """Return (sign, groups, meat (k, k)) of every intersection of the cluster dimensions."""
    parts = []
    for size in range(1, len(clusters) + 1):
        for chosen in combinations(clusters, size):
            joint = _joint(fit, chosen)
            rows = fit.nobs if joint is None else joint.size
            parts.append(((-1) ** (size + 1), rows, _meat(fit, joint)))
    return parts


def _joint(fit: LinearFit, chosen: Sequence[Grouping]) -> Grouping | None:
    """Intersect the dimensions; None where every row is alone."""
    if len(chosen) == 2 and _one_row_per_cell(fit, *chosen):
        return None
    joint: Grouping | None = chosen[0]
    for other in chosen[1:]:
        if joint is None:
            return None
        joint = intersection(joint, other)
    return joint


def _one_row_per_cell(fit: LinearFit, one: Grouping, other: Grouping) -> bool:
    """Read from the cross-tabulation of two absorbed effects, where there is one, that no cell holds two rows."""
    known, solver = fit.absorber.groupings, fit.absorber.solver
    if len(known) != 2 or fit.weights is not None or not isinstance(solver, DirectSolver):
        return False
    same = {id(one.codes), id(other.codes)} == {id(g.codes) for g in known}
    table = solver.crosstabs[0]
    return same and isinstance(table, np.ndarray) and float(table.max()) == 1.0


def cluster_meat(fit: LinearFit, clusters: Sequence[Grouping]) -> FloatArray:
    """Return the (k, k) signed sum over intersections, without any factor."""
    return np.asarray(sum(sign * meat for sign, _, meat in cluster_parts(fit, clusters)))


def _meat(fit: LinearFit, groups: Grouping | None) -> FloatArray:
    if groups is None or groups.size == fit.nobs:
        return fit.meat
    scores = fit.scores(groups)
    return np.asarray(scores.T @ scores)
