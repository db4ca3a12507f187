"""The epidemic clock on hand-made outbreaks: where each stage begins, restarts, imported cases, missing weeks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panelcoop.errors import DataError
from panelcoop.panel.plan_measures import EpidemicClock
from panelcoop.panel.record import panel_from_frame
from panelcoop.panel.stage_block import date_stages, outbreak_table
from panelcoop.panel.stages_epidemic import epidemic_stages, find_episodes, national_outbreaks

MILLION = 1e6
SHORT = {"gestation": "g", "outbreak": "o", "continuation": "c", "recovery": "r"}


def spell(*weekly, population=MILLION, **changes):
    """Write the stages of one region as a word, '-' where none is dated."""
    weeks = pd.date_range("2020-01-06", periods=len(weekly), freq="7D")
    cases = pd.DataFrame({"A": np.array(weekly, dtype=float)}, index=weeks)
    stages = epidemic_stages(cases, pd.Series({"A": population}), EpidemicClock(**changes)).stage["A"]
    return "".join(SHORT.get(s, "-") for s in stages.astype(object))


def test_one_outbreak_passes_all_four_stages():
    assert spell(0, 0, 0, 9, 90, 40, 7, 0, 0, 0, 0) == "-ggooccccrr"


def test_two_quiet_weeks_end_the_continuation_one_does_not():
    assert spell(0, 0, 50, 20, 3, 20, 0, 0, 0) == "ggoccccc" + "r"


def test_growth_must_be_non_positive_for_as_long_as_the_plan_says():
    path = (0, 0, 20, 90, 60, 70, 30, 10, 0, 0, 0)
    assert spell(*path) == "ggooccccccr"
    assert spell(*path, growth_weeks=2) == "ggooooccccr"


def test_outbreak_lasts_until_the_highest_week_not_the_first_dip():
    assert spell(0, 0, 20, 15, 90, 40, 0, 0, 0) == "ggoooccc" + "r"


def test_clock_restarts_with_gestation_after_recovery():
    assert spell(0, 0, 50, 20, 0, 0, 0, 0, 0, 60, 10, 0, 0, 0) == "ggocccr" + "ggocccr"


def test_gestation_never_overwrites_continuation():
    assert spell(0, 0, 50, 20, 0, 0, 60, 10, 0, 0, 0) == "ggoccc" + "occcr"
    assert spell(0, 0, 50, 20, 0, 0, 0, 60, 10, 0, 0, 0) == "ggoccc" + "gocccr"


def test_deep_trough_without_quiet_weeks_restarts_without_gestation():
    path = (0, 0, 300, 100, 20, 400, 100, 0, 0, 0)
    assert spell(*path) == "ggoccocccr"
    assert spell(*path, trough_share=0.05) == "ggooooccc" + "r"


def test_first_case_is_dated_back_over_weeks_below_the_onset_level():
    assert spell(0, 0, 0, 2, 3, 50, 0, 0, 0) == "-ggooocc" + "r"


def test_cluster_below_the_minimum_size_is_no_outbreak():
    path = (0, 0, 8, 3, 0, 0, 0)
    assert spell(*path) == "ggocc" + "rr"
    assert spell(*path, population=12 * MILLION) == "-" * 7


def test_steady_imported_cases_are_no_outbreak_but_a_jump_above_them_is():
    imported = [30, 28, 33, 31, 29, 30, 32, 31]
    word = spell(*[0] * 8, *imported, *imported, *imported, 200, 90, 31, 30, 29, population=100 * MILLION)
    assert word[-8:] == "rggoccc" + "r"


def test_missing_week_neither_ends_nor_begins_an_outbreak():
    assert spell(0, 0, 50, 20, 0, np.nan, 0, 0, 0) == "ggocccc" + "rr"
    assert spell(np.nan, np.nan, 50, 20, 0, 0, 0) == "ggoccc" + "r"


def test_outbreak_open_at_the_end_of_the_record():
    assert spell(0, 0, 0, 10, 50, 90) == "-ggooo"


def test_region_without_outbreak_has_no_stage():
    assert spell(0, 1, 0, 0, 2) == "-----"


@given(st.lists(st.one_of(st.integers(0, 500), st.just(np.nan)), min_size=1, max_size=60), st.integers(1, 3))
def test_episodes_are_ordered_and_whole(weekly, growth_weeks):
    cases = np.array(weekly, dtype=float)
    found = find_episodes(cases, MILLION, EpidemicClock(growth_weeks=growth_weeks))
    for one in found:
        assert one.onset <= one.peak < one.turn <= one.end + 1 <= len(cases)
        assert cases[one.peak] == np.nanmax(cases[one.onset : one.end + 1])
    for one, following in pairwise(found):
        assert one.end < following.onset


def test_episode_names_and_table():
    weeks = pd.date_range("2020-01-06", periods=12, freq="7D")
    cases = pd.DataFrame({"A": [0.0, 50, 0, 0, 0, 0, 60, 30, 0, 0, 0, 0]}, index=weeks)
    got = epidemic_stages(cases, pd.Series({"A": MILLION}), EpidemicClock())
    assert got.episode["A"].tolist() == ["A/1"] * 4 + ["A/2"] * 8
    assert got.episodes["onset"].tolist() == [weeks[1], weeks[6]]
    assert got.episodes["cases"].tolist() == [50.0, 90.0]


def test_national_outbreaks_need_enough_regions_for_long_enough():
    weeks = pd.date_range("2020-01-06", periods=6, freq="7D")
    o, r = "outbreak", "recovery"
    stage = pd.DataFrame({"A": [o, o, r, o, r, r], "B": [o, o, r, r, r, o]}, index=weeks)
    got = national_outbreaks(stage, regions=2, weeks=2)
    assert got[["first_week", "last_week"]].to_numpy().tolist() == [[weeks[0], weeks[1]]]
    assert len(national_outbreaks(stage, regions=1, weeks=1)) == 3


def own_panel(role="control"):
    weeks = pd.date_range("2020-01-06", periods=9, freq="7D")
    frame = pd.DataFrame({"region": "A", "week": weeks, "new_cases": [0.0, 0, 0, 50, 90, 20, 0, 0, 0]})
    return panel_from_frame(frame, roles={"new_cases": role})


def test_own_panel_is_dated_from_its_cases():
    panel = date_stages(own_panel(), population=pd.Series({"A": MILLION}))
    assert panel.roles["stage_epidemic"] == "stage"
    assert panel.data["stage_epidemic"].astype(object).fillna("-").str[0].str.cat() == "-ggooccc" + "r"
    assert len(outbreak_table(panel)) == 0


def test_stages_are_never_dated_from_the_outcome():
    with pytest.raises(DataError, match="must not be dated from the outcome 'new_cases'"):
        date_stages(own_panel(role="outcome"), population=pd.Series({"A": MILLION}))
