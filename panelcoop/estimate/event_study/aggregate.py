"""Summaries of group-time effects: overall, by horizon, cohort, calendar week, stage or dose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_not_one_of
from panelcoop.errors import IdentificationError
from panelcoop.estimate.event_study.cells import CellEstimates, group_influence
from panelcoop.estimate.event_study.result import EventStudy
from panelcoop.numerics.event_study.cell_aggregation import Grouping, weight_influence
from panelcoop.numerics.event_study.influence import cluster_sums, influence_covariance
from panelcoop.options import BoolArray, FloatArray
from panelcoop.results import Contrast, Estimate

__all__ = ["Aggregation", "EventAggregate", "aggregate_events"]

Aggregation: TypeAlias = Literal["overall", "horizon", "cohort", "calendar", "stage", "dose"]
"""By what effects are averaged."""


@dataclass(frozen=True, kw_only=True)
class EventAggregate(Estimate):
    """Averaged effects and their overall mean.

    Attributes
    ----------
    by
        The aggregation.
    influence
        Influence of regions on ``params``, shape (N, J).
    overall
        The mean over all treated cells ("overall", "stage"), over horizons >= 0, over cohorts by their size, or over
        weeks.
    """

    by: str
    influence: FloatArray
    overall: Contrast


@dataclass(frozen=True)
class _Averages:
    labels: list[object]
    values: FloatArray
    rows: FloatArray
    overall: float
    overall_row: FloatArray


def aggregate_events(study: EventStudy, by: Aggregation = "overall", *, level: float = 0.95) -> EventAggregate:
    """Average the effects of an event study.

    Parameters
    ----------
    study
        An event study with effects by cohort and week.
    by
        "overall": all treated cells by size. "horizon": by event time; overall = plain mean over horizons >= 0.
        "cohort": plain mean over a cohort's weeks; overall = by cohort size. "calendar": cohorts treated in a week by
        size; overall = plain mean over weeks. "stage": cells by the stage in which their event happened (the study
        needs ``stage=``); overall as in "overall". "dose": cells by the dose of their event (the events need
        ``with_dose_bins``).
    level
        Level of the interval of ``overall``.

    Returns
    -------
    EventAggregate

    Raises
    ------
    IdentificationError
        If the estimator has no group-time effects, none is estimable, or stages were not given.

    Notes
    -----
    Averages follow Callaway and Sant'Anna (2021, section 3) and R did's ``aggte``: with estimated cohort shares, the
    influence contains their sampling error; regression and imputation estimators take shares as fixed.

    Examples
    --------
    >>> from panelcoop.estimate.event_study.api import event_study
    >>> from panelcoop.estimate.event_study.teaching import staggered_example
    >>> panel, events = staggered_example()
    >>> study = event_study(panel, events, outcome="y", estimator="imputation")
    >>> {start: round(float(effect), 6) for start, effect in aggregate_events(study, "cohort").params.items()}
    {4: 2.0, 6: 1.5}
    """
    fail_if_not_one_of(by, ("overall", "horizon", "cohort", "calendar", "stage", "dose"), "by")
    cells = study.needed_cells()
    post = (cells.horizon >= 0) & cells.estimated & ~cells.reference
    if not post.any():
        msg = "No effect after the event is estimable, so there is nothing to average."
        raise IdentificationError(msg)
    found = _averages(study, cells, by, post)
    rows = np.column_stack([found.rows, found.overall_row])
    cov = study.factor * influence_covariance(cluster_sums(rows, study.clusters))
    index = pd.Index(found.labels, name=by)
    std_error = float(np.sqrt(cov[-1, -1]))
    return EventAggregate(
        params=pd.Series(found.values, index=index, name="estimate"),
        cov=pd.DataFrame(cov[:-1, :-1], index=index, columns=index),
        df=study.df,
        nobs=study.nobs,
        outcome=study.outcome,
        convention=study.convention,
        effects=study.effects,
        n_regions=study.n_regions,
        n_weeks=study.n_weeks,
        dropped=study.dropped,
        notes=study.notes,
        by=by,
        influence=found.rows,
        overall=_contrast(study, found.overall, std_error, level),
    )


def _averages(study: EventStudy, cells: CellEstimates, by: Aggregation, post: BoolArray) -> _Averages:
    _, total, total_rows = group_influence(cells, np.zeros(cells.effect.size), post)
    if by == "overall":
        return _Averages(["overall"], total, total_rows, float(total[0]), total_rows[:, 0])
    if by == "horizon":
        index = study.params.index
        here = study.params.notna().to_numpy() & (index >= 0)
        mean = here / here.sum()
        values = study.params.to_numpy()
        overall = float(np.nan_to_num(values) @ mean)
        return _Averages(list(index), values, study.influence, overall, study.influence @ mean)
    if by == "cohort":
        return _by_cohort(study, cells, post)
    if by == "calendar":
        grouping, values, rows = group_influence(cells, cells.period.astype(float), post)
        labels = [study.week_labels[int(t)] for t in grouping.labels]
        return _Averages(labels, values, rows, float(values.mean()), rows.mean(axis=1))
    code = cells.cohort_split[cells.cohort]
    if study.split_by != by:
        how = "event_study(..., stage='column')" if by == "stage" else "events.with_dose_bins(edges)"
        msg = f"Effects by {by} need the {by} of each event: use {how}."
        raise IdentificationError(msg)
    grouping, values, rows = group_influence(cells, code.astype(float), post & (code >= 0))
    labels = [study.stage_labels[int(c)] for c in grouping.labels]
    return _Averages(labels, values, rows, float(total[0]), total_rows[:, 0])


def _by_cohort(study: EventStudy, cells: CellEstimates, post: BoolArray) -> _Averages:
    """Average a cohort's weeks plainly, then cohorts by size."""
    present, member = np.unique(cells.cohort[post], return_inverse=True)
    plain = np.zeros((cells.effect.size, present.size))
    plain[np.flatnonzero(post), member] = 1.0
    if cells.estimated_shares:
        size = np.bincount(cells.unit_cohort, minlength=cells.starts.size)[present].astype(float)
        plain /= plain.sum(axis=0)
    else:
        heavy = plain * cells.mass[:, None]
        size = heavy.sum(axis=0)
        plain = heavy / size
    values = np.nan_to_num(cells.effect) @ plain
    rows = cells.influence.combine(plain)
    share = size / size.sum()
    overall_row = rows @ share
    if cells.estimated_shares:
        grouping = Grouping(
            np.zeros(1), share[:, None], np.ones((present.size, 1), dtype=bool), size.sum(keepdims=True)
        )
        overall_row = overall_row + weight_influence(grouping, values, present, cells.starts.size)[cells.unit_cohort, 0]
    labels = [study.cohort_labels[c] for c in present]
    return _Averages(labels, values, rows, float(values @ share), overall_row)


def _contrast(study: EventStudy, estimate: float, std_error: float, level: float) -> Contrast:
    single = Estimate(
        params=pd.Series([estimate], index=["overall"]),
        cov=pd.DataFrame([[std_error**2]], index=["overall"], columns=["overall"]),
        df=study.df,
        nobs=study.nobs,
        outcome=study.outcome,
        convention=study.convention,
    )
    return single.contrast({"overall": 1.0}, name="overall", level=level)
