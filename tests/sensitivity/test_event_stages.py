"""Effects by stage: every stage has a row, thin ones are marked or left out, numbers are those of the aggregation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from panelcoop.estimate.event_study.aggregate import aggregate_events
from panelcoop.estimate.event_study.api import event_study
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.local_projection import LpDid
from panelcoop.estimate.event_study.support import SupportRule
from panelcoop.panel.record import Panel
from panelcoop.sensitivity.event_stages import effects_by_stage

STAGES = ("early", "late", "never reached")
STARTS = (5, 6, 7, 9)  # the first three weeks fall into the early stage


@pytest.fixture(scope="module")
def example():
    rng = np.random.default_rng(2)
    index = pd.MultiIndex.from_product([range(30), range(14)], names=["region", "week"])
    data = pd.DataFrame({"y": rng.normal(size=len(index))}, index=index)
    week = index.get_level_values("week")
    data["stage"] = np.where(week < 7, "early", "late")
    starts = pd.DataFrame({"region": range(20), "date": np.repeat(STARTS, 5)})
    return Panel(data=data), Events.from_table(starts).with_options(window=(3, 3), ends="dropped")


@pytest.mark.parametrize("estimator", ["imputation", LpDid(3, 3)])
def test_rows_hold_the_aggregates_and_the_events_behind_them(example, estimator):
    panel, events = example
    study = event_study(panel, events, outcome="y", estimator=estimator, stage="stage")
    table = effects_by_stage(study, STAGES)
    found = aggregate_events(study, "stage")
    assert list(table.index) == list(STAGES)
    assert table.loc["early", "estimate"] == found.params["early"]
    assert table.loc["early", ["weeks", "events"]].tolist() == [3, 15]
    assert table.loc["late", ["weeks", "events"]].tolist() == [1, 5]
    assert table.loc["late", "reason"].startswith("thin: 1 of the 3 event weeks")
    assert table.loc["never reached", "reason"] == "no event in this stage"
    assert table.loc["early", "low"] < table.loc["early", "estimate"] < table.loc["early", "high"]


@pytest.mark.parametrize("estimator", ["imputation", LpDid(3, 3)])
def test_thin_stages_are_left_out_where_support_is_required(example, estimator):
    panel, events = example
    rule = SupportRule(require=True)
    study = event_study(panel, events, outcome="y", estimator=estimator, stage="stage", support=rule)
    table = effects_by_stage(study, STAGES)
    assert np.isfinite(table.loc["early", "estimate"])
    assert np.isnan(table.loc["late", "estimate"])
    assert "1 of the 3 event weeks" in table.loc["late", "reason"]
