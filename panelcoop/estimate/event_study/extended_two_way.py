"""The extended two-way estimator of Wooldridge (2021, 2023): linear and Poisson."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from panelcoop.checks import fail_if_not_one_of
from panelcoop.errors import DataError
from panelcoop.estimate.event_study.cells import CellEstimates, DenseInfluence, EventFit, absorbed_notes
from panelcoop.estimate.event_study.design import EventDesign, keep_units
from panelcoop.estimate.event_study.horizons import fit_from_cells
from panelcoop.estimate.event_study.imputation import imputed_cells
from panelcoop.estimate.event_study.poisson_effects import poisson_cells
from panelcoop.estimate.event_study.regression_cells import RegressionCells, last_before, regression_cells
from panelcoop.estimate.event_study.sun_abraham import clustered_factor, never_treated_controls, saturated_cells
from panelcoop.estimate.event_study.untreated_fit import untreated_fit
from panelcoop.numerics.event_study.imputation import masked_regression
from panelcoop.numerics.event_study.two_way_cells import cell_system
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["ExtendedTwoWay", "extended_two_way_fit"]

MOST_ENTRIES = 4e8
"""Largest dense design (units x weeks x columns) that is built: 3.2 GB."""


@dataclass(frozen=True)
class ExtendedTwoWay:
    """Options of the extended two-way estimator.

    Attributes
    ----------
    family
        "linear" or "poisson".
    control
        "not-yet": effects after the event only, all untreated cells are controls. "never": every cohort and week but
        the reference has an effect, which adds leads.
    counted_effects
        Which fixed effects the regression has beside week effects: "region" (nested in clusters, so the small-sample
        factor does not count them; Stata's jwdid with ``ivar``) or "cohort" (counted; R's etwfe and jwdid's default).
        Estimates are the same on a balanced panel, unless additive covariates vary over time. The Poisson form always
        has cohort effects.
    covariates
        "interacted": by themselves, times cohort, times week, and times every treatment dummy (Wooldridge 2021; R's
        etwfe). "additive": one slope each (jwdid's ``exovar``), linear only.
    scale
        Of Poisson effects: "outcome" (differences of means) or "log" (differences of log means, ``predict = "link"``
        of etwfe's emfx).

    Examples
    --------
    >>> ExtendedTwoWay("poisson", "never", scale="log").counted_effects
    'region'
    """

    family: Literal["linear", "poisson"] = "linear"
    control: Literal["not-yet", "never"] = "not-yet"
    counted_effects: Literal["region", "cohort"] = "region"
    covariates: Literal["interacted", "additive"] = "interacted"
    scale: Literal["outcome", "log"] = "outcome"

    def __post_init__(self) -> None:
        """Refuse options outside their vocabulary, and those that the other family has."""
        fail_if_not_one_of(self.family, ("linear", "poisson"), "family")
        fail_if_not_one_of(self.control, ("not-yet", "never"), "control")
        fail_if_not_one_of(self.counted_effects, ("region", "cohort"), "counted_effects")
        fail_if_not_one_of(self.covariates, ("interacted", "additive"), "covariates")
        fail_if_not_one_of(self.scale, ("outcome", "log"), "scale")
        if self.family == "poisson" and self.covariates == "additive":
            msg = "The Poisson form is fitted cell by cell, with interacted covariates only: covariates='interacted'."
            raise DataError(msg)
        if self.family == "linear" and self.scale == "log":
            msg = "scale='log' belongs to family='poisson'; for a linear model take logs of the outcome."
            raise DataError(msg)


def extended_two_way_fit(design: EventDesign, options: ExtendedTwoWay) -> tuple[EventDesign, EventFit]:
    """Estimate an effect for every treated cohort and week, then average by observations.

    Notes
    -----
    On a balanced panel without covariates the linear form equals imputation in its estimates ("not-yet") or
    Sun-Abraham ("never"). Where rows are missing it still equals Sun-Abraham (with region effects), but not imputation:
    imputation takes the effects of regions from untreated rows alone, the regression from treated rows too, and it is
    fitted as it stands. Interacted covariates enter as in R's etwfe: by themselves, times cohort, times week, and,
    centred at the cohort's mean, times every treatment dummy; effects are averaged over the covariates of the treated.
    The Poisson form has cohort effects (not region effects), week effects and covariates in logs. Errors are
    delta-method and clustered, with fixest's factor.
    """
    design = keep_units(design, design.starts > design.times[0] + design.anticipation, "treated from the first week on")
    if options.control == "never":
        design = never_treated_controls(design)
    found, notes = _poisson(design, options) if options.family == "poisson" else _linear(design, options)
    small = clustered_factor(design.observed, found.rank, small_sample=True)
    how = f"CRV1 by {{cluster}}, t({{df}}), {options.family}, {options.control}-treated controls"
    fit = fit_from_cells(design, found.cells, base_period="universal", convention=how, small=small, t_tails=True)
    notes = (*fit.notes, *notes, *absorbed_notes(found.slopes))
    return design, replace(fit, extra=found.slopes, notes=notes, linear=options.family == "linear")


def _poisson(design: EventDesign, options: ExtendedTwoWay) -> tuple[RegressionCells, tuple[str, ...]]:
    """Count cohort effects, and the covariates of every effect."""
    cells, notes = poisson_cells(design, control=options.control, scale=options.scale)
    per_effect = 1 + design.covariates.shape[2]
    treated = int((cells.estimated & ~cells.reference).sum())
    C, T = design.cohorts.starts.size, design.times.size
    return RegressionCells(cells, {}, (treated + C + T - 1) * per_effect - T), notes


def _linear(design: EventDesign, options: ExtendedTwoWay) -> tuple[RegressionCells, tuple[str, ...]]:
    """Take the shortest way to the regression asked for, and count its cohort effects."""
    by_region = options.counted_effects == "region"
    notes: tuple[str, ...] = ()
    if design.covariates.shape[2] and options.covariates == "interacted":
        found, notes = _interacted_cells(design, options)
    elif options.control == "never" and (design.simple or by_region):
        found = saturated_cells(design)
    elif design.simple:
        cells = imputed_cells(design, untreated_fit(design), leave_out=False)
        found = RegressionCells(cells, {}, int(cells.estimated.sum()))
    else:
        cohort, period, reference = _treatment_cells(design, options)
        column = np.full((design.cohorts.starts.size, design.times.size), -1, dtype=np.int64)
        column[cohort[~reference], period[~reference]] = np.arange(int((~reference).sum()))
        fixed = np.zeros(column.shape, dtype=bool)
        fixed[cohort[reference], period[reference]] = True
        found = regression_cells(design, column, fixed, unit_effects=by_region)
    cohort_effects = 0 if by_region else np.unique(design.cohorts.of_unit).size - 1
    return replace(found, rank=found.rank + cohort_effects), notes


def _interacted_cells(design: EventDesign, options: ExtendedTwoWay) -> tuple[RegressionCells, tuple[str, ...]]:
    """Regress on dummies, covariates and their products, all at once."""
    cohorts = design.cohorts
    seen = design.observed
    cohort, period, reference = _treatment_cells(design, options)
    columns, dummies, centred = _columns(design, cohort, period)
    if columns.size > MOST_ENTRIES:
        msg = f"The interacted design has {columns.size:.1e} entries; shorten the panel or use 'imputation'."
        raise DataError(msg)
    outcome = np.where(seen, np.nan_to_num(design.outcome), 0.0)
    weight = design.unit_weights
    effects = None if options.counted_effects == "region" else cohorts.of_unit
    fit = masked_regression(cell_system(weight, seen, effects), outcome, columns)
    error = np.where(seen, outcome - fit.fitted, 0.0) * weight[:, None]
    rows = np.matmul(error[:, None, :], fit.slope)[:, 0, :]
    M, P = cohort.size, design.covariates.shape[2]
    load = np.zeros((columns.shape[2], M))
    load[np.arange(M), np.arange(M)] = 1.0
    counts, mass = dummies.sum(axis=(0, 1)), np.einsum("n,ntm->m", weight, dummies)
    for p in range(P):
        part = np.einsum("n,ntm->m", weight, centred[p])
        load[M * (p + 1) + np.arange(M), np.arange(M)] = part / np.where(mass > 0, mass, 1.0)
    beta = np.nan_to_num(fit.coefficients)
    effect = np.where(np.isnan(fit.coefficients[:M]) | (counts == 0), np.nan, beta @ load)
    effect[reference] = 0.0
    cells = CellEstimates(
        cohort=cohort,
        period=period,
        starts=cohorts.starts,
        times=design.times,
        effect=effect,
        reason=tuple("collinear with the effects" if np.isnan(e) else "" for e in effect),
        mass=np.maximum(mass, 1e-300),
        n_treated=counts,
        n_control=(seen & (design.times < design.starts[:, None])).sum(axis=0).astype(float)[period],
        reference=reference,
        unit_cohort=cohorts.of_unit,
        cohort_split=cohorts.split,
        influence=DenseInfluence(rows @ np.where(reference[None, :], 0.0, load), cohorts.of_unit, design.weights),
        estimated_shares=False,
    )
    return RegressionCells(cells, {}, fit.rank), _absorbed(design, fit.coefficients, M)


def _absorbed(design: EventDesign, coefficients: FloatArray, M: int) -> tuple[str, ...]:
    """Name covariates of which region and week effects, or earlier covariates, leave no column."""
    names, P = design.covariate_names, design.covariates.shape[2]
    own = np.asarray(np.isnan(coefficients[M * (P + 1) :]).reshape(P, -1).all(axis=1))
    within = np.asarray(np.isnan(coefficients[M : M * (P + 1)]).reshape(P, M).all(axis=1))
    lost = [f"'{name}'" for name, gone in zip(names, own & within, strict=True) if gone]
    return (f"{', '.join(lost)} left out: absorbed by the effects or earlier covariates",) if lost else ()


def _treatment_cells(design: EventDesign, options: ExtendedTwoWay) -> tuple[IntArray, IntArray, BoolArray]:
    starts = design.cohorts.starts
    finite = np.isfinite(starts)[:, None]
    touched = (design.times[None, :] >= starts[:, None] - design.anticipation) & finite
    if options.control == "not-yet":
        cohort, period = np.nonzero(touched)
        return cohort, period, np.zeros(cohort.size, dtype=bool)
    cohort, period = np.nonzero(np.broadcast_to(finite, (starts.size, design.times.size)))
    return cohort, period, period == last_before(design)[cohort]


def _columns(
    design: EventDesign, cohort: IntArray, period: IntArray
) -> tuple[FloatArray, FloatArray, list[FloatArray]]:
    """Treatment dummies, dummies times centred covariates, covariates times week and times cohort."""
    cohorts, (N, T) = design.cohorts, design.outcome.shape
    own = cohorts.of_unit[:, None] == cohort[None, :]
    last = cohorts.starts[cohort] - design.anticipation
    reference = (design.times[period] < last) & (period == (design.times[None, :] < last[:, None]).sum(axis=1) - 1)
    dummies = np.zeros((N, T, cohort.size))
    dummies[:, period, np.arange(cohort.size)] = own & ~reference
    dummies *= design.observed[:, :, None]
    centred, common = [], []
    weeks = np.broadcast_to(np.eye(T)[None, :, 1:], (N, T, T - 1))
    hot = np.eye(cohorts.starts.size)[cohorts.of_unit][:, None, :]
    for p in range(design.covariates.shape[2]):
        x = design.covariates[:, :, p]
        heavy = design.observed * design.unit_weights[:, None]
        mean = np.bincount(cohorts.of_unit, (x * heavy).sum(axis=1)) / np.bincount(cohorts.of_unit, heavy.sum(axis=1))
        centred.append(dummies * (x - mean[cohorts.of_unit][:, None])[:, :, None])
        common += [x[:, :, None], weeks * x[:, :, None], hot[:, :, :-1] * x[:, :, None]]
    return np.concatenate([dummies, *centred, *common], axis=2), dummies, centred
