"""The plan of a study from an event log: typed, frozen, checked as a whole before anything is read."""

from __future__ import annotations

import tomllib
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from panelcoop.errors import PlanError

__all__ = ["StudyPlan", "is_event_study", "read_study_plan"]


class Section(BaseModel):
    """A part of the plan: unknown keys are errors, nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DataSection(Section):
    """Files, relative to the plan."""

    events: str
    regions: str | None = None
    documents: str | None = None
    coverage: str | None = None


class CalendarSection(Section):
    """Step and window."""

    unit: Literal["week", "day"] = "week"
    first: str | None = None
    last: str | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> CalendarSection:
        if (self.first is None) != (self.last is None):
            msg = "first and last go together"
            raise ValueError(msg)
        return self


class MeasureSection(Section):
    """What is measured and which measure is the outcome."""

    outcome: str = "intensity"
    level: str = "province"
    half_life: Annotated[float, Field(gt=0)] = 4.0
    durations: Literal["spread", "start"] = "spread"


class WeightSection(Section):
    """Spatial weights, from places or from a table."""

    kind: Literal["nearest", "distance", "gravity", "mobility", "matrix", "contiguity"] = "nearest"
    table: str
    k: Annotated[int, Field(ge=1)] = 4
    exponent: Annotated[float, Field(ge=0)] = 1.0
    metric: Literal["plane", "sphere"] = "plane"
    mass: str = "population"


class DriverSection(Section):
    """One driver.

    `value`: a column of a table by region and week; `spatial lag`: the same, averaged over partners; `authority`:
    decayed directives by an exposure.
    """

    kind: Literal["value", "spatial lag", "authority"] = "value"
    table: str
    column: str = ""
    lag: Annotated[int, Field(ge=0)] = 1
    half_life: Annotated[float, Field(gt=0)] = 4.0
    exposure: str = ""
    measures: str = ""

    @model_validator(mode="after")
    def _needs_column(self) -> DriverSection:
        if self.kind != "authority" and not self.column:
            msg = f"a driver of kind '{self.kind}' needs its column"
            raise ValueError(msg)
        return self


class StageSection(Section):
    """The stage clock."""

    clock: Literal["table", "change point", "hidden Markov"] = "table"
    table: str = ""
    driver: str = ""
    stages: tuple[str, ...] = ("gestation", "outbreak", "continuation", "recovery")

    @model_validator(mode="after")
    def _needs_source(self) -> StageSection:
        if (self.clock == "table") != bool(self.table) or (self.clock != "table") != bool(self.driver):
            msg = "the clock 'table' needs a table; the others need a driver, and no table"
            raise ValueError(msg)
        return self


class StudyPlan(Section):
    """A study of cooperation from an event log.

    Attributes
    ----------
    title, data, calendar, measures, weights, drivers, empty, stages
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
    weights: WeightSection | None = None
    drivers: dict[str, DriverSection] = {}
    empty: dict[str, str] = {}
    stages: StageSection | None = None
    folder: Path = Path()
    digest: str = ""


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
