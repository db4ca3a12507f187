"""Effects on counts: treated means less the means that a Poisson fit of the untreated cells predicts."""

from __future__ import annotations

import numpy as np

from panelcoop.errors import DataError
from panelcoop.estimate.event_study.cells import CellEstimates, DenseInfluence
from panelcoop.estimate.event_study.design import EventDesign
from panelcoop.numerics.event_study.poisson_cells import log_linear_fit
from panelcoop.options import FloatArray, IntArray

__all__ = ["poisson_cells"]


def poisson_cells(design: EventDesign) -> CellEstimates:
    """Estimate the effect of every treated cohort and week on the outcome's scale.

    Raises
    ------
    DataError
        If the outcome is negative anywhere.

    Notes
    -----
    Treated cells are saturated (also in covariates), so the pooled Poisson regression with cohort effects, week
    effects, covariates times both, and treatment dummies times covariates equals a fit on untreated rows carried
    forward (Wooldridge 2023, section 5). Covariates are held fixed in the errors, as R's marginaleffects does.
    """
    seen = design.observed
    below = int((design.outcome[seen] < 0).sum())
    if below:
        msg = f"'{design.outcome_name}' has {below} negative values; Poisson needs counts."
        raise DataError(msg)
    cohorts = design.cohorts
    unit, week = np.nonzero(seen)
    y = design.outcome[unit, week]
    X = _design_matrix(design, cohorts.of_unit[unit], unit, week)
    touched = design.times[week] >= cohorts.starts[cohorts.of_unit[unit]] - design.anticipation
    fit = log_linear_fit(y, X, np.ones(y.size), ~touched)
    n_cells = cohorts.starts.size * design.times.size
    code = cohorts.of_unit[unit] * design.times.size + week
    here = np.unique(code[touched])
    cohort, period = here // design.times.size, here % design.times.size
    counts = np.bincount(code[touched], minlength=n_cells)[here].astype(float)
    gap = np.where(touched, y - fit.fitted, 0.0)
    effect = np.bincount(code[touched], gap[touched], minlength=n_cells)[here] / counts
    rows = np.zeros((design.starts.size, here.size))
    residual = y - _treated_fit(design, y, (unit, week), code, here)
    score = (np.where(touched, 0.0, y - np.nan_to_num(fit.fitted))[:, None] * X) @ fit.bread
    by_unit = np.zeros((design.starts.size, X.shape[1]))
    np.add.at(by_unit, unit, score)
    for m in np.flatnonzero(~np.isnan(effect)):
        own = np.flatnonzero(touched & (code == here[m]))
        rows[unit[own], m] += residual[own] / counts[m]
        rows[:, m] -= by_unit @ (fit.fitted[own] @ X[own]) / counts[m]
    return CellEstimates(
        cohort=cohort,
        period=period,
        starts=cohorts.starts,
        times=design.times,
        effect=effect,
        reason=tuple("no untreated row shows this week or cohort" if np.isnan(e) else "" for e in effect),
        mass=counts,
        n_treated=counts,
        n_control=np.bincount(week[~touched], minlength=design.times.size).astype(float)[period],
        reference=np.zeros(here.size, dtype=bool),
        unit_cohort=cohorts.of_unit,
        cohort_split=cohorts.split,
        influence=DenseInfluence(rows, cohorts.of_unit),
        estimated_shares=False,
    )


def _treated_fit(
    design: EventDesign, y: FloatArray, place: tuple[IntArray, IntArray], code: IntArray, cells: IntArray
) -> FloatArray:
    """Fit every treated cell by its mean, or by its own Poisson regression on the covariates."""
    fitted = np.full(y.size, np.nan)
    x = design.covariates[place]
    for cell in cells:
        own = code == cell
        X = np.column_stack([np.ones(own.sum()), x[own]])
        everything = np.ones(len(X), dtype=bool)
        fitted[own] = log_linear_fit(y[own], X, np.ones(len(X)), everything).fitted if x.shape[1] else y[own].mean()
    return fitted


def _design_matrix(design: EventDesign, cohort: IntArray, unit: IntArray, week: IntArray) -> FloatArray:
    hot = np.eye(design.cohorts.starts.size)[cohort]
    weeks = np.eye(design.times.size)[week][:, 1:]
    x = design.covariates[unit, week]
    by_group = [group * x[:, [p]] for p in range(x.shape[1]) for group in (hot, weeks)]
    return np.column_stack([hot, weeks, *by_group])
