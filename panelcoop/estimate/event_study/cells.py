"""What estimators hand over: effects by cohort and period, and how units influence any weighted sum of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from panelcoop.numerics.event_study.cell_aggregation import Grouping, group_cells, weight_influence
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = [
    "CellEstimates",
    "CellInfluence",
    "DenseInfluence",
    "EventFit",
    "absorbed_notes",
    "clip_horizons",
    "group_influence",
]


class CellInfluence(Protocol):
    """Anything that gives the influence of units on weighted sums of cells."""

    def combine(self, weights: FloatArray, constant: FloatArray | None = None) -> FloatArray:
        """Take weights of shape (M, K), return influence of shape (N, K) in the sum form.

        A constant of shape (C, K) is added to every unit of a cohort.
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
    """

    rows: FloatArray
    unit_cohort: IntArray

    def combine(self, weights: FloatArray, constant: FloatArray | None = None) -> FloatArray:
        """Multiply."""
        out = self.rows @ weights
        return out if constant is None else out + constant[self.unit_cohort]


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

    @property
    def horizon(self) -> FloatArray:
        """Event time of each cell, shape (M,)."""
        out: FloatArray = self.times[self.period] - self.starts[self.cohort]
        return out

    @property
    def estimated(self) -> BoolArray:
        """Cells with an effect, shape (M,)."""
        return ~np.isnan(self.effect)


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
        Influence of units in the sum form, shape (N, K); zero for NaN and reference horizons.
    reference
        Horizons fixed at zero.
    base_period
        "universal" or "varying".
    cells
        Effects by cohort and period, where the estimator has them.
    factor
        Small-sample factor on the covariance.
    df
        Degrees of freedom of t; infinity for the normal.
    nobs
        Rows used.
    convention
        In words.
    notes
        What a reader should know.
    extra
        Further named coefficients (covariates) with influence rows: name -> (estimate, shape (N,)).
    reasons
        Why a horizon is NaN.
    dyads
        Members of each unit where units are dyads; the covariance then allows for shared members.
    week_scores
        Influence of weeks, shape (T, K), for estimators that are not saturated in cohort and week.
    counts
        Event weeks, events and fewest controls by horizon, shape (K, 3), for estimators without cells.
    """

    horizons: FloatArray
    estimates: FloatArray
    influence: FloatArray
    reference: tuple[int, ...]
    base_period: str
    cells: CellEstimates | None
    factor: float
    df: float
    nobs: int
    convention: str
    notes: tuple[str, ...] = ()
    extra: dict[str, tuple[float, FloatArray]] = field(default_factory=dict)
    reasons: dict[int, str] = field(default_factory=dict)
    dyads: tuple[IntArray, IntArray] | None = None
    week_scores: FloatArray | None = None
    counts: FloatArray | None = None


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
    shares = None
    if cells.estimated_shares:
        shares = weight_influence(grouping, cells.effect, cells.cohort, cells.starts.size)
    return grouping, averages, cells.influence.combine(grouping.weights, shares)
