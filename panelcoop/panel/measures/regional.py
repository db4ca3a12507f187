"""Measures of one region in one period: each is one query over dyads or pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from panelcoop.panel.measures.engine import IbisTable
from panelcoop.panel.measures.flows import slice_predicate

__all__ = ["ego_persistence", "pair_measures", "region_flows"]

FlowSlices = Mapping[str, Mapping[str, str]]
EITHER_WAY = ("graded", "rungs", "vertical", "ordered")


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
    event. The centre is no j: its dyads make the slice of the vertical layer.
    """
    sent = _one_side(placed, slices, near="source", far="out", other="in")
    received = _one_side(placed, slices, near="target", far="in", other="out")
    both = sent.union(received)
    values = [name for name in both.columns if name not in ("period", "region")]
    return both.group_by("period", "region").aggregate(**{name: both[name].sum() for name in values})


def _one_side(placed: IbisTable, slices: FlowSlices, *, near: str, far: str, other: str) -> IbisTable:
    import ibis

    between = ~placed.vertical & ~placed.internal
    masks = {"total": between, **{name: slice_predicate(placed, chosen) for name, chosen in slices.items()}}
    zero = ibis.literal(0.0)
    share, rung = placed["share"], placed.formality
    graded = ~placed.internal & rung.notnull()
    sums = {f"{far}_{name}": _sum(share, mask) for name, mask in masks.items()}
    sums |= {"graded": _sum(share, graded), "rungs": _sum(share * rung, graded)}
    sums |= {"vertical": _sum(share, placed.vertical), "ordered": _sum(share, placed.ordered & ~placed.internal)}
    sums["internal"] = _sum(share, placed.internal) if near == "source" else zero
    table = placed.group_by("period", region=placed[near]).aggregate(
        **{name: value for name, value in sums.items() if value is not zero}
    )
    filled = table.mutate(**{f"{other}_{name}": zero for name in masks})
    filled = filled if near == "source" else filled.mutate(internal=zero)
    ordered = [f"{way}_{name}" for way in ("out", "in") for name in masks]
    return filled.select("period", "region", *ordered, *EITHER_WAY, "internal")


def _sum(values: IbisTable, mask: IbisTable) -> IbisTable:
    return values.sum(where=mask).fill_null(0.0)


def pair_measures(ends: IbisTable, outside: Sequence[str] = ()) -> IbisTable:
    """Count partners and sum what breadth, effective partners and reciprocity need.

    Parameters
    ----------
    ends
        Pairs seen from both ends, from ``pair_ends``.
    outside
        Partners outside the panel: they count for the region, not for the network among regions.

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
    inside = ~tied.partner.isin(list(outside)) if outside else None
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


def ego_persistence(ends: IbisTable, *, days: int, outside: Sequence[str] = ()) -> IbisTable:
    """Count a region's partners of this period that were its partners in the period before.

    Parameters
    ----------
    ends
        Pairs seen from both ends.
    days
        Length of a period.
    outside
        Partners outside the panel.

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
    import ibis

    tied = ends.filter(ends.sent + ends.received > 0)
    now = tied.select("period", "region", "partner", sends=tied.sent > 0)
    shifted = (tied.period + ibis.interval(days=days)).cast("date")
    before = tied.select(period=shifted, region="region", partner="partner", sent_before=tied.sent > 0)
    kept = now.inner_join(before, ["period", "region", "partner"])
    inside = ~kept.partner.isin(list(outside)) if outside else None
    return kept.group_by("period", "region").aggregate(
        kept=kept.count(), kept_targets=(kept.sends & kept.sent_before).cast("int64").sum(where=inside)
    )
