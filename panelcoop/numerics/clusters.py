"""Scores by cluster: one-way, two-way and more by inclusion and exclusion."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from panelcoop.numerics.grouping import Grouping, group_rows
from panelcoop.numerics.least_squares import LinearFit
from panelcoop.options import FloatArray

__all__ = ["cluster_meat", "cluster_parts", "intersection"]


def intersection(one: Grouping, other: Grouping) -> Grouping:
    """Return the groups of rows that share both codes."""
    return group_rows(one.codes * other.size + other.codes, "intersection")


def cluster_parts(fit: LinearFit, clusters: Sequence[Grouping]) -> list[tuple[int, int, FloatArray]]:
    """Return (sign, groups, meat (k, k)) of every intersection of the cluster dimensions."""
    parts = []
    for size in range(1, len(clusters) + 1):
        for chosen in combinations(clusters, size):
            joint = chosen[0]
            for other in chosen[1:]:
                joint = intersection(joint, other)
            parts.append(((-1) ** (size + 1), joint.size, _meat(fit, joint)))
    return parts


def cluster_meat(fit: LinearFit, clusters: Sequence[Grouping]) -> FloatArray:
    """Return the (k, k) signed sum over intersections, without any factor."""
    return np.asarray(sum(sign * meat for sign, _, meat in cluster_parts(fit, clusters)))


def _meat(fit: LinearFit, groups: Grouping) -> FloatArray:
    if groups.size == fit.nobs:
        return fit.meat
    scores = fit.scores(groups)
    return np.asarray(scores.T @ scores)
