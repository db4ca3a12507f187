"""From a labelled panel and events to the arrays every estimator reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from panelcoop.checks import fail_if_columns_missing, name_few
from panelcoop.errors import DataError
from panelcoop.estimate.event_study.events import Events, period_numbers, region_starts
from panelcoop.estimate.event_study.support import SupportRule
from panelcoop.options import BoolArray, FloatArray, IntArray
from panelcoop.panel.record import Panel

__all__ = ["Cohorts", "EventDesign", "event_design", "keep_units", "keep_weeks"]


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
    """

    starts: FloatArray
    of_unit: IntArray
    split: IntArray


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
    anticipation
        Periods.
    regions, weeks
        Labels of both axes.
    cluster
        Cluster codes of units, shape (N,), or None for units themselves.
    cluster_name
        "region" or the column.
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
    effect_group
        Code of the group whose fixed effect a unit shares, shape (N,); None for one effect per unit.
    support
        Support that effects need.
    """

    outcome: FloatArray
    covariates: FloatArray
    starts: FloatArray
    times: FloatArray
    anticipation: int
    regions: pd.Index
    weeks: pd.Index
    cluster: IntArray | None
    cluster_name: str
    outcome_name: str
    covariate_names: tuple[str, ...]
    events: Events
    dropped: dict[str, int]
    split: IntArray | None = None
    split_labels: tuple[object, ...] = ()
    split_by: str = ""
    effect_group: IntArray | None = None
    support: SupportRule = field(default_factory=SupportRule)

    @property
    def cohorts(self) -> Cohorts:
        """Group units by start and stage."""
        if self.split is None:
            starts, of_unit = np.unique(self.starts, return_inverse=True)
            return Cohorts(starts, of_unit, np.full(starts.size, -1))
        code = np.where(np.isinf(self.starts), -1, self.split)
        pairs, of_unit = np.unique(np.column_stack([self.starts, code]), axis=0, return_inverse=True)
        return Cohorts(pairs[:, 0], of_unit.ravel(), pairs[:, 1].astype(np.int64))

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

    def label(self, start: float) -> object:
        """Name a cohort by its week."""
        if np.isinf(start):
            return "never"
        if isinstance(self.weeks, pd.DatetimeIndex):
            step = self.weeks[1] - self.weeks[0] if len(self.weeks) > 1 else pd.Timedelta(days=7)
            return self.weeks[0] + int(start - self.times[0]) * step
        return int(start) if float(start).is_integer() else start


def event_design(
    panel: Panel,
    events: Events,
    *,
    outcome: str,
    covariates: Sequence[str] = (),
    cluster: str | None = None,
    stage: str | None = None,
    effects: str | None = None,
) -> EventDesign:
    """Lay the panel out as regions by weeks.

    Raises
    ------
    DataError
        If a column is missing or not numeric, a cluster varies within a region, nothing is observed, or effects are to
        be split by stage and by dose at once.
    """
    if stage is not None and events.dose_bins is not None:
        msg = "Effects are split by stage or by dose, not both: leave out stage= or the events' dose bins."
        raise DataError(msg)
    fail_if_columns_missing(
        [outcome, *covariates, *filter(None, (cluster, stage, effects))], list(panel.data.columns), "The panel"
    )
    grid = _grid(panel.data.index)
    regions, weeks, shape = grid.regions, grid.weeks, grid.shape
    values, extra, dropped = _values(panel, grid, outcome, covariates)
    dated = isinstance(weeks, pd.DatetimeIndex)
    anticipation = events.anticipation if events.anticipation is not None else (2 if dated else 0)
    times = period_numbers(weeks, weeks)
    starts = region_starts(events, regions, weeks)
    design = EventDesign(
        outcome=values,
        covariates=extra,
        starts=np.where(starts > times[-1] + anticipation, np.inf, starts),
        times=times,
        anticipation=anticipation,
        regions=regions,
        weeks=weeks,
        cluster=None if cluster is None else _unit_codes(panel.data[cluster], grid.row, shape[0]),
        cluster_name=cluster or "region",
        outcome_name=outcome,
        covariate_names=tuple(covariates),
        events=events,
        dropped=dropped,
        effect_group=None if effects is None else _unit_codes(panel.data[effects], grid.row, shape[0]),
    )
    if stage is not None:
        design = _with_stages(design, panel.data[stage])
    elif events.dose_bins is not None:
        design = _with_doses(design, events.dose_bins)
    return keep_units(design, np.asarray(design.observed.any(axis=1)), "never observed") if dropped else design


def keep_units(design: EventDesign, keep: BoolArray, reason: str) -> EventDesign:
    """Drop units and count their observed rows under a reason."""
    if keep.all():
        return design
    if not keep.any():
        msg = f"No region is left after dropping those {reason}."
        raise DataError(msg)
    gone = int(design.observed[~keep].sum())
    names = name_few(design.regions[~keep], 3)
    cluster = None if design.cluster is None else design.cluster[keep]
    return replace(
        design,
        outcome=design.outcome[keep],
        covariates=design.covariates[keep],
        starts=design.starts[keep],
        regions=design.regions[keep],
        cluster=cluster,
        split=None if design.split is None else design.split[keep],
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


def _values(
    panel: Panel, grid: _Grid, outcome: str, covariates: Sequence[str]
) -> tuple[FloatArray, FloatArray, dict[str, int]]:
    """Lay outcome and covariates out; a missing covariate takes its row out, and is counted."""
    values = _spread(panel.data[outcome], grid)
    extra = [_spread(panel.data[c], grid) for c in covariates]
    gaps = int(np.isnan(values).sum())
    dropped = {f"'{outcome}' missing": gaps - (values.size - len(panel.data))} if gaps else {}
    if not covariates:
        return values, np.empty((*grid.shape, 0)), dropped
    stacked = np.stack(extra, -1)
    lost = np.isnan(stacked).any(axis=2) & ~np.isnan(values)
    values = np.where(lost, np.nan, values)
    dropped |= {"covariate missing": int(lost.sum())} if lost.any() else {}
    return values, np.where(np.isnan(values)[:, :, None], 0.0, stacked), dropped


def _with_stages(design: EventDesign, column: pd.Series) -> EventDesign:
    """Read the stage of each region in the week of its event; a missing one is a group of its own, "no stage"."""
    wide = column.reset_index().pivot_table(index="region", columns="week", values=str(column.name), aggfunc="first")
    wide = wide.reindex(index=design.regions, columns=design.weeks)
    week = np.searchsorted(design.times, design.starts)
    inside = np.isfinite(design.starts) & (week < design.times.size)
    found = wide.to_numpy(dtype=object)[np.arange(len(wide)), np.minimum(week, design.times.size - 1)]
    named = [("no stage" if pd.isna(f) else f) if here else None for f, here in zip(found, inside, strict=True)]
    codes, labels = pd.factorize(pd.Series(named, dtype=object))
    return replace(design, split=codes.astype(np.int64), split_labels=tuple(labels), split_by="stage")


def _with_doses(design: EventDesign, bins: tuple[float, ...]) -> EventDesign:
    """Read the dose bin of each region's event."""
    dose = np.full(len(design.regions), np.nan)
    place = design.regions.get_indexer(pd.Index(design.events.table["region"]))
    dose[place] = design.events.table["dose"]
    code = np.where(np.isnan(dose), -1, np.searchsorted(bins, dose) - 1)
    labels = tuple(f"({low:g}, {high:g}]" for low, high in pairwise(bins))
    return replace(design, split=code.astype(np.int64), split_labels=labels, split_by="dose")


