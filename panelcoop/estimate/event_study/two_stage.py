"""The two-stage estimator of Gardner (2022) with its two-step variance, as in R did2s."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from panelcoop.estimate.event_study.cells import CellEstimates, EventFit, clip_horizons
from panelcoop.estimate.event_study.design import EventDesign, keep_units
from panelcoop.estimate.event_study.horizons import fit_from_cells
from panelcoop.estimate.event_study.imputation import imputed_cells
from panelcoop.estimate.event_study.reference_path import reference_path
from panelcoop.estimate.event_study.untreated_fit import UntreatedFit, covariate_notes, unit_rows, untreated_fit
from panelcoop.numerics.event_study.imputation import impute, imputed_slope
from panelcoop.numerics.event_study.two_way_cells import residual
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["TwoStage", "two_stage_fit"]

SPANNED = 1e-9
"""Largest residual of a 0/1 dummy that effects span exactly; rounding leaves about 1e-14."""


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
    Weights of regions enter both stages, as in R did2s. A lead that region and week effects fit exactly, as all do
    where one cohort is all there is, is NaN: its residuals are zero whatever happened.
    """
    design = keep_units(design, design.starts > design.times[0] + design.anticipation, "treated from the first week on")
    first = untreated_fit(design)
    leads = options.leads and options.reference is None
    cells = _without_fitted_leads(design, first, _second_stage_cells(design, first, leads=leads))
    words = "two-step influence, clusters: {cluster}, normal"
    fit = fit_from_cells(design, cells, base_period="universal", convention=words)
    note = ("leads are mean first-stage residuals: no reference week is fixed at zero",) if options.leads else ()
    scores = partial(_scores, design, fit, leads=leads)
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


def _scores(design: EventDesign, fit: EventFit, *, leads: bool) -> FloatArray:
    """Give the influence of every region and week, shape (N, T, K): scores of the second stage, less the first's."""
    first = untreated_fit(design, by_region=True)
    starts = first.starts[first.row_cohort][:, None]
    label, inside = clip_horizons(design.times[None, :] - starts, design.events.window, design.events.ends)
    taking = first.usable & np.isfinite(starts) & inside & design.cohorts.studied[first.row_cohort][:, None]
    if not leads:
        taking &= design.times[None, :] >= starts - design.anticipation
    here = ~np.isnan(fit.estimates)
    w = first.system.weight[:, None, None]
    heavy = ((label[:, :, None] == fit.horizons) & taking[:, :, None] & here) * w
    weights = heavy / np.where(here, heavy.sum(axis=(0, 1)), 1.0)
    imputed = impute(first.system, first.outcome, weights, first.covariates)
    gap = np.where(first.observed, first.outcome - imputed.untreated, 0.0)
    return np.asarray(w * gap[:, :, None] * imputed.slope - weights * np.nan_to_num(imputed.estimates))


def _without_fitted_leads(design: EventDesign, first: UntreatedFit, cells: CellEstimates) -> CellEstimates:
    """Set leads to NaN whose dummies region and week effects span on the untreated cells."""
    leads = np.unique(cells.horizon[cells.horizon < -design.anticipation])
    if not leads.size or (design.simple and np.isinf(first.starts).any()):
        return cells
    horizon = design.times[None, :] - first.starts[first.row_cohort][:, None]
    dummies = ((horizon[:, :, None] == leads) & (first.system.mask > 0)[:, :, None]).astype(float)
    left = np.abs(residual(first.system, dummies)).max(axis=(0, 1))
    lost = np.isin(cells.horizon, leads[left < SPANNED])
    if not lost.any():
        return cells
    why = "region and week effects fit this lead exactly: no untreated region outside its cohorts"
    reason = tuple(why if gone else old for gone, old in zip(lost, cells.reason, strict=True))
    return replace(cells, effect=np.where(lost, np.nan, cells.effect), reason=reason)
