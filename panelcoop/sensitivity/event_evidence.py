"""What the event studies of one design found: effects by estimator and stage, events used, honest bounds."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from panelcoop.errors import DataError, IdentificationError, PanelcoopWarning
from panelcoop.estimate.event_study.aggregate import aggregate_events
from panelcoop.estimate.event_study.api import EstimatorName, EstimatorOptions, event_study
from panelcoop.estimate.event_study.callaway_santanna import CallawaySantAnna
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.local_projection import LpDid
from panelcoop.estimate.event_study.placebo import horizon_composition
from panelcoop.estimate.event_study.pretrends import pretrend_tests
from panelcoop.estimate.event_study.result import EventStudy
from panelcoop.estimate.event_study.support import SupportRule
from panelcoop.panel.record import Panel
from panelcoop.sensitivity.honest import honest_did
from panelcoop.sensitivity.honest_result import HonestBounds

__all__ = [
    "EPIDEMIC_STATE",
    "BoundKey",
    "EventCase",
    "EventEvidence",
    "event_evidence",
    "honest_bounds_of",
    "run_cases",
]

EPIDEMIC_STATE = ("own_risk", "spread_risk", "cumulative_risk")
"""What is known of the epidemic in a week."""

BEFORE = ("callaway-santanna", "lp-did")
"""Estimators that read covariates in the reference week."""

RELATIVE = (0.0, 0.5, 1.0, 1.5, 2.0)
"""M of relative magnitudes: multiples of the largest change before the event."""

SMOOTH = (0.0, 0.1, 0.25, 0.5, 1.0)
"""M of smoothness: change of slope, units of the outcome per week."""

BoundKey = tuple[str, str, str]
"""Estimator's label, restriction ("relative-magnitudes" or "smoothness"), target ("first" or "average")."""


