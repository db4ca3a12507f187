"""An outbreak next door: spillover rings in quiet spells, and the events that local projections read."""

from __future__ import annotations

import numpy as np
import pandas as pd

from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.imputation import Imputation
from panelcoop.estimate.event_study.rings import Rings
from panelcoop.estimate.planned import plan_of
from panelcoop.panel.record import Panel
from panelcoop.sensitivity.event_evidence import EventCase
from panelcoop.sensitivity.event_spells import PLACE, QuietSpells, SpellRule, quiet_spells, reached, ring_sample

__all__ = ["neighbour_events", "outbreak_spells", "ring_cases", "ring_path"]

ONSET = "outbreak_onset"
LOST = "events of regions without an untouched week before them in the spell"


def neighbour_events(panel: Panel, first_week: pd.Timestamp) -> Events:
    """Date own and neighbours' onsets; weeks with a neighbour's onset and no own are studied, from one week on."""
    onset = panel.data.reset_index().pivot_table(index="week", columns="region", values=ONSET)
    own = (onset.fillna(0) > 0).to_numpy()
    linked = panel.weights["contiguity"].frame().loc[list(onset.columns), list(onset.columns)].to_numpy() > 0
    near = own.astype(float) @ linked > 0
    week, region = np.nonzero(own | near)
    table = pd.DataFrame({"region": onset.columns[region], "date": onset.index[week]})
    table["focus"] = near[week, region] & ~own[week, region] & (table["date"] >= first_week).to_numpy()
    return Events.from_table(table, focus="focus", kind="repeated")


def ring_cases(panel: Panel, first_week: pd.Timestamp) -> list[EventCase]:
    """Ask for one ring and for two: neighbours, their path from the reference week, second order, the region itself."""
    one, two = (outbreak_spells(panel, first_week, depth) for depth in (1, 2))
    return [
        _rings(panel, one, 1, "rings, neighbours"),
        ring_path(panel, first_week),
        _rings(panel, two, 2, "two rings, second order"),
        _rings(panel, two, 1, "two rings, neighbours"),
        _rings(panel, one, 0, "rings, outbreak at home"),
    ]


def ring_path(panel: Panel, first_week: pd.Timestamp) -> EventCase:
    """Ask for the ring of neighbours by imputation with one reference week, as honest bounds need it."""
    plan = plan_of(panel).events
    spells = outbreak_spells(panel, first_week)
    sample, events = ring_sample(spells)
    return EventCase(
        "rings, path",
        sample,
        _windowed(events, panel),
        Imputation(reference=-1 - plan.anticipation),
        cluster=PLACE,
        asked=len(reached(spells, 1)),
        lost=LOST,
    )


def outbreak_spells(panel: Panel, first_week: pd.Timestamp, depth: int = 1) -> QuietSpells:
    """Cut the weeks from one on into spells that begin quiet, by the plan's clean weeks and controls."""
    plan = plan_of(panel).events
    rule = SpellRule(depth, plan.clean_weeks, plan.anticipation, plan.minimum_controls, first_week=first_week)
    return quiet_spells(panel, ONSET, neighbours=panel.weights["contiguity"], rule=rule)


def _rings(panel: Panel, spells: QuietSpells, show: int, label: str) -> EventCase:
    return EventCase(
        label,
        spells.panel,
        _windowed(spells.events, panel),
        Rings(spells.neighbours, spells.rule.depth, show),
        cluster=PLACE,
        asked=len(reached(spells, show)),
        lost=LOST,
    )


def _windowed(events: Events, panel: Panel) -> Events:
    plan = plan_of(panel).events
    return events.with_options(anticipation=plan.anticipation, window=(plan.before, plan.after), ends="dropped")
