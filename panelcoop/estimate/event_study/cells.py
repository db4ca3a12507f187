"""What estimators hand over: effects by cohort and period, and how units influence any weighted sum of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeAlias

import numpy as np

from panelcoop.errors import IdentificationError
from panelcoop.numerics.event_study.cell_aggregation import Grouping, group_cells, weight_influence
from panelcoop.numerics.event_study.clustering import SmallSample
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = [
    "CellEstimates",
    "CellInfluence",
    "DenseInfluence",
    "EventFit",
    "Scores",
    "absorbed_notes",
    "clip_horizons",
    "combined",
    "group_influence",
    "pick_cells",
    "shown_horizons",
    "with_estimated_shares",
]


SAME_MASS = 1e-9
"""Sums of the same weights differ by rounding only."""

Scores: TypeAlias = Callable[[], FloatArray]
"""Makes the influence of units and weeks on the horizons, shape (N, T, K), when it is needed."""


class CellInfluence(Protocol):
    """Anything that gives the influence of units on weighted sums of cells."""

    def combine(self, weights: FloatArray, constant: FloatArray | None = None) -> FloatArray:
        """Take weights of shape (M, K), return influence of shape (N, K) in the sum form.

        A constant of shape (C, K) is added to every unit of a cohort, times its weight.
        """


@dataclass(frozen=True)
class DenseInfluence:
    """Influence of every unit on every cell, kept as a matrix.

    Attributes
    ----------
    rows
        Shape (N, M).
    unit_cohort
        Cohort of each unit, shape (N,).
    unit_weights
        How much each unit counts, shape (N,); None for equal weights.
    """

    rows: FloatArray
    unit_cohort: IntArray
    unit_weights: FloatArray | None = None

    def combine(self, weights: FloatArray, constant: FloatArray | None = None) -> FloatArray:
        """Multiply."""
        out = self.rows @ weights
        if constant is None:
            return out
        added = constant[self.unit_cohort]
        return out + (added if self.unit_weights is None else added * self.unit_weights[:, None])


@dataclass(frozen=True)
class _PickedInfluence:
    whole: CellInfluence
    place: IntArray
    size: int

    def combine(self, weights: FloatArray, constant: FloatArray | None = None) -> FloatArray:
        spread = np.zeros((self.size, weights.shape[1]))
        spread[self.place] = weights
        return self.whole.combine(spread, constant)


@dataclass(frozen=True)
class CellEstimates:
    """Effects by cohort and period.

    Attributes
    ----------
    cohort, period
        Index of cohort and period, shape (M,).
    starts
        First treated period of each cohort, shape (C,).
    times
        Periods, shape (T,).
    effect
        Shape (M,); NaN where not estimable.
    reason
        Why an effect is NaN; empty otherwise, length M.
    mass
        Weight of a cell in averages: units or observations, shape (M,).
    n_treated, n_control
        Units behind each cell, shape (M,).
    reference
        Cells that are zero by construction, shape (M,).
    unit_cohort
        Cohort of each unit, shape (N,).
    cohort_split
        Code of the stage in which each cohort's event happens, -1 without, shape (C,).
    influence
        Gives the influence of units.
    estimated_shares
        Whether averages count the sampling error of the cohort shares.
    mass_is_units
        Whether ``mass`` is a cohort's units, the same in all of its cells, or the observations of each cell.
    shown_at
        Horizon under which each cell is shown, where cells of several horizons share an effect, shape (M,).
    share_scale
        What the influence of shares is divided by: the root of a small-sample factor that is not meant for it.
    """

    cohort: IntArray
    period: IntArray
    starts: FloatArray
    times: FloatArray
    effect: FloatArray
    reason: tuple[str, ...]
    mass: FloatArray
    n_treated: FloatArray
    n_control: FloatArray
    reference: BoolArray
    unit_cohort: IntArray
    cohort_split: IntArray
    influence: CellInfluence
    estimated_shares: bool
    mass_is_units: bool = False
    share_scale: float = 1.0
    shown_at: FloatArray | None = None

    @property
    def horizon(self) -> FloatArray:
        """Event time of each cell, shape (M,)."""
        out: FloatArray = self.times[self.period] - self.starts[self.cohort]
        return out

    @property
    def estimated(self) -> BoolArray:
        """Cells with an effect, shape (M,)."""
        return ~np.isnan(self.effect)


def pick_cells(cells: CellEstimates, keep: BoolArray) -> CellEstimates:
    """Leave cells out; what they are compared with stays as it is."""
    place = np.flatnonzero(keep)
    names = ("cohort", "period", "effect", "mass", "n_treated", "n_control", "reference")
    return replace(
        cells,
        **{name: getattr(cells, name)[place] for name in names},
        reason=tuple(cells.reason[i] for i in place),
        influence=_PickedInfluence(cells.influence, place, keep.size),
        shown_at=None if cells.shown_at is None else cells.shown_at[place],
    )


@dataclass(frozen=True)
class EventFit:
    """An estimator's answer before it is labelled.

    Attributes
    ----------
    horizons
        Event times, ascending, shape (K,).
    estimates
        Shape (K,); NaN where not estimable.
    influence
        Influence of units in the sum form, without small-sample factor, shape (N, K); zero for NaN and reference
        horizons.
    reference
        Horizons fixed at zero.
    base_period
        "universal" or "varying".
    cells
        Effects by cohort and period, where the estimator has them.
    small
        Small-sample factor by horizon.
    cells_small
        The same for weighted sums of cells and for covariates.
    t_tails
        Whether tails are t with groups less one degrees of freedom, or normal.
    nobs
        Rows used.
    convention
        In words; "{cluster}" and "{df}" stand for the groups and the degrees of freedom.
    notes
        What a reader should know.
    dropped
        Rows left out by this estimator, by reason.
    extra
        Further named coefficients (covariates) with influence rows: name -> (estimate, shape (N,)).
    reasons
        Why a horizon is NaN.
    dyads
        Members of each unit where units are dyads; the covariance then allows for shared members.
    scores
        Makes the influence of units and weeks, for estimators that are not saturated in cohort and week.
    no_scores
        Why there is none.
    counts
        Event weeks, events and fewest controls by horizon, shape (K, 3), of horizons that do not come from cells.
    pooled
        Ends of the window that also hold horizons beyond them, for estimators without cells.
    linear
        Whether estimates are linear in the outcome.
    parts
        Fits of the events of one stage at a time, by stage; empty where cells tell stages apart.
    """

    horizons: FloatArray
    estimates: FloatArray
    influence: FloatArray
    reference: tuple[int, ...]
    base_period: str
    cells: CellEstimates | None
    small: SmallSample
    cells_small: SmallSample
    t_tails: bool
    nobs: int
    convention: str
    notes: tuple[str, ...] = ()
    dropped: dict[str, int] = field(default_factory=dict)
    extra: dict[str, tuple[float, FloatArray]] = field(default_factory=dict)
    reasons: dict[int, str] = field(default_factory=dict)
    dyads: tuple[IntArray, IntArray] | None = None
    scores: Scores | None = None
    no_scores: str = "saturated in cohort and week: week shocks of a cohort cannot be told from its effect"
    counts: FloatArray | None = None
    pooled: tuple[int, ...] = ()
    linear: bool = True
    parts: Mapping[object, EventFit] = field(default_factory=dict)


def absorbed_notes(slopes: Mapping[str, tuple[float, FloatArray]]) -> tuple[str, ...]:
    """Say which covariates have no slope and why."""
    return tuple(
        f"'{name}' is left out: absorbed by the region effects, the other effects or earlier covariates"
        for name, (value, _) in slopes.items()
        if np.isnan(value)
    )


def clip_horizons(horizon: FloatArray, window: tuple[int, int] | None, ends: str) -> tuple[FloatArray, BoolArray]:
    """Apply the window: pooled horizons, and which cells take part."""
    if window is None:
        return horizon, np.ones(horizon.shape, dtype=bool)
    inside = (horizon >= -window[0]) & (horizon <= window[1])
    if ends == "dropped":
        return horizon, inside
    return np.clip(horizon, -window[0], window[1]), np.ones(horizon.shape, dtype=bool)


def shown_horizons(cells: CellEstimates, window: tuple[int, int] | None, ends: str) -> tuple[FloatArray, BoolArray]:
    """Give the horizon under which each cell is shown, pooled into the window's ends, and which are shown.

    An end of the window that is a reference stays zero: nothing beyond it is averaged into it.
    """
    own = cells.horizon if cells.shown_at is None else cells.shown_at
    label, inside = clip_horizons(own, window, ends)
    pooled = label != own
    fixed = np.unique(label[cells.reference & ~pooled])
    return label, inside & ~(pooled & np.isin(label, fixed))


def group_influence(cells: CellEstimates, by: FloatArray, keep: BoolArray) -> tuple[Grouping, FloatArray, FloatArray]:
    """Average the estimated cells that share a label.

    Parameters
    ----------
    by
        Label of each cell, shape (M,).
    keep
        Cells that may take part; those without an estimate never do.

    Returns
    -------
    The grouping, the J averages and the influence of units on them, shape (N, J).
    """
    grouping = group_cells(by, cells.mass, keep & cells.estimated)
    averages = np.nan_to_num(cells.effect) @ grouping.weights
    return grouping, averages, combined(cells, grouping.weights, grouping, cells.effect, cells.cohort)


def with_estimated_shares(cells: CellEstimates, scale: float = 1.0) -> CellEstimates:
    """Let averages count the sampling error of cohort shares.

    Raises
    ------
    IdentificationError
        If a cohort has more observations in some of its weeks than in others: its share is then no share of units.
    """
    mass = np.where(cells.estimated, cells.mass, np.nan)
    for c in np.unique(cells.cohort[cells.estimated]):
        own = mass[(cells.cohort == c) & cells.estimated]
        if np.ptp(own) > SAME_MASS * own.max():
            msg = "Estimated cohort shares need a balanced panel: a cohort has fewer observations in some of its weeks."
            raise IdentificationError(msg)
    return replace(cells, estimated_shares=True, share_scale=scale)


def combined(
    cells: CellEstimates, weights: FloatArray, grouping: Grouping, effects: FloatArray, cohort: IntArray
) -> FloatArray:
    """Give the influence of units on weighted sums of cells, with that of estimated cohort shares, shape (N, J).

    Parameters
    ----------
    weights
        Shape (M, J).
    grouping
        Averages over cohorts whose shares are estimated.
    effects, cohort
        What the grouping averages, and the cohort of each.
    """
    if not cells.estimated_shares:
        return cells.influence.combine(weights)
    shares = weight_influence(grouping, effects, cohort, cells.starts.size)
    return cells.influence.combine(weights, shares / cells.share_scale)
