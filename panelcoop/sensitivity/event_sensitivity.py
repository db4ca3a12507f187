"""How event studies depend on doubtful records, single regions, fake or randomised dates, and on the outcome."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.aggregate import aggregate_events, mean_effect
from panelcoop.estimate.event_study.api import event_study
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.placebo import fake_dates, leave_one_region_out, randomise_dates
from panelcoop.estimate.planned import plan_of
from panelcoop.panel.record import Panel
from panelcoop.sensitivity.event_designs import (
    EPIDEMIC_STATE,
    LATER,
    downgrade_events,
    downgrade_sample,
    downgrade_weeks,
    neighbour_projection,
    outbreak_projection,
    planned_rule,
)
from panelcoop.sensitivity.event_evidence import run_cases
from panelcoop.sensitivity.event_rings import ring_path

__all__ = ["downgrade_sensitivity", "own_policy_response"]

WEEK = pd.Timedelta(days=7)
MISSING = ("CN-GZ", "CN-SN")
"""Provinces whose response levels are not on record."""

DISPUTED = "CN-GS"
"""Announcements date Gansu's first downgrade to 27 February 2020, press reports to 21 February: a week earlier."""


def downgrade_sensitivity(panel: Panel, *, draws: int = 199, seed: int = 0) -> pd.DataFrame:
    """Estimate the downgrade study again under every doubt on record.

    Parameters
    ----------
    panel
        The assembled panel with its plan.
    draws, seed
        Randomised dates.

    Returns
    -------
    pandas.DataFrame
        By case: estimate, std_error, pvalue (randomised dates only), note. The estimator is imputation given the
        epidemic state.
    """
    plan = plan_of(panel)
    options: dict[str, Any] = {"outcome": plan.outcomes.main, "estimator": "imputation", "covariates": EPIDEMIC_STATE}
    known = downgrade_sample(panel)
    every = downgrade_weeks(panel)
    events = downgrade_events(known)
    dates = events.table.set_index("region")["date"]
    cases = {
        "as recorded": (known, events, "29 provinces"),
        "Gansu a week earlier": (known, _dated(events, {DISPUTED: dates[DISPUTED] - WEEK}), "press reports"),
        "Guizhou, Shaanxi earliest": (every, _dated(events, dict.fromkeys(MISSING, dates.min())), "no record"),
        "Guizhou, Shaanxi latest": (every, _dated(events, dict.fromkeys(MISSING, dates.max())), "no record"),
    }
    rows = {name: _one(sample, moved, options, note) for name, (sample, moved, note) in cases.items()}
    left = leave_one_region_out(known, events, **options).drop(index="none")
    for name, at in (
        ("leave one out, smallest", left["estimate"].idxmin()),
        ("leave one out, largest", left["estimate"].idxmax()),
    ):
        one = left.xs(at)
        estimate, error = (float(v) for v in one[["estimate", "std_error"]].to_numpy(dtype=float))
        rows[name] = (estimate, error, np.nan, f"without {at}")
    placebo = fake_dates(known, events, shifts=(3,), **options).iloc[0]
    rows["fake dates, 3 weeks earlier"] = (placebo["estimate"], placebo["std_error"], np.nan, placebo["reason"])
    random = randomise_dates(known, events, draws=draws, seed=seed, **options)
    rows["randomised dates"] = (random.estimate, np.nan, random.pvalue, f"{random.draws.size} assignments")
    return pd.DataFrame.from_dict(rows, orient="index", columns=["estimate", "std_error", "pvalue", "note"])


def own_policy_response(panel: Panel) -> pd.DataFrame:
    """Estimate the later designs on the province's own policy index, of which the main outcome is made.

    Returns
    -------
    pandas.DataFrame
        By design and estimator: estimate, std_error, pvalue, note. The main outcome takes the smaller of two provinces'
        indices, so that it moves when one of them does: the own index says whether the province itself acts.
    """
    outcomes = plan_of(panel).outcomes
    index = next(name for name in outcomes.indices if outcomes.main.endswith(name))
    cases = [outbreak_projection(panel), ring_path(panel, LATER), neighbour_projection(panel)]
    names = ["outbreak at home", "outbreak next door", "outbreak next door"]
    found = {}
    for name, case in zip(names, cases, strict=True):
        studies, lost = run_cases([case], outcome=index, rule=planned_rule(panel))
        if case.label in lost:
            found[f"{name}, {case.label}"] = (np.nan, np.nan, np.nan, lost[case.label])
            continue
        effect = aggregate_events(studies[case.label]).overall
        found[f"{name}, {case.label}"] = (
            effect.estimate,
            effect.std_error,
            effect.pvalue,
            f"{index.replace('_', ' ')} index",
        )
    return pd.DataFrame.from_dict(found, orient="index", columns=["estimate", "std_error", "pvalue", "note"])


def _dated(events: Events, dates: dict[str, pd.Timestamp]) -> Events:
    """Give some regions another date."""
    kept = events.table[~events.table["region"].isin(dates)]
    added = pd.DataFrame({"region": list(dates), "date": list(dates.values())})
    table = pd.concat([kept, added], ignore_index=True).sort_values(["region", "date"]).reset_index(drop=True)
    return Events(table, events.kind, events.anticipation, events.window, events.ends)


def _one(panel: Panel, events: Events, options: dict[str, Any], note: str) -> tuple[float, float, float, str]:
    try:
        estimate, error = mean_effect(event_study(panel, events, **options))
    except (IdentificationError, DataError) as fault:
        return np.nan, np.nan, np.nan, str(fault)
    return estimate, error, np.nan, note
