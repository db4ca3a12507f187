"""Simulate a log of cooperation events: every mechanism, layer and content, with errors at known rows on request."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from panelcoop.errors import DataError
from panelcoop.options import FloatArray, IntArray
from panelcoop.panel.events.contract import CONTENTS, MECHANISMS
from panelcoop.simulate_paths import Shape, mean_path

__all__ = ["SimulatedLog", "simulate_events"]

CENTRE = "C"
FAULTS = ("impossible date", "unknown region", "self-loop", "unknown mechanism", "negative weight", "duplicate")


@dataclass(frozen=True)
class SimulatedLog:
    """A simulated log and what is true of it.

    Attributes
    ----------
    events
        Table in the columns of the codebook, as a user would hand it in.
    regions
        Region table with the centre: code, name, level, parent.
    documents
        Total documents by region and week (`region`, `date`, `documents`).
    rates
        Expected events per week, by week.
    faults
        Row number (from 1) and kind of every planted error.
    """

    events: pd.DataFrame
    regions: pd.DataFrame
    documents: pd.DataFrame
    rates: pd.Series
    faults: pd.DataFrame


def simulate_events(
    *,
    regions: int = 8,
    weeks: int = 20,
    per_week: float = 30.0,
    shape: Shape = "rising waves",
    amplitude: float = 0.5,
    several: float = 0.2,
    lasting: float = 0.2,
    faults: int = 0,
    seed: int | np.random.Generator = 0,
) -> SimulatedLog:
    """Simulate a log of cooperation events.

    Parameters
    ----------
    regions, weeks
        Regions R1, R2, ... beside the centre C, and weeks from Monday 6 January 2020.
    per_week
        Expected events per week before the shape acts.
    shape, amplitude
        Path of the log of the expected number of events.
    several, lasting
        Share of events with several actors, and of events that last up to four weeks.
    faults
        How many errors of each kind to plant at the end of the table.
    seed
        Seed or generator.

    Returns
    -------
    SimulatedLog

    Raises
    ------
    DataError
        When there are fewer than three regions, no weeks, or a share is outside [0, 1].

    Examples
    --------
    >>> drawn = simulate_events(regions=4, weeks=5, faults=1, seed=2)
    >>> sorted(drawn.events["mechanism"].unique())[:2], len(drawn.faults)
    (['agreement', 'counterpart_support'], 6)
    """
    if regions < 3 or weeks < 1 or not (0 <= several <= 1 and 0 <= lasting <= 1) or per_week < 0:
        msg = "Simulate at least three regions and one week, with shares in [0, 1] and a rate of zero or more."
        raise DataError(msg)
    rng = np.random.default_rng(seed)
    names = np.array([f"R{k + 1:0{len(str(regions))}d}" for k in range(regions)])
    mondays = pd.date_range("2020-01-06", periods=weeks, freq="7D", unit="us")
    rates = per_week * np.exp(mean_path(shape, weeks, amplitude))
    week = np.repeat(np.arange(weeks), rng.poisson(rates))
    events = _good_events(week, mondays, names, rng, several=several, lasting=lasting)
    if faults and not len(events):
        msg = "No event was drawn, so there is none to spoil: raise the rate."
        raise DataError(msg)
    bad = pd.concat([_faulty(kind, events, names) for kind in FAULTS for _ in range(faults)] or [events.iloc[:0]])
    planted = pd.DataFrame(
        {"row": len(events) + 1 + np.arange(len(bad)), "kind": [kind for kind in FAULTS for _ in range(faults)]}
    )
    return SimulatedLog(
        events=pd.concat([events, bad], ignore_index=True),
        regions=_region_table(names),
        documents=_documents(names, mondays, rates, rng),
        rates=pd.Series(rates, index=mondays, name="rate"),
        faults=planted,
    )


def _good_events(
    week: IntArray,
    mondays: pd.DatetimeIndex,
    names: np.ndarray,
    rng: np.random.Generator,
    *,
    several: float,
    lasting: float,
) -> pd.DataFrame:
    count = len(week)
    start = mondays[week] + pd.to_timedelta(rng.integers(0, 7, count), unit="D")
    length = np.where(rng.uniform(size=count) < lasting, rng.integers(1, 28, count), 0)
    end = (start + pd.to_timedelta(length, unit="D")).to_series()
    end = end.where(end < mondays[-1] + pd.Timedelta(days=7), mondays[-1] + pd.Timedelta(days=6))
    mechanism = rng.choice(MECHANISMS, count, p=[0.25, 0.2, 0.25, 0.15, 0.15])
    actors = [_actors(kind, names, rng, many=bool(rng.uniform() < several)) for kind in mechanism]
    formality = rng.integers(0, 6, count)
    chosen = rng.uniform(size=(count, len(CONTENTS))) < 0.45
    return pd.DataFrame(
        {
            "start": pd.Series(start).dt.strftime("%Y-%m-%d"),
            "end": end.dt.strftime("%Y-%m-%d").to_numpy(),
            "source": [source for source, _ in actors],
            "target": [target for _, target in actors],
            "mechanism": mechanism,
            "contents": ["|".join(np.array(CONTENTS)[row]) for row in chosen],
            "weight": rng.integers(1, 5, count).astype(str),
            "formality": np.where(formality == 0, "", formality.astype(str)),
            "mandated": np.where(rng.uniform(size=count) < 0.15, "true", ""),
            "document": [f"d{k + 1}" for k in range(count)],
        }
    ).astype(object)


def _actors(mechanism: str, names: np.ndarray, rng: np.random.Generator, *, many: bool) -> tuple[str, str]:
    """Draw sources and targets: joint prevention often runs with the centre, agreements may be mutual."""
    if mechanism in ("joint_prevention", "other") and rng.uniform() < 0.5:
        pair = (CENTRE, str(rng.choice(names)))
        return pair if rng.uniform() < 0.7 else pair[::-1]
    drawn = rng.choice(names, size=3, replace=False)
    if not many:
        return str(drawn[0]), str(drawn[1])
    if mechanism == "agreement":
        return "|".join(drawn), "|".join(drawn)
    return str(drawn[0]), "|".join(drawn[1:])


def _faulty(kind: str, events: pd.DataFrame, names: np.ndarray) -> pd.DataFrame:
    """Take a good row and spoil it in one way."""
    row = events.iloc[[0]].assign(document=f"bad {kind}")
    spoiled = {
        "impossible date": {"start": "2020-02-30", "end": ""},
        "unknown region": {"source": "Atlantis"},
        "self-loop": {"source": names[0], "target": names[0]},
        "unknown mechanism": {"mechanism": "telepathy"},
        "negative weight": {"weight": "-1"},
        "duplicate": {"document": events["document"].iloc[0]},
    }
    row = row.assign(**spoiled[kind])
    return row if kind == "duplicate" else row.assign(document=f"bad {kind}")


def _region_table(names: np.ndarray) -> pd.DataFrame:
    rows = [
        (CENTRE, "Centre", "nation", ""),
        *((str(name), f"Region {name[1:]}", "province", CENTRE) for name in names),
    ]
    return pd.DataFrame(rows, columns=["code", "name", "level", "parent"])


def _documents(
    names: np.ndarray, mondays: pd.DatetimeIndex, rates: FloatArray, rng: np.random.Generator
) -> pd.DataFrame:
    expected = 5.0 * rates[None, :] / len(names) + np.zeros((len(names), 1))
    counts = rng.poisson(expected)
    index = pd.MultiIndex.from_product([list(names), mondays], names=["region", "date"])
    return pd.Series(counts.ravel(), index=index, name="documents").reset_index()
