"""Averages for every estimator, by stage of repeated events too; paths from one reference; leads, bands and power."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import panelcoop as pc
from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.aggregate import aggregate_events, mean_effect
from panelcoop.estimate.event_study.api import event_study
from panelcoop.estimate.event_study.callaway_santanna import CallawaySantAnna
from panelcoop.estimate.event_study.event_groups import EventStage
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.extended_two_way import ExtendedTwoWay
from panelcoop.estimate.event_study.imputation import Imputation
from panelcoop.estimate.event_study.local_projection import LpDid
from panelcoop.estimate.event_study.pretrends import pretrend_power, pretrend_tests
from panelcoop.estimate.event_study.rings import Rings
from panelcoop.estimate.event_study.stacked import Stacked
from panelcoop.estimate.event_study.support import SupportRule
from panelcoop.estimate.event_study.two_stage import TwoStage
from panelcoop.panel.record import panel_from_frame

from .panels import staggered

EXACT = 1e-9
"""The same sums on another route."""

pytestmark = pytest.mark.filterwarnings("ignore:two-way fixed effects")

CELL_FREE = ["twfe", Stacked(2, 2), LpDid(2, 2), Rings(np.eye(60, k=1) * (np.arange(60) % 15 == 0)[:, None])]


@pytest.mark.parametrize("estimator", CELL_FREE, ids=str)
def test_estimators_without_cells_have_an_overall_effect(estimator):
    panel, events = staggered(seed=80)
    study = event_study(panel, events.with_options(window=(3, 2), ends="dropped"), outcome="y", estimator=estimator)
    overall = aggregate_events(study).overall
    lags = study.lags
    assert overall.estimate == pytest.approx(study.params[lags].mean(), abs=EXACT)
    assert overall.std_error**2 == pytest.approx(study.cov.loc[lags, lags].to_numpy().mean(), abs=EXACT)
    assert mean_effect(study) == (overall.estimate, overall.std_error)
    by_horizon = aggregate_events(study, "horizon")
    assert by_horizon.params.equals(study.params)
    with pytest.raises(IdentificationError, match="only by horizon"):
        aggregate_events(study, "cohort")


@pytest.mark.parametrize("estimator", ["callaway-santanna", "imputation"])
def test_averages_keep_to_the_window(estimator):
    panel, events = staggered(seed=81)
    study = event_study(panel, events.with_options(window=(2, 1), ends="dropped"), outcome="y", estimator=estimator)
    cells = study.group_time()
    shown = cells[cells["horizon"].isin([0, 1])]
    by_hand = np.average(shown["estimate"], weights=shown["treated"])
    for by in ("overall", "cohort"):
        assert aggregate_events(study, by).overall.estimate == pytest.approx(by_hand, abs=EXACT)


@pytest.mark.parametrize("by", ["cohort", "calendar", "horizon"])
def test_averages_have_simultaneous_bands(by):
    panel, events = staggered(seed=82)
    found = aggregate_events(event_study(panel, events, outcome="y"), by)
    plug_in, signs = found.bands(), found.bands(method="multiplier", draws=4999)
    assert (plug_in["band_low"] <= plug_in["low"]).all()
    assert signs.attrs["critical_value"] == pytest.approx(plug_in.attrs["critical_value"], rel=0.1)
    assert signs["std_error"].to_numpy() == pytest.approx(plug_in["std_error"].to_numpy(), rel=0.15)


def _waves(noise=0.0):
    """Events twice a region; the outcome rises by 1 where the week before is calm, by 3 where it is not."""
    rng = np.random.default_rng(5)
    weeks, rows = np.arange(80), []
    y, stage = np.tile(np.sin(weeks / 3.0), (40, 1)), np.full((40, 80), "calm", dtype=object)
    y += noise * rng.normal(size=y.shape)
    for i in range(30):
        for k, (week, before) in enumerate(((12 + i % 9, "calm"), (45 + i % 11, "storm"))):
            stage[i, week - 5 : week] = before
            stage[i, week] = "begun"
            y[i, week : week + 5] += (1.0, 3.0)[k]
            rows.append((f"r{i:02d}", week))
    index = pd.MultiIndex.from_product([[f"r{i:02d}" for i in range(40)], weeks], names=["region", "week"])
    panel = panel_from_frame(pd.DataFrame({"y": y.ravel(), "stage": stage.ravel()}, index=index))
    table = pd.DataFrame(rows, columns=["region", "date"])
    return panel, Events.from_table(table, kind="repeated")


def test_stages_of_repeated_events_come_from_one_call_and_the_week_before():
    panel, events = _waves()
    study = event_study(panel, events, outcome="y", estimator=LpDid(2, 3, clean_weeks=6), stage="stage")
    found = aggregate_events(study, "stage")
    assert found.params.to_dict() == pytest.approx({"calm": 1.0, "storm": 3.0}, abs=EXACT)
    assert found.overall.estimate == pytest.approx(mean_effect(study)[0], abs=EXACT)
    noisy, _ = _waves(0.3)
    study = event_study(noisy, events, outcome="y", estimator=LpDid(2, 3, clean_weeks=6), stage="stage")
    one = events.with_focus(lambda table: table["date"] < 40)
    alone = event_study(noisy, one, outcome="y", estimator=LpDid(2, 3, clean_weeks=6))
    by_stage = aggregate_events(study, "stage")
    assert (by_stage.params["calm"], by_stage.std_errors["calm"]) == pytest.approx(mean_effect(alone), abs=EXACT)
    assert by_stage.bands()["band_low"].notna().all()


def test_the_week_in_which_a_stage_is_read_can_be_chosen():
    panel, events = _waves()
    here = EventStage("stage", weeks_before=0)
    study = event_study(panel, events, outcome="y", estimator=LpDid(2, 3, clean_weeks=6), stage=here)
    assert list(aggregate_events(study, "stage").params.index) == ["begun"]
    with pytest.raises(DataError, match="weeks before the event"):
        EventStage("stage", weeks_before=-1)


def test_absorbing_events_read_the_stage_before_them_and_their_anticipation():
    panel, events = staggered(seed=83)
    week, start = panel.data.index.get_level_values("week"), panel.data["start"]
    panel = panel.with_columns({"stage": np.where(week < start - 1, "before", "after")})
    for ahead, name in ((0, "after"), (1, "before")):
        moved = events.with_options(anticipation=ahead)
        found = aggregate_events(event_study(panel, moved, outcome="y", estimator="imputation", stage="stage"), "stage")
        assert list(found.params.index) == [name]


def test_a_stage_without_support_says_why():
    panel, events = _waves()
    rule = SupportRule(10, 5, require=True)
    estimator = LpDid(2, 3, clean_weeks=6)
    study = event_study(panel, events, outcome="y", estimator=estimator, stage="stage", support=rule)
    found = aggregate_events(study, "stage")
    assert np.isnan(found.params["calm"])
    assert found.reasons["calm"] == "9 of the 10 event weeks that the support rule asks for"
    assert found.params["storm"] == pytest.approx(3.0, abs=EXACT)


@pytest.mark.parametrize("covariates", [[], ["x"]])
@pytest.mark.parametrize("starts", [(6, np.inf), (4, 6, 8, np.inf)], ids=["one date", "staggered"])
@pytest.mark.parametrize("estimator", [Imputation(reference=-1), TwoStage(reference=-1)], ids=str)
def test_paths_from_one_reference_carry_a_violation_in_full_into_honest_bounds(estimator, starts, covariates):
    panel, events = staggered(seed=84, starts=starts, noise=0.3)
    options = {"outcome": "y", "estimator": estimator, "covariates": covariates}
    study = event_study(panel, events, **options)
    since = (panel.data.index.get_level_values("week") - panel.data["start"]).to_numpy()
    bend = lambda h: 0.3 * (h >= -3) + 0.1 * (h >= 1) * h  # noqa: E731
    violation = np.where(np.isfinite(since), bend(np.where(np.isfinite(since), since, 0.0)), 0.0)
    bent = event_study(panel.with_columns({"y": panel.data["y"] + violation}), events, **options)
    expected = bend(study.horizons) - bend(-1.0)
    assert (bent.params - study.params).to_numpy() == pytest.approx(expected, abs=EXACT)
    assert (study.reference, study.std_errors[-1]) == ((-1,), 0.0)
    assert np.isfinite(pc.honest_did(study, values=[0.5], grid_points=100).table[["low", "high"]]).all(axis=None)


def test_with_one_date_the_path_is_the_difference_in_differences_from_the_reference():
    panel, events = staggered(seed=84, starts=(6, np.inf))
    path = event_study(panel, events, outcome="y", estimator=Imputation(reference=-1, leave_out=False))
    plain = event_study(panel, events, outcome="y", estimator=CallawaySantAnna(base="universal"))
    assert path.params.to_numpy() == pytest.approx(plain.params.to_numpy(), abs=EXACT)
    assert path.cov.to_numpy() == pytest.approx(plain.cov.to_numpy(), abs=EXACT)


def test_a_path_needs_regions_never_treated_and_an_observed_reference():
    panel, events = staggered(seed=85, starts=(4, 6, 8))
    with pytest.raises(IdentificationError, match="no path from one reference week"):
        event_study(panel, events, outcome="y", estimator=Imputation(reference=-1))
    with pytest.raises(IdentificationError, match="not observed before the event"):
        event_study(panel, events, outcome="y", estimator=TwoStage(reference=2))


def test_the_joint_test_of_leads_rejects_exactly_when_their_band_leaves_zero_out():
    decisions = []
    for seed in range(60):
        panel, events = staggered(seed=seed, n=24, starts=(5, 6, np.inf), noise=1.0)
        study = event_study(panel, events, outcome="y", estimator="sun-abraham")
        band = study.bands(horizons=study.leads, draws=1999)
        outside = bool(((band["band_low"] > 0) | (band["band_high"] < 0)).any())
        decisions.append((outside, pretrend_tests(study, draws=1999).pvalue <= 0.05))
    assert all(one == other for one, other in decisions)
    assert 0 < sum(one for one, _ in decisions) < 20


def test_bands_of_horizons_that_are_not_there_are_refused():
    panel, events = staggered(seed=86)
    with pytest.raises(DataError, match="not there: 40"):
        event_study(panel, events, outcome="y").bands(horizons=[0, 40])


LINEAR = [
    "callaway-santanna",
    CallawaySantAnna("not-yet", "universal"),
    "imputation",
    "two-stage",
    "sun-abraham",
    "twfe",
    ExtendedTwoWay("linear", "never"),
    LpDid(3, 2),
    LpDid(3, 2, base="mean"),
    Stacked(3, 2),
]


@pytest.mark.parametrize("starts", [(4, 6, 8, np.inf), (6, np.inf)], ids=["staggered", "one date"])
@pytest.mark.parametrize("estimator", LINEAR, ids=str)
def test_the_trend_in_the_power_of_leads_is_what_a_trend_does(estimator, starts):
    panel, events = staggered(seed=87, starts=starts)
    events = events.with_options(window=(3, 2), ends="dropped")
    study = event_study(panel, events, outcome="y", estimator=estimator)
    since = panel.data.index.get_level_values("week") - panel.data["start"]
    drift = panel.data["y"] + 0.5 * since.where(np.isfinite(since), 0.0)
    moved = event_study(panel.with_columns({"y": drift}), events, outcome="y", estimator=estimator)
    told = pretrend_power(study, slope=0.5).table["trend"]
    assert told.to_numpy() == pytest.approx((moved.params - study.params)[told.index].to_numpy(), abs=EXACT)


def test_a_trend_of_all_regions_is_not_seen_and_said():
    panel, events = staggered(seed=88, starts=(4, 6, 8))
    study = event_study(panel, events, outcome="y", estimator="imputation")
    with pytest.raises(IdentificationError, match="every region is treated"):
        pretrend_power(study)


def test_studies_are_drawn_without_more_ado():
    panel, events = staggered(seed=89)
    study = event_study(panel, events, outcome="y")
    figure = pc.event_study_figure(study)
    assert len(figure.axes) == 1
    named = pc.event_study_figure({"one": study, "other": study})
    assert [ax.get_title(loc="left") for ax in named.axes] == ["a  one", "b  other"]
    with pytest.raises(DataError, match="no event study"):
        pc.event_study_figure([])
