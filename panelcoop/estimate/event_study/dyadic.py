"""Paired against unpaired dyads around one date, with errors that allow dyads to share members."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from panelcoop.checks import fail_if_not_one_of
from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.cells import EventFit
from panelcoop.estimate.event_study.design import EventDesign
from panelcoop.numerics.event_study.long_differences import week_regression
from panelcoop.options import FloatArray, IntArray

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
    """
    dates = np.unique(design.starts[np.isfinite(design.starts)])
    if dates.size != 1:
        msg = f"The dyadic design has one date; these events have {dates.size}. Use 'imputation' on the dyads."
        raise IdentificationError(msg)
    paired = np.isfinite(design.starts)
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
    estimates = np.zeros(horizons.size)
    rows = np.zeros((paired.size, horizons.size))
    for t in range(horizons.size):
        if t != base:
            estimates[t], rows[:, t] = _one_week(design, paired, (base, t), (first, second), options)
    lost = {int(h): "pairs are collinear with members" for h in horizons[np.isnan(estimates)]}
    n_members = int(np.unique(np.concatenate([first, second])).size)
    return design, EventFit(
        horizons=horizons,
        estimates=estimates,
        influence=rows,
        reference=(int(horizons[base]),),
        base_period="universal",
        cells=None,
        factor=n_members / (n_members - 1),
        df=float(n_members - 1),
        nobs=int(design.observed.sum()),
        convention=f"dyadic-robust over {n_members} members, factor G/(G-1), t({n_members - 1})",
        reasons=lost,
        dyads=(first, second),
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
    paired: FloatArray,
    weeks: tuple[int, int],
    members: tuple[IntArray, IntArray],
    options: Dyadic,
) -> tuple[float, FloatArray]:
    change = design.outcome[:, weeks[1]] - design.outcome[:, weeks[0]]
    use = np.flatnonzero(~np.isnan(change))
    columns = [paired[use].astype(float)[:, None], design.covariates[use, weeks[0]]]
    if options.members == "member-week":
        columns += [np.eye(int(m.max()) + 1)[m[use]] for m in members]
    fit = week_regression(change[use], np.column_stack(columns), np.zeros(use.size, dtype=np.int64), np.ones(use.size))
    rows = np.zeros(paired.size)
    rows[use] = fit.score[:, 0]
    return float(fit.coefficients[0]), rows
