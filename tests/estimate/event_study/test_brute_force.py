"""Every closed form against the plain regression or the four means it stands for."""

from __future__ import annotations

import numpy as np
import pytest

from panelcoop.errors import PanelcoopWarning
from panelcoop.estimate.event_study.aggregate import aggregate_events
from panelcoop.estimate.event_study.api import event_study
from panelcoop.estimate.event_study.callaway_santanna import CallawaySantAnna
from panelcoop.estimate.event_study.extended_two_way import ExtendedTwoWay
from panelcoop.estimate.event_study.imputation import Imputation
from panelcoop.estimate.event_study.local_projection import LpDid
from panelcoop.estimate.event_study.stacked import Stacked
from panelcoop.estimate.event_study.two_way_weights import bacon_decomposition, two_way_weights

from .panels import dummies, staggered

EXACT = 1e-9
"""Two routes to the same least-squares numbers on a small, well-conditioned design."""


def _columns(panel):
    data = panel.data.reset_index()
    horizon = (data["week"] - data["start"]).to_numpy()
    return data, dummies(data["region"]), dummies(data["week"])[:, 1:], horizon


def _clustered(X, error, region, bread):
    scores = dummies(region).T @ (X * error[:, None])
    return bread @ (scores.T @ scores) @ bread


def test_group_time_effect_is_the_two_by_two_of_means():
    panel, events = staggered()
    cells = event_study(panel, events, outcome="y").group_time().set_index(["cohort", "week"])
    wide = panel.data["y"].unstack("week")
    start = panel.data["start"].groupby("region").first()
    change = wide[7] - wide[3]
    by_hand = change[start == 4].mean() - change[np.isinf(start)].mean()
    assert cells.loc[(4, 7), "estimate"] == pytest.approx(by_hand, abs=EXACT)
    n1, n0 = (start == 4).sum(), np.isinf(start).sum()
    variance = change[start == 4].var(ddof=0) / n1 + change[np.isinf(start)].var(ddof=0) / n0
    assert cells.loc[(4, 7), "std_error"] == pytest.approx(np.sqrt(variance), abs=EXACT)


@pytest.mark.parametrize("keep", [1.0, 0.85])
@pytest.mark.parametrize("covariates", [[], ["x"]])
def test_imputation_is_least_squares_with_dummies(keep, covariates):
    panel, events = staggered(seed=3, keep=keep)
    data, regions, weeks, horizon = _columns(panel)
    Z = np.column_stack([regions, weeks, data[covariates]])
    untreated = ~(horizon >= 0)
    beta = np.linalg.lstsq(Z[untreated], data["y"].to_numpy()[untreated], rcond=None)[0]
    effect = data["y"].to_numpy() - Z @ beta
    study = event_study(panel, events, outcome="y", estimator="imputation", covariates=covariates)
    for h in (0, 2, 5):
        assert study.params[h] == pytest.approx(effect[horizon == h].mean(), abs=EXACT)


@pytest.mark.parametrize("leave_out", [False, True])
@pytest.mark.parametrize("keep", [1.0, 0.9])
def test_imputation_variance_is_the_published_sum(leave_out, keep):
    panel, events = staggered(seed=4, keep=keep)
    data, regions, weeks, horizon = _columns(panel)
    Z, y = np.column_stack([regions, weeks]), data["y"].to_numpy()
    treated = horizon >= 0
    Z0 = Z[~treated]
    weight = np.where(horizon == 1, 1.0 / (horizon == 1).sum(), 0.0)
    v = weight.copy()
    v[~treated] = -Z0 @ np.linalg.pinv(Z0.T @ Z0) @ (Z[treated].T @ weight[treated])
    error = y - Z @ np.linalg.lstsq(Z0, y[~treated], rcond=None)[0]
    cell = data.groupby(["start", "week"]).ngroup().to_numpy()
    for c in np.unique(cell[treated]):
        own = cell == c
        error[own] -= error[own].mean()
        if leave_out:
            error[own] *= own.sum() / (own.sum() - 1)
    by_region = dummies(data["region"]).T @ (v * error)
    study = event_study(panel, events, outcome="y", estimator=Imputation(leave_out=leave_out))
    assert study.std_errors[1] == pytest.approx(np.sqrt((by_region**2).sum()), abs=EXACT)


