"""What a horizon stands on: references, bins, leads that are zero by construction, horizons nothing identifies."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.api import event_study
from panelcoop.estimate.event_study.callaway_santanna import CallawaySantAnna
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.extended_two_way import ExtendedTwoWay
from panelcoop.estimate.event_study.imputation import Imputation
from panelcoop.estimate.event_study.rings import Rings
from panelcoop.estimate.event_study.sun_abraham import SunAbraham
from panelcoop.estimate.event_study.support import SupportRule
from panelcoop.estimate.event_study.two_stage import TwoStage
from panelcoop.panel.record import panel_from_frame

from .panels import staggered

EXACT = 1e-9
"""The same numbers on another route."""

ALONE = Rings(np.zeros((60, 60)))
UNIVERSAL = CallawaySantAnna(base="universal")
NEVER = ExtendedTwoWay(control="never")

pytestmark = pytest.mark.filterwarnings("ignore:two-way fixed effects")


@pytest.mark.parametrize(
    ("bins", "anticipation", "says"),
    [
        ({-4: (-5, -4, -3)}, 2, "holds the reference -3"),
        ({-2: (-2, -1)}, 0, "holds the reference -1"),
        ({-2: (-5, -4)}, 0, "name it by one of these"),
        ({0: (-2, 0)}, 0, "mixes the weeks before the event and those after it"),
        ({-2: (-4, -2)}, 2, "its anticipation"),
    ],
)
def test_bins_that_are_no_set_of_like_horizons_are_refused(bins, anticipation, says):
    panel, events = staggered(seed=90)
    with pytest.raises(DataError, match=says):
        event_study(panel, events.with_options(anticipation=anticipation), outcome="y", estimator=SunAbraham(bins=bins))


def test_anticipated_horizons_may_share_a_bin():
    panel, events = staggered(seed=90)
    early = events.with_options(anticipation=2)
    study = event_study(panel, early, outcome="y", estimator=SunAbraham(bins={-1: (-2, -1)}))
    assert study.reference == (-3,)
    assert study.pooled == (-1,)
    assert -2 not in study.params.index


@pytest.mark.parametrize("estimator", [UNIVERSAL, "sun-abraham", NEVER, "twfe", "imputation", "lp-did"], ids=str)
def test_a_window_that_pools_anticipation_with_leads_is_refused(estimator):
    panel, events = staggered(seed=91)
    short = events.with_options(anticipation=2, window=(2, 3))
    with pytest.raises(DataError, match="leads must reach the reference week -3"):
        event_study(panel, short, outcome="y", estimator=estimator)


@pytest.mark.parametrize("anticipation", [0, 1])
@pytest.mark.parametrize("estimator", [UNIVERSAL, "sun-abraham", NEVER], ids=str)
def test_a_window_that_ends_at_the_reference_keeps_it_at_zero(estimator, anticipation):
    panel, events = staggered(seed=92)
    early = events.with_options(anticipation=anticipation)
    whole = event_study(panel, early, outcome="y", estimator=estimator)
    ends = early.with_options(window=(1 + anticipation, 9))
    study = event_study(panel, ends, outcome="y", estimator=estimator)
    assert study.reference == (-1 - anticipation,)
    assert study.params.iloc[0] == 0
    assert study.pooled == ()
    assert study.params.to_numpy() == pytest.approx(whole.params.loc[-1 - anticipation :].to_numpy(), abs=EXACT)
    assert study.std_errors.iloc[1:].to_numpy() == pytest.approx(
        whole.std_errors.loc[-anticipation:].to_numpy(), abs=EXACT
    )


@pytest.mark.parametrize("estimator", ["two-stage", ALONE], ids=str)
def test_the_mean_of_all_leads_is_missing_with_its_reason(estimator):
    panel, events = staggered(seed=93)
    study = event_study(panel, events.with_options(window=(1, 3)), outcome="y", estimator=estimator)
    assert np.isnan(study.params[-1])
    assert "fit this lead exactly" in study.reasons[-1]
    assert study.std_errors.loc[0:].gt(0).all()
    assert not (study.influence[:, 0] != 0).any()
    assert event_study(panel, events.with_options(window=(2, 3)), outcome="y", estimator=estimator).params.notna().all()


@pytest.mark.parametrize("estimator", ["two-stage", ALONE], ids=str)
def test_a_lead_that_a_covariate_spans_is_missing(estimator):
    panel, events = staggered(seed=94, starts=(6, np.inf))
    data = panel.data
    pre = ((data.index.get_level_values("week") >= 5) & np.isfinite(data["start"])).astype(float)
    study = event_study(
        panel.with_columns({"pre": pre}), events, outcome="y", estimator=estimator, covariates=["pre", "x"]
    )
    assert list(study.params.index[study.params.isna()]) == [-1]
    assert "fit this lead exactly" in study.reasons[-1]


def test_rings_of_one_cohort_alone_have_no_leads():
    panel, events = staggered(seed=95, starts=(6,))
    with pytest.raises(IdentificationError, match="without an untouched observation"):
        event_study(panel, events, outcome="y", estimator=ALONE)


def test_horizons_of_a_ring_that_nothing_identifies_keep_their_place():
    panel, _ = staggered(seed=96, n=11, periods=20)
    chain = np.eye(11, k=1) + np.eye(11, k=-1)
    table = pd.DataFrame({"region": [f"r{i:03d}" for i in range(0, 11, 3)], "date": 15})
    events = Events.from_table(table).with_options(window=(3, 3))
    study = event_study(panel, events, outcome="y", estimator=Rings(chain, show=1))
    assert list(study.params.index) == list(range(-3, 4))
    assert study.params.loc[0:].isna().all()
    assert study.params.loc[:-1].notna().all()
    assert set(study.reasons.values()) == {"region or week without an untouched observation"}


@pytest.mark.parametrize("estimator", ["imputation", "two-stage", Imputation(reference=-1)], ids=str)
def test_regions_without_an_untreated_week_are_left_out_by_name(estimator):
    panel, events = staggered(seed=97)
    data = panel.data.reset_index()
    region = data.loc[data["start"] == 6, "region"].iloc[0]
    late = data[(data["region"] != region) | (data["week"] >= 6)]
    study = event_study(late, events, outcome="y", estimator=estimator)
    without = event_study(
        data[data["region"] != region], events.without_regions([region]), outcome="y", estimator=estimator
    )
    assert study.dropped == {f"without an untreated observation: {region}": 5}
    assert (study.n_regions, study.nobs) == (without.n_regions, without.nobs)
    pd.testing.assert_series_equal(study.params, without.params)
    pd.testing.assert_frame_equal(study.support, without.support)


def test_a_region_whose_state_shows_its_effect_stays():
    panel, events = staggered(seed=97)
    data = panel.data.reset_index()
    region = data.loc[data["start"] == 6, "region"].iloc[0]
    late = data[(data["region"] != region) | (data["week"] >= 6)]
    study = event_study(late, events, outcome="y", estimator=Imputation(effects="group"))
    assert study.n_regions == 60
    assert study.dropped == {}


@pytest.mark.parametrize("estimator", ["imputation", "two-stage"])
def test_rows_of_weeks_without_an_untreated_observation_are_counted(estimator):
    panel, events = staggered(seed=98, starts=(4, 6, 8))
    study = event_study(panel, events, outcome="y", estimator=estimator)
    assert study.dropped == {"week without an untreated observation": 3 * 60}  # weeks 8, 9 and 10
    assert study.nobs == 420


@pytest.mark.parametrize("estimator", ["imputation", Imputation(reference=-1), TwoStage(reference=-1)], ids=str)
def test_the_support_rule_reaches_leads(estimator):
    panel, events = staggered(seed=99)
    marked = event_study(panel, events, outcome="y", estimator=estimator)
    assert marked.support.loc[-2].tolist() == [3, 45, 15, False]
    assert marked.support.loc[-5].tolist() == [2, 30, 45, True]
    assert list(marked.support.index) == list(marked.params.index)
    rule = SupportRule(3, 5, require=True)
    study = event_study(panel, events, outcome="y", estimator=estimator, support=rule)
    assert study.params.loc[-3:2].notna().all()
    assert np.isnan(study.params[-5])
    assert study.reasons[-5] == "fewer than 3 cohorts (2)"


@pytest.mark.parametrize("estimator", ["imputation", Imputation(reference=-1)], ids=str)
def test_leads_leave_out_comparisons_with_few_controls(estimator):
    panel, events = staggered(seed=103, n=64, starts=(4, 4, 4, 6, 6, 8, 8, np.inf))
    rule = SupportRule(1, 20, require=True)  # in weeks 4 and 5 cohort 6 has 24 controls, cohort 8 in 6 and 7 has 8
    study = event_study(panel, events, outcome="y", estimator=estimator, support=rule)
    assert study.support.loc[-2].tolist() == [2, 40, 24, False]  # cohorts 4 and 6
    data = panel.data
    week, start = data.index.get_level_values("week").to_numpy(), data["start"].to_numpy()
    untreated = data[(week < start) & ~((start == 8) & (week > 5))].reset_index()
    direct = event_study(
        panel_from_frame(untreated), Events.from_column(panel, "start", never=np.inf), outcome="y", estimator=estimator
    )
    shown = study.params.loc[:-2].dropna()
    assert shown.to_numpy() == pytest.approx(direct.params.reindex(shown.index).to_numpy(), abs=EXACT)


@pytest.mark.parametrize("method", ["dr", "dr-improved", "reg", "ipw"])
@pytest.mark.parametrize("keep", [1.0, 0.95])
def test_a_redundant_covariate_is_left_out_of_group_time_effects(method, keep):
    panel, events = staggered(seed=100, n=120, keep=keep)
    data = panel.data
    week = data.index.get_level_values("week").to_numpy()
    more = {"flat": pd.Series(1.0, data.index), "trend": pd.Series(week * 1.0, data.index), "twice": 2 * data["x"] - 3}
    wide = panel.with_columns(more)
    options = CallawaySantAnna(method=method, unbalanced="cross-section")
    study = event_study(wide, events, outcome="y", estimator=options, covariates=["flat", "trend", "x", "twice"])
    plain = event_study(panel, events, outcome="y", estimator=options, covariates=["x"])
    assert "'flat', 'trend', 'twice' left out: absorbed by the effects or earlier covariates" in study.notes
    pd.testing.assert_series_equal(study.params, plain.params)
    pd.testing.assert_frame_equal(study.cov, plain.cov)


@pytest.mark.parametrize("method", ["dr-improved", "ipw"])
def test_a_covariate_that_is_flat_in_some_weeks_is_singular_there(method):
    panel, events = staggered(seed=101, n=120)
    late = panel.data["x"].where(panel.data.index.get_level_values("week") > 5, 1.0)
    study = event_study(
        panel.with_columns({"late": late}),
        events,
        outcome="y",
        estimator=CallawaySantAnna(method=method),
        covariates=["late"],
    )
    cells = study.group_time().set_index(["cohort", "week"])
    assert cells.loc[(4, 4), "reason"].startswith("covariates are singular among")
    assert cells.loc[(8, 8), "reason"] == ""


def test_two_stage_scores_leave_out_what_its_horizons_leave_out():
    panel, events = staggered(seed=102, starts=(4, 6, 8, 9, np.inf), n=50)
    rule = SupportRule(1, 25, require=True)
    study = event_study(panel, events.with_options(window=(2, 2)), outcome="y", estimator="two-stage", support=rule)
    assert np.isnan(study.group_time()["estimate"]).any()
    assert study.params.notna().any()
    assert study.scores is not None
    assert study.scores().sum(axis=1) == pytest.approx(study.influence, abs=EXACT)
