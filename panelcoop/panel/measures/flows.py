"""The tables every measure starts from: dyads placed in the network, unordered pairs, and pairs seen from each end."""

from __future__ import annotations

from collections.abc import Mapping

from panelcoop.panel.measures.engine import IbisTable
from panelcoop.panel.weeks import Unit

__all__ = ["pair_ends", "pair_flows", "place_dyads", "slice_predicate"]

CUT = {"week": "W", "day": "D"}


def place_dyads(
    dyads: IbisTable, *, unit: Unit = "week", centre: str | None = None, lifted: IbisTable = None
) -> IbisTable:
    """Give each dyad its period, its nodes and its layer.

    Parameters
    ----------
    dyads
        Columns of ``DYAD_COLUMNS`` (`event` is not needed).
    unit
        Step of the calendar.
    centre
        Node of the centre C.
    lifted
        Actor-to-node table with columns `actor` and `node`; None: every actor is its own node.

    Returns
    -------
    ibis.Table
        `period`, `vertical` (one end is the centre), `internal` (both ends in one region), `ordered` (mandated
        and horizontal) in place of `day` and `mandated`.

    Notes
    -----
    Layers: vertical; horizontal = neither vertical nor ordered; mandated-horizontal = ordered. Counterpart support is
    ordered aid whatever its flag says, or vertical authority would cause cooperation mechanically.
    """
    import ibis

    if lifted is not None:
        senders = lifted.select(source="actor", sender="node")
        receivers = lifted.select(target="actor", receiver="node")
        joined = dyads.inner_join(senders, "source").inner_join(receivers, "target")
        dyads = joined.drop("source", "target").rename(source="sender", target="receiver")
    middle = ibis.literal(centre or "")
    vertical = (dyads.source == middle) | (dyads.target == middle)
    by_order = dyads.mandated | (dyads.mechanism == "counterpart_support")
    return dyads.mutate(
        period=dyads.day.truncate(CUT[unit]).cast("date"),
        vertical=vertical,
        internal=dyads.source == dyads.target,
        ordered=by_order & ~vertical,
    ).drop("day", "mandated")


def pair_flows(placed: IbisTable) -> IbisTable:
    """Add up both directions between two different regions, per period: A_ab and A_ba with a < b.

    Returns
    -------
    ibis.Table
        `period`, `a`, `b`, `forward` (A_ab) and `backward` (A_ba); the centre and dyads within a region are left out.
    """
    between = placed.filter(~placed.vertical & ~placed.internal)
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


def slice_predicate(placed: IbisTable, chosen: Mapping[str, str]) -> IbisTable:
    """Say which dyads belong to a slice by mechanism, content and layer; without a layer, those between regions."""
    layers = {
        "vertical": placed.vertical,
        "horizontal": ~placed.vertical & ~placed.ordered,
        "mandated-horizontal": placed.ordered,
    }
    kept = ~placed.internal & layers.get(chosen.get("layer", ""), ~placed.vertical)
    if "mechanism" in chosen:
        kept &= placed.mechanism == chosen["mechanism"]
    return kept & placed[chosen["content"]] if "content" in chosen else kept
