"""From cells to horizons: average, keep the reasons for what is missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from panelcoop.checks import name_few
from panelcoop.errors import IdentificationError
from panelcoop.estimate.event_study.cells import (
    CellEstimates,
    EventFit,
    group_influence,
    pick_cells,
    shown_horizons,
)
from panelcoop.estimate.event_study.design import EventDesign
from panelcoop.numerics.event_study.clustering import SmallSample, no_factor
from panelcoop.options import BoolArray, FloatArray

__all__ = ["fit_from_cells", "horizon_averages", "supported"]


def horizon_averages(
    design: EventDesign, cells: CellEstimates
) -> tuple[FloatArray, FloatArray, FloatArray, dict[int, str]]:
    """Average cells by horizon inside the window.

    Returns
    -------
    Horizons (K,), estimates (K,) with NaN where no cell is estimable, influence (N, K), and reasons.
    """
    label, keep = shown_horizons(cells, design.events.window, design.events.ends)
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
    small: SmallSample | None = None,
    t_tails: bool = False,
) -> EventFit:
    """Turn group-time effects into a fit by horizon."""
    cells = _with_controls(design, _studied(design, cells))
    horizons, estimates, influence, reasons = horizon_averages(design, cells)
    if design.support.require:
        lost = _with_few_cohorts(design, cells, horizons)
        estimates, influence = np.where(lost, np.nan, estimates), np.where(lost, 0.0, influence)
        reasons |= {int(h): f"fewer than {design.support.min_cohorts} cohorts" for h in horizons[lost]}
    label, keep = shown_horizons(cells, design.events.window, design.events.ends)
    fixed = np.unique(label[cells.reference & keep])
    reference = [int(h) for h in fixed if _only_reference(cells, keep & (label == h))]
    factor = small or no_factor(*design.outcome.shape)
    return EventFit(
        horizons=horizons,
        estimates=estimates,
        influence=influence,
        reference=tuple(reference),
        base_period=base_period,
        cells=cells,
        small=factor,
        cells_small=factor,
        t_tails=t_tails,
        nobs=int(design.observed.sum()),
        convention=convention,
        notes=_cell_notes(design, cells),
        reasons=reasons,
    )


def supported(design: EventDesign, fit: EventFit) -> EventFit:
    """Show thin horizons that do not come from cells as NaN, if the support rule asks for it.

    Raises
    ------
    IdentificationError
        If no horizon is left of a fit without cells.
    """
    rule = design.support
    if not rule.require or fit.counts is None:
        return fit
    shown = ~np.isin(fit.horizons, fit.reference) & ~np.isnan(fit.estimates)
    counted = shown if fit.cells is None else shown & (fit.counts[:, 0] > 0)
    thin = counted & rule.thin(fit.counts[:, 0], fit.counts[:, 2])
    why = {int(h): rule.reason(*fit.counts[k, [0, 2]]) for k, h in enumerate(fit.horizons) if thin[k]}
    if fit.cells is None and shown.any() and thin.sum() == shown.sum():
        msg = f"The support rule leaves no horizon: {next(iter(why.values()))}. Ask for less support, or mark it only."
        raise IdentificationError(msg)
    estimates, rows = np.where(thin, np.nan, fit.estimates), np.where(thin, 0.0, fit.influence)
    return replace(fit, estimates=estimates, influence=rows, reasons={**fit.reasons, **why})


def _cell_notes(design: EventDesign, cells: CellEstimates) -> tuple[str, ...]:
    """Count what is not estimable and name cohorts of one region."""
    lost = ~cells.estimated
    told = (f"{int(lost.sum())} of {lost.size} group-time cells are not estimable; see cells",) if lost.any() else ()
    size = np.bincount(cells.unit_cohort, minlength=cells.starts.size)
    alone = cells.starts[(size == 1) & np.isfinite(cells.starts)]
    if not alone.size:
        return told
    names = name_few([design.scale.name(start) for start in alone], 3)
    return (*told, f"cohorts of one region, whose own spread is not seen: {names}")


def _studied(design: EventDesign, cells: CellEstimates) -> CellEstimates:
    """Leave out cohorts whose event is not studied: they are no controls after it either."""
    if design.studied is None:
        return cells
    studied = design.cohorts.studied[cells.cohort]
    if not studied.any():
        msg = "No studied event has an effect inside the panel; focus leaves none."
        raise IdentificationError(msg)
    return pick_cells(cells, studied)


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
    label, keep = shown_horizons(cells, design.events.window, design.events.ends)
    use = keep & cells.estimated
    count = np.array([np.unique(cells.starts[cells.cohort[use & (label == h)]]).size for h in horizons])
    reference = np.array([_only_reference(cells, keep & (label == h)) for h in horizons])
    out: BoolArray = (count < design.support.min_cohorts) & ~reference
    return out


def _only_reference(cells: CellEstimates, own: BoolArray) -> bool:
    return bool(cells.reference[own].all())
