"""From cells to horizons: average, keep the reasons for what is missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from panelcoop.estimate.event_study.cells import CellEstimates, EventFit, clip_horizons, group_influence
from panelcoop.estimate.event_study.design import EventDesign
from panelcoop.options import BoolArray, FloatArray

__all__ = ["fit_from_cells", "horizon_averages"]


def horizon_averages(
    design: EventDesign, cells: CellEstimates
) -> tuple[FloatArray, FloatArray, FloatArray, dict[int, str]]:
    """Average cells by horizon inside the window.

    Returns
    -------
    Horizons (K,), estimates (K,) with NaN where no cell is estimable, influence (N, K), and reasons.
    """
    label, keep = clip_horizons(cells.horizon, design.events.window, design.events.ends)
    grouping, averages, rows = group_influence(cells, label, keep)
    horizons = np.unique(label[keep])
    if horizons.size == grouping.labels.size:
        return horizons, averages, rows, {}
    place = np.searchsorted(horizons, grouping.labels)
    estimates = np.full(horizons.size, np.nan)
    estimates[place] = averages
    influence = np.zeros((rows.shape[0], horizons.size))
    influence[:, place] = rows
    reasons = {int(h): _reason(cells, label == h) for h in horizons[np.isnan(estimates)]}
    return horizons, estimates, influence, reasons


def _reason(cells: CellEstimates, own: FloatArray) -> str:
    return next((cells.reason[i] for i in np.flatnonzero(own) if cells.reason[i]), "no estimable cell")


def fit_from_cells(
    design: EventDesign,
    cells: CellEstimates,
    *,
    base_period: str,
    convention: str,
    factor: float = 1.0,
    df: float = np.inf,
) -> EventFit:
    """Turn group-time effects into a fit by horizon."""
    cells = _with_controls(design, cells)
    horizons, estimates, influence, reasons = horizon_averages(design, cells)
    if design.support.require:
        lost = _with_few_cohorts(design, cells, horizons)
        estimates, influence = np.where(lost, np.nan, estimates), np.where(lost, 0.0, influence)
        reasons |= {int(h): f"fewer than {design.support.min_cohorts} cohorts" for h in horizons[lost]}
    label, _ = clip_horizons(cells.horizon, design.events.window, design.events.ends)
    reference = sorted({int(h) for h in label[cells.reference] if _only_reference(cells, label, h)})
    lost = ~cells.estimated
    notes = (f"{int(lost.sum())} of {lost.size} group-time cells are not estimable; see cells",) if lost.any() else ()
    return EventFit(
        horizons=horizons,
        estimates=estimates,
        influence=influence,
        reference=tuple(reference),
        base_period=base_period,
        cells=cells,
        factor=factor,
        df=df,
        nobs=int(design.observed.sum()),
        convention=convention,
        notes=notes,
        reasons=reasons,
    )


def _with_controls(design: EventDesign, cells: CellEstimates) -> CellEstimates:
    """Leave out comparisons with too few controls, if asked for."""
    rule = design.support
    few = (cells.n_control < rule.min_controls) & cells.estimated & ~cells.reference
    if not rule.require or not few.any():
        return cells
    why = f"fewer than {rule.min_controls} clean controls"
    reason = tuple(why if gone else old for gone, old in zip(few, cells.reason, strict=True))
    return replace(cells, effect=np.where(few, np.nan, cells.effect), reason=reason)


def _with_few_cohorts(design: EventDesign, cells: CellEstimates, horizons: FloatArray) -> BoolArray:
    label, keep = clip_horizons(cells.horizon, design.events.window, design.events.ends)
    use = keep & cells.estimated
    count = np.array([np.unique(cells.starts[cells.cohort[use & (label == h)]]).size for h in horizons])
    reference = np.array([_only_reference(cells, label, h) for h in horizons])
    out: BoolArray = (count < design.support.min_cohorts) & ~reference
    return out


def _only_reference(cells: CellEstimates, label: FloatArray, horizon: float) -> bool:
    return bool(cells.reference[label == horizon].all())
