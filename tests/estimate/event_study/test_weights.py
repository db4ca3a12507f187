"""Weights of regions against the weighted regression they stand for, and against regions repeated so many times."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.aggregate import aggregate_events
from panelcoop.estimate.event_study.api import event_study
from panelcoop.estimate.event_study.callaway_santanna import CallawaySantAnna
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.extended_two_way import ExtendedTwoWay
from panelcoop.estimate.event_study.imputation import Imputation
from panelcoop.estimate.event_study.local_projection import LpDid
from panelcoop.estimate.event_study.rings import Rings
from panelcoop.estimate.event_study.stacked import Stacked
from panelcoop.panel.record import panel_from_frame

from .panels import staggered

EXACT = 1e-9
"""The same least squares on another route."""

pytestmark = pytest.mark.filterwarnings("ignore:two-way fixed effects")

CASES = [
    ("callaway-santanna", []),
    (CallawaySantAnna("not-yet", "universal"), []),
    (CallawaySantAnna(method="dr"), ["x"]),
    (CallawaySantAnna(method="reg"), ["x"]),
    (CallawaySantAnna(method="ipw", unbalanced="cross-section"), ["x"]),
    ("sun-abraham", []),
    ("sun-abraham", ["x"]),
    (Imputation(leave_out=False), []),
    ("two-stage", ["x"]),
    ("etwfe", []),
    (ExtendedTwoWay("linear", "never"), ["x"]),
    ("twfe", ["x"]),
    ("twfe", []),
    (Stacked(2, 1), []),
]


def _weighted(keep=1.0):
    panel, events = staggered(seed=90, keep=keep, n=40)
    number = panel.data.index.get_level_values("region").str[1:].astype(int)
    return panel.with_columns({"w": 1.0 + number % 3, "first": number}), events


def _repeated(panel):
    """Write every region as often as it weighs, clustered by the region it stands for."""
    data = panel.data.reset_index()
    parts = [
        data[data["w"] > k].assign(region=lambda d, k=k: d["region"] + f"-{k}") for k in range(int(data["w"].max()))
    ]
    again = panel_from_frame(pd.concat(parts))
    return again, Events.from_column(again, "start", never=np.inf)


@pytest.mark.parametrize("keep", [1.0, 0.9])
@pytest.mark.parametrize(("estimator", "covariates"), CASES, ids=str)
def test_a_weight_of_two_is_two_regions_that_move_together(estimator, covariates, keep):
    panel, events = _weighted(keep)
    options = {"outcome": "y", "estimator": estimator, "covariates": covariates}
    study = event_study(panel, events, weights="w", **options)
    again, repeated = _repeated(panel)
    direct = event_study(again, repeated, cluster="first", **options)
    assert study.params.to_numpy() == pytest.approx(direct.params.to_numpy(), abs=EXACT, nan_ok=True)
    plain = [
        s.cov.to_numpy() / np.sqrt(np.outer(f, f)) for s in (study, direct) for f in [s.small.factor(s.clustering)]
    ]
    assert plain[0] == pytest.approx(plain[1], abs=EXACT, nan_ok=True)  # rows are counted, not weights
    one, other = aggregate_events(study).overall, aggregate_events(direct).overall
    assert one.estimate == pytest.approx(other.estimate, abs=EXACT)
    if study.cells is not None:
        by = [aggregate_events(s, "cohort") for s in (study, direct)]
        scale = by[0].std_errors / by[1].std_errors
        assert np.ptp(scale.to_numpy()) == pytest.approx(0.0, abs=EXACT)
        assert study.support.loc[0, "treated"] < direct.support.loc[0, "treated"]  # regions, not weights


@pytest.mark.parametrize("estimator", ["callaway-santanna", "imputation", "two-stage", "sun-abraham", Stacked(2, 1)])
def test_equal_weights_change_nothing(estimator):
    panel, events = _weighted()
    panel = panel.with_columns({"w": 7.0 + 0.0 * panel.data["w"]})
    plain = event_study(panel, events, outcome="y", estimator=estimator)
    study = event_study(panel, events, outcome="y", estimator=estimator, weights="w")
    assert study.params.to_numpy() == pytest.approx(plain.params.to_numpy(), abs=EXACT)
    assert study.cov.to_numpy() == pytest.approx(plain.cov.to_numpy(), abs=EXACT)


def test_leave_one_out_compares_with_the_weighted_mean_of_the_others():
    panel, events = _weighted()
    study = event_study(panel, events, outcome="y", estimator="imputation", weights="w")
    data = panel.data.reset_index()
    Z = np.column_stack([pd.get_dummies(data["region"]), pd.get_dummies(data["week"])]).astype(float)
    w, y = data["w"].to_numpy(), data["y"].to_numpy()
    horizon = (data["week"] - data["start"]).to_numpy()
    treated, target = horizon >= 0, horizon == 1
    Z0 = Z[~treated] * w[~treated, None]
    inverse = np.linalg.pinv(Z[~treated].T @ Z0)
    load = np.where(target, w / w[target].sum(), 0.0)
    v = load.copy()
    v[~treated] = -Z0 @ inverse @ (Z[treated].T @ load[treated])
    error = y - Z @ (inverse @ (Z0.T @ y[~treated]))
    for own in data[treated].groupby(["start", "week"]).groups.values():
        total = w[own].sum()
        mean = (w[own] @ error[own] - w[own] * error[own]) / (total - w[own])
        error[own] = error[own] - mean
    by_region = pd.Series(v * error).groupby(data["region"]).sum()
    assert study.std_errors[1] == pytest.approx(np.sqrt((by_region**2).sum()), abs=EXACT)


@pytest.mark.parametrize("estimator", [LpDid(2, 2), Rings(np.zeros((40, 40))), ExtendedTwoWay("poisson")], ids=str)
def test_weights_are_refused_where_they_have_no_meaning(estimator):
    panel, events = _weighted()
    with pytest.raises(IdentificationError, match="Weights are not defined"):
        event_study(panel, events, outcome="y", estimator=estimator, weights="w")


@pytest.mark.parametrize("bad", ["moving", "zero", "missing"])
def test_weights_must_say_how_much_a_region_counts(bad):
    panel, events = _weighted()
    first = panel.data["w"].index.get_level_values("region") == "r000"
    broken = {
        "moving": panel.data["w"] + panel.data.index.get_level_values("week"),
        "zero": panel.data["w"].mask(first, 0.0),
        "missing": panel.data["w"].mask(first),
    }[bad]
    with pytest.raises(DataError, match="constant within a region"):
        event_study(panel.with_columns({"w": broken}), events, outcome="y", weights="w")
