"""The wave tests of a plan: every measure with the bounds of its scale; what a text says of the spiral."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from wave_frames import frame

from panelcoop.panel.plan import Plan
from panelcoop.panel.record import panel_from_frame
from panelcoop.report.wave_table import wave_numbers, wave_table
from panelcoop.sensitivity.wave_designs import Design, simulate_panel
from panelcoop.waves.planned import MEASURE_BOUNDS, planned_waves
from panelcoop.waves.primary import wave_test
from panelcoop.waves.spiral import spiral
from panelcoop.waves.thresholds import WaveThresholds

FEW = WaveThresholds(draws=99)
INDEX = "containment_health"


def test_every_measure_of_a_plan_notes_its_share_at_a_bound():
    share = np.clip(0.5 + 0.3 * np.random.default_rng(0).standard_normal((6, 50)), 0.0, 1.0)
    share[0, 0] = 1 + 2e-16
    values = {name: low + share * (high - low) for name, (low, high) in MEASURE_BOUNDS.items()}
    table = frame(share, **{f"{name}_{INDEX}": path for name, path in values.items()}).drop(columns="y")
    panel = panel_from_frame(table, roles=dict.fromkeys(map(str, table.columns), "outcome"))
    found = planned_waves(replace(panel, plan=Plan.model_validate({"waves": {"draws": 99}})))
    at_bound = f"{((share <= 0) | (share >= 1)).mean():.1%} of cells lie at a bound of"
    assert len(found.of_kind("outcome")) == len(MEASURE_BOUNDS)
    for verdict in found.of_kind("outcome").values():
        low, high = MEASURE_BOUNDS[verdict.outcome.removesuffix(f"_{INDEX}")]
        assert f"{at_bound} [{low:g}, {high:g}]" in " ".join(verdict.notes)
    assert sum(at_bound in note for note in wave_table(found).notes) == len(MEASURE_BOUNDS)


@pytest.mark.parametrize(
    ("truth", "sentence"),
    [
        ("linear", "The smooth makes one rise larger than the noise range, so that no wave stands above another"),
        (
            "rising",
            "The smooth makes 3 rises larger than the noise range; from each to the next troughs rise, peaks rise",
        ),
    ],
)
def test_a_sentence_says_whether_each_wave_stands_above_the_last(truth, sentence):
    values = simulate_panel(Design(truth, 4.0, 150, 0.3, 0.02), np.random.default_rng(8))
    result = wave_test(frame(values), outcome="y", thresholds=FEW)
    assert wave_numbers(result, spiral(result))["spiral"]["sentence"] == sentence
    level = wave_test(frame(values - values.mean(axis=0) + 0.1 * np.sin(np.arange(150.0))), outcome="y", thresholds=FEW)
    assert "makes no rise" in wave_numbers(level, spiral(level))["spiral"]["sentence"]
