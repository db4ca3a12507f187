"""Extended two-way, Sun-Abraham and stacked regressions against least squares with every dummy written out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.aggregate import aggregate_events
from panelcoop.estimate.event_study.api import event_study
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.extended_two_way import ExtendedTwoWay
from panelcoop.estimate.event_study.imputation import Imputation
from panelcoop.estimate.event_study.stacked import Stacked
from panelcoop.estimate.event_study.sun_abraham import SunAbraham
from panelcoop.estimate.event_study.two_way import TwoWay
from panelcoop.panel.record import panel_from_frame

from .panels import dummies, staggered

EXACT = 1e-9
"""Two routes to the same least-squares numbers on a small, well-conditioned design."""

pytestmark = pytest.mark.filterwarnings("ignore:two-way fixed effects")


def _weighted(**options):
    panel, events = staggered(**options)
    number = panel.data.index.get_level_values("region").str[1:].astype(int)
    return panel.with_columns({"w": pd.Series(1.0 + number % 3, index=panel.data.index)}), events


def _by_hand(panel, D, covariates, effects, *, weights=None):
    """Estimate with dummies of all effects; coefficients of D and their clustered covariance, with fixest's factor."""
    data = panel.data.reset_index()
    w = np.ones(len(data)) if weights is None else data[weights].to_numpy()
    fixed = dummies(data["region"] if effects == "region" else data["start"])
    weeks = dummies(data["week"])
    X = np.column_stack([D, data[covariates], fixed, weeks[:, 1:]])
    bread = np.linalg.pinv(X.T @ (X * w[:, None]))
    y = data["y"].to_numpy()
    beta = bread @ (X.T @ (w * y))
    scores = dummies(data["region"]).T @ (X * (w * (y - X @ beta))[:, None])
    n, G = len(data), data["region"].nunique()
    K = D.shape[1] + len(covariates) + weeks.shape[1] + (fixed.shape[1] - 1 if effects == "cohort" else 0)
    M = D.shape[1]
    factor = G / (G - 1) * (n - 1) / (n - K)
    return beta[:M], factor * (bread @ scores.T @ scores @ bread)[:M, :M]


def _cells(panel, wanted):
    """Dummies of wanted pairs of start and week, and the pairs."""
    data = panel.data.reset_index()
    start, week = data["start"].to_numpy(), data["week"].to_numpy()
    pairs = [(g, t) for g in np.unique(start[np.isfinite(start)]) for t in np.unique(week) if wanted(t - g)]
    made = [((start == g) & (week == t)).astype(float) for g, t in pairs]
    seen = [k for k, column in enumerate(made) if column.any()]
    return np.column_stack([made[k] for k in seen]), [pairs[k] for k in seen]


def _shares(panel, D, pairs, keep, weights=None):
    w = 1.0 if weights is None else panel.data[weights].to_numpy()[:, None]
    mass = (D * w).sum(axis=0) * np.array([keep(t - g) for g, t in pairs])
    return mass / mass.sum()


@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize("covariates", [[], ["x"]])
@pytest.mark.parametrize("effects", ["region", "cohort"])
@pytest.mark.parametrize("control", ["not-yet", "never"])
@pytest.mark.parametrize("keep", [1.0, 0.8])
def test_extended_two_way_is_the_saturated_regression(keep, control, effects, covariates, weights):
    panel, events = _weighted(seed=21, keep=keep)
    options = ExtendedTwoWay(control=control, counted_effects=effects, covariates="additive")
    study = event_study(panel, events, outcome="y", estimator=options, covariates=covariates, weights=weights)
    D, pairs = _cells(panel, (lambda h: h >= 0) if control == "not-yet" else (lambda h: h != -1))
    beta, V = _by_hand(panel, D, covariates, effects, weights=weights)
    for h in (0, 2, 4) if control == "not-yet" else (-3, 0, 2):
        share = _shares(panel, D, pairs, lambda k, h=h: k == h, weights)
        assert study.params[h] == pytest.approx(share @ beta, abs=EXACT)
        assert study.std_errors[h] == pytest.approx(np.sqrt(share @ V @ share), abs=EXACT)
    share = _shares(panel, D, pairs, lambda h: h >= 0, weights)
    overall = aggregate_events(study).overall
    assert (overall.estimate, overall.std_error) == pytest.approx((share @ beta, np.sqrt(share @ V @ share)), abs=EXACT)


def test_where_rows_are_missing_the_regression_is_not_imputation():
    panel, events = staggered(seed=22, keep=0.8)
    ours = event_study(panel, events, outcome="y", estimator="etwfe")
    theirs = event_study(panel, events, outcome="y", estimator=Imputation(leave_out=False))
    assert np.abs(ours.params[[0, 1, 2]] - theirs.params[[0, 1, 2]]).max() > 1e-3
    whole, events = staggered(seed=22)
    ours = event_study(whole, events, outcome="y", estimator="etwfe")
    theirs = event_study(whole, events, outcome="y", estimator=Imputation(leave_out=False))
    assert ours.params.to_numpy() == pytest.approx(theirs.params[ours.params.index].to_numpy(), abs=EXACT)


