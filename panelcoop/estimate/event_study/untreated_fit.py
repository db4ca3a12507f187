"""The shared first stage of imputation and two-stage estimators: what regions would have done without the event."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from panelcoop.errors import IdentificationError
from panelcoop.estimate.event_study.cells import EventFit
from panelcoop.estimate.event_study.design import Cohorts, EventDesign, keep_units
from panelcoop.estimate.event_study.support import count_support
from panelcoop.numerics.event_study.cohort_cells import CohortMap, CohortPanel, cohort_panel, influence_rows
from panelcoop.numerics.event_study.imputation import Imputed, carried_over, impute
from panelcoop.numerics.event_study.two_way_cells import CellSystem, cell_system, cells_estimable
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = [
    "FITTED_LEAD",
    "UntreatedFit",
    "counted_rows",
    "covariate_notes",
    "fitted_exactly",
    "lead_counts",
    "lead_horizon",
    "lead_sample",
    "missing_reason",
    "unit_rows",
    "untreated_fit",
    "with_untreated_weeks",
]

FITTED_LEAD = "region and week effects, or covariates, fit this lead exactly: its residuals are zero whatever happened"

SPANNED = 1e-9
"""Largest residual of a 0/1 dummy that effects span exactly; rounding leaves about 1e-14."""


@dataclass(frozen=True)
class UntreatedFit:
    """First stage on untreated cells; a row is a cohort (balanced, no covariates) or a region.

    Attributes
    ----------
    panel
        Cohort means, or None where rows are regions.
    system
        Row and period effects on untreated cells.
    outcome
        Shape (R, T); zero where not observed.
    covariates
        Shape (R, T, P).
    fit
        Fitted untreated outcome and slopes.
    row_cohort
        Cohort of each row, shape (R,).
    cohorts
        Starts by cohort and the cohort of each region.
    usable
        Observed cells whose untreated outcome is identified (by effects and slopes), shape (R, T).
    observed
        Observed cells, shape (R, T).
    size
        Regions behind each row, shape (R,).
    """

    panel: CohortPanel | None
    system: CellSystem
    outcome: FloatArray
    covariates: FloatArray
    fit: Imputed
    row_cohort: IntArray
    cohorts: Cohorts
    usable: BoolArray
    observed: BoolArray
    size: FloatArray

    @property
    def starts(self) -> FloatArray:
        """First treated period by cohort, shape (C,)."""
        return self.cohorts.starts

    def cell_counts(self, cells: BoolArray) -> FloatArray:
        """Sum the weight of observations by cohort and period over marked cells, shape (C, T)."""
        return self._by_cohort(cells, self.system.weight)

    def cell_sizes(self, cells: BoolArray) -> FloatArray:
        """Count regions by cohort and period among marked cells, shape (C, T)."""
        return self._by_cohort(cells, self.size)

    def _by_cohort(self, cells: BoolArray, weight: FloatArray) -> FloatArray:
        counts = np.zeros((self.starts.size, cells.shape[1]))
        np.add.at(counts, self.row_cohort, cells * weight[:, None])
        return counts

    def cell_means(self, values: FloatArray, cells: BoolArray) -> FloatArray:
        """Average values by cohort and period over marked cells, shape (C, T); NaN where none."""
        total = np.zeros((self.starts.size, cells.shape[1]))
        np.add.at(total, self.row_cohort, np.where(cells, values, 0.0) * self.system.weight[:, None])
        with np.errstate(invalid="ignore", divide="ignore"):
            out: FloatArray = total / self.cell_counts(cells)
        return out


def with_untreated_weeks(design: EventDesign) -> EventDesign:
    """Leave out regions treated from the first week on, and those whose effect no untreated observation shows."""
    first_week = design.times[0] + design.anticipation
    design = keep_units(design, design.starts > first_week, "treated from the first week on")
    seen = np.asarray(_untreated(design).any(axis=1))
    if design.effect_group is not None:
        group = _effect_rows(design.effect_group)
        seen = np.asarray(np.bincount(group, seen)[group] > 0)
    return keep_units(design, seen, "without an untreated observation") if seen.any() else design


def _untreated(design: EventDesign) -> BoolArray:
    return np.asarray(design.observed & (design.times[None, :] < design.starts[:, None] - design.anticipation))


def untreated_fit(design: EventDesign, *, by_region: bool = False) -> UntreatedFit:
    """Fit region and week effects (and covariates) to the cells that no event has touched yet.

    Parameters
    ----------
    design
        The panel as arrays.
    by_region
        Keep a row per region even where cohort means would do.

    Raises
    ------
    IdentificationError
        If no cell is untreated.
    """
    cohorts = design.cohorts
    starts, unit_cohort = cohorts.starts, cohorts.of_unit
    means = design.simple and design.weights is None and not by_region
    panel = cohort_panel(design.outcome, unit_cohort, starts, design.times) if means else None
    if panel is not None:
        outcome, weight, row_cohort, size = panel.means, panel.counts, np.arange(starts.size), panel.counts
        observed = np.ones(outcome.shape, dtype=bool)
        covariates = np.zeros((*outcome.shape, 0))
    else:
        observed = design.observed
        outcome = np.where(observed, design.outcome, 0.0)
        weight, row_cohort, covariates = design.unit_weights, unit_cohort, design.covariates
        size = np.ones(len(outcome))
    untreated = observed & (design.times[None, :] < starts[row_cohort][:, None] - design.anticipation)
    if not untreated.any():
        msg = "No region-week is untreated, so nothing shows what would have happened without the event."
        raise IdentificationError(msg)
    own = None if design.effect_group is None else _effect_rows(design.effect_group)
    system = cell_system(weight, untreated, own)
    fit = impute(system, outcome, np.zeros((*outcome.shape, 0)), covariates)
    usable = observed & cells_estimable(system) & fit.spanned
    return UntreatedFit(panel, system, outcome, covariates, fit, row_cohort, cohorts, usable, observed, size)


def counted_rows(first: UntreatedFit, fit: EventFit) -> EventFit:
    """Count treated rows apart that no untreated observation can be compared with."""
    lost = int(first.cell_sizes(first.observed & ~cells_estimable(first.system)).sum())
    if not lost:
        return fit
    return replace(fit, nobs=fit.nobs - lost, dropped={**fit.dropped, "week without an untreated observation": lost})


def fitted_exactly(system: CellSystem, label: FloatArray, leads: FloatArray, covariates: FloatArray) -> BoolArray:
    """Say which leads have dummies that effects and covariates span, so that their mean residual is always zero.

    Parameters
    ----------
    label
        Lead under which each cell is shown, NaN for none, shape (R, T).
    leads
        Shape (K,).
    covariates
        Shape (R, T, P).
    """
    if not leads.size:
        return np.zeros(0, dtype=bool)
    mask = system.mask[:, :, None] > 0
    dummies = ((label[:, :, None] == leads) & mask).astype(float)
    left = np.where(mask, dummies - carried_over(system, dummies, covariates), 0.0)
    return np.asarray(np.abs(left).max(axis=(0, 1)) < SPANNED)


def lead_sample(design: EventDesign, first: UntreatedFit) -> UntreatedFit:
    """Leave untreated cells with too few controls in their week out of the regression on leads, if asked for.

    Horizons whose cells all have too few keep them: the support rule then shows them as missing.
    """
    if not design.support.require:
        return first
    untreated = first.system.mask > 0
    size = first.cell_sizes(untreated)
    few = (size.sum(axis=0) - size < design.support.min_controls)[first.row_cohort]
    horizon = lead_horizon(design, first)
    enough = np.unique(horizon[untreated & ~few])
    out = untreated & few & np.isin(horizon, enough)
    if not out.any():
        return first
    return replace(first, system=cell_system(first.system.weight, untreated & ~out, first.system.row_of))


def lead_horizon(design: EventDesign, first: UntreatedFit) -> FloatArray:
    """Give the horizon of every row and week of studied events, NaN for others, shape (R, T)."""
    starts = first.starts[first.row_cohort][:, None]
    own = np.isfinite(starts) & design.cohorts.studied[first.row_cohort][:, None]
    return np.where(own, design.times[None, :] - starts, np.nan)


def lead_counts(design: EventDesign, sample: UntreatedFit, leads: FloatArray, horizons: FloatArray) -> FloatArray:
    """Count the support of leads estimated on some untreated cells; zero at other horizons, shape (K, 3)."""
    label = np.where(sample.system.mask > 0, lead_horizon(design, sample), np.nan)
    by_region = label if sample.panel is None else label[sample.cohorts.of_unit]
    counts = count_support(by_region, design.starts, _untreated(design), horizons)
    return np.where(np.isin(horizons, leads)[:, None], counts, 0.0)


def covariate_notes(design: EventDesign, first: UntreatedFit) -> tuple[str, ...]:
    """Say which covariates the untreated cells do not identify, and what that costs."""
    lost = [name for p, name in enumerate(design.covariate_names) if p not in first.fit.kept]
    beyond = int((first.observed & ~first.fit.spanned).sum())
    names = ", ".join(f"'{name}'" for name in lost)
    told = (f"{names} left out: absorbed by the region effects, the other effects or earlier covariates",)
    cost = f"{beyond} region-weeks left out: their {names} lies outside what untreated region-weeks show"
    return (*(told if lost else ()), *((cost,) if beyond else ()))


def missing_reason(first: UntreatedFit, cohort: int, period: int) -> str:
    """Say why a cohort has no imputed effect in a week."""
    own = first.row_cohort == cohort
    if (first.observed & ~first.fit.spanned)[own, period].any():
        return "a covariate lies outside what untreated region-weeks show"
    return "the week or the region has no untreated observation"


def unit_rows(first: UntreatedFit, slope: FloatArray, fitted: FloatArray, constant: FloatArray) -> FloatArray:
    """Sum slope times (outcome - fitted) over weeks, less a constant, for every region, times its weight.

    Parameters
    ----------
    slope
        Weight of one region's outcome, shape (R, T, K).
    fitted
        Shape (R, T).
    constant
        Shape (R, K).

    Returns
    -------
    Shape (N, K).
    """
    if first.panel is None:
        gap = np.where(first.observed, first.outcome - fitted, 0.0)
        rows = np.matmul(gap[:, None, :], slope)[:, 0, :] - constant
        return np.asarray(rows * first.system.weight[:, None])
    shift = np.matmul(fitted[:, None, :], slope)[:, 0, :] + constant
    return influence_rows(first.panel, CohortMap(slope, shift))


def _effect_rows(group: IntArray) -> IntArray:
    return np.unique(group, return_inverse=True)[1]
