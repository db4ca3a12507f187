"""The tables every measure starts from: dyads placed in the network, unordered pairs, and pairs seen from each end."""

from __future__ import annotations

import pandas as pd

from panelcoop.panel.events.contract import CONTENTS
from panelcoop.panel.measures.engine import IbisTable
from panelcoop.panel.measures.slices import Slice
from panelcoop.panel.weeks import Unit

__all__ = [
    "INTERNAL",
    "LAYER_NUMBERS",
    "pair_ends",
    "pair_flows",
    "period_of",
    "period_starts",
    "place_dyads",
    "slice_dyads",
]

MONDAY_SHIFT = 3
"""1 January 1970 was a Thursday, three days after a Monday."""

INTERNAL = 0
LAYER_NUMBERS = {"vertical": 1, "horizontal": 2, "mandated-horizontal": 3}
"""Layers as small numbers; INTERNAL are dyads within one region."""


def place_dyads(dyads: IbisTable, actors: IbisTable, *, centre: int, unit: Unit = "week") -> IbisTable:
    """Give each dyad its period, its nodes and its layer.

    Parameters
    ----------
    dyads
        Columns of ``DYAD_COLUMNS`` (`event` is not needed).
    actors
        `actor` and `node`: the number of the node each actor stands for. Dyads of other actors are left out.
    centre
        Number of the centre C; a number no node has where there is none.
    unit
        Step of the calendar.

    Returns
    -------
    ibis.Table
        `period` (first day, in days since 1970), `source` and `target` (numbers of nodes), `layer` (its number), and
        the columns of dyads that measures use.

    Notes
    -----
    Layers: vertical; horizontal = neither vertical nor ordered; mandated-horizontal = ordered. Counterpart support is
    ordered aid whatever its flag says, or vertical authority would cause cooperation mechanically.
    """
    import ibis

    period = period_of(dyads.day.cast("date").epoch_days().cast("int32"), unit)
    by_order = dyads.mandated | (dyads.mechanism == "counterpart_support")
    numbered = dyads.mutate(period=period.cast("int32"), by_order=by_order, sender="source").drop("source")
    senders = actors.select(sender="actor", source_node="node")
    receivers = actors.select(target="actor", target_node="node")
    joined = numbered.inner_join(senders, "sender").inner_join(receivers, "target")
    source, target = joined.source_node, joined.target_node
    layer = ibis.cases(
        (source == target, INTERNAL),
        ((source == centre) | (target == centre), LAYER_NUMBERS["vertical"]),
        (joined.by_order, LAYER_NUMBERS["mandated-horizontal"]),
        else_=LAYER_NUMBERS["horizontal"],
    )
    kept = ["period", "mechanism", *CONTENTS, "share", "formality"]
    return joined.select(*kept, source=source, target=target, layer=layer.cast("int8"))


def slice_dyads(placed: IbisTable, chosen: Slice) -> IbisTable:
    """Keep the dyads of one slice; without a layer, those within one region stay."""
    kept = placed
    if "layer" in chosen:
        kept = kept.filter(kept.layer == LAYER_NUMBERS[chosen["layer"]])
    if "mechanism" in chosen:
        kept = kept.filter(kept.mechanism == chosen["mechanism"])
    return kept.filter(kept[chosen["content"]]) if "content" in chosen else kept


def period_of(day: IbisTable, unit: Unit) -> IbisTable:
    """Return the first day of the period that holds a day, both in days since 1970; days before 1970 are negative."""
    return day if unit == "day" else day - ((day + MONDAY_SHIFT) % 7 + 7) % 7


def period_starts(days: pd.Series) -> pd.DatetimeIndex:
    """Return periods as dates.

    Examples
    --------
    >>> period_starts(pd.Series([0, 4])).strftime("%Y-%m-%d").tolist()
    ['1970-01-01', '1970-01-05']
    """
    return pd.DatetimeIndex(days.to_numpy(dtype="datetime64[D]").astype("datetime64[us]"))


def pair_flows(placed: IbisTable) -> IbisTable:
    """Add up both directions between two different regions, per period: A_ab and A_ba with a < b.

    Returns
    -------
    ibis.Table
        `period`, `a`, `b`, `forward` (A_ab) and `backward` (A_ba); the centre and dyads within a region are left out.
    """
    between = placed.filter(placed.layer >= LAYER_NUMBERS["horizontal"])
    onward = between.source < between.target
    keyed = between.select(
        "period",
        a=onward.ifelse(between.source, between.target),
        b=onward.ifelse(between.target, between.source),
        forward=onward.ifelse(between["share"], 0.0),
        backward=onward.ifelse(0.0, between["share"]),
    )
    return keyed.group_by("period", "a", "b").aggregate(forward=keyed.forward.sum(), backward=keyed.backward.sum())


def pair_ends(pairs: IbisTable) -> IbisTable:
    """See every pair from both ends.

    Returns
    -------
    ibis.Table
        `period`, `region`, `partner`, `sent` (region to partner) and `received`.
    """
    first = pairs.select("period", region="a", partner="b", sent="forward", received="backward")
    second = pairs.select("period", region="b", partner="a", sent="backward", received="forward")
    return first.union(second)