def test_cohort_effects_are_counted_with_never_treated_controls():
    panel, events = staggered(seed=23)
    by_region, by_cohort = (
        event_study(panel, events, outcome="y", estimator=ExtendedTwoWay(control="never", counted_effects=c))
        for c in ("region", "cohort")
    )
    assert by_cohort.params.equals(by_region.params)
    K = 3 * 9 + 10
    ratio = (600 - K) / (600 - K - 3)
    assert (by_cohort.std_errors[0] / by_region.std_errors[0]) ** 2 == pytest.approx(ratio, abs=EXACT)


def test_a_week_that_only_treated_rows_show_has_no_effect():
    panel, events = staggered(seed=24, keep=0.9)
    data = panel.data.reset_index()
    late = panel_from_frame(data[(data["week"] < 10) | (data["start"] <= 10)])
    study = event_study(late, events, outcome="y", estimator="etwfe")
    cells = study.group_time().set_index(["cohort", "week"])
    assert cells["estimate"].xs(10, level="week").isna().all()
    assert cells["estimate"].xs(9, level="week").notna().all()
    assert "no untreated observation" in cells["reason"].xs(10, level="week").iloc[0]


def test_an_absorbed_additive_covariate_is_left_out_and_named():
    panel, events = staggered(seed=25, keep=0.9)
    constant = panel.data["x"].groupby("region").transform("mean")
    panel = panel.with_columns({"flat": constant})
    options = ExtendedTwoWay(covariates="additive")
    study = event_study(panel, events, outcome="y", estimator=options, covariates=["x", "flat"])
    plain = event_study(panel, events, outcome="y", estimator=options, covariates=["x"])
    assert np.isnan(study.covariates.loc["flat", "estimate"])
    assert any("'flat' is left out" in note for note in study.notes)
    assert study.params.to_numpy() == pytest.approx(plain.params.to_numpy(), abs=EXACT)
    assert study.std_errors.to_numpy() == pytest.approx(plain.std_errors.to_numpy(), abs=EXACT)


@pytest.mark.parametrize("keep", [1.0, 0.85])
def test_sun_abraham_with_references_and_bins_is_its_regression(keep):
    panel, events = staggered(seed=26, keep=keep)
    bins = {-6: (-7, -6, -5, -4), 2: (2, 3, 4, 5, 6)}
    options = SunAbraham(reference=(-1, -3), bins=bins)
    study = event_study(panel, events, outcome="y", estimator=options, covariates=["x"])
    label = {h: name for name, members in bins.items() for h in members}
    data = panel.data.reset_index()
    horizon = (data["week"] - data["start"]).where(np.isfinite(data["start"]), -1)
    shown = horizon.map(lambda h: label.get(h, h))
    kinds = sorted({(g, h) for g, h in zip(data["start"], shown, strict=True) if h not in (-1, -3) and np.isfinite(g)})
    D = np.column_stack([((data["start"] == g) & (shown == h)).astype(float) for g, h in kinds])
    beta, V = _by_hand(panel, D, ["x"], "region")
    for h in (-6, -2, 0, 2):
        mass = D.sum(axis=0) * np.array([k == h for _, k in kinds])
        share = mass / mass.sum()
        assert study.params[h] == pytest.approx(share @ beta, abs=EXACT)
        assert study.std_errors[h] == pytest.approx(np.sqrt(share @ V @ share), abs=EXACT)
    assert study.reference == (-3, -1)
    assert not set(range(3, 7)) & set(study.params.index)
    assert any("shared with others of one bin: -6, 2" in note for note in study.notes)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"reference": (0, 1)}, "before the event"),
        ({"reference": ()}, "before the event"),
        ({"bins": {2: (2, 3), 3: (3, 4)}}, "two bins"),
        ({"bins": {-2: (-2, -1)}}, "holds the reference"),
    ],
)
def test_unfit_references_and_bins_are_refused(options, why):
    panel, events = staggered(seed=27)
    with pytest.raises(DataError, match=why):
        event_study(panel, events, outcome="y", estimator=SunAbraham(**options))


def test_estimated_shares_add_the_spread_of_cohort_effects():
    panel, events = staggered(seed=28, effect=lambda h, g: g / 2.0)
    fixed = event_study(panel, events, outcome="y", estimator="sun-abraham")
    study = event_study(panel, events, outcome="y", estimator=SunAbraham(shares="estimated"))
    cells = study.group_time().set_index("horizon").loc[0]
    p = cells["treated"] / cells["treated"].sum()
    spread = (p * (cells["estimate"] - study.params[0]) ** 2).sum() / cells["treated"].sum()
    assert study.std_errors[0] ** 2 - fixed.std_errors[0] ** 2 == pytest.approx(spread, abs=EXACT)
    holes, events = staggered(seed=28, keep=0.8)
    with pytest.raises(IdentificationError, match="balanced"):
        event_study(holes, events, outcome="y", estimator=SunAbraham(shares="estimated"))


