"""From events to dyads: each event is shared out over its ordered pairs of actors and over the periods it lasts."""

from __future__ import annotations

from typing import Literal, TypeAlias

import pandas as pd

from panelcoop.checks import fail_if_not_one_of
from panelcoop.panel.events.contract import CONTENTS, SEPARATOR
from panelcoop.panel.measures.engine import IbisTable, in_memory, open_engine
from panelcoop.panel.measures.flows import period_of
from panelcoop.panel.weeks import WEEKS, Calendar, Unit, calendar_of

__all__ = ["DYAD_COLUMNS", "Durations", "dyads_of", "expand_dyads", "with_actor_lists"]

Durations: TypeAlias = Literal["spread", "start"]
"""An event of several periods: shared out by days, or counted in its first period."""

DYAD_COLUMNS = ("event", "day", "source", "target", "mechanism", *CONTENTS, "share", "formality", "mandated")
"""Columns of a dyad table: one row per event, ordered pair of actors and period; `day` lies in the period."""

KEYS = ["event", "source", "target", "day"]
LITERAL = "\x1f"
"""Stands for the separator where a list is split: some engines read "|" as part of a regular expression."""


def dyads_of(events: IbisTable, *, calendar: Calendar, durations: Durations = "spread") -> IbisTable:
    """Share each event out over its dyads and periods: one expression for every engine.

    Parameters
    ----------
    events
        Accepted events: `event` (a number), `start`, `end`, `source`, `target`, `mechanism`, `contents`, `weight`,
        `formality`, `mandated`.
    calendar
        Weeks or days.
    durations
        "spread": a period gets the share of the event's days that fall in it; "start": the first period gets all.

    Returns
    -------
    ibis.Table
        Columns ``DYAD_COLUMNS``; `share` sums to the weight of each event.

    Notes
    -----
    Fractional counting: ``share = w_e / |D_e|`` for every ordered pair of the dyad set D_e. Sources S and targets T
    give D_e = S x T; a mutual event (S = T) gives every ordered pair of two different members.
    """
    fail_if_not_one_of(durations, ["spread", "start"], "durations")
    pairs = _pairs(events)
    first, last = (pairs[side].cast("date").epoch_days().cast("int64") for side in ("start", "end"))
    dated = pairs.mutate(first=first, last=last, begin=period_of(first, calendar.unit))
    parts = _spread(dated, calendar) if durations == "spread" else dated
    return parts.select(
        event="event",
        day=_date(parts.begin),
        source="sender",
        target="receiver",
        mechanism="mechanism",
        **{content: parts.contents.contains(content) for content in CONTENTS},
        share="share",
        formality="formality",
        mandated="mandated",
    )


def expand_dyads(
    events: pd.DataFrame, *, calendar: Calendar | Unit = WEEKS, durations: Durations = "spread"
) -> pd.DataFrame:
    """Share each event out over its dyads and periods, in memory: a table that ``assemble_events`` reads from Parquet.

    Parameters
    ----------
    events
        Accepted rows of an ``EventLog``; `event` of the result is their position.
    calendar, durations
        As in ``dyads_of``.

    Returns
    -------
    pandas.DataFrame
        Columns ``DYAD_COLUMNS``, sorted by event, source, target and day.

    Examples
    --------
    >>> one = pd.DataFrame({"start": pd.to_datetime(["2020-02-08"]), "end": pd.to_datetime(["2020-02-11"]),
    ...     "source": ["A"], "target": ["B|C"], "mechanism": ["agreement"], "contents": ["policy"],
    ...     "weight": [4.0], "formality": [3.0], "mandated": [False]})
    >>> expand_dyads(one)[["target", "share"]].values.tolist()
    [['B', 1.0], ['B', 1.0], ['C', 1.0], ['C', 1.0]]
    """
    numbered = events.assign(event=range(len(events)))
    with open_engine() as connection:
        dyads = dyads_of(in_memory(numbered), calendar=calendar_of(calendar), durations=durations)
        frame: pd.DataFrame = connection.to_pyarrow(dyads).to_pandas(date_as_object=False)
    return frame.astype({"day": "datetime64[us]"}).sort_values(KEYS, ignore_index=True)


def with_actor_lists(events: IbisTable) -> IbisTable:
    """Add `sources` and `targets`: the regions of each side as a list."""
    split = {f"{side}s": events[side].replace(SEPARATOR, LITERAL).split(LITERAL) for side in ("source", "target")}
    return events.mutate(**split)


def _pairs(events: IbisTable) -> IbisTable:
    """Replace each event by its ordered pairs of two different actors."""
    listed = with_actor_lists(events)
    count = listed.sources.length() * listed.targets.length() - listed.sources.intersect(listed.targets).length()
    shared = listed.mutate(share=listed.weight / count, sender=listed.sources.unnest())
    pairs = shared.mutate(receiver=shared.targets.unnest())
    return pairs.filter(pairs.sender != pairs.receiver)


def _spread(pairs: IbisTable, calendar: Calendar) -> IbisTable:
    """Share every pair out by days over the periods it touches."""
    import ibis

    touched = (period_of(pairs["last"], calendar.unit) - pairs.begin) // calendar.days + 1
    several = pairs.mutate(nth=ibis.range(0, touched).unnest())
    begin = several.begin + several.nth * calendar.days
    inside = ibis.least(several["last"], begin + (calendar.days - 1)) - ibis.greatest(several["first"], begin) + 1
    length = several["last"] - several["first"] + 1
    return several.mutate(begin=begin, share=several["share"] * inside / length)


def _date(epoch_days: IbisTable) -> IbisTable:
    """Turn a number of days since 1970 into a date."""
    import ibis

    return ibis.date("1970-01-01") + epoch_days.cast("int32").as_interval("D")
