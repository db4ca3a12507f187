"""Every inference beside the others: the table says what its parts say, and says why where it cannot."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from panels import stage_panel

import panelcoop as pc
from panelcoop.estimate.covariances import CovarianceChoice
from panelcoop.estimate.resampling import joint_draws
from panelcoop.numerics.resampling.wild_cluster import wild_cluster
from panelcoop.numerics.resampling.wild_draws import WildOptions
from panelcoop.numerics.resampling.wild_regression import wild_from_fit

QUICK = pc.InferenceSettings(draws=399, seed=1)


@pytest.fixture(scope="module")
def fit() -> pc.StageInteraction:
    return pc.stage_interaction(stage_panel(), outcome="y", drivers=["risk", "profit"])


def test_analytic_rows_equal_the_estimates(fit):
    text = "risk:outbreak = risk:recovery"
    table = fit.inference(["CRV1", "CRV2", "two-way", "driscoll-kraay"], [text], QUICK)
    for kind in ("CRV1", "CRV2", "two-way", "driscoll-kraay"):
        alone = fit.with_covariance(kind).contrast(text)
        row = table.loc[(text, kind)]
        assert row["pvalue"] == pytest.approx(alone.pvalue, rel=1e-9)
        assert row["conf_low"] == pytest.approx(alone.conf_low, rel=1e-9)
        assert row["df"] == pytest.approx(alone.df)


def test_the_standard_set_stands_side_by_side(fit):
    table = fit.inference(hypotheses=["risk:outbreak"], settings=QUICK)
    assert {"DWB-t", "CRV1", "CRV3", "WCR", "driscoll-kraay"} <= set(table.index.get_level_values("method"))
    assert np.ptp(table["estimate"].dropna()) < 1e-9
    assert table["pvalue"].between(0, 1).all()
    assert (table["conf_low"].dropna() < table["conf_high"].dropna()).all()
    assert (table["convention"] != "").all()


def test_joint_hypotheses_have_no_interval(fit):
    joint = "risk:outbreak = risk:recovery, risk:continuation = risk:recovery"
    table = fit.inference(["CRV1", "DWB-t", "WCR"], [joint], QUICK)
    assert table["conf_low"].isna().all()
    assert table["pvalue"].between(0, 1).all()


def test_every_joint_statistic_is_divided_by_its_restrictions(fit):
    joint = "risk:outbreak = risk:recovery, risk:continuation = risk:recovery"
    normal = pc.SmallSampleRule("nonnested", "(n-1)/(n-K)", "min", "infinite")
    table = fit.inference(["CRV1", "WCR", "DWB-t"], [joint], QUICK).loc[joint]
    chi2 = fit.inference("CRV1", [joint], pc.InferenceSettings(small_sample=normal))
    assert table.loc["WCR", "statistic"] == pytest.approx(table.loc["CRV1", "statistic"], rel=1e-8)
    assert chi2["statistic"].item() == pytest.approx(table.loc["CRV1", "statistic"], rel=1e-8)
    assert table["convention"].str.endswith("; Wald F, q = 2 restrictions").all()


def test_no_resampling_finds_a_statistic_in_rounding_error():
    """Two regions with week effects mirror each other: every region's scores cancel."""
    rng = np.random.default_rng(1)
    index = pd.MultiIndex.from_product([["r1", "r2"], range(30)], names=["region", "week"])
    frame = pd.DataFrame(rng.standard_normal((60, 2)), index=index, columns=["x", "y"])
    frame["stage"] = np.where(index.get_level_values("week") < 15, "a", "b")
    pair = pc.stage_interaction(pc.panel_from_frame(frame.reset_index()), outcome="y", drivers=["x"])
    table = pair.inference(["CRV1", "WCR", "RI", "WCR-CRV3"], ["x:a-x:b"], QUICK)
    assert table[["std_error", "statistic", "pvalue", "conf_low", "conf_high"]].isna().all(axis=None)
    assert table["note"].str.lower().str.contains("scores cancel").all()


def test_the_table_says_and_sets_what_draws_do_with_region_effects(fit):
    text = "risk:outbreak = risk:recovery"
    kept = fit.inference("DWB-t", text, QUICK).iloc[0]
    anew = fit.inference("DWB-t", text, pc.InferenceSettings(draws=399, seed=1, dwb_effects="re-estimated")).iloc[0]
    assert "region effects held in the draws, Driscoll-Kraay lag 6), 399 draws;" in kept["convention"]
    assert "region effects re-estimated in the draws" in anew["convention"]
    assert kept["statistic"] == pytest.approx(anew["statistic"])
    assert kept["conf_low"] != pytest.approx(anew["conf_low"], rel=1e-6)
    with pytest.raises(pc.DataError, match="dwb_effects must be one of"):
        pc.InferenceSettings(dwb_effects="dropped")


