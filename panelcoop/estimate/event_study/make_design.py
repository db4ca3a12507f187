"""From a labelled panel and events to the arrays every estimator reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from panelcoop.checks import fail_if_columns_missing
from panelcoop.errors import DataError
from panelcoop.estimate.event_study.design import EventDesign, keep_units
from panelcoop.estimate.event_study.event_groups import EventStage, with_doses, with_focus, with_stages
from panelcoop.estimate.event_study.event_weeks import collapse_ties, region_starts
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.panel_grid import PanelGrid, panel_grid
from panelcoop.estimate.event_study.week_scale import week_scale
from panelcoop.numerics.event_study.clustering import Clustering
from panelcoop.options import BoolArray, FloatArray
from panelcoop.panel.record import Panel

__all__ = ["Columns", "event_design"]


@dataclass(frozen=True)
class Columns:
    """Columns of the panel that an event study reads.

    Attributes
    ----------
    outcome, covariates
        What is explained, and what is conditioned on.
    cluster
        Clusters of regions: one column, or two for two-way clustering, of which one may be "week".
    stage
        Column with the stage of each region-week, and the week in which it is read.
    effects
        Column whose levels share a fixed effect.
    weights
        Column with weights of regions.
    """

    outcome: str
    covariates: tuple[str, ...] = ()
    cluster: tuple[str, ...] = ()
    stage: EventStage | None = None
    effects: str | None = None
    weights: str | None = None

    @property
    def named(self) -> list[str]:
        """All of them."""
        stage = self.stage.column if self.stage else None
        clusters = [c for c in self.cluster if c not in ("region", "week")]
        return [self.outcome, *self.covariates, *clusters, *filter(None, (stage, self.effects, self.weights))]


def event_design(panel: Panel, events: Events, columns: Columns) -> EventDesign:
    """Lay the panel out as regions by weeks.

    Raises
    ------
    DataError
        If a column is missing or not numeric, a cluster or weight varies within a region, nothing is observed, effects
        are to be split by stage and by dose at once, or a window that pools its ends stops short of the reference week.
    """
    if columns.stage is not None and events.dose_bins is not None:
        msg = "Effects are split by stage or by dose, not both: leave out stage= or the events' dose bins."
        raise DataError(msg)
    fail_if_columns_missing(columns.named, list(panel.data.columns), "The panel")
    grid, data = panel_grid(panel.data.index), panel.data
    scale = week_scale(grid.weeks)
    events = collapse_ties(events, scale)
    values, extra, dropped = _values(panel, grid, columns.outcome, columns.covariates)
    anticipation = events.anticipation if events.anticipation is not None else (2 if scale.dated else 0)
    _fail_if_window_short(events, anticipation)
    starts = region_starts(events, grid.regions, scale)
    design = EventDesign(
        outcome=values,
        covariates=extra,
        starts=np.where(starts > scale.times[-1] + anticipation, np.inf, starts),
        times=scale.times,
        scale=scale,
        anticipation=anticipation,
        regions=grid.regions,
        weeks=grid.weeks,
        clustering=_clustering(panel, grid, columns.cluster),
        outcome_name=columns.outcome,
        covariate_names=columns.covariates,
        events=events,
        dropped=dropped,
        effect_group=None if columns.effects is None else grid.unit_codes(data[columns.effects]),
        weights=None if columns.weights is None else grid.unit_weights(data[columns.weights]),
        notes=(*events.notes, *_late(starts > scale.times[-1] + anticipation, starts)),
    )
    design = with_focus(design)
    if columns.stage is not None:
        design = with_stages(design, grid, data[columns.stage.column], columns.stage)
    elif events.dose_bins is not None:
        design = with_doses(design, events.dose_bins)
    return keep_units(design, np.asarray(design.observed.any(axis=1)), "never observed") if dropped else design


def _fail_if_window_short(events: Events, anticipation: int) -> None:
    """Refuse a first end that pools weeks from before the reference week with anticipated effects."""
    if events.window is not None and events.ends == "binned" and events.window[0] < 1 + anticipation:
        msg = (
            f"leads must reach the reference week {-1 - anticipation}; got window={events.window} with anticipation "
            f"{anticipation}. Make its first number at least {1 + anticipation}, or leave weeks outside out with "
            "ends='dropped'."
        )
        raise DataError(msg)


def _late(late: BoolArray, starts: FloatArray) -> tuple[str, ...]:
    count = int((late & np.isfinite(starts)).sum())
    return (f"regions whose event comes after the panel count as untreated: {count}",) if count else ()


def _clustering(panel: Panel, grid: PanelGrid, names: Sequence[str]) -> Clustering:
    """Code one or two dimensions of clusters; weeks stand for themselves."""
    given = list(dict.fromkeys(names)) or ["region"]
    if len(given) > 2 or given == ["week"]:
        msg = f"cluster takes regions or groups of regions, alone or with one other dimension; got {', '.join(given)}."
        raise DataError(msg)
    codes = {name: None if name == "region" else grid.unit_codes(panel.data[name]) for name in given if name != "week"}
    words = " and ".join(given)
    first, *second = codes.values()
    if "week" in given:
        return Clustering("week", first, name=words)
    if not second:
        return Clustering("one-way", first, name=words)
    units = np.arange(grid.shape[0])
    one, two = (units if code is None else code for code in (first, second[0]))
    return Clustering("two-way", one, two, words)


def _values(
    panel: Panel, grid: PanelGrid, outcome: str, covariates: Sequence[str]
) -> tuple[FloatArray, FloatArray, dict[str, int]]:
    """Lay outcome and covariates out; a missing covariate takes its row out, and is counted."""
    values = grid.spread(panel.data[outcome])
    extra = [grid.spread(panel.data[c]) for c in covariates]
    gaps = int(np.isnan(values).sum()) - (values.size - len(panel.data))
    dropped = {f"'{outcome}' missing": gaps} if gaps else {}
    if not covariates:
        return values, np.empty((*grid.shape, 0)), dropped
    stacked = np.stack(extra, -1)
    lost = np.isnan(stacked).any(axis=2) & ~np.isnan(values)
    values = np.where(lost, np.nan, values)
    dropped |= {"covariate missing": int(lost.sum())} if lost.any() else {}
    return values, np.where(np.isnan(values)[:, :, None], 0.0, stacked), dropped
