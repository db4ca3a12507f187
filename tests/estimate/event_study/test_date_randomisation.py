"""Exchanged event dates: the interval is the set of constant effects that the same draws do not reject."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import DataError, PanelcoopWarning
from panelcoop.estimate.event_study.aggregate import aggregate_events
from panelcoop.estimate.event_study.date_randomisation import randomise_dates
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.extended_two_way import ExtendedTwoWay
from panelcoop.estimate.event_study.local_projection import LpDid

from .panels import staggered

ALPHA = 0.1


def without_effect(panel, size):
    """Take a constant effect out of the outcome from each region's event on."""
    data = panel.data
    after = data.index.get_level_values("week").to_numpy(dtype=float) >= data["start"].to_numpy(dtype=float)
    return panel.with_columns({"y": data["y"] - size * after})


@pytest.mark.parametrize(
    ("estimator", "anticipation"),
    [("imputation", 0), ("imputation", 2), ("callaway-santanna", 0), ("twfe", 0), ("two-stage", 0), (LpDid(2, 2), 0)],
)
def test_every_end_of_the_interval_is_where_the_test_begins_to_reject(estimator, anticipation):
    """With anticipation the weeks before the event differ from the effect, and the data's own error moves with it."""
    panel, events = staggered(n=18, seed=3, effect=lambda h, g: 1.0)
    events = events.with_options(anticipation=anticipation)
    given = {"draws": 39, "outcome": "y", "estimator": estimator}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PanelcoopWarning)
        found = randomise_dates(panel, events, level=1 - ALPHA, **given)
        assert found.reason == ""
        assert found.conf_low < found.estimate < found.conf_high
        for end, inwards in ((found.conf_low, 1), (found.conf_high, -1)):
            kept = randomise_dates(without_effect(panel, end + 1e-6 * inwards), events, level=None, **given)
            lost = randomise_dates(without_effect(panel, end - 1e-6 * inwards), events, level=None, **given)
            assert kept.pvalue > ALPHA >= lost.pvalue


def test_the_interval_covers_a_constant_effect():
    """Dates are exchangeable by construction, so that coverage is exact but for the draws."""
    inside = 0
    for seed in range(25):
        panel, events = staggered(n=12, periods=6, seed=seed, starts=(3, 4, np.inf), effect=lambda h, g: 0.7)
        found = randomise_dates(panel, events, draws=39, level=0.8, outcome="y", estimator="imputation")
        inside += found.conf_low <= 0.7 <= found.conf_high
    assert 14 <= inside < 25  # 20 expected, give or take 2


@pytest.mark.parametrize("scale", [-3.0, -1e-12, -1e12])
def test_scale_and_shift_of_the_outcome_carry_over(scale):
    panel, events = staggered(n=18, seed=5)
    given = {"draws": 39, "outcome": "y", "estimator": "imputation"}
    plain = randomise_dates(panel, events, **given)
    scaled = randomise_dates(panel.with_columns({"y": scale * (panel.data["y"] - 7)}), events, **given)
    assert scaled.pvalue == plain.pvalue
    np.testing.assert_allclose(
        [scaled.conf_high, scaled.conf_low], [scale * plain.conf_low, scale * plain.conf_high], rtol=1e-6
    )


def test_outcomes_may_have_any_name():
    panel, events = staggered(n=12, seed=5)
    renamed = panel.data.rename(columns={"y": 3})
    found = randomise_dates(renamed, events, draws=9, outcome=3, estimator="imputation")
    assert found.pvalue == randomise_dates(panel, events, draws=9, outcome="y", estimator="imputation").pvalue


def test_an_outcome_without_noise_has_no_interval():
    panel, events = staggered(n=12, seed=5)
    after = panel.data.index.get_level_values("week").to_numpy(dtype=float) >= panel.data["start"].to_numpy()
    found = randomise_dates(
        panel.with_columns({"y": after.astype(float)}), events, draws=9, outcome="y", estimator="imputation"
    )
    assert "no error" in found.reason


def test_spells_that_end_carry_the_effect_to_their_end():
    panel, _ = staggered(n=14, periods=12, seed=6, starts=(np.inf,))
    rows = [(f"r{i:03d}", 4 + i % 3, 7 + i % 3) for i in range(7)]
    events = Events.from_table(
        pd.DataFrame(rows, columns=["region", "date", "end"]), end="end", kind="switching"
    ).with_options(window=(1, 2))
    found = randomise_dates(panel, events, draws=39, outcome="y", estimator=LpDid(1, 2, clean_weeks=2))
    assert found.reason == ""
    assert found.conf_low < found.estimate < found.conf_high


def test_no_interval_says_why():
    panel, events = staggered(n=18, seed=7)
    counts = panel.with_columns({"y": np.round(np.exp(panel.data["y"].clip(-2, 2)))})
    given = {"draws": 9, "outcome": "y"}
    poisson = randomise_dates(counts, events, estimator=ExtendedTwoWay(family="poisson"), **given)
    doubled = randomise_dates(
        panel,
        events,
        summary=lambda study: (2 * aggregate_events(study).overall.estimate, aggregate_events(study).overall.std_error),
        estimator="imputation",
        **given,
    )
    assert "not linear" in poisson.reason
    assert np.isnan(poisson.conf_low)
    assert "found as 2" in doubled.reason
    assert randomise_dates(panel, events, level=None, estimator="imputation", **given).reason == ""
    with pytest.raises(DataError, match="level"):
        randomise_dates(panel, events, level=95, estimator="imputation", **given)


def test_draws_repeat_no_warning():
    panel, events = staggered(n=12, seed=8)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        randomise_dates(panel, events, draws=9, outcome="y", estimator="twfe")
    assert len([w for w in caught if issubclass(w.category, PanelcoopWarning)]) == 1
