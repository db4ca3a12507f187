"""Events on the weeks of a panel: one event per region and week, and the first event of every region."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from panelcoop.checks import name_few
from panelcoop.errors import DataError
from panelcoop.estimate.event_study.events import Events, fail_if_several_dates
from panelcoop.estimate.event_study.week_scale import WeekScale
from panelcoop.options import FloatArray

__all__ = ["collapse_ties", "region_starts"]


def collapse_ties(events: Events, scale: WeekScale) -> Events:
    """Count events of a region in one week once: doses add up, the latest end holds, one studied event suffices.

    Raises
    ------
    DataError
        If a region has absorbing events in several weeks.
    """
    if not events.table["region"].duplicated().any():
        return events
    table = events.table.assign(number=scale.numbers(events.table["date"]))
    key = ["region", "number"]
    again = table.duplicated(key)
    if events.kind == "absorbing":
        distinct = table.loc[~again, "region"]
        fail_if_several_dates(list(distinct[distinct.duplicated()].unique()))
    if not again.any():
        return events
    rules: dict[str, Any] = {"date": "min", "end": _latest, "dose": _total, "focus": "max"}
    use = {name: rule for name, rule in rules.items() if name in table}
    merged = table.groupby(key, sort=True, as_index=False).agg(use)[list(events.table.columns)]
    note = f"events in the week of another of the same region count with it (doses add up): {int(again.sum())}"
    return replace(events, table=merged, notes=(*events.notes, note))


def _latest(ends: pd.Series) -> object:
    return ends.max() if ends.notna().all() else pd.NaT if pd.api.types.is_datetime64_any_dtype(ends) else np.nan


def _total(doses: pd.Series) -> float:
    return float(doses.sum(skipna=False))


def region_starts(events: Events, regions: pd.Index, scale: WeekScale) -> FloatArray:
    """Give the first event of each region by its number, infinity without one, shape (N,).

    Raises
    ------
    DataError
        If an event names a region that the panel does not have.
    """
    starts = np.full(len(regions), np.inf)
    if len(events.table):
        place = regions.get_indexer(pd.Index(events.table["region"]))
        if (place < 0).any():
            unknown = events.table["region"][place < 0].unique()
            msg = f"Events name regions the panel does not have: {name_few(unknown)}. Drop them or add the regions."
            raise DataError(msg)
        np.minimum.at(starts, place, scale.numbers(events.table["date"]))
    return starts
