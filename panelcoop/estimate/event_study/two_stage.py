"""The two-stage estimator of Gardner (2022) with its two-step variance, as in R did2s."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from panelcoop.estimate.event_study.cells import CellEstimates, EventFit, clip_horizons
from panelcoop.estimate.event_study.design import EventDesign
from panelcoop.estimate.event_study.horizons import fit_from_cells
from panelcoop.estimate.event_study.imputation import imputed_cells
from panelcoop.estimate.event_study.reference_path import reference_path
from panelcoop.estimate.event_study.untreated_fit import (
    FITTED_LEAD,
    UntreatedFit,
    counted_rows,
    covariate_notes,
    fitted_exactly,
    lead_horizon,
    unit_rows,
    untreated_fit,
    with_untreated_weeks,
)
from panelcoop.numerics.event_study.imputation import impute, imputed_slope
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["TwoStage", "two_stage_fit"]


@dataclass(frozen=True)
class TwoStage:
    """Options of the two-stage estimator.

    Attributes
    ----------
    leads
        Whether mean first-stage residuals before the event are reported as leads. They are not relative to a
        reference week.
    effects
        Column whose levels share a fixed effect in the first stage; regions by default.
    reference
        A horizon before the event, for example -1, to be fixed at zero: leads and effects are then relative to that
        week, with joint covariance, which is the path that honest bounds need (see ``reference_path``).
    """

    leads: bool = True
    effects: str | None = None
    reference: int | None = None


@dataclass(frozen=True)
class _SecondStage:
    first: UntreatedFit
    cohort: IntArray
    period: IntArray
    counts: FloatArray
    taking_part: BoolArray
    effect: FloatArray

    def combine(self, weights: FloatArray, constant: FloatArray | None = None) -> FloatArray:
        first = self.first
        spread = np.zeros((*self.counts.shape, weights.shape[1]))
        mass = self.counts[self.cohort, self.period]
        spread[self.cohort, self.period] = weights / np.where(mass > 0, mass, 1.0)[:, None]
        per_unit = spread[first.row_cohort] * self.taking_part[:, :, None]
        per_row = per_unit * first.system.weight[:, None, None]
        slope = imputed_slope(first.system, per_row, first.covariates)
        coefficient = np.nan_to_num(self.effect) @ weights
        minus = per_unit.sum(axis=1) * coefficient
        minus = minus if constant is None else minus - constant[first.row_cohort]
        return unit_rows(first, slope, first.fit.untreated, minus)


def two_stage_fit(design: EventDesign, options: TwoStage) -> tuple[EventDesign, EventFit]:
    """Take out effects fitted on untreated cells, then average what is left by horizon.

    Notes
    -----
    Influence of a cluster: (X2'X2)^-1 [X2'e2 - X2'X1 (X10'X10)^-1 X10'e1] with e1 the first-stage residuals on
    untreated cells and e2 the second-stage residuals; no small-sample factor (Gardner 2022; Butts and Gardner 2022).
    Weights of regions enter both stages, as in R did2s. A lead that region and week effects (or covariates) fit
    exactly, as all do where one cohort is all there is, is NaN: its residuals are zero whatever happened. So is the
    mean of all leads: the untreated residuals of every region sum to zero.
    """
    design = with_untreated_weeks(design)
    first = untreated_fit(design)
    leads = options.leads and options.reference is None
    cells = _without_fitted_leads(design, first, _second_stage_cells(design, first, leads=leads))
    words = "two-step influence, clusters: {cluster}, normal"
    fit = counted_rows(first, fit_from_cells(design, cells, base_period="universal", convention=words))
    fit = _without_fitted_ends(design, first, fit)
    note = ("leads are mean first-stage residuals: no reference week is fixed at zero",) if options.leads else ()
    scores = partial(_scores, design, fit)
    fit = replace(fit, notes=(*fit.notes, *covariate_notes(design, first)), scores=scores)
    if options.reference is not None:
        return design, reference_path(design, first, fit, options.reference)
    return design, replace(fit, notes=(*fit.notes, *note))


def _second_stage_cells(design: EventDesign, first: UntreatedFit, *, leads: bool) -> CellEstimates:
    base = imputed_cells(design, first, leave_out=False, leads=leads)
    starts = first.starts[first.row_cohort][:, None]
    taking = first.usable & np.isfinite(starts)
    if not leads:
        taking &= design.times[None, :] >= starts - design.anticipation
    counts = first.cell_counts(taking)
    return replace(base, influence=_SecondStage(first, base.cohort, base.period, counts, taking, base.effect))


def _scores(design: EventDesign, fit: EventFit) -> FloatArray:
    """Give the influence of every region and week, shape (N, T, K): scores of the second stage, less the first's."""
    first = untreated_fit(design, by_region=True)
    label, inside = clip_horizons(lead_horizon(design, first), design.events.window, design.events.ends)
    assert fit.cells is not None
    live = np.zeros((first.starts.size, design.times.size), dtype=bool)
    live[fit.cells.cohort[fit.cells.estimated], fit.cells.period[fit.cells.estimated]] = True
    taking = first.usable & inside & live[first.row_cohort]
    here = ~np.isnan(fit.estimates)
    w = first.system.weight[:, None, None]
    heavy = ((label[:, :, None] == fit.horizons) & taking[:, :, None] & here) * w
    weights = heavy / np.where(here, heavy.sum(axis=(0, 1)), 1.0)
    imputed = impute(first.system, first.outcome, weights, first.covariates)
    gap = np.where(first.observed, first.outcome - imputed.untreated, 0.0)
    return np.asarray(w * gap[:, :, None] * imputed.slope - weights * np.nan_to_num(imputed.estimates))


def _without_fitted_leads(design: EventDesign, first: UntreatedFit, cells: CellEstimates) -> CellEstimates:
    """Set leads to NaN whose dummies effects and covariates span on the untreated cells."""
    leads = np.unique(cells.horizon[cells.horizon < -design.anticipation])
    fitted = fitted_exactly(first.system, lead_horizon(design, first), leads, first.covariates)
    lost = np.isin(cells.horizon, leads[fitted])
    reason = tuple(FITTED_LEAD if gone else old for gone, old in zip(lost, cells.reason, strict=True))
    return replace(cells, effect=np.where(lost, np.nan, cells.effect), reason=reason)


def _without_fitted_ends(design: EventDesign, first: UntreatedFit, fit: EventFit) -> EventFit:
    """Do the same with leads that the window pools."""
    if design.events.window is None or design.events.ends == "dropped":
        return fit
    label, inside = clip_horizons(lead_horizon(design, first), design.events.window, design.events.ends)
    leads = fit.horizons[(fit.horizons < -design.anticipation) & ~np.isnan(fit.estimates)]
    fitted = fitted_exactly(first.system, np.where(inside, label, np.nan), leads, first.covariates)
    lost = np.isin(fit.horizons, leads[fitted])
    reasons = {int(h): FITTED_LEAD for h in fit.horizons[lost]}
    estimates, rows = np.where(lost, np.nan, fit.estimates), np.where(lost, 0.0, fit.influence)
    return replace(fit, estimates=estimates, influence=rows, reasons={**fit.reasons, **reasons})
