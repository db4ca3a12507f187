"""Made-up records: a small panel with both stage clocks, and estimates with cells that are not identified."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from panelcoop.panel.record import Ledger, Panel, SpatialWeights

REGIONS, WEEKS = 12, 110


def made_up_panel(regions: int = REGIONS, weeks: int = WEEKS) -> Panel:
    rng = np.random.default_rng(7)
    names = [f"P{k:02d}" for k in range(regions)]
    mondays = pd.date_range("2020-01-06", periods=weeks, freq="7D")
    keys = pd.MultiIndex.from_product([names, mondays], names=["region", "week"])
    t = np.arange(weeks)
    national = 40 + 25 * np.exp(-0.5 * ((t - 6) / 6) ** 2) + 0.15 * t + 12 * np.exp(-0.5 * ((t - 80) / 9) ** 2)
    noise = rng.normal(size=(regions, weeks)).cumsum(axis=1) * 0.6
    outcome = national + rng.normal(0, 4, size=(regions, 1)) + noise
    starts = [np.sort(rng.integers(0, weeks - 12, size=3)) for _ in names]
    stage = [_clock(s, weeks) for s in starts]
    paper = np.select([t < 3, t < 7, t < 16, t < 52], ["gestation", "outbreak", "continuation", "recovery"], default="")
    data = pd.DataFrame(
        {
            "joint_response_containment_health": outcome.ravel(),
            "own_risk": np.abs(rng.normal(size=regions * weeks)),
            "fiscal_self_sufficiency": np.repeat(rng.normal(size=regions), weeks),
            "stage_epidemic": np.concatenate(stage),
            "stage_white_paper": np.tile(np.where(paper == "", None, paper), regions),
        },
        index=keys,
    )
    data.loc[data.index[5:9], "own_risk"] = np.nan
    roles = {"joint_response_containment_health": "outcome", "own_risk": "driver", "fiscal_self_sufficiency": "driver"}
    roles |= {"stage_epidemic": "stage", "stage_white_paper": "stage"}
    return Panel(
        data=data,
        roles=roles,
        notes={"own_risk": "log(1 + new cases per million), one week earlier"},
        weights={"contiguity": SpatialWeights("contiguity", tuple(names), np.zeros((regions, regions)))},
        empty_slots={"public_opinion": "no open data by province and week"},
        ledger=Ledger.of(
            [
                {"source": "jhu", "action": "corrected", "reason": "negative daily count", "count": 33},
                {"source": "oxcgrt", "action": "missing", "reason": "before the source begins", "count": 4},
            ]
        ),
    )


def _clock(starts: np.ndarray, weeks: int) -> np.ndarray:
    stage = np.full(weeks, "recovery", dtype=object)
    for start in starts:
        stage[max(start - 2, 0) : start] = "gestation"
        stage[start : start + 4] = "outbreak"
        stage[start + 4 : start + 9] = "continuation"
    return stage


@pytest.fixture(scope="session")
def panel() -> Panel:
    return made_up_panel()
