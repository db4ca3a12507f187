"""Spillover rings (Butts 2021): direct effects and effects on neighbours, both against regions far from any event."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from panelcoop.checks import name_few
from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.cells import EventFit, clip_horizons
from panelcoop.estimate.event_study.design import EventDesign
from panelcoop.estimate.event_study.horizons import supported
from panelcoop.estimate.event_study.support import count_support
from panelcoop.estimate.event_study.untreated_fit import FITTED_LEAD, fitted_exactly
from panelcoop.numerics.event_study.clustering import no_factor
from panelcoop.numerics.event_study.imputation import Imputed, impute
from panelcoop.numerics.event_study.two_way_cells import cell_system, cells_estimable
from panelcoop.options import BoolArray, FloatArray
from panelcoop.panel.record import SpatialWeights

__all__ = ["Rings", "rings_fit"]

UNKNOWN = "region or week without an untouched observation"


@dataclass(frozen=True)
class Rings:
    """Options of the spillover design.

    Attributes
    ----------
    neighbours
        Who borders whom: spatial weights (``panel.weights["contiguity"]``), a frame labelled by region on both axes, or
        a matrix of shape (N, N) in the sorted order of regions. Positive entries are neighbours. Labels are matched to
        the panel's; regions beyond the panel are left out.
    depth
        Number of rings: 1 counts neighbours, 2 also their neighbours, and so on.
    show
        0 for the effect on the region of the event, r for the effect on ring r.
    """

    neighbours: SpatialWeights | pd.DataFrame | FloatArray
    depth: int = 1
    show: int = 0

    def __post_init__(self) -> None:
        """Refuse a matrix that is not square and rings that do not exist."""
        if not isinstance(self.neighbours, SpatialWeights):
            shape = np.asarray(self.neighbours).shape
            if len(shape) != 2 or shape[0] != shape[1]:
                msg = f"neighbours must be a square matrix of regions; its shape is {shape}."
                raise DataError(msg)
        if self.depth < 1 or not 0 <= self.show <= self.depth:
            msg = f"depth must be at least 1 and show between 0 and depth; got depth={self.depth}, show={self.show}."
            raise DataError(msg)

    def labelled(self, regions: pd.Index) -> pd.DataFrame:
        """Return neighbours as a frame of truth with the labels of some regions on both axes.

        Raises
        ------
        DataError
            If a region has no row or column, or an unlabelled matrix has another size.
        """
        given = self.neighbours
        frame = given.frame() if isinstance(given, SpatialWeights) else given
        if not isinstance(frame, pd.DataFrame):
            if len(frame) != len(regions):
                msg = f"neighbours has {len(frame)} regions, the panel has {len(regions)}; give it with labels."
                raise DataError(msg)
            frame = pd.DataFrame(np.asarray(frame), index=regions, columns=regions)
        missing = [r for r in regions if r not in frame.index or r not in frame.columns]
        if missing:
            msg = f"neighbours has no row and column for {name_few(missing)}; add them, zero for regions on their own."
            raise DataError(msg)
        return frame.loc[regions, regions] > 0


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
    as in ``TwoStage``, with the influence of the m regions behind a horizon times m / (m - 1), and t with the clusters
    reached less one degrees of freedom: few regions are reached, and the mean that contains a region hides part of its
    error.
    """
    distance = _graph_distance(options.labelled(design.regions).to_numpy(), options.depth)
    near = [distance == r for r in range(options.depth + 1)]
    reach = np.stack([_first_reach(design.starts, at) for at in near], axis=1)
    exposed = design.times[None, :, None] >= reach[:, None, :] - design.anticipation
    state = np.where(exposed.any(axis=2), exposed.argmax(axis=2), -1)
    seen = design.observed
    untouched = seen & (state < 0)
    if not untouched.any():
        msg = "Every region-week is within reach of an event: no far region shows the counterfactual. Reduce depth."
        raise IdentificationError(msg)
    first = reach[:, options.show]
    if design.studied is not None:
        studied = _first_reach(np.where(design.studied, design.starts, np.inf), near[options.show])
        first = np.where(studied == first, first, np.inf)
    horizon = design.times[None, :] - first[:, None]
    mine = seen & np.isfinite(horizon)
    own = mine & ((state == options.show) | (state < 0))
    return design, supported(design, _second_stage(design, untouched, (horizon, own, mine & ~own), options))


