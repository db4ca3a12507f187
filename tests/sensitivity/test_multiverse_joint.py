"""The joint test of a specification curve: one universe is the bootstrap itself, copies of it add nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import DataError
from panelcoop.estimate.settings import InferenceSettings
from panelcoop.numerics.resampling.dependent_wild_many import contrast_draws
from panelcoop.panel.record import panel_from_frame
from panelcoop.sensitivity.multiverse import multiverse
from panelcoop.sensitivity.multiverse_joint import curve_test
from panelcoop.sensitivity.multiverse_universe import Universe, cross_universes

CONTRAST = "d:b - d:c"
FAST = InferenceSettings(draws=99, seed=3)


def frame_of(effect: float, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_product([[f"r{i}" for i in range(10)], range(60)], names=["region", "week"])
    clock = index.get_level_values("week").to_numpy() - np.repeat(rng.integers(10, 30, 10), 60)
    frame = pd.DataFrame(
        {"x": rng.normal(size=600), "s": np.select([clock < 0, clock < 20], ["a", "b"], "c")}, index=index
    )
    frame["s2"] = np.select([clock < 2, clock < 24], ["a", "b"], "c")
    frame["x2"] = 0.8 * frame["x"] + 0.6 * rng.normal(size=600)
    frame["y"] = effect * frame["x"] * (frame["s"] == "b") + rng.normal(size=600)
    frame["late"] = frame["y"].where(index.get_level_values("week") > 4)
    return frame


def many() -> list[Universe]:
    axes = {
        "outcome": {"y": {}, "late": {"outcome": "late"}},
        "driver": {"x": {}, "x2": {"drivers": {"d": "x2"}}},
        "stages": {"s": {}, "s2": {"stage": "s2"}},
        "regions": {"all": {}, "without": {"without": ("r3",)}},
    }
    return cross_universes(Universe("y", {"d": "x"}, "s"), axes)


def found_of(effect: float, universes: list[Universe], seed: int = 1):
    asked = {"contrast": CONTRAST, "settings": FAST, "waves": False}
    return multiverse(panel_from_frame(frame_of(effect, seed)), universes=universes, **asked)


def test_one_universe_is_the_bootstrap_itself():
    found = found_of(0.15, many()[:1])
    own = found.refit(0).inference(["DWB-t"], [CONTRAST], InferenceSettings(draws=4_999))["pvalue"].iloc[0]
    joint = curve_test(found, draws=2_000)
    assert joint.universes == 1
    assert joint.table.loc["mean |t|", "pvalue"] == pytest.approx(own, abs=0.03)  # Monte Carlo, p(1 - p)/2000
    assert joint.table.loc["median effect", "observed"] == pytest.approx(abs(found.table["effect"][0]))


def test_copies_of_a_universe_add_no_evidence():
    one = curve_test(found_of(0.15, many()[:1]), draws=300)
    four = curve_test(found_of(0.15, many()[:1] * 4), draws=300)
    pd.testing.assert_frame_equal(one.table, four.table)


def test_a_strong_effect_is_found_and_none_is_not():
    strong = curve_test(found_of(0.8, many()), draws=199)
    assert strong.universes == 16
    assert (strong.table["pvalue"] <= 0.05).all()
    p = [curve_test(found_of(0.0, many()[:4], seed), draws=99).table["pvalue"] for seed in range(6)]
    assert np.mean([q["mean |t|"] <= 0.05 for q in p]) <= 0.34
    assert "Joint test of 16 universes" in str(strong)


def test_universes_without_an_estimate_take_no_part():
    axes = {"stages": {"s": {}, "none": {"stage": "empty"}}}
    frame = frame_of(0.2).assign(empty="b")
    chosen = cross_universes(Universe("y", {"d": "x"}, "s"), axes)
    found = multiverse(panel_from_frame(frame), universes=chosen, contrast=CONTRAST, settings=FAST, waves=False)
    assert curve_test(found, draws=99).universes == 1


def test_multipliers_must_fit_the_calendar():
    x = np.random.default_rng(1).normal(size=(40, 1))
    week = np.repeat(np.arange(20), 2)
    with pytest.raises(DataError, match="one column per calendar week \\(20\\)"):
        contrast_draws(x, np.linalg.inv(x.T @ x), np.ones(1), week, multipliers=np.ones((9, 19)))
