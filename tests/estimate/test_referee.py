"""What a careful user tries next: bad settings, redundant and contradictory hypotheses, gaps, one text."""

from __future__ import annotations

import numpy as np
import pytest
from linearmodels.panel import PanelOLS
from panels import stage_panel

import panelcoop as pc

QUICK = pc.InferenceSettings(draws=199, permutations=49)
ENGINE = 1e-8


@pytest.fixture(scope="module")
def fit() -> pc.StageInteraction:
    return pc.stage_interaction(stage_panel(), outcome="y", drivers=["risk"])


BAD = {
    "level": ({"level": 95}, "level must lie between 0 and 1"),
    "draws": ({"draws": -5}, "draws must be at least 1"),
    "lag": ({"lag": -1}, "lag must be at least 0"),
    "preset": ({"small_sample": "sas"}, "small_sample must be one of"),
    "multiplier": ({"multiplier": "webbb"}, "did you mean 'webb'"),
    "fraction of a draw": ({"draws": 99.5}, "draws must be a whole number"),
    "seed": ({"seed": -1}, "seed must be at least 0"),
    "two clusters": ({"clusters": ("region", "week")}, "clusters is one name"),
    "ties": ({"ties": "strong"}, "ties must be one of"),
    "space": ({"space": 500}, "SpatialKernel"),
}


@pytest.mark.parametrize("case", BAD)
def test_settings_no_method_could_use_are_refused(case):
    options, message = BAD[case]
    with pytest.raises(pc.DataError, match=message):
        pc.InferenceSettings(**options)


BAD_CHOICE = {
    "kind": ({"kind": "hc1"}, "did you mean 'HC1'"),
    "clusters": ({"clusters": "zone"}, r"write \('zone',\)"),
    "lag": ({"kind": "newey-west", "lag": 1.5}, "lag must be a whole number"),
    "preset": ({"small_sample": "statas"}, "did you mean 'stata'"),
}


@pytest.mark.parametrize("case", BAD_CHOICE)
def test_covariances_that_cannot_be_are_refused(case):
    options, message = BAD_CHOICE[case]
    with pytest.raises(pc.DataError, match=message):
        pc.CovarianceChoice(**options)


def test_a_family_is_an_object_not_a_name():
    with pytest.raises(pc.DataError, match="Poisson"):
        pc.stage_interaction(stage_panel(), outcome="y", drivers=["risk"], family="poisson")


def test_the_jackknife_names_regions_by_their_labels():
    frame = stage_panel().assign(alone=lambda f: f["control"] * (f.index.get_level_values("region") == "r07"))
    fit = pc.stage_interaction(frame, outcome="y", drivers=["risk"], controls=["alone"], covariance="CRV3")
    assert "'alone' is not identified without cluster r07: the jackknife is undefined." in fit.notes


def test_poisson_keeps_t_and_the_normal_of_other_programs_is_a_rule():
    frame = stage_panel().assign(count=lambda f: np.exp(f["y"]))
    fit = pc.stage_interaction(frame, outcome="count", drivers=["risk"], family=pc.Poisson())
    rule = pc.SmallSampleRule("nonnested", "(n-1)/(n-K)", "min", "infinite")
    normal = fit.with_covariance(pc.CovarianceChoice(small_sample=rule))
    assert fit.df == 11
    assert np.isinf(normal.df)
    np.testing.assert_allclose(normal.std_errors.dropna(), fit.std_errors.dropna(), rtol=1e-12)
    assert (normal.pvalues.dropna() < fit.pvalues.dropna()).all()


def test_an_unknown_cluster_column_is_an_error_not_an_empty_row(fit):
    with pytest.raises(pc.DataError, match="nosuch"):
        fit.inference(["CRV1"], ["risk:outbreak"], pc.InferenceSettings(clusters="nosuch"))


