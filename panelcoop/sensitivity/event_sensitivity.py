"""How event studies depend on doubtful records, single regions, fake or randomised dates, and on the outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.aggregate import aggregate_events, mean_effect
from panelcoop.estimate.event_study.api import event_study
from panelcoop.estimate.event_study.date_randomisation import randomise_dates
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.placebo import fake_dates, leave_one_region_out
from panelcoop.estimate.event_study.two_way_weights import bacon_decomposition, two_way_weights
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
from panelcoop.sensitivity.event_evidence import EventCase, run_cases
from panelcoop.sensitivity.event_rings import ring_path
from panelcoop.sensitivity.event_spells import PLACE

__all__ = ["StaticTwoWay", "downgrade_sensitivity", "later_sensitivity", "own_policy_response", "static_two_way"]

WEEK = pd.Timedelta(days=7)
FORBIDDEN = ("later_vs_earlier", "later_vs_always")
"""Comparisons whose controls are already treated."""

MISSING = ("CN-GZ", "CN-SN")
"""Provinces whose response levels are not on record."""

DISPUTED = "CN-GS"
"""Announcements date Gansu's first downgrade to 27 February 2020, press reports to 21 February: a week earlier."""


LATER_SHIFTS = (4, 8)
"""Weeks by which the dates of outbreaks are moved back."""

Row = tuple[float, float, float, str]
"""Estimate, std_error, pvalue, note."""


@dataclass(frozen=True)
class StaticTwoWay:
    """What the static two-way estimate of the downgrade is made of.

    Attributes
    ----------
    estimate
        One effect of all weeks from the event on, region and week effects.
    forbidden
        Share of its weight on comparisons with provinces already treated.
    forbidden_estimate, clean_estimate
        Mean of those comparisons, and of the others.
    negative_cells, negative_weight
        Share of treated cohort-weeks with a negative weight, and the sum of these weights, where all sum to one.
    """

    estimate: float
    forbidden: float
    forbidden_estimate: float
    clean_estimate: float
    negative_cells: float
    negative_weight: float


def static_two_way(panel: Panel) -> StaticTwoWay:
    """Take the static two-way estimate of the first downgrade apart.

    Raises
    ------
    IdentificationError
        If the sample is not balanced.
    """
    sample, outcome = downgrade_sample(panel), plan_of(panel).outcomes.main
    events = downgrade_events(sample)
    bacon = bacon_decomposition(sample, events, outcome=outcome)
    negative = two_way_weights(sample, events, outcome=outcome).attrs
    forbidden = bacon.pairs["kind"].isin(FORBIDDEN)
    weight, product = bacon.pairs["weight"], bacon.pairs["weight"] * bacon.pairs["estimate"]
    return StaticTwoWay(
        bacon.estimate,
        float(weight[forbidden].sum()),
        float(product[forbidden].sum() / weight[forbidden].sum()),
        float(product[~forbidden].sum() / weight[~forbidden].sum()),
        negative["share_negative"],
        negative["negative"],
    )


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
        By case: estimate, std_error, pvalue (fake and randomised dates only), note. The estimator is imputation given
        the epidemic state.
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
    rows |= _without_each(known, events, options) | _faked(known, events, (3,), options)
    random = randomise_dates(known, events, draws=draws, seed=seed, **options)
    ends = f"{random.conf_low:.2f} to {random.conf_high:.2f}".replace("-", "\N{MINUS SIGN}")
    kept = random.reason or f"95% interval {ends}"
    rows["randomised dates"] = (random.estimate, np.nan, random.pvalue, f"{random.draws.size} assignments, {kept}")
    return _frame(rows | _taken_apart(panel))


def later_sensitivity(panel: Panel) -> dict[str, pd.DataFrame]:
    """Estimate the later designs without each province in turn, and with fake dates.

    Returns
    -------
    By design ("outbreak", "neighbour"), as ``downgrade_sensitivity``: local projections at home, rings as a path next
    door.
    """
    found = {}
    for name, case in (("outbreak", outbreak_projection(panel)), ("neighbour", ring_path(panel, LATER))):
        options = _options(case, panel)
        by = {"by": PLACE} if PLACE in case.panel.data else {}
        rows = {"as estimated": _one(case.panel, case.events, options, case.label)}
        rows |= _without_each(case.panel, case.events, options | by)
        found[name] = _frame(rows | _faked(case.panel, case.events, LATER_SHIFTS, options))
    return found


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
    return _frame(found)


def _options(case: EventCase, panel: Panel) -> dict[str, Any]:
    return {
        "outcome": plan_of(panel).outcomes.main,
        "estimator": case.estimator,
        "covariates": case.covariates,
        "cluster": case.cluster,
        "support": planned_rule(panel),
    }


def _without_each(panel: Panel, events: Events, options: dict[str, Any]) -> dict[str, Row]:
    """Give the smallest and the largest effect without one province."""
    left = leave_one_region_out(panel, events, **options).drop(index="none")
    return {
        f"leave one out, {which}": (*_numbers(left, at), np.nan, f"without {at}")
        for which, at in (("smallest", left["estimate"].idxmin()), ("largest", left["estimate"].idxmax()))
    }


def _faked(panel: Panel, events: Events, shifts: tuple[int, ...], options: dict[str, Any]) -> dict[str, Row]:
    """Give the effects of fake dates."""
    placebo = fake_dates(panel, events, shifts=shifts, **options)
    return {
        f"fake dates, {shift} weeks earlier": (
            *_numbers(placebo, shift),
            float(placebo["pvalue"].loc[shift]),
            str(placebo.loc[shift, "reason"]),
        )
        for shift in shifts
    }


def _numbers(table: pd.DataFrame, at: object) -> tuple[float, float]:
    estimate, error = table.loc[[at], ["estimate", "std_error"]].to_numpy(dtype=float)[0]
    return float(estimate), float(error)


def _taken_apart(panel: Panel) -> dict[str, Row]:
    """Say what the static two-way estimate is made of, or why that cannot be said."""
    try:
        found = static_two_way(panel)
    except IdentificationError as fault:
        return {"static two-way": (np.nan, np.nan, np.nan, str(fault))}
    return {
        "static two-way": (
            found.estimate,
            np.nan,
            np.nan,
            f"negative weights: {found.negative_cells:.0%} of cells, sum {found.negative_weight:.2f}".replace("-", "−"),
        ),
        "static two-way, forbidden": (
            found.forbidden_estimate,
            np.nan,
            np.nan,
            f"{found.forbidden:.0%} of the weight: controls stepped down before",
        ),
        "static two-way, others": (
            found.clean_estimate,
            np.nan,
            np.nan,
            f"{1 - found.forbidden:.0%} of the weight: controls step down later",
        ),
    }


def _frame(rows: dict[str, Row]) -> pd.DataFrame:
    return pd.DataFrame.from_dict(rows, orient="index", columns=["estimate", "std_error", "pvalue", "note"])


def _dated(events: Events, dates: dict[str, pd.Timestamp]) -> Events:
    """Give some regions another date."""
    kept = events.table[~events.table["region"].isin(dates)]
    added = pd.DataFrame({"region": list(dates), "date": list(dates.values())})
    table = pd.concat([kept, added], ignore_index=True).sort_values(["region", "date"]).reset_index(drop=True)
    return Events(table, events.kind, events.anticipation, events.window, events.ends)


def _one(panel: Panel, events: Events, options: dict[str, Any], note: str) -> Row:
    try:
        estimate, error = mean_effect(event_study(panel, events, **options))
    except (IdentificationError, DataError) as fault:
        return np.nan, np.nan, np.nan, str(fault)
    return estimate, error, np.nan, note
