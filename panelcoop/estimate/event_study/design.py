"""What every estimator reads: outcome, covariates and timing as arrays of regions by weeks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from panelcoop.checks import name_few
from panelcoop.errors import DataError
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.support import SupportRule
from panelcoop.estimate.event_study.week_scale import WeekScale
from panelcoop.numerics.event_study.clustering import Clustering
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["Cohorts", "EventDesign", "keep_units", "keep_weeks"]


@dataclass(frozen=True)
class Cohorts:
    """Regions that are treated together.

    Attributes
    ----------
    starts
        First treated period, ascending, infinity for never treated, shape (C,).
    of_unit
        Cohort of each unit, shape (N,).
    split
        Code of the stage (or other label) within the start week; -1 for never treated or without split, shape (C,).
    studied
        Whether effects of the cohort are averaged, shape (C,).
    """

    starts: FloatArray
    of_unit: IntArray
    split: IntArray
    studied: BoolArray


@dataclass(frozen=True)
class EventDesign:
    """Outcome, covariates and timing as arrays.

    Attributes
    ----------
    outcome
        Shape (N, T); NaN where not observed or where a covariate is missing.
    covariates
        Shape (N, T, P).
    starts
        Number of the first treated period, infinity if never or only after the panel and the anticipation end, (N,).
    times
        Period numbers, shape (T,).
    scale
        Numbers and labels of periods.
    anticipation
        Periods.
    regions, weeks
        Labels of both axes.
    clustering
        Groups of units whose errors may move together.
    outcome_name, covariate_names
        Labels.
    events
        The events.
    dropped
        Rows left out so far, by reason.
    split
        Code of the stage in which each unit's event happens, -1 if none, shape (N,); None without stages.
    split_labels
        Names of the codes.
    split_by
        "stage", "dose" or nothing.
    event_split
        Code of the stage of each row of the events' table; None without stages.
    studied
        Whether the event of each unit is studied, shape (N,); None where all are.
    weights
        How much each unit counts, shape (N,); None for equal weights.
    notes
        What happened to events and rows on the way here.
    effect_group
        Code of the group whose fixed effect a unit shares, shape (N,); None for one effect per unit.
    support
        Support that effects need.
    """

    outcome: FloatArray
    covariates: FloatArray
    starts: FloatArray
    times: FloatArray
    scale: WeekScale
    anticipation: int
    regions: pd.Index
    weeks: pd.Index
    clustering: Clustering
    outcome_name: str
    covariate_names: tuple[str, ...]
    events: Events
    dropped: dict[str, int]
    split: IntArray | None = None
    split_labels: tuple[object, ...] = ()
    split_by: str = ""
    event_split: IntArray | None = None
    studied: BoolArray | None = None
    weights: FloatArray | None = None
    notes: tuple[str, ...] = ()
    effect_group: IntArray | None = None
    support: SupportRule = field(default_factory=SupportRule)

    @property
    def cohorts(self) -> Cohorts:
        """Group units by start, by stage or dose, and by whether their event is studied."""
        never = np.isinf(self.starts)
        if self.split is None and self.studied is None:
            starts, of_unit = np.unique(self.starts, return_inverse=True)
            return Cohorts(starts, of_unit, np.full(starts.size, -1), np.ones(starts.size, dtype=bool))
        code = np.where(never, -1, -1 if self.split is None else self.split)
        studied = np.ones(never.size, dtype=bool) if self.studied is None else never | self.studied
        kinds, of_unit = np.unique(np.column_stack([self.starts, code, studied]), axis=0, return_inverse=True)
        return Cohorts(kinds[:, 0], of_unit.ravel(), kinds[:, 1].astype(np.int64), kinds[:, 2] > 0)

    @property
    def observed(self) -> BoolArray:
        """Whether a cell is observed, shape (N, T)."""
        return ~np.isnan(self.outcome)

    @property
    def balanced(self) -> bool:
        """Whether every region is observed in every week."""
        return not np.isnan(np.sum(self.outcome))

    @property
    def horizons(self) -> FloatArray:
        """Event time of every cell, shape (N, T); -infinity for never treated."""
        return self.times[None, :] - self.starts[:, None]

    @property
    def simple(self) -> bool:
        """Whether cohort means suffice: balanced, without covariates, one effect per unit."""
        return self.balanced and self.covariates.shape[2] == 0 and self.effect_group is None

    @property
    def unit_weights(self) -> FloatArray:
        """How much each unit counts, one by default, shape (N,)."""
        return np.ones(self.starts.size) if self.weights is None else self.weights

    def label(self, start: float) -> object:
        """Name a cohort by its week."""
        return self.scale.label(start)


def keep_units(design: EventDesign, keep: BoolArray, reason: str) -> EventDesign:
    """Drop units and count their observed rows under a reason."""
    if keep.all():
        return design
    if not keep.any():
        msg = f"No region is left after dropping those {reason}."
        raise DataError(msg)
    gone = int(design.observed[~keep].sum())
    names = name_few(design.regions[~keep], 3)
    return replace(
        design,
        outcome=design.outcome[keep],
        covariates=design.covariates[keep],
        starts=design.starts[keep],
        regions=design.regions[keep],
        clustering=design.clustering.keep(keep),
        split=None if design.split is None else design.split[keep],
        studied=None if design.studied is None else design.studied[keep],
        weights=None if design.weights is None else design.weights[keep],
        effect_group=None if design.effect_group is None else design.effect_group[keep],
        dropped={**design.dropped, f"{reason}: {names}": gone},
    )


def keep_weeks(design: EventDesign, keep: BoolArray, reason: str) -> EventDesign:
    """Drop weeks and count their observed rows under a reason."""
    if keep.all():
        return design
    gone = int(design.observed[:, ~keep].sum())
    return replace(
        design,
        outcome=design.outcome[:, keep],
        covariates=design.covariates[:, keep],
        times=design.times[keep],
        weeks=design.weeks[keep],
        dropped={**design.dropped, reason: gone},
    )
