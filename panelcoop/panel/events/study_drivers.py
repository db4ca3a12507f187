"""The drivers of a study: each kind of the plan from its tables, lagged by the calendar; what is missing, and why."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing, name_few
from panelcoop.errors import DataError, PlanError
from panelcoop.panel.drivers import risk
from panelcoop.panel.events.drivers import decayed_authority, imported_risk, opinion_score
from panelcoop.panel.events.guards import warn_of_bad_controls, warn_of_leads, warn_of_same_documents
from panelcoop.panel.events.study_grid import Placed, StudyGrid
from panelcoop.panel.events.study_sections import DriverSection
from panelcoop.panel.record import Ledger, SpatialWeights
from panelcoop.panel.spatial import mobility_weights, unbalanced_lag
from panelcoop.panel.tables import read_numbers, refuse_repeated
from panelcoop.panel.weights import spatial_lag

__all__ = ["StudyDrivers", "study_drivers"]


@dataclass(frozen=True)
class StudyDrivers:
    """Drivers of a study.

    Attributes
    ----------
    columns
        Values by (region, week), as they enter: lagged.
    notes
        What each is.
    ledger
        Rows left out, and cells that are missing.
    """

    columns: dict[str, pd.Series]
    notes: dict[str, str]
    ledger: Ledger


def study_drivers(grid: StudyGrid, weights: SpatialWeights | None, documents: Collection[str]) -> StudyDrivers:
    """Compute the drivers of the plan.

    Parameters
    ----------
    grid
        Regions, periods and tables.
    weights
        Weights of spatial lags.
    documents
        Ids of the documents that the log was read from.

    Raises
    ------
    DataError, PlanError
        When a table breaks its contract or the plan asks for what cannot be.

    Warns
    -----
    PanelcoopWarning
        Of bad controls, of leads, and of drivers read from the documents of the log.
    """
    sections = grid.plan.drivers
    _warn(grid, documents)
    columns, notes, ledger = {}, {}, Ledger.empty()
    for name, driver in sections.items():
        found = _values(grid, driver, weights, periods=grid.reach(driver.lag))
        columns[name] = grid.long(grid.moved(found.rows, driver.lag))
        notes[name] = _note(driver, grid.calendar.unit)
        ledger += found.ledger + _missing(name, columns[name], notes[name])
    return StudyDrivers(columns, notes, ledger)


def _warn(grid: StudyGrid, documents: Collection[str]) -> None:
    sections = grid.plan.drivers
    kinds = {name: d.measures or ("sentiment" if d.kind == "opinion" else "") for name, d in sections.items()}
    lags = {name: driver.lag for name, driver in sections.items()}
    warn_of_bad_controls(kinds, lags)
    warn_of_leads(lags)
    for name, driver in sections.items():
        if driver.table:
            warn_of_same_documents(documents, grid.documents(driver.table), name=f"the driver '{name}'")


def _values(
    grid: StudyGrid, driver: DriverSection, weights: SpatialWeights | None, *, periods: pd.DatetimeIndex
) -> Placed:
    """Compute a driver before its lag, periods by regions."""
    if driver.kind == "spatial lag":
        base = grid.plan.drivers[driver.of] if driver.of else driver.model_copy(update={"kind": "value"})
        found = _values(grid, base, weights, periods=periods)
        return Placed(_averaged(found.rows, weights), found.ledger)
    makers: dict[str, Callable[[StudyGrid, DriverSection, pd.DatetimeIndex], Placed]] = {
        "value": _value,
        "constant": _constant,
        "risk": _risk,
        "authority": _authority,
        "imported risk": _imported,
        "opinion": _opinion,
    }
    return makers[driver.kind](grid, driver, periods)


def _value(grid: StudyGrid, driver: DriverSection, periods: pd.DatetimeIndex) -> Placed:
    found = grid.by_period(driver.table, driver.column)
    return Placed(found.rows.reindex(periods), found.ledger)


def _constant(grid: StudyGrid, driver: DriverSection, periods: pd.DatetimeIndex) -> Placed:
    if not driver.table:
        values, ledger = grid.attribute(driver.column), Ledger.empty()
    else:
        found = grid.named(driver.table)
        refuse_repeated(found.rows[["region"]], driver.table)
        fail_if_columns_missing([driver.column], found.rows.columns, driver.table)
        values, ledger = read_numbers(found.rows.set_index("region")[driver.column], driver.table), found.ledger
    row = values.reindex(list(grid.regions)).to_numpy(float)
    return Placed(pd.DataFrame(np.tile(row, (len(periods), 1)), index=periods, columns=list(grid.regions)), ledger)


def _risk(grid: StudyGrid, driver: DriverSection, periods: pd.DatetimeIndex) -> Placed:
    found = _cases(grid, driver, periods)
    people = _people(grid, driver.population)
    return Placed(risk(found.rows, people, driver.per), found.ledger)


def _authority(grid: StudyGrid, driver: DriverSection, periods: pd.DatetimeIndex) -> Placed:
    table = grid.table(driver.table)
    found = grid.placed(driver.table) if "region" in table else Placed(table, Ledger.empty())
    wide = decayed_authority(
        found.rows,
        periods,
        list(grid.regions),
        exposure=grid.attribute(driver.exposure) if driver.exposure else None,
        half_life=driver.half_life,
        calendar=grid.calendar,
    )
    return Placed(wide, found.ledger)


def _imported(grid: StudyGrid, driver: DriverSection, periods: pd.DatetimeIndex) -> Placed:
    """Measure imported risk, dated by the incidence it comes from: its lag is the driver's own."""
    longer = grid.calendar.range(periods[0], periods[-1] + grid.calendar.step)
    cases = _cases(grid, driver, longer)
    people = _people(grid, driver.population)
    flows = grid.placed(driver.flows, "source", "target")
    moves = mobility_weights(
        flows.rows, grid.regions, base=driver.base, begins=grid.periods[0], row_standardised=False
    ).frame()
    later = imported_risk(cases.rows / people * driver.per, moves.T, people, lag=1)
    return Placed(later.iloc[1:].set_axis(periods, axis=0), cases.ledger + flows.ledger)


