"""The multiverse: every universe equals the fit a person would make by hand; what cannot be had says why."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import DataError, PlanError
from panelcoop.estimate.planned import planned_settings
from panelcoop.estimate.settings import InferenceSettings
from panelcoop.estimate.stage_interaction import stage_interaction
from panelcoop.numerics.covariance.spatial_hac import great_circle
from panelcoop.panel.assemble import assemble
from panelcoop.panel.choices import alternative_weights, panel_with_choices
from panelcoop.panel.plan import change_plan, plan_from_mapping
from panelcoop.panel.policy_measures import policy_overlap
from panelcoop.panel.record import panel_from_frame
from panelcoop.sensitivity.multiverse import multiverse
from panelcoop.sensitivity.multiverse_plan import planned_contrast, planned_universes
from panelcoop.sensitivity.multiverse_universe import Universe, cross_universes, fit_universe
from panelcoop.sensitivity.multiverse_waves import wave_universes
from panelcoop.waves.primary import wave_test
from panelcoop.waves.thresholds import WaveThresholds

SAME = 1e-9  # the same least squares by another order of sums
FAST = InferenceSettings(draws=199, seed=5)
CONTRAST = "risk:outbreak - risk:recovery"


def own_panel(seed: int = 3, regions: int = 9, weeks: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_product([[f"r{i}" for i in range(regions)], range(weeks)], names=["region", "week"])
    n = len(index)
    start = np.repeat(rng.integers(4, 20, regions), weeks)
    clock = index.get_level_values("week").to_numpy() - start
    frame = pd.DataFrame(index=index)
    frame["stage"] = np.select([clock < 0, clock < 8], ["gestation", "outbreak"], "recovery")
    frame["late"] = np.where(clock < 14, "outbreak", "recovery")
    frame["national"] = np.where(index.get_level_values("week") < 20, "outbreak", "recovery")
    frame["risk"], frame["risk_2"], frame["spread"] = rng.normal(size=(3, n))
    frame["profit"] = np.repeat(rng.normal(size=regions), weeks)
    frame["people"] = np.repeat(rng.uniform(1, 9, regions), weeks)
    frame["y"] = frame["risk"] * np.where(frame["stage"] == "outbreak", 1.0, 0.3) + rng.normal(size=n)
    frame["z"] = frame["y"] * 0.5 + rng.normal(size=n)
    frame.loc[frame.index[rng.choice(n, 25, replace=False)], "z"] = np.nan
    frame.loc[frame.index[rng.choice(n, 10, replace=False)], "risk"] = np.nan
    return frame


def own_universes() -> list[Universe]:
    base = Universe("y", {"risk": "risk", "spread": "spread", "profit": "profit"}, "stage")
    axes = {
        "outcome": {"y": {}, "z": {"outcome": "z"}},
        "stages": {"own": {}, "late": {"stage": "late"}, "national": {"stage": "national"}},
        "lag": {"1": {}, "2": {"drivers": {"risk": "risk_2"}}},
        "estimator": {
            "two-way": {},
            "trends": {"effects": "two-way+trends"},
            "people": {"weights": "people"},
            "region": {"effects": "region"},
        },
        "regions": {"all": {}, "without r4": {"without": ("r4",)}},
    }
    return cross_universes(base, axes)


@pytest.fixture(scope="module")
def found():
    return multiverse(panel_from_frame(own_panel()), universes=own_universes(), contrast=CONTRAST, settings=FAST)


def test_every_universe_equals_a_fit_made_by_hand(found):
    frame = own_panel()
    outcomes, stages, lags = ("y", "z"), ("stage", "late", "national"), ("risk", "risk_2")
    estimators = (("two-way", None), ("two-way+trends", None), ("two-way", "people"), ("region", None))
    grid = list(product(outcomes, stages, lags, estimators, ((), ("r4",))))
    assert len(found.table) == len(grid)
    for at, (outcome, stage, column, (effects, weights), without) in enumerate(grid):
        if at % 3:  # a third of them, every choice among them
            continue
        kept = frame[~frame.index.get_level_values("region").isin(without)].copy()
        kept["risk"] = kept[column]
        drivers = ["risk", "spread", "profit"]
        fit = stage_interaction(kept, outcome=outcome, drivers=drivers, stage=stage, effects=effects, weights=weights)
        hand = fit.inference(["DWB-t", "CRV1"], [CONTRAST], FAST).droplevel("hypothesis")
        row = found.table.iloc[at]
        assert row["estimate"] == pytest.approx(hand.loc["DWB-t", "estimate"], rel=SAME)
        assert row["std_error"] == pytest.approx(hand.loc["DWB-t", "std_error"], rel=SAME)
        assert row["pvalue"] == hand.loc["DWB-t", "pvalue"]
        assert row["conf_low"] == pytest.approx(hand.loc["DWB-t", "conf_low"], rel=1e-6)
        assert row["pvalue_crv1"] == pytest.approx(hand.loc["CRV1", "pvalue"], rel=1e-8)
        assert (row["nobs"], row["n_regions"], row["n_weeks"]) == (fit.nobs, fit.n_regions, fit.n_weeks)


def test_refit_gives_the_whole_regression_of_a_universe(found):
    fit = found.refit(7)
    assert fit.contrast(CONTRAST).estimate == pytest.approx(found.table["estimate"].iloc[7], rel=SAME)
    assert list(fit.drivers) == ["risk", "spread", "profit"]


def test_effects_are_in_standard_deviations_within_the_absorbed_effects(found):
    frame = own_panel().dropna(subset=["risk"])
    within = frame[["y", "risk"]]
    for _ in range(200):  # alternating projections
        within = within - within.groupby("region").transform("mean")
        within = within - within.groupby("week").transform("mean")
    scale = (within["risk"] ** 2).mean() ** 0.5 / (within["y"] ** 2).mean() ** 0.5
    row = found.table.iloc[0]
    assert row["scale"] == pytest.approx(scale, rel=1e-8)
    assert row["effect"] == pytest.approx(row["estimate"] * scale, rel=1e-8)


def test_scaling_the_outcome_and_the_order_of_rows_change_nothing():
    frame = own_panel()
    chosen = own_universes()[:6]
    base = multiverse(panel_from_frame(frame), universes=chosen, contrast=CONTRAST, settings=FAST, waves=False)
    other = frame.assign(y=7 * frame["y"], z=7 * frame["z"]).sample(frac=1, random_state=1)
    moved = multiverse(panel_from_frame(other), universes=chosen, contrast=CONTRAST, settings=FAST, waves=False)
    for name in ("effect", "pvalue", "pvalue_crv1", "effect_low"):
        assert np.allclose(base.table[name], moved.table[name], rtol=1e-7)
    assert np.allclose(7 * base.table["estimate"], moved.table["estimate"])


def test_relabelled_regions_change_nothing():
    frame, chosen = own_panel(), own_universes()[:4]
    renamed = frame.rename(index=lambda name: f"z{9 - int(name[1:])}", level="region")
    both = [
        multiverse(panel_from_frame(f), universes=[replace(u, without=()) for u in chosen], **asked).table
        for f in (frame, renamed)
        for asked in ({"contrast": CONTRAST, "settings": FAST, "waves": False},)
    ]
    assert np.allclose(both[0]["estimate"], both[1]["estimate"])
    assert np.allclose(both[0]["pvalue"], both[1]["pvalue"])


def test_a_universe_without_an_estimate_is_a_row_with_its_reason():
    frame = own_panel().assign(directive=lambda f: f.index.get_level_values("week").to_numpy(dtype=float), void=np.nan)
    base = Universe("y", {"risk": "risk"}, "stage")
    axes = {
        "driver": {
            "risk": {},
            "national": {"drivers": {"risk": "directive"}, "stage": "national"},
            "empty": {"drivers": {"risk": "void"}},
        },
        "stages": {"own": {}, "two": {"stage": "late"}},
    }
    asked = {"contrast": "risk:outbreak - risk:gestation", "settings": FAST, "waves": False}
    table = multiverse(panel_from_frame(frame), universes=cross_universes(base, axes), **asked).table
    assert table["estimate"].notna().tolist() == [True, False, False, False, False, False]
    assert "No coefficient named" in table["reason"][1] or "is not a coefficient" in table["reason"][1]
    assert "'void' is missing" in table["reason"][4]
    national = {"contrast": "risk:outbreak - risk:recovery", "settings": FAST, "waves": False}
    chosen = [base, replace(base, drivers={"risk": "directive"}, stage="national")]
    found = multiverse(panel_from_frame(frame), universes=chosen, **national)
    assert "is not identified" in found.table["reason"][1]
    assert found.sign_share == 1.0
    assert found.infeasible.sum() == 1
    assert "1 infeasible" in str(found)


def test_nothing_feasible_a_wrong_column_and_a_missing_plan_are_errors():
    panel = panel_from_frame(own_panel())
    chosen = [Universe("y", {"risk": "risk"}, "stage")]
    with pytest.raises(DataError, match="No universe gives 'risk:peak'"):
        multiverse(panel, universes=chosen, contrast="risk:peak", settings=FAST)
    with pytest.raises(DataError, match="no column 'riskk' \\(did you mean 'risk'\\?\\)"):
        multiverse(panel, universes=[Universe("y", {"risk": "riskk"}, "stage")], contrast=CONTRAST, settings=FAST)
    with pytest.raises(PlanError, match="without a plan"):
        multiverse(panel)
    with pytest.raises(PlanError, match="hand over panel_with_choices"):
        multiverse(replace(panel, plan=plan_from_mapping({})))
    with pytest.raises(DataError, match="no choice"):
        cross_universes(chosen[0], {"lag": {}})
    with pytest.raises(DataError, match="a field on the axis 'lag'"):
        cross_universes(chosen[0], {"lag": {"1": {"driver": {}}}})


def test_shares_count_universes(found):
    table = found.table
    same = np.sign(table["estimate"]) == np.sign(table["estimate"].iloc[0])
    assert found.sign_share == pytest.approx(same.mean())
    assert found.significant_share == pytest.approx((same & (table["pvalue"] <= 0.05)).mean())
    by = found.share_by("stages")
    assert by["universes"].sum() == len(table)
    assert by.loc["late", "sign_share"] == pytest.approx(same[table["stages"] == "late"].mean())


def test_waves_equal_the_wave_test(found):
    thresholds = WaveThresholds(draws=199)
    kept = own_panel().drop(index="r4", level="region")
    for universe, row in zip(found.universes, found.table.itertuples(), strict=True):
        if universe.without and universe.weights and universe.outcome == "z":
            alone = wave_test(kept, outcome="z", weights="people", thresholds=thresholds)
            assert row.ascent == pytest.approx(alone.test.ascent / alone.region_sd)
            assert (row.p_ascent, row.verdict) == (alone.evidence.p_ascent, alone.verdict)
            break
    tests = found.wave_tests
    assert len(tests) == 2 * 2 * 2  # outcome, weights, regions
    assert found.wave_sign_share == pytest.approx(((tests["ascent"] > 0) & (tests["net_rise"] > 0)).mean())
    again = wave_test(own_panel(), outcome="y", thresholds=thresholds, sign_share=found.wave_sign_share)
    assert again.evidence.sign_share == found.wave_sign_share


def test_waves_that_cannot_be_had_say_why():
    short = own_panel(weeks=40).loc[pd.IndexSlice[:, :6], :]
    rows = wave_universes(panel_from_frame(short), [Universe("y", {"risk": "risk"}, "stage")])
    assert rows["ascent"].isna().all()
    assert rows["wave_reason"].iloc[0]


@pytest.fixture(scope="module")
def shipped(root):
    plan = change_plan(
        plan_from_mapping({"multiverse": {"measures": ["policy_overlap"], "indices": ["stringency"], "lags": [2]}}),
        {"data.folder": str(root / "data")},
    )
    panel = panel_with_choices(plan)
    return panel, planned_universes(panel)


def test_the_plans_own_choice_is_always_among_the_universes(shipped):
    panel, planned = shipped
    plan = panel.plan
    assert len(planned.universes) == 2 * 2 * 3 * len(plan.multiverse.weights) * 2 * 3 * 2
    main = planned.universes[planned.main]
    fit = fit_universe(panel, main)
    whole = assemble(plan)
    hand = stage_interaction(whole, outcome=plan.model.outcome, drivers=plan.model.drivers)
    assert fit.nobs == hand.nobs
    assert np.allclose(fit.params, hand.params, rtol=SAME, equal_nan=True)


def test_a_planned_universe_equals_the_panel_assembled_for_it(shipped):
    panel, planned = shipped
    plan = panel.plan
    wanted = {
        "measure": "policy_overlap",
        "index": "stringency",
        "stages": "white paper, alternative",
        "weights": "contiguity",
        "lag": "2",
        "estimator": "two-way+trends",
        "regions": "without CN-HB",
    }
    universe = next(u for u in planned.universes if dict(u.choices) == wanted)
    mapping = {k: list(v) for k, v in plan.stages.alternative_mapping.items()}
    other = assemble(change_plan(plan, {"drivers.lag": 2, "stages.mapping": mapping, "stages.clock": "white_paper"}))
    hand = stage_interaction(
        other.without_regions(["CN-HB"]),
        outcome="policy_overlap_stringency",
        drivers=plan.model.drivers,
        effects="two-way+trends",
    )
    fit = fit_universe(panel, universe)
    assert fit.nobs == hand.nobs
    assert np.allclose(fit.params, hand.params, rtol=1e-7, equal_nan=True)
    found = multiverse(panel, universes=[universe], contrast=planned_contrast(plan), waves=False)
    assert found.table["estimate"][0] == pytest.approx(hand.contrast(planned_contrast(plan)).estimate, rel=1e-7)
    settings = planned_settings(panel)
    assert replace(found.settings, space=None) == replace(settings, space=None)


def test_other_weights_change_outcome_and_spread_together(shipped):
    panel, _ = shipped
    weights = alternative_weights(panel, "second_order")
    assert np.allclose(weights.matrix.sum(axis=1), 1)
    assert (weights.matrix > 0).sum() > (panel.weights["contiguity"].matrix > 0).sum()
    data = panel.data
    wide = data["stringency"].unstack("region")  # noqa: PD010 - unique keys
    overlap = policy_overlap(wide.to_numpy(), weights.matrix)
    kept = data["policy_overlap_stringency [second_order]"].unstack("region")  # noqa: PD010 - unique keys
    assert np.array_equal(kept.to_numpy(), overlap, equal_nan=True)
    same = data["spread_risk [lag 1, contiguity]"]
    assert np.allclose(same, data["spread_risk"], rtol=1e-12, equal_nan=True)
    by_people = alternative_weights(panel, "population")
    people = panel.regions["population"].to_numpy()
    row = panel.weights["contiguity"].matrix[0] > 0
    assert np.allclose(by_people.matrix[0][row], people[row] / people[row].sum())
    by_distance = alternative_weights(panel, "distance")
    places = panel.regions[["latitude", "longitude"]].to_numpy()
    away = great_circle(places)[0, 1:]
    assert np.allclose(by_distance.matrix[0, 1:], (1 / away) / (1 / away).sum())
    nowhere = replace(panel, regions=panel.regions.drop(columns="latitude"))
    with pytest.raises(PlanError, match="'distance' out"):
        alternative_weights(nowhere, "distance")
