"""What errors count: DRDID's influence, improved doubly robust effects, leads of imputation, all weeks of LP-DiD."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.api import event_study
from panelcoop.estimate.event_study.callaway_santanna import CallawaySantAnna
from panelcoop.estimate.event_study.cross_sections import repeated_cross_sections
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.imputation import Imputation
from panelcoop.estimate.event_study.local_projection import LpDid
from panelcoop.estimate.event_study.two_way_weights import bacon_decomposition
from panelcoop.numerics.event_study.did_cross_section import did_cross_section
from panelcoop.numerics.event_study.did_nuisance import tilted_propensity
from panelcoop.numerics.event_study.did_panel import did_panel
from panelcoop.numerics.event_study.independent import ColumnSize, independent_bread
from panelcoop.panel.record import panel_from_frame

from .panels import dummies, staggered

EXACT = 1e-9
"""Two routes to the same least-squares numbers on a small, well-conditioned design."""

COVERED = 0.90
"""Below what a valid 95 per cent interval covers in 150 draws (0.95 less three standard errors)."""


def _cross_section(rng, n=2000):
    """Draw rows whose propensity is no logit in x, while the controls' regressions are linear; the effect is one."""
    x = rng.normal(size=n)
    treated = rng.random(n) < 1 / (1 + np.exp(1.5 - 3.0 * np.maximum(x, 0) ** 2))
    post = rng.random(n) < 0.5
    noise = rng.normal(size=n) * np.where(~treated & ~post, 4.0, 0.5)
    y = 1 + 3 * x + 0.5 * treated + post * (0.5 + x + treated) + noise
    return y, (post, treated), np.column_stack([np.ones(n), x])


@pytest.mark.montecarlo
def test_delta_method_errors_cover_and_those_of_drdid_need_not():
    rng = np.random.default_rng(5)
    inside = {"delta-method": [], "DRDID": []}
    for _ in range(150):
        y, groups, X = _cross_section(rng)
        for errors, hits in inside.items():
            found = did_cross_section(y, groups, X, "dr", np.ones(y.size), errors=errors)
            hits.append(abs(found.effect - 1) < 1.96 * np.sqrt((found.influence**2).sum()))
    assert np.mean(inside["delta-method"]) > COVERED
    assert np.mean(inside["DRDID"]) < COVERED


