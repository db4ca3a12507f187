"""Simulated panels of the benchmark rows; arrays, so that every engine converts what it needs before the clock
starts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Rows", "frame", "gravity", "labelled", "short_windows", "stage_panel", "terms"]


@dataclass(frozen=True)
class Rows:
    """Outcome (n,), columns (n, k) and integer effects, by name."""

    outcome: np.ndarray
    columns: np.ndarray
    effects: dict[str, np.ndarray]


def stage_panel(regions: int, weeks: int, missing: float = 0.0, drivers: int = 4, *, count: bool = False) -> Rows:
    """Return regions x weeks with each driver multiplied by four stage indicators."""
    rng = np.random.default_rng(31)
    keep = rng.random(regions * weeks) >= missing
    region = np.repeat(np.arange(regions), weeks)[keep]
    week = np.tile(np.arange(weeks), regions)[keep]
    stage = week * 4 // weeks
    values = rng.standard_normal((len(region), drivers))
    columns = np.zeros((len(region), 4 * drivers))
    for driver in range(drivers):
        for one in range(4):
            np.multiply(values[:, driver], stage == one, out=columns[:, 4 * driver + one])
    line = columns @ np.linspace(0.1, 0.5, 4 * drivers)
    line += 0.5 * rng.standard_normal(regions)[region] + 0.3 * rng.standard_normal(weeks)[week]
    outcome = rng.poisson(np.exp(line)).astype(float) if count else line + rng.standard_normal(len(region))
    return Rows(outcome, columns, {"region": region, "week": week})


def short_windows(regions: int = 20_000, weeks: int = 200, window: int = 6, drivers: int = 2) -> Rows:
    """Return regions that are each seen for a few consecutive weeks: a chain of overlapping windows."""
    rng = np.random.default_rng(6)
    first = rng.integers(0, weeks - window + 1, regions)
    region = np.repeat(np.arange(regions), window)
    week = (first[:, None] + np.arange(window)).ravel()
    columns = rng.standard_normal((len(region), drivers)) + 0.02 * week[:, None]
    outcome = columns @ np.linspace(0.5, 1.0, drivers) + 0.02 * week + rng.standard_normal(len(region))
    return Rows(outcome, columns, {"region": region, "week": week})


def gravity(places: int = 300, weeks: int = 50, drivers: int = 2) -> Rows:
    """Return counts from every origin to every destination in every week."""
    rng = np.random.default_rng(50)
    origin = np.repeat(np.arange(places), places * weeks)
    destination = np.tile(np.repeat(np.arange(places), weeks), places)
    week = np.tile(np.arange(weeks), places * places)
    effects = {
        "pair": origin * places + destination,
        "origin_week": origin * weeks + week,
        "destination_week": destination * weeks + week,
    }
    columns = rng.standard_normal((len(origin), drivers))
    line = columns @ np.linspace(0.3, -0.2, drivers) + 0.5 * rng.standard_normal(places**2)[effects["pair"]]
    line += 0.3 * rng.standard_normal(places * weeks)[effects["origin_week"]]
    line += 0.3 * rng.standard_normal(places * weeks)[effects["destination_week"]]
    return Rows(rng.poisson(np.exp(line)).astype(float), columns, effects)


def terms(rows: Rows) -> list[str]:
    """Name the columns x0, x1, ..."""
    return [f"x{j}" for j in range(rows.columns.shape[1])]


def frame(rows: Rows):
    """Return the rows as a pandas frame."""
    import pandas as pd

    table = pd.DataFrame(rows.columns, columns=terms(rows))
    table["y"] = rows.outcome
    return table.assign(**rows.effects)


def labelled(rows: Rows):
    """Return a stage panel, labelled by region and week, with a stage column, and the names of its drivers."""
    import pandas as pd

    import panelcoop as pc

    week, stages = rows.effects["week"], 4
    drivers = [f"d{j}" for j in range(rows.columns.shape[1] // stages)]
    values = {name: rows.columns[:, stages * j : stages * (j + 1)].sum(axis=1) for j, name in enumerate(drivers)}
    names = np.array(["gestation", "outbreak", "continuation", "recovery"])
    table = pd.DataFrame({**values, "y": rows.outcome, "stage": names[week * stages // (week.max() + 1)]})
    index = pd.MultiIndex.from_arrays(list(rows.effects.values()), names=list(rows.effects))
    return pc.panel_from_frame(table.set_index(index)), drivers
