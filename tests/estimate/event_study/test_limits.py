"""Where nothing is identified, or nothing shows the error, no number is printed."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.aggregate import aggregate_events
from panelcoop.estimate.event_study.api import event_study
from panelcoop.estimate.event_study.callaway_santanna import CallawaySantAnna
from panelcoop.estimate.event_study.dyadic import Dyadic
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.local_projection import LpDid
from panelcoop.estimate.event_study.pretrends import pretrend_power, pretrend_tests
from panelcoop.estimate.event_study.robust_inference import event_inference, recluster
from panelcoop.estimate.event_study.stacked import Stacked
from panelcoop.estimate.event_study.support import SupportRule
from panelcoop.estimate.event_study.two_way_weights import bacon_decomposition, two_way_weights
from panelcoop.numerics.event_study.long_differences import week_regression
from panelcoop.sensitivity.honest import EventCoefficients, Precision, honest_did

from .panels import staggered

UNJUDGED = "no variation left to judge the error by"
EVERY = ["callaway-santanna", "sun-abraham", "imputation", "two-stage", "etwfe", "stacked", "lp-did", "twfe"]
UNIVERSAL = CallawaySantAnna(base="universal")


def _one_date(n=20, treated=8):
    rng = np.random.default_rng(3)
    weeks = range(1, 21)
    names = [f"r{i:02d}" for i in range(n)]
    rows = [(r, t, rng.normal() + 4.0 * (r < f"r{treated:02d}" and t >= 10)) for r in names for t in weeks]
    frame = pd.DataFrame(rows, columns=["region", "week", "y"]).assign(one="a")
    frame["ever"] = (frame["region"] < f"r{treated:02d}") * 1.0
    frame["half"] = 2 * frame["ever"] + 1
    frame["x"] = rng.normal(size=len(frame))
    frame["z"] = 2 * frame["x"]
    table = pd.DataFrame({"region": names[:treated], "date": 10, "dose": np.arange(1.0, treated + 1)})
    return frame, Events.from_table(table, dose="dose").with_options(window=(2, 2))


@pytest.mark.parametrize("names", [["ever"], ["half"], ["ever", "half"], ["x", "ever"]])
def test_an_event_that_covariates_span_has_no_effect(names):
    frame, events = _one_date()
    with pytest.raises(IdentificationError, match="the event is collinear with the covariates"):
        event_study(frame, events, outcome="y", estimator="lp-did", covariates=names)


@pytest.mark.parametrize("rule", [None, SupportRule(1, 1, require=True)])
def test_pairs_that_members_span_have_no_effect(rule):
    rng = np.random.default_rng(0)
    dyads = [f"{a}|{b}" for a, b in permutations("ABCDE", 2)]
    rows = [(d, t, rng.normal() + 3.0 * (d[0] == "A" and t >= 8)) for d in dyads for t in range(1, 13)]
    frame = pd.DataFrame(rows, columns=["region", "week", "y"])
    events = Events.from_table(pd.DataFrame({"region": [f"A|{b}" for b in "BCDE"], "date": 8}))
    with pytest.raises(IdentificationError, match="pairs are collinear with members"):
        event_study(frame, events, outcome="y", estimator=Dyadic(members="member-week"), support=rule)
    assert event_study(frame, events, outcome="y", estimator=Dyadic()).params.notna().all()


@pytest.mark.parametrize("estimator", ["lp-did", "dose"])
def test_redundant_covariates_change_nothing_and_are_named(estimator):
    frame, events = _one_date()
    lean = event_study(frame, events, outcome="y", estimator=estimator, covariates=["x"])
    full = event_study(frame, events, outcome="y", estimator=estimator, covariates=["x", "z"])
    assert full.params.to_numpy() == pytest.approx(lean.params.to_numpy(), abs=1e-12)
    assert full.cov.to_numpy() == pytest.approx(lean.cov.to_numpy(), abs=1e-12)
    assert [note for note in full.notes if note.startswith("'z' left out")]
    assert not [note for note in lean.notes if "left out where" in note]


def test_the_event_goes_before_the_columns_that_span_it():
    rng = np.random.default_rng(1)
    event = np.repeat([0.0, 1.0], 10)
    columns = np.column_stack([event, rng.normal(size=20), 1 - 3 * event])
    fit = week_regression(rng.normal(size=20), columns, np.zeros(20, dtype=np.int64), np.ones(20))
    assert np.isnan(fit.coefficients).tolist() == [True, False, False]
    assert not fit.score[:, 0].any()


@pytest.mark.parametrize("estimator", ["lp-did", "dose"])
def test_one_event_week_has_no_error_by_week(estimator):
    frame, events = _one_date()
    study = event_study(frame, events, outcome="y", estimator=estimator, cluster=["region", "week"])
    assert study.std_errors.drop(-1).isna().all()
    assert study.std_errors[-1] == 0
    assert any(note == f"{UNJUDGED}: horizons -2, 0, 1, 2" for note in study.notes)
    with pytest.raises(IdentificationError):
        pretrend_tests(study)
    overall = aggregate_events(study)
    assert overall.overall.estimate == pytest.approx(study.params[[0, 1, 2]].mean())
    assert np.isnan(overall.overall.std_error)


@pytest.mark.parametrize("estimator", EVERY)
def test_one_cluster_has_no_error(estimator):
    frame, events = _one_date()
    study = event_study(frame, events, outcome="y", estimator=estimator, cluster="one")
    assert study.std_errors.drop(list(study.reference)).isna().all()
    assert aggregate_events(study).std_errors.isna().all()
    for asked in (study.bands, lambda: pretrend_tests(study), aggregate_events(study, "horizon").bands):
        with pytest.raises(IdentificationError, match="one cluster"):
            asked()
    finer = recluster(study, {r: r for r in study.regions})
    assert finer.std_errors.drop(list(study.reference)).gt(0).all()
    assert not any(note.startswith(UNJUDGED) for note in finer.notes)
    again = recluster(finer, dict.fromkeys(study.regions, 0))
    assert again.std_errors.drop(list(study.reference)).isna().all()


@pytest.mark.parametrize("estimator", ["callaway-santanna", "sun-abraham", "etwfe", "stacked", "lp-did", "twfe"])
@pytest.mark.parametrize("level", [0.0, 1e7])
def test_one_region_against_one_has_no_error(estimator, level):
    frame, events = _one_date(2, 1)
    study = event_study(frame.assign(y=frame["y"] + level), events, outcome="y", estimator=estimator)
    assert study.params.notna().all()
    assert study.std_errors.drop(list(study.reference)).isna().all()
    assert any(note.startswith(UNJUDGED) for note in study.notes)


def test_cells_without_an_error_are_not_tested():
    frame, events = _one_date(2, 1)
    study = event_study(frame, events, outcome="y")
    assert study.group_time()["std_error"].isna().all()
    with pytest.raises(IdentificationError, match="no variation is left"):
        pretrend_tests(study, by="cell")


@pytest.mark.parametrize("estimator", ["imputation", "two-stage", "etwfe"])
def test_no_comparison_at_all_is_refused(estimator):
    panel, events = staggered(seed=4, starts=(5,), n=12)
    with pytest.raises(IdentificationError, match="no horizon is estimable"):
        event_study(panel, events, outcome="y", estimator=estimator)
    nothing = Events.from_table(events.table.iloc[:0])
    with pytest.raises(IdentificationError):
        event_study(panel, nothing, outcome="y", estimator=estimator)


@pytest.mark.parametrize("taken_apart", [bacon_decomposition, two_way_weights])
def test_the_static_estimate_is_of_absorbing_events(taken_apart):
    panel, events = staggered(seed=5)
    with pytest.raises(IdentificationError, match="repeated events"):
        taken_apart(panel, Events.from_table(events.table, kind="repeated"), outcome="y")


@pytest.mark.parametrize("estimator", ["lp-did", "dose", "stacked"])
def test_ends_that_are_not_pooled_are_noted(estimator):
    frame, events = _one_date()
    told = event_study(frame, events, outcome="y", estimator=estimator).notes
    assert any("not pooled by this estimator" in note for note in told)
    near = frame[frame["week"].between(8, 12)]
    for data, asked in ((frame, events.with_options(ends="dropped")), (near, events)):
        notes = event_study(data, asked, outcome="y", estimator=estimator).notes
        assert not any("not pooled" in note for note in notes)


def test_stacks_say_that_a_week_of_their_window_is_missing():
    panel, events = staggered(seed=6)
    seen = panel.data.reset_index().query("week != 5")
    with pytest.raises(IdentificationError) as fault:
        event_study(seen, events, outcome="y", estimator=Stacked(2, 3))
    assert "4: a week of the window is not observed" in str(fault.value)
    assert "8: window not inside the panel" in str(fault.value)


def test_unknown_base_periods_levels_and_grids_are_refused():
    panel, events = staggered(seed=7)
    study = event_study(panel, events, outcome="y", estimator=UNIVERSAL)
    with pytest.raises(DataError, match="base_period must be one of"):
        EventCoefficients([0.1, 0.2], np.eye(2), 1, 1, base_period="Varying")
    averages = aggregate_events(study, "horizon")
    for asked in (study.bands, averages.bands, lambda level: pretrend_power(study, level=level)):
        with pytest.raises(DataError, match="level must lie between 0 and 1"):
            asked(level=95)
    with pytest.raises(DataError, match="grid_points must be at least 2"):
        honest_did(study, grid_points=1)
    with pytest.raises(DataError, match="points must be at least 2"):
        Precision(points=1)


def test_averages_by_horizon_have_honest_bounds():
    panel, events = staggered(seed=8)
    study = event_study(panel, events, outcome="y", estimator=UNIVERSAL)
    plain, averaged = (honest_did(s, values=[0.5, 1.0]) for s in (study, aggregate_events(study, "horizon")))
    pd.testing.assert_frame_equal(plain.table, averaged.table)
    balanced = aggregate_events(study, "horizon", balance=1)
    assert balanced.reference == (-1,)
    assert balanced.std_errors[-1] == 0
    bounds = honest_did(balanced, values=[0.5])
    assert bounds.estimate == pytest.approx(balanced.params[0])
    assert bounds.std_error == pytest.approx(balanced.std_errors[0])
    with pytest.raises(IdentificationError, match="by='horizon'"):
        honest_did(aggregate_events(study, "cohort"))
    with pytest.raises(IdentificationError, match="varying base"):
        honest_did(aggregate_events(event_study(panel, events, outcome="y"), "horizon", balance=1))


@pytest.mark.parametrize("estimator", ["callaway-santanna", "imputation", LpDid(3, 2)], ids=str)
@pytest.mark.parametrize("by", ["overall", "cohort", "calendar", "horizon"])
def test_averages_can_be_clustered_and_bootstrapped(estimator, by):
    panel, events = staggered(seed=9)
    study = event_study(panel, events, outcome="y", estimator=estimator)
    if study.cells is None and by in ("cohort", "calendar"):
        return
    groups = {r: k % 12 for k, r in enumerate(study.regions)}
    moved = recluster(aggregate_events(study, by, window=(0, 2)), groups)
    direct = aggregate_events(recluster(study, groups), by, window=(0, 2))
    pd.testing.assert_frame_equal(moved.cov, direct.cov)
    table = event_inference(moved, draws=199)
    assert table["std_error"].to_numpy() == pytest.approx(moved.std_errors.to_numpy())
    assert table["p_wild"].between(0, 1).all()
    assert table["p_dwb"].isna().all()
    assert "by week" in table.attrs["reasons"]["p_dwb"]


def test_the_bootstrap_of_an_average_by_horizon_is_that_of_the_study():
    panel, events = staggered(seed=10)
    study = event_study(panel, events, outcome="y")
    columns = ["estimate", "std_error", "p_cluster", "p_wild", "se_multiplier"]
    whole, averaged = (event_inference(s, draws=199)[columns] for s in (study, aggregate_events(study, "horizon")))
    pd.testing.assert_frame_equal(whole, averaged)
