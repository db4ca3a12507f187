"""Simulate a log of cooperation events: every mechanism, layer and content, with errors at known rows on request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from panelcoop.errors import DataError
from panelcoop.options import BoolArray, FloatArray, IntArray
from panelcoop.panel.events.contract import CONTENTS, MECHANISMS
from panelcoop.simulate_designs import STAGE_NAMES, Design
from panelcoop.simulate_paths import mean_path
from panelcoop.simulate_process import (
    correlation_factor,
    design_of,
    document_counts,
    driver_fields,
    effects_table,
    fail_if_impossible,
    region_names,
    shared_noise,
    stage_path,
    stage_terms,
)

__all__ = ["SimulatedLog", "simulate_events"]

WAVES = Design("rising waves", amplitude=0.5, noise=0.0)
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
        Total documents by region and week (`region`, `date`, `documents`); no row where there are no records.
    covariates
        The drivers by `region` and `date`, dated one week before the events they act on: lag them by one.
    stages
        `stage` and its `first` day.
    design
        The data-generating process of the log rates.
    expected
        Expected events by the region that acts, given the documents: weeks by regions.
    rates
        Its sum over regions, by week.
    stage_effects
        theta_s and beta_ks on the log rate: rows are stages, columns "theta" and the drivers.
    positions
        Regions on the unit square.
    faults
        Row number (from 1) and kind of every planted error.
    """

    events: pd.DataFrame
    regions: pd.DataFrame
    documents: pd.DataFrame
    covariates: pd.DataFrame
    stages: pd.DataFrame
    design: Design
    expected: pd.DataFrame
    rates: pd.Series
    stage_effects: pd.DataFrame
    positions: pd.DataFrame
    faults: pd.DataFrame


def simulate_events(
    design: Design | str = WAVES,
    *,
    regions: int = 8,
    weeks: int = 20,
    per_week: float = 30.0,
    several: float = 0.2,
    lasting: float = 0.2,
    faults: int = 0,
    seed: int | np.random.Generator = 0,
    **changes: Any,  # noqa: ANN401 - fields of Design
) -> SimulatedLog:
    """Simulate a log of cooperation events with known drivers, stage effects, shocks, documents and missing records.

    Parameters
    ----------
    design
        A ``Design``, or the name of one of ``DESIGNS``: the process of the log rate. Default: rising waves of amplitude
        one half without noise.
    regions, weeks
        Regions R1, R2, ... beside the centre C, and weeks from Monday 6 January 2020.
    per_week
        Expected events per week before shape, effects and shocks act.
    several, lasting
        Share of events with several actors, and of events that last up to four weeks.
    faults
        How many errors of each kind to plant at the end of the table.
    seed
        Seed or generator.
    **changes
        Fields of ``Design`` that differ, such as ``driver_effects={"risk": (0.2, 0.6, 0.3, 0.0)}`` or ``missing=0.1``.

    Returns
    -------
    SimulatedLog

    Raises
    ------
    DataError
        When there are fewer than three regions, no weeks, a share is outside [0, 1], the design has no
        documents, or it cannot be.

    Notes
    -----
    Events in which region i acts in week t are Poisson with mean d_it / d x (per_week / N) exp(m_t + theta_s +
    sum_k beta_ks D_ki,t-1 + noise (sqrt(s) lam_i f_t + sqrt(1-s) e_it)), d_it its documents and d the design's mean: a
    Poisson regression with the documents as offset finds the effects. Where records are `missing`, the events of that
    region and week and its row of documents are absent.

    Examples
    --------
    >>> drawn = simulate_events(regions=4, weeks=5, faults=1, seed=2)
    >>> sorted(drawn.events["mechanism"].unique())[:2], len(drawn.faults)
    (['agreement', 'counterpart_support'], 6)
    """
    chosen = design_of(design, changes)
    if regions < 3 or weeks < 1 or not (0 <= several <= 1 and 0 <= lasting <= 1) or per_week < 0:
        msg = "Simulate at least three regions and one week, with shares in [0, 1] and a rate of zero or more."
        raise DataError(msg)
    fail_if_impossible(chosen, weeks)
    if not chosen.documents > 0:
        msg = "Events are read from documents: their mean number must be above zero."
        raise DataError(msg)
    rng = np.random.default_rng(seed)
    names = np.array(region_names(regions))
    mondays = pd.date_range("2020-01-06", periods=weeks, freq="7D", unit="us")
    world = _world(chosen, regions, weeks, rng)
    expected = per_week / regions * world.exposure * np.exp(world.log_rate)
    week, actor = _acting(rng.poisson(np.where(world.recorded, expected, 0.0)))
    events = _good_events(week, actor, mondays, names, rng, shares=(several, lasting))
    bad, planted = _spoiled(events, names, faults)
    return SimulatedLog(
        events=pd.concat([events, bad], ignore_index=True),
        regions=_region_table(names),
        documents=_long(mondays, names, {"documents": world.documents.astype(int)})[world.recorded.T.ravel()],
        covariates=_long(mondays - pd.Timedelta(days=7), names, world.drivers),
        stages=_first_days(world.stage, mondays),
        design=chosen,
        expected=pd.DataFrame(expected, index=mondays, columns=names),
        rates=pd.Series(expected.sum(axis=1), index=mondays, name="rate"),
        stage_effects=effects_table(chosen),
        positions=pd.DataFrame(world.positions, index=pd.Index(names, name="region"), columns=["x", "y"]),
        faults=planted,
    )


