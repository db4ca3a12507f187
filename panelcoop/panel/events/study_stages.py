"""The stages of a study, dated by the clock of its plan; never from the outcome or the records it was made from."""

from __future__ import annotations

import pandas as pd

from panelcoop.checks import name_few, nearest
from panelcoop.errors import DataError, PlanError
from panelcoop.panel.clocks.change_points import change_point_clock
from panelcoop.panel.clocks.dates import StageDates
from panelcoop.panel.clocks.epidemic import epidemic_clock
from panelcoop.panel.clocks.hidden_markov import hidden_markov_clock
from panelcoop.panel.clocks.official import official_clock
from panelcoop.panel.clocks.user_table import table_clock
from panelcoop.panel.events.study_grid import Placed, StudyGrid
from panelcoop.panel.events.study_sections import StageSection
from panelcoop.panel.record import Ledger, Panel
from panelcoop.panel.stages import fail_if_dated_from_outcome

__all__ = ["date_study", "dated_column"]


def date_study(grid: StudyGrid, panel: Panel, *, draws: int = 0) -> tuple[StageDates | None, Ledger]:
    """Date the stages by the plan's clock.

    Parameters
    ----------
    grid
        Regions, periods and tables.
    panel
        With the drivers.
    draws
        Date vectors drawn.

    Returns
    -------
    dates, ledger
        None where the plan has no stages; rows of tables that are left out.

    Raises
    ------
    DataError, PlanError
        When a table breaks its contract, or the plan dates stages from the outcome.
    """
    chosen = grid.plan.stages
    if chosen is None:
        return None, Ledger.empty()
    if chosen.clock == "table":
        return _of_table(grid, chosen, draws)
    if chosen.clock == "official":
        table = grid.table(chosen.table)
        dates = official_clock(
            table, grid.periods, mapping=chosen.mapping, last=chosen.last, calendar=grid.calendar, draws=draws
        )
        return dates, Ledger.empty()
    if chosen.clock == "epidemic":
        return _of_cases(grid, panel, chosen, draws)
    _fail_if_no_driver(grid, panel, chosen.driver)
    clock = change_point_clock if chosen.clock == "change point" else hidden_markov_clock
    return clock(panel, chosen.driver, stages=chosen.stages, draws=draws), Ledger.empty()


def _of_table(grid: StudyGrid, chosen: StageSection, draws: int) -> tuple[StageDates, Ledger]:
    table = grid.table(chosen.table)
    found = grid.placed(chosen.table) if "region" in table else Placed(table, Ledger.empty())
    dates = table_clock(found.rows, grid.periods, stages=chosen.stages, calendar=grid.calendar, draws=draws)
    return dates, found.ledger


def _of_cases(grid: StudyGrid, panel: Panel, chosen: StageSection, draws: int) -> tuple[StageDates, Ledger]:
    if grid.calendar.unit != "week":
        msg = "stages.clock: the epidemic clock counts in weeks; use another clock for a panel by day."
        raise PlanError(msg)
    found = grid.by_period(chosen.table, chosen.column, how="sum")
    people = grid.attribute(chosen.population)
    return epidemic_clock(panel, found.rows, population=people, clock=chosen.parameters, draws=draws), found.ledger


def _fail_if_no_driver(grid: StudyGrid, panel: Panel, name: str) -> None:
    """Refuse to date stages from the outcome, its other measures, the policies it measures, or what is no driver."""
    fail_if_dated_from_outcome(name, panel.roles)
    plan = grid.plan
    if name not in plan.drivers:
        hint = nearest(name, plan.drivers)
        msg = f"stages.driver: '{name}' is no driver of the plan{hint}; use {name_few(plan.drivers)}."
        raise PlanError(msg)
    driver = plan.drivers[name]
    source = plan.drivers[driver.of] if driver.of else driver
    if plan.policy and source.table == plan.policy.table and source.column in plan.policy.indices:
        msg = (
            f"Stages must not be dated from '{name}': it is the policy index '{source.column}', which the plan's own "
            "measures are made of. Date them from the epidemic or from published dates."
        )
        raise DataError(msg)


def dated_column(dates: StageDates, panel: Panel) -> tuple[pd.Series, Ledger]:
    """Lay stages out over a panel, and account for the cells without a stage."""
    regions = [str(region) for region in panel.data.index.unique("region")]
    stage = dates.series(regions).reindex(panel.data.index)
    lost = int(stage.isna().sum())
    entry = {"source": "panel", "variable": "stage", "action": "missing", "reason": f"no stage: {dates.note}"}
    return stage, Ledger.of([{**entry, "count": lost}] if lost else [])
