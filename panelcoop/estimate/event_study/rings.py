"""Spillover rings (Butts 2021): direct effects and effects on neighbours, both against regions far from any event."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.cells import EventFit, clip_horizons
from panelcoop.estimate.event_study.design import EventDesign
from panelcoop.numerics.event_study.imputation import impute
from panelcoop.numerics.event_study.two_way_cells import CellSystem, cell_system, cells_estimable
from panelcoop.options import BoolArray, FloatArray

__all__ = ["Rings", "rings_fit"]


@dataclass(frozen=True)
class Rings:
    """Options of the spillover design.

    Attributes
    ----------
    neighbours
        Who borders whom, shape (N, N), rows and columns in the sorted order of regions: positive entries are
        neighbours (for example ``panel.weights["contiguity"].matrix``).
    depth
        Number of rings: 1 counts neighbours, 2 also their neighbours, and so on.
    show
        0 for the effect on the region of the event, r for the effect on ring r.
    """

    neighbours: FloatArray
    depth: int = 1
    show: int = 0

    def __post_init__(self) -> None:
        """Refuse a matrix that is not square and rings that do not exist."""
        shape = np.asarray(self.neighbours).shape
        if len(shape) != 2 or shape[0] != shape[1]:
            msg = f"neighbours must be a square matrix of regions; its shape is {shape}."
            raise DataError(msg)
        if self.depth < 1 or not 0 <= self.show <= self.depth:
            msg = f"depth must be at least 1 and show between 0 and depth; got depth={self.depth}, show={self.show}."
            raise DataError(msg)


def rings_fit(design: EventDesign, options: Rings) -> tuple[EventDesign, EventFit]:
    """Fit region and week effects where neither an event nor a ring has reached, then average what is left.

    Raises
    ------
    DataError
        If the matrix does not fit the panel's regions.
    IdentificationError
        If every region-week is reached by some event.

    Notes
    -----
    A region is in ring r from the first event at graph distance r on; its own event counts before rings, a nearer
    ring before a farther one. Horizons of ring r count from the week its ring is first reached. Region-weeks in
    another ring than the one shown are left out of its averages, never used as controls. Variance: two-step influence
    as in ``TwoStage``.
    """
    distance = _graph_distance(np.asarray(options.neighbours) > 0, options.depth, design)
    reach = np.stack([_first_reach(design.starts, distance == r) for r in range(options.depth + 1)], axis=1)
    exposed = design.times[None, :, None] >= reach[:, None, :] - design.anticipation
    state = np.where(exposed.any(axis=2), exposed.argmax(axis=2), -1)
    seen = design.observed
    untouched = seen & (state < 0)
    if not untouched.any():
        msg = "Every region-week is within reach of an event: no far region shows the counterfactual. Reduce depth."
        raise IdentificationError(msg)
    system = cell_system(np.ones(len(seen)), untouched)
    horizon = design.times[None, :] - reach[:, options.show][:, None]
    own = seen & cells_estimable(system) & np.isfinite(horizon) & ((state == options.show) | (state < 0))
    return design, _second_stage(design, system, horizon, own, options)


def _second_stage(
    design: EventDesign, system: CellSystem, horizon: FloatArray, own: BoolArray, options: Rings
) -> EventFit:
    label, inside = clip_horizons(np.where(own, horizon, 0.0), design.events.window, design.events.ends)
    own = own & inside
    horizons = np.unique(label[own])
    hot = (label[:, :, None] == horizons) & own[:, :, None]
    weights = hot / hot.sum(axis=(0, 1))
    outcome = np.where(design.observed, np.nan_to_num(design.outcome), 0.0)
    fit = impute(system, outcome, weights, design.covariates)
    gap = np.where(design.observed, outcome - fit.untreated, 0.0)
    rows = np.matmul(gap[:, None, :], fit.slope)[:, 0, :] - weights.sum(axis=1) * np.nan_to_num(fit.estimates)
    what = "the region of the event" if options.show == 0 else f"ring {options.show}"
    return EventFit(
        horizons=horizons,
        estimates=fit.estimates,
        influence=rows,
        reference=(),
        base_period="universal",
        cells=None,
        factor=1.0,
        df=np.inf,
        nobs=int(design.observed.sum()),
        convention=f"effect on {what}, two-step influence, clusters: {design.cluster_name}, normal",
        reasons={
            int(h): "a covariate lies outside what untreated region-weeks show"
            for h in horizons[np.isnan(fit.estimates)]
        },
        notes=("leads are mean first-stage residuals: no reference week is fixed at zero",),
    )


def _graph_distance(adjacent: BoolArray, depth: int, design: EventDesign) -> FloatArray:
    n = design.starts.size
    if adjacent.shape[0] != n:
        msg = f"neighbours has {adjacent.shape[0]} regions, the panel has {n}; order them as the panel does."
        raise DataError(msg)
    linked = adjacent | adjacent.T
    distance = np.where(np.eye(n, dtype=bool), 0.0, np.inf)
    reached = np.eye(n, dtype=bool)
    for step in range(1, depth + 1):
        reached = reached | (reached.astype(float) @ linked > 0)
        distance[reached & np.isinf(distance)] = step
    return distance


def _first_reach(starts: FloatArray, at_distance: BoolArray) -> FloatArray:
    out: FloatArray = np.where(at_distance, starts[None, :], np.inf).min(axis=1)
    return out
