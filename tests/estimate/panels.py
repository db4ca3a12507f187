"""Small panels with known truth, shared by the tests of this room."""

from __future__ import annotations

import numpy as np
import pandas as pd

STAGES = ("gestation", "outbreak", "continuation", "recovery")


def stage_panel(
    *, regions: int = 12, weeks: int = 40, national: bool = True, missing: float = 0.0, seed: int = 3
) -> pd.DataFrame:
    """A panel with a driver of every kind of variation and effects .2, .8, .4, .1 of "risk" by stage."""
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_product([[f"r{i:02d}" for i in range(regions)], range(weeks)], names=["region", "week"])
    n = regions * weeks
    shift = np.zeros(n, dtype=int) if national else np.repeat(rng.integers(0, 12, regions), weeks)
    clock = index.get_level_values("week").to_numpy() + shift
    code = np.searchsorted([6, 14, 26], clock, side="right")
    frame = pd.DataFrame(index=index)
    frame["stage"] = np.array(STAGES)[code]
    frame["risk"] = rng.normal(size=n)
    frame["profit"] = np.repeat(rng.normal(size=regions), weeks)
    frame["directive"] = np.tile(rng.normal(size=weeks), regions)
    frame["control"] = rng.normal(size=n)
    frame["weight"] = rng.uniform(0.5, 2.0, size=n)
    effect = np.array([0.2, 0.8, 0.4, 0.1])[code]
    noise = rng.normal(size=n) * 0.5
    region, week = np.repeat(rng.normal(size=regions), weeks), np.tile(rng.normal(size=weeks), regions)
    frame["y"] = effect * frame["risk"] + 0.3 * frame["control"] + region + week + noise
    return frame[rng.uniform(size=n) >= missing]


def dummies(frame: pd.DataFrame, *, trends: bool = False) -> pd.DataFrame:
    """Dummy variables of regions and weeks, and a trend per region where asked."""
    region, week = (pd.Series(frame.index.get_level_values(level), index=frame.index) for level in ("region", "week"))
    parts = [pd.get_dummies(region, dtype=float), pd.get_dummies(week, drop_first=True, dtype=float)]
    if trends:
        parts.append(pd.get_dummies(region, dtype=float).mul(week, axis=0).add_prefix("trend"))
    return pd.concat(parts, axis=1)
