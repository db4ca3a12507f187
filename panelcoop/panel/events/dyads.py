"""From events to dyads: each event is shared out over its ordered pairs of actors and over the periods it lasts."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_not_one_of
from panelcoop.panel.events.contract import CONTENTS, SEPARATOR
from panelcoop.panel.weeks import WEEKS, Calendar, Unit, calendar_of

__all__ = ["DYAD_COLUMNS", "Durations", "expand_dyads"]

Durations: TypeAlias = Literal["spread", "start"]
"""An event of several periods: shared out by days, or counted in its first period."""

DYAD_COLUMNS = ("event", "day", "source", "target", "mechanism", *CONTENTS, "share", "formality", "mandated")
"""Columns of a dyad table: one row per event, ordered pair of actors and period; `day` lies in the period."""


def expand_dyads(
    events: pd.DataFrame, *, calendar: Calendar | Unit = WEEKS, durations: Durations = "spread"
) -> pd.DataFrame:
    """Share each event out over its dyads and periods.

    Parameters
    ----------
    events
        Accepted rows of an ``EventLog``.
    calendar
        Weeks or days.
    durations
        "spread": a period gets the share of the event's days that fall in it; "start": the first period gets all.

    Returns
    -------
    pandas.DataFrame
        Columns ``DYAD_COLUMNS``; `share` sums to the weight of each event.

    Notes
    -----
    Fractional counting: ``share = w_e / |D_e|`` for every ordered pair of the dyad set D_e. Sources S and targets T
    give D_e = S x T; a mutual event (S = T) gives every ordered pair of two different members.

    Examples
    --------
    >>> one = pd.DataFrame({"start": pd.to_datetime(["2020-02-08"]), "end": pd.to_datetime(["2020-02-11"]),
    ...     "source": ["A"], "target": ["B|C"], "mechanism": ["agreement"], "contents": ["policy"],
    ...     "weight": [4.0], "formality": [3.0], "mandated": [False]})
    >>> expand_dyads(one)[["target", "share"]].values.tolist()
    [['B', 1.0], ['B', 1.0], ['C', 1.0], ['C', 1.0]]
    """
    fail_if_not_one_of(durations, ["spread", "start"], "durations")
    calendar = calendar_of(calendar)
    base = pd.DataFrame(
        {
            "event": np.arange(len(events)),
            "day": calendar.starts(events["start"]),
            "source": events["source"].to_numpy(object),
            "target": events["target"].to_numpy(object),
            "mechanism": events["mechanism"].to_numpy(object),
            **{q: [q in cell.split(SEPARATOR) for cell in events["contents"]] for q in CONTENTS},
            "share": events["weight"].to_numpy(float),
            "formality": events["formality"].to_numpy(float),
            "mandated": events["mandated"].to_numpy(bool),
        }
    )
    pairs = _pairs(base)
    return (_spread(pairs, events, calendar) if durations == "spread" else pairs)[list(DYAD_COLUMNS)]


def _pairs(base: pd.DataFrame) -> pd.DataFrame:
    """Replace each event of several actors by its ordered pairs."""
    several = base["source"].str.contains(SEPARATOR, regex=False) | base["target"].str.contains(SEPARATOR, regex=False)
    if not several.any():
        return base
    wide = base[several].assign(**{side: base.loc[several, side].str.split(SEPARATOR) for side in ("source", "target")})
    pairs = wide.explode("source").explode("target")
    pairs = pairs[pairs["source"] != pairs["target"]]
    pairs["share"] = pairs["share"] / pairs.groupby("event")["event"].transform("size")
    return pd.concat([base[~several], pairs], ignore_index=True).sort_values("event", kind="stable", ignore_index=True)


def _spread(pairs: pd.DataFrame, events: pd.DataFrame, calendar: Calendar) -> pd.DataFrame:
    """Share out by days the events that touch more than one period."""
    first = calendar.starts(events["start"])
    last = calendar.starts(events["end"])
    touched = np.asarray((last - first).days) // calendar.days + 1
    count = touched[pairs["event"].to_numpy()]
    if (count == 1).all():
        return pairs
    spread = pairs.loc[pairs.index.repeat(count)]
    nth = np.arange(len(spread)) - np.repeat(np.cumsum(count) - count, count)
    begin = pd.DatetimeIndex(spread["day"]) + pd.to_timedelta(nth * calendar.days, unit="D")
    event = spread["event"].to_numpy()
    start, end = (pd.DatetimeIndex(events[side]).normalize()[event] for side in ("start", "end"))
    inside = np.minimum(_day_number(end), _day_number(begin) + calendar.days - 1) - np.maximum(
        _day_number(start), _day_number(begin)
    )
    length = _day_number(end) - _day_number(start) + 1
    return spread.assign(day=begin, share=spread["share"].to_numpy() * (inside + 1) / length).reset_index(drop=True)


def _day_number(days: pd.DatetimeIndex) -> np.ndarray:
    return days.to_numpy().astype("datetime64[D]").astype(np.int64)