@dataclass(frozen=True)
class EventCase:
    """One estimator of a design, and the sample it reads.

    Attributes
    ----------
    label
        What tables call it.
    panel, events, estimator, covariates, cluster, stage
        As ``event_study`` takes them.
    require
        Whether horizons with thin support are left out or only marked.
    asked
        Events that the design would study; None counts those that local projections use and drop.
    lost
        Why events of the others take no part.
    """

    label: str
    panel: Panel
    events: Events
    estimator: EstimatorName | EstimatorOptions
    covariates: tuple[str, ...] = ()
    cluster: str | None = None
    stage: str | None = None
    require: bool = True
    asked: int | None = None
    lost: str = "events without a clean comparison"

    @property
    def conditions(self) -> str:
        """What is held constant, in words, and when: the weeks in which the estimator reads covariates."""
        if not self.covariates:
            return "nothing"
        what = "epidemic state" if self.covariates == EPIDEMIC_STATE else " and ".join(map(_name, self.covariates))
        before = isinstance(self.estimator, CallawaySantAnna | LpDid) or self.estimator in BEFORE
        return f"{what}, week\u00a0−{1 + (self.events.anticipation or 0)}" if before else f"{what}, every week"


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
    conditions
        What each study holds constant, in words, by label.
    effects
        Mean effect over weeks after the event by label: estimate, std_error, low, high, pvalue, leads_p (sup-t p of the
        leads), first_week, last_week, used and asked (events), nobs.
    by_stage
        Effects by label and stage before the event and its anticipation: estimate, std_error, low, high, weeks,
        events, reason.
    bounds
        Honest bounds by label, restriction and target.
    unbounded
        Why a study has no honest bounds, by label.
    unavailable
        Why an estimator could not be computed, by label.
    left_out
        Events that take no part in the week of the event, by label and reason.
    composition
        Weights of event weeks by horizon, by label, for studies whose horizons average cohorts.
    remarks
        What a careful reader should know.
    """

    name: str
    title: str
    estimand: str
    studies: Mapping[str, EventStudy]
    conditions: Mapping[str, str] = field(default_factory=dict)
    effects: pd.DataFrame = field(default_factory=pd.DataFrame)
    by_stage: pd.DataFrame = field(default_factory=pd.DataFrame)
    bounds: Mapping[BoundKey, HonestBounds] = field(default_factory=dict)
    unbounded: Mapping[str, str] = field(default_factory=dict)
    unavailable: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    composition: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def bound(self, label: str, restriction: str, M: float, target: str = "first") -> tuple[float, float]:
        """Give one honest interval, NaN where there is none."""
        found = self.bounds.get((label, restriction, target))
        if found is None or M not in found.table.index:
            return np.nan, np.nan
        low, high = found.table.loc[M, ["low", "high"]].to_numpy(dtype=float)
        return float(low), float(high)


def run_cases(
    cases: Sequence[EventCase], *, outcome: str, rule: SupportRule
) -> tuple[dict[str, EventStudy], dict[str, str]]:
    """Estimate every case; one that cannot be computed is kept with its reason.

    Returns
    -------
    Studies by label, and reasons by label.
    """
    studies, lost = {}, {}
    for case in cases:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", PanelcoopWarning)
                studies[case.label] = event_study(
                    case.panel,
                    case.events,
                    outcome=outcome,
                    estimator=case.estimator,
                    covariates=case.covariates,
                    cluster=case.cluster,
                    stage=case.stage,
                    support=SupportRule(rule.min_cohorts, rule.min_controls, case.require),
                )
        except (IdentificationError, DataError) as fault:
            lost[case.label] = str(fault)
    return studies, lost


def event_evidence(
    words: tuple[str, str, str],
    cases: Sequence[EventCase],
    *,
    outcome: str,
    rule: SupportRule,
    by_stage: pd.DataFrame,
    remarks: Sequence[str] = (),
) -> EventEvidence:
    """Estimate the cases of a design and collect effects, events used and honest bounds.

    Parameters
    ----------
    words
        Name, title and estimand.
    cases
        Estimators with their samples.
    outcome
        Column to explain.
    rule
        Support that horizons need.
    by_stage
        Effects by stage, as ``effects_by_stage`` returns them, by label.
    remarks
        What a careful reader should know.
    """
    studies, unavailable = run_cases(cases, outcome=outcome, rule=rule)
    rows, left_out = {}, {}
    for case in cases:
        if case.label not in studies:
            continue
        try:
            rows[case.label], left_out[case.label] = _effect(studies[case.label], case)
        except IdentificationError as fault:
            unavailable[case.label] = str(fault)
    bounds, unbounded = honest_bounds_of(studies)
    return EventEvidence(
        *words,
        studies=studies,
        conditions={case.label: case.conditions for case in cases},
        effects=pd.DataFrame.from_dict(rows, orient="index"),
        by_stage=by_stage,
        bounds=bounds,
        unbounded=unbounded,
        unavailable=unavailable,
        left_out=left_out,
        composition={k: horizon_composition(study) for k, study in studies.items() if study.cells is not None},
        remarks=tuple(remarks),
    )


def honest_bounds_of(studies: Mapping[str, EventStudy]) -> tuple[dict[BoundKey, HonestBounds], dict[str, str]]:
    """Bound the first effect and the mean effect of every study that has one reference week.

    Returns
    -------
    Bounds by label, restriction and target, and by label the reason why there are none.
    """
    bounds: dict[BoundKey, HonestBounds] = {}
    reasons = {}
    for label, study in studies.items():
        try:
            for target in ("first", "average"):
                bounds[label, "relative-magnitudes", target] = honest_did(study, values=RELATIVE, target=target)
                bounds[label, "smoothness", target] = honest_did(
                    study, restriction="smoothness", values=SMOOTH, target=target
                )
        except (IdentificationError, DataError) as fault:
            reasons[label] = str(fault)
    return bounds, reasons


def _effect(study: EventStudy, case: EventCase) -> tuple[dict[str, float], dict[str, int]]:
    """Summarise a study: mean effect, leads, and how many of the events asked for take part at horizon 0."""
    found = aggregate_events(study).overall
    support = study.support
    used = int(support["treated"].get(0, 0))
    dropped = {why: n for why, n in study.dropped.items() if why.startswith("events ")}
    asked = used + sum(dropped.values()) if case.asked is None else case.asked
    left_out = dropped if case.asked is None else {case.lost: asked - used} if asked > used else {}
    row = {
        "estimate": found.estimate,
        "std_error": found.std_error,
        "low": found.conf_low,
        "high": found.conf_high,
        "pvalue": found.pvalue,
        "leads_p": pretrend_tests(study).pvalue if len(study.leads) else np.nan,
        "first_week": float(study.lags.min()),
        "last_week": float(study.lags.max()),
        "used": used,
        "asked": asked,
        "nobs": study.nobs,
    }
    return row, left_out


def _name(covariate: str) -> str:
    return {"own_risk": "own risk", "spread_risk": "neighbours' risk"}.get(covariate, covariate.replace("_", " "))
