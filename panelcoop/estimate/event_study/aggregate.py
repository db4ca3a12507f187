"""Summaries of event studies: overall, by horizon, cohort, calendar week, stage or dose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_not_one_of
from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.averages import Averages, average_by, balanced_cohorts, horizon_cells
from panelcoop.estimate.event_study.bands import BandDraws, simultaneous_band
from panelcoop.estimate.event_study.cells import CellEstimates, with_estimated_shares
from panelcoop.estimate.event_study.result import EventStudy, one_way
from panelcoop.numerics.event_study.clustering import Clustering, judged_covariance
from panelcoop.numerics.event_study.influence import cluster_sums
from panelcoop.options import BoolArray, FloatArray
from panelcoop.results import Contrast, Estimate

__all__ = ["Aggregation", "EventAggregate", "aggregate_events", "mean_effect"]

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
        Influence of regions on ``params`` with the small-sample factor in it, shape (N, J).
    clustering
        Groups of regions whose errors may move together.
    band_df
        Degrees of freedom of bands.
    overall
        The mean over all treated cells ("overall", "stage", "dose"), over horizons >= 0, over cohorts by their size,
        or over weeks.
    reasons
        Why an average is NaN.
    study
        The event study whose effects are averaged.
    reference
        Horizons fixed at zero.
    options
        Arguments of ``aggregate_events``.
    """

    by: Aggregation
    influence: FloatArray
    clustering: Clustering
    band_df: float
    overall: Contrast
    reasons: dict[object, str]
    study: EventStudy
    reference: tuple[int, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def estimator(self) -> str:
        """Name of the estimator."""
        return self.study.estimator

    @property
    def base_period(self) -> str:
        """Whether horizons compare with one reference ("universal") or leads with the week before ("varying")."""
        return self.study.base_period

    @property
    def pooled(self) -> tuple[int, ...]:
        """Ends of the window that also average the horizons beyond them; none where averages are not by horizon."""
        return self.study.pooled if self.by == "horizon" else ()

    @property
    def estimated(self) -> pd.Index:
        """Averages with an estimate and an error: neither reference nor missing."""
        here = self.params.notna().to_numpy() & np.isfinite(np.diag(self.cov.to_numpy()))
        return self.params.index[here & ~(self.params.index.isin(self.reference) & (self.by == "horizon"))]

    def of(self, study: EventStudy) -> EventAggregate:
        """Average the effects of another study, for example with other clusters, in the same way."""
        return aggregate_events(study, self.by, **self.options)

    def bands(
        self,
        level: float = 0.95,
        *,
        method: Literal["plug-in", "multiplier"] = "plug-in",
        draws: int = 9999,
        seed: int = 0,
    ) -> pd.DataFrame:
        """Put pointwise intervals and a simultaneous (sup-t) band around the averages, as ``EventStudy.bands``."""
        how = BandDraws(method, draws, seed)
        sums = cluster_sums(self.influence, one_way(self.clustering)) if how.signs else None
        return simultaneous_band(self.params, self.cov, self.band_df, sums, level=level, how=how)


@dataclass(frozen=True)
class _Chosen:
    """Which effects are averaged, as the arguments of ``aggregate_events`` say."""

    window: tuple[int, int] | None
    balance: int | None
    shares: Literal["fixed", "estimated"] | None

    @property
    def as_shown(self) -> bool:
        return self.balance is None and self.shares is None

    def inside(self, horizon: FloatArray) -> BoolArray:
        low, high = (-np.inf, np.inf) if self.window is None else self.window
        return np.asarray((horizon >= low) & (horizon <= high))


def aggregate_events(
    study: EventStudy,
    by: Aggregation = "overall",
    *,
    level: float = 0.95,
    window: tuple[int, int] | None = None,
    balance: int | None = None,
    shares: Literal["fixed", "estimated"] | None = None,
    missing: Literal["left-out", "refused"] = "left-out",
) -> EventAggregate:
    """Average the effects of an event study over what its window shows.

    Parameters
    ----------
    study
        An event study.
    by
        "overall": all treated cells by size; plain mean over horizons >= 0 where there are no cells. "horizon": by
        event time; overall = plain mean over horizons >= 0. "cohort": plain mean over a cohort's weeks; overall = by
        cohort size. "calendar": cohorts treated in a week by size; overall = plain mean over weeks. "stage": by the
        stage in which the event happened (the study needs ``stage=``); overall as in "overall". "dose": cells by the
        dose of their event (the events need ``with_dose_bins``).
    level
        Level of the interval of ``overall``.
    window
        First and last horizon that take part, for example (-4, 6); R did's ``min_e`` and ``max_e``.
    balance
        Only cohorts that have an effect at every horizon from 0 to this one, by "horizon" only; R did's ``balance_e``.
        Leads that are not differences of cohort cells (imputation's) are then left out.
    shares
        Whether cohort shares count as estimated or as fixed; None keeps the estimator's own rule. Stata's csdid, for
        one, holds them fixed in the overall mean of "cohort" and estimates them elsewhere.
    missing
        Cohorts and weeks that are not estimable are left out of averages (``na.rm = TRUE`` in R did), or refused.

    Returns
    -------
    EventAggregate

    Raises
    ------
    IdentificationError
        If an aggregation needs group-time effects and the estimator has none, none is estimable or chosen, some are not
        and ``missing`` refuses that, or stages were not given.
    DataError
        If ``balance`` is asked for by something else than horizons.

    Notes
    -----
    Averages follow Callaway and Sant'Anna (2021, section 3) and R did's ``aggte``: with estimated cohort shares, the
    influence contains their sampling error; regression and imputation estimators take shares as fixed. Horizons that a
    window with dropped ends does not show take no part. Where the events of each stage are fitted by themselves (local
    projections), the effect of a stage is the plain mean over its horizons >= 0.

    Examples
    --------
    >>> from panelcoop.estimate.event_study.api import event_study
    >>> from panelcoop.estimate.event_study.teaching import staggered_example
    >>> panel, events = staggered_example()
    >>> study = event_study(panel, events, outcome="y", estimator="imputation")
    >>> {start: round(float(effect), 6) for start, effect in aggregate_events(study, "cohort").params.items()}
    {4: 2.0, 6: 1.5}
    """
    _fail_if_not_possible(by, balance, shares, missing)
    if missing == "refused":
        _fail_if_missing(study)
    found = _averaged(study, by, level, _Chosen(window, balance, shares))
    how = {"level": level, "window": window, "balance": balance, "shares": shares, "missing": missing}
    return replace(found, options=how)


def _averaged(study: EventStudy, by: Aggregation, level: float, chosen: _Chosen) -> EventAggregate:
    if (by == "horizon" and chosen.as_shown) or (study.cells is None and by == "overall"):
        return _of_horizons(study, by, level, chosen)
    if by == "stage" and study.parts:
        return _of_parts(study, level, chosen)
    cells = study.needed_cells()
    if chosen.shares == "fixed":
        cells = replace(cells, estimated_shares=False)
    if chosen.shares == "estimated" and not cells.estimated_shares:
        cells = with_estimated_shares(cells, float(np.sqrt(study.cells_small.factor(study.clustering)[0])))
    return _of_cells(study, _averages(study, cells, by, chosen), by, level)


def _averages(study: EventStudy, cells: CellEstimates, by: Aggregation, chosen: _Chosen) -> Averages:
    """Average the chosen cells."""
    keep = cells.estimated & ~np.isnan(study.shown)
    if by == "horizon":
        if chosen.balance is not None:
            keep &= balanced_cohorts(cells, chosen.balance)
        return horizon_cells(study, cells, keep & chosen.inside(study.shown))
    post = keep & (cells.horizon >= 0) & ~cells.reference & chosen.inside(cells.horizon)
    if not post.any():
        msg = "No effect after the event is estimable and chosen, so there is nothing to average."
        raise IdentificationError(msg)
    return average_by(study, cells, by, post)


def _fail_if_not_possible(by: str, balance: int | None, shares: str | None, missing: str) -> None:
    fail_if_not_one_of(by, ("overall", "horizon", "cohort", "calendar", "stage", "dose"), "by")
    fail_if_not_one_of(missing, ("left-out", "refused"), "missing")
    if shares is not None:
        fail_if_not_one_of(shares, ("fixed", "estimated"), "shares")
    if balance is not None and (by != "horizon" or balance < 0):
        msg = f"balance={balance} makes horizons average the same cohorts: it needs by='horizon' and 0 weeks or more."
        raise DataError(msg)


def _fail_if_missing(study: EventStudy) -> None:
    lost = study.reasons if study.cells is None else tuple(filter(None, study.cells.reason))
    if lost:
        first = next(iter(lost.values())) if isinstance(lost, dict) else lost[0]
        msg = f"{len(lost)} effects are not estimable ({first}); missing='left-out' averages the others."
        raise IdentificationError(msg)


def _of_cells(study: EventStudy, found: Averages, by: Aggregation, level: float) -> EventAggregate:
    """Label averages of cells, with covariance."""
    stacked = np.column_stack([found.rows, found.overall_row])
    none = np.zeros(len(found.labels), dtype=bool)
    fixed = none if found.fixed is None else found.fixed
    cov = study.rows_covariance(stacked, fixed=np.append(fixed, False))
    rows = np.sqrt(study.cells_small.factor(study.clustering)) * stacked
    series = pd.Series(found.values, index=pd.Index(found.labels, name=by), name="estimate")
    overall = _contrast(study, found.overall, float(np.sqrt(cov[-1, -1])), level)
    found_here = _labelled(study, by, series, cov=cov[:-1, :-1], rows=rows[:, :-1], overall=overall)
    return replace(found_here, reference=tuple(int(h) for h in series.index[fixed]))


def mean_effect(study: EventStudy) -> tuple[float, float]:
    """Give the overall effect of an event study and its standard error: ``aggregate_events(study).overall``.

    Examples
    --------
    >>> from panelcoop.estimate.event_study.api import event_study
    >>> from panelcoop.estimate.event_study.teaching import staggered_example
    >>> panel, events = staggered_example()
    >>> round(mean_effect(event_study(panel, events, outcome="y", estimator="imputation"))[0], 4)
    1.8125
    """
    overall = aggregate_events(study).overall
    return overall.estimate, overall.std_error


def _labelled(
    study: EventStudy, by: Aggregation, params: pd.Series, *, cov: FloatArray, rows: FloatArray, overall: Contrast
) -> EventAggregate:
    return EventAggregate(
        params=params,
        cov=pd.DataFrame(cov, index=params.index, columns=params.index),
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
        influence=rows,
        clustering=study.clustering,
        band_df=study.band_df,
        study=study,
        overall=overall,
        reasons={label: _part_reason(study, label) for label in params.index[params.isna()]},
    )


def _part_reason(study: EventStudy, label: object) -> str:
    part = study.parts.get(label)
    if part is None:
        return study.reasons.get(label, "not estimable") if isinstance(label, int) else "not estimable"
    return next(iter(part.reasons.values()), "no horizon after the event is estimable")


def _of_horizons(study: EventStudy, by: Aggregation, level: float, chosen: _Chosen) -> EventAggregate:
    """Average the horizons from the event on plainly."""
    inside = chosen.inside(study.horizons)
    here = (study.horizons >= 0) & study.params.notna().to_numpy() & inside
    here &= ~study.params.index.isin(study.reference)
    if not here.any():
        msg = "No effect after the event is estimable, so there is nothing to average."
        raise IdentificationError(msg)
    mean = here / here.sum()
    values, variance = np.nan_to_num(study.params.to_numpy()), study.cov.to_numpy()[np.ix_(here, here)].mean()
    overall = _contrast(study, float(values @ mean), float(np.sqrt(variance)), level)
    rows = np.nan_to_num(study.scaled_influence())
    if by == "horizon":
        kept = study.cov.to_numpy()[np.ix_(inside, inside)]
        shown = _labelled(study, by, study.params[inside], cov=kept, rows=rows[:, inside], overall=overall)
        return replace(shown, reference=tuple(h for h in study.reference if h in shown.params.index))
    series = pd.Series([overall.estimate], index=pd.Index(["overall"], name=by), name="estimate")
    return _labelled(study, by, series, cov=np.array([[variance]]), rows=(rows @ mean)[:, None], overall=overall)


def _of_parts(study: EventStudy, level: float, chosen: _Chosen) -> EventAggregate:
    """Average the horizons from the event on of every stage's own fit."""
    if study.clustering.kind == "week":
        msg = "Effects by stage have no influence by week here; cluster by groups of regions instead."
        raise IdentificationError(msg)
    values, rows = [], []
    for part in study.parts.values():
        use = (part.horizons >= 0) & ~np.isnan(part.estimates) & chosen.inside(part.horizons)
        scaled = np.sqrt(part.small.factor(study.clustering)) * np.nan_to_num(part.influence)
        values.append(float(part.estimates[use].mean()) if use.any() else np.nan)
        rows.append(scaled[:, use].mean(axis=1) if use.any() else np.zeros(len(scaled)))
    stacked = np.column_stack(rows)
    groups = np.array([part.small.groups(study.clustering) for part in study.parts.values()])
    cov = judged_covariance(study.clustering.covariance(stacked), groups, study.rounding, np.zeros(len(values), bool))
    series = pd.Series(values, index=pd.Index(list(study.parts), name="stage"), name="estimate")
    overall = _of_horizons(study, "overall", level, chosen).overall
    return _labelled(study, "stage", series, cov=cov, rows=stacked, overall=overall)


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
