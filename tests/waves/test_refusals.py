"""Weights and drivers that mean nothing are refused by name."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from wave_frames import frame

from panelcoop.errors import DataError
from panelcoop.panel.record import SpatialWeights, panel_from_frame
from panelcoop.waves.inputs import wave_input
from panelcoop.waves.primary import wave_test
from panelcoop.waves.removal import Removal, remove_drivers
from panelcoop.waves.thresholds import WaveThresholds

FEW = WaveThresholds(draws=99)
NAMES = [f"r{i:02d}" for i in range(6)]


@pytest.fixture
def values() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((6, 60))


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({name: float(name == "r00") for name in NAMES}, "1 of 6 regions seen have a positive weight"),
        (dict.fromkeys(NAMES, 0.0), "0 of 6 regions seen have a positive weight"),
        ({**dict.fromkeys(NAMES, 1.0), "r03": np.inf}, "infinite or negative for region r03"),
        (np.ones(6), "column, a mapping or a Series by region; got ndarray"),
        (pd.Series(1.0, index=[*NAMES, "r00"]), "region r00 more than once"),
    ],
)
def test_weights_without_a_meaning_are_refused(values, weights, words):
    with pytest.raises(DataError, match=words):
        wave_test(frame(values), "y", weights=weights, thresholds=FEW)


def test_only_regions_seen_need_a_weight_and_only_those_of_positive_weight_are_counted(values):
    values[0] = np.nan
    size = np.ones_like(values)
    size[0] = np.nan
    size[1] = 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        by_column = wave_test(frame(values, size=size), "y", weights="size", thresholds=FEW)
    by_name = wave_test(frame(values), "y", weights={"r01": 0.0, **dict.fromkeys(NAMES[2:], 1.0)}, thresholds=FEW)
    assert by_column.ascent == by_name.ascent
    assert by_column.n_regions == by_name.n_regions == 4


def test_one_week_is_no_path(values):
    with pytest.raises(DataError, match="'y' is seen in 1 week; a path needs two or more"):
        wave_test(frame(values[:, :1]), "y", thresholds=FEW)


def test_a_driver_that_never_changes_is_not_removed(values):
    table = frame(values, x=np.tile(np.full(6, 0.1)[:, None], 60), z=values[::-1])
    with pytest.raises(DataError, match="Driver x never changes within a region; there is nothing to remove"):
        wave_test(table, "y", remove=["z", "x"], thresholds=FEW)


def test_columns_that_never_change_are_named(values):
    """Only r00 has a driver that changes, and it neighbours nobody: no neighbour ever changes."""
    driver = np.zeros_like(values)
    driver[0] = values[1]
    links = np.zeros((6, 6))
    links[[1, 2, 3, 4, 5, 0], [2, 3, 4, 5, 1, 1]] = 1.0
    panel = panel_from_frame(frame(values, x=driver), weights=[SpatialWeights("line", tuple(NAMES), links)])
    left = remove_drivers(wave_input(panel, "y"), panel, Removal(("x",), "line", 1))
    note = left.notes[-1]
    assert "constant within regions and not removed: neighbours of x at lag 0, neighbours of x at lag 1" in note


def test_a_driver_of_one_region_leaves_no_common_path(values):
    driver = np.full_like(values, np.nan)
    driver[2] = values[3]
    with pytest.raises(DataError, match="x is seen in one region only"):
        wave_test(frame(values, x=driver), "y", remove="x", thresholds=FEW)
