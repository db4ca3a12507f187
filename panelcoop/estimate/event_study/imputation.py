"""The imputation estimator of Borusyak, Jaravel and Spiess (2024) with its conservative variance."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from panelcoop.estimate.event_study.cells import CellEstimates, EventFit
from panelcoop.estimate.event_study.design import EventDesign
from panelcoop.estimate.event_study.horizons import fit_from_cells, supported
from panelcoop.estimate.event_study.reference_path import reference_path
from panelcoop.estimate.event_study.untreated_fit import (
    UntreatedFit,
    counted_rows,
    covariate_notes,
    lead_counts,
    lead_horizon,
    lead_sample,
    missing_reason,
    unit_rows,
    untreated_fit,
    with_untreated_weeks,
)
from panelcoop.numerics.event_study.clustering import SmallSample
from panelcoop.numerics.event_study.imputation import imputed_slope, masked_regression
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["Imputation", "imputation_fit", "imputed_cells"]


@dataclass(frozen=True)
class Imputation:
    """Options of the imputation estimator.

    Attributes
    ----------
    leave_out
        Compare each treated region with the mean effect of the others in its cohort and week (Borusyak, Jaravel and
        Spiess 2024, section 4.3): with the mean that contains the region itself, errors are too small in small cohorts.
        A region alone in its cohort is compared with the others at its horizon, or with all treated weeks where there
        are none. False gives the errors that R didimputation, Stata's did_imputation and diff-diff print by default.
    leads
        Number of leads tested on untreated cells; the reference is everything earlier. None takes the window's, or
        all but the earliest.
    effects
        Column whose levels share a fixed effect (for example the state of a county); regions by default.
    reference
        A horizon before the event, for example -1, to be fixed at zero: leads and effects are then relative to that
        week, with joint covariance, which is the path that honest bounds need (see ``reference_path``). It gives up the
        precision that comes from comparing with all untreated weeks, and needs regions that are never treated.
    """

    leave_out: bool = True
    leads: int | None = None
    effects: str | None = None
    reference: int | None = None


@dataclass(frozen=True)
class _ImputedCells:
    """Influence of regions on weighted sums of cells (Borusyak, Jaravel and Spiess 2024, section 4.3)."""

    first: UntreatedFit
    cohort: IntArray
    period: IntArray
    counts: FloatArray
    treated: BoolArray
    leave_out: bool
    times: FloatArray

    def combine(self, weights: FloatArray, constant: FloatArray | None = None) -> FloatArray:
        first = self.first
        spread = np.zeros((*self.counts.shape, weights.shape[1]))
        mass = self.counts[self.cohort, self.period]
        spread[self.cohort, self.period] = weights / np.where(mass > 0, mass, 1.0)[:, None]
        per_row = spread[first.row_cohort] * (self.treated * first.system.weight[:, None])[:, :, None]
        slope = imputed_slope(first.system, per_row, first.covariates)
        fitted = self._fitted()
        if self.leave_out:
            slope = self._leave_out(slope)
        minus = np.zeros((len(fitted), weights.shape[1])) if constant is None else -constant[first.row_cohort]
        return unit_rows(first, slope, fitted, minus)

    def _fitted(self) -> FloatArray:
        """Untreated fit plus, on treated cells, the mean effect that a region is compared with."""
        first = self.first
        effect = np.nan_to_num(first.cell_means(first.outcome - first.fit.untreated, self.treated))
        if self.leave_out:
            effect = self._without_own(effect)
        return first.fit.untreated + np.where(self.treated, effect[first.row_cohort], 0.0)

    def _without_own(self, effect: FloatArray) -> FloatArray:
        """Where a region is alone in its cohort and week, take the mean effect of others at its horizon, or of all."""
        first = self.first
        mass, size = first.cell_counts(self.treated), first.cell_sizes(self.treated)
        alone = size == 1
        if not alone.any():
            return effect
        since = np.where(
            size > 0, self.times - np.where(np.isfinite(first.starts), first.starts, 0.0)[:, None], -np.inf
        )
        horizon = np.unique(since, return_inverse=True)[1].reshape(since.shape)
        total = np.bincount(horizon.ravel(), (mass * effect).ravel())[horizon] - mass * effect
        others = np.bincount(horizon.ravel(), mass.ravel())[horizon] - mass
        overall = float((mass * effect).sum() / mass.sum())
        there = others > 1e-9 * mass
        instead = np.where(there, total / np.where(there, others, 1.0), overall)
        return np.where(alone, instead, effect)

    def _leave_out(self, slope: FloatArray) -> FloatArray:
        """Scale treated residuals by m / (m - 1); regions' own untreated means are taken out again."""
        first = self.first
        mass = first.cell_counts(self.treated)[first.row_cohort]
        own = np.ones(len(mass)) if first.panel is not None else first.system.weight
        rest = mass - own[:, None]
        shared = self.treated & (rest > 1e-9 * mass)
        scaled: FloatArray = slope * np.where(shared, mass / np.where(shared, rest, 1.0), 1.0)[:, :, None]
        if first.panel is None:
            return scaled
        mean = scaled.sum(axis=1) / np.maximum(first.system.mask.sum(axis=1), 1.0)[:, None]
        scaled -= mean[:, None, :] * first.system.mask[:, :, None]
        return scaled


