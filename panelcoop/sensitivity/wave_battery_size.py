"""How often the usual tests reject: on a true straight line with common shocks, on one hump, on rising waves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from panelcoop.progress import track
from panelcoop.sensitivity.wave_designs import Design, simulate_panel
from panelcoop.waves.battery.run import wave_battery
from panelcoop.waves.thresholds import WaveThresholds

__all__ = ["QUICK_TESTS", "battery_rates"]

QUICK_TESTS = (
    "spline",
    "reset",
    "u",
    "two lines",
    "peaks",
    "fisher",
    "harmonic",
    "sup-F",
    "complex roots",
    "overshoot",
)
"""Tests that take well under a second; Hansen's and the two of statsmodels are left out."""


def battery_rates(
    designs: Iterable[Design],
    *,
    replications: int = 100,
    draws: int = 99,
    tests: Sequence[str] = QUICK_TESTS,
    seed: int = 5,
) -> pd.DataFrame:
    """Simulate the rejection rates of the battery at its level.

    Parameters
    ----------
    designs
        Panels to draw.
    replications, draws, seed
        Panels per design, bootstrap draws per test, seed.
    tests
        Names from `BATTERY`.

    Returns
    -------
    pandas.DataFrame
        One row per design (truth, T, AR, common), one column per test.
    """
    thresholds = WaveThresholds(draws=draws)
    rows = []
    for number, design in enumerate(track(list(designs), "simulating the battery")):
        rng = np.random.default_rng([seed, number])
        rejected = pd.DataFrame([_rejections(design, thresholds, tests, rng) for _ in range(replications)])
        setting = {"truth": design.truth, "T": design.weeks, "AR": design.root, "common": design.share}
        rows.append({**setting, **{str(name): float(rate) for name, rate in rejected.mean().items()}})
    return pd.DataFrame(rows).set_index(["truth", "T", "AR", "common"])


def _rejections(
    design: Design, thresholds: WaveThresholds, tests: Sequence[str], rng: np.random.Generator
) -> dict[str, bool]:
    values = simulate_panel(design, rng)
    cells = pd.MultiIndex.from_product([range(n) for n in values.shape], names=["region", "week"])
    table = pd.DataFrame({"y": values.ravel()}, index=cells)
    found = wave_battery(table, outcome="y", tests=tests, thresholds=thresholds, draws=thresholds.draws)
    return {one.name: bool(one.p <= thresholds.level) for one in found.statistics}
