"""The imputation estimator of Borusyak, Jaravel and Spiess (2024) with its conservative variance."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from panelcoop.estimate.event_study.cells import CellEstimates, EventFit
from panelcoop.estimate.event_study.design import EventDesign, keep_units
from panelcoop.estimate.event_study.horizons import fit_from_cells
from panelcoop.estimate.event_study.untreated_fit import (
    UntreatedFit,
    covariate_notes,
    missing_reason,
    unit_rows,
    untreated_fit,
)
from panelcoop.numerics.event_study.imputation import impute, masked_regression
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["Imputation", "imputation_fit"]


@dataclass(frozen=True)
class Imputation:
    """Options of the imputation estimator.

    Attributes
    ----------
    leave_out
        Compare each treated region with the mean effect of the others in its cohort and week: less downward bias of
        the variance in small cohorts; not available where a cohort has one region.
    leads
        Number of leads tested on untreated cells; the reference is everything earlier. None takes the window's, or
        all but the earliest.
    effects
        Column whose levels share a fixed effect (for example the state of a county); regions by default.
    """

    leave_out: bool = False
    leads: int | None = None
    effects: str | None = None


@dataclass(frozen=True)
class _ImputedCells:
    """Influence of regions on weighted sums of treated cells (Borusyak, Jaravel and Spiess 2024, section 4.3)."""

    first: UntreatedFit
    cohort: IntArray
    period: IntArray
    counts: FloatArray
    treated: BoolArray
    leave_out: bool

    def combine(self, weights: FloatArray, constant: FloatArray | None = None) -> FloatArray:
        first = self.first
        spread = np.zeros((*self.counts.shape, weights.shape[1]))
        spread[self.cohort, self.period] = weights / np.maximum(self.counts[self.cohort, self.period], 1.0)[:, None]
        per_row = spread[first.row_cohort] * (self.treated * first.system.weight[:, None])[:, :, None]
        slope = impute(first.system, first.outcome, per_row, first.covariates).slope
        fitted = self._fitted()
        if self.leave_out:
            slope = self._leave_out(slope)
        minus = np.zeros((len(fitted), weights.shape[1])) if constant is None else -constant[first.row_cohort]
        return unit_rows(first, slope, fitted, minus)

    def _fitted(self) -> FloatArray:
        """Untreated fit plus, on treated cells, the mean effect of the cohort in that week."""
        first = self.first
        effect = first.cell_means(first.outcome - first.fit.untreated, self.treated)
        return first.fit.untreated + np.where(self.treated, np.nan_to_num(effect)[first.row_cohort], 0.0)

    def _leave_out(self, slope: FloatArray) -> FloatArray:
        """Scale treated residuals by m / (m - 1); regions' own untreated means are taken out again."""
        first = self.first
        size = self.counts[first.row_cohort]
        factor = np.where(self.treated, size / np.maximum(size - 1.0, 1e-300), 1.0)
        scaled = slope * np.where(self.treated & (size <= 1), np.nan, factor)[:, :, None]
        if first.panel is None:
            return scaled
        mean = scaled.sum(axis=1) / np.maximum(first.system.mask.sum(axis=1), 1.0)[:, None]
        out: FloatArray = scaled - mean[:, None, :] * first.system.mask[:, :, None]
        return out


