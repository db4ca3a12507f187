"""Events and exposure on a calendar without holes: a week that no region observed keeps its place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from panelcoop.errors import DataError
from panelcoop.estimate.event_study.design import EventDesign
from panelcoop.estimate.event_study.events import period_numbers
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["event_matrix", "exposure_matrix", "on_full_calendar"]


def on_full_calendar(design: EventDesign) -> EventDesign:
    """Insert weeks that no region observed, with missing outcomes, so that columns count periods."""
    steps = np.diff(design.times)
    whole = np.equal(np.mod(design.times, 1), 0).all()
    if not steps.size or not whole:
        return design
    step = int(np.gcd.reduce(steps.astype(np.int64)))
    if (steps == step).all():
        return design
    times = np.arange(design.times[0], design.times[-1] + step, step)
    place = np.searchsorted(times, design.times)
    N, P = design.covariates.shape[0], design.covariates.shape[2]
    outcome, covariates = np.full((N, times.size), np.nan), np.zeros((N, times.size, P))
    outcome[:, place], covariates[:, place] = design.outcome, design.covariates
    weeks = _labels(design.weeks, times, place)
    return replace(design, outcome=outcome, covariates=covariates, times=times, weeks=weeks)


def event_matrix(design: EventDesign, amount: FloatArray) -> FloatArray:
    """Lay events out by region and week; events outside the panel's weeks are left out, (N, T)."""
    out = np.zeros(design.outcome.shape)
    unit, week = _place(design, "date")
    inside = (week >= 0) & (week < design.times.size) & (unit >= 0)
    np.add.at(out, (unit[inside], week[inside].astype(np.int64)), amount[inside])
    return out


def exposure_matrix(design: EventDesign) -> BoolArray:
    """Mark the weeks in which an event happens or, for switching events, lasts, (N, T).

    Raises
    ------
    DataError
        If switching events have no end.
    """
    if design.events.kind != "switching":
        return np.asarray(event_matrix(design, np.ones(len(design.events.table))) > 0)
    if "end" not in design.events.table:
        msg = "Switching events need their last week: Events.from_table(table, end='column', kind='switching')."
        raise DataError(msg)
    unit, first = _place(design, "date")
    last = np.nan_to_num(_place(design, "end")[1], nan=np.inf)
    out = np.zeros(design.outcome.shape, dtype=bool)
    column = np.arange(design.times.size)
    for u, begin, end in zip(unit, first, last, strict=True):
        out[u] |= (column >= begin) & (column <= end)
    return out


def _place(design: EventDesign, name: str) -> tuple[IntArray, FloatArray]:
    """Find region and column of the events' dates or ends; a date between two columns falls into the earlier."""
    table = design.events.table
    unit = np.asarray(design.regions.get_indexer(pd.Index(table["region"])), dtype=np.int64)
    numbers = period_numbers(design.weeks, table[name])
    step = design.times[1] - design.times[0] if design.times.size > 1 else 1.0
    even = np.allclose(np.diff(design.times), step)
    if even:
        return unit, np.floor((numbers - design.times[0]) / step + 1e-9)
    return unit, np.asarray(np.searchsorted(design.times, numbers, side="right") - 1, dtype=float)


def _labels(weeks: pd.Index, times: FloatArray, place: IntArray) -> pd.Index:
    """Name every period: known weeks by their labels, inserted ones by the step between them."""
    if not isinstance(weeks, pd.DatetimeIndex):
        return pd.Index(times, name=weeks.name).astype(weeks.dtype)
    position = times[place] - times[0]
    step = (weeks[1] - weeks[0]) / (position[1] - position[0])
    if (weeks[0] + pd.TimedeltaIndex(position * step) == weeks).all():
        return pd.DatetimeIndex(weeks[0] + pd.TimedeltaIndex((times - times[0]) * step), name=weeks.name)
    known = dict(zip(place.tolist(), weeks, strict=True))
    months = (weeks[-1].year - weeks[0].year) * 12 + weeks[-1].month - weeks[0].month
    every = round(months / position[-1])
    names = [known.get(k, weeks[0] + pd.DateOffset(months=every * k)) for k in range(times.size)]
    return pd.DatetimeIndex(names, name=weeks.name)