def imputation_fit(design: EventDesign, options: Imputation) -> tuple[EventDesign, EventFit]:
    """Fit untreated cells, impute the rest, average the differences by horizon; test leads on untreated cells.

    Notes
    -----
    Averages weigh observations equally, or by the regions' weights. The variance is conservative: treated residuals are
    deviations from the mean effect of the others in the cohort and week. There is no small-sample factor and tails are
    normal. Leads come from a regression on untreated cells alone, relative to all earlier weeks (Borusyak, Jaravel and
    Spiess 2024, section 5); that regression has the factor G/(G-1) (n-1)/(n-K) of Stata's did_imputation: K the leads,
    the covariates and one less than the weeks; rows alone in their region or week count neither in n nor in G. (R
    didimputation uses fixest's count, which keeps such rows and has one more in K.) With a ``reference`` all horizons
    compare with it, without a factor. A support rule that is required holds for leads too: untreated cells of treated
    regions with fewer controls in their week leave that regression.
    """
    design = with_untreated_weeks(design)
    first = untreated_fit(design)
    cells = imputed_cells(design, first, leave_out=options.leave_out)
    how = "conservative variance" + (", leave-one-out" if options.leave_out else "")
    words = f"{how}, clusters: {{cluster}}, normal"
    fit = counted_rows(first, fit_from_cells(design, cells, base_period="universal", convention=words))
    fit = replace(fit, notes=(*fit.notes, *covariate_notes(design, first)))
    if options.reference is not None:
        return design, reference_path(design, first, fit, options.reference)
    return design, _with_lead_test(design, first, options, fit)


def imputed_cells(design: EventDesign, first: UntreatedFit, *, leave_out: bool, leads: bool = False) -> CellEstimates:
    """Collect imputed effects by cohort and week; with leads, also mean residuals before the event."""
    starts = first.starts[first.row_cohort][:, None]
    treated = (design.times[None, :] >= starts - design.anticipation) & first.usable
    taking = first.usable & np.isfinite(starts) if leads else treated
    anywhere = first.cell_counts(first.observed & np.isfinite(starts))
    if not leads:
        anywhere = anywhere * (design.times[None, :] >= first.starts[:, None] - design.anticipation)
    counts = first.cell_counts(taking)
    means = first.cell_means(first.outcome - first.fit.untreated, taking)
    cohort, period = np.nonzero(anywhere)
    effect = means[cohort, period]
    untreated = first.cell_sizes(first.system.mask > 0)
    own = untreated[cohort, period]
    reason = [""] * effect.size
    for m in np.flatnonzero(~np.isfinite(effect)):
        reason[m] = missing_reason(first, int(cohort[m]), int(period[m]))
    return CellEstimates(
        cohort=cohort,
        period=period,
        starts=first.starts,
        times=design.times,
        effect=effect,
        reason=tuple(reason),
        mass=np.maximum(counts[cohort, period], 1e-300),
        n_treated=first.cell_sizes(taking)[cohort, period],
        n_control=untreated.sum(axis=0)[period] - own,
        reference=np.zeros(cohort.size, dtype=bool),
        unit_cohort=first.cohorts.of_unit,
        cohort_split=first.cohorts.split,
        influence=_ImputedCells(first, cohort, period, counts, treated, leave_out, design.times),
        estimated_shares=False,
    )


