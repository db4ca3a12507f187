"""Group-time effects of Callaway and Sant'Anna from cohort means: no covariates, balanced panel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from panelcoop.numerics.event_study.cohort_cells import CohortMap, CohortPanel
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["CellPlan", "cell_effects", "cell_map", "plan_cells"]


@dataclass(frozen=True)
class CellPlan:
    """Which comparison each group-time effect rests on.

    Attributes
    ----------
    cohort, period, base
        Cohort, period and base-period index of each of the M cells, shape (M,).
    controls
        Whether a cohort serves as control of a cell, shape (M, C).
    reference
        Cells that are zero by construction (the universal base period), shape (M,).
    """

    cohort: IntArray
    period: IntArray
    base: IntArray
    controls: BoolArray
    reference: BoolArray


def plan_cells(
    starts: FloatArray,
    times: FloatArray,
    *,
    control: Literal["never", "not-yet"],
    base_period: Literal["universal", "varying"],
    anticipation: float = 0,
) -> CellPlan:
    """List the group-time cells with their base periods and control cohorts.

    Parameters
    ----------
    starts
        First treated period per cohort, ascending, infinity for never treated, shape (C,).
    times
        Periods, ascending, shape (T,).
    control, base_period, anticipation
        As in the R package did. Periods from ``start - anticipation`` on are compared with the last period
        before that; earlier ones with the preceding period ("varying") or with the same base ("universal").
        A not-yet-treated control starts later than the later of the two periods plus the anticipation.
    """
    parts = [_base_periods(g, times, base_period, anticipation) for g in starts]
    cohort = np.repeat(np.arange(starts.size), [p[0].size for p in parts])
    period, base = (np.concatenate(column).astype(np.int64) for column in zip(*parts, strict=True))
    if control == "never":
        controls = np.broadcast_to(np.isinf(starts), (cohort.size, starts.size)).copy()
    else:
        last = times[np.maximum(period, base)] + anticipation
        controls = starts[None, :] > last[:, None]
        controls &= starts[None, :] != starts[cohort][:, None]
    return CellPlan(cohort, period, base, controls, period == base)


def _base_periods(g: float, times: FloatArray, base_period: str, anticipation: float) -> tuple[IntArray, IntArray]:
    """Give a cohort's periods and the base of each; none without a period before the event."""
    before = np.flatnonzero(times + anticipation < g)
    if before.size == 0 or np.isinf(g):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    if base_period == "universal":
        return np.arange(times.size), np.full(times.size, before[-1])
    period = np.arange(1, times.size)
    return period, np.where(times[1:] >= g - anticipation, before[-1], period - 1)


def cell_effects(panel: CohortPanel, plan: CellPlan) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Difference in differences of cohort means for every cell.

    Returns
    -------
    Effects, control units, and mean change of the controls, each shape (M,); NaN without a control.
    """
    weight = plan.controls * panel.counts
    n_control = weight.sum(axis=1)
    change = panel.means[:, plan.period] - panel.means[:, plan.base]
    with np.errstate(invalid="ignore", divide="ignore"):
        control = np.einsum("mc,cm->m", weight, change) / n_control
    effect = change[plan.cohort, np.arange(plan.cohort.size)] - control
    effect[plan.reference] = 0.0
    return effect, n_control, control


def cell_map(panel: CohortPanel, plan: CellPlan, weights: FloatArray) -> CohortMap:
    """Give the influence of units on K weighted sums of cells, as a cohort map.

    Parameters
    ----------
    panel, plan
        The panel and its cells.
    weights
        Shape (M, K); zero for cells without an estimate.

    Notes
    -----
    A treated unit of cell (g, t) contributes its change less its cohort's mean change over the cohort's size; a
    control unit its change less the mean change of all controls of that cell, over their number, with a minus.
    """
    C, T, K = panel.counts.size, panel.times.size, weights.shape[1]
    _, n_control, control = cell_effects(panel, plan)
    dead = plan.reference | (n_control == 0)
    cell, column = np.nonzero(weights)
    live = ~dead[cell]
    cell, column = cell[live], column[live]
    weight = weights[cell, column]
    own, period, base = plan.cohort[cell], plan.period[cell], plan.base[cell]
    treated, against = weight / panel.counts[own], weight / n_control[cell]
    slope, shift = np.zeros((C, T, K)), np.zeros((C, K))
    np.add.at(slope, (own, period, column), treated)
    np.add.at(slope, (own, base, column), -treated)
    np.add.at(shift, (own, column), treated * (panel.means[own, period] - panel.means[own, base]))
    pattern, member = _same_controls(plan.controls)
    net, gap = np.zeros((len(pattern), T, K)), np.zeros((len(pattern), K))
    group = member[cell]
    np.add.at(net, (group, period, column), against)
    np.add.at(net, (group, base, column), -against)
    np.add.at(gap, (group, column), against * control[cell])
    for cohorts, part in zip(pattern > 0, net, strict=True):
        slope[cohorts] -= part
    shift -= pattern.T @ gap
    return CohortMap(slope, shift)


def _same_controls(controls: BoolArray) -> tuple[FloatArray, IntArray]:
    """Find the distinct sets of control cohorts (0/1 rows) and each cell's set.

    Sets are read as binary numbers, exact up to 52 cohorts.
    """
    if controls.shape[1] <= 52:
        key = controls @ np.exp2(np.arange(controls.shape[1]))
        _, first, member = np.unique(key, return_index=True, return_inverse=True)
        return controls[first].astype(float), member
    rows, member = np.unique(controls, axis=0, return_inverse=True)
    return rows.astype(float), member.ravel()
