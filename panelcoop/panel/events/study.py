"""From the plan of an event study to its panel: measures, drivers, stages and weights, with one ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from panelcoop.checks import nearest
from panelcoop.errors import DataError, PlanError
from panelcoop.panel.clocks.dates import StageDates
from panelcoop.panel.events.assemble import assemble_events
from panelcoop.panel.events.log import EventLog
from panelcoop.panel.events.read import RegionsLike, as_regions, read_events, with_code_changes
from panelcoop.panel.events.settings import Assembly
from panelcoop.panel.events.study_drivers import study_drivers
from panelcoop.panel.events.study_grid import StudyGrid
from panelcoop.panel.events.study_plan import StudyPlan, read_study_plan
from panelcoop.panel.events.study_stages import date_study, dated_column
from panelcoop.panel.events.study_weights import study_policy, study_weights
from panelcoop.panel.record import Ledger, Panel, Role
from panelcoop.panel.regions import RegionSystem
from panelcoop.panel.tables import read_table
from panelcoop.panel.weeks import Calendar

__all__ = ["assemble_study", "read_study_log", "study_choices", "study_stages"]


def assemble_study(plan: StudyPlan | Path | str) -> Panel:
    """Assemble the panel of a study from an event log.

    Parameters
    ----------
    plan
        A plan, or the path of one.

    Returns
    -------
    Panel
        Measures (the planned outcome is the only column of that role), `documents`, measures of policy, drivers,
        `stage`, weights, and slots that the plan leaves empty with the reason.

    Raises
    ------
    PlanError, DataError
        When the plan or a table breaks its contract.

    Warns
    -----
    PanelcoopWarning
        Of bad controls, of drivers from the future, of drivers read from the same documents as the log.
    """
    chosen = plan if isinstance(plan, StudyPlan) else read_study_plan(plan)
    log = read_study_log(chosen)
    panel = _measures(chosen, log)
    grid = _grid(chosen, panel)
    weights, lost = study_weights(grid)
    policy = study_policy(grid, weights)
    panel = _wider(panel, policy.columns, policy.notes, lost + policy.ledger, role="other")
    panel = _with_outcome(chosen, panel)
    panel = replace(panel, weights=MappingProxyType({weights.name: weights} if weights else {}))
    drivers = study_drivers(grid, weights, set(log.events["document"]))
    panel = _wider(panel, drivers.columns, drivers.notes, drivers.ledger, role="driver")
    dates, lost = date_study(grid, panel)
    if dates is not None:
        stage, undated = dated_column(dates, panel)
        panel = _wider(panel, {"stage": stage}, {"stage": f"{dates.clock}: {dates.note}"}, lost + undated, role="stage")
    return replace(panel, empty_slots=MappingProxyType(dict(chosen.empty)))


def study_stages(plan: StudyPlan | Path | str, panel: Panel, *, draws: int = 199) -> StageDates | None:
    """Date the stages by the plan's clock; None where the plan has none.

    Parameters
    ----------
    plan
        A plan, or the path of one.
    panel
        The panel of that plan.
    draws
        Plausible date vectors drawn, for ``stage_date_uncertainty``.
    """
    chosen = plan if isinstance(plan, StudyPlan) else read_study_plan(plan)
    return date_study(_grid(chosen, panel), panel, draws=draws)[0]


def read_study_log(plan: StudyPlan | Path | str) -> EventLog:
    """Read the log of a study with the regions, the calendar and the window of its plan."""
    chosen = plan if isinstance(plan, StudyPlan) else read_study_plan(plan)
    data, folder = chosen.data, chosen.folder
    regions: RegionsLike | None = None if data.regions is None else folder / data.regions
    if regions is not None and data.code_changes is not None:
        regions = with_code_changes(regions, folder / data.code_changes, encoding=data.encoding)
    return read_events(
        folder / data.events,
        regions=regions,
        calendar=Calendar(chosen.calendar.unit),
        window=_window(chosen),
        encoding=data.encoding,
    )


def study_choices(plan: StudyPlan) -> Assembly:
    """Return what the plan chooses of an assembly."""
    measures = plan.measures
    return Assembly(
        level=measures.level,
        centre=measures.centre,
        slices=measures.slices,
        by_slice=measures.by_slice,
        half_life=measures.half_life,
        durations=measures.durations,
    )


def _measures(plan: StudyPlan, log: EventLog) -> Panel:
    return assemble_events(
        log,
        calendar=Calendar(plan.calendar.unit),
        window=_window(plan),
        coverage=_table(plan, plan.data.coverage),
        documents=_table(plan, plan.data.documents),
        choices=study_choices(plan),
    )


def _with_outcome(plan: StudyPlan, panel: Panel) -> Panel:
    """Leave the role of the outcome to the planned one."""
    outcome = plan.measures.outcome
    if outcome not in panel.data or panel.roles.get(outcome) == "offset":
        hint = nearest(outcome, list(map(str, panel.data.columns)))
        msg = f"measures.outcome: there is no measure '{outcome}'{hint}; measures.by_slice asks for more of them."
        raise PlanError(msg)
    others: dict[str, Role] = {name: "other" for name, role in panel.roles.items() if role == "outcome"}
    return replace(panel, roles=MappingProxyType({**panel.roles, **others, outcome: "outcome"}))


def _wider(
    panel: Panel, columns: Mapping[str, pd.Series], notes: Mapping[str, str], ledger: Ledger, *, role: Role
) -> Panel:
    placed = {name: values.reindex(panel.data.index) for name, values in columns.items()}
    wider = panel.with_columns(placed, dict.fromkeys(columns, role))
    return replace(wider, notes=MappingProxyType({**panel.notes, **notes}), ledger=panel.ledger + ledger)


def _system(plan: StudyPlan) -> RegionSystem | None:
    data = plan.data
    return None if data.regions is None else as_regions(plan.folder / data.regions, encoding=data.encoding)


def _grid(plan: StudyPlan, panel: Panel) -> StudyGrid:
    return StudyGrid(
        plan=plan,
        calendar=Calendar(plan.calendar.unit),
        system=_system(plan),
        regions=tuple(str(region) for region in panel.data.index.unique("region")),
        periods=pd.DatetimeIndex(panel.data.index.unique("week")),
    )


def _window(plan: StudyPlan) -> tuple[str, str] | None:
    first, last = plan.calendar.first, plan.calendar.last
    return None if first is None or last is None else (first, last)


def _table(plan: StudyPlan, name: str | None) -> pd.DataFrame | None:
    if name is None:
        return None
    path = plan.folder / name
    if not path.is_file():
        msg = f"The plan names {name}, which is not in {plan.folder}."
        raise DataError(msg)
    return read_table(path)