def _with_lead_test(design: EventDesign, first: UntreatedFit, options: Imputation, fit: EventFit) -> EventFit:
    """Put the leads of the regression on untreated cells before the effects."""
    sample = lead_sample(design, first)
    found = _lead_test(design, sample, options)
    leads, K = found.horizons.size, found.horizons.size + fit.horizons.size
    lead = np.arange(K) < leads
    horizons = np.concatenate([found.horizons, fit.horizons])
    joined = replace(
        fit,
        horizons=horizons,
        estimates=np.concatenate([found.estimates, fit.estimates]),
        influence=np.column_stack([found.influence, fit.influence]),
        small=_lead_factor(design, sample, found.rank, lead),
        reasons={**found.reasons, **fit.reasons},
        notes=(*fit.notes, "leads are relative to all weeks before the first lead shown"),
        counts=lead_counts(design, sample, found.horizons, horizons),
    )
    return supported(design, joined)


def _lead_factor(design: EventDesign, first: UntreatedFit, rank: int, lead: BoolArray) -> SmallSample:
    """Count as Stata's did_imputation does: rows that are not alone, leads, covariates, weeks less one."""
    rows = _not_alone(first)
    taking = np.asarray(rows.any(axis=1))
    units = taking[first.cohorts.of_unit] if first.panel is not None else taking
    n, weeks = float(first.cell_sizes(rows).sum()), int(rows.any(axis=0).sum())
    coefficients = float(rank + weeks - 1 + _counted_effects(design, first, rows))
    return SmallSample(
        np.where(lead, n, np.nan),
        np.where(lead, coefficients, np.nan),
        units[:, None] | ~lead,
        np.array([float(design.times.size)]),
    )


def _not_alone(first: UntreatedFit) -> BoolArray:
    """Leave out untreated cells that are the only one of their fixed effect or week, again and again, shape (R, T)."""
    own = first.system.row_of
    rows: BoolArray = np.asarray(first.system.mask > 0)
    while True:
        together = np.asarray(np.bincount(own, rows.sum(axis=1))[own] > 1)
        kept: BoolArray = rows & together[:, None] & np.asarray(first.size @ rows > 1)
        if np.array_equal(kept, rows):
            return rows
        rows = kept


def _counted_effects(design: EventDesign, first: UntreatedFit, rows: BoolArray) -> int:
    """Count fixed effects that no cluster holds whole: none by region, and none of groups inside clusters."""
    if design.effect_group is None or first.panel is not None:
        return 0
    codes = design.clustering.first
    cluster = np.arange(len(rows)) if codes is None else codes
    taking = np.asarray(rows.any(axis=1))
    pairs = np.unique(np.column_stack([first.system.row_of[taking], cluster[taking]]), axis=0)
    effects = np.unique(pairs[:, 0]).size
    return 0 if effects == len(pairs) else effects


@dataclass(frozen=True)
class _Leads:
    horizons: FloatArray
    estimates: FloatArray
    influence: FloatArray
    reasons: dict[int, str]
    rank: int


def _lead_test(design: EventDesign, first: UntreatedFit, options: Imputation) -> _Leads:
    horizon = lead_horizon(design, first)
    mask = (first.system.mask > 0) & np.isfinite(horizon)
    every = np.unique(horizon[mask])
    window = design.events.window
    most = options.leads if options.leads is not None else (window[0] if window else np.inf)
    shown = every[every >= -most]
    leads = shown[1:] if shown.size == every.size else shown
    if not leads.size:
        return _Leads(np.zeros(0), np.zeros(0), np.zeros((first.cohorts.of_unit.size, 0)), {}, 0)
    dummies = (horizon[:, :, None] == leads[None, None, :]).astype(float) * mask[:, :, None]
    columns = np.concatenate([dummies, first.covariates], axis=2)
    fit = masked_regression(first.system, first.outcome, columns)
    fitted = np.where(first.system.mask > 0, fit.fitted, 0.0)
    slope = fit.slope[:, :, : leads.size]
    rows = unit_rows(first, slope, fitted, np.zeros((len(fitted), leads.size)))
    estimates = fit.coefficients[: leads.size]
    lost = np.isnan(estimates)
    rows[:, lost] = 0.0
    reasons = {int(h): "lead is collinear with the effects" for h in leads[lost]}
    return _Leads(leads, estimates, rows, reasons, fit.rank)
