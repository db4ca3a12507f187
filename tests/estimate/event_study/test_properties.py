"""What must not change, what must change in proportion, and what must be said."""

from __future__ import annotations

import numpy as np
import pytest

from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.aggregate import aggregate_events
from panelcoop.estimate.event_study.api import event_study
from panelcoop.estimate.event_study.callaway_santanna import CallawaySantAnna
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.extended_two_way import ExtendedTwoWay
from panelcoop.estimate.event_study.local_projection import LpDid
from panelcoop.estimate.event_study.placebo import horizon_composition
from panelcoop.estimate.event_study.pretrends import pretrend_power, pretrend_tests
from panelcoop.estimate.event_study.robust_inference import event_inference, recluster
from panelcoop.estimate.event_study.stacked import Stacked
from panelcoop.panel.record import panel_from_frame

from .panels import staggered

ROUNDING = 1e-9
"""Reordering sums changes the last digits only."""

ESTIMATORS = [
    "callaway-santanna",
    CallawaySantAnna("not-yet", "universal"),
    "sun-abraham",
    "imputation",
    "two-stage",
    "etwfe",
    Stacked(2, 1),
    LpDid(3, 2),
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_row_order_and_labels_do_not_matter(estimator):
    panel, events = staggered(seed=20)
    base = event_study(panel, events, outcome="y", estimator=estimator)
    names = {f"r{i:03d}": f"z{(7 * i) % 60:03d}" for i in range(60)}
    mixed = panel.data.reset_index().assign(region=lambda d: d["region"].map(names)).sample(frac=1, random_state=1)
    other = panel_from_frame(mixed)
    again = event_study(other, Events.from_column(other, "start", never=np.inf), outcome="y", estimator=estimator)
    assert again.params.to_numpy() == pytest.approx(base.params.to_numpy(), abs=ROUNDING)
    assert again.cov.to_numpy() == pytest.approx(base.cov.to_numpy(), abs=ROUNDING)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_scaling_and_shifting_the_outcome(estimator):
    panel, events = staggered(seed=21)
    base = event_study(panel, events, outcome="y", estimator=estimator)
    moved = panel.with_columns({"y": 1e-3 * panel.data["y"] + 1e5})
    again = event_study(moved, events, outcome="y", estimator=estimator)
    assert 1e3 * again.params.to_numpy() == pytest.approx(base.params.to_numpy(), abs=1e-5)
    assert 1e3 * again.std_errors.to_numpy() == pytest.approx(base.std_errors.to_numpy(), abs=1e-5)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_covariance_is_symmetric_and_positive_semidefinite(estimator):
    panel, events = staggered(seed=22, keep=0.9)
    study = event_study(panel, events, outcome="y", estimator=estimator)
    live = study.estimated
    cov = study.cov.loc[live, live].to_numpy()
    assert np.allclose(cov, cov.T)
    assert np.linalg.eigvalsh(cov).min() > -1e-12


def test_noiseless_effects_are_recovered_exactly_where_two_way_effects_are_not():
    panel, events = staggered(seed=23, noise=0.0, effect=lambda h, g: g / 2 + h)
    panel = panel.with_columns({"y": panel.data["y"] - 0.4 * panel.data["x"]})
    expected = np.mean([2.0, 3.0, 4.0]) + 1
    for estimator in ("callaway-santanna", "sun-abraham", "imputation", "two-stage", "etwfe"):
        study = event_study(panel, events, outcome="y", estimator=estimator)
        assert study.params[1] == pytest.approx(expected, abs=1e-8)
    with pytest.warns(UserWarning, match="negative weight"):
        two_way = event_study(panel, events, outcome="y", estimator="twfe")
    assert abs(two_way.params[1] - expected) > 0.01


def test_no_never_treated_stops_when_the_last_cohort_enters_and_says_so():
    panel, events = staggered(seed=24, starts=(4, 6, 8))
    study = event_study(panel, events, outcome="y", estimator=CallawaySantAnna("not-yet"))
    assert study.week_labels.max() == 7
    assert "weeks after the last cohort enters, no control left" in study.dropped
    imputed = event_study(panel, events, outcome="y", estimator="imputation")
    assert any("not estimable" in note for note in imputed.notes)
    assert imputed.group_time().query("week >= 8")["estimate"].isna().all()
    assert (imputed.group_time().query("week >= 8")["reason"] != "").all()


def test_always_treated_regions_are_dropped_and_counted():
    panel, events = staggered(seed=25, starts=(1, 4, np.inf))
    study = event_study(panel, events, outcome="y")
    assert sum(study.dropped.values()) == 200
    assert any("treated from the first week on" in reason for reason in study.dropped)


def test_covariates_are_never_ignored():
    panel, events = staggered(seed=26)
    with pytest.raises(DataError, match="has no covariates"):
        event_study(panel, events, outcome="y", estimator=Stacked(2, 1), covariates=["x"])
    for estimator in ("callaway-santanna", "sun-abraham", "imputation", "two-stage", "etwfe", LpDid(2, 2)):
        plain = event_study(panel, events, outcome="y", estimator=estimator)
        with_x = event_study(panel, events, outcome="y", estimator=estimator, covariates=["x"])
        assert abs(plain.params[1] - with_x.params[1]) > 1e-6


@pytest.mark.parametrize("estimator", ["imputation", "two-stage", "sun-abraham"])
@pytest.mark.parametrize("keep", [1.0, 0.9])
def test_a_covariate_constant_within_regions_changes_nothing_and_is_named(estimator, keep):
    panel, events = staggered(seed=26, keep=keep)
    level = panel.data.index.get_level_values("region").str[-2:].astype(float) ** 0.7
    panel = panel.with_columns({"level": 1e3 + level, "other": 2 * level + 3 * panel.data["x"]})
    plain = event_study(panel, events, outcome="y", estimator=estimator)
    with_level = event_study(panel, events, outcome="y", estimator=estimator, covariates=["level"])
    assert with_level.params.to_numpy() == pytest.approx(plain.params.to_numpy(), abs=ROUNDING)
    assert with_level.cov.to_numpy() == pytest.approx(plain.cov.to_numpy(), abs=ROUNDING)
    assert any("'level'" in note and "absorbed" in note for note in with_level.notes)
    with_x = event_study(panel, events, outcome="y", estimator=estimator, covariates=["x"])
    both = event_study(panel, events, outcome="y", estimator=estimator, covariates=["level", "x", "other"])
    assert both.params.to_numpy() == pytest.approx(with_x.params.to_numpy(), abs=1e-8)
    assert any("'other'" in note for note in both.notes)


def test_an_absorbed_slope_has_neither_estimate_nor_error():
    panel, events = staggered(seed=26, starts=(6, np.inf))
    panel = panel.with_columns({"level": panel.data.index.get_level_values("region").str[-2:].astype(float)})
    for estimator in ("twfe", "sun-abraham"):
        study = event_study(panel, events, outcome="y", estimator=estimator, covariates=["level", "x"])
        assert study.covariates.loc["level"].isna().all()
        assert study.covariates.loc["x"].notna().all()
        assert any("'level'" in note for note in study.notes)


@pytest.mark.parametrize("estimator", ["imputation", "two-stage"])
def test_effects_whose_covariate_never_moves_among_the_untreated_are_not_estimable(estimator):
    panel, events = staggered(seed=26)
    week = panel.data.index.get_level_values("week")
    moves = (week >= panel.data["start"]) & (week >= panel.data["start"] + 2)
    panel = panel.with_columns({"late": np.where(moves, panel.data["x"], 0.0)})
    plain = event_study(panel, events, outcome="y", estimator=estimator)
    study = event_study(panel, events, outcome="y", estimator=estimator, covariates=["late"])
    assert study.params[[0, 1]].to_numpy() == pytest.approx(plain.params[[0, 1]].to_numpy(), abs=ROUNDING)
    assert study.params[[2, 3]].isna().all()
    assert "outside what untreated" in study.reasons[2]


def test_clusters_of_single_regions_change_nothing_and_larger_ones_do():
    panel, events = staggered(seed=27)
    base = event_study(panel, events, outcome="y")
    grouped = event_study(panel, events, outcome="y", cluster="group")
    group = panel.data["group"].groupby("region").first().to_dict()
    assert recluster(base, group).cov.to_numpy() == pytest.approx(grouped.cov.to_numpy())
    assert recluster(base, {r: r for r in base.regions}).cov.to_numpy() == pytest.approx(base.cov.to_numpy())
    two = recluster(base, group, {r: r for r in base.regions})
    assert two.cov.to_numpy() == pytest.approx(grouped.cov.to_numpy(), abs=1e-10)


def test_bands_contain_pointwise_intervals_and_agree_with_the_joint_test():
    panel, events = staggered(seed=28)
    study = event_study(panel, events, outcome="y")
    table = study.bands(seed=1)
    assert (table["band_low"] <= table["low"]).all()
    assert table.attrs["critical_value"] > 1.96
    multiplier = study.bands(method="multiplier", draws=4999, seed=1)
    assert multiplier.attrs["critical_value"] == pytest.approx(table.attrs["critical_value"], rel=0.1)
    leads = pretrend_tests(study)
    assert 0 < leads.pvalue <= 1
    assert leads.largest == pytest.approx(np.abs(study.tstats[study.leads]).max())


def test_power_of_leads_solves_for_the_slope():
    panel, events = staggered(seed=29)
    study = event_study(panel, events, outcome="y", estimator="sun-abraham")
    found = pretrend_power(study, power=0.8)
    assert found.power == pytest.approx(0.8, abs=0.01)
    assert pretrend_power(study, slope=0.0).power < 0.5
    assert found.table.loc[0, "trend"] == pytest.approx(found.slope)


def test_inference_table_has_every_method_and_reasons():
    panel, events = staggered(seed=30)
    table = event_inference(event_study(panel, events, outcome="y"), draws=499)
    assert table["p_dwb"].isna().all()
    assert "p_dwb" in table.attrs["reasons"]
    assert table["se_multiplier"].to_numpy() == pytest.approx(table["std_error"].to_numpy(), rel=0.25)
    with pytest.warns(UserWarning, match="negative weight"):
        study = event_study(panel, events, outcome="y", estimator="twfe")
    assert event_inference(study, draws=199)["p_dwb"].between(0, 1).all()


def test_composition_by_horizon_sums_to_one():
    panel, events = staggered(seed=31)
    table = horizon_composition(event_study(panel, events, outcome="y"))
    assert table.sum(axis=1).to_numpy() == pytest.approx(1.0)


def test_stages_split_the_overall_effect():
    panel, events = staggered(seed=32)
    panel = panel.with_columns({"stage": panel.data["week"].where(False) if "week" in panel.data else _stage(panel)})
    study = event_study(panel, events, outcome="y", estimator="imputation", stage="stage")
    by_stage = aggregate_events(study, "stage")
    assert set(by_stage.params.index) == {"early", "late"}
    plain = aggregate_events(event_study(panel, events, outcome="y", estimator="imputation")).overall
    assert by_stage.overall.estimate == pytest.approx(plain.estimate, abs=ROUNDING)
    with pytest.raises(IdentificationError, match="stage="):
        aggregate_events(event_study(panel, events, outcome="y"), "stage")


def _stage(panel):
    week = panel.data.index.get_level_values("week")
    region = panel.data.index.get_level_values("region").str[-1].astype(int)
    return np.where(week + region > 9, "late", "early")


def test_poisson_effects_are_on_the_outcome_scale():
    panel, events = staggered(seed=33, noise=0.1)
    positive = panel.with_columns({"y": np.exp(panel.data["y"] / 4)})
    study = event_study(positive, events, outcome="y", estimator=ExtendedTwoWay("poisson"))
    assert (study.params > 0).all()
    with pytest.raises(DataError, match="negative values"):
        event_study(panel, events, outcome="y", estimator=ExtendedTwoWay("poisson"))


def test_week_scores_of_local_projections_sum_to_their_influence():
    panel, events = staggered(seed=34)
    study = event_study(panel, events, outcome="y", estimator=LpDid(3, 2))
    assert study.week_scores.sum(axis=0) == pytest.approx(np.zeros(6), abs=1e-10)
    assert study.influence.sum(axis=0) == pytest.approx(np.zeros(6), abs=1e-10)
    assert event_inference(study, draws=199)["p_dwb"].between(0, 1).all()
