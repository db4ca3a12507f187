"""From an estimator's answer to a labelled event study, with the covariance its clusters ask for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from panelcoop.checks import name_few
from panelcoop.errors import IdentificationError
from panelcoop.estimate.event_study.cells import CellEstimates, EventFit, Scores, shown_horizons
from panelcoop.estimate.event_study.design import EventDesign
from panelcoop.estimate.event_study.result import EventStudy
from panelcoop.numerics.event_study.clustering import (
    Clustering,
    SmallSample,
    judged_covariance,
    rounding_variance,
)
from panelcoop.options import FloatArray

__all__ = ["event_study_result", "with_clustering"]

NOT_POOLED = ("lp-did", "dose", "stacked")
"""Estimators that show the window as it is, whatever its ends should be."""

UNJUDGED = "no variation left to judge the error by"


def horizon_covariance(
    clustering: Clustering, fit: EventFit | EventStudy, horizons: FloatArray, rounding: float
) -> FloatArray:
    """Give the covariance of horizons with its factor; NaN where nothing is left to judge the error by."""
    small, influence, scores = fit.small, fit.influence, fit.scores
    root = np.sqrt(small.factor(clustering))
    if clustering.kind == "one-way":
        cov = np.outer(root, root) * clustering.covariance(influence)
    else:
        by_week = scores() * root if clustering.kind == "week" and scores is not None else None
        cov = clustering.covariance(influence * root, by_week)
    fixed = np.isin(horizons, fit.reference)
    return judged_covariance(cov, small.groups_by_coefficient(clustering), rounding, fixed)


def event_study_result(
    design: EventDesign, fit: EventFit, estimator: str, trend: Callable[[], FloatArray] | None
) -> EventStudy:
    """Label a fit.

    Raises
    ------
    IdentificationError
        If nothing but the reference is estimated, or weeks are clusters of an estimator without influence by week.
    """
    _fail_if_nothing_estimated(fit)
    index = pd.Index([int(h) for h in fit.horizons], name="horizon")
    clustering = design.clustering if fit.dyads is None else Clustering("dyadic", *fit.dyads, name="member")
    fail_if_no_week_scores(clustering, fit.scores, fit.no_scores, estimator)
    rounding = rounding_variance(design.outcome) if fit.linear else 0.0
    cov = horizon_covariance(clustering, fit, fit.horizons, rounding)
    df = degrees_of_freedom(fit.small, clustering, t_tails=fit.t_tails)
    shown, pooled = _shown(design, fit)
    told = (*_notes(design, fit, estimator, pooled), *_unjudged(fit.horizons, fit.estimates, cov))
    return EventStudy(
        params=pd.Series(fit.estimates, index=index, name="estimate"),
        cov=pd.DataFrame(cov, index=index, columns=index),
        df=df,
        convention=worded(fit.convention, clustering, df),
        **_account(design, fit, told),
        estimator=estimator,
        reference=fit.reference,
        base_period=fit.base_period,
        anticipation=design.anticipation,
        influence=fit.influence,
        regions=design.regions,
        clustering=clustering,
        small=fit.small,
        cells_small=fit.cells_small,
        wording=fit.convention,
        t_tails=fit.t_tails,
        cells=fit.cells,
        **_labels(design, fit),
        reasons=fit.reasons,
        shown=shown,
        pooled=pooled,
        rule=design.support,
        slopes=fit.extra,
        scores=fit.scores,
        no_scores=fit.no_scores,
        counts=fit.counts,
        parts=fit.parts,
        rounding=rounding,
        trend=trend if fit.linear else None,
    )


def with_clustering(study: EventStudy, clustering: Clustering) -> EventStudy:
    """Return the study with the covariance, factor, degrees of freedom and words of other clusters."""
    fail_if_no_week_scores(clustering, study.scores, study.no_scores, study.estimator)
    cov = horizon_covariance(clustering, study, study.horizons, study.rounding)
    df = degrees_of_freedom(study.small, clustering, t_tails=study.t_tails)
    frame = pd.DataFrame(cov, index=study.params.index, columns=study.params.index)
    kept = tuple(note for note in study.notes if not note.startswith(UNJUDGED))
    notes = (*kept, *_unjudged(study.horizons, study.params.to_numpy(), cov))
    words = worded(study.wording, clustering, df)
    return replace(study, clustering=clustering, cov=frame, df=df, convention=words, notes=notes)


def degrees_of_freedom(small: SmallSample, clustering: Clustering, *, t_tails: bool) -> float:
    """Give groups less one for t tails, infinity for normal ones."""
    return float(small.groups(clustering) - 1) if t_tails else np.inf


def worded(wording: str, clustering: Clustering, df: float) -> str:
    """Write a convention out for given clusters."""
    return wording.replace("{cluster}", clustering.name).replace("{df}", f"{df:g}")


def fail_if_no_week_scores(clustering: Clustering, scores: Scores | None, why: str, estimator: str) -> None:
    """Refuse clusters of weeks where an estimator has no influence by week."""
    if clustering.kind == "week" and scores is None:
        msg = f"'{estimator}' cannot cluster by week: {why}. Cluster by groups of regions, or use 'lp-did' or 'twfe'."
        raise IdentificationError(msg)


def _fail_if_nothing_estimated(fit: EventFit) -> None:
    if (~np.isnan(fit.estimates) & ~np.isin(fit.horizons, fit.reference)).any():
        return
    of_cells = () if fit.cells is None else fit.cells.reason
    by_horizon = [fit.reasons[h] for h in sorted(fit.reasons, key=lambda h: (h < 0, h))]
    why = next(filter(None, (*by_horizon, *of_cells)), "no event has a week inside the panel")
    msg = f"Nothing can be compared: no horizon is estimable ({why})."
    raise IdentificationError(msg)


def _unjudged(horizons: FloatArray, estimates: FloatArray, cov: FloatArray) -> tuple[str, ...]:
    """Say which estimates have no error."""
    lost = ~np.isnan(estimates) & np.isnan(np.diag(cov))
    return (f"{UNJUDGED}: horizons {name_few(horizons[lost].astype(int))}",) if lost.any() else ()


def _not_pooled(design: EventDesign, fit: EventFit) -> tuple[str, ...]:
    """Say that horizons beyond the window are left out although the events ask for pooled ends."""
    beyond = (design.horizons < fit.horizons[0]) | (design.horizons > fit.horizons[-1])
    asked = design.events.window is not None and design.events.ends == "binned"
    if not asked or not (beyond & design.observed & np.isfinite(design.starts)[:, None]).any():
        return ()
    return ("ends of the window are not pooled by this estimator: horizons beyond them are left out",)


def _account(design: EventDesign, fit: EventFit, told: tuple[str, ...]) -> dict[str, Any]:
    """Say what was used, what was left out and what a reader should know."""
    return {
        "nobs": fit.nobs,
        "outcome": design.outcome_name,
        "effects": "region, week",
        "n_regions": len(design.regions),
        "n_weeks": len(design.weeks),
        "dropped": {**design.dropped, **fit.dropped},
        "notes": (*design.notes, *fit.notes, *told),
    }


def _labels(design: EventDesign, fit: EventFit) -> dict[str, Any]:
    """Name cohorts, weeks and stages."""
    starts = fit.cells.starts if fit.cells is not None else design.cohorts.starts
    return {
        "cohort_labels": tuple(design.label(start) for start in starts),
        "week_labels": design.weeks,
        "stage_labels": design.split_labels,
        "split_by": design.split_by,
    }


def _shown(design: EventDesign, fit: EventFit) -> tuple[FloatArray, tuple[int, ...]]:
    """Give the horizon in which each cell is shown, and the ends of the window that pool others."""
    if fit.cells is None:
        return np.zeros(0), fit.pooled
    label, keep = shown_horizons(fit.cells, design.events.window, design.events.ends)
    shown = np.where(keep, label, np.nan)
    return shown, _pooled_ends(fit.cells, shown)


def _pooled_ends(cells: CellEstimates, shown: FloatArray) -> tuple[int, ...]:
    """List the horizons in which cells of other horizons are shown."""
    beyond = (shown != cells.horizon) & ~np.isnan(shown) & cells.estimated
    return tuple(sorted({int(h) for h in shown[beyond]}))


def _notes(design: EventDesign, fit: EventFit, estimator: str, pooled: tuple[int, ...]) -> tuple[str, ...]:
    how = (
        "horizons shared with others of one bin"
        if design.events.window is None
        else ("horizons beyond the window are pooled into its ends")
    )
    told: tuple[str, ...] = (f"{how}: {name_few(pooled)}",) if pooled else ()
    told += _not_pooled(design, fit) if estimator in NOT_POOLED else ()
    if int(np.isfinite(design.starts).sum()) != 1:
        return told
    return (*told, "one treated region: clustered errors say little, see randomise_dates")
