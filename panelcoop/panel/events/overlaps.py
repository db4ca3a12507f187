"""Records that another, wider record already contains: counted once."""

from __future__ import annotations

import pandas as pd

from panelcoop.panel.events.contract import SEPARATOR
from panelcoop.panel.events.log import EventLog

__all__ = ["count_overlaps_once"]


def count_overlaps_once(log: EventLog) -> EventLog:
    """Leave out each event that a wider one contains.

    Parameters
    ----------
    log
        A checked log.

    Returns
    -------
    EventLog
        Without events whose sources and mechanism equal, targets are strictly fewer than, days lie within, and weight
        does not exceed those of another event: a summary record that already counts them. They go to `rejected`.

    Notes
    -----
    Two records with the same targets are never merged: two transfers on one day are two events.
    """
    events = log.events
    targets = [frozenset(cell.split(SEPARATOR)) for cell in events["target"]]
    wide = [k for k, members in enumerate(targets) if len(members) > 1]
    contained = pd.Series(data=False, index=events.index)
    start, end, weight = events["start"].to_numpy(), events["end"].to_numpy(), events["weight"].to_numpy(float)
    source, mechanism = events["source"].to_numpy(object), events["mechanism"].to_numpy(object)
    for k in wide:
        fewer = pd.Series([members < targets[k] for members in targets], index=events.index)
        alike = (source == source[k]) & (mechanism == mechanism[k])
        within = (start >= start[k]) & (end <= end[k]) & (weight <= weight[k])
        contained |= fewer & alike & within
    return log.without(contained, "already counted in a wider record of the same source and days")
