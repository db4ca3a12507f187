"""The stage-interaction regression against dummy variables, linearmodels and its own definitions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from panels import STAGES, dummies, stage_panel

import panelcoop as pc

EXACT = 1e-9  # two exact solvers of one small system
ENGINE = 1e-8  # agreement with another engine


def design_of(frame: pd.DataFrame, drivers: list[str]) -> pd.DataFrame:
    return pd.DataFrame({f"{d}:{s}": frame[d] * (frame["stage"] == s) for d in drivers for s in STAGES})


@pytest.mark.parametrize("effects", ["two-way", "two-way+trends", "region", "week"])
@pytest.mark.parametrize("weights", [None, "weight"])
def test_equals_dummy_variables(effects, weights):
    frame = stage_panel(missing=0.15)
    fit = pc.stage_interaction(
        frame, outcome="y", drivers=["risk"], controls=["control"], effects=effects, weights=weights
    )
    full = dummies(frame, trends=effects == "two-way+trends")
    if effects == "region":
        full = full[[c for c in full if str(c).startswith("r")]]
        full = full.join(pd.get_dummies(frame["stage"], dtype=float).iloc[:, 1:].add_prefix("in "))
    if effects == "week":
        full = full[[c for c in full if isinstance(c, int)]].assign(one=1.0)
    X = design_of(frame, ["risk"]).join(frame[["control"]]).join(full)
    w = np.ones(len(frame)) if weights is None else frame[weights].to_numpy()
    oracle = np.linalg.lstsq(X.to_numpy() * np.sqrt(w)[:, None], frame["y"] * np.sqrt(w), rcond=None)[0]
    names = [f"risk:{s}" for s in STAGES] + ["control"]
    np.testing.assert_allclose(fit.params[names], oracle[:5], atol=EXACT)


def test_clustered_errors_equal_statsmodels_convention():
    frame = stage_panel()
    fit = pc.stage_interaction(frame, outcome="y", drivers=["risk"], covariance="CRV1")
    X = design_of(frame, ["risk"]).join(dummies(frame))
    region = frame.index.get_level_values("region")
    peer = sm.OLS(frame["y"].to_numpy(), X.to_numpy()).fit(
        cov_type="cluster", cov_kwds={"groups": pd.factorize(region)[0]}
    )
    n, k_all = X.shape
    nested = k_all - region.nunique() + 1  # region effects are nested in the clusters and count as one
    ratio = np.sqrt((n - k_all) / (n - nested))
    np.testing.assert_allclose(fit.std_errors[:4], peer.bse[:4] * ratio, rtol=ENGINE)


@pytest.mark.parametrize("weights", [None, "weight"])
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_equals_linearmodels(weights, missing):
    frame = stage_panel(missing=missing)
    fit = pc.stage_interaction(frame, outcome="y", drivers=["risk", "profit"], controls=["control"], weights=weights)
    check = pc.crosscheck(fit)
    assert (check.largest.loc["linearmodels"] < ENGINE).all()
    assert "linearmodels" in str(check)


@pytest.mark.peers
def test_equals_pyfixest():
    pytest.importorskip("pyfixest")
    check = pc.crosscheck(pc.stage_interaction(stage_panel(missing=0.2), outcome="y", drivers=["risk", "profit"]))
    assert (check.largest.loc["pyfixest"] < 1e-7).all()  # its errors carry 1e-9 of its own iteration


def test_recovers_the_truth():
    fit = pc.stage_interaction(stage_panel(regions=60, weeks=80, seed=5), outcome="y", drivers=["risk"])
    gap = (fit.params[[f"risk:{s}" for s in STAGES]] - [0.2, 0.8, 0.4, 0.1]).abs()
    assert (gap < 4 * fit.std_errors[gap.index]).all()
    assert fit.homogeneity().loc["risk", "pvalue"] < 1e-6


def test_row_order_and_labels_do_not_matter():
    frame = stage_panel(missing=0.1)
    base = pc.stage_interaction(frame, outcome="y", drivers=["risk"])
    shuffled = pc.stage_interaction(frame.sample(frac=1, random_state=2), outcome="y", drivers=["risk"])
    pd.testing.assert_series_equal(base.params, shuffled.params[base.params.index], rtol=EXACT)
    weeks = pd.PeriodIndex(pd.period_range("2020-01-06", periods=40, freq="W-SUN"))
    other = frame.reset_index()
    other["region"] = other["region"].map(lambda r: int(r[1:]) * 7 - 50).astype("category")
    other["week"] = weeks[other["week"]]
    relabelled = pc.stage_interaction(other, outcome="y", drivers=["risk"])
    np.testing.assert_allclose(relabelled.params[base.params.index], base.params, rtol=EXACT, equal_nan=True)
    np.testing.assert_allclose(relabelled.std_errors[base.params.index], base.std_errors, rtol=EXACT, equal_nan=True)


def test_scaling_and_shifting():
    frame = stage_panel()
    base = pc.stage_interaction(frame, outcome="y", drivers=["risk"])
    moved = frame.assign(y=3 * frame["y"] + 1e8, risk=frame["risk"] * 1e-9)
    scaled = pc.stage_interaction(moved, outcome="y", drivers=["risk"])
    risk = [f"risk:{s}" for s in STAGES]
    np.testing.assert_allclose(scaled.params[risk] * 1e-9 / 3, base.params[risk], rtol=1e-6)
    np.testing.assert_allclose(scaled.tstats[risk], base.tstats[risk], rtol=1e-5)


def test_rows_lost_are_counted_by_reason():
    frame = stage_panel()
    frame.iloc[:7, frame.columns.get_loc("y")] = np.nan
    frame.iloc[5:9, frame.columns.get_loc("risk")] = np.nan
    frame.iloc[20, frame.columns.get_loc("weight")] = 0.0
    fit = pc.stage_interaction(frame, outcome="y", drivers=["risk"], weights="weight")
    assert fit.dropped == {"'y' is missing": 7, "'risk' is missing": 2, "weight 'weight' is zero": 1}
    assert fit.nobs == len(frame) - 10


def test_poisson_equals_dummy_variables():
    frame = stage_panel(regions=8, weeks=30)
    rng = np.random.default_rng(0)
    frame["documents"] = rng.integers(20, 60, len(frame))
    frame["count"] = rng.poisson(frame["documents"] * np.exp(0.3 * frame["risk"] - 2))
    fit = pc.stage_interaction(frame, outcome="count", drivers=["risk"], family=pc.Poisson("documents"))
    X = design_of(frame, ["risk"]).join(dummies(frame))
    peer = sm.GLM(frame["count"], X, family=sm.families.Poisson(), offset=np.log(frame["documents"])).fit(tol=1e-12)
    np.testing.assert_allclose(fit.params[:4], peer.params.iloc[:4], atol=1e-6)


BAD = {
    "missing column": ({"drivers": ["rsk"]}, "did you mean 'risk'"),
    "text column": ({"drivers": ["text"]}, "not numeric"),
    "infinite": ({"drivers": ["endless"]}, "infinite in 1 rows"),
    "empty": ({"drivers": ["void"]}, "No row is complete"),
    "no driver": ({"drivers": []}, "at least one driver"),
    "one name": ({"drivers": "risk"}, "lists of column names"),
    "twice": ({"drivers": ["risk", "risk"]}, "stands twice"),
    "effects": ({"drivers": ["risk"], "effects": "both"}, "effects must be one of"),
    "negative weight": ({"drivers": ["risk"], "weights": "control"}, "negative in"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named(case):
    options, message = BAD[case]
    frame = stage_panel().assign(text="a", endless=1.0, void=np.nan)
    frame.iloc[3, frame.columns.get_loc("endless")] = np.inf
    with pytest.raises(pc.DataError, match=message):
        pc.stage_interaction(frame, outcome="y", **options)


def test_duplicate_rows_are_named():
    frame = stage_panel()
    with pytest.raises(pc.DataError, match="2 rows share a region and week: r00 0"):
        pc.stage_interaction(pd.concat([frame, frame.iloc[:1]]), outcome="y", drivers=["risk"])