def _second_stage(
    design: EventDesign, untouched: BoolArray, place: tuple[FloatArray, BoolArray, BoolArray], options: Rings
) -> EventFit:
    horizon, own, elsewhere = place
    system = cell_system(np.ones(len(own)), untouched)
    known = own & cells_estimable(system)
    label, inside = clip_horizons(np.where(own, horizon, np.nan), design.events.window, design.events.ends)
    use = known & inside
    horizons = np.unique(label[own & inside])
    leads = horizons[horizons < -design.anticipation]
    fitted = leads[fitted_exactly(system, np.where(use, label, np.nan), leads, design.covariates)]
    hot = (label[:, :, None] == horizons) & use[:, :, None] & ~np.isin(horizons, fitted)
    size = hot.sum(axis=(0, 1))
    outcome = np.where(design.observed, np.nan_to_num(design.outcome), 0.0)
    weights = hot / np.maximum(size, 1)
    fit = impute(system, outcome, weights, design.covariates)
    fit = replace(fit, estimates=np.where(size > 0, fit.estimates, np.nan))
    reached = replace(no_factor(*own.shape), units=np.asarray(use.any(axis=1))[:, None])
    scores = partial(_scores, design, fit, weights)
    what = "the region of the event" if options.show == 0 else f"ring {options.show}"
    starts = np.where(np.isfinite(horizon[:, 0]), design.times[0] - horizon[:, 0], np.inf)
    return EventFit(
        horizons=horizons,
        estimates=fit.estimates,
        influence=scores().sum(axis=1),
        reference=(),
        base_period="universal",
        cells=None,
        small=reached,
        cells_small=reached,
        t_tails=True,
        nobs=int(design.observed.sum()),
        convention=f"effect on {what}, two-step influence, leave-one-out, {{cluster}} reached, t({{df}})",
        reasons=_reasons(horizons[np.isnan(fit.estimates)], horizons[size > 0], fitted),
        notes=("leads are mean first-stage residuals: no reference week is fixed at zero", *_absorbed(design, fit)),
        dropped=_dropped(elsewhere, own & ~known, known & ~inside),
        scores=scores,
        counts=count_support(np.where(use, label, np.nan), starts, untouched, horizons),
        pooled=tuple(int(h) for h in np.unique(label[use & (label != horizon)])),
    )


def _reasons(lost: FloatArray, known: FloatArray, fitted: FloatArray) -> dict[int, str]:
    """Say why horizons are missing: leads fitted exactly, a covariate of known cells, or nothing to compare with."""
    beyond = "a covariate lies outside what untreated region-weeks show"
    return {int(h): FITTED_LEAD if h in fitted else beyond if h in known else UNKNOWN for h in lost}


def _scores(design: EventDesign, fit: Imputed, weights: FloatArray) -> FloatArray:
    """Give the influence of every region and week, shape (N, T, K); those of the ring times m / (m - 1)."""
    gap = np.where(design.observed, np.nan_to_num(design.outcome) - fit.untreated, 0.0)
    mine = np.asarray((weights > 0).any(axis=1))
    regions = mine.sum(axis=0)
    alone = np.where(regions > 1, regions / np.maximum(regions - 1.0, 1.0), 1.0)
    out = gap[:, :, None] * fit.slope - weights * np.nan_to_num(fit.estimates)
    return np.where(mine[:, None, :], out * alone, out)


def _absorbed(design: EventDesign, fit: Imputed) -> tuple[str, ...]:
    lost = [f"'{name}'" for p, name in enumerate(design.covariate_names) if p not in fit.kept]
    return (f"{', '.join(lost)} left out: absorbed by the effects or earlier covariates",) if lost else ()


def _dropped(elsewhere: BoolArray, unknown: BoolArray, outside: BoolArray) -> dict[str, int]:
    """Count region-weeks of the ring shown that take no part in its averages."""
    counted = {
        "reached by the event of another ring": int(elsewhere.sum()),
        UNKNOWN: int(unknown.sum()),
        "outside the window, whose ends are dropped": int(outside.sum()),
    }
    return {why: rows for why, rows in counted.items() if rows}


def _graph_distance(adjacent: BoolArray, depth: int) -> FloatArray:
    n = len(adjacent)
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