def _opinion(grid: StudyGrid, driver: DriverSection, periods: pd.DatetimeIndex) -> Placed:
    year = int(driver.base_year or 0)
    if year >= grid.periods[0].isocalendar().year:
        msg = f"The base year {year} of opinion must lie before the study, which begins on {grid.periods[0].date()}."
        raise PlanError(msg)
    volume = grid.by_period(driver.table, driver.column)
    iso = pd.DatetimeIndex(volume.rows.index).isocalendar()
    wanted = (iso["year"] == year).to_numpy(bool) | volume.rows.index.isin(periods)
    share = grid.by_period(driver.table, driver.negative).rows[wanted] if driver.negative else None
    return Placed(opinion_score(volume.rows[wanted], year, negative_share=share).reindex(periods), volume.ledger)


def _cases(grid: StudyGrid, driver: DriverSection, periods: pd.DatetimeIndex) -> Placed:
    """Add up new cases by period; negative counts are refused."""
    found = grid.by_period(driver.table, driver.column, how="sum")
    low = (found.rows < 0).any(axis=1)
    if low.any():
        msg = f"{driver.table}, column '{driver.column}': fewer than zero cases in {name_few(found.rows.index[low])}."
        raise DataError(msg)
    return Placed(found.rows.reindex(periods), found.ledger)


def _people(grid: StudyGrid, column: str) -> pd.Series:
    people = grid.attribute(column)
    if not (people > 0).all():
        absent = name_few(people[~(people > 0)].index)
        msg = f"The region table, column '{column}': no population above zero for {absent}; fill it in."
        raise DataError(msg)
    return people


def _averaged(wide: pd.DataFrame, weights: SpatialWeights | None) -> pd.DataFrame:
    """Average over the partners observed; without standardised rows add up over partners, all of them observed."""
    if weights is None:
        msg = "A driver of kind 'spatial lag' needs the section [weights]."
        raise PlanError(msg)
    cells = wide.to_numpy(float)
    lag = unbalanced_lag(cells, weights) if weights.row_standardised else spatial_lag(cells, weights.matrix)
    return pd.DataFrame(lag, index=wide.index, columns=wide.columns)


def _note(driver: DriverSection, unit: str) -> str:
    what = driver.of or driver.column or driver.table
    step = f"{abs(driver.lag)} {unit}{'' if abs(driver.lag) == 1 else 's'}"
    return f"{driver.kind} of {what}, " + (f"lagged {step}" if driver.lag >= 0 else f"{step} ahead")


def _missing(name: str, values: pd.Series, note: str) -> Ledger:
    """Account for the cells of a driver that have no value."""
    entry = {"source": "panel", "variable": name, "action": "missing", "reason": f"no value: {note}"}
    count = int(values.isna().sum())
    return Ledger.of([{**entry, "count": count}] if count else [])
