"""Fractional counting written with pandas: the oracle of the expression that runs on every engine."""

from __future__ import annotations

import numpy as np
import pandas as pd

from panelcoop.panel.events.contract import CONTENTS, SEPARATOR
from panelcoop.panel.events.dyads import DYAD_COLUMNS
from panelcoop.panel.weeks import WEEKS


def expand_with_pandas(events, *, calendar=WEEKS, durations="spread"):
    """Share each event out over its dyads and periods with pandas."""
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


def _pairs(base):
    """Replace each event of several actors by its ordered pairs."""
    several = base["source"].str.contains(SEPARATOR, regex=False) | base["target"].str.contains(SEPARATOR, regex=False)
    if not several.any():
        return base
    wide = base[several].assign(**{side: base.loc[several, side].str.split(SEPARATOR) for side in ("source", "target")})
    pairs = wide.explode("source").explode("target")
    pairs = pairs[pairs["source"] != pairs["target"]]
    pairs["share"] = pairs["share"] / pairs.groupby("event")["event"].transform("size")
    return pd.concat([base[~several], pairs], ignore_index=True).sort_values("event", kind="stable", ignore_index=True)


def _spread(pairs, events, calendar):
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


def _day_number(days):
    return days.to_numpy().astype("datetime64[D]").astype(np.int64)
