"""Fake events before true ones: where they lie, which rows the true ones have touched, who can estimate them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from panelcoop.errors import IdentificationError
from panelcoop.estimate.event_study.callaway_santanna import CallawaySantAnna
from panelcoop.estimate.event_study.event_weeks import region_starts
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.local_projection import Dose, LpDid
from panelcoop.estimate.event_study.rings import Rings
from panelcoop.estimate.event_study.week_scale import WeekScale
from panelcoop.options import BoolArray

__all__ = ["fake_estimator", "fake_events", "hidden_rows"]

NAMED: dict[object, object] = {"callaway-santanna": CallawaySantAnna(), "lp-did": LpDid(), "dose": Dose()}


def fake_estimator(events: Events, estimator: object) -> object:
    """Return the estimator, with Callaway-Sant'Anna keeping regions that are hidden from their true event on.

    Raises
    ------
    IdentificationError
        If true effects could not be kept out.
    """
    chosen = NAMED.get(estimator, estimator) if isinstance(estimator, str) else estimator
    if isinstance(chosen, Rings):
        msg = (
            "Rings are reached by the events of other regions, which moving dates does not hide. Date each region by "
            "the week its ring is reached, and use 'imputation'."
        )
        raise IdentificationError(msg)
    repeated = events.kind == "repeated" and isinstance(chosen, LpDid | Dose)
    if events.kind != "absorbing" and not repeated:
        msg = f"Fake dates need absorbing events, or repeated ones with LpDid or Dose; these are {events.kind}."
        raise IdentificationError(msg)
    return replace(chosen, unbalanced="cross-section") if isinstance(chosen, CallawaySantAnna) else chosen


def hidden_rows(events: Events, regions: pd.Index, scale: WeekScale, lead: int, estimator: object) -> BoolArray:
    """Mark weeks that a true event may have touched: from its anticipation on, shape (N, T).

    Notes
    -----
    For good after an absorbing event; for the clean weeks after a repeated one.
    """
    region_starts(events, regions, scale)  # refuses events of unknown regions
    lasts = estimator.clean_weeks if events.kind == "repeated" and isinstance(estimator, LpDid | Dose) else np.inf
    out = np.zeros((len(regions), scale.times.size), dtype=bool)
    unit = regions.get_indexer(pd.Index(events.table["region"]))
    for i, date in zip(unit, scale.numbers(events.table["date"]), strict=True):
        out[i] |= (scale.times >= date - lead) & (scale.times < date + lasts)
    return out


def fake_events(
    events: Events, scale: WeekScale, shift: int, lead: int, estimator: object
) -> tuple[Events, LpDid | Dose | object]:
    """Move every date back; repeated events keep the true ones beside the fake ones, unstudied.

    Raises
    ------
    IdentificationError
        If no week lies between a repeated event's fake date and its anticipation.
    """
    fake = _shifted(events, scale, shift)
    if events.kind == "absorbing":
        return fake, estimator
    assert isinstance(estimator, LpDid | Dose)
    most = shift - lead - 1
    if most < 0:
        msg = f"A shift of {shift} leaves no week before the true event and the {lead} weeks that anticipate it."
        raise IdentificationError(msg)
    window = events.window[1] if events.window is not None else most
    lags = min(most, window if estimator.lags is None else estimator.lags)
    studied = fake.table["focus"].astype(bool) if "focus" in fake.table else np.ones(len(fake.table), dtype=bool)
    both = pd.concat([events.table.assign(focus=False), fake.table[studied].assign(focus=True)], ignore_index=True)
    both = both[~both.assign(date=scale.numbers(both["date"])).duplicated(["region", "date"])]
    table = both.sort_values(["region", "date"]).reset_index(drop=True)
    return replace(fake, table=table), replace(estimator, lags=lags)


def _shifted(events: Events, scale: WeekScale, shift: int) -> Events:
    """Move every date back by whole periods of the panel."""
    numbers = scale.numbers(events.table["date"])
    dates = [scale.label(number - shift) for number in numbers]
    kind = object if isinstance(scale.weeks, pd.CategoricalIndex) else events.table["date"].dtype
    return replace(events, table=events.table.assign(date=pd.Series(dates, index=events.table.index, dtype=kind)))