@pytest.mark.parametrize("keep", [1.0, 0.85])
@pytest.mark.parametrize("covariates", [[], ["x"]])
def test_sun_abraham_is_the_interacted_regression(keep, covariates):
    panel, events = staggered(seed=5, keep=keep)
    data, regions, weeks, horizon = _columns(panel)
    pairs = [(g, h) for g in (4, 6, 8) for h in np.unique(horizon[data["start"] == g]) if h != -1]
    D = np.column_stack([(data["start"] == g) & (horizon == h) for g, h in pairs]).astype(float)
    X = np.column_stack([D, data[covariates], regions, weeks])
    bread = np.linalg.pinv(X.T @ X)
    beta = bread @ (X.T @ data["y"].to_numpy())
    V = _clustered(X, data["y"].to_numpy() - X @ beta, data["region"], bread)
    n, G = len(data), data["region"].nunique()
    factor = G / (G - 1) * (n - 1) / (n - D.shape[1] - len(covariates) - weeks.shape[1] - 1)
    study = event_study(panel, events, outcome="y", estimator="sun-abraham", covariates=covariates)
    for h in (-3, 0, 2):
        share = D.sum(axis=0) * np.array([p[1] == h for p in pairs])
        share = np.append(share / share.sum(), np.zeros(X.shape[1] - len(pairs)))
        assert study.params[h] == pytest.approx(share @ beta, abs=EXACT)
        assert study.std_errors[h] == pytest.approx(np.sqrt(factor * share @ V @ share), abs=EXACT)


@pytest.mark.parametrize("keep", [1.0, 0.85])
def test_two_stage_variance_is_the_two_step_sandwich(keep):
    panel, events = staggered(seed=6, keep=keep)
    data, regions, weeks, horizon = _columns(panel)
    Z, y = np.column_stack([regions, weeks]), data["y"].to_numpy()
    treated = horizon >= 0
    Z0 = Z * ~treated[:, None]
    inverse = np.linalg.pinv(Z0.T @ Z0)
    adjusted = y - Z @ (inverse @ (Z0.T @ y))
    e1 = np.where(treated, 0.0, adjusted)
    levels = np.unique(horizon[np.isfinite(horizon)])
    X = (horizon[:, None] == levels).astype(float)
    bread = np.linalg.inv(X.T @ X)
    beta = bread @ (X.T @ adjusted)
    rows = X * (adjusted - X @ beta)[:, None] - (Z0 * e1[:, None]) @ inverse @ (Z.T @ X)
    sums = dummies(data["region"]).T @ rows @ bread
    study = event_study(panel, events, outcome="y", estimator="two-stage")
    assert study.params.to_numpy() == pytest.approx(beta, abs=EXACT)
    assert study.cov.to_numpy() == pytest.approx(sums.T @ sums, abs=EXACT)


@pytest.mark.parametrize("keep", [1.0, 0.85])
def test_two_way_is_least_squares_with_dummies_and_warns(keep):
    panel, events = staggered(seed=7, keep=keep)
    data, regions, weeks, horizon = _columns(panel)
    levels = [h for h in np.unique(horizon[np.isfinite(horizon)]) if h != -1]
    X = np.column_stack([(horizon[:, None] == levels).astype(float), regions, weeks])
    bread = np.linalg.pinv(X.T @ X)
    beta = bread @ (X.T @ data["y"].to_numpy())
    V = _clustered(X, data["y"].to_numpy() - X @ beta, data["region"], bread)
    n, G, K = len(data), data["region"].nunique(), len(levels) + weeks.shape[1] + 1
    with pytest.warns(PanelcoopWarning, match="negative weight"):
        study = event_study(panel, events, outcome="y", estimator="twfe")
    assert study.params[levels].to_numpy() == pytest.approx(beta[: len(levels)], abs=EXACT)
    error = np.sqrt(np.diag(V)[: len(levels)] * G / (G - 1) * (n - 1) / (n - K))
    assert study.std_errors[levels].to_numpy() == pytest.approx(error, abs=EXACT)


def test_extended_two_way_with_covariates_is_its_regression():
    panel, events = staggered(seed=8, n=40)
    first = panel.data["x"].groupby("region").first()
    panel = panel.with_columns({"x0": panel.data["x"].groupby("region").transform("first")})
    data, regions, weeks, _ = _columns(panel)
    pairs = [(g, t) for g in (4, 6, 8) for t in range(g, 11)]
    D = np.column_stack([(data["start"] == g) & (data["week"] == t) for g, t in pairs]).astype(float)
    centred = data["x0"] - data.groupby("start")["x0"].transform("mean")
    X = np.column_stack([D, D * centred.to_numpy()[:, None], weeks * data["x0"].to_numpy()[:, None], regions, weeks])
    beta = np.linalg.lstsq(X, data["y"].to_numpy(), rcond=None)[0]
    study = event_study(panel, events, outcome="y", estimator=ExtendedTwoWay(), covariates=["x0"])
    share = D.sum(axis=0) * np.array([t - g == 1 for g, t in pairs])
    assert study.params[1] == pytest.approx(share @ beta[: len(pairs)] / share.sum(), abs=EXACT)
    assert len(first) == 40


