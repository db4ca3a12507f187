"""Rows of the table: 999 draws of the primary wave test after one pass over the data."""

from __future__ import annotations

from functools import partial

import numpy as np

from benchmarks.harness import Workload


def rising(regions: int, weeks: int) -> np.ndarray:
    from panelcoop.sensitivity.wave_designs import Design, simulate_panel

    return simulate_panel(Design("rising", 2.0, weeks, 0.5, 0.1, regions), np.random.default_rng(1))


def ours(values: np.ndarray):
    """Common path, smooth, noise, 999 draws, drift tests, detectable drawdown, verdict."""
    import pandas as pd

    from panelcoop.waves.inputs import WaveInput
    from panelcoop.waves.primary import wave_test_of
    from panelcoop.waves.thresholds import WaveThresholds

    n, t = values.shape
    work = WaveInput(values, np.arange(float(t)), pd.RangeIndex(n), pd.RangeIndex(t))

    def call():
        result = wave_test_of(work, outcome="y", thresholds=WaveThresholds())
        return [result.ascent, result.test.threshold, float(result.waves)]

    return call


WORKLOADS = (
    Workload(
        "waves-31x150", "Wave test, 999 draws, 31 x 150", partial(rising, 31, 150), {"panelcoop": ours}, seconds=0.3
    ),
    Workload(
        "waves-3000x200",
        "Wave test, 999 draws, 3,000 x 200",
        partial(rising, 3000, 200),
        {"panelcoop": ours},
        seconds=2.0,
    ),
)