@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize("control", ["not-yet", "never"])
def test_a_plain_stack_is_least_squares_with_effects_of_every_stack(control, weights):
    panel, events = _weighted(seed=29)
    options = Stacked(2, 1, weighting="none", control=control)
    study = event_study(panel, events, outcome="y", estimator=options, weights=weights)
    data = panel.data.reset_index()
    parts = []
    for g in (4, 6, 8):
        clean = np.isinf(data["start"]) | ((data["start"] > g + 1) & (control == "not-yet"))
        own = data[((data["start"] == g) | clean) & data["week"].between(g - 2, g + 1)]
        parts.append(own.assign(stack=g, treat=(own["start"] == g).astype(float), h=own["week"] - g))
    stack = pd.concat(parts, ignore_index=True)
    D = np.column_stack([stack["treat"] * (stack["h"] == h) for h in (-2, 0, 1)])
    codes = [stack.groupby(["stack", key]).ngroup() for key in ("region", "week")]
    X = np.column_stack([D, *(dummies(code) for code in codes)])
    w = np.ones(len(stack)) if weights is None else stack[weights].to_numpy()
    bread = np.linalg.pinv(X.T @ (X * w[:, None]))
    beta = bread @ (X.T @ (w * stack["y"]))
    scores = dummies(stack["region"]).T @ (X * (w * (stack["y"] - X @ beta)).to_numpy()[:, None])
    n, G = len(stack), stack["region"].nunique()
    V = G / (G - 1) * (n - 1) / (n - 3 - 12) * (bread @ scores.T @ scores @ bread)
    assert study.params[[-2, 0, 1]].to_numpy() == pytest.approx(beta[:3], abs=EXACT)
    assert study.std_errors[[-2, 0, 1]].to_numpy() == pytest.approx(np.sqrt(np.diag(V)[:3]), abs=EXACT)
    assert study.scores().sum(axis=1) == pytest.approx(study.influence, abs=EXACT)


def test_two_way_with_several_references_is_its_regression():
    panel, events = staggered(seed=30, keep=0.9)
    study = event_study(panel, events, outcome="y", estimator=TwoWay(reference=(-1, -2, 5)), covariates=["x"])
    data = panel.data.reset_index()
    horizon = (data["week"] - data["start"]).to_numpy()
    shown = [h for h in np.unique(horizon[np.isfinite(horizon)]) if h not in (-1, -2, 5)]
    beta, V = _by_hand(panel, (horizon[:, None] == shown).astype(float), ["x"], "region")
    at = [int(h) for h in shown]
    assert study.params[at].to_numpy() == pytest.approx(beta, abs=EXACT)
    assert study.std_errors[at].to_numpy() == pytest.approx(np.sqrt(np.diag(V)), abs=EXACT)
    assert study.reference == (-2, -1, 5)
    with pytest.raises(DataError, match="no observed horizon in -40"):
        event_study(panel, events, outcome="y", estimator=TwoWay(reference=(-1, -40)))


def test_poisson_with_never_treated_controls_is_the_ratio_of_ratios():
    rng = np.random.default_rng(31)
    start = np.repeat([4.0, 6.0, 0.0], 20)
    week = np.arange(1, 9)
    count = rng.poisson(3.0, (60, 8)) + 1
    frame = pd.DataFrame(
        {"region": np.repeat(np.arange(60), 8), "week": np.tile(week, 60), "y": count.ravel(), "g": np.repeat(start, 8)}
    )
    panel = panel_from_frame(frame)
    events = Events.from_column(panel, "g", never=0)
    mean = np.array([count[start == g].mean(axis=0) for g in (4.0, 6.0, 0.0)])
    without = mean[:, [2, 4]].diagonal()[:, None] * mean[2] / mean[2, [2, 4]][:, None]
    for scale, effects in (("outcome", mean[:2] - without), ("log", np.log(mean[:2] / without))):
        options = ExtendedTwoWay("poisson", "never", scale=scale)
        cells = event_study(panel, events, outcome="y", estimator=options).group_time()
        assert cells["estimate"].to_numpy().reshape(2, 8) == pytest.approx(effects, abs=1e-8)
    frame.loc[(frame["g"] == 4) & (frame["week"] == 5), "y"] = 0
    study = event_study(panel_from_frame(frame), events, outcome="y", estimator=ExtendedTwoWay("poisson", scale="log"))
    cells = study.group_time().set_index(["cohort", "week"])
    assert np.isnan(cells.loc[(4, 5), "estimate"])
    assert "has no log" in cells.loc[(4, 5), "reason"]
    assert np.isfinite(cells.loc[(4, 6), "std_error"])


@pytest.mark.parametrize(
    ("options", "why"),
    [({"family": "poisson", "covariates": "additive"}, "interacted"), ({"scale": "log"}, "family='poisson'")],
)
def test_extended_two_way_refuses_what_a_family_does_not_have(options, why):
    with pytest.raises(DataError, match=why):
        ExtendedTwoWay(**options)
