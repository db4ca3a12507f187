"""The calendar: ISO rules, round trips, and days by the same path."""

from datetime import date, timedelta

import pandas as pd
import pytest

from panelcoop.errors import DataError
from panelcoop.panel.weeks import DAYS, WEEKS, Calendar, calendar_of, parse_week, week_label, week_range


def test_every_day_of_thirty_years_agrees_with_the_standard_library():
    day = date(2000, 1, 1)
    while day < date(2030, 1, 1):
        year, week, _ = day.isocalendar()
        monday = day - timedelta(days=day.weekday())
        assert week_label(day) == f"{year}-W{week:02d}"
        assert parse_week(f"{year}-W{week:02d}") == pd.Timestamp(monday) == WEEKS.start(day)
        day += timedelta(days=5)


def test_the_study_spans_157_weeks_because_2020_has_53():
    weeks = week_range("2020-W01", "2022-W52")
    assert len(weeks) == 53 + 52 + 52
    assert weeks[0] == pd.Timestamp("2019-12-30")
    assert weeks.is_unique
    assert weeks.is_monotonic_increasing
    assert WEEKS.labels(weeks)[52:54] == ["2020-W53", "2021-W01"]
    assert sorted(WEEKS.labels(weeks)) == WEEKS.labels(weeks)


@pytest.mark.parametrize("unit", ["week", "day"])
def test_both_units_share_one_path(unit):
    calendar = calendar_of(unit)
    span = calendar.range("2020-02-24", "2020-03-31")
    assert [calendar.start(calendar.label(first)) for first in span] == list(span)
    assert all(len(calendar.days_of(first)) == calendar.days for first in span)
    joined = pd.DatetimeIndex([day for first in span for day in calendar.days_of(first)])
    assert joined.is_unique
    assert (joined[1:] - joined[:-1] == pd.Timedelta(days=1)).all()
    assert list(calendar.starts(joined)) == [calendar.start(day) for day in joined]


def test_starts_keeps_missing_days_missing_and_drops_the_hour():
    starts = WEEKS.starts(pd.Series(pd.to_datetime(["2020-01-29 23:59", None])))
    assert starts[0] == pd.Timestamp("2020-01-27")
    assert pd.isna(starts[1])
    assert DAYS.label("2020-01-29 23:59") == "2020-01-29"


@pytest.mark.parametrize(
    ("label", "says"),
    [("2021-W53", "no week 53"), ("2020-W00", "no week 0"), ("soon", "neither a date"), ("NaT", "missing date")],
)
def test_what_is_no_week_is_named(label, says):
    with pytest.raises(DataError, match=says):
        parse_week(label)


def test_a_range_that_ends_before_it_begins_is_an_error():
    with pytest.raises(DataError, match="ends \\(2020-W01\\) before it begins \\(2020-W05\\)"):
        week_range("2020-W05", "2020-W01")


def test_an_unknown_unit_is_an_error():
    with pytest.raises(DataError, match="week, day"):
        Calendar("month")