def test_the_table_repairs_a_covariance_where_it_is_asked_to(fit):
    wanted = [f"risk:{stage}" for stage in ("gestation", "outbreak", "continuation", "recovery")]
    asked = fit.inference("two-way", wanted, pc.InferenceSettings(repair=True))
    same = fit.with_covariance(CovarianceChoice("two-way", repair=True))
    errors = [same.contrast(text).std_error for text in wanted]
    np.testing.assert_allclose(asked["std_error"], errors, rtol=1e-9)
    assert asked["note"].str.contains("negative eigenvalues were set to zero").all()
    assert fit.inference("two-way", wanted, QUICK)["note"].str.contains("it was left as it is").all()
    with pytest.raises(pc.DataError, match="repair is True or False"):
        pc.InferenceSettings(repair="yes")


def test_contrasts_of_a_time_invariant_driver_get_every_inference(fit):
    table = fit.inference(["CRV1", "DWB-t", "WCR"], ["profit:outbreak = profit:recovery"], QUICK)
    assert np.ptp(table["estimate"]) < 1e-9
    with pytest.raises(pc.IdentificationError):
        fit.inference(["CRV1"], ["profit:outbreak"], QUICK)


def test_what_cannot_be_had_says_why(fit):
    table = fit.inference(["conley", "CRV1"], ["risk:outbreak"], QUICK)
    assert np.isnan(table.loc[("risk:outbreak", "conley"), "pvalue"])
    assert table.loc[("risk:outbreak", "conley"), "note"] != ""
    with pytest.raises(pc.DataError, match="method must be one of"):
        fit.inference(["CRV9"], ["risk:outbreak"], QUICK)


def test_seeded_draws_repeat_and_do_not_depend_on_threads(fit):
    one = fit.inference(["DWB-t", "WCR"], ["risk:outbreak"], QUICK)
    two = fit.inference(["DWB-t", "WCR"], ["risk:outbreak"], pc.InferenceSettings(draws=399, seed=1, threads=2))
    np.testing.assert_array_equal(one["pvalue"], two["pvalue"])


def test_averages_carry_every_inference_under_a_name(fit):
    table = fit.inference(["CRV1", "DWB-t", "WCR"], {"average": fit.average_weights("risk")}, QUICK)
    alone = fit.average_marginal_effects().loc["risk"]
    assert table.loc[("average", "CRV1"), "std_error"] == pytest.approx(alone["std_error"], rel=1e-9)
    np.testing.assert_allclose(table["estimate"], alone["estimate"], rtol=1e-9)


ALL = ["iid", "CRV1", "CRV2", "CRV3", "two-way", "driscoll-kraay", "DWB-t", "WCR", "WCU", "WCR two-way", "RI"]


