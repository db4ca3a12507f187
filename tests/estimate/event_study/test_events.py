"""Events: where they come from, what is refused, and what the panel makes of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.api import event_study
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.week_scale import week_scale
from panelcoop.panel.record import panel_from_frame

from .panels import staggered

WEEKS = pd.date_range("2020-01-06", periods=20, freq="7D")


def _weekly(flags):
    frame = pd.DataFrame(
        {
            "region": np.repeat(list(flags), 20),
            "week": np.tile(WEEKS, len(flags)),
            "flag": np.concatenate([np.isin(np.arange(20), on) for on in flags.values()]),
        }
    )
    return panel_from_frame(frame)


def test_dates_inside_a_week_collapse_to_that_week():
    numbers = week_scale(WEEKS).numbers(
        pd.Series(pd.to_datetime(["2020-01-06", "2020-01-12", "2020-01-13", "2020-06-30"]))
    )
    assert numbers.tolist() == [0, 0, 1, 25]


def test_rule_gives_first_weeks_repeated_weeks_and_spells():
    panel = _weekly({"a": [3, 4, 10], "b": []})
    rule = lambda frame: frame["flag"]  # noqa: E731
    assert Events.from_rule(panel, rule).table["date"].tolist() == [WEEKS[3]]
    assert Events.from_rule(panel, rule, kind="repeated").table["date"].tolist() == [WEEKS[3], WEEKS[10]]
    spells = Events.from_rule(panel, rule, kind="switching").table
    assert spells["end"].tolist() == [WEEKS[4], WEEKS[10]]


def test_clean_weeks_must_be_observed_and_clean():
    panel = _weekly({"a": [2, 9, 18], "b": [12]})
    clean = Events.from_rule(panel, lambda frame: frame["flag"], kind="repeated", clean_weeks=8)
    assert clean.table.to_numpy().tolist() == [["a", WEEKS[18]], ["b", WEEKS[12]]]


def test_two_dates_of_an_absorbing_event_are_refused():
    table = pd.DataFrame({"region": ["a", "a"], "date": [3, 5]})
    with pytest.raises(DataError, match="one date per region, but a has several"):
        Events.from_table(table)


def test_a_date_that_varies_within_a_region_is_refused():
    panel, _ = staggered(n=4)
    with pytest.raises(DataError, match="constant within a region"):
        Events.from_column(panel, "y")


def test_events_of_unknown_regions_are_refused():
    panel, _ = staggered(n=4)
    events = Events.from_table(pd.DataFrame({"region": ["elsewhere"], "date": [3]}))
    with pytest.raises(DataError, match="regions the panel does not have: elsewhere"):
        event_study(panel, events, outcome="y")


def test_never_treated_controls_that_do_not_exist_are_refused_with_the_remedy():
    panel, events = staggered(starts=(4, 6, 8))
    with pytest.raises(IdentificationError, match="control='not-yet'"):
        event_study(panel, events, outcome="y")


@pytest.mark.parametrize("bad", [{"window": (0, 3)}, {"anticipation": -1}, {"ends": "cut"}])
def test_impossible_options_are_refused(bad):
    _, events = staggered(n=4)
    with pytest.raises(DataError):
        events.with_options(**bad)


def test_binned_window_pools_and_dropped_window_leaves_out():
    panel, events = staggered(seed=1)
    whole = event_study(panel, events, outcome="y", estimator="imputation")
    cells = whole.group_time().query("horizon >= 2")
    binned = event_study(panel, events.with_options(window=(2, 2)), outcome="y", estimator="imputation")
    dropped = event_study(
        panel, events.with_options(window=(2, 2), ends="dropped"), outcome="y", estimator="imputation"
    )
    assert binned.params[2] == pytest.approx(np.average(cells["estimate"], weights=cells["treated"]))
    assert dropped.params[2] == pytest.approx(whole.params[2])
    assert dropped.params.index.max() == 2


def test_dated_panels_anticipate_two_weeks_by_default():
    panel, events = staggered(n=8, periods=12)
    assert event_study(panel, events, outcome="y", estimator="imputation").anticipation == 0
    data = panel.data.reset_index()
    start = pd.to_datetime("2020-01-06") + pd.to_timedelta(7 * (data["start"].replace(np.inf, np.nan) - 1), unit="D")
    dated = panel_from_frame(data.assign(week=WEEKS[data["week"] - 1], date=start))
    assert event_study(dated, Events.from_column(dated, "date"), outcome="y", estimator="imputation").anticipation == 2
