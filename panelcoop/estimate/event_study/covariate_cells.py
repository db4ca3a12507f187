"""Group-time effects cell by cell: covariates, or rows that are not observed every week."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from panelcoop.estimate.event_study.cells import CellEstimates, DenseInfluence
from panelcoop.estimate.event_study.design import EventDesign
from panelcoop.numerics.event_study.did_cells import CellPlan
from panelcoop.numerics.event_study.did_cross_section import Errors, did_cross_section
from panelcoop.numerics.event_study.did_nuisance import Method, TwoByTwo
from panelcoop.numerics.event_study.did_panel import did_panel
from panelcoop.numerics.event_study.independent import column_size, independent_bread
from panelcoop.options import BoolArray, FloatArray

__all__ = ["covariate_cells", "without_absorbed"]


def without_absorbed(design: EventDesign) -> tuple[EventDesign, tuple[str, ...]]:
    """Leave out covariates that no week shows beyond a constant and earlier ones; say which."""
    stands = np.zeros(design.covariates.shape[2], dtype=bool)
    for t in range(design.times.size):
        if stands.all():
            return design, ()
        x = design.covariates[design.observed[:, t], t]
        size = column_size(x[:, None, :], np.ones((len(x), 1)))
        centred = x - x.mean(axis=0) if len(x) else x
        stands[independent_bread(centred.T @ centred, size)[1]] = True
    if stands.all():
        return design, ()
    names = np.array(design.covariate_names, dtype=object)
    lost = ", ".join(f"'{name}'" for name in names[~stands])
    kept = replace(design, covariates=design.covariates[:, :, stands], covariate_names=tuple(names[stands]))
    return kept, (f"{lost} left out: absorbed by the effects or earlier covariates",)


def covariate_cells(
    design: EventDesign, plan: CellPlan, method: Method, *, errors: Errors = "delta-method"
) -> CellEstimates:
    """Estimate every cell on its own rows.

    Notes
    -----
    Balanced panels use changes and the covariates of the earlier of the two weeks; others use every row observed in
    either week as repeated cross-sections, and the influence of a region is the sum over its rows; support counts the
    rows of the week with fewer.
    """
    cohorts = design.cohorts
    starts, cohort = cohorts.starts, cohorts.of_unit
    balanced = design.balanced
    pick = _panel_cell if balanced else partial(_cross_section_cell, errors=errors)
    found = []
    rows = np.zeros((design.starts.size, plan.cohort.size))
    for m in range(plan.cohort.size):
        treated = cohort == plan.cohort[m]
        control = plan.controls[m][cohort]
        if plan.reference[m]:
            found.append(TwoByTwo(0.0, np.zeros(0)))
            continue
        answer = pick(design, (int(plan.base[m]), int(plan.period[m])), (treated, control), method)
        found.append(answer[0])
        rows[:, m] = answer[1]
    mass = np.bincount(cohort, design.unit_weights, minlength=starts.size).astype(float)
    seen = np.array([design.observed[cohort == c].sum(axis=0) for c in range(starts.size)], dtype=float)
    n_treated = np.minimum(seen[plan.cohort, plan.period], seen[plan.cohort, plan.base])
    n_control = np.minimum(*((plan.controls * seen[:, week].T).sum(axis=1) for week in (plan.period, plan.base)))
    return CellEstimates(
        cohort=plan.cohort,
        period=plan.period,
        starts=starts,
        times=design.times,
        effect=np.array([f.effect for f in found]),
        reason=tuple(f.reason for f in found),
        mass=mass[plan.cohort],
        n_treated=n_treated,
        n_control=n_control,
        reference=plan.reference,
        unit_cohort=cohort,
        cohort_split=cohorts.split,
        influence=DenseInfluence(rows, cohort, design.weights),
        estimated_shares=True,
        mass_is_units=True,
    )


def _design_matrix(values: FloatArray) -> FloatArray:
    return np.column_stack([np.ones(len(values)), values])


def _panel_cell(
    design: EventDesign,
    weeks: tuple[int, int],
    groups: tuple[BoolArray, BoolArray],
    method: Method,
) -> tuple[TwoByTwo, FloatArray]:
    treated, control = groups
    base, period = weeks
    row = np.zeros(treated.size)
    if not control.any():
        return TwoByTwo(np.nan, row, "no control region that is still untreated"), row
    use = treated | control
    change = design.outcome[use, period] - design.outcome[use, base]
    weight = design.unit_weights[use]
    found = did_panel(change, treated[use], _design_matrix(design.covariates[use, min(weeks)]), method, weight)
    row[use] = found.influence
    return found, row


def _cross_section_cell(
    design: EventDesign,
    weeks: tuple[int, int],
    groups: tuple[BoolArray, BoolArray],
    method: Method,
    *,
    errors: Errors,
) -> tuple[TwoByTwo, FloatArray]:
    treated, control = groups
    use = np.flatnonzero(treated | control)
    unit, after = np.repeat(use, 2), np.tile([False, True], use.size)
    week = np.where(after, weeks[1], weeks[0])
    seen = design.observed[unit, week]
    unit, after, week = unit[seen], after[seen], week[seen]
    row = np.zeros(treated.size)
    if not unit.size:
        return TwoByTwo(np.nan, row, "no region observed in either week"), row
    X = _design_matrix(design.covariates[unit, week])
    weight = design.unit_weights[unit]
    found = did_cross_section(design.outcome[unit, week], (after, treated[unit]), X, method, weight, errors=errors)
    np.add.at(row, unit, found.influence)
    return found, row
