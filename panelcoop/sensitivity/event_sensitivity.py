"""How the downgrade study depends on doubtful records, single regions, fake dates and the assignment of dates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.api import event_study
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.placebo import fake_dates, leave_one_region_out, mean_effect, randomise_dates
from panelcoop.estimate.planned import plan_of
from panelcoop.panel.record import Panel
from panelcoop.sensitivity.event_evidence import DOWNGRADE_WEEKS, EPIDEMIC_STATE, downgrade_sample

__all__ = ["downgrade_sensitivity"]

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
    every = _weeks(panel)
    events = _events(panel, known)
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


def _events(panel: Panel, sample: Panel) -> Events:
    return Events.from_column(sample, "downgrade_week").with_options(
        anticipation=plan_of(panel).events.anticipation, window=(6, 8), ends="dropped"
    )


def _weeks(panel: Panel) -> Panel:
    week = panel.data.index.get_level_values("week")
    data = panel.data[(week >= DOWNGRADE_WEEKS[0]) & (week <= DOWNGRADE_WEEKS[1])]
    return Panel(data=data, roles=panel.roles, notes=panel.notes, weights=panel.weights, plan=panel.plan)


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
