"""Labels of time: their order, and the gaps between them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import panelcoop as pc
from panelcoop.panel.periods import ordered_periods, period_counter, period_positions


@pytest.mark.parametrize("frequency", ["D", "W-SUN", "M", "Q", "Y"])
@pytest.mark.parametrize("as_dates", [True, False])
def test_periods_of_any_length_are_consecutive_and_keep_their_gaps(frequency, as_dates):
    periods = pd.period_range("1960-01-04", periods=30, freq=frequency)
    labels = periods.to_timestamp() if as_dates else periods
    np.testing.assert_array_equal(period_positions(labels), np.arange(30.0))
    np.testing.assert_array_equal(period_positions(labels.delete([3, 4])), np.delete(np.arange(30.0), [3, 4]))


def test_month_ends_are_months():
    ends = pd.date_range("2020-01-31", periods=14, freq="ME")
    np.testing.assert_array_equal(period_positions(ends), np.arange(14.0))


def test_integers_in_steps():
    np.testing.assert_array_equal(period_positions(pd.Index([7, 14, 28, 35])), [0, 1, 3, 4])


@pytest.mark.parametrize(
    "labels", [[7.0, 14.0, 28.0, 35.0], [-0.5, 0.0, 1.0, 1.5], [2020 + k / 52 for k in (0, 1, 3, 4)]]
)
def test_numbers_with_a_point_are_counted_in_steps(labels):
    np.testing.assert_array_equal(period_positions(pd.Index(labels)), [0, 1, 3, 4])
    assert period_positions(pd.Index(labels[:1])).tolist() == [0]


def test_decimal_labels_between_the_steps_are_named():
    with pytest.raises(pc.DataError, match=r"2 weeks lie between periods of 0.5.*1.2 after 0.5, 2 after 1.2.*pandas"):
        period_positions(pd.Index([0.0, 0.5, 1.2, 2.0]))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/Berlin", "UTC"])
def test_time_zones_leave_weeks_and_months_consecutive(zone):
    weeks, months = (pd.date_range("2020-01-01", periods=30, freq=every) for every in ("W-MON", "MS"))
    for zoned in (weeks.tz_localize(zone), weeks.tz_localize("UTC").tz_convert(zone), months.tz_localize(zone)):
        np.testing.assert_array_equal(period_positions(zoned.delete(3)), np.delete(np.arange(30.0), 3))


def test_a_date_inside_a_period_takes_its_number_and_one_beyond_counts_on():
    weeks = pd.DatetimeIndex(["2020-01-06", "2020-01-13", "2020-01-27"])
    asked = pd.DatetimeIndex(["2020-01-08", "2020-01-20", "2020-02-03", "2020-01-05"])
    np.testing.assert_array_equal(period_counter(weeks)(asked), [0, 2, 4, -1])
    months = pd.DatetimeIndex(["2020-01-01", "2020-02-01", "2020-04-01"])
    np.testing.assert_array_equal(period_counter(months)(pd.DatetimeIndex(["2020-03-31", "2020-04-30"])), [2, 3])


@pytest.mark.parametrize(
    "labels",
    [
        ["2020-W09", "2020-W10", "2020-W11"],
        ["9", "10", "11"],
        ["2020-02-24", "2020-03-02", "2020-03-09"],
        pd.to_datetime(["2020-02-24", "2020-03-02", "2020-03-09"]).date,
        pd.Categorical(["w9", "w10", "w11"], categories=["w9", "w10", "w11"], ordered=True),
        pd.Categorical([9, 10, 11]),
    ],
)
def test_labels_keep_the_order_of_time(labels):
    frame = pd.DataFrame({"region": ["a"] * 3 + ["b"] * 3, "y": [0.0, 1, 2] * 2})
    frame["week"] = pd.concat([pd.Series(labels)] * 2, ignore_index=True)
    shuffled = frame.sample(frac=1, random_state=1)
    panel = pc.panel_from_frame(shuffled)
    assert panel.data.loc["a", "y"].tolist() == [0.0, 1.0, 2.0]
    np.testing.assert_array_equal(period_positions(panel.data.index.unique("week")), [0, 1, 2])


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([202052, 202053, 202101], "glues year and week .*'2020-W53'"),
        (["202052", "202053", "202101"], "glues year and week"),
        ([202011, 202012, 202101], "glues year and month .*'2020-12'"),
    ],
)
def test_year_and_week_in_one_number_are_refused(labels, words):
    with pytest.raises(pc.errors.DataError, match=words):
        ordered_periods(pd.Series(labels), "week")


@pytest.mark.parametrize("labels", [[2019, 2020, 2021], [202001, 202002, 202003], [98, 99, 100, 101], [210099, 210100]])
def test_numbers_without_a_turn_of_the_year_are_taken_as_they_are(labels):
    assert ordered_periods(pd.Series(labels), "week").tolist() == labels


@pytest.mark.parametrize("labels", [["w1", "w2", "w10"], ["10.02.2020", "17.02.2020", "02.03.2020"]])
def test_text_without_an_order_is_refused_with_the_remedy(labels):
    with pytest.raises(pc.DataError, match=r"no order of time.*ordered Categorical"):
        ordered_periods(pd.Series(labels), "week")


def test_serial_inference_does_not_depend_on_how_weeks_are_written():
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"region": np.repeat(list("abcdefgh"), 60), "x": rng.normal(size=480)})
    frame["stage"] = np.tile(np.repeat(["early", "late"], 30), 8)
    frame["y"] = frame["x"] + np.repeat(rng.normal(size=(8, 6)), 10) + rng.normal(size=480)
    numbers = np.tile(np.arange(60), 8)
    written = {
        "whole numbers": numbers,
        "steps of seven": numbers * 7,
        "months": pd.period_range("1990-01", periods=60, freq="M")[numbers],
        "years": pd.period_range("1960", periods=60, freq="Y").to_timestamp()[numbers],
        "text": [f"w{n}" for n in numbers],
    }
    written["text"] = pd.Categorical(written["text"], categories=[f"w{n}" for n in range(60)], ordered=True)
    settings = pc.InferenceSettings(draws=99)
    found = []
    for labels in written.values():
        fit = pc.stage_interaction(frame.assign(week=labels), outcome="y", drivers=["x"])
        table = fit.inference(["driscoll-kraay", "newey-west", "DWB-t"], ["x:early"], settings)
        found.append(table[["std_error", "pvalue"]].to_numpy())
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], rtol=1e-10)
