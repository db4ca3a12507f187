"""The event studies of the plan: three designs, several estimators each, with support and honest bounds."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from panelcoop.errors import DataError, IdentificationError, PanelcoopWarning
from panelcoop.estimate.event_study.aggregate import aggregate_events
from panelcoop.estimate.event_study.api import EstimatorName, EstimatorOptions, event_study
from panelcoop.estimate.event_study.callaway_santanna import CallawaySantAnna
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.local_projection import LpDid
from panelcoop.estimate.event_study.placebo import mean_effect
from panelcoop.estimate.event_study.pretrends import pretrend_tests
from panelcoop.estimate.event_study.result import EventStudy
from panelcoop.estimate.event_study.support import SupportRule
from panelcoop.estimate.planned import plan_of
from panelcoop.panel.record import Panel
from panelcoop.sensitivity.honest import honest_did

__all__ = ["EventEvidence", "downgrade_evidence", "downgrade_sample", "neighbour_evidence", "outbreak_evidence"]

EPIDEMIC_STATE = ("own_risk", "spread_risk", "cumulative_risk")
DOWNGRADE_WEEKS = ("2020-01-06", "2020-06-29")
LATER = pd.Timestamp("2020-04-27")
"""The white paper's last stage begins on 29 April 2020: outbreaks from that week on are later ones."""


@dataclass(frozen=True)
class EventEvidence:
    """One design.

    Attributes
    ----------
    name, title
        Stem and words.
    estimand
        What is estimated, in a sentence.
    studies
        Event studies by label; the first is the main one.
    effects
        Mean effect over weeks after the event: estimate, std_error, low, high, p, sup-t p of the leads, by label.
    by_stage
        Effects by stage of the event.
    bounds
        Honest bounds of the first effect (relative magnitudes) by label and M.
    unavailable
        Estimators that could not be computed, with the reason.
    """

    name: str
    title: str
    estimand: str
    studies: Mapping[str, EventStudy]
    effects: pd.DataFrame
    by_stage: pd.DataFrame
    bounds: pd.DataFrame
    unavailable: Mapping[str, str]


@dataclass(frozen=True)
class _Asked:
    label: str
    estimator: EstimatorName | EstimatorOptions
    covariates: tuple[str, ...] = ()
    require: bool = True


def downgrade_sample(panel: Panel) -> Panel:
    """Keep the weeks around the first downgrade and the regions whose levels are on record."""
    week = panel.data.index.get_level_values("week")
    inside = (week >= DOWNGRADE_WEEKS[0]) & (week <= DOWNGRADE_WEEKS[1])
    known = panel.data["downgrade_week"].notna().groupby(level="region").transform("any").to_numpy()
    data = panel.data[inside & known]
    return Panel(data=data, roles=panel.roles, notes=panel.notes, weights=panel.weights, plan=panel.plan)


def downgrade_evidence(panel: Panel) -> EventEvidence:
    """Study the first step down of the response level after level I, given the epidemic state."""
    plan = plan_of(panel)
    sample = downgrade_sample(panel)
    events = Events.from_column(sample, "downgrade_week").with_options(
        anticipation=plan.events.anticipation, window=(6, 8), ends="dropped"
    )
    asked = [
        _Asked("imputation", "imputation", EPIDEMIC_STATE, require=False),
        _Asked("Callaway-Sant'Anna", CallawaySantAnna("not-yet", "universal"), require=False),
        _Asked("Sun-Abraham", "sun-abraham", require=False),
        _Asked("LP-DiD", LpDid(6, 8), EPIDEMIC_STATE[:1], require=False),
        _Asked("two-stage", "two-stage", EPIDEMIC_STATE, require=False),
        _Asked("imputation, supported", "imputation", EPIDEMIC_STATE),
        _Asked("two-way", "twfe", EPIDEMIC_STATE, require=False),
    ]
    studies, lost = _run(sample, events, asked)
    main = event_study(
        sample,
        events,
        outcome=plan.outcomes.main,
        estimator="imputation",
        covariates=EPIDEMIC_STATE,
        stage="stage",
    )
    by_stage = aggregate_events(main, "stage").tidy()
    text = "mean change of joint response after the first step down, for provinces that step down, given cases"
    return _evidence(("downgrade", "First downgrade of the response level", text), studies, by_stage, lost)


def outbreak_evidence(panel: Panel) -> EventEvidence:
    """Study the first local case of each later outbreak; controls had none for the plan's clean weeks."""
    plan = plan_of(panel)
    window = (plan.events.before, plan.events.after)
    events = Events.from_rule(panel, lambda d: d["outbreak_onset"] > 0, kind="repeated").with_options(
        anticipation=plan.events.anticipation, window=window
    )
    events = events.with_focus(lambda table: table["date"] >= LATER)
    clean = plan.events.clean_weeks
    asked = [
        _Asked("LP-DiD", LpDid(*window, clean_weeks=clean)),
        _Asked("LP-DiD, least squares", LpDid(*window, weighting="variance", clean_weeks=clean)),
        _Asked("LP-DiD, given spread", LpDid(*window, clean_weeks=clean), ("spread_risk",)),
        _Asked("LP-DiD, earlier mean", LpDid(*window, clean_weeks=clean, base="mean")),
    ]
    studies, lost = _run(panel, events, asked)
    text = "mean change of joint response after a local outbreak begins, against provinces without one"
    by_stage = _effects_by_stage(panel, events, LpDid(*window, clean_weeks=clean))
    return _evidence(("outbreak", "First local case of a later outbreak", text), studies, by_stage, lost)


