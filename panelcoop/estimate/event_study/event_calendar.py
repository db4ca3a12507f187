"""Events and exposure on a calendar without holes: a week that no region observed keeps its place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from panelcoop.errors import DataError
from panelcoop.estimate.event_study.design import EventDesign
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["event_matrix", "exposure_matrix", "on_full_calendar"]


def on_full_calendar(design: EventDesign) -> EventDesign:
    """Insert weeks that no region observed, with missing outcomes, so that columns count periods."""
    times = np.arange(design.times[0], design.times[-1] + 1)
    if times.size == design.times.size:
        return design
    place = (design.times - times[0]).astype(np.int64)
    N, P = design.covariates.shape[0], design.covariates.shape[2]
    outcome, covariates = np.full((N, times.size), np.nan), np.zeros((N, times.size, P))
    outcome[:, place], covariates[:, place] = design.outcome, design.covariates
    return replace(design, outcome=outcome, covariates=covariates, times=times, weeks=design.scale.labels(times))


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
        if u >= 0:
            out[u] |= (column >= begin) & (column <= end)
    return out


def _place(design: EventDesign, name: str) -> tuple[IntArray, FloatArray]:
    """Find region and column of the events' dates or ends on a calendar without holes."""
    table = design.events.table
    unit = np.asarray(design.regions.get_indexer(pd.Index(table["region"])), dtype=np.int64)
    return unit, design.scale.numbers(table[name]) - design.times[0]
