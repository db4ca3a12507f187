"""The extended two-way estimator of Wooldridge (2021, 2023): linear and Poisson."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from panelcoop.checks import fail_if_not_one_of
from panelcoop.errors import DataError
from panelcoop.estimate.event_study.cells import CellEstimates, DenseInfluence, EventFit
from panelcoop.estimate.event_study.design import EventDesign, keep_units
from panelcoop.estimate.event_study.horizons import fit_from_cells
from panelcoop.estimate.event_study.imputation import imputed_cells
from panelcoop.estimate.event_study.poisson_effects import poisson_cells
from panelcoop.estimate.event_study.sun_abraham import SunAbraham, clustered_factor, sun_abraham_fit
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
        "linear" or "poisson" (effects are differences of means on the outcome's scale).
    control
        "not-yet": effects after the event only, all untreated cells are controls. "never": every cohort and week but
        the reference has an effect (linear only), which adds leads.
    counted_effects
        Which effects the small-sample factor counts: "region" (not counted, nested in clusters) or "cohort" (cohort
        effects counted, as R's etwfe does by default). Estimates are the same on a balanced panel. The Poisson form
        always has cohort effects.
    """

    family: Literal["linear", "poisson"] = "linear"
    control: Literal["not-yet", "never"] = "not-yet"
    counted_effects: Literal["region", "cohort"] = "region"

    def __post_init__(self) -> None:
        """Refuse options outside their vocabulary."""
        fail_if_not_one_of(self.family, ("linear", "poisson"), "family")
        fail_if_not_one_of(self.control, ("not-yet", "never"), "control")
        fail_if_not_one_of(self.counted_effects, ("region", "cohort"), "counted_effects")
        if self.family == "poisson" and self.control == "never":
            msg = "The Poisson form uses control='not-yet': its effects are differences from the untreated mean."
            raise DataError(msg)


def extended_two_way_fit(design: EventDesign, options: ExtendedTwoWay) -> tuple[EventDesign, EventFit]:
    """Estimate an effect for every treated cohort and week, then average by observations.

    Notes
    -----
    Without covariates the linear form equals imputation in its estimates ("not-yet") or Sun-Abraham ("never").
    Covariates enter as in R's etwfe: by themselves, times cohort, times week, and, centred at the cohort's mean,
    times every treatment dummy; effects are averaged over the covariates of the treated. The Poisson form has cohort
    effects (not region effects), week effects and covariates in logs. Errors are delta-method and clustered, with
    fixest's factor.
    """
    design = keep_units(design, design.starts > design.times[0] + design.anticipation, "treated from the first week on")
    if options.family == "poisson":
        cells, rank = poisson_cells(design), 0
    elif design.covariates.shape[2]:
        cells, rank = _interacted_cells(design, options)
    elif options.control == "never":
        return sun_abraham_fit(design, SunAbraham())
    else:
        cells = replace(imputed_cells(design, untreated_fit(design), leave_out=False))
        rank = int(cells.estimated.sum())
    factor, df = clustered_factor(design, _coefficients(design, options, cells, rank), small_sample=True)
    how = f"CRV1 by {design.cluster_name}, t({df:g}), {options.family}, {options.control}-treated controls"
    return design, fit_from_cells(design, cells, base_period="universal", convention=how, factor=factor, df=df)


def _coefficients(design: EventDesign, options: ExtendedTwoWay, cells: CellEstimates, rank: int) -> int:
    """Count coefficients besides one per week; with cohort effects every effect also has its covariates."""
    if options.counted_effects == "region" and options.family == "linear":
        return rank
    per_covariate = 1 + design.covariates.shape[2]
    treated = int((cells.estimated & ~cells.reference).sum())
    C, T = design.cohorts.starts.size, design.times.size
    return int(treated * per_covariate + (C + T - 1) * per_covariate - T)


def _interacted_cells(design: EventDesign, options: ExtendedTwoWay) -> tuple[CellEstimates, int]:
    cohorts = design.cohorts
    seen = design.observed
    cohort, period, reference = _treatment_cells(design, options)
    columns, dummies, centred = _columns(design, cohort, period)
    if columns.size > MOST_ENTRIES:
        msg = f"The interacted design has {columns.size:.1e} entries; shorten the panel or use 'imputation'."
        raise DataError(msg)
    outcome = np.where(seen, np.nan_to_num(design.outcome), 0.0)
    fit = masked_regression(cell_system(np.ones(len(outcome)), seen), outcome, columns)
    error = np.where(seen, outcome - fit.fitted, 0.0)
    rows = np.matmul(error[:, None, :], fit.slope)[:, 0, :]
    M, P = cohort.size, design.covariates.shape[2]
    load = np.zeros((columns.shape[2], M))
    load[np.arange(M), np.arange(M)] = 1.0
    counts = dummies.sum(axis=(0, 1))
    for p in range(P):
        load[M * (p + 1) + np.arange(M), np.arange(M)] = (centred[p]).sum(axis=(0, 1)) / np.maximum(counts, 1.0)
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
        mass=np.maximum(counts, 1e-300),
        n_treated=counts,
        n_control=(seen & (design.times < design.starts[:, None])).sum(axis=0).astype(float)[period],
        reference=reference,
        unit_cohort=cohorts.of_unit,
        cohort_split=cohorts.split,
        influence=DenseInfluence(rows @ np.where(reference[None, :], 0.0, load), cohorts.of_unit),
        estimated_shares=False,
    )
    return cells, fit.rank


def _treatment_cells(design: EventDesign, options: ExtendedTwoWay) -> tuple[IntArray, IntArray, BoolArray]:
    starts = design.cohorts.starts
    finite = np.isfinite(starts)[:, None]
    touched = (design.times[None, :] >= starts[:, None] - design.anticipation) & finite
    if options.control == "not-yet":
        cohort, period = np.nonzero(touched)
        return cohort, period, np.zeros(cohort.size, dtype=bool)
    cohort, period = np.nonzero(np.broadcast_to(finite, (starts.size, design.times.size)))
    before = design.times[None, :] < starts[:, None] - design.anticipation
    last = before.sum(axis=1) - 1
    return cohort, period, period == last[cohort]


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
        mass = np.bincount(cohorts.of_unit, design.observed.sum(axis=1))
        mean = np.bincount(cohorts.of_unit, (x * design.observed).sum(axis=1)) / mass
        centred.append(dummies * (x - mean[cohorts.of_unit][:, None])[:, :, None])
        common += [x[:, :, None], weeks * x[:, :, None], hot[:, :, :-1] * x[:, :, None]]
    return np.concatenate([dummies, *centred, *common], axis=2), dummies, centred
