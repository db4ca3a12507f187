"""One covariance for everything a study derives: one or two dimensions of clusters, weeks, dyads."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.aggregate import aggregate_events
from panelcoop.estimate.event_study.api import event_study
from panelcoop.estimate.event_study.dyadic import Dyadic
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.local_projection import LpDid
from panelcoop.estimate.event_study.pretrends import pretrend_tests
from panelcoop.estimate.event_study.rings import Rings
from panelcoop.estimate.event_study.robust_inference import event_inference, recluster
from panelcoop.estimate.event_study.stacked import Stacked
from panelcoop.estimate.event_study.two_stage import TwoStage
from panelcoop.numerics.event_study.clustering import Clustering
from panelcoop.panel.record import panel_from_frame

from .panels import dummies, staggered

EXACT = 1e-12
"""The same sums in the same order."""

pytestmark = pytest.mark.filterwarnings("ignore:two-way fixed effects")

ESTIMATORS = [
    "callaway-santanna",
    "sun-abraham",
    "imputation",
    "two-stage",
    "etwfe",
    "twfe",
    Stacked(2, 1),
    LpDid(2, 2),
]
WITH_WEEKS = ["twfe", "two-stage", TwoStage(leads=False), Stacked(2, 1), LpDid(2, 2)]


def _panel(seed=40, keep=0.9, periods=10):
    panel, events = staggered(seed=seed, keep=keep, periods=periods)
    number = panel.data.index.get_level_values("region").str[1:].astype(int)
    return panel.with_columns({"first": number // 3, "second": number % 5}), events


def _without_negative(matrix):
    """Set negative eigenvalues to zero."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.maximum(values, 0)) @ vectors.T


