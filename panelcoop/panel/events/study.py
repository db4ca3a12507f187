"""From the plan of an event study to its panel: measures, drivers, stages and weights, with one ledger."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing, name_few, nearest
from panelcoop.errors import DataError, PlanError
from panelcoop.panel.clocks.change_points import change_point_clock
from panelcoop.panel.clocks.dates import StageDates
from panelcoop.panel.clocks.hidden_markov import hidden_markov_clock
from panelcoop.panel.clocks.user_table import table_clock
from panelcoop.panel.events.assemble import assemble_events
from panelcoop.panel.events.drivers import decayed_authority, shift_periods, warn_of_bad_controls
from panelcoop.panel.events.read import read_events
from panelcoop.panel.events.settings import Assembly
from panelcoop.panel.events.study_plan import DriverSection, StudyPlan, WeightSection, read_study_plan
from panelcoop.panel.record import Ledger, Panel, Role, SpatialWeights
from panelcoop.panel.spatial import (
    distance_weights,
    gravity_weights,
    matrix_weights,
    mobility_weights,
    nearest_weights,
    unbalanced_lag,
)
from panelcoop.panel.weeks import Calendar
from panelcoop.panel.weights import contiguity_weights

__all__ = ["assemble_study", "study_stages"]


def assemble_study(plan: StudyPlan | Path | str) -> Panel:
    """Assemble the panel of a study from an event log.

    Parameters
    ----------
    plan
        A plan, or the path of one.

    Returns
    -------
    Panel
        Measures (the planned outcome is the only column of that role), `documents`, drivers, `stage`, weights, and
        slots that the plan leaves empty with the reason.

    Raises
    ------
    PlanError, DataError
        When the plan or a table breaks its contract.
    """
    chosen = plan if isinstance(plan, StudyPlan) else read_study_plan(plan)
    calendar = Calendar(chosen.calendar.unit)
    panel = _measures(chosen, calendar)
    weights = _weights(chosen, panel)
    panel = replace(panel, weights=MappingProxyType({weights.name: weights} if weights else {}))
    panel = _with_drivers(chosen, panel, weights, calendar)
    stages = study_stages(chosen, panel)
    if stages is not None:
        stage = stages.series(list(panel.data.index.unique("region"))).reindex(panel.data.index)
        panel = panel.with_columns({"stage": stage}, {"stage": "stage"})
    return replace(panel, empty_slots=MappingProxyType(dict(chosen.empty)))


def study_stages(plan: StudyPlan, panel: Panel) -> StageDates | None:
    """Date the stages by the plan's clock; None where the plan has none."""
    chosen = plan.stages
    if chosen is None:
        return None
    if chosen.clock == "table":
        table = _table(plan, chosen.table)
        return table_clock(table, _periods(panel), stages=chosen.stages, calendar=Calendar(plan.calendar.unit))
    clock = change_point_clock if chosen.clock == "change point" else hidden_markov_clock
    return clock(panel, chosen.driver, stages=chosen.stages)


def _measures(plan: StudyPlan, calendar: Calendar) -> Panel:
    window = (plan.calendar.first, plan.calendar.last)
    span = None if window[0] is None or window[1] is None else (window[0], window[1])
    regions = None if plan.data.regions is None else plan.folder / plan.data.regions
    log = read_events(plan.folder / plan.data.events, regions=regions, calendar=calendar, window=span)
    measures = plan.measures
    panel = assemble_events(
        log,
        calendar=calendar,
        window=span,
        coverage=_table(plan, plan.data.coverage) if plan.data.coverage else None,
        documents=_table(plan, plan.data.documents) if plan.data.documents else None,
        choices=Assembly(level=measures.level, half_life=measures.half_life, durations=measures.durations),
    )
    if measures.outcome not in panel.data:
        hint = nearest(measures.outcome, list(map(str, panel.data.columns)))
        msg = f"measures.outcome: there is no measure '{measures.outcome}'{hint}."
        raise PlanError(msg)
    roles: dict[str, Role] = {
        name: "other" if role == "outcome" and name != measures.outcome else role for name, role in panel.roles.items()
    }
    return replace(panel, roles=MappingProxyType(roles))


def _weights(plan: StudyPlan, panel: Panel) -> SpatialWeights | None:
    chosen = plan.weights
    if chosen is None:
        return None
    table = _table(plan, chosen.table)
    regions = [str(region) for region in panel.data.index.unique("region")]
    if chosen.kind == "contiguity":
        return contiguity_weights(table, regions)
    if chosen.kind == "mobility":
        return mobility_weights(table, regions)
    fail_if_columns_missing(["region"], table.columns, chosen.table)
    placed = table.assign(region=table["region"].astype(str)).set_index("region")
    absent = [region for region in regions if region not in placed.index]
    if absent:
        msg = f"{chosen.table} has no row for {name_few(absent)}."
        raise DataError(msg)
    return _placed_weights(chosen, placed.loc[regions], regions)


def _placed_weights(chosen: WeightSection, placed: pd.DataFrame, regions: list[str]) -> SpatialWeights:
    if chosen.kind == "matrix":
        fail_if_columns_missing(regions, placed.columns, chosen.table)
        return matrix_weights(placed[regions])
    if chosen.kind == "nearest":
        return nearest_weights(placed, k=chosen.k, metric=chosen.metric)
    if chosen.kind == "distance":
        return distance_weights(placed, exponent=chosen.exponent, metric=chosen.metric)
    fail_if_columns_missing([chosen.mass], placed.columns, chosen.table)
    return gravity_weights(placed, placed[chosen.mass], exponent=chosen.exponent, metric=chosen.metric)


