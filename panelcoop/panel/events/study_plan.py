"""The plan of a study from an event log: typed, frozen, checked as a whole before anything is read."""

from __future__ import annotations

import tomllib
from hashlib import sha256
from pathlib import Path

from pydantic import Field, ValidationError, model_validator

from panelcoop.checks import name_few, nearest
from panelcoop.errors import PlanError
from panelcoop.panel.events.study_sections import (
    CalendarSection,
    DataSection,
    DriverSection,
    MeasureSection,
    PolicySection,
    Section,
    StageSection,
    WeightSection,
)
from panelcoop.panel.measures.names import observes_outcome

__all__ = ["StudyPlan", "is_event_study", "read_study_plan"]

RESERVED = ("documents", "stage")
"""Columns that the panel has besides measures and drivers."""


class StudyPlan(Section):
    """A study of cooperation from an event log.

    Attributes
    ----------
    title, data, calendar, measures, policy, weights, drivers, empty, stages
        Sections of the plan; `empty` names drivers without data and why.
    folder
        Folder of the plan: files are relative to it.
    digest
        SHA-256 of the plan's text.
    """

    title: str
    data: DataSection
    calendar: CalendarSection = CalendarSection()
    measures: MeasureSection = MeasureSection()
    policy: PolicySection | None = None
    weights: WeightSection | None = None
    drivers: dict[str, DriverSection] = Field(default_factory=dict)
    empty: dict[str, str] = Field(default_factory=dict)
    stages: StageSection | None = None
    folder: Path = Path()
    digest: str = ""

    @model_validator(mode="after")
    def _names_fit(self) -> StudyPlan:
        indices = self.policy.indices if self.policy else ()
        taken = [name for name in (*self.drivers, *indices) if observes_outcome(name) or name in RESERVED]
        taken += [name for name in self.drivers if name in indices]
        if taken:
            msg = f"a driver or index must not have the name of a measure or of another column: {name_few(taken)}"
            raise ValueError(msg)
        for name, driver in self.drivers.items():
            if driver.of and (driver.of not in self.drivers or self.drivers[driver.of].of):
                hint = nearest(driver.of, [other for other in self.drivers if other != name])
                msg = f"driver '{name}' averages '{driver.of}' over partners, which is no other driver{hint}"
                raise ValueError(msg)
        if self.weights is None and (self.policy or any(d.kind == "spatial lag" for d in self.drivers.values())):
            msg = "a driver of kind 'spatial lag' and measures of policy need the section [weights]"
            raise ValueError(msg)
        return self


def is_event_study(path: Path | str) -> bool:
    """Tell whether a plan is of a study from an event log: its section [data] names events."""
    data = _content(Path(path)).get("data", {})
    return isinstance(data, dict) and "events" in data


def read_study_plan(path: Path | str) -> StudyPlan:
    """Read the plan of a study from an event log.

    Parameters
    ----------
    path
        TOML file.

    Raises
    ------
    PlanError
        When the file cannot be read, or a key is unknown, missing or of the wrong kind: each is named.
    """
    content = _content(Path(path))
    for reserved in ("folder", "digest"):
        if reserved in content:
            msg = f"{path}: '{reserved}' is not a key of the plan."
            raise PlanError(msg)
    digest = sha256(Path(path).read_bytes()).hexdigest()
    try:
        return StudyPlan(**content, folder=Path(path).parent, digest=digest)
    except ValidationError as fault:
        lines = [f"  {'.'.join(map(str, e['loc'])) or 'plan'}: {e['msg']}" for e in fault.errors(include_url=False)]
        msg = f"{path} is not a valid plan:\n" + "\n".join(lines)
        raise PlanError(msg) from fault
    except TypeError as fault:
        msg = f"{path} is not a valid plan: {fault}."
        raise PlanError(msg) from fault


def _content(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as fault:
        msg = f"There is no plan {path}."
        raise PlanError(msg) from fault
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        msg = f"The plan {path} cannot be read: {fault}."
        raise PlanError(msg) from fault
