"""study.toml as typed, frozen settings: the machine-readable pre-analysis plan."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationError

from panelcoop.errors import PlanError
from panelcoop.panel.plan_analysis import EventPlan, InferencePlan, ModelPlan, MultiversePlan, SeedPlan, WavePlan
from panelcoop.panel.plan_errors import explain
from panelcoop.panel.plan_measures import DataPlan, DriverPlan, OutcomePlan, Section, StagePlan, WeightPlan
from panelcoop.panel.weeks import week_range

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Plan", "change_plan", "plan_from_mapping", "read_plan"]


class Plan(Section):
    """What a study fixed before it saw its data.

    Notes
    -----
    Every key has a default, so an empty plan is the shipped study; a key that does not exist is an error. Two plans
    with the same content have the same hash, wherever their files stand and in whatever order their keys are written.

    Examples
    --------
    >>> plan = plan_from_mapping({"stages": {"clock": "white_paper"}})
    >>> plan.stages.clock, plan.drivers.lag, len(plan.weeks), len(plan.hash)
    ('white_paper', 1, 157, 64)
    """

    title: str = "Does inter-government cooperation advance in waves?"
    data: DataPlan = DataPlan()
    outcomes: OutcomePlan = OutcomePlan()
    drivers: DriverPlan = DriverPlan()
    stages: StagePlan = StagePlan()
    weights: WeightPlan = WeightPlan()
    model: ModelPlan = ModelPlan()
    companions: tuple[ModelPlan, ...] = ()
    inference: InferencePlan = InferencePlan()
    waves: WavePlan = WavePlan()
    events: EventPlan = EventPlan()
    multiverse: MultiversePlan = MultiversePlan()
    seeds: SeedPlan = SeedPlan()
    origin: Path | None = Field(default=None, exclude=True, repr=False)
    """File the plan was read from; no part of its content or hash."""

    @property
    def weeks(self) -> pd.DatetimeIndex:
        """Mondays of the panel's weeks."""
        return week_range(self.data.first_week, self.data.last_week)

    @property
    def folder(self) -> Path:
        """Folder of the data, found from the plan's own place."""
        base = self.origin.parent if self.origin is not None else Path.cwd()
        return base / self.data.folder

    @property
    def hash(self) -> str:
        """SHA-256 of the plan's content in canonical form (sorted keys, defaults filled in)."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def read_plan(path: Path | str = "study.toml") -> Plan:
    """Read a plan from its file.

    Parameters
    ----------
    path
        A TOML file such as ``study.toml``.

    Returns
    -------
    Plan
        Frozen settings; ``plan.hash`` identifies the content, ``plan.origin`` is the file.

    Raises
    ------
    PlanError
        If the file is absent or no TOML, a key is unknown, or a value cannot be: the message names
        the key, what was found and what is allowed.
    """
    file = Path(path)
    if not file.is_file():
        msg = f"There is no plan at '{file}'; name a TOML file such as study.toml."
        raise PlanError(msg)
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        msg = f"{file} is no valid TOML: {fault}."
        raise PlanError(msg) from fault
    return plan_from_mapping(content, origin=file.resolve())


def plan_from_mapping(content: Mapping[str, Any], *, origin: Path | None = None) -> Plan:
    """Make a plan from nested mappings, as TOML would give them.

    Parameters
    ----------
    content
        Sections and keys; what is left out takes its default.
    origin
        File the content came from: errors name it, and the data folder is found from its place.

    Returns
    -------
    Plan

    Raises
    ------
    PlanError
        See `read_plan`.

    Examples
    --------
    >>> plan_from_mapping({"drivers": {"lagg": 2}})
    Traceback (most recent call last):
    ...
    panelcoop.errors.PlanError: The plan, drivers.lagg: unknown key (did you mean 'lag'?); found 2. Allowed: ...
    """
    where = origin.name if origin is not None else "The plan"
    try:
        return Plan.model_validate({**content, **_origin_of(content, origin)})
    except ValidationError as fault:
        raise PlanError(explain(fault, Plan, where)) from None


def change_plan(plan: Plan, changes: Mapping[str, Any]) -> Plan:
    """Return a plan with some keys changed, checked again.

    Parameters
    ----------
    plan
        The plan to start from.
    changes
        New values by dotted key, such as ``{"stages.clock": "white_paper"}``.

    Returns
    -------
    Plan

    Raises
    ------
    PlanError
        See `read_plan`.

    Examples
    --------
    >>> change_plan(plan_from_mapping({}), {"drivers.lag": 2}).drivers.lag
    2
    """
    content = plan.model_dump(mode="json")
    for key, value in changes.items():
        *sections, last = key.split(".")
        place = content
        for section in sections:
            place = place.setdefault(section, {})
        place[last] = value
    return plan_from_mapping(content, origin=plan.origin)


def _origin_of(content: Mapping[str, Any], origin: Path | None) -> dict[str, Path]:
    if "origin" in content:
        raise PlanError("The plan, origin: unknown key; a plan does not name its own file.")
    return {} if origin is None else {"origin": origin}
