"""Effects on counts: treated means less the means that a Poisson fit of the untreated cells predicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from panelcoop.checks import name_few
from panelcoop.errors import DataError
from panelcoop.estimate.event_study.cells import CellEstimates, DenseInfluence
from panelcoop.estimate.event_study.design import EventDesign
from panelcoop.estimate.event_study.regression_cells import last_before
from panelcoop.numerics.event_study.poisson_cells import LogLinearFit, log_linear_fit
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["poisson_cells"]


def poisson_cells(
    design: EventDesign,
    *,
    control: Literal["not-yet", "never"] = "not-yet",
    scale: Literal["outcome", "log"] = "outcome",
) -> tuple[CellEstimates, tuple[str, ...]]:
    """Estimate the effect of every treated cohort and week.

    Parameters
    ----------
    control
        "not-yet": effects from the event (and its anticipation) on. "never": every week but the last before it.
    scale
        "outcome": differences of means. "log": differences of their logs, averaged over the treated.

    Returns
    -------
    The effects, and notes on cohorts whose untreated rows are all zero and on covariates of one value.

    Raises
    ------
    DataError
        If the outcome is negative anywhere.

    Notes
    -----
    Treated cells are saturated (also in covariates), so the pooled Poisson regression with cohort effects, week
    effects, covariates times both, and treatment dummies times covariates equals a fit on rows without a dummy carried
    forward (Wooldridge 2023, section 5). Covariates are held fixed in the errors, as R's marginaleffects does.
    """
    rows = _rows(design, control)
    T = design.times.size
    here = np.unique(rows.code[rows.touched | rows.reference])
    cohort, period = here // T, here % T
    counts = np.bincount(rows.code, minlength=int(here.max()) + 1)[here].astype(float)
    effect, influence, reason = _effects(design, rows, here, scale)
    free = np.bincount(rows.week[~rows.touched & ~rows.reference], minlength=T).astype(float)
    cells = CellEstimates(
        cohort=cohort,
        period=period,
        starts=design.cohorts.starts,
        times=design.times,
        effect=effect,
        reason=reason,
        mass=counts,
        n_treated=counts,
        n_control=free[period],
        reference=np.isin(here, rows.code[rows.reference]),
        unit_cohort=design.cohorts.of_unit,
        cohort_split=design.cohorts.split,
        influence=DenseInfluence(influence, design.cohorts.of_unit),
        estimated_shares=False,
    )
    return cells, _zero_notes(design, rows, scale)


def _effects(
    design: EventDesign, rows: _Rows, here: IntArray, scale: str
) -> tuple[FloatArray, FloatArray, tuple[str, ...]]:
    """Give effects, their influence and why there is none, for the cells ``here``; zero at references."""
    fit = log_linear_fit(rows.y, rows.X, np.ones(rows.y.size), ~rows.touched)
    score = (np.where(rows.touched, 0.0, rows.y - np.nan_to_num(fit.fitted))[:, None] * rows.X) @ fit.bread
    by_unit = np.zeros((design.starts.size, rows.X.shape[1]))
    np.add.at(by_unit, rows.unit, score)
    effect, influence = np.zeros(here.size), np.zeros((design.starts.size, here.size))
    zero, reason = rows.without_count(design), [""] * here.size
    for m in np.flatnonzero(~np.isin(here, rows.code[rows.reference])):
        own = np.flatnonzero(rows.code == here[m])
        effect[m], spread, load = _one_cell(rows, fit, own, scale)
        if scale == "log" and (zero[here[m] // design.times.size] or not rows.y[own].any()):
            effect[m], reason[m] = np.nan, "a mean of zero, before the event or after it, has no log"
        elif np.isnan(effect[m]):
            reason[m] = "no untreated row shows this week or cohort"
        else:
            influence[rows.unit[own], m] += spread
            influence[:, m] -= by_unit @ load
    return effect, influence, tuple(reason)


@dataclass(frozen=True)
class _Rows:
    """Observed region-weeks, shape (n,) each; ``touched`` ones have a dummy, ``reference`` ones are zero."""

    unit: IntArray
    week: IntArray
    code: IntArray  # of cohort and week
    y: FloatArray
    x: FloatArray
    X: FloatArray
    touched: BoolArray
    reference: BoolArray

    def without_count(self, design: EventDesign) -> BoolArray:
        """Say which cohorts are zero in all rows without a dummy, shape (C,)."""
        cohort = design.cohorts.of_unit[self.unit][~self.touched]
        C = design.cohorts.starts.size
        total = np.bincount(cohort, self.y[~self.touched], minlength=C)
        return np.asarray((np.bincount(cohort, minlength=C) > 0) & (total == 0))


def _rows(design: EventDesign, control: str) -> _Rows:
    below = int((design.outcome[design.observed] < 0).sum())
    if below:
        msg = f"'{design.outcome_name}' has {below} negative values; Poisson needs counts."
        raise DataError(msg)
    unit, week = np.nonzero(design.observed)
    cohort = design.cohorts.of_unit[unit]
    start = design.cohorts.starts[cohort]
    touched, reference = design.times[week] >= start - design.anticipation, np.zeros(week.size, dtype=bool)
    if control == "never":
        reference = np.isfinite(start) & (week == last_before(design)[cohort])
        touched = np.isfinite(start) & ~reference
    x = design.covariates[unit, week]
    X = _design_matrix(design, cohort, week, x)
    y = design.outcome[unit, week]
    return _Rows(unit, week, cohort * design.times.size + week, y, x, X, touched, reference)


def _one_cell(rows: _Rows, fit: LogLinearFit, own: IntArray, scale: str) -> tuple[float, FloatArray, FloatArray]:
    """Give an effect, the influence of its own rows, and its load on the coefficients of the other rows' fit."""
    y, n = rows.y[own], float(own.size)
    fitted, loads = _treated_fit(rows, own)
    if scale == "outcome":
        without = fit.fitted[own]
        return float((y - without).mean()), (y - fitted) / n, (without @ rows.X[own]) / n
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = np.log(fitted) - np.log(fit.fitted[own])
    return float(gap.mean()), (y - fitted) * loads, rows.X[own].mean(axis=0)