def test_redundant_restrictions_count_once_and_contradictions_are_refused(fit):
    twice = fit.inference(["CRV1", "DWB-t", "WCR"], ["risk:outbreak = 0, 2 * risk:outbreak = 0"], QUICK)
    once = fit.inference(["CRV1", "DWB-t", "WCR"], ["risk:outbreak = 0"], QUICK)
    np.testing.assert_allclose(twice["pvalue"], once["pvalue"], rtol=1e-9)
    assert fit.wald("risk:outbreak = 0, 2 * risk:outbreak = 0").df == 1
    with pytest.raises(pc.DataError, match="contradict"):
        fit.wald("risk:outbreak = 0, risk:outbreak = 1")


def test_one_text_is_one_hypothesis(fit):
    assert len(fit.inference(["CRV1"], "risk:outbreak = risk:recovery")) == 1


def test_cluster_statistics_are_comparable(fit):
    table = fit.inference(["CRV1", "WCR", "WCU", "RI"], ["risk:outbreak"], QUICK)
    assert np.ptp(table["std_error"]) < 1e-9 * table["std_error"].max()
    assert np.ptp(table["statistic"]) < 1e-8 * table["statistic"].abs().max()
    assert "ties" in table.loc[("risk:outbreak", "WCR"), "convention"]


def test_missing_weeks_under_the_convention_of_linearmodels():
    frame = stage_panel()
    week = frame.index.get_level_values("week")
    frame = frame[~np.isin(week, [8, 20, 21])]
    fit = pc.stage_interaction(frame, outcome="y", drivers=["risk"])
    choice = pc.CovarianceChoice("driscoll-kraay", lag=3, small_sample="linearmodels")
    ours = fit.with_covariance(choice)
    columns = {f"x{s}": frame["risk"] * (frame["stage"] == s) for s in fit.stages}
    model = PanelOLS(frame["y"], frame.assign(**columns)[list(columns)], entity_effects=True, time_effects=True)
    peer = model.fit(cov_type="kernel", kernel="bartlett", bandwidth=3, debiased=True)
    risk = [f"risk:{s}" for s in fit.stages]
    np.testing.assert_allclose(ours.std_errors[risk], peer.std_errors, rtol=ENGINE)
    assert "closed up" in ours.convention
    kept = fit.with_covariance(pc.CovarianceChoice("driscoll-kraay", lag=3))
    assert "keeps its distance" in kept.convention


def test_collinear_drivers_are_named_together():
    frame = stage_panel().assign(copy=lambda f: 2 * f["risk"])
    fit = pc.stage_interaction(frame, outcome="y", drivers=["risk", "copy"])
    assert "copy:outbreak" in fit.identification.loc["risk:outbreak", "reason"]


def test_conley_without_distances_says_what_to_give(fit):
    assert "SpatialKernel" in fit.inference(["conley"], ["risk:outbreak"])["note"].item()
    frame = stage_panel()
    with pytest.raises(pc.DataError, match="no rows"):
        pc.stage_interaction(frame.iloc[:0], outcome="y", drivers=["risk"])


@pytest.mark.parametrize("effects", ["week", "none"])
def test_a_stage_of_one_week_has_no_variance_over_weeks(effects):
    frame = stage_panel(regions=12, weeks=40)
    frame["stage"] = np.select([frame.index.get_level_values("week") < 1], ["one"], "rest")
    fit = pc.stage_interaction(frame, outcome="y", drivers=["risk"], effects=effects)
    for kind in ("driscoll-kraay", "two-way"):
        row = fit.with_covariance(kind).tidy().loc["risk:one"]
        assert row[["std_error", "statistic", "pvalue", "conf_low"]].isna().all()
        assert "No variance" in fit.inference([kind], ["risk:one"])["note"].item()
    assert np.isfinite(fit.with_covariance("driscoll-kraay").tidy().loc["risk:rest", "std_error"])
    assert np.isfinite(fit.tidy().loc["risk:one", "std_error"])