@dataclass(frozen=True)
class _World:
    """What acts on the events: arrays of weeks by regions, but for `stage` (weeks) and `positions` (regions by 2)."""

    positions: FloatArray
    stage: IntArray
    drivers: dict[str, FloatArray]
    log_rate: FloatArray
    documents: FloatArray
    exposure: FloatArray
    recorded: BoolArray


def _world(design: Design, regions: int, weeks: int, rng: np.random.Generator) -> _World:
    positions = rng.uniform(size=(regions, 2))
    factor = correlation_factor(positions, design.reach)
    stage = stage_path(design, weeks)
    drivers = driver_fields(design, stage, regions, rng, factor)
    mean = mean_path(design.shape, weeks, design.amplitude)[:, None]
    log_rate = mean + stage_terms(design, drivers, stage) + np.zeros((weeks, regions))
    log_rate += design.noise * shared_noise(design, weeks, regions, rng, factor)
    documents = document_counts(design, weeks, regions, rng)
    recorded = rng.uniform(size=(weeks, regions)) >= design.missing
    return _World(positions, stage, drivers, log_rate, documents, documents / design.documents, recorded)


def _acting(counts: IntArray) -> tuple[IntArray, IntArray]:
    """List the week and the acting region of every event."""
    week, region = np.indices(counts.shape)
    return np.repeat(week.ravel(), counts.ravel()), np.repeat(region.ravel(), counts.ravel())


def _good_events(
    week: IntArray,
    actor: IntArray,
    mondays: pd.DatetimeIndex,
    names: np.ndarray,
    rng: np.random.Generator,
    *,
    shares: tuple[float, float],
) -> pd.DataFrame:
    several, lasting = shares
    count = len(week)
    start = mondays[week] + pd.to_timedelta(rng.integers(0, 7, count), unit="D")
    length = np.where(rng.uniform(size=count) < lasting, rng.integers(1, 28, count), 0)
    end = (start + pd.to_timedelta(length, unit="D")).to_series()
    end = end.where(end < mondays[-1] + pd.Timedelta(days=7), mondays[-1] + pd.Timedelta(days=6))
    mechanism = rng.choice(MECHANISMS, count, p=[0.25, 0.2, 0.25, 0.15, 0.15])
    pairs = [
        _actors(kind, str(names[own]), names, rng, many=bool(rng.uniform() < several))
        for kind, own in zip(mechanism, actor, strict=True)
    ]
    formality = rng.integers(0, 6, count)
    chosen = rng.uniform(size=(count, len(CONTENTS))) < 0.45
    return pd.DataFrame(
        {
            "start": pd.Series(start).dt.strftime("%Y-%m-%d"),
            "end": end.dt.strftime("%Y-%m-%d").to_numpy(),
            "source": [source for source, _ in pairs],
            "target": [target for _, target in pairs],
            "mechanism": mechanism,
            "contents": ["|".join(np.array(CONTENTS)[row]) for row in chosen],
            "weight": rng.integers(1, 5, count).astype(str),
            "formality": np.where(formality == 0, "", formality.astype(str)),
            "mandated": np.where(rng.uniform(size=count) < 0.15, "true", ""),
            "document": [f"d{k + 1}" for k in range(count)],
        }
    ).astype(object)


def _actors(mechanism: str, own: str, names: np.ndarray, rng: np.random.Generator, *, many: bool) -> tuple[str, str]:
    """Draw sources and targets: joint prevention often runs with the centre, agreements may be mutual."""
    if mechanism in ("joint_prevention", "other") and rng.uniform() < 0.5:
        return (CENTRE, own) if rng.uniform() < 0.7 else (own, CENTRE)
    others = [str(name) for name in rng.choice(names[names != own], size=2, replace=False)]
    if not many:
        return own, others[0]
    if mechanism == "agreement":
        return "|".join([own, *others]), "|".join([own, *others])
    return own, "|".join(others)


def _spoiled(events: pd.DataFrame, names: np.ndarray, faults: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make so many bad rows of each kind, and the table of where they will stand."""
    if faults and not len(events):
        msg = "No event was drawn, so there is none to spoil: raise the rate."
        raise DataError(msg)
    kinds = [kind for kind in FAULTS for _ in range(faults)]
    bad = pd.concat([_faulty(kind, events, names) for kind in kinds] or [events.iloc[:0]])
    return bad, pd.DataFrame({"row": len(events) + 1 + np.arange(len(bad)), "kind": kinds})


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


def _long(days: pd.DatetimeIndex, names: np.ndarray, columns: Mapping[str, FloatArray | IntArray]) -> pd.DataFrame:
    """Lay arrays of weeks by regions out as a table by region and date."""
    index = pd.MultiIndex.from_product([[str(name) for name in names], days], names=["region", "date"])
    return pd.DataFrame({name: values.T.ravel() for name, values in columns.items()}, index=index).reset_index()


def _first_days(stage: IntArray, mondays: pd.DatetimeIndex) -> pd.DataFrame:
    numbers, first = np.unique(stage, return_index=True)
    return pd.DataFrame({"stage": [STAGE_NAMES[k] for k in numbers], "first": mondays[first]})
