"""Drivers: lags by the calendar, missing is not zero, authority decays, local profit is standardised."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from panelcoop.panel.drivers import lag_weeks, risk, standardise
from panelcoop.panel.response_levels import authority_signal, declared_levels

EXACT = 1e-12


def log(**changes):
    dates = ["2020-01-21", "2020-01-24", "2020-02-25", "2020-03-15"]
    table = {"iso": "A", "rank": [3, 4, 3, 2], "part_of_province": [False, False, True, False]}
    return pd.DataFrame({**table, "date_start": pd.to_datetime(dates), **changes})


@pytest.fixture
def weeks():
    return pd.date_range("2020-01-13", periods=12, freq="7D")


def test_level_is_that_of_the_end_of_the_week(weeks):
    got = declared_levels(log(), weeks, ["A"], source_ends="2020-W31")
    assert got.level["A"].tolist() == [0, 4, 4, 4, 4, 4, 3, 3, 2, 2, 2, 2]
    assert got.since["A"].iloc[1:].tolist() == [0, 1, 2, 3, 4, 0, 1, 0, 1, 2, 3]


def test_downgrade_is_a_step_down_after_level_one(weeks):
    got = declared_levels(log(), weeks, ["A"], source_ends="2020-W31")
    assert got.first_top["A"] == pd.Timestamp("2020-01-20")
    assert got.first_downgrade["A"] == pd.Timestamp("2020-02-24")


def test_partial_declarations_can_be_ignored(weeks):
    got = declared_levels(log(), weeks, ["A"], source_ends="2020-W31", partial="ignore")
    assert got.first_downgrade["A"] == pd.Timestamp("2020-03-09")
    assert got.level["A"].iloc[6] == 4


def test_region_without_record_is_missing_not_zero(weeks):
    got = declared_levels(log(), weeks, ["A", "B"], source_ends="2020-W31")
    assert got.level["B"].isna().all()
    assert pd.isna(got.first_top["B"])
    assert got.ledger.rows.query("region == 'B'")["action"].tolist() == ["missing"]


def test_after_the_record_levels_are_missing_unless_carried(weeks):
    ends = "2020-W06"
    assert declared_levels(log(), weeks, ["A"], source_ends=ends).level["A"].isna().sum() == 8
    carried = declared_levels(log(), weeks, ["A"], source_ends=ends, after_source="carry")
    assert carried.level["A"].iloc[-1] == 2


def test_authority_halves_with_its_half_life(weeks):
    got = declared_levels(log(), weeks, ["A"], source_ends="2020-W31")
    signal = authority_signal(got.level, got.since, 4.0)["A"]
    assert signal.iloc[0] == 0
    np.testing.assert_allclose(signal.iloc[1], 4.0, atol=EXACT)
    np.testing.assert_allclose(signal.iloc[5], 2.0, atol=EXACT)
    np.testing.assert_allclose(signal.iloc[6], 3.0, atol=EXACT)


def test_order_of_declarations_does_not_matter(weeks):
    shuffled = log().iloc[[2, 0, 3, 1]]
    one, two = (declared_levels(t, weeks, ["A"], source_ends="2020-W31") for t in (log(), shuffled))
    pd.testing.assert_frame_equal(one.level, two.level)
    pd.testing.assert_series_equal(one.first_downgrade, two.first_downgrade)


def test_lag_follows_the_calendar_not_the_rows():
    weeks = pd.date_range("2020-01-06", periods=4, freq="7D")
    gap = pd.DataFrame({"A": [1.0, 2.0, 4.0]}, index=weeks[[0, 1, 3]])
    assert lag_weeks(gap, 1, weeks)["A"].fillna(-1).tolist() == [-1, 1, 2, -1]
    assert lag_weeks(gap, 2, weeks)["A"].fillna(-1).tolist() == [-1, -1, 1, 2]


def test_lag_uses_weeks_before_the_panel():
    weeks = pd.date_range("2020-01-06", periods=4, freq="7D")
    assert lag_weeks(pd.DataFrame({"A": [1.0, 2, 3, 4]}, index=weeks), 1, weeks[2:])["A"].tolist() == [2, 3]


def test_risk_is_log_one_plus_incidence():
    cases = pd.DataFrame({"A": [0.0, 10, np.nan], "B": [0.0, 10, 5]})
    got = risk(cases, pd.Series({"B": 5e6, "A": 1e7}))
    np.testing.assert_allclose(got.iloc[1], [np.log(2), np.log(3)], atol=EXACT)
    assert got.isna().sum().tolist() == [1, 0]


def test_standardised_has_mean_zero_and_sd_one():
    got = standardise(pd.Series([1.0, 5, 2, 9]))
    np.testing.assert_allclose([got.mean(), got.std()], [0, 1], atol=EXACT)
