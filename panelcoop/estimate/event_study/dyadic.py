"""Paired against unpaired dyads around one date, with errors that allow dyads to share members."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from panelcoop.checks import fail_if_not_one_of
from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.cells import EventFit, clip_horizons
from panelcoop.estimate.event_study.design import EventDesign
from panelcoop.estimate.event_study.horizons import supported
from panelcoop.numerics.event_study.clustering import SmallSample
from panelcoop.numerics.event_study.long_differences import week_regression
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["Dyadic", "dyad_members", "dyadic_fit"]


@dataclass(frozen=True)
class Dyadic:
    """Options of the dyadic design; the panel's regions are dyads.

    Attributes
    ----------
    separator
        What separates the two members in the name of a dyad, for example "|" in "Hubei|Guangdong".
    members
        "week": dyad and week effects. "member-week": also an effect per week of each sender and each receiver, so a
        pair is compared with other dyads of the same two members.
    """

    separator: str = "|"
    members: Literal["week", "member-week"] = "week"

    def __post_init__(self) -> None:
        """Refuse options outside their vocabulary."""
        fail_if_not_one_of(self.members, ("week", "member-week"), "members")


def dyadic_fit(design: EventDesign, options: Dyadic) -> tuple[EventDesign, EventFit]:
    """Compare changes of paired and unpaired dyads since the week before the one date.

    Raises
    ------
    IdentificationError
        If pairs form on several dates (use a staggered estimator), or no dyad is paired or unpaired.
    DataError
        If a dyad's name has no separator.

    Notes
    -----
    The covariance sums products of influences over all dyads that share a member (Aronow, Samii and Assenova 2015).
    Weeks beyond the window are averaged into its ends, or left out.
    """
    paired = np.isfinite(design.starts)
    dates = np.unique(design.starts[paired])
    if dates.size != 1:
        msg = f"The dyadic design has one date; these events have {dates.size}. Use 'imputation' on the dyads."
        raise IdentificationError(msg)
    if paired.all():
        msg = "Every dyad is paired, so there is no comparison."
        raise IdentificationError(msg)
    before = np.flatnonzero(design.times < dates[0] - design.anticipation)
    if not before.size:
        msg = "No week before the pairing is observed."
        raise IdentificationError(msg)
    base = int(before[-1])
    horizons = design.times - dates[0]
    first, second = dyad_members(design, options.separator)
    estimates, rows = np.zeros(horizons.size), np.zeros((paired.size, horizons.size))
    absorbed: set[str] = set()  # covariates that some week's regression leaves out
    for t in range(horizons.size):
        if t != base:
            estimates[t], rows[:, t], lost_names = _one_week(design, paired, (base, t), (first, second), options)
            absorbed |= lost_names
    lost = {int(horizons[t]): _why_lost(design, paired, (base, int(t))) for t in np.flatnonzero(np.isnan(estimates))}
    small = SmallSample(np.array([2.0]), np.array([1.0]), np.ones((paired.size, 1), dtype=bool), np.array([1.0]))
    seen = design.observed
    counts = np.column_stack([np.ones(horizons.size), seen[paired].sum(axis=0), seen[~paired].sum(axis=0)])
    fit = EventFit(
        horizons=horizons,
        estimates=estimates,
        influence=rows,
        reference=(int(horizons[base]),),
        base_period="universal",
        cells=None,
        small=small,
        cells_small=small,
        t_tails=True,
        nobs=int(seen.sum()),
        convention="dyadic-robust, factor G/(G-1), t({df}) for G members",
        notes=tuple(f"'{name}' left out where it does not vary or members span it" for name in sorted(absorbed)),
        reasons=lost,
        dyads=(first, second),
        no_scores="each week is a regression of its own",
        counts=counts,
    )
    return design, supported(design, _in_window(design, fit))


def _in_window(design: EventDesign, fit: EventFit) -> EventFit:
    """Average horizons beyond the window into its ends, or leave them out."""
    label, keep = clip_horizons(fit.horizons, design.events.window, design.events.ends)
    shown = np.unique(label[keep])
    if shown.size == fit.horizons.size:
        return fit
    known = keep & ~np.isnan(fit.estimates) & ~(np.isin(label, fit.reference) & (label != fit.horizons))
    member = ((label[:, None] == shown) & known[:, None]).astype(float)
    with np.errstate(invalid="ignore"):
        estimates = np.nan_to_num(fit.estimates) @ (member / member.sum(axis=0))
    share = member / np.maximum(member.sum(axis=0), 1.0)
    beyond = known & (label != fit.horizons)
    assert fit.counts is not None
    return replace(
        fit,
        horizons=shown,
        estimates=estimates,
        influence=np.nan_to_num(fit.influence) @ share,
        counts=np.array([fit.counts[keep & (label == h)].min(axis=0) for h in shown]),
        pooled=tuple(int(h) for h in np.unique(label[beyond])),
    )


def dyad_members(design: EventDesign, separator: str) -> tuple[IntArray, IntArray]:
    """Code the two members of every dyad."""
    parts = [str(name).split(separator) for name in design.regions]
    if any(len(p) != 2 for p in parts):
        bad = next(str(n) for n, p in zip(design.regions, parts, strict=True) if len(p) != 2)
        msg = f"Dyad '{bad}' does not split into two members at '{separator}'."
        raise DataError(msg)
    flat = np.unique([name.strip() for pair in parts for name in pair], return_inverse=True)[1].reshape(-1, 2)
    return flat[:, 0], flat[:, 1]


def _one_week(
    design: EventDesign,
    paired: BoolArray,
    weeks: tuple[int, int],
    members: tuple[IntArray, IntArray],
    options: Dyadic,
) -> tuple[float, FloatArray, set[str]]:
    change = design.outcome[:, weeks[1]] - design.outcome[:, weeks[0]]
    use = np.flatnonzero(~np.isnan(change))
    members_of = [np.eye(int(m.max()) + 1)[m[use]] for m in members] if options.members == "member-week" else []
    names = design.covariate_names
    columns = np.column_stack([paired[use], *members_of, design.covariates[use, weeks[0]]])
    fit = week_regression(change[use], columns, np.zeros(use.size, dtype=np.int64), np.ones(use.size))
    rows = np.zeros(paired.size)
    rows[use] = fit.score[:, 0]
    gone = np.isnan(fit.coefficients[columns.shape[1] - len(names) :])
    return float(fit.coefficients[0]), rows, {n for n, lost in zip(names, gone, strict=True) if lost}


def _why_lost(design: EventDesign, paired: BoolArray, weeks: tuple[int, int]) -> str:
    seen = design.observed[:, weeks].all(axis=1)
    if not (seen & paired).any() or not (seen & ~paired).any():
        return "no paired or no unpaired dyad is observed in this week and the base week"
    return "pairs are collinear with members or covariates"
