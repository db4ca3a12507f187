"""Staggered panels that other programs were run on: made anew from a seed, or from a file of the gold folder.

The recipes are those of the test suite of StatsPAI 1.40.2 (MIT), whose files of printed numbers the cases name.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

__all__ = ["frame_of"]

KEPT_BY_YEAR = {2003: 0.55, 2004: 0.85, 2005: 0.65, 2006: 0.75, 2007: 0.6}


def frame_of(name: str, folder: Path) -> pd.DataFrame:
    """Return a panel by name; ``folder`` holds the files of other programs."""
    return SEEDED[name]() if name in SEEDED else FROM_FILES[name](folder)


def _staggered(
    cohorts: np.ndarray, periods: int, rng: np.random.Generator, path: Callable[[int, int], float], noise: float
) -> pd.DataFrame:
    """One unit after the other: its effect, then its noise period by period, all from one stream."""
    rows = []
    for unit, g in enumerate(cohorts):
        level = rng.normal(0.0, 1.0)
        rows += [(unit, t, int(g), level + path(int(g), t) + rng.normal(0.0, noise)) for t in range(1, periods + 1)]
    return pd.DataFrame(rows, columns=["unit", "time", "g", "y"])


def projections() -> pd.DataFrame:
    """200 units and 10 periods; effects grow by 0.8 a period."""
    rng = np.random.default_rng(42)
    cohorts = rng.choice([4, 6, 8, 0], size=200, p=[0.25] * 4)
    return _staggered(cohorts, 10, rng, lambda g, t: 0.3 * t + (0.8 * (t - g + 1) if 0 < g <= t else 0.0), 0.5)


def drifting() -> pd.DataFrame:
    """200 units and 12 periods; treated units drift before their event."""
    rng = np.random.default_rng(42)
    cohorts = rng.choice([6, 8, 0], size=200, p=[1 / 3] * 3)

    def path(g: int, t: int) -> float:
        effect = 1.2 + 0.4 * (t - g) if 0 < g <= t else 0.0
        return 0.3 * t + (0.25 * t if g > 0 else 0.0) + effect

    return _staggered(cohorts, 12, rng, path, 0.5)


def one_date() -> pd.DataFrame:
    """180 units and 9 periods; half are treated in period 5, with a drift before."""
    rng = np.random.default_rng(42)

    def path(g: int, t: int) -> float:
        effect = 0.9 * (t - g + 1) if 0 < g <= t else 0.0
        return 0.3 * t + (0.20 * t if g > 0 else 0.0) + effect

    return _staggered(np.where(np.arange(180) < 90, 5, 0), 9, rng, path, 0.6)


def experiments() -> pd.DataFrame:
    """240 units and 16 periods; cohorts 6, 9 and 12."""
    rng = np.random.default_rng(23)
    rows = []
    for unit in range(240):
        g = int(rng.choice([6, 9, 12, 0]))
        level = rng.normal(0, 0.8)
        rows += [(unit, t, g, level + 0.15 * t + 1.3 * (0 < g <= t) + rng.normal(0, 0.6)) for t in range(1, 17)]
    return pd.DataFrame(rows, columns=["unit", "time", "g", "y"])


def early_birds() -> pd.DataFrame:
    """60 units and 8 periods; two are treated from the first period on."""
    rng = np.random.default_rng(11)
    unit, t = np.repeat(np.arange(60), 8), np.tile(np.arange(1, 9), 60)
    g = rng.choice([0, 4, 6], 60).astype(float)
    g[[5, 9]] = 1
    rng.uniform(0.5, 2, 60)
    start = np.repeat(g, 8)
    effect = np.where((start > 0) & (t >= start), 1 + 0.2 * (t - start), 0)
    y = np.repeat(rng.normal(size=60), 8) + 0.1 * t + effect + rng.normal(size=480)
    return pd.DataFrame({"unit": unit, "time": t, "g": start, "y": y})


def covariate_trends() -> pd.DataFrame:
    """600 units and 8 periods; trends and effects depend on x1."""
    rng = np.random.default_rng(917)
    x1 = rng.normal(size=600)
    level = x1 + rng.normal(size=600)
    g = rng.choice([0, 3, 5, 6], size=600, p=[0.3, 0.25, 0.25, 0.2])
    waves = []
    for t in range(1, 9):
        effect = ((g > 0) & (t >= g)) * (1 + 0.5 * x1) * (1 + 0.3 * np.maximum(t - g, 0))
        y = level + 0.4 * t + 0.25 * x1 * t + effect + rng.normal(size=600)
        waves.append(pd.DataFrame({"unit": np.arange(600), "time": t, "g": g, "x1": x1, "y": y}))
    return pd.concat(waves, ignore_index=True)


def moderated() -> pd.DataFrame:
    """240 units and 8 years; a control that varies over time, and a count."""
    rng = np.random.default_rng(20261015)
    T = 8
    g_unit = np.repeat([0, 2004, 2006, 2007], [80, 60, 60, 40])
    rng.shuffle(g_unit)
    g, year = np.repeat(g_unit, T), np.tile(np.arange(2001, 2009), 240)
    level, _ = np.repeat(rng.normal(size=240), T), rng.uniform(0.5, 2.0, 240)
    x1 = 0.3 * (g > 0) + 0.1 * (year - 2001) + rng.normal(size=g.size)
    xv = 0.5 * level + rng.normal(size=g.size)
    rng.uniform(0.8, 1.25, g.size)
    treated = (g > 0) & (year >= g)
    effect = np.where(treated, 1.0 + 0.25 * (year - g) + 0.4 * (g == 2006) + 0.5 * xv, 0.0)
    y = level + (0.15 * (year - 2001) + 0.2 * (g == 2007)) + 0.5 * x1 + effect + rng.normal(size=g.size)
    log_mean = 0.3 + 0.4 * level + 0.05 * (year - 2001) + 0.1 * x1
    count = rng.poisson(np.exp(log_mean + 0.3 * effect / (1 + np.abs(effect))))
    return pd.DataFrame(
        {"unit": np.repeat(np.arange(1, 241), T), "time": year, "g": g, "x1": x1, "y": y, "count": count}
    )


def windows() -> pd.DataFrame:
    """160 units and 12 periods in 16 states; some rows are kept, weights vary between units."""
    rng = np.random.default_rng(20261015)
    N, T = 160, 12
    start = rng.choice([4, 6, 8, 10, 0], size=N, p=[0.2, 0.2, 0.2, 0.15, 0.25])
    unit, time, g = np.repeat(np.arange(1, N + 1), T), np.tile(np.arange(1, T + 1), N), np.repeat(start, T)
    level = np.repeat(rng.normal(size=N), T)
    x = rng.normal(size=N * T) + 0.3 * level
    effect = np.where((g > 0) & (time >= g), 0.5 + 0.2 * (time - g), 0.0)
    y = level + 0.1 * time + 0.4 * x + effect + rng.normal(size=N * T)
    w = np.repeat(np.exp(rng.normal(scale=0.5, size=N)), T)
    rng.normal(scale=0.3, size=N * T)
    rng.random(N), rng.uniform(0.5, 2.0, size=N), rng.normal(size=N * T)
    keep = rng.random(N * T) > 0.15
    columns = {"unit": unit, "time": time, "g": g, "state": (unit - 1) // 10 + 1}
    return pd.DataFrame({**columns, "x": x.round(10), "w": w.round(10), "y": y.round(10), "keep": keep})


def _windows_of(*, kept: bool, single: bool) -> pd.DataFrame:
    """Of these panels the rows that are kept, or one cohort and the never treated."""
    frame = windows()
    return frame[(frame["keep"] | (not kept)) & (frame["g"].isin([0, 8]) | (not single))]


def replica() -> pd.DataFrame:
    """500 counties over five years, made in the likeness of the county panel."""
    rng = np.random.default_rng(42)
    rows = []
    for county in range(500):
        g = (2004, 2006, 2007, 0)[county % 4]
        level = rng.normal(scale=0.15)
        for year in range(2003, 2008):
            effect = -0.04 * (0 < g <= year)
            rows.append((county, year, g, 8.2 + 0.01 * (year - 2003) + level + effect + rng.normal(scale=0.08)))
    return pd.DataFrame(rows, columns=["unit", "time", "g", "y"])


def _counties(folder: Path) -> pd.DataFrame:
    """The county panel of R did, with states of counties."""
    frame = pd.read_csv(folder / "mpdta.csv").sort_values(["countyreal", "year"]).reset_index(drop=True)
    names = {"countyreal": "unit", "year": "time", "first.treat": "g", "lemp": "y"}
    frame = frame.rename(columns=names).assign(state=frame["countyreal"] // 1000)
    return frame.assign(w=1 + (frame["unit"] % 7) / 7, emp=np.exp(frame["y"]))


def _always(folder: Path) -> pd.DataFrame:
    """The same with 35 counties recoded as treated all along, 0.05 lower."""
    frame = _counties(folder)
    never = np.sort(frame.loc[frame["g"] == 0, "unit"].unique())
    pick = np.random.default_rng(20261021).choice(never, 35, replace=False)
    early = frame["unit"].isin(pick)
    g = frame["g"].mask(early, 2001).mask(frame["unit"].isin(pick[:20]), 2003)
    return frame.assign(g=g, y=frame["y"] - 0.05 * early)


def _interviews(folder: Path) -> pd.DataFrame:
    """A cross-section of county-years, every row for itself."""
    frame = _counties(folder)
    share = frame["time"].map(KEPT_BY_YEAR).to_numpy()
    kept = frame[np.random.default_rng(20261022).random(len(frame)) < share]
    return kept.drop(columns="unit").reset_index(drop=True)


def _holes(folder: Path) -> pd.DataFrame:
    """The county panel without 12 per cent of its rows."""
    frame = _counties(folder)
    kept = frame[np.random.default_rng(20261023).random(len(frame)) >= 0.12]
    lost = frame[~frame["unit"].isin(kept["unit"])].groupby("unit").head(1)
    return pd.concat([kept, lost]).sort_values(["unit", "time"]).reset_index(drop=True)


def _stagger(folder: Path) -> pd.DataFrame:
    """The staggered panel of R fixest."""
    frame = pd.read_csv(folder / "base_stagg.csv")
    return frame.rename(columns={"id": "unit", "year": "time"}).assign(g=frame["year_treated"].replace({10000: 0}))


SEEDED = {
    recipe.__name__: recipe
    for recipe in (
        projections, drifting, one_date, experiments, early_birds, covariate_trends, moderated, windows, replica,
    )
} | {
    "windows-single": lambda: _windows_of(kept=False, single=True),
    "windows-kept": lambda: _windows_of(kept=True, single=False),
    "windows-kept-single": lambda: _windows_of(kept=True, single=True),
}  # fmt: skip

FROM_FILES = {
    "counties": _counties,
    "always": _always,
    "interviews": _interviews,
    "county-years": lambda folder: _counties(folder).drop(columns="unit"),
    "holes": _holes,
    "stagger": _stagger,
}
