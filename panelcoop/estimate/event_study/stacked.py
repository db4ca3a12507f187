"""The stacked estimator with corrective weights of Wing, Freedman and Hollingsworth (2024)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.cells import EventFit
from panelcoop.estimate.event_study.design import EventDesign
from panelcoop.options import FloatArray, IntArray

__all__ = ["Stacked", "stacked_fit"]


@dataclass(frozen=True)
class Stacked:
    """Options of the stacked estimator.

    Attributes
    ----------
    leads, lags
        The window of every sub-experiment, for example 3 and 2; None takes the window of the events.
    """

    leads: int | None = None
    lags: int | None = None


@dataclass(frozen=True)
class _SubExperiment:
    start: float
    treated: IntArray
    controls: IntArray
    changes: FloatArray  # all units, (N, E), relative to the reference week


def stacked_fit(design: EventDesign, options: Stacked) -> tuple[EventDesign, EventFit]:
    """Stack one clean experiment per event week and compare weighted means.

    Raises
    ------
    DataError
        If covariates are given (the published estimator has none) or no window is set.
    IdentificationError
        If no event week has its whole window inside the panel and a clean control.

    Notes
    -----
    An event week takes part if the whole window is inside the panel; its controls are regions not treated before the
    window (and anticipation) ends. Treated rows weigh 1, controls (N_a^D / N^D) / (N_a^C / N^C), so every horizon
    averages the same cohorts in proportion to their treated regions. Errors are those of the weighted regression on
    horizon dummies, treatment and their product, clustered by region over all stacks, with G/(G-1) (n-1)/(n-K).
    """
    if design.covariates.shape[2]:
        msg = "The stacked estimator has no covariates; use 'callaway-santanna', 'imputation' or 'lp-did'."
        raise DataError(msg)
    leads, lags = _window(design, options)
    reference = -1 - design.anticipation
    horizons = np.arange(-leads, lags + 1)
    stacks, notes = _stacks(design, horizons, reference)
    n_treated = sum(s.treated.size for s in stacks)
    mean1, mean0 = np.zeros(horizons.size), np.zeros(horizons.size)
    for s in stacks:
        share = s.treated.size / n_treated
        mean1 += share * s.changes[s.treated].mean(axis=0)
        mean0 += share * s.changes[s.controls].mean(axis=0)
    rows = np.zeros((design.starts.size, horizons.size))
    for s in stacks:
        rows[s.treated] += (s.changes[s.treated] - mean1) / n_treated
        rows[s.controls] -= (s.changes[s.controls] - mean0) * (s.treated.size / n_treated / s.controls.size)
    used = np.unique(np.concatenate([np.concatenate([s.treated, s.controls]) for s in stacks]))
    G = used.size if design.cluster is None else np.unique(design.cluster[used]).size
    n = sum((s.treated.size + s.controls.size) * horizons.size for s in stacks)
    factor = G / (G - 1) * (n - 1) / (n - 2 * horizons.size)
    return design, EventFit(
        horizons=horizons.astype(float),
        estimates=mean1 - mean0,
        influence=rows,
        reference=(int(reference),),
        base_period="universal",
        cells=None,
        factor=factor,
        df=float(G - 1),
        nobs=n,
        convention=f"CRV1 by {design.cluster_name} over {len(stacks)} stacks, t({G - 1})",
        notes=notes,
    )


def _window(design: EventDesign, options: Stacked) -> tuple[int, int]:
    window = design.events.window or (None, None)
    leads = options.leads if options.leads is not None else window[0]
    lags = options.lags if options.lags is not None else window[1]
    if leads is None or lags is None:
        msg = "The stacked estimator needs a window: Stacked(leads=3, lags=2) or events.with_options(window=(3, 2))."
        raise DataError(msg)
    if leads < 1 + design.anticipation:
        msg = f"leads must reach the reference week {-1 - design.anticipation}; got {leads}."
        raise DataError(msg)
    return leads, lags


def _stacks(design: EventDesign, horizons: IntArray, reference: int) -> tuple[list[_SubExperiment], tuple[str, ...]]:
    place = {time: t for t, time in enumerate(design.times)}
    found, lost = [], []
    for start in np.unique(design.starts[np.isfinite(design.starts)]):
        weeks = start + horizons
        if not all(w in place for w in weeks):
            lost.append(f"{design.label(start)}: window not inside the panel")
            continue
        columns = np.array([place[w] for w in weeks])
        levels = design.outcome[:, columns]
        changes = levels - design.outcome[:, [place[start + reference]]]
        complete = np.asarray(~np.isnan(changes).any(axis=1))
        treated = np.flatnonzero((design.starts == start) & complete)
        controls = np.flatnonzero((design.starts > weeks[-1] + design.anticipation) & complete)
        if not treated.size or not controls.size:
            lost.append(f"{design.label(start)}: no {'clean control' if treated.size else 'complete treated region'}")
            continue
        found.append(_SubExperiment(float(start), treated, controls, changes))
    if not found:
        msg = f"No event week can be stacked ({'; '.join(lost) or 'no events'}). Shorten the window."
        raise IdentificationError(msg)
    notes = (f"event weeks left out: {'; '.join(lost)}",) if lost else ()
    return found, notes
