"""The interaction-weighted estimator of Sun and Abraham (2021), with the conventions of R fixest's `sunab`."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from panelcoop.errors import IdentificationError
from panelcoop.estimate.event_study.callaway_santanna import mean_cells
from panelcoop.estimate.event_study.cells import CellEstimates, EventFit, absorbed_notes
from panelcoop.estimate.event_study.design import EventDesign, keep_units, keep_weeks
from panelcoop.estimate.event_study.horizons import fit_from_cells
from panelcoop.numerics.event_study.did_cells import CellPlan, plan_cells
from panelcoop.numerics.event_study.saturated import CellContrast, Saturated, saturated_combine, saturated_fit
from panelcoop.options import FloatArray, IntArray

__all__ = ["SunAbraham", "clustered_factor", "sun_abraham_fit"]


@dataclass(frozen=True)
class SunAbraham:
    """Options of the Sun-Abraham estimator.

    Attributes
    ----------
    small_sample
        Whether covariances carry fixest's factor G/(G-1) (n-1)/(n-K), region effects not counted in K.
    """

    small_sample: bool = True


@dataclass(frozen=True)
class _SaturatedCells:
    fit: Saturated
    cells: CellContrast
    unit_cohort: IntArray

    def combine(self, weights: FloatArray, constant: FloatArray | None = None) -> FloatArray:
        out = saturated_combine(self.fit, self.cells, weights)
        return out if constant is None else out + constant[self.unit_cohort]


def sun_abraham_fit(design: EventDesign, options: SunAbraham) -> tuple[EventDesign, EventFit]:
    """Regress on cohort-by-horizon dummies and average by the observations in each.

    Notes
    -----
    Every cohort is compared with never-treated regions (without any, with the last cohort, up to the week before
    it enters) relative to its last week before the event and its anticipation. Weights are taken as fixed, as fixest
    does. Rows may be missing: the regression is solved exactly cohort by cohort.
    """
    design = _prepared(design)
    plan = plan_cells(
        design.cohorts.starts, design.times, control="never", base_period="universal", anticipation=design.anticipation
    )
    extra: dict[str, tuple[float, FloatArray]] = {}
    if design.simple:
        cells = replace(mean_cells(design, plan), estimated_shares=False)
    else:
        cells, extra = _saturated_cells(design, plan)
    slopes = int(np.isfinite([value for value, _ in extra.values()]).sum())
    n_coefficients = int((cells.estimated & ~cells.reference).sum()) + slopes
    factor, df = clustered_factor(design, n_coefficients, small_sample=options.small_sample)
    fit = fit_from_cells(
        design,
        cells,
        base_period="universal",
        convention=f"CRV1 by {design.cluster_name}, t({df:g}), shares taken as fixed",
        factor=factor,
        df=df,
    )
    return design, replace(fit, extra=extra, notes=(*fit.notes, *absorbed_notes(extra)))


def clustered_factor(design: EventDesign, n_coefficients: int, *, small_sample: bool) -> tuple[float, float]:
    """Give fixest's factor G/(G-1) (n-1)/(n-K) and the degrees of freedom G - 1.

    Notes
    -----
    K counts the coefficients and the week effects; region effects are nested in the cluster.
    """
    G = design.starts.size if design.cluster is None else int(np.unique(design.cluster).size)
    n = int(design.observed.sum())
    K = n_coefficients + design.times.size
    factor = G / (G - 1) * (n - 1) / (n - K) if small_sample else 1.0
    return factor, float(G - 1)


def _saturated_cells(design: EventDesign, plan: CellPlan) -> tuple[CellEstimates, dict[str, tuple[float, FloatArray]]]:
    cohorts = design.cohorts
    starts, cohort = cohorts.starts, cohorts.of_unit
    contrast = CellContrast(plan.cohort, plan.period, plan.base)
    fit = saturated_fit(design.outcome, design.observed, cohort, design.covariates, contrast)
    counts = np.array([design.observed[cohort == c].sum(axis=0) for c in range(starts.size)], dtype=float)
    seen = counts[plan.cohort, plan.period]
    effect = np.where((seen == 0) & ~plan.reference, np.nan, fit.effect)
    cells = CellEstimates(
        cohort=plan.cohort,
        period=plan.period,
        starts=starts,
        times=design.times,
        effect=effect,
        reason=tuple("no observation links this cell to its reference" if np.isnan(e) else "" for e in effect),
        mass=np.maximum(seen, 1e-300),
        n_treated=seen,
        n_control=counts[-1, plan.period],
        reference=plan.reference,
        unit_cohort=cohort,
        cohort_split=cohorts.split,
        influence=_SaturatedCells(fit, contrast, cohort),
        estimated_shares=False,
    )
    extra = {name: (float(fit.beta[p]), fit.score[:, p]) for p, name in enumerate(design.covariate_names)}
    return cells, extra


def _prepared(design: EventDesign) -> EventDesign:
    a = design.anticipation
    design = keep_units(design, design.starts > design.times[0] + a, "treated from the first week on")
    if not np.isinf(design.starts).any():
        last = design.starts.max()
        design = keep_weeks(design, design.times < last - a, "weeks after the last cohort enters, no control left")
        design = replace(design, starts=np.where(design.starts == last, np.inf, design.starts))
    if not np.isfinite(design.starts).any():
        msg = "No region is treated inside the panel while others are not."
        raise IdentificationError(msg)
    return design
