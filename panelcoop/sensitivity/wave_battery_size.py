"""How often the usual tests reject: on a true straight line with common shocks, on one hump, on rising waves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from panelcoop.numerics.waves.autoregression import ar1_paths
from panelcoop.options import FloatArray
from panelcoop.progress import track
from panelcoop.sensitivity.wave_designs import Design, simulate_panel
from panelcoop.waves.battery.run import BATTERY, wave_battery
from panelcoop.waves.thresholds import WaveThresholds

__all__ = ["DRIVER_TESTS", "QUICK_TESTS", "SLOW_TESTS", "battery_evidence", "battery_rates"]

DESCRIPTIONS = ("turning points", "bai-perron")
SLOW_TESTS = ("hansen", "cycle", "markov")
"""Tests whose every draw is a search or a numerical optimisation."""
QUICK_TESTS = tuple(name for name in BATTERY if name not in {*DESCRIPTIONS, *SLOW_TESTS})
"""Tests that take well under a second."""
DRIVER_TESTS = ("hansen", "overshoot")
"""Tests that answer another question where a driver is given."""

SLOW_DRAWS = 19
DRIVER_ROOT, DRIVER_SHARE = 0.8, 0.5


def battery_evidence(
    designs: Sequence[Design], *, replications: int = 200, slow_replications: int = 60
) -> pd.DataFrame:
    """Simulate the rejection rates of the whole battery, one column per test.

    Parameters
    ----------
    designs
        Panels to draw.
    replications, slow_replications
        Panels per design for the quick tests, and for the slow ones and those with a driver.

    Returns
    -------
    pandas.DataFrame
        As `battery_rates`; ", unrelated driver" marks tests run with a driver that has nothing to do with the outcome.
    """
    quick = battery_rates(designs, replications=replications)
    slow = battery_rates(designs, replications=slow_replications, tests=SLOW_TESTS)
    driven = battery_rates(designs, replications=slow_replications, tests=DRIVER_TESTS, driver=True)
    return pd.concat([quick, slow, driven.add_suffix(", unrelated driver")], axis=1)


def battery_rates(
    designs: Iterable[Design],
    *,
    replications: int = 100,
    draws: int = 99,
    tests: Sequence[str] = QUICK_TESTS,
    driver: bool = False,
    seed: int = 5,
) -> pd.DataFrame:
    """Simulate the rejection rates of the battery at its level.

    Parameters
    ----------
    designs
        Panels to draw.
    replications, draws, seed
        Panels per design, bootstrap draws per test (19 for those of statsmodels), seed.
    tests
        Names from `BATTERY`.
    driver
        Whether to give the tests a driver unrelated to the outcome: AR(1) with .8, half of its variance common.

    Returns
    -------
    pandas.DataFrame
        One row per design (truth, T, AR, common), one column per test.
    """
    rows = []
    for number, design in enumerate(track(list(designs), "simulating the battery")):
        rng = np.random.default_rng([seed, number])
        rejected = pd.DataFrame([_rejections(design, draws, tests, rng, driver=driver) for _ in range(replications)])
        setting = {"truth": design.truth, "T": design.weeks, "AR": design.root, "common": design.share}
        rows.append({**setting, **{str(name): float(rate) for name, rate in rejected.mean().items()}})
    return pd.DataFrame(rows).set_index(["truth", "T", "AR", "common"])


def _rejections(
    design: Design, draws: int, tests: Sequence[str], rng: np.random.Generator, *, driver: bool
) -> dict[str, bool]:
    thresholds = WaveThresholds(draws=draws)
    values = simulate_panel(design, rng)
    cells = pd.MultiIndex.from_product([range(n) for n in values.shape], names=["region", "week"])
    table = pd.DataFrame({"y": values.ravel()}, index=cells)
    if driver:
        table["x"] = _unrelated(values.shape, rng).ravel()
    found = wave_battery(
        table,
        outcome="y",
        driver="x" if driver else None,
        tests=tests,
        thresholds=thresholds,
        draws=draws,
        slow_draws=SLOW_DRAWS,
    )
    return {one.name: bool(one.p <= thresholds.level) for one in found.statistics}


def _unrelated(shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    """Draw a persistent driver that regions share in part, shape (N, T)."""
    regions, weeks = shape
    paths = ar1_paths(rng.standard_normal((weeks, regions + 1)), DRIVER_ROOT).T
    return np.asarray(np.sqrt(DRIVER_SHARE) * paths[0] + np.sqrt(1 - DRIVER_SHARE) * paths[1:])
