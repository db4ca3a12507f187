"""Fitted values, residuals and predictions, and the ways an estimate travels."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from panels import STAGES, dummies, stage_panel

import panelcoop as pc

EXACT = 1e-9  # dummy variables against absorbed effects
ITERATED = 1e-6  # both sides of a Poisson fit iterate


def least_squares_fit(frame, **given):
    return pc.stage_interaction(frame, outcome="y", drivers=["risk"], controls=["control"], **given)


@pytest.mark.parametrize("weights", [None, "weight"])
@pytest.mark.parametrize("effects", ["two-way", "two-way+trends", "region", "week", "none"])
def test_fitted_values_and_residuals_add_up(effects, weights):
    frame = stage_panel(missing=0.15)
    fit = least_squares_fit(frame, effects=effects, weights=weights)
    pd.testing.assert_series_equal((fit.fittedvalues + fit.resid).rename("y"), frame["y"], rtol=EXACT)
    if effects == "two-way":
        X = pd.DataFrame({s: frame["risk"] * (frame["stage"] == s) for s in STAGES}).join(frame[["control"]])
        X = X.join(dummies(frame)).to_numpy()
        root = np.sqrt(1.0 if weights is None else frame["weight"].to_numpy()) * np.ones(len(frame))
        b = np.linalg.lstsq(X * root[:, None], frame["y"] * root, rcond=None)[0]
        np.testing.assert_allclose(fit.fittedvalues, X @ b, atol=EXACT)


@pytest.mark.parametrize("national", [True, False])
@pytest.mark.parametrize("effects", ["two-way", "region", "week", "none"])
def test_predictions_of_the_sample_are_its_fitted_values(effects, national):
    frame = stage_panel(missing=0.1, national=national)
    fit = least_squares_fit(frame, effects=effects)
    np.testing.assert_allclose(fit.predict(frame), fit.fittedvalues, atol=1e-8)
    assert fit.predict().equals(fit.fittedvalues)


def test_without_the_driver_the_prediction_differs_by_its_effect():
    frame = stage_panel()
    fit = least_squares_fit(frame)
    gap = fit.fittedvalues - fit.predict(frame.assign(risk=0.0))
    effect = frame["stage"].map({s: fit.params[f"risk:{s}"] for s in STAGES}) * frame["risk"]
    np.testing.assert_allclose(gap, effect, atol=1e-8)


def test_what_the_data_do_not_pin_down_is_not_predicted():
    frame = stage_panel()
    fit = least_squares_fit(frame)
    other = fit.predict(frame.assign(stage="outbreak"))
    assert other.isna().to_numpy().tolist() == (frame["stage"] != "outbreak").tolist()  # a week's stage is absorbed
    new = fit.predict(pd.concat([frame.iloc[:3], frame.iloc[:3].rename(index={"r00": "new"}, level="region")]))
    assert new.isna().groupby("region").all().to_dict() == {"new": True, "r00": False}
    late = frame.iloc[:1].set_index(pd.MultiIndex.from_tuples([("r00", 999)], names=["region", "week"]))
    assert fit.predict(late).isna().all()
    assert fit.predict(frame.assign(stage="never seen")).isna().all()
    assert fit.predict(frame.assign(control=np.nan)).isna().all()
    with pytest.raises(pc.DataError, match="no column 'control'"):
        fit.predict(frame.drop(columns="control"))
    with pytest.raises(pc.DataError, match="region trends"):
        least_squares_fit(frame, effects="two-way+trends").predict(frame)


def test_regions_and_weeks_of_different_sets_are_not_combined():
    frame = stage_panel().reset_index()
    apart = frame[(frame["region"] < "r06") == (frame["week"] < 20)]
    fit = least_squares_fit(apart)
    crossed = apart.assign(week=39 - apart["week"])
    assert fit.predict(apart).notna().all()
    assert fit.predict(crossed).isna().all()


def test_poisson_predicts_means():
    frame = stage_panel(regions=8, weeks=30)
    rng = np.random.default_rng(0)
    frame["documents"] = rng.integers(20, 60, len(frame))
    frame["count"] = rng.poisson(frame["documents"] * np.exp(0.3 * frame["risk"] - 2)).astype(float)
    fit = pc.stage_interaction(frame, outcome="count", drivers=["risk"], family=pc.Poisson("documents"))
    np.testing.assert_allclose(fit.predict(frame), fit.fittedvalues, rtol=ITERATED)
    twice = fit.predict(frame.assign(documents=2 * frame["documents"]))
    np.testing.assert_allclose(twice, 2 * fit.fittedvalues, rtol=ITERATED)
    np.testing.assert_allclose(fit.resid.groupby("region").sum(), 0.0, atol=1e-5)
    assert {"deviance", "log_likelihood", "pseudo_r2"} <= set(fit.statistics)
    assert 0 < fit.statistics["pseudo_r2"] < 1


@pytest.mark.parametrize("covariance", ["CRV1", "CRV2"])
def test_estimates_survive_copies_and_pickles(covariance):
    fit = least_squares_fit(stage_panel(), covariance=covariance)
    fit = fit if covariance == "CRV1" else fit.with_covariance("CRV2")
    for other in (pickle.loads(pickle.dumps(fit)), copy.deepcopy(fit)):
        pd.testing.assert_frame_equal(other.tidy(), fit.tidy())
        assert other.wald("risk:outbreak = risk:recovery").pvalue == fit.wald("risk:outbreak = risk:recovery").pvalue
        with pytest.raises(TypeError):
            other.model.panel.roles["y"] = "driver"  # read-only still
    counts = stage_panel().assign(count=lambda f: np.exp(f["y"]))
    poisson = pc.stage_interaction(counts, outcome="count", drivers=["risk"], family=pc.Poisson())
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(poisson)).tidy(), poisson.tidy())


def test_names_that_users_of_other_programs_expect():
    fit = least_squares_fit(stage_panel())
    pd.testing.assert_frame_equal(fit.cov_params(), fit.vcov)
    pd.testing.assert_series_equal(fit.tvalues, fit.params / fit.std_errors, check_names=False)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.vcov)), fit.std_errors, equal_nan=True)
    assert fit.vcov.loc["stage:outbreak"].isna().all()
    html = fit._repr_html_()
    assert "<table" in html
    assert "risk:outbreak" in html