def imputation_fit(design: EventDesign, options: Imputation) -> tuple[EventDesign, EventFit]:
    """Fit untreated cells, impute the rest, average the differences by horizon; test leads on untreated cells.

    Notes
    -----
    Averages weigh observations equally. The variance is conservative: treated residuals are deviations from the mean
    effect of the cohort in that week. There is no small-sample factor and tails are normal. Leads come from a
    regression on untreated cells alone, relative to all earlier weeks (Borusyak, Jaravel and Spiess 2024, section 5);
    that regression has the factor G/(G-1) (n-1)/(n-K), as in R didimputation and Stata's did_imputation.
    """
    design = keep_units(design, design.starts > design.times[0] + design.anticipation, "treated from the first week on")
    first = untreated_fit(design)
    cells = imputed_cells(design, first, leave_out=options.leave_out)
    how = "conservative variance" + (", leave-one-out" if options.leave_out else "")
    fit = fit_from_cells(
        design, cells, base_period="universal", convention=f"{how}, clusters: {design.cluster_name}, normal"
    )
    leads, estimates, rows, reasons = _lead_test(design, first, options)
    alone = bool((cells.n_treated[cells.estimated] == 1).any()) and options.leave_out
    why = "no leave-one-out variance (NaN errors) where a cohort has one region"
    fit = replace(
        fit,
        horizons=np.concatenate([leads, fit.horizons]),
        estimates=np.concatenate([estimates, fit.estimates]),
        influence=np.column_stack([rows, fit.influence]),
        reasons={**reasons, **fit.reasons},
        notes=(
            *fit.notes,
            "leads are relative to all weeks before the first lead shown",
            *((why,) if alone else ()),
            *covariate_notes(design, first),
        ),
    )
    return design, fit


def imputed_cells(design: EventDesign, first: UntreatedFit, *, leave_out: bool) -> CellEstimates:
    """Collect imputed effects by cohort and week."""
    touched = design.times[None, :] >= first.starts[first.row_cohort][:, None] - design.anticipation
    treated = touched & first.usable
    counts = first.cell_counts(treated)
    means = first.cell_means(first.outcome - first.fit.untreated, treated)
    anywhere = first.cell_counts(touched & first.observed)
    cohort, period = np.nonzero(anywhere)
    effect = means[cohort, period]
    lost = anywhere[cohort, period] - counts[cohort, period]
    untreated = first.cell_counts(first.system.mask > 0)
    return CellEstimates(
        cohort=cohort,
        period=period,
        starts=first.starts,
        times=design.times,
        effect=effect,
        reason=tuple(
            "" if np.isfinite(e) else missing_reason(first, int(c), int(t))
            for e, c, t in zip(effect, cohort, period, strict=True)
        ),
        mass=np.maximum(counts[cohort, period], 1e-300),
        n_treated=anywhere[cohort, period] - lost,
        n_control=untreated.sum(axis=0)[period],
        reference=np.zeros(cohort.size, dtype=bool),
        unit_cohort=first.cohorts.of_unit,
        cohort_split=first.cohorts.split,
        influence=_ImputedCells(first, cohort, period, counts, treated, leave_out),
        estimated_shares=False,
    )


def _lead_test(
    design: EventDesign, first: UntreatedFit, options: Imputation
) -> tuple[FloatArray, FloatArray, FloatArray, dict[int, str]]:
    horizon = design.times[None, :] - first.starts[first.row_cohort][:, None]
    mask = (first.system.mask > 0) & np.isfinite(horizon)
    every = np.unique(horizon[mask])
    window = design.events.window
    most = options.leads if options.leads is not None else (window[0] if window else np.inf)
    shown = every[every >= -most]
    leads = shown[1:] if shown.size == every.size else shown
    if not leads.size:
        return np.zeros(0), np.zeros(0), np.zeros((first.cohorts.of_unit.size, 0)), {}
    dummies = (horizon[:, :, None] == leads[None, None, :]).astype(float) * mask[:, :, None]
    columns = np.concatenate([dummies, first.covariates], axis=2)
    fit = masked_regression(first.system, first.outcome, columns)
    fitted = np.where(first.system.mask > 0, fit.fitted, 0.0)
    slope = fit.slope[:, :, : leads.size]
    rows = unit_rows(first, slope, fitted, np.zeros((len(fitted), leads.size)))
    rows *= np.sqrt(_lead_factor(design, int(first.system.mass.sum()), fit.rank))
    estimates = fit.coefficients[: leads.size]
    lost = np.isnan(estimates)
    rows[:, lost] = 0.0
    return leads, estimates, rows, {int(h): "lead is collinear with the effects" for h in leads[lost]}


def _lead_factor(design: EventDesign, n: int, rank: int) -> float:
    G = design.starts.size if design.cluster is None else np.unique(design.cluster).size
    return float(G / (G - 1) * (n - 1) / max(n - rank - design.times.size, 1))
