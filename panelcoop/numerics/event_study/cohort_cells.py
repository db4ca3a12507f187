"""Cohort-by-period cells of a balanced panel: sufficient statistics of most event-study estimators."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.options import FloatArray, IntArray

__all__ = ["CohortMap", "CohortPanel", "cohort_panel", "influence_rows"]


@dataclass(frozen=True)
class CohortPanel:
    """A balanced panel sorted by cohort.

    Attributes
    ----------
    outcome
        Outcome less the unit's mean, shape (N, T), rows in the order of ``order``. Every estimator built on
        cells weighs the periods of a unit with weights that sum to zero, so the unit's level never matters.
    order
        Position of each sorted row in the original rows, shape (N,).
    bounds
        Rows ``bounds[c]:bounds[c + 1]`` belong to cohort c, shape (C + 1,).
    starts
        First treated period of each cohort, ascending; infinity for never treated, shape (C,).
    times
        Periods as numbers, ascending, shape (T,).
    counts
        Units per cohort (or their total weight), shape (C,).
    means
        Cohort means, shape (C, T).
    weights
        How much each sorted unit counts, shape (N,); None for equal weights.
    """

    outcome: FloatArray
    order: IntArray
    bounds: IntArray
    starts: FloatArray
    times: FloatArray
    counts: FloatArray
    means: FloatArray
    weights: FloatArray | None = None

    @property
    def never(self) -> bool:
        """Whether the last cohort is never treated."""
        return bool(np.isinf(self.starts[-1]))


@dataclass(frozen=True)
class CohortMap:
    """Influence of a unit on K estimates as an affine function of its outcomes.

    A unit of cohort c has influence ``y @ slope[c] - shift[c]``, times its weight, in the sum form: the estimate less
    its target is the sum of influences over units.

    Attributes
    ----------
    slope
        Shape (C, T, K); sums to zero over periods.
    shift
        Shape (C, K).
    """

    slope: FloatArray
    shift: FloatArray


def cohort_panel(
    outcome: FloatArray, cohort: IntArray, starts: FloatArray, times: FloatArray, weights: FloatArray | None = None
) -> CohortPanel:
    """Sort a balanced panel by cohort and take cohort means.

    Parameters
    ----------
    outcome
        Shape (N, T), no missing entries.
    cohort
        Cohort of each unit, shape (N,).
    starts
        First treated period of each cohort, ascending, infinity if never, shape (C,).
    times
        Periods, ascending, shape (T,).
    weights
        How much each unit counts, shape (N,).
    """
    order = np.argsort(cohort, kind="stable")
    counts = np.bincount(cohort, minlength=starts.size)
    bounds = np.concatenate([[0], np.cumsum(counts)])
    centred = outcome[order]
    centred -= centred.mean(axis=1, keepdims=True)
    times = np.asarray(times, float)
    if weights is None:
        means = np.add.reduceat(centred, bounds[:-1], axis=0) / counts[:, None]
        return CohortPanel(centred, order, bounds, starts, times, counts.astype(float), means)
    heavy = weights[order]
    mass = np.add.reduceat(heavy, bounds[:-1])
    means = np.add.reduceat(centred * heavy[:, None], bounds[:-1], axis=0) / mass[:, None]
    return CohortPanel(centred, order, bounds, starts, times, mass, means, heavy)


def influence_rows(panel: CohortPanel, affine: CohortMap) -> FloatArray:
    """Apply a cohort map to every unit.

    Returns
    -------
    Shape (N, K), rows in the original order of units.
    """
    rows = np.empty((panel.outcome.shape[0], affine.slope.shape[2]))
    for c in range(panel.counts.size):
        part = slice(panel.bounds[c], panel.bounds[c + 1])
        block = panel.outcome[part] @ affine.slope[c]
        block -= affine.shift[c]
        if panel.weights is not None:
            block *= panel.weights[part, None]
        rows[panel.order[part]] = block
    return rows
