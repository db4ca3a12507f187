"""The event studies of the plan: a downgrade of the response level, an outbreak at home, an outbreak next door."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import pandas as pd

from panelcoop.checks import name_few
from panelcoop.estimate.event_study.api import event_study
from panelcoop.estimate.event_study.callaway_santanna import CallawaySantAnna
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.imputation import Imputation
from panelcoop.estimate.event_study.local_projection import LpDid
from panelcoop.estimate.event_study.stacked import Stacked
from panelcoop.estimate.event_study.support import SupportRule
from panelcoop.estimate.planned import plan_of
from panelcoop.panel.record import Panel
from panelcoop.sensitivity.event_evidence import EPIDEMIC_STATE, EventCase, EventEvidence, event_evidence
from panelcoop.sensitivity.event_rings import neighbour_events, ring_cases, ring_path
from panelcoop.sensitivity.event_spells import PLACE
from panelcoop.sensitivity.event_stacks import clean_stacks
from panelcoop.sensitivity.event_stages import effects_by_stage

__all__ = [
    "EPIDEMIC_STATE",
    "LATER",
    "Activation",
    "activation",
    "downgrade_events",
    "downgrade_evidence",
    "downgrade_sample",
    "downgrade_weeks",
    "neighbour_evidence",
    "neighbour_projection",
    "outbreak_events",
    "outbreak_evidence",
    "outbreak_projection",
    "planned_rule",
]

DOWNGRADE_WEEKS = ("2020-01-06", "2020-06-29")
DOWNGRADE_WINDOW = (6, 8)
LATER = pd.Timestamp("2020-04-27")
"""The white paper's last stage begins on 29 April 2020: outbreaks from that week on are later ones."""

STAGES = ("gestation", "outbreak", "continuation", "recovery")


@dataclass(frozen=True)
class Activation:
    """When provinces first declared the top response level.

    Attributes
    ----------
    week
        Monday of the week in which most did.
    together, known
        Provinces that did in that week, and provinces on record.
    missing
        Names of provinces without a record.
    last
        Names of the provinces that were last to step down.
    """

    week: pd.Timestamp
    together: int
    known: int
    missing: tuple[str, ...]
    last: tuple[str, ...]


def activation(panel: Panel) -> Activation:
    """Count how many provinces declared the top level in one week."""
    by_region = panel.data[["level_one_week", "downgrade_week"]].groupby(level="region").first()
    counts = by_region["level_one_week"].value_counts()
    down = by_region["downgrade_week"]
    return Activation(
        week=pd.Timestamp(counts.index[0]),
        together=int(counts.iloc[0]),
        known=int(counts.sum()),
        missing=_names(panel, by_region.index[by_region["level_one_week"].isna()]),
        last=_names(panel, down.index[down == down.max()]),
    )


def downgrade_weeks(panel: Panel) -> Panel:
    """Keep the weeks around the first downgrade, for all regions."""
    week = panel.data.index.get_level_values("week")
    return replace(panel, data=panel.data[(week >= DOWNGRADE_WEEKS[0]) & (week <= DOWNGRADE_WEEKS[1])])


def downgrade_sample(panel: Panel) -> Panel:
    """Keep the weeks around the first downgrade and the regions whose levels are on record."""
    sample = downgrade_weeks(panel)
    known = sample.data["downgrade_week"].notna().groupby(level="region").transform("any").to_numpy()
    return replace(sample, data=sample.data[known])


def downgrade_events(panel: Panel) -> Events:
    """Date the first step down after level I."""
    return Events.from_column(panel, "downgrade_week").with_options(
        anticipation=plan_of(panel).events.anticipation, window=DOWNGRADE_WINDOW, ends="dropped"
    )


def outbreak_events(panel: Panel) -> Events:
    """Date every outbreak; those from the end of the first wave on are studied, all make a province unclean."""
    plan = plan_of(panel).events
    events = Events.from_rule(panel, lambda d: d["outbreak_onset"] > 0, kind="repeated")
    return events.with_options(anticipation=plan.anticipation, window=(plan.before, plan.after)).with_focus(
        lambda table: table["date"] >= LATER
    )