def _groups(study, name):
    number = {region: int(region[1:]) for region in study.regions}
    return {region: n // 3 if name == "first" else n % 5 for region, n in number.items()}


@pytest.mark.parametrize("second", [None, "second"])
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_reclustering_is_as_if_estimated_with_these_clusters(estimator, second):
    panel, events = _panel()
    names = ("first",) if second is None else ("first", "second")
    direct = event_study(panel, events, outcome="y", estimator=estimator, cluster=names)
    plain = event_study(panel, events, outcome="y", estimator=estimator)
    again = recluster(plain, *(_groups(plain, name) for name in names))
    assert again.cov.to_numpy() == pytest.approx(direct.cov.to_numpy(), rel=1e-9, abs=EXACT, nan_ok=True)
    assert (again.df, again.band_df) == (direct.df, direct.band_df)
    sizes = [f"{len(set(_groups(plain, name).values()))} groups" for name in names]
    assert again.convention == direct.convention.replace(" and ".join(names), " and ".join(sizes))
    one, other = aggregate_events(again).overall, aggregate_events(direct).overall
    assert (one.std_error, one.pvalue) == pytest.approx((other.std_error, other.pvalue), rel=1e-9)


def test_two_dimensions_reach_every_derived_number():
    panel, events = _panel(keep=1.0)
    one = event_study(panel, events, outcome="y", cluster="first")
    two = event_study(panel, events, outcome="y", cluster=("first", "second"))
    number = np.array([int(r[1:]) for r in two.regions])
    raw = sum(
        sign * (S := dummies(codes).T @ two.influence).T @ S
        for sign, codes in ((1, number // 3), (1, number % 5), (-1, (number // 3) * 5 + number % 5))
    )
    assert two.cov.to_numpy() == pytest.approx(_without_negative(raw), abs=EXACT)
    for derive in (
        lambda s: aggregate_events(s, "cohort").std_errors.to_numpy(),
        lambda s: s.group_time()["std_error"].dropna().to_numpy(),
        lambda s: np.array([pretrend_tests(s, by="cell").wald.statistic]),
    ):
        assert np.abs(derive(one) - derive(two)).max() > 1e-3
    with pytest.raises(IdentificationError, match="one sign per cluster"):
        two.bands(method="multiplier")
    table = event_inference(two, draws=99)
    assert table[["p_wild", "se_multiplier"]].isna().all(axis=None)
    assert "two-way" in table.attrs["reasons"]["p_wild"]


@pytest.mark.parametrize("keep", [1.0, 0.9])
@pytest.mark.parametrize("estimator", WITH_WEEKS, ids=str)
def test_influence_by_week_sums_to_the_influence_of_regions(estimator, keep):
    panel, events = _panel(keep=keep)
    study = event_study(panel, events.with_options(window=(3, 3)), outcome="y", estimator=estimator)
    assert study.scores().sum(axis=1) == pytest.approx(study.influence, abs=EXACT)
    assert event_inference(study, draws=99)["p_dwb"].between(0, 1).all()


def test_rings_have_influence_by_week():
    panel, events = staggered(seed=41, starts=(5, np.inf, np.inf, np.inf, np.inf, np.inf))
    near = np.eye(60, k=1)
    study = event_study(panel, events, outcome="y", estimator=Rings(near, show=1))
    assert event_inference(study, draws=99)["p_dwb"].between(0, 1).all()
    assert event_study(panel, events, outcome="y", estimator=Rings(near), cluster=("region", "week")).band_df < 10


def test_clusters_by_week_are_the_sum_of_three_sandwiches():
    panel, events = _panel()
    window = events.with_options(window=(2, 1))
    study = event_study(panel, window, outcome="y", estimator=LpDid(2, 1), cluster=("region", "week"))
    scores = study.scores() * np.sqrt(study.small.factor(study.clustering))
    parts = [scores.sum(axis=1), scores.sum(axis=0), scores.reshape(-1, scores.shape[2])]
    raw = sum(sign * S.T @ S for sign, S in zip((1, 1, -1), parts, strict=True))
    assert study.cov.to_numpy() == pytest.approx(_without_negative(raw), abs=EXACT)
    again = recluster(
        event_study(panel, window, outcome="y", estimator=LpDid(2, 1)), {r: r for r in study.regions}, "week"
    )
    assert again.cov.to_numpy() == pytest.approx(study.cov.to_numpy(), rel=1e-9, abs=EXACT)


@pytest.mark.parametrize("estimator", ["callaway-santanna", "sun-abraham", "imputation", "etwfe"])
def test_saturated_estimators_refuse_clusters_by_week(estimator):
    panel, events = _panel()
    with pytest.raises(IdentificationError, match="cannot cluster by week: saturated"):
        event_study(panel, events, outcome="y", estimator=estimator, cluster=("region", "week"))


def test_more_than_two_dimensions_are_refused():
    panel, events = _panel()
    with pytest.raises(DataError, match="alone or with one other dimension"):
        event_study(panel, events, outcome="y", cluster=("first", "second", "week"))


def test_enumerated_signs_never_give_a_p_value_of_zero():
    panel, events = staggered(seed=42, n=8, starts=(4, np.inf), effect=lambda h, g: 50.0 + h)
    table = event_inference(event_study(panel, events, outcome="y", estimator="sun-abraham"), draws=999)
    assert table.loc[0, "p_wild"] == pytest.approx(1 / (1 + 2**8))


def _dyads():
    rng = np.random.default_rng(3)
    members = rng.normal(size=(8, 8))
    rows = [
        (f"A{i}|A{j}", t, members[i, t] + members[j, t] + 0.3 * rng.normal())
        for i, j in permutations(range(8), 2)
        for t in range(8)
    ]
    panel = panel_from_frame(pd.DataFrame(rows, columns=["region", "week", "y"]))
    names = panel.data.index.unique("region")[::5]
    return panel, Events.from_table(pd.DataFrame({"region": names, "date": 4}))


def test_the_reference_of_dyads_has_no_error_and_bands_leave_it_out():
    panel, events = _dyads()
    study = event_study(panel, events, outcome="y", estimator=Dyadic())
    assert study.std_errors[-1] == 0.0
    live = study.estimated
    without = study.bands(horizons=live).attrs["critical_value"]
    assert study.bands().attrs["critical_value"] == pytest.approx(without, rel=EXACT)
    with pytest.raises(IdentificationError, match="leave cluster= out"):
        event_study(panel, events, outcome="y", estimator=Dyadic(), cluster="region")


def test_two_way_reference_has_no_error():
    panel, events = _panel()
    study = event_study(panel, events, outcome="y", estimator="sun-abraham", cluster=("first", "second"))
    assert study.std_errors[-1] == 0.0


def test_zero_rows_stay_zero_when_eigenvalues_are_clipped():
    rng = np.random.default_rng(0)
    rows = np.column_stack([rng.normal(size=(30, 3)), np.zeros(30)])
    first, second = rng.integers(0, 4, 30), rng.integers(0, 4, 30)
    cov = Clustering("two-way", first, second).covariance(rows)
    assert np.all(cov[3] == 0)
    assert np.linalg.eigvalsh(cov).min() > -1e-10