def test_the_influence_is_the_derivative_of_the_estimate():
    rng = np.random.default_rng(6)
    y, groups, X = _cross_section(rng, 300)
    weight, step = np.ones(300), 1e-5
    found = did_cross_section(y, groups, X, "dr", weight)
    for row in (0, 7, 31, 200):
        moved = weight.copy()
        moved[row] += step
        slope = (did_cross_section(y, groups, X, "dr", moved).effect - found.effect) / step
        assert found.influence[row] == pytest.approx(slope, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
def test_improved_effects_balance_the_covariates(weighted):
    rng = np.random.default_rng(7)
    n = 200
    X = np.column_stack([np.ones(n), rng.normal(size=(n, 2)), 1e6 * rng.random(n)])
    treated = rng.random(n) < 0.3
    weight = 1.0 + rng.random(n) if weighted else np.ones(n)
    odds = tilted_propensity(treated, X, weight).odds * weight
    assert odds @ X == pytest.approx((weight * treated) @ X, rel=1e-10)
    change = X[:, 1] + treated + rng.normal(size=n)
    found = did_panel(change, treated, X, "dr-improved", weight)
    direct = np.average(change[treated], weights=weight[treated]) - np.average(change, weights=odds)
    assert found.effect == pytest.approx(direct, abs=1e-8)
    alone = did_panel(change, treated, X[:, :1], "dr-improved", weight)
    plain = did_panel(change, treated, X[:, :1], "dr", weight)
    assert alone.effect == pytest.approx(plain.effect, abs=EXACT)
    assert alone.influence == pytest.approx(plain.influence, abs=EXACT)


def test_improved_effects_need_controls_on_both_sides():
    x = np.linspace(0, 1, 40)
    treated = x > 0.5
    X = np.column_stack([np.ones(40), x])
    found = did_panel(x, treated, X, "dr-improved", np.ones(40))
    assert np.isnan(found.effect)
    assert "no weights of controls" in found.reason


def test_imputation_leads_count_as_stata_does():
    """A regression on untreated rows that are not alone, with leads + weeks - 1 coefficients."""
    panel, events = staggered(seed=70, starts=(2, 4, 6, 8, np.inf), keep=0.8)
    study = event_study(panel, events, outcome="y", estimator=Imputation(leads=2))
    data = panel.data.reset_index()
    data = data[data["week"] < data["start"]]
    data = data[data.groupby("region")["week"].transform("size") > 1]
    horizon = (data["week"] - data["start"]).to_numpy()
    D = np.column_stack([horizon == h for h in (-2, -1)]).astype(float)
    X = np.column_stack([D, dummies(data["region"]), dummies(data["week"])])
    bread = np.linalg.pinv(X.T @ X)
    beta = bread @ (X.T @ data["y"])
    scores = dummies(data["region"]).T @ (X * (data["y"] - X @ beta).to_numpy()[:, None])
    n, G, T = len(data), data["region"].nunique(), data["week"].nunique()
    V = G / (G - 1) * (n - 1) / (n - 2 - T + 1) * (bread @ scores.T @ scores @ bread)
    assert study.params[[-2, -1]].to_numpy() == pytest.approx(beta[:2], abs=EXACT)
    assert study.std_errors[[-2, -1]].to_numpy() == pytest.approx(np.sqrt(np.diag(V)[:2]), abs=EXACT)


@pytest.mark.parametrize("cluster", [None, "group"])
def test_imputation_leads_count_shared_effects_that_clusters_do_not_hold(cluster):
    panel, events = staggered(seed=71, n=120)
    study = event_study(panel, events, outcome="y", estimator=Imputation(leads=2, effects="group"), cluster=cluster)
    small = study.small
    effects = 0 if cluster == "group" else 12
    assert small.coefficients[:2] == pytest.approx(np.full(2, 2 + 10 - 1 + effects))
    assert np.isnan(small.coefficients[2:]).all()


@pytest.mark.parametrize("covariates", [[], ["x"]])
def test_variance_weighted_projections_keep_every_week(covariates):
    panel, events = staggered(seed=72, keep=0.9)
    study = event_study(panel, events, outcome="y", estimator=LpDid(2, 2, "variance"), covariates=covariates)
    values = panel.data[["y", "x", "start"]].to_dict("index")
    start = panel.data["start"].groupby("region").first()
    rows = [
        (
            region,
            t,
            float(first == t),
            values[region, t + 1]["y"] - values[region, t - 1]["y"],
            values[region, t - 1]["x"],
        )
        for region, first in start.items()
        for t in range(2, 10)
        if (first == t or first > t + 1) and {(region, t - 1), (region, t + 1)} <= values.keys()
    ]
    data = pd.DataFrame(rows, columns=["region", "week", "d", "change", "x"])
    X = np.column_stack([data[["d", *covariates]], dummies(data["week"])])
    bread = np.linalg.inv(X.T @ X)
    beta = bread @ (X.T @ data["change"])
    scores = dummies(data["region"]).T @ (X * (data["change"] - X @ beta).to_numpy()[:, None])
    n, G, K = len(data), data["region"].nunique(), X.shape[1]
    V = G / (G - 1) * (n - 1) / (n - K) * (bread @ scores.T @ scores @ bread)
    assert study.params[1] == pytest.approx(beta[0], abs=EXACT)
    assert study.std_errors[1] == pytest.approx(np.sqrt(V[0, 0]), abs=EXACT)
    assert study.support.loc[1, "cohorts"] == 3


def test_rows_without_identity_are_regions_of_their_own():
    panel, _ = staggered(seed=73, n=120)
    frame = panel.data.reset_index().assign(start=lambda d: d["start"].replace(np.inf, 0))
    options = CallawaySantAnna(unbalanced="cross-section")
    studies = []
    for times in (1, 2):
        rows = repeated_cross_sections(pd.concat([frame.assign(row=range(len(frame)))] * times))
        events = Events.from_column(rows, "start", never=0)
        studies += [event_study(rows, events, outcome="y", estimator=options, cluster=c) for c in (None, "row")]
        with pytest.raises(DataError, match="cross-section"):
            event_study(rows, events, outcome="y")
    once, _, twice, paired = studies
    means = frame.groupby(["start", "week"])["y"].mean()
    cell = once.group_time().set_index(["cohort", "week"]).loc[(4, 6), "estimate"]
    assert cell == pytest.approx(means[4, 6] - means[4, 3] - means[0, 6] + means[0, 3], abs=EXACT)
    assert twice.params.to_numpy() == pytest.approx(once.params.to_numpy(), abs=EXACT)
    assert twice.std_errors.to_numpy() == pytest.approx(once.std_errors.to_numpy() / np.sqrt(2), abs=EXACT)
    assert paired.std_errors.to_numpy() == pytest.approx(once.std_errors.to_numpy(), abs=EXACT)


def test_columns_that_span_each_other_are_found_with_and_without_a_cholesky_factor():
    rng = np.random.default_rng(8)
    X = rng.normal(size=(50, 6))
    X[:, 3] = X[:, 0] + X[:, 1]
    X[:, 5] = 0.0
    for columns, expected in ((X, [0, 1, 2, 4]), (X[:, [0, 1, 2, 4]], [0, 1, 2, 3])):
        gram = columns.T @ columns
        size = ColumnSize(np.maximum(np.diag(gram), 1e-3), np.maximum(np.diag(gram), 1e-3))
        bread, kept = independent_bread(gram, size)
        assert kept.tolist() == expected
        own = np.ix_(kept, kept)
        assert bread[own] @ gram[own] == pytest.approx(np.eye(kept.size), abs=1e-10)


def test_bacon_names_how_many_regions_are_incomplete():
    panel, events = staggered(seed=74)
    holes = panel_from_frame(panel.data.reset_index().drop(index=[3, 40]))
    with pytest.raises(IdentificationError, match="2 regions are not observed"):
        bacon_decomposition(holes, events, outcome="y")