def test_cluster_variables_are_those_asked_for_and_are_named():
    frame = stage_panel().assign(zone=lambda f: f.index.get_level_values("region").str[1:].astype(int) // 3)
    fit = pc.stage_interaction(frame, outcome="y", drivers=["risk"])
    settings = pc.InferenceSettings(draws=199, permutations=49, clusters="zone")
    table = fit.inference(ALL, "risk:recovery", settings).droplevel("hypothesis")
    by_hand = fit.with_covariance(pc.CovarianceChoice("two-way", ("zone", "week"))).std_errors["risk:recovery"]
    assert table.loc["two-way", "std_error"] == pytest.approx(by_hand, rel=1e-12)
    assert table.loc["WCR two-way", "std_error"] == pytest.approx(by_hand, rel=1e-9)
    assert table.loc["RI", "std_error"] == pytest.approx(table.loc["CRV1", "std_error"], rel=1e-9)
    for method in ("CRV1", "CRV2", "CRV3", "WCR", "WCU", "RI"):
        assert "clusters: zone" in table.loc[method, "convention"]
    for method in ("two-way", "WCR two-way"):
        assert "clusters: zone and week" in table.loc[method, "convention"]
    assert "4 x 40" in table.loc["WCR two-way", "convention"]
    assert "one multiplier per zone" in table.loc["WCR two-way", "convention"]
    weekly = fit.inference(["two-way", "WCR two-way"], "risk:recovery", pc.InferenceSettings(draws=99, clusters="week"))
    assert weekly["convention"].str.contains("clusters: region and week").all()


def test_subclusters_share_multipliers_within_clusters():
    frame = stage_panel().assign(zone=lambda f: f.index.get_level_values("region").str[1:].astype(int) // 3)
    fit = pc.stage_interaction(frame, outcome="y", drivers=["risk"])
    settings = pc.InferenceSettings(draws=199, clusters="zone", boot_clusters="region")
    row = fit.inference("WCR", "risk:outbreak", settings).iloc[0]
    assert row["draws"] == 199  # not the 16 sign vectors of four zones
    assert "one multiplier per region" in row["convention"]
    found = wild_cluster(
        wild_from_fit(fit.model.linear),
        fit.hypothesis("risk:outbreak").matrix,
        pd.factorize(frame["zone"])[0],
        boot_clusters=fit.model.arrays.region,
        options=WildOptions(draws=199, seed=settings.seed),
    )
    assert row["pvalue"] == found.p_value[0]


def test_ties_follow_the_rule_that_is_asked_for(fit):
    few = pc.stage_interaction(stage_panel(regions=8), outcome="y", drivers=["risk"])
    p = {
        ties: few.inference("WCR", "risk:outbreak = 0.6", pc.InferenceSettings(ties=ties))["pvalue"].item() * 256
        for ties in ("weak", "strict", "half")
    }
    assert p["weak"] - p["strict"] == pytest.approx(2)  # the data and their mirror image
    assert p["half"] == pytest.approx((p["weak"] + p["strict"]) / 2)


def test_joint_tests_by_crv2_do_not_depend_on_the_order_of_restrictions(fit):
    one = "risk:gestation = risk:outbreak, risk:gestation = risk:continuation, risk:gestation = risk:recovery"
    other = "risk:gestation = risk:recovery = risk:outbreak = risk:continuation"
    table = fit.inference("CRV2", [one, other])
    np.testing.assert_allclose(table["pvalue"].iloc[0], table["pvalue"].iloc[1], rtol=1e-8)
    crv2 = fit.with_covariance("CRV2")
    same = crv2.homogeneity().loc["risk"]
    assert same["pvalue"] == pytest.approx(table["pvalue"].iloc[0], rel=1e-8)
    assert crv2.wald(str(same["null"])).pvalue == pytest.approx(same["pvalue"], rel=1e-8)
    assert "approximate Hotelling" in table["convention"].iloc[0]
    single = fit.inference("CRV2", "risk:outbreak = risk:recovery").iloc[0]
    assert crv2.wald("risk:outbreak = risk:recovery").pvalue == pytest.approx(single["pvalue"], rel=1e-8)


def test_one_hypothesis_that_cannot_be_tested_leaves_the_others():
    """Two clusters cannot carry three restrictions; single contrasts keep their tests."""
    frame = stage_panel().assign(zone=lambda f: f.index.get_level_values("region").str[1:].astype(int) // 6)
    fit = pc.stage_interaction(frame, outcome="y", drivers=["risk"])
    joint = "risk:gestation = risk:outbreak = risk:continuation = risk:recovery"
    table = fit.inference(["CRV1", "CRV2", "CRV3"], ["risk:outbreak", joint], pc.InferenceSettings(clusters="zone"))
    assert table.loc["risk:outbreak", "pvalue"].notna().all()
    assert table.loc[joint, "pvalue"].isna().all()
    assert (table.loc[joint, "note"] != "").all()


def test_a_saturated_fit_has_no_p_value_in_any_line():
    frame = stage_panel(regions=4, weeks=30).assign(y=lambda f: 2 * f["risk"] + 1)
    fit = pc.stage_interaction(frame, outcome="y", drivers=["risk"])
    table = fit.inference(ALL, ["risk:outbreak", "risk:outbreak = risk:recovery = risk:gestation"], QUICK)
    assert table["pvalue"].isna().all()
    assert table["note"].str.contains("fits every row").all()
    np.testing.assert_allclose(table.loc["risk:outbreak", "estimate"], 2.0)
    assert fit.tidy().loc["risk:outbreak", "pvalue"] != fit.tidy().loc["risk:outbreak", "pvalue"]
    assert any("fits every row" in note for note in fit.notes)
    with pytest.raises(pc.IdentificationError, match="fits every row"):
        fit.simultaneous(settings=QUICK)


def test_draws_left_out_and_missing_numbers_are_explained():
    """Six regions by forty weeks: two-way variances of some draws, and of some contrasts, are negative."""
    noted = missing = 0
    for seed in range(6):
        frame = stage_panel(regions=6, seed=seed)
        fit = pc.stage_interaction(frame, outcome="y", drivers=["risk", "control"])
        table = fit.inference(["WCR two-way", "two-way"], settings=pc.InferenceSettings(draws=63, multiplier="webb"))
        drawn = table.xs("WCR two-way", level="method")
        system = joint_draws(
            fit.model,
            fit.parse(None),
            "WCR two-way",
            pc.InferenceSettings(draws=63, multiplier="webb"),
            impose_null=True,
        )
        lost = (system.invalid > 0) & np.isfinite(system.se)
        assert drawn["note"].str.contains("draws have no positive variance").to_numpy().tolist() == lost.tolist()
        assert drawn["note"][np.isnan(system.se)].str.contains("can be negative").all()
        assert (table["note"][table["pvalue"].isna()] != "").all()
        noted, missing = noted + lost.sum(), missing + int(table["pvalue"].isna().sum())
    assert noted > 0
    assert missing > 0


def test_no_p_value_of_zero_without_its_bound():
    strong = pc.stage_interaction(
        stage_panel().assign(y=lambda f: f["y"] + 9 * f["risk"]), outcome="y", drivers=["risk"]
    )
    table = strong.inference(["DWB-t", "WCR"], "risk:outbreak", pc.InferenceSettings(draws=199))
    assert (table["pvalue"] == 0).all()
    assert table["note"].str.contains("p < 1/199").all()
    assert (table["draws"] == 199).all()
    assert strong.simultaneous(settings=pc.InferenceSettings(draws=199))["note"].str.contains("p < 1/199").all()


def test_one_method_may_be_named_alone_and_hypotheses_come_in_every_form(fit):
    text = fit.inference("CRV1", "risk:outbreak = risk:recovery").iloc[0]
    weights = fit.inference("CRV1", {"risk:outbreak": 1.0, "risk:recovery": -1.0}).iloc[0]
    record = fit.inference("CRV1", fit.hypothesis("risk:outbreak = risk:recovery")).iloc[0]
    assert text["pvalue"] == weights["pvalue"] == record["pvalue"]
    with pytest.raises(pc.DataError, match="did you mean 'CRV1'"):
        fit.inference("crv1")
    with pytest.raises(pc.DataError, match="at least one method"):
        fit.inference([])
    nothing = fit.inference("CRV1", [])
    assert nothing.empty
    assert "pvalue" in nothing


def test_an_explicit_rule_scales_every_line_of_the_table(fit):
    rule = pc.SmallSampleRule("rank", "n/(n-K)", "none", "infinite")
    table = fit.inference(
        ["CRV1", "WCR", "RI"], "risk:outbreak", pc.InferenceSettings(draws=99, permutations=19, small_sample=rule)
    )
    alone = fit.with_covariance(pc.CovarianceChoice("CRV1", small_sample=rule))
    np.testing.assert_allclose(table["std_error"], alone.std_errors["risk:outbreak"], rtol=1e-9)
    assert np.isinf(table["df"].iloc[0])


@pytest.mark.parametrize("groups", ["min", "each"])
def test_the_two_way_bootstrap_is_studentised_as_the_two_way_covariance(fit, groups):
    rule = pc.SmallSampleRule("nonnested", "(n-1)/(n-K)", groups, "groups")
    settings = pc.InferenceSettings(draws=99, small_sample=rule)
    table = fit.inference(["two-way", "WCR two-way"], "risk:outbreak", settings)
    assert table["std_error"].iloc[1] == pytest.approx(table["std_error"].iloc[0], rel=1e-9)


def test_a_value_other_than_zero_moves_the_statistic_not_the_estimate(fit):
    text = "risk:outbreak = 0.5"
    one, row = fit.contrast(text), fit.inference("CRV1", text).iloc[0]
    assert one.estimate == row["estimate"] == fit.params["risk:outbreak"]
    assert one.statistic == pytest.approx(row["statistic"], rel=1e-12)
    assert one.conf_low == pytest.approx(row["conf_low"], rel=1e-12)
    assert one.statistic == pytest.approx((one.estimate - 0.5) / one.std_error)
