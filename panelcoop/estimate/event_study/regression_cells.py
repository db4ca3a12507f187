"""Effects by cohort and week from one regression with dummies of cohorts and weeks, whatever the balance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.estimate.event_study.cells import CellEstimates
from panelcoop.estimate.event_study.design import EventDesign
from panelcoop.numerics.event_study.cohort_regression import (
    CohortDummies,
    CohortRegression,
    cohort_regression,
    regression_rows,
)
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["RegressionCells", "last_before", "regression_cells"]


@dataclass(frozen=True)
class RegressionCells:
    """Effects, and what a small-sample factor counts.

    Attributes
    ----------
    cells
        Effects by cohort and week.
    slopes
        Coefficient and influence of covariates.
    rank
        Dummies and covariates that the regression identifies.
    """

    cells: CellEstimates
    slopes: dict[str, tuple[float, FloatArray]]
    rank: int


@dataclass(frozen=True)
class _DummyInfluence:
    fit: CohortRegression
    dummies: CohortDummies
    own: IntArray  # dummy of each cell, -1 for reference cells

    def combine(self, weights: FloatArray, constant: FloatArray | None = None) -> FloatArray:
        on_dummies = np.zeros((self.dummies.size, weights.shape[1]))
        has = self.own >= 0
        np.add.at(on_dummies, self.own[has], weights[has])
        out = regression_rows(self.fit, self.dummies, on_dummies)
        return out if constant is None else out + constant[self.dummies.cohort] * self.fit.weight[:, None]


def last_before(design: EventDesign) -> IntArray:
    """Give the last week before the event and its anticipation of every cohort, -1 without one, shape (C,)."""
    before = design.times[None, :] < design.cohorts.starts[:, None] - design.anticipation
    return np.asarray(before.sum(axis=1) - 1)


def regression_cells(
    design: EventDesign, column: IntArray, reference: BoolArray, *, unit_effects: bool = True
) -> RegressionCells:
    """Regress on dummies of cohort and week, region (or cohort) and week effects, and covariates.

    Parameters
    ----------
    design
        The panel as arrays.
    column
        Number of the dummy of each cohort and week, -1 for none, shape (C, T).
    reference
        Cells without a dummy that are zero by construction, shape (C, T).
    unit_effects
        Whether every region has an effect, or every cohort.
    """
    cohorts, seen = design.cohorts, design.observed
    dummies = CohortDummies(cohorts.of_unit, column, unit_effects)
    fit = cohort_regression(design.outcome, seen, design.unit_weights, design.covariates, dummies)
    counts = np.array([seen[cohorts.of_unit == c].sum(axis=0) for c in range(cohorts.starts.size)], dtype=float)
    cohort, period = np.nonzero(((column >= 0) & (counts > 0)) | reference)
    own = column[cohort, period]
    effect = np.where(own >= 0, fit.coefficients[own] if dummies.size else 0.0, 0.0)
    free = counts * ((column < 0) & ~reference)
    why = "no untreated observation shows this week, or the cohort before it"
    cells = CellEstimates(
        cohort=cohort,
        period=period,
        starts=cohorts.starts,
        times=design.times,
        effect=effect,
        reason=tuple(why if np.isnan(e) else "" for e in effect),
        mass=np.maximum(fit.mass[cohort, period], 1e-300),
        n_treated=counts[cohort, period],
        n_control=free.sum(axis=0)[period],
        reference=own < 0,
        unit_cohort=cohorts.of_unit,
        cohort_split=cohorts.split,
        influence=_DummyInfluence(fit, dummies, own),
        estimated_shares=False,
    )
    slopes = {name: (float(fit.slopes[p]), fit.score[:, p]) for p, name in enumerate(design.covariate_names)}
    return RegressionCells(cells, slopes, fit.rank)
