"""Placebos: what counts as the same waves, and what was not tested at all."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from wave_frames import frame

from panelcoop.waves.primary import wave_test
from panelcoop.waves.thresholds import WaveThresholds

REGIONS, WEEKS = 31, 100
FEW = WaveThresholds(draws=199)
U = np.arange(WEEKS) / (WEEKS - 1)


def waves(rise: float, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal((REGIONS, WEEKS))
    return rise * U + 1.5 * np.sin(6 * np.pi * U - np.pi / 2) + 0.7 * noise


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    noise = rng.standard_normal((REGIONS, WEEKS))
    week = np.tile(np.arange(WEEKS), (REGIONS, 1))
    rising = waves(4.0, 0)
    return frame(
        rising,
        driftless=waves(0.0, 1),
        slump=-waves(0.0, 2) + 8 * (U - 0.2),
        noise=noise,
        early=np.where(week < 25, noise, np.nan),
        late=np.where(week > 50, noise, np.nan),
        constant=np.full_like(noise, 0.1),
        walk=rng.standard_normal(WEEKS).cumsum() + 0.1 * noise,
    )


@pytest.mark.parametrize("outcome", ["y", "driftless", "slump"])
def test_an_outcome_matches_itself(table, outcome):
    placebo = wave_test(table, outcome, placebo=outcome, thresholds=FEW).placebo
    assert placebo.matches is True
    assert placebo.shared_falls >= 2
    assert "matches" in str(placebo)


def test_a_denominator_that_swings_without_rising_makes_waves_all_the_same(table):
    result = wave_test(table, "y", placebo="driftless", thresholds=FEW)
    assert result.placebo.p_ascent > 0.05 >= result.placebo.p_up_down_up
    assert result.verdict == "INCONCLUSIVE"
    assert "placebo shows waves in the same weeks" in result.reason
    only_swings = wave_test(table, "driftless", placebo="y", thresholds=FEW)
    assert only_swings.verdict == "WAVES_WITHOUT_RISE"
    assert only_swings.reason.endswith("; the placebo shows waves in the same weeks.")


def test_a_placebo_without_waves_does_not_match(table):
    result = wave_test(table, "y", placebo="noise", thresholds=FEW)
    assert result.placebo.matches is False
    assert result.placebo.untestable == ""
    assert "multiverse not supplied" in result.reason
    assert "placebo" not in result.reason


@pytest.mark.parametrize(
    ("placebo", "why"),
    [
        ("early", "25 weeks"),
        ("late", "unseen in 1 of 3 falls of the outcome"),
        ("constant", "it never changes within a region"),
        ("walk", "sd or more only"),
    ],
)
def test_a_placebo_that_could_not_be_tested_is_not_passed(table, placebo, why):
    result = wave_test(table, "y", placebo=placebo, thresholds=FEW)
    assert result.placebo.matches is None
    assert result.evidence.placebo_matches is None
    assert result.verdict == "WAVE_AND_SPIRAL"
    assert "placebo not testable (" in result.reason
    assert why in result.reason
    assert f"Placebo {placebo} is not testable ({result.placebo.untestable})" in result.summary()


def test_falls_are_compared_in_time_and_not_by_the_names_of_weeks(table):
    """As text w10 comes before w2: ordered labels must not be compared as text."""
    weeks = table.index.get_level_values("week")
    order = weeks.unique().sort_values()
    labels = pd.Categorical(
        [f"w{i}" for i in order.get_indexer(weeks)], [f"w{i}" for i in range(len(order))], ordered=True
    )
    named = table.reset_index().assign(week=labels)
    dated, texts = (wave_test(t, "y", placebo="driftless", thresholds=FEW).placebo for t in (table, named))
    assert dated == texts
