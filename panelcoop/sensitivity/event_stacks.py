"""Stacks of repeated events: one clean comparison per event week, for estimators that need one event per region."""

from __future__ import annotations

import numpy as np
import pandas as pd

from panelcoop.errors import IdentificationError
from panelcoop.estimate.event_study.events import Events
from panelcoop.options import BoolArray
from panelcoop.panel.record import Panel
from panelcoop.sensitivity.event_spells import PLACE

__all__ = ["clean_stacks"]


def clean_stacks(
    panel: Panel, events: Events, *, window: tuple[int, int], clean_weeks: int, anticipation: int
) -> tuple[Panel, Events]:
    """Lay out every week with studied events as a panel of its own, with controls that are clean throughout.

    Parameters
    ----------
    panel
        A panel by week.
    events
        Repeated events; where they have a focus, only the events in it are studied.
    window
        Weeks before and after the event.
    clean_weeks
        Weeks without any event that a studied event needs before it, and a control before the event's week.
    anticipation
        Weeks before an event that may respond.

    Returns
    -------
    A panel whose regions are called "region, week of the event" and whose weeks are numbered through, stack by stack;
    the region itself stands in the column ``place``. And one absorbing event per studied region and stack.

    Raises
    ------
    IdentificationError
        If no event week has its window inside the panel, a clean event and a clean control.

    Notes
    -----
    A control has no event from ``clean_weeks`` before the event's week to the end of the window and its anticipation.
    The rule of `LpDid` for repeated events asks this horizon by horizon; here the same regions are compared at every
    horizon. A studied region may have another event after the first: it is part of what follows.

    Examples
    --------
    >>> index = pd.MultiIndex.from_product([list("abc"), range(9)], names=["region", "week"])
    >>> panel = Panel(data=pd.DataFrame({"y": 0.0}, index=index))
    >>> events = Events.from_table(pd.DataFrame({"region": ["a", "b"], "date": [3, 8]}), kind="repeated")
    >>> stacked, found = clean_stacks(panel, events, window=(2, 2), clean_weeks=2, anticipation=0)
    >>> stacked.data.index.unique("region").tolist(), len(found.table)
    (['a, 3', 'b, 3', 'c, 3'], 1)
    """
    regions, weeks = (panel.data.index.unique(level).sort_values() for level in ("region", "week"))
    happened, studied = _matrices(events, regions, weeks)
    length = sum(window) + 1
    frames: list[pd.DataFrame] = []
    dates: list[tuple[str, int]] = []
    for t in (int(t) for t in np.flatnonzero(studied.any(axis=0))):
        if t < max(window[0], clean_weeks) or t + window[1] >= len(weeks):
            continue
        clean = ~happened[:, t - clean_weeks : t].any(axis=1)
        treated = studied[:, t] & clean
        control = clean & ~happened[:, t : t + window[1] + anticipation + 1].any(axis=1)
        if treated.any() and control.any():
            start = len(frames) * length
            inside = (regions[treated | control], weeks[t - window[0] : t + window[1] + 1])
            frames.append(_stack(panel, inside, _label(weeks[t]), start))
            dates += [(f"{r}, {_label(weeks[t])}", start + window[0]) for r in regions[treated]]
    if not frames:
        msg = "No event week has its window inside the panel, a clean event and a clean control: shorten the window."
        raise IdentificationError(msg)
    found = pd.DataFrame(dates, columns=["region", "date"])
    return Panel(data=pd.concat(frames).sort_index()), Events.from_table(found)


def _matrices(events: Events, regions: pd.Index, weeks: pd.Index) -> tuple[BoolArray, BoolArray]:
    """Say in which weeks a region has an event, and a studied one, shape (N, T) each."""
    table = events.table
    row, column = regions.get_indexer(pd.Index(table["region"])), weeks.get_indexer(pd.Index(table["date"]))
    here = (row >= 0) & (column >= 0)
    focus = table["focus"].to_numpy(dtype=bool) if "focus" in table else np.ones(len(table), dtype=bool)
    happened = np.zeros((len(regions), len(weeks)), dtype=bool)
    studied = happened.copy()
    happened[row[here], column[here]] = True
    studied[row[here & focus], column[here & focus]] = True
    return happened, studied


def _stack(panel: Panel, inside: tuple[pd.Index, pd.Index], label: str, start: int) -> pd.DataFrame:
    """Take the rows of some regions and weeks, name the regions after the stack and number the weeks from a start."""
    regions, weeks = inside
    region, week = (panel.data.index.get_level_values(level) for level in ("region", "week"))
    here = region.isin(regions) & week.isin(weeks)
    places = pd.Index(region[here])
    names = pd.Index([f"{place}, {label}" for place in places])
    numbers = pd.Index(start + weeks.get_indexer(pd.Index(week[here])))
    index = pd.MultiIndex.from_arrays([names, numbers], names=["region", "week"])
    return panel.data[here].assign(**{PLACE: places}).set_axis(index)


def _label(week: object) -> str:
    return f"{week:%G-W%V}" if isinstance(week, pd.Timestamp) else str(week)