def downgrade_evidence(panel: Panel) -> EventEvidence:
    """Study the first step down of the response level after level I."""
    sample = downgrade_sample(panel)
    cases = _downgrade_cases(sample)
    main = _by_stage(replace(cases[0], stage="stage"), panel)
    text = "mean change of joint response after the first step down, for provinces that step down"
    words = ("downgrade", "First downgrade of the response level", text)
    return _evidence(words, cases, panel, main, _downgrade_remarks(activation(panel)))


def outbreak_evidence(panel: Panel) -> EventEvidence:
    """Study the first local case of each later outbreak; controls had none for the plan's clean weeks."""
    events = outbreak_events(panel)
    cases = [
        outbreak_projection(panel),
        *_stack_cases(panel, events),
        _projection(panel, events, "LP-DiD, given spread", "spread_risk"),
        _projection(panel, events, "LP-DiD, earlier mean", base="mean"),
    ]
    by_stage = _by_stage(replace(cases[0], stage="stage"), panel)
    remark = (
        "Later outbreaks come at dates that no province chose. An outbreak at home changes the province's own policy, "
        "of which the outcome is made: the effect says that provinces respond, not with whom."
    )
    text = "mean change of joint response after a local outbreak begins, against provinces without one"
    return _evidence(("outbreak", "First local case of a later outbreak", text), cases, panel, by_stage, (remark,))


def neighbour_evidence(panel: Panel) -> EventEvidence:
    """Study an outbreak next door by spillover rings, and by local projections on all of them."""
    plan = plan_of(panel).events
    rings, events = ring_cases(panel, LATER), _neighbour_events(panel)
    later = [
        neighbour_projection(panel),
        _projection(panel, events, "LP-DiD, given own risk", "own_risk"),
        *_stack_cases(panel, events),
    ]
    cases = [*rings[:3], later[0], *rings[3:], *later[1:]]
    stages = [
        _by_stage(replace(ring_path(panel, LATER), stage="stage"), panel),
        _by_stage(replace(later[0], stage="stage"), panel),
    ]
    quiet = (
        "Rings compare provinces that border an outbreak with provinces out of reach, in spells that begin with half "
        f"of the provinces out of reach for {plan.clean_weeks} weeks and end before fewer than {plan.minimum_controls} "
        "are; weeks after an outbreak at home are left out. Two rings: reach goes across two borders."
    )
    every = (
        "Local projections and stacks take every week with an outbreak next door and none at home in that week or the "
        "clean weeks before; outbreaks at home that follow stay in. The outcome holds the neighbours' policy, which "
        "their outbreak changes: the sensitivity table has the province's own index."
    )
    text = "mean change of joint response when an outbreak begins in a neighbouring province"
    words = ("neighbour", "Outbreak in a neighbouring province", text)
    return _evidence(words, cases, panel, pd.concat(stages), (quiet, every))


def outbreak_projection(panel: Panel) -> EventCase:
    """Ask for the effects of every later outbreak by local projections."""
    return _projection(panel, outbreak_events(panel), "LP-DiD")


def neighbour_projection(panel: Panel) -> EventCase:
    """Ask for the effects of every later outbreak next door by local projections."""
    return _projection(panel, _neighbour_events(panel), "LP-DiD")


def planned_rule(panel: Panel) -> SupportRule:
    """Return the support the plan asks for."""
    plan = plan_of(panel).events
    return SupportRule(plan.minimum_cohorts, plan.minimum_controls, require=True)


def _evidence(
    words: tuple[str, str, str], cases: list[EventCase], panel: Panel, by_stage: pd.DataFrame, remarks: tuple[str, ...]
) -> EventEvidence:
    outcome = plan_of(panel).outcomes.main
    return event_evidence(words, cases, outcome=outcome, rule=planned_rule(panel), by_stage=by_stage, remarks=remarks)


