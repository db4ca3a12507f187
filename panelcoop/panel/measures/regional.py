"""Measures of one region, or of one ordered pair, in one period: each is one query over dyads or pairs."""

from __future__ import annotations

from collections.abc import Mapping

from panelcoop.panel.events.contract import CONTENTS
from panelcoop.panel.measures.engine import IbisTable
from panelcoop.panel.measures.flows import INTERNAL, LAYER_NUMBERS

__all__ = ["dyad_flows", "ego_persistence", "pair_measures", "region_flows"]

FlowSlices = Mapping[str, Mapping[str, str]]


def region_flows(placed: IbisTable, slices: FlowSlices) -> IbisTable:
    """Add up what each region sends and receives, in total and by slice.

    Parameters
    ----------
    placed
        Dyads from ``place_dyads``.
    slices
        Suffix to the mechanism, content and layer it is restricted to.

    Returns
    -------
    ibis.Table
        `period`, `region`, and `out_x`, `in_x` for each slice x; `out_total`, `in_total` (between regions),
        `graded` and `rungs` (sums of w and w f over dyads with a coded formality), `vertical`, `ordered`, `internal`.

    Notes
    -----
    Out-intensity ``sum_{j != i} A_ij``, in-intensity ``sum_{j != i} A_ji``; range [0, inf); 0 where there is no
    event. The centre is no j: its dyads make the slice of the vertical layer. Dyads are first added up by layer and,
    where a slice asks for it, mechanism; slices are read off that small table.
    """
    contents = sorted({chosen["content"] for chosen in slices.values() if "content" in chosen})
    keys = ["mechanism"] if any("mechanism" in chosen for chosen in slices.values()) else []
    sent = _one_side(placed, "source", keys, contents)
    received = _one_side(placed, "target", keys, contents)
    both = sent.union(received)
    masks = {"total": _mask(both, {}), **{name: _mask(both, chosen) for name, chosen in slices.items()}}
    flows = {
        f"{way}_{name}": _sum(both[_value(slices.get(name, {}))], mask & (both.sends == sends))
        for way, sends in (("out", 1), ("in", 0))
        for name, mask in masks.items()
    }
    across = both.layer != INTERNAL
    return both.group_by("period", "region").aggregate(
        **flows,
        graded=_sum(both.graded, across),
        rungs=_sum(both.rungs, across),
        vertical=_sum(both["share"], both.layer == LAYER_NUMBERS["vertical"]),
        ordered=_sum(both["share"], both.layer == LAYER_NUMBERS["mandated-horizontal"]),
        internal=_sum(both["share"], ~across & (both.sends == 1)),
    )


def dyad_flows(placed: IbisTable) -> IbisTable:
    """Add up flows by ordered pair, layer, mechanism and contents, per period: A_ij of every slice.

    Returns
    -------
    ibis.Table
        `period`, `source`, `target`, `layer`, `mechanism`, one flag per content, `flow`, `graded` and `rungs` (sums of
        w and w f over dyads with a coded formality).
    """
    share = placed["share"]
    return placed.group_by("period", "source", "target", "layer", "mechanism", *CONTENTS).aggregate(
        flow=share.sum(),
        graded=_sum(share, placed.formality.notnull()),
        rungs=(share * placed.formality).sum().fill_null(0.0),
    )


def _one_side(placed: IbisTable, near: str, keys: list[str], contents: list[str]) -> IbisTable:
    """Add up dyads by period, region, layer and what else is asked for, seen from the source or the target."""
    import ibis

    share = placed["share"]
    table = placed.group_by("period", "layer", *keys, region=placed[near]).aggregate(
        share=share.sum(),
        graded=_sum(share, placed.formality.notnull()),
        rungs=(share * placed.formality).sum().fill_null(0.0),
        **{_value({"content": q}): _sum(share, placed[q]) for q in contents},
    )
    values = ["share", "graded", "rungs", *(_value({"content": q}) for q in contents)]
    sends = ibis.literal(int(near == "source"), "int8")
    return table.select("period", "region", "layer", *keys, *values, sends=sends)


