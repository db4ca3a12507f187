"""Every class of the wave verdict can be produced by a simulated panel."""

import pytest

from panelcoop.simulate import simulate_panel
from panelcoop.waves.primary import wave_test

USUAL = [
    ("clear rising waves", "WAVE_AND_SPIRAL"),
    ("interrupted rise", "SINGLE_INTERRUPTED_RISE"),
    ("driftless waves", "WAVES_WITHOUT_RISE"),
    ("hump", "LIFE_CYCLE_HUMP"),
    ("declining waves", "CONTRADICTED"),
    ("steady rise", "CONTRADICTED"),
]
NARROW = [
    ("linear", {"amplitude": 0.3, "own_ar": 0.6}, "LINEAR_COMPATIBLE"),
    ("linear", {"amplitude": 0.2, "own_ar": 0.5}, "MONOTONE_NONLINEAR"),
    ("common random walk", {}, "INCONCLUSIVE"),
]


def verdict(design, seed, **changes):
    panel = simulate_panel(design, weeks=150, seed=seed, **changes).panel
    return wave_test(panel, outcome="y", sign_share=1.0).verdict


@pytest.mark.montecarlo
@pytest.mark.parametrize(("design", "expected"), USUAL)
def test_usual_verdict(design, expected):
    assert sum(verdict(design, seed) == expected for seed in range(4)) >= 3


@pytest.mark.montecarlo
@pytest.mark.parametrize(("design", "changes", "expected"), NARROW)
def test_verdict_of_a_narrow_band_occurs(design, changes, expected):
    assert any(verdict(design, seed, **changes) == expected for seed in range(60))
