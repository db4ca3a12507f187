"""The two-stage estimator of Gardner (2022) with its two-step variance, as in R did2s."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from panelcoop.estimate.event_study.cells import CellEstimates, EventFit
from panelcoop.estimate.event_study.design import EventDesign, keep_units
from panelcoop.estimate.event_study.horizons import fit_from_cells
from panelcoop.estimate.event_study.imputation import imputed_cells
from panelcoop.estimate.event_study.untreated_fit import (
    UntreatedFit,
    covariate_notes,
    missing_reason,
    unit_rows,
    untreated_fit,
)
from panelcoop.numerics.event_study.imputation import impute
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
    """

    leads: bool = True
    effects: str | None = None


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
        spread[self.cohort, self.period] = weights / np.maximum(self.counts[self.cohort, self.period], 1.0)[:, None]
        per_unit = spread[first.row_cohort] * self.taking_part[:, :, None]
        per_row = per_unit * first.system.weight[:, None, None]
        slope = impute(first.system, first.outcome, per_row, first.covariates).slope
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
    """
    design = keep_units(design, design.starts > design.times[0] + design.anticipation, "treated from the first week on")
    first = untreated_fit(design)
    cells = _second_stage_cells(design, first, options)
    note = ("leads are mean first-stage residuals: no reference week is fixed at zero",) if options.leads else ()
    fit = fit_from_cells(
        design,
        cells,
        base_period="universal",
        convention=f"two-step influence, clusters: {design.cluster_name}, normal",
    )
    return design, replace(fit, notes=(*fit.notes, *note, *covariate_notes(design, first)))


def _second_stage_cells(design: EventDesign, first: UntreatedFit, options: TwoStage) -> CellEstimates:
    base = imputed_cells(design, first, leave_out=False)
    taking = first.usable & np.isfinite(first.starts[first.row_cohort])[:, None]
    if not options.leads:
        taking &= design.times[None, :] >= first.starts[first.row_cohort][:, None] - design.anticipation
    counts = first.cell_counts(taking)
    means = first.cell_means(first.outcome - first.fit.untreated, taking)
    anywhere = first.cell_counts(first.observed & np.isfinite(first.starts[first.row_cohort])[:, None])
    if not options.leads:
        anywhere *= design.times[None, :] >= first.starts[:, None] - design.anticipation
    cohort, period = np.nonzero(anywhere)
    effect = means[cohort, period]
    untreated = first.cell_counts(first.system.mask > 0)
    return replace(
        base,
        cohort=cohort,
        period=period,
        effect=effect,
        reason=tuple(
            "" if np.isfinite(e) else missing_reason(first, int(c), int(t))
            for e, c, t in zip(effect, cohort, period, strict=True)
        ),
        mass=np.maximum(counts[cohort, period], 1e-300),
        n_treated=counts[cohort, period],
        n_control=untreated.sum(axis=0)[period],
        reference=np.zeros(cohort.size, dtype=bool),
        influence=_SecondStage(first, cohort, period, counts, taking, effect),
    )
