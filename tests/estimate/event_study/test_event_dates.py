"""Dates of events: of the panel's type, from rules on panels with missing rows, moved back, and how they are shown."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.api import event_study
from panelcoop.estimate.event_study.dyadic import Dyadic
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.local_projection import Dose, LpDid
from panelcoop.estimate.event_study.placebo import fake_dates, horizon_composition, leave_one_region_out
from panelcoop.estimate.event_study.rings import Rings
from panelcoop.estimate.event_study.stacked import Stacked
from panelcoop.estimate.event_study.sun_abraham import SunAbraham
from panelcoop.panel.record import panel_from_frame

from .panels import staggered

EXACT = 1e-9


def _frame(weeks, regions=("a",), **columns):
    keys = {"region": np.repeat(regions, len(weeks)), "week": np.tile(weeks, len(regions))}
    return panel_from_frame(pd.DataFrame({**keys, **columns}))


def _rule(frame):
    return frame["flag"]


@pytest.mark.parametrize("ends", ["binned", "dropped"])
def test_composition_has_the_horizons_and_weights_of_the_estimates(ends):
    panel, events = staggered(seed=3, starts=(3, 5, 8, np.inf), n=37)
    study = event_study(
        panel, events.with_options(window=(3, 2), ends=ends), outcome="y", estimator="callaway-santanna"
    )
    table = horizon_composition(study)
    assert table.index.tolist() == study.params.index.tolist()
    cells = study.needed_cells()
    for h in (1, 2):
        use = cells.estimated & (study.shown == h)
        mass = pd.Series(cells.mass[use]).groupby([study.cohort_labels[c] for c in cells.cohort[use]]).sum()
        assert table.loc[h, mass.index].to_numpy() == pytest.approx((mass / mass.sum()).to_numpy())
        assert np.average(cells.effect[use], weights=cells.mass[use]) == pytest.approx(study.params[h])


def test_composition_counts_bins():
    panel, events = staggered(seed=4, starts=(3, 6, np.inf))
    study = event_study(panel, events, outcome="y", estimator=SunAbraham(bins={3: (3, 4, 5)}))
    assert horizon_composition(study).index.tolist() == study.params.index.tolist()


@pytest.mark.parametrize("date", [1990, 20200205, 1990.0])
def test_numbers_are_no_dates_of_a_dated_panel(date):
    years = pd.date_range("1985-01-01", periods=10, freq="YS")
    panel = _frame(years, ["a", "b"], y=np.arange(20.0))
    events = Events.from_table(pd.DataFrame({"region": ["a"], "date": [date]}))
    with pytest.raises(DataError, match=r"events have numbers.*pandas\.to_datetime"):
        event_study(panel, events, outcome="y", estimator="imputation")


def test_a_time_zone_is_refused_with_its_remedy():
    panel = _frame(pd.date_range("2020-01-06", periods=10, freq="7D"), ["a", "b"], y=np.arange(20.0))
    events = Events.from_table(pd.DataFrame({"region": ["a"], "date": [pd.Timestamp("2020-02-03", tz="UTC")]}))
    with pytest.raises(DataError, match=r"time zone UTC.*tz_localize"):
        event_study(panel, events, outcome="y", estimator="imputation")


@pytest.mark.parametrize("labels", [[str(k) for k in range(1, 11)], [f"{k:02d}" for k in range(1, 11)]])
@pytest.mark.parametrize("source", ["table", "rule", "number"])
def test_ordered_labels_that_are_numbers_are_found(labels, source):
    panel, plain = staggered(n=24)
    data = panel.data.reset_index()
    weeks = pd.Categorical.from_codes(data["week"] - 1, labels, ordered=True)
    labelled = panel_from_frame(data.assign(week=weeks, flag=data["week"] >= data["start"]))
    table = plain.table.assign(date=plain.table["date"].astype(int))
    if source == "table":
        table["date"] = [labels[k - 1] for k in table["date"]]
    events = Events.from_rule(labelled, _rule) if source == "rule" else Events.from_table(table)
    expected = event_study(panel, plain, outcome="y", estimator="imputation").params
    found = event_study(labelled, events, outcome="y", estimator="imputation").params
    assert found.to_numpy() == pytest.approx(expected.to_numpy(), abs=EXACT)


def test_clean_weeks_of_a_rule_must_be_observed():
    flag = np.isin(np.arange(40), [12, 30])
    late = _frame(np.arange(12, 40), flag=flag[12:])
    other = _frame(np.arange(40), ["b"], flag=np.zeros(40, dtype=bool))
    panel = panel_from_frame(pd.concat([late.data, other.data]).reset_index())
    events = Events.from_rule(panel, _rule, kind="repeated", clean_weeks=8)
    assert events.table["date"].tolist() == [30]
    assert events.notes == ("events without 8 observed weeks before them are left out: 1",)


@pytest.mark.parametrize("lost", ["row", "value", "week"])
def test_a_missing_week_does_not_split_a_spell(lost):
    flag = pd.Series(np.isin(np.arange(20), [5, 6, 7, 14]).astype(float))
    regions = ["a"] if lost == "week" else ["a", "b"]
    data = _frame(np.arange(20), regions, flag=np.tile(flag, len(regions))).data.reset_index()
    gap = (data["region"] == "a") & (data["week"] == 6)
    data = data.assign(flag=data["flag"].mask(gap)) if lost == "value" else data[~gap]
    events = Events.from_rule(panel_from_frame(data), _rule, kind="switching")
    mine = events.table[events.table["region"] == "a"]
    assert mine[["date", "end"]].to_numpy().tolist() == [[5, 7], [14, 14]]
    assert events.notes[-1] == "gaps in which a spell is taken to go on: 1"


def test_an_event_after_an_unobserved_week_is_kept_and_counted():
    data = _frame(np.arange(20), ["a", "b"], flag=np.tile(np.arange(20) >= 9, 2)).data.reset_index()
    data = data[~((data["region"] == "a") & data["week"].between(6, 8))]
    events = Events.from_rule(panel_from_frame(data), _rule)
    assert events.table["date"].tolist() == [9, 9]
    assert events.notes == ("events whose week before is not observed begin in the first week observed: 1",)


def test_an_infinite_date_is_never():
    panel, events = staggered(n=24)
    assert Events.from_column(panel, "start").table.equals(events.table)
    assert str(Events.from_column(panel, "start")) == str(events)


@pytest.mark.parametrize(
    "bad", [{"window": (2.5, 3)}, {"window": (3,)}, {"window": (8, 12, 3)}, {"window": (3, -1)}, {"anticipation": 1.5}]
)
def test_options_of_events_are_whole_weeks(bad):
    _, events = staggered(n=4)
    with pytest.raises(DataError):
        events.with_options(**bad)


@pytest.mark.parametrize("kind", [LpDid, Stacked, Dose])
@pytest.mark.parametrize("bad", [{"lags": -1}, {"leads": 0}, {"leads": 1.5}])
def test_windows_of_estimators_are_whole_weeks(kind, bad):
    with pytest.raises(DataError, match=next(iter(bad))):
        kind(**bad)


@pytest.mark.parametrize("kind", [LpDid, Dose])
def test_clean_weeks_of_estimators_are_not_negative(kind):
    with pytest.raises(DataError, match="clean_weeks"):
        kind(clean_weeks=-3)


def test_a_window_and_an_anticipation_can_be_undone():
    _, events = staggered(n=4)
    narrow = events.with_options(window=(3, 2), anticipation=1, ends="dropped")
    assert narrow.with_options(ends="binned").window == (3, 2)
    assert narrow.with_options(window=None).window is None
    assert narrow.with_options(anticipation=None).anticipation is None
    assert narrow.with_options(window=None).anticipation == 1


def _repeated(jump):
    """Twenty regions with two passing events each, twenty without; no noise."""
    rng = np.random.default_rng(5)
    rows = [(f"r{i:02d}", date) for i in range(20) for date in (int(rng.integers(20, 26)), int(rng.integers(50, 56)))]
    table = pd.DataFrame(rows, columns=["region", "date"])
    y = np.sin(np.arange(80)) + np.arange(40)[:, None] * 1.0
    for i, date in rows:
        y[int(i[1:]), date - 1 : date + 8] += jump
    panel = _frame(np.arange(80), [f"r{i:02d}" for i in range(40)], y=y.ravel())
    return panel, Events.from_table(table, kind="repeated").with_options(anticipation=1, window=(3, 6))


def test_fake_dates_of_repeated_events_let_no_true_effect_in():
    panel, events = _repeated(5.0)
    late = events.with_focus(lambda t: t["date"] > 40)
    for asked in (events, late):
        found = fake_dates(panel, asked, shifts=(3, 6, 12), outcome="y", estimator=LpDid(clean_weeks=12))
        assert (found["reason"] == "").all()
        assert found["estimate"].abs().max() < EXACT


def test_fake_dates_of_repeated_events_find_what_came_before():
    panel, events = _repeated(0.0)
    y = panel.data["y"].copy()
    for region, date in events.table[["region", "date"]].to_numpy():
        y.loc[(region, date - 3) : (region, date - 3)] += 2.0
    found = fake_dates(
        panel.with_columns({"y": y}), events, shifts=(3, 1), outcome="y", estimator=LpDid(clean_weeks=12)
    )
    assert found.loc[3, "estimate"] == pytest.approx(1.0)
    assert "shift of 1 leaves no week" in found.loc[1, "reason"]


def test_fake_dates_refuse_what_they_cannot_hide():
    panel, events = _repeated(1.0)
    with pytest.raises(IdentificationError, match="absorbing events, or repeated ones with LpDid or Dose"):
        fake_dates(panel, events, outcome="y", estimator="imputation")
    one = Events.from_table(events.table.drop_duplicates("region"))
    with pytest.raises(IdentificationError, match="events of other regions"):
        fake_dates(panel, one, outcome="y", estimator=Rings(np.eye(40, k=1)))


def test_leaving_one_out_of_dyads_leaves_out_a_member():
    rng = np.random.default_rng(6)
    names = [f"{a}|{b}" for a in "ABCDE" for b in "ABCDE" if a < b]
    panel = _frame(np.arange(10), names, y=rng.normal(size=100))
    events = Events.from_table(pd.DataFrame({"region": names[::3], "date": 5}))
    table = leave_one_region_out(panel, events, outcome="y", estimator=Dyadic())
    assert table.index.tolist() == ["none", *"ABCDE"]
    without = [name for name in names if "C" in name]
    by_hand = leave_one_region_out(
        panel.without_regions(without), events.without_regions(without), outcome="y", estimator="dyadic"
    )
    assert table.loc["C", "estimate"] == pytest.approx(by_hand.loc["none", "estimate"], abs=EXACT)


def test_groups_of_regions_are_left_out_together():
    panel, events = staggered(n=24)
    table = leave_one_region_out(panel, events, by="group", outcome="y", estimator="imputation")
    assert table.index.tolist() == ["none", *range(12)]
    gone = list(panel.data.index[panel.data["group"] == 3].unique("region"))
    alone = event_study(panel.without_regions(gone), events.without_regions(gone), outcome="y", estimator="imputation")
    cells = alone.group_time().query("horizon >= 0")
    assert table.loc[3, "estimate"] == pytest.approx(np.average(cells["estimate"], weights=cells["treated"]))