def _with_drivers(plan: StudyPlan, panel: Panel, weights: SpatialWeights | None, calendar: Calendar) -> Panel:
    found: dict[str, pd.Series] = {}
    notes: dict[str, str] = {}
    lost: list[dict[str, object]] = []
    for name, driver in plan.drivers.items():
        values = _driver(plan, panel, driver, weights, calendar)
        moved = panel.with_columns({name: values.reindex(panel.data.index)})
        found[name] = shift_periods(moved, name, driver.lag, calendar=calendar) if driver.lag else moved.data[name]
        lost += _unknown_regions(plan, panel, driver)
        notes[name] = f"{driver.kind} of {driver.column or driver.table}, lagged {driver.lag} {calendar.unit}s"
    warn_of_bad_controls(
        {name: driver.measures for name, driver in plan.drivers.items()},
        {name: driver.lag for name, driver in plan.drivers.items()},
    )
    roles: dict[str, Role] = dict.fromkeys(found, "driver")
    wider = panel.with_columns(found, roles)
    return replace(wider, notes=MappingProxyType({**panel.notes, **notes}), ledger=wider.ledger + Ledger.of(lost))


def _unknown_regions(plan: StudyPlan, panel: Panel, driver: DriverSection) -> list[dict[str, object]]:
    """Count the rows of a driver's table that speak of regions the panel does not have, one entry per region."""
    table = _table(plan, driver.table)
    if "region" not in table:
        return []
    told = table["region"].dropna().astype(str)
    strange = told[~told.isin([str(region) for region in panel.data.index.unique("region")]) & (told != "")]
    return [
        {"source": driver.table, "action": "dropped", "reason": f"region '{region}' is not in the panel", "count": n}
        for region, n in strange.value_counts().sort_index().items()
    ]


def _driver(
    plan: StudyPlan, panel: Panel, driver: DriverSection, weights: SpatialWeights | None, calendar: Calendar
) -> pd.Series:
    """Return the values of one driver before its lag, indexed by (region, week)."""
    table = _table(plan, driver.table)
    regions = [str(region) for region in panel.data.index.unique("region")]
    if driver.kind == "authority":
        exposure = _exposure(panel.regions, driver.exposure) if driver.exposure else None
        wide = decayed_authority(
            table, _periods(panel), regions, exposure=exposure, half_life=driver.half_life, calendar=calendar
        )
        return _long(wide)
    fail_if_columns_missing(["region", "date", driver.column], table.columns, driver.table)
    values = _by_week(table, driver, calendar)
    if driver.kind == "value":
        return values
    if weights is None:
        msg = "A driver of kind 'spatial lag' needs the section [weights]."
        raise PlanError(msg)
    grid = pd.MultiIndex.from_product([weights.regions, _periods(panel)], names=["region", "week"])
    cells = values.reindex(grid).to_numpy(float).reshape(len(weights.regions), -1).T
    return _long(pd.DataFrame(unbalanced_lag(cells, weights), index=_periods(panel), columns=list(weights.regions)))


def _by_week(table: pd.DataFrame, driver: DriverSection, calendar: Calendar) -> pd.Series:
    """Average a column by region and period."""
    days = pd.to_datetime(table["date"], errors="coerce")
    if days.isna().any():
        msg = f"{driver.table} has no date in {int(days.isna().sum())} rows."
        raise DataError(msg)
    keys = [
        table["region"].astype(str).rename("region"),
        pd.Series(calendar.starts(days), index=table.index, name="week"),
    ]
    return _numbers(table[driver.column], driver.table).groupby(keys).mean()


def _exposure(regions: pd.DataFrame, column: str) -> pd.Series:
    fail_if_columns_missing([column], regions.columns, "The region table")
    return _numbers(regions[column], "The region table")


def _numbers(cells: pd.Series, table: str) -> pd.Series:
    """Read a column as numbers; empty cells are missing, any other text is refused."""
    numbers = pd.to_numeric(cells, errors="coerce")
    words = cells.where(cells.astype(str).str.strip() != "")
    bad = np.flatnonzero(words.notna() & ~np.isfinite(numbers))
    if bad.size:
        msg = (
            f"{table}, column '{cells.name}': {name_few(cells.iloc[bad])} in row {name_few(bad + 1)} is not a finite "
            "number; write a number, or leave the cell empty where it is not known."
        )
        raise DataError(msg)
    return numbers


def _long(wide: pd.DataFrame) -> pd.Series:
    index = pd.MultiIndex.from_product([wide.columns, wide.index], names=["region", "week"])
    return pd.Series(wide.to_numpy(float).T.ravel(), index=index)


def _periods(panel: Panel) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(panel.data.index.unique("week"))


def _table(plan: StudyPlan, name: str) -> pd.DataFrame:
    path = plan.folder / name
    try:
        return pd.read_csv(path, dtype={"region": str}, encoding="utf-8-sig")
    except FileNotFoundError as fault:
        msg = f"The plan names {name}, which is not in {plan.folder}."
        raise DataError(msg) from fault
    except (ValueError, pd.errors.ParserError) as fault:
        msg = f"{path} cannot be read as CSV: {fault}."
        raise DataError(msg) from fault