@dataclass(frozen=True)
class _Grid:
    """Where rows of the panel lie: labels of both axes, and the place of every row; full and in order, or not."""

    regions: pd.Index
    weeks: pd.Index
    row: NDArray[np.signedinteger]
    column: NDArray[np.signedinteger]
    full: bool

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.regions), len(self.weeks)


def _grid(index: pd.Index) -> _Grid:
    assert isinstance(index, pd.MultiIndex)
    regions, weeks = index.levels
    shape = (len(regions), len(weeks))
    row, column = (np.asarray(codes) for codes in index.codes)
    if row.size == shape[0] * shape[1] and regions.is_monotonic_increasing and weeks.is_monotonic_increasing:
        down, across = np.arange(shape[0], dtype=row.dtype), np.arange(shape[1], dtype=column.dtype)
        if (row.reshape(shape) == down[:, None]).all() and (column.reshape(shape) == across).all():
            return _Grid(regions, weeks, row, column, full=True)
    found, place = _present(regions, np.asarray(row, dtype=np.int64))
    kept, position = _present(weeks, np.asarray(column, dtype=np.int64))
    return _Grid(found, kept, place, position, full=False)


def _present(level: pd.Index, codes: IntArray) -> tuple[pd.Index, IntArray]:
    """Keep labels that occur, in order, and renumber."""
    labels = level[np.bincount(codes, minlength=len(level)) > 0].sort_values()
    return labels, np.asarray(labels.get_indexer(level), dtype=np.int64)[codes]


def _spread(column: pd.Series, grid: _Grid) -> FloatArray:
    try:
        values = column.to_numpy(dtype=float, na_value=np.nan)
    except (ValueError, TypeError) as error:
        msg = f"'{column.name}' must be numeric; its type is {column.dtype}."
        raise DataError(msg) from error
    if np.isinf(values).any():
        msg = f"'{column.name}' is infinite in {int(np.isinf(values).sum())} rows; repair or drop them first."
        raise DataError(msg)
    if grid.full:
        return values.reshape(grid.shape)
    wide = np.full(grid.shape, np.nan)
    wide[grid.row, grid.column] = values
    return wide


def _unit_codes(column: pd.Series, row: NDArray[np.signedinteger], n: int) -> IntArray:
    codes, _ = pd.factorize(column)
    if (codes < 0).any():
        msg = f"Column '{column.name}' is missing in {int((codes < 0).sum())} rows; fill it first."
        raise DataError(msg)
    first = np.zeros(n, dtype=np.int64)
    first[row] = codes
    if (first[row] != codes).any():
        msg = f"Column '{column.name}' varies within a region; clusters and effect groups must hold whole regions."
        raise DataError(msg)
    return first
