"""Every inference beside the others: the table says what its parts say, and says why where it cannot."""

from __future__ import annotations

import numpy as np
import pytest
from panels import stage_panel

import panelcoop as pc

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
    assert table["estimate"].dropna().nunique() == 1 or np.ptp(table["estimate"].dropna()) < 1e-9
    assert table["pvalue"].between(0, 1).all()
    assert (table["conf_low"].dropna() < table["conf_high"].dropna()).all()
    assert (table["convention"] != "").all()


def test_joint_hypotheses_have_no_interval(fit):
    joint = "risk:outbreak = risk:recovery, risk:continuation = risk:recovery"
    table = fit.inference(["CRV1", "DWB-t", "WCR"], [joint], QUICK)
    assert table["conf_low"].isna().all()
    assert table["pvalue"].between(0, 1).all()


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
