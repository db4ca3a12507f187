"""What a reader is told unasked: rows that inform nothing, thin stages, clusters that carry everything."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from panels import stage_panel

import panelcoop as pc

QUICK = pc.InferenceSettings(draws=99, permutations=19)
BY_CLUSTER = ["CRV1", "CRV2", "CRV3", "two-way", "WCR", "WCU", "WCR-CRV3", "WCR two-way", "RI"]


def test_singletons_and_sets_without_a_link_are_named_by_region_and_week():
    frame = stage_panel().reset_index()
    early = (frame["region"] < "r06") & (frame["week"] < 20)
    late = (frame["region"] >= "r06") & (frame["week"] >= 20)
    lonely = frame.iloc[[3]].assign(region="far away")
    fit = pc.stage_interaction(pd.concat([frame[early | late], lonely]), outcome="y", drivers=["risk"])
    assert any(note.endswith("parameter: far away in 3") for note in fit.notes)
    assert any("fall into 2 sets" in note for note in fit.notes)
    assert "far away in 3" in fit.summary()
    assert "far away in 3" in fit._repr_html_()


def test_weeks_are_named_as_dates():
    frame = stage_panel().reset_index()
    frame["week"] = pd.Timestamp("2020-01-06") + pd.to_timedelta(7 * frame["week"], "D")
    fit = pc.stage_interaction(pd.concat([frame, frame.iloc[[3]].assign(region="far")]), outcome="y", drivers=["risk"])
    assert any(note.endswith("far in 2020-01-27") for note in fit.notes)


def test_separated_zeros_are_named():
    frame = stage_panel(regions=6, weeks=20)
    frame["count"] = np.random.default_rng(1).poisson(2.0, len(frame)) + 1.0
    frame.loc["r02", "count"] = 0.0
    fit = pc.stage_interaction(frame, outcome="count", drivers=["risk"], family=pc.Poisson())
    assert any("separated zeros" in note and "r02 in 0" in note and "15 more" in note for note in fit.notes)


def test_notes_follow_the_covariance():
    fits = (
        pc.stage_interaction(stage_panel(regions=4, seed=seed), outcome="y", drivers=["risk"], covariance="two-way")
        for seed in range(20)
    )
    fit = next(fit for fit in fits if not fit.covariance.psd)
    plain = fit.with_covariance("CRV1")
    assert any("positive semi-definite" in note for note in fit.notes)
    assert not any("positive semi-definite" in note for note in plain.notes)


def test_a_stage_of_one_week_is_said_in_every_line_that_touches_it():
    frame = stage_panel()
    frame["stage"] = np.where(frame.index.get_level_values("week") == 5, "single", frame["stage"])
    fit = pc.stage_interaction(frame, outcome="y", drivers=["risk"])
    methods = ["iid", "CRV1", "driscoll-kraay", "DWB-t", "WCR", "RI"]
    table = fit.inference(methods, ["risk:single", "risk:single = risk:outbreak", "risk:outbreak"], QUICK)
    thin = table["note"].str.contains("stage 'single' has one week only")
    assert thin.loc["risk:single"].all()
    assert thin.loc["risk:single = risk:outbreak"].all()
    assert not thin.loc["risk:outbreak"].any()
    over_weeks = table.loc["risk:single", "note"][["driscoll-kraay", "DWB-t"]]
    assert over_weeks.str.contains("lies in week 5").all()


@pytest.mark.parametrize("light", [1e-6, 1e-3])
def test_a_region_with_all_the_weight_is_said_in_every_line_it_spoils(light):
    frame = stage_panel().assign(weight=lambda f: np.where(f.index.get_level_values("region") == "r01", 1.0, light))
    fit = pc.stage_interaction(frame, outcome="y", drivers=["risk"], weights="weight", effects="region")
    table = fit.inference([*BY_CLUSTER, "HC1"], "risk:outbreak", QUICK).droplevel("hypothesis")
    carried = table["note"].str.contains("lies in region r01")
    assert carried[BY_CLUSTER].all()
    assert not carried["HC1"]
    assert "risk:outbreak" in fit.summary()
    assert "lies in region r01" in fit.summary()
    even = pc.stage_interaction(frame, outcome="y", drivers=["risk"], effects="region")
    assert not even.inference(BY_CLUSTER, "risk:outbreak", QUICK)["note"].str.contains("information").any()
    assert "information lies" not in even.summary()


def test_values_whose_squares_overflow_are_named_by_column_and_row():
    frame = stage_panel()
    frame.iloc[3, frame.columns.get_loc("y")] = 1e300
    with pytest.raises(pc.DataError, match=r"'y' exceeds 1e\+100 in 1 rows \(\('r00', 3\)\)"):
        pc.stage_interaction(frame, outcome="y", drivers=["risk"])


def test_stages_that_read_alike_are_refused():
    frame = stage_panel().assign(
        stage=lambda f: f["stage"].map({"gestation": 1, "outbreak": "1"}).fillna(2).astype(object)
    )
    with pytest.raises(pc.DataError, match="Stages 1, '1' of column 'stage' read the same"):
        pc.stage_interaction(frame, outcome="y", drivers=["risk"])
    twice = stage_panel().rename(columns={"control": "risk:outbreak"})
    with pytest.raises(pc.DataError, match="Two terms would be called 'risk:outbreak'"):
        pc.stage_interaction(twice, outcome="y", drivers=["risk"], controls=["risk:outbreak"])