def _downgrade_cases(sample: Panel) -> list[EventCase]:
    events = downgrade_events(sample)
    basic = EventCase(
        "imputation",
        sample,
        events,
        "imputation",
        EPIDEMIC_STATE,
        require=False,
        asked=len(events.table),
        lost="events without a province still at the top level to compare with",
    )
    universal = CallawaySantAnna("not-yet", "universal", "reg")
    given = replace(basic, covariates=EPIDEMIC_STATE[:1])
    return [
        basic,
        replace(basic, label="Callaway-Sant'Anna", estimator=universal, covariates=()),
        replace(basic, label="Sun-Abraham", estimator="sun-abraham"),
        replace(given, label="LP-DiD", estimator=LpDid(*DOWNGRADE_WINDOW)),
        replace(given, label="Callaway-Sant'Anna, given risk", estimator=universal, panel=_from_known(sample)),
        replace(basic, label="two-stage", estimator="two-stage"),
        replace(basic, label="imputation, supported", require=True),
        replace(
            basic, label="imputation, path", estimator=Imputation(reference=-1 - plan_of(sample).events.anticipation)
        ),
        replace(basic, label="two-way", estimator="twfe"),
    ]


def _from_known(sample: Panel) -> Panel:
    """Leave out the first weeks, in which no region's epidemic state is known."""
    known = sample.data[list(EPIDEMIC_STATE)].notna().all(axis=1)
    week = sample.data.index.get_level_values("week")
    return replace(sample, data=sample.data[week >= week[known].min()])


def _downgrade_remarks(found: Activation) -> tuple[str, ...]:
    together = (
        f"Activation of the top level is not studied: {found.together} of {found.known} provinces on record acted in "
        f"the week of {found.week:%d %B %Y}, so nothing is left to compare within a week."
    )
    staggered = (
        "Downgrades are staggered, but provinces still at the top level soon are few and special "
        f"({name_few(found.last)}); read that design as description."
    )
    held = (
        "Epidemic state: own, neighbours' and cumulative risk. Held constant every week, it takes out what a downgrade "
        "does through later cases too; in the reference week it does not."
    )
    return together, staggered, held


def _neighbour_events(panel: Panel) -> Events:
    plan = plan_of(panel).events
    events = neighbour_events(panel, LATER)
    return events.with_options(anticipation=plan.anticipation, window=(plan.before, plan.after))


def _projection(
    panel: Panel, events: Events, label: str, given: str = "", *, base: Literal["previous", "mean"] = "previous"
) -> EventCase:
    plan = plan_of(panel).events
    estimator = LpDid(plan.before, plan.after, clean_weeks=plan.clean_weeks, base=base)
    return EventCase(label, panel, events, estimator, (given,) if given else ())


def _stack_cases(panel: Panel, events: Events) -> list[EventCase]:
    """Compare with controls that are clean over the whole window: weighted stacks, and imputation inside stacks."""
    plan = plan_of(panel).events
    window = (plan.before, plan.after)
    stacked, starts = clean_stacks(
        panel, events, window=window, clean_weeks=plan.clean_weeks, anticipation=plan.anticipation
    )
    starts = starts.with_options(anticipation=plan.anticipation, window=window, ends="dropped")
    asked = int(events.table["focus"].sum())
    lost = "events without clean weeks before, or with too few controls that are clean throughout"
    return [
        EventCase(label, stacked, starts, estimator, cluster=PLACE, asked=asked, lost=lost)
        for label, estimator in (
            ("stacked", Stacked(*window)),
            ("imputation in stacks", Imputation(reference=-1 - plan.anticipation)),
        )
    ]


def _by_stage(case: EventCase, panel: Panel) -> pd.DataFrame:
    rule = planned_rule(panel)
    study = event_study(
        case.panel,
        case.events,
        outcome=plan_of(panel).outcomes.main,
        estimator=case.estimator,
        covariates=case.covariates,
        cluster=case.cluster,
        stage=case.stage,
        support=replace(rule, require=case.require),
    )
    return pd.concat({case.label: effects_by_stage(study, STAGES)}, names=["estimator"])


def _names(panel: Panel, regions: pd.Index) -> tuple[str, ...]:
    named = panel.regions["name"] if "name" in panel.regions else pd.Series(dtype=object)
    return tuple(str(named.get(r, r)) for r in regions)