def neighbour_evidence(panel: Panel) -> EventEvidence:
    """Study an outbreak next door: the region itself and its neighbours were clean before."""
    plan = plan_of(panel)
    window = (plan.events.before, plan.events.after)
    events = _neighbour_events(panel).with_options(anticipation=plan.events.anticipation, window=window)
    clean = plan.events.clean_weeks
    asked = [
        _Asked("LP-DiD", LpDid(*window, clean_weeks=clean)),
        _Asked("LP-DiD, least squares", LpDid(*window, weighting="variance", clean_weeks=clean)),
        _Asked("LP-DiD, given own risk", LpDid(*window, clean_weeks=clean), ("own_risk",)),
        _Asked("LP-DiD, earlier mean", LpDid(*window, clean_weeks=clean, base="mean")),
    ]
    studies, lost = _run(panel, events, asked)
    text = "mean change of joint response when an outbreak begins in a neighbouring province and none at home"
    by_stage = _effects_by_stage(panel, events, LpDid(*window, clean_weeks=clean))
    return _evidence(("neighbour", "Outbreak in a neighbouring province", text), studies, by_stage, lost)


def _neighbour_events(panel: Panel) -> Events:
    """Date own and neighbours' onsets; only weeks with a neighbour's onset and no own are studied."""
    onset = panel.data.reset_index().pivot_table(index="week", columns="region", values="outbreak_onset")
    own = (onset.fillna(0) > 0).to_numpy()
    weights = panel.weights["contiguity"]
    order = [weights.regions.index(str(r)) for r in onset.columns]
    linked = weights.matrix[np.ix_(order, order)] > 0
    near = own.astype(float) @ linked > 0
    week, region = np.nonzero(own | near)
    table = pd.DataFrame({"region": onset.columns[region], "date": onset.index[week]})
    table["focus"] = near[week, region] & ~own[week, region] & (table["date"] >= LATER).to_numpy()
    return Events.from_table(table, focus="focus", kind="repeated")


def _run(panel: Panel, events: Events, asked: list[_Asked]) -> tuple[dict[str, EventStudy], dict[str, str]]:
    plan = plan_of(panel)
    rule = _rule(panel)
    studies, lost = {}, {}
    for one in asked:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", PanelcoopWarning)
                studies[one.label] = event_study(
                    panel,
                    events,
                    outcome=plan.outcomes.main,
                    estimator=one.estimator,
                    covariates=one.covariates,
                    support=replace(rule, require=one.require),
                )
        except (IdentificationError, DataError) as fault:
            lost[one.label] = str(fault)
    return studies, lost


def _rule(panel: Panel) -> SupportRule:
    plan = plan_of(panel).events
    return SupportRule(plan.minimum_cohorts, plan.minimum_controls, require=True)


def _effects_by_stage(panel: Panel, events: Events, estimator: LpDid) -> pd.DataFrame:
    """Study the events of one stage at a time; all others still make a region unclean."""
    stage = panel.data["stage"].astype(object)
    place = pd.MultiIndex.from_frame(events.table[["region", "date"]], names=["region", "week"])
    of_event = stage.reindex(place).to_numpy()
    studied = events.table["focus"].to_numpy(dtype=bool)
    rows = {}
    for name in ("gestation", "outbreak", "continuation", "recovery"):
        own = studied & (of_event == name)
        if not own.any():
            rows[name] = (np.nan, np.nan, 0, "no event in this stage")
            continue
        try:
            study = event_study(
                panel,
                events.with_focus(lambda _, own=own: pd.Series(own)),  # type: ignore[misc]
                outcome=plan_of(panel).outcomes.main,
                estimator=estimator,
                support=_rule(panel),
            )
            rows[name] = (*mean_effect(study), int(own.sum()), "")
        except (IdentificationError, DataError) as fault:
            rows[name] = (np.nan, np.nan, int(own.sum()), str(fault))
    return pd.DataFrame.from_dict(rows, orient="index", columns=["estimate", "std_error", "events", "reason"])


def _evidence(
    words: tuple[str, str, str], studies: dict[str, EventStudy], by_stage: pd.DataFrame, lost: dict[str, str]
) -> EventEvidence:
    rows, bounds = {}, {}
    for label, study in studies.items():
        try:
            estimate, error = mean_effect(study)
        except IdentificationError as fault:
            lost = {**lost, label: str(fault)}
            continue
        leads = pretrend_tests(study).pvalue if len(study.leads) else np.nan
        rows[label] = (estimate, error, leads, len(study.leads), len(study.lags), study.nobs)
        try:
            bounds[label] = honest_did(study, values=[0.0, 0.5, 1.0, 2.0], grid_points=400).table[["low", "high"]]
        except (IdentificationError, DataError) as fault:
            lost = {**lost, f"honest bounds, {label}": str(fault)}
    columns = ["estimate", "std_error", "leads_p", "leads", "lags", "nobs"]
    effects = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    bounded = pd.concat(bounds, names=["estimator", "M"]) if bounds else pd.DataFrame(columns=["low", "high"])
    return EventEvidence(*words, studies, effects, by_stage, bounded, lost)
