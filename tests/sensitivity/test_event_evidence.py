"""The planned event studies on the shipped panel: samples, what is conditioned on, support, bounds and doubts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from panelcoop.estimate.event_study.two_way_weights import two_way_weights
from panelcoop.panel.assemble import assemble
from panelcoop.panel.plan import read_plan
from panelcoop.sensitivity.event_designs import (
    LATER,
    activation,
    downgrade_events,
    downgrade_evidence,
    downgrade_sample,
    neighbour_evidence,
    neighbour_projection,
    outbreak_evidence,
)
from panelcoop.sensitivity.event_evidence import EPIDEMIC_STATE
from panelcoop.sensitivity.event_rings import outbreak_spells, ring_cases
from panelcoop.sensitivity.event_sensitivity import (
    downgrade_sensitivity,
    later_sensitivity,
    own_policy_response,
    static_two_way,
)
from panelcoop.sensitivity.event_spells import reached

STAGES = ["gestation", "outbreak", "continuation", "recovery"]
ROUNDING = 1e-9


@pytest.fixture(scope="module")
def panel(root):
    return assemble(read_plan(root / "study.toml"))


@pytest.fixture(scope="module")
def designs(panel):
    return {
        found.name: found for found in map(_run(panel), (downgrade_evidence, outbreak_evidence, neighbour_evidence))
    }


def _run(panel):
    return lambda evidence: evidence(panel)


def test_downgrade_sample_has_the_29_provinces_on_record(panel):
    regions = downgrade_sample(panel).data.index.unique("region")
    assert len(regions) == 29
    assert not {"CN-GZ", "CN-SN"} & set(regions)


def test_activation_is_counted_from_the_record(panel):
    found = activation(panel)
    assert (found.together, found.known) == (28, 29)
    assert f"{found.week:%G-W%V}" == "2020-W04"
    assert found.missing == ("Guizhou", "Shaanxi")
    assert set(found.last) == {"Hubei", "Beijing", "Tianjin", "Hebei"}


def test_downgrade_effects_are_shown_with_their_thin_support(designs):
    found = designs["downgrade"]
    assert found.studies["imputation"].support.loc[2, "thin"]
    supported = found.studies["imputation, supported"]
    assert supported.params.loc[1:].isna().all()
    assert set(supported.reasons) >= {1, 2, 3}
    assert "no path from one reference week" in found.unavailable["imputation, path"]


def test_what_is_conditioned_on_is_said_of_every_row(designs):
    said = designs["downgrade"].conditions
    assert said["Callaway-Sant'Anna"] == "nothing"
    assert said["LP-DiD"] == said["Callaway-Sant'Anna, given risk"] == "own risk, week\u00a0−3"
    assert {said[name] for name in ("imputation", "Sun-Abraham", "two-stage", "two-way")} == {
        "epidemic state, every week"
    }
    assert "own_risk" in designs["downgrade"].studies["Callaway-Sant'Anna, given risk"].convention
    assert set(designs["downgrade"].studies["Sun-Abraham"].covariates.index) == set(EPIDEMIC_STATE)


def test_conditions_follow_covariates(panel):
    case = neighbour_projection(panel)
    assert case.conditions == "nothing"
    assert replace(case, covariates=("spread_risk",)).conditions == "neighbours' risk, week\u00a0−3"
    assert replace(case, covariates=EPIDEMIC_STATE, estimator="imputation").conditions == "epidemic state, every week"


@pytest.mark.parametrize("name", ["outbreak", "neighbour"])
def test_later_designs_keep_the_planned_support(designs, panel, name):
    for study in designs[name].studies.values():
        live = study.support.loc[study.support.index.isin(study.estimated)]
        assert (live["controls"] >= panel.plan.events.minimum_controls).all()
        assert (live["cohorts"] >= panel.plan.events.minimum_cohorts).all()
        assert study.anticipation == panel.plan.events.anticipation


@pytest.mark.parametrize(
    ("name", "estimators"),
    [
        ("downgrade", {"imputation", "callaway-santanna", "sun-abraham", "lp-did", "two-stage", "twfe"}),
        ("outbreak", {"lp-did", "stacked", "imputation"}),
        ("neighbour", {"rings", "imputation", "lp-did", "stacked"}),
    ],
)
def test_every_design_has_estimators_of_its_own_kind(designs, name, estimators):
    assert {study.estimator for study in designs[name].studies.values()} == estimators


def test_the_path_of_the_ring_rests_on_the_same_fit_as_rings(designs):
    found = designs["neighbour"]
    rings, path = found.studies["rings, neighbours"], found.studies["rings, path"]
    assert path.support["treated"].loc[0:].tolist() == rings.support["treated"].loc[0:].tolist()
    assert path.reference == (-3,)


def test_rings_leave_out_weeks_after_an_outbreak_at_home(panel):
    spells = outbreak_spells(panel, LATER)
    home, path = reached(spells, 0), next(case for case in ring_cases(panel, LATER) if case.label == "rings, path")
    weeks = path.panel.data.reset_index().groupby("region")["week"].max()
    both = home.index.intersection(weeks.index)
    assert len(both)
    assert (weeks[both] < home[both]).all()


@pytest.mark.parametrize("name", ["downgrade", "outbreak", "neighbour"])
def test_used_and_left_out_add_up_to_all_events(designs, name):
    found = designs[name]
    for label, row in found.effects.iterrows():
        assert row["used"] + sum(found.left_out[label].values()) == row["asked"]
        assert row["used"] == found.studies[label].support.loc[0, "treated"]


@pytest.mark.parametrize("name", ["downgrade", "outbreak", "neighbour"])
def test_both_bounds_for_every_study_with_one_reference(designs, name):
    found = designs[name]
    assert found.bounds
    for label, study in found.studies.items():
        keys = {(restriction, target) for one, restriction, target in found.bounds if one == label}
        assert (label in found.unbounded) == (not keys) == (len(study.reference) != 1)
        assert len(keys) in (0, 4)
    label = next(iter(found.bounds))[0]
    bound = found.bounds[label, "smoothness", "first"]
    assert bound.method == "FLCI"
    assert found.bound(label, "smoothness", 0.1) == tuple(bound.table.loc[0.1, ["low", "high"]])
    assert np.isnan(found.bound("nobody", "smoothness", 0.1)).all()


@pytest.mark.parametrize("name", ["downgrade", "outbreak", "neighbour"])
def test_every_stage_has_an_effect_or_a_reason(designs, name):
    table = designs[name].by_stage
    for _, part in table.groupby(level="estimator"):
        assert list(part.index.get_level_values("stage"))[:4] == STAGES
    lost = table["estimate"].isna()
    assert (table.loc[lost, "reason"] != "").all()
    assert (table.loc[~lost, "events"] > 0).all()


def test_doubts_on_record_are_all_estimated(panel):
    table = downgrade_sensitivity(panel, draws=99)
    assert np.isfinite(table["estimate"]).all()
    assert 0 < table.loc["randomised dates", "pvalue"] <= 1
    assert table.loc["Gansu a week earlier", "estimate"] != table.loc["as recorded", "estimate"]


def test_the_static_estimate_of_the_downgrade_is_taken_apart(panel):
    found, table = static_two_way(panel), downgrade_sensitivity(panel, draws=9)
    parts = found.forbidden * found.forbidden_estimate + (1 - found.forbidden) * found.clean_estimate
    assert parts == pytest.approx(found.estimate)
    assert table.loc["static two-way", "estimate"] == found.estimate
    assert table.loc["static two-way, forbidden", "note"].startswith(f"{found.forbidden:.0%} of the weight")
    sample = downgrade_sample(panel)
    treated = two_way_weights(sample, downgrade_events(sample), outcome=sample.plan.outcomes.main)
    assert found.negative_weight == pytest.approx(treated["weight"].clip(upper=0).sum())


def test_later_designs_are_estimated_without_each_province_and_with_fake_dates(panel, designs):
    found = later_sensitivity(panel)
    for name, label in (("outbreak", "LP-DiD"), ("neighbour", "rings, path")):
        table = found[name]
        assert np.isfinite(table[["estimate", "std_error"]].to_numpy(dtype=float)).all()
        whole = table.loc["as estimated", "estimate"]
        assert whole == pytest.approx(designs[name].effects.loc[label, "estimate"])
        low, high = table.loc[["leave one out, smallest", "leave one out, largest"], "estimate"]
        assert low <= whole <= high
        assert table.loc["leave one out, smallest", "note"].removeprefix("without ") in panel.regions.index


def test_own_index_is_studied_beside_the_outcome_that_holds_the_neighbours(panel):
    table = own_policy_response(panel)
    assert list(table.index) == [
        "outbreak at home, LP-DiD",
        "outbreak next door, rings, path",
        "outbreak next door, LP-DiD",
    ]
    assert np.isfinite(table["estimate"]).all()
