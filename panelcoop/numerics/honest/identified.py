"""The identified set of the target if the estimated pre-trends were the truth."""

from __future__ import annotations

import numpy as np

from panelcoop.numerics.honest.bounds import HonestProblem, pieces_with_processes

__all__ = ["identified_set"]

ROUNDING = 1e-9  # of the largest estimate: by how much an inequality among earlier periods may be missed


def identified_set(problem: HonestProblem, magnitude: float) -> tuple[float, float]:
    """Return the ends of the set of targets compatible with the estimates taken as true coefficients.

    Returns
    -------
    low, high
        NaN where the estimated pre-trends themselves break the restriction.

    Notes
    -----
    A union over the restriction's polyhedra of {l'beta - l'd : d before equals beta before, A d <= b}. By duality its
    ends follow from the vertices of the moment inequalities without a linear programme.
    """
    study = problem.study
    slack = ROUNDING * float(np.abs(study.estimates).max())
    ends = []
    for piece, process in pieces_with_processes(problem, magnitude):
        early = ~(piece.matrix[:, study.n_pre :] != 0).any(axis=1)
        if (piece.matrix[early] @ study.estimates - piece.bound[early] <= slack).all():
            low, high = process.satisfied()
            ends += [(low, high)] if low <= high + slack else []
    if not ends:
        return np.nan, np.nan
    return min(low for low, _ in ends), max(high for _, high in ends)