def _value(chosen: Mapping[str, str]) -> str:
    return f"share_{chosen['content']}" if "content" in chosen else "share"


def _mask(table: IbisTable, chosen: Mapping[str, str]) -> IbisTable:
    """Say which rows belong to a slice; without a layer, those between regions."""
    between = table.layer >= LAYER_NUMBERS["horizontal"]
    mask = table.layer == LAYER_NUMBERS[chosen["layer"]] if "layer" in chosen else between
    return mask & (table.mechanism == chosen["mechanism"]) if "mechanism" in chosen else mask


def _sum(values: IbisTable, mask: IbisTable) -> IbisTable:
    return values.sum(where=mask).fill_null(0.0)


def pair_measures(ends: IbisTable, *, regions: int | None = None) -> IbisTable:
    """Count partners and sum what breadth, effective partners and reciprocity need.

    Parameters
    ----------
    ends
        Pairs seen from both ends, from ``pair_ends``.
    regions
        N: partners numbered N and above stand outside the panel; they count for the region, not for the network
        among regions. None: all partners are regions.

    Returns
    -------
    ibis.Table
        `period`, `region`, `partners`, `effective_partners`, `reciprocity`; and among the panel's regions `degree`
        (partners), `targets` (partners sent to), `exchange` (flow) and `returned` (2 sum min).

    Notes
    -----
    With x_j = A_ij + A_ji and p_j = x_j / sum x: partners = #{j : x_j > 0}, in 0..N-1; effective partners
    = exp(-sum p_j ln p_j), from 1 to the number of partners, NaN without a partner; reciprocity
    = 2 sum_j min(A_ij, A_ji) / sum_j x_j, in [0, 1], NaN at 0/0.
    """
    import ibis

    tied = ends.filter(ends.sent + ends.received > 0)
    flow, mutual = tied.sent + tied.received, ibis.least(tied.sent, tied.received)
    inside = None if regions is None else tied.partner < regions
    sums = tied.group_by("period", "region").aggregate(
        partners=tied.count(),
        flow=flow.sum(),
        log_flow=(flow * flow.ln()).sum(),
        mutual=mutual.sum(),
        degree=tied.count(where=inside),
        targets=(tied.sent > 0).cast("int64").sum(where=inside),
        exchange=flow.sum(where=inside),
        matched=mutual.sum(where=inside),
    )
    return sums.select(
        "period",
        "region",
        "partners",
        "degree",
        "targets",
        "exchange",
        returned=2.0 * sums.matched,
        effective_partners=(sums.flow.ln() - sums.log_flow / sums.flow).exp(),
        reciprocity=2.0 * sums.mutual / sums.flow,
    )


def ego_persistence(ends: IbisTable, *, days: int, regions: int | None = None) -> IbisTable:
    """Count a region's partners of this period that were its partners in the period before.

    Parameters
    ----------
    ends
        Pairs seen from both ends.
    days
        Length of a period.
    regions
        N, as in ``pair_measures``.

    Returns
    -------
    ibis.Table
        `period`, `region`, `kept` = |E_t and E_{t-1}| restricted to the region's ties, `kept_targets` likewise for the
        directed ties it sends to other regions of the panel.

    Notes
    -----
    Persistence is ``|E_t and E_{t-1}| / |E_t or E_{t-1}|``, in [0, 1], NaN where both periods are empty or the one
    before has no records; the union is counted from `partners` of both periods.
    """
    tied = ends.filter(ends.sent + ends.received > 0)
    now = tied.select("period", "region", "partner", sends=tied.sent > 0)
    before = tied.select(
        period=(tied.period + days).cast("int32"), region="region", partner="partner", sent_before=tied.sent > 0
    )
    kept = now.inner_join(before, ["period", "region", "partner"])
    inside = None if regions is None else kept.partner < regions
    return kept.group_by("period", "region").aggregate(
        kept=kept.count(), kept_targets=(kept.sends & kept.sent_before).cast("int64").sum(where=inside)
    )
