"""Group-time effects cell by cell: covariates, or rows that are not observed every week."""

from __future__ import annotations

from typing import Literal

import numpy as np

from panelcoop.estimate.event_study.cells import CellEstimates, DenseInfluence
from panelcoop.estimate.event_study.design import EventDesign
from panelcoop.numerics.event_study.did_cells import CellPlan
from panelcoop.numerics.event_study.did_cross_section import did_cross_section
from panelcoop.numerics.event_study.did_nuisance import TwoByTwo
from panelcoop.numerics.event_study.did_panel import did_panel
from panelcoop.options import BoolArray, FloatArray

__all__ = ["covariate_cells"]


def covariate_cells(design: EventDesign, plan: CellPlan, method: Literal["dr", "reg", "ipw"]) -> CellEstimates:
    """Estimate every cell on its own rows.

    Notes
    -----
    Balanced panels use changes and the covariates of the earlier of the two weeks; others use every row observed in
    either week as repeated cross-sections, and the influence of a region is the sum over its rows.
    """
    cohorts = design.cohorts
    starts, cohort = cohorts.starts, cohorts.of_unit
    balanced = design.balanced
    pick = _panel_cell if balanced else _cross_section_cell
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
    counts = np.bincount(cohort, minlength=starts.size).astype(float)
    return CellEstimates(
        cohort=plan.cohort,
        period=plan.period,
        starts=starts,
        times=design.times,
        effect=np.array([f.effect for f in found]),
        reason=tuple(f.reason for f in found),
        mass=counts[plan.cohort],
        n_treated=counts[plan.cohort],
        n_control=plan.controls @ counts,
        reference=plan.reference,
        unit_cohort=cohort,
        cohort_split=cohorts.split,
        influence=DenseInfluence(rows, cohort),
        estimated_shares=True,
    )


def _design_matrix(values: FloatArray) -> FloatArray:
    return np.column_stack([np.ones(len(values)), values])


def _panel_cell(
    design: EventDesign,
    weeks: tuple[int, int],
    groups: tuple[BoolArray, BoolArray],
    method: Literal["dr", "reg", "ipw"],
) -> tuple[TwoByTwo, FloatArray]:
    treated, control = groups
    base, period = weeks
    row = np.zeros(treated.size)
    if not control.any():
        return TwoByTwo(np.nan, row, "no control region that is still untreated"), row
    use = treated | control
    change = design.outcome[use, period] - design.outcome[use, base]
    found = did_panel(change, treated[use], _design_matrix(design.covariates[use, min(weeks)]), method)
    row[use] = found.influence
    return found, row


def _cross_section_cell(
    design: EventDesign,
    weeks: tuple[int, int],
    groups: tuple[BoolArray, BoolArray],
    method: Literal["dr", "reg", "ipw"],
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
    found = did_cross_section(design.outcome[unit, week], after, treated[unit], X, method)
    np.add.at(row, unit, found.influence)
    return found, row