def _treated_fit(rows: _Rows, own: IntArray) -> tuple[FloatArray, FloatArray]:
    """Fit a treated cell by its mean, or by its own Poisson regression; how residuals move its mean log, (n,) each."""
    y, x = rows.y[own], rows.x[own]
    if not x.shape[1]:
        return np.full(own.size, y.mean()), np.full(own.size, 1.0 / max(float(y.sum()), 1e-300))
    X = np.column_stack([np.ones(own.size), x])
    fit = log_linear_fit(y, X, np.ones(own.size), np.ones(own.size, dtype=bool))
    return fit.fitted, X @ fit.bread @ X.mean(axis=0)


def _zero_notes(design: EventDesign, rows: _Rows, scale: str) -> tuple[str, ...]:
    """Name cohorts that are all zero before their event, and covariates that never vary."""
    zero = [design.scale.name(start) for start in design.cohorts.starts[rows.without_count(design)]]
    flat = [f"'{name}'" for p, name in enumerate(design.covariate_names) if np.ptp(rows.x[:, p]) == 0]
    told = (
        f"cohorts without a single count before their event: {name_few(zero, 3)}; their untreated mean is zero, so the "
        "effect is the count itself, with an error that knows of no doubt about that zero"
    )
    left_out = f"{', '.join(flat)} left out: the same everywhere"
    return (*((told,) if zero and scale == "outcome" else ()), *((left_out,) if flat else ()))


def _design_matrix(design: EventDesign, cohort: IntArray, week: IntArray, x: FloatArray) -> FloatArray:
    hot = np.eye(design.cohorts.starts.size)[cohort]
    weeks = np.eye(design.times.size)[week][:, 1:]
    by_group = [group * x[:, [p]] for p in range(x.shape[1]) for group in (hot, weeks)]
    return np.column_stack([hot, weeks, *by_group])