def test_stacked_is_the_weighted_regression_of_the_stack():
    panel, events = staggered(seed=9)
    data = panel.data.reset_index()
    parts, n_treated = [], 0
    for a in (4, 6):
        stack = data[data["week"].between(a - 2, a + 1) & ((data["start"] == a) | (data["start"] > a + 1))].copy()
        stack["treat"], stack["event"], stack["a"] = (stack["start"] == a) * 1.0, stack["week"] - a, a
        parts.append(stack)
    a = 8
    stack = data[data["week"].between(6, 9) & ((data["start"] == 8) | (data["start"] > 9))].copy()
    stack["treat"], stack["event"], stack["a"] = (stack["start"] == 8) * 1.0, stack["week"] - 8, 8
    parts.append(stack)
    import pandas as pd

    full = pd.concat(parts)
    n_treated = full.loc[full["treat"] == 1].shape[0]
    n_control = full.loc[full["treat"] == 0].shape[0]
    own = full.groupby("a")["treat"].agg(["sum", "size"])
    share = (own["sum"] / n_treated) / ((own["size"] - own["sum"]) / n_control)
    w = np.where(full["treat"] == 1, 1.0, full["a"].map(share))
    E = np.column_stack([full["event"] == e for e in (-2, 0, 1)]).astype(float)
    X = np.column_stack([E * full["treat"].to_numpy()[:, None], full["treat"], E, np.ones(len(full))])
    bread = np.linalg.inv(X.T @ (X * w[:, None]))
    beta = bread @ (X.T @ (w * full["y"].to_numpy()))
    V = _clustered(X, w * (full["y"].to_numpy() - X @ beta), full["region"], bread)
    G, n = full["region"].nunique(), len(full)
    study = event_study(panel, events, outcome="y", estimator=Stacked(leads=2, lags=1))
    assert study.params[[-2, 0, 1]].to_numpy() == pytest.approx(beta[:3], abs=EXACT)
    error = np.sqrt(np.diag(V)[:3] * G / (G - 1) * (n - 1) / (n - X.shape[1]))
    assert study.std_errors[[-2, 0, 1]].to_numpy() == pytest.approx(error, abs=EXACT)


def test_local_projection_with_equal_weights_is_not_yet_treated_callaway_santanna():
    panel, events = staggered(seed=10)
    ours = event_study(panel, events, outcome="y", estimator=LpDid(leads=3, lags=2))
    theirs = event_study(panel, events, outcome="y", estimator=CallawaySantAnna("not-yet", "universal"))
    assert ours.params[[0, 1, 2]].to_numpy() == pytest.approx(theirs.params[[0, 1, 2]].to_numpy(), abs=EXACT)


def test_bacon_parts_sum_to_the_static_two_way_estimate():
    panel, events = staggered(seed=11, starts=(4, 6, 8, np.inf, 1))
    data, regions, weeks, horizon = _columns(panel)
    X = np.column_stack([(horizon >= 0).astype(float), regions, weeks])
    beta = np.linalg.lstsq(X, data["y"].to_numpy(), rcond=None)[0]
    bacon = bacon_decomposition(panel, events, outcome="y")
    assert bacon.estimate == pytest.approx(beta[0], abs=EXACT)
    assert bacon.pairs["weight"].sum() == pytest.approx(1.0, abs=EXACT)
    assert set(bacon.kinds.index) == {
        "earlier_vs_later",
        "later_vs_always",
        "later_vs_earlier",
        "treated_vs_untreated",
    }


def test_two_way_weights_reproduce_the_static_estimate():
    panel, events = staggered(seed=12, noise=0.0)
    _, regions, weeks, horizon = _columns(panel)
    truth = np.where(horizon >= 0, 1 + 0.3 * np.where(np.isfinite(horizon), horizon, 0), 0.0)
    X = np.column_stack([(horizon >= 0).astype(float), regions, weeks])
    static = np.linalg.lstsq(X, truth, rcond=None)[0][0]
    weights = two_way_weights(panel, events, outcome="y")
    effect = 1 + 0.3 * (weights["week"] - weights["cohort"])
    assert (weights["weight"] * effect).sum() == pytest.approx(static, abs=EXACT)


def test_overall_effect_is_the_mean_of_treated_cells():
    panel, events = staggered(seed=13)
    study = event_study(panel, events, outcome="y")
    cells = study.group_time()
    post = cells[cells["horizon"] >= 0]
    by_hand = np.average(post["estimate"], weights=post["treated"])
    assert aggregate_events(study).overall.estimate == pytest.approx(by_hand, abs=EXACT)
