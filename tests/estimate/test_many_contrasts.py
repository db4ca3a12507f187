"""Adjusted p-values, bands over many contrasts, and what each region contributes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from panels import STAGES, stage_panel

import panelcoop as pc

QUICK = pc.InferenceSettings(draws=399, seed=1)


@pytest.fixture(scope="module")
def fit() -> pc.StageInteraction:
    return pc.stage_interaction(stage_panel(), outcome="y", drivers=["risk", "profit"])


@pytest.mark.parametrize("method", ["DWB-t", "WCR"])
def test_adjustment_never_lowers_a_p_and_bands_contain_the_estimate(fit, method):
    table = fit.simultaneous(method=method, settings=QUICK)
    assert len(table) == len(STAGES)
    for adjusted in ("pvalue_holm", "pvalue_romano_wolf"):
        assert (table[adjusted] >= table["pvalue"]).all()
    half = (table["band_high"] - table["band_low"]) / 2
    np.testing.assert_allclose((table["band_high"] + table["band_low"]) / 2, table["estimate"], rtol=1e-9)
    np.testing.assert_allclose(half / table["std_error"], table.attrs["critical"], rtol=1e-6)


def test_one_contrast_needs_no_adjustment(fit):
    table = fit.simultaneous(["risk:outbreak"], settings=QUICK)
    assert table["pvalue_holm"].item() == table["pvalue"].item() == table["pvalue_romano_wolf"].item()


def test_joint_and_permuted_are_refused(fit):
    with pytest.raises(pc.DataError, match="joint"):
        fit.simultaneous(["risk:outbreak = 0, risk:recovery = 0"], settings=QUICK)
    with pytest.raises(pc.DataError, match="DWB-t"):
        fit.simultaneous(method="RI", settings=QUICK)


def test_influence_equals_runs_without_each_region(fit):
    names = ["risk:outbreak", "profit:outbreak - profit:recovery"]
    found = pc.region_diagnostics(fit, names)
    for region in fit.model.arrays.regions:
        rest = pc.without_region(fit, region)
        left_out = [fit.contrast(name).estimate - rest.contrast(name).estimate for name in names]
        np.testing.assert_allclose(found.influence.loc[region], left_out, atol=1e-9)
    assert found.partial_leverage.sum().to_numpy() == pytest.approx([1.0, 1.0])
    assert found.regions["leverage"].sum() == pytest.approx(fit.model.linear.rank)
    assert (found.contrasts["effective_clusters"] <= len(fit.model.arrays.regions) + 1e-9).all()


def test_the_outlier_is_found():
    frame = stage_panel()
    frame.loc["r05", "risk"] = frame.loc["r05", "risk"].to_numpy() + np.where(
        frame.loc["r05", "stage"] == "outbreak", 10, 0
    )
    fit = pc.stage_interaction(frame, outcome="y", drivers=["risk"])
    found = pc.region_diagnostics(fit, ["risk:outbreak"])
    assert found.contrasts["most_influential"].item() == "r05"
    assert found.contrasts["effective_clusters"].item() < 3
    assert isinstance(found.influence, pd.DataFrame)
    assert "r05" in str(found)


def test_the_method_is_one_that_exists_and_the_one_that_was_asked_for(fit):
    with pytest.raises(pc.DataError, match="did you mean 'WC"):
        fit.simultaneous(method="WRC", settings=QUICK)
    with pytest.raises(pc.DataError, match="method of simultaneous inference"):
        fit.simultaneous(method="CRV1", settings=QUICK)
    unrestricted = fit.simultaneous(method="WCU", settings=QUICK)
    alone = fit.inference("WCU", settings=QUICK).droplevel("method")
    np.testing.assert_array_equal(unrestricted["pvalue"], alone["pvalue"])
    np.testing.assert_allclose(unrestricted[["conf_low", "conf_high"]], alone[["conf_low", "conf_high"]], rtol=1e-9)
    assert unrestricted.attrs["convention"].startswith("WCU")
    assert (fit.simultaneous(method="WCR", settings=QUICK)["pvalue"] != unrestricted["pvalue"]).any()


def test_influence_is_of_single_contrasts(fit):
    with pytest.raises(pc.DataError, match="is joint"):
        pc.region_diagnostics(fit, ["risk:outbreak = risk:recovery = risk:gestation"])


def test_influence_on_a_poisson_fit_is_that_of_refits_or_says_it_is_one_step(monkeypatch):
    frame = stage_panel(regions=9, weeks=30)
    frame["count"] = np.random.default_rng(0).poisson(np.exp(0.5 + 0.4 * frame["risk"])).astype(float)
    fit = pc.stage_interaction(frame, outcome="count", drivers=["risk"], controls=["control"], family=pc.Poisson())
    names = ["risk:outbreak", "control"]
    found = pc.region_diagnostics(fit, names)
    assert found.exact
    assert "refitted" in found.convention
    changes = []
    for region in fit.model.arrays.regions:
        rest = pc.without_region(fit, region)
        changes.append(fit.params[names].to_numpy() - rest.params[names].to_numpy())
        np.testing.assert_allclose(found.influence.loc[region], changes[-1], atol=1e-6)
    jackknife = fit.with_covariance("CRV3")
    expected = np.sqrt(8 / 9 * (np.array(changes) ** 2).sum(axis=0))
    np.testing.assert_allclose(jackknife.std_errors[names], expected, rtol=1e-5)
    assert "jackknife by refits" in jackknife.convention
    monkeypatch.setattr("panelcoop.numerics.covariance.poisson_jackknife.MOST_CLUSTERS", 3)
    quick = pc.region_diagnostics(fit, names)
    assert not quick.exact
    assert "One step" in quick.convention
    assert "one-step jackknife" in fit.with_covariance("CRV3").convention
