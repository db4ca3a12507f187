"""Events on weeks: ties, labels beyond the panel, panels whose labels skip numbers, rules that are missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import DataError
from panelcoop.estimate.event_study.aggregate import aggregate_events
from panelcoop.estimate.event_study.api import event_study
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.local_projection import Dose, LpDid
from panelcoop.estimate.event_study.placebo import fake_dates
from panelcoop.estimate.event_study.stacked import Stacked
from panelcoop.estimate.event_study.two_way_weights import two_way_weights
from panelcoop.estimate.event_study.week_scale import week_scale
from panelcoop.panel.record import panel_from_frame

from .panels import staggered

EXACT = 1e-9
"""Noiseless panels: what is left is rounding."""

WEEKS = pd.date_range("2020-01-06", periods=40, freq="7D")
BEGIN = np.array([12, 14, 16, 18, 20])


def _jump():
    """Ten regions whose outcome rises by one in five different weeks, twenty that never do, no noise."""
    begin = np.concatenate([np.repeat(BEGIN, 2), np.full(20, 99)])
    y = np.sin(np.arange(40)) + np.arange(30)[:, None] + (np.arange(40) >= begin[:, None])
    index = pd.MultiIndex.from_product([[f"r{i:02d}" for i in range(30)], WEEKS], names=["region", "week"])
    return panel_from_frame(pd.DataFrame({"y": y.ravel()}, index=index)), begin[:10]


def _twice(begin, **columns):
    """Two dates in the week of each event."""
    dates = [WEEKS[b] + pd.Timedelta(days=d) for b in begin for d in (1, 3)]
    regions = np.repeat([f"r{i:02d}" for i in range(len(begin))], 2)
    return pd.DataFrame({"region": regions, "date": dates, **columns})


@pytest.mark.parametrize("kind", ["repeated", "absorbing"])
def test_two_dates_in_one_week_are_one_event(kind):
    panel, begin = _jump()
    events = Events.from_table(_twice(begin), kind=kind).with_options(anticipation=0)
    study = event_study(panel, events, outcome="y", estimator=LpDid(3, 4))
    assert study.params[range(5)].to_numpy() == pytest.approx(1.0, abs=EXACT)
    assert any("events in the week of another" in note and note.endswith("10") for note in study.notes)
    if kind == "absorbing":
        imputed = event_study(panel, events, outcome="y", estimator="imputation")
        assert imputed.params[0] == pytest.approx(1.0, abs=EXACT)


def test_doses_of_one_week_add_up():
    panel, begin = _jump()
    events = Events.from_table(_twice(begin, dose=np.tile([0.5, 1.5], 10)), dose="dose").with_options(anticipation=0)
    study = event_study(panel, events, outcome="y", estimator=Dose(3, 4))
    assert study.params[0] == pytest.approx(0.5, abs=EXACT)
    with pytest.raises(DataError, match=r"add up to 2, beyond the last edge 1\.5"):
        event_study(panel, events.with_dose_bins([0, 1.5]), outcome="y", estimator="imputation")


def test_absorbing_dates_in_different_weeks_are_refused_where_weeks_are_known():
    panel, begin = _jump()
    table = _twice(begin)
    table.loc[1, "date"] += pd.Timedelta(days=7)
    with pytest.raises(DataError, match="one date per region, but r00 has several"):
        event_study(panel, Events.from_table(table), outcome="y", estimator="imputation")


def test_rows_of_the_table_that_repeat_another_are_counted_and_doses_of_one_date_kept():
    table = pd.DataFrame({"region": ["a", "a", "a"], "date": [4, 4, 4], "dose": [1.0, 1.0, 2.0]})
    events = Events.from_table(table, dose="dose")
    assert events.table["dose"].tolist() == [1.0, 2.0]
    assert events.notes == ("rows of the table that repeat another are left out: 1",)


def test_a_rule_that_is_missing_is_not_observed_and_counted():
    panel, _ = staggered(n=6)
    late = panel.data.index.get_level_values("week") >= 5
    flag = pd.Series(np.where(late, 1.0, np.nan), index=panel.data.index)
    events = Events.from_rule(panel, lambda _: flag)
    assert set(events.table["date"]) == {5}
    assert events.notes == (
        f"rows in which the rule is missing count as not observed: {6 * 4}",
        "events whose week before is not observed begin in the first week observed: 6",
    )


@pytest.mark.parametrize(
    "estimator", ["callaway-santanna", "imputation", "twfe", "sun-abraham", LpDid(3, 2), Stacked(2, 1)]
)
@pytest.mark.filterwarnings("ignore:two-way fixed effects")
def test_panels_of_every_second_year_count_periods(estimator):
    panel, events = staggered(seed=2)
    plain = event_study(panel, events, outcome="y", estimator=estimator)
    data = panel.data.reset_index().assign(week=lambda d: 1990 + 2 * d["week"], start=lambda d: 1990 + 2 * d["start"])
    other = panel_from_frame(data)
    found = event_study(other, Events.from_column(other, "start", never=np.inf), outcome="y", estimator=estimator)
    assert found.params.index.tolist() == plain.params.index.tolist()
    assert found.params.to_numpy() == pytest.approx(plain.params.to_numpy(), abs=EXACT)
    assert found.cov.to_numpy() == pytest.approx(plain.cov.to_numpy(), abs=EXACT, nan_ok=True)
    assert found.cohort_labels == (1998, 2002, 2006, "never")


def test_an_event_between_two_numbers_begins_with_the_next():
    assert week_scale(pd.Index([2000, 2002, 2004])).numbers(pd.Series([2000, 2001, 2003, 2007])).tolist() == [
        0,
        1,
        2,
        4,
    ]


def test_periods_that_are_not_whole_are_refused():
    panel, events = staggered(n=12)
    data = panel.data.reset_index().assign(week=lambda d: 2000 + d["week"] / 4)
    with pytest.raises(DataError, match=r"whole numbers.*2000\.25"):
        event_study(panel_from_frame(data), events, outcome="y")


@pytest.mark.parametrize(("freq", "beyond"), [("MS", "2002-01-01"), ("ME", "2002-01-31"), ("QS", "2006-01-01")])
def test_months_and_quarters_keep_their_labels_inside_and_beyond_the_panel(freq, beyond):
    weeks = pd.date_range("2000-01-01", periods=24, freq=freq)
    scale = week_scale(weeks)
    assert [scale.label(k) for k in range(24)] == list(weeks)
    assert scale.label(24.0) == pd.Timestamp(beyond)
    assert scale.numbers(pd.Index([scale.label(24.0)])).tolist() == [24]


def test_cohorts_of_a_monthly_panel_are_named_by_their_month():
    months = pd.date_range("2000-01-01", periods=24, freq="MS")
    panel, _ = staggered(n=40, periods=24, starts=(13, 16, np.inf), noise=0.05)
    data = panel.data.reset_index()
    begin = data["start"].map({13.0: months[12], 16.0: months[15], np.inf: pd.NaT})
    monthly = panel_from_frame(data.assign(week=months[data["week"] - 1], begin=begin))
    events = Events.from_column(monthly, "begin").with_options(anticipation=0)
    study = event_study(monthly, events, outcome="y", estimator="imputation")
    assert list(aggregate_events(study, "cohort").params.index) == [months[12], months[15]]
    assert set(two_way_weights(monthly, events, outcome="y")["cohort"]) == {months[12], months[15]}
    moved = fake_dates(monthly, events, shifts=(5,), outcome="y", estimator="imputation")
    direct = panel_from_frame(
        data.assign(
            week=months[data["week"] - 1],
            y=data["y"].where(data["week"] < data["start"]),
            begin=data["start"].map({13.0: months[7], 16.0: months[10], np.inf: pd.NaT}),
        )
    )
    early = Events.from_column(direct, "begin").with_options(anticipation=0)
    by_hand = aggregate_events(event_study(direct, early, outcome="y", estimator="imputation")).overall
    assert moved.loc[5, "estimate"] == pytest.approx(by_hand.estimate, abs=EXACT)


@pytest.mark.parametrize("kind", ["text", "period"])
def test_dates_may_be_iso_weeks_or_periods(kind):
    panel, _ = staggered(n=24)
    data = panel.data.reset_index()
    name = {
        "text": lambda k: None if np.isinf(k) else f"2020-W{int(k):02d}",
        "period": lambda k: pd.NaT if np.isinf(k) else pd.Period(WEEKS[int(k) - 1], freq="W"),
    }[kind]
    labelled = panel_from_frame(data.assign(week=data["week"].map(name), begin=data["start"].map(name)))
    events = Events.from_column(labelled, "begin").with_options(anticipation=0)
    found = event_study(labelled, events, outcome="y", estimator="imputation")
    plain = event_study(panel, Events.from_column(panel, "start", never=np.inf), outcome="y", estimator="imputation")
    assert found.params.to_numpy() == pytest.approx(plain.params.to_numpy(), abs=EXACT)
