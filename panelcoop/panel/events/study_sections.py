"""Sections of the plan of an event study: typed and frozen; what a kind does not use is refused, never ignored."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from panelcoop.panel.measures.names import POLICY_MEASURES, SLICED_MEASURES, PolicyName
from panelcoop.panel.measures.slices import DEFAULT_SLICES, slice_names
from panelcoop.panel.plan_measures import EpidemicClock

__all__ = [
    "CLOCK_KEYS",
    "DRIVER_KEYS",
    "WEIGHT_KEYS",
    "CalendarSection",
    "DataSection",
    "DriverSection",
    "MeasureSection",
    "PolicySection",
    "Section",
    "StageSection",
    "WeightSection",
]


class Section(BaseModel):
    """A part of the plan: unknown keys are errors, nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def _fail_if_keys_do_not_fit(self, kind: str, needed: tuple[str, ...], optional: tuple[str, ...]) -> None:
        """Refuse a kind whose keys are missing, or that has keys of another kind."""
        missing = [f"'{key}'" for key in needed if not getattr(self, key)]
        extra = [f"'{key}'" for key in sorted(self.model_fields_set) if key not in {*needed, *optional}]
        faults = [f"needs {', '.join(missing)}"] if missing else []
        faults += [f"does not use {', '.join(extra)}"] if extra else []
        if faults:
            msg = f"{kind} {' and '.join(faults)}"
            raise ValueError(msg)


class DataSection(Section):
    """Files, relative to the plan."""

    events: str
    encoding: str = "utf-8"
    regions: str | None = None
    code_changes: str | None = None
    documents: str | None = None
    coverage: str | None = None

    @model_validator(mode="after")
    def _changes_of_regions(self) -> DataSection:
        if self.code_changes is not None and self.regions is None:
            msg = "code_changes needs regions"
            raise ValueError(msg)
        return self


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
    """What is measured and which measure is the outcome.

    `slices`: mechanisms, contents, layers and crossings whose intensity is measured apart; `by_slice`: further measures
    taken apart for each of them, or "all".
    """

    outcome: str = "intensity"
    level: str = "province"
    centre: str | None = None
    half_life: Annotated[float, Field(gt=0)] = 4.0
    durations: Literal["spread", "start"] = "spread"
    slices: tuple[dict[str, str], ...] = tuple(dict(one) for one in DEFAULT_SLICES)
    by_slice: tuple[str, ...] | Literal["all"] = ()

    @model_validator(mode="after")
    def _known(self) -> MeasureSection:
        slice_names(self.slices)
        unknown = [name for name in self.by_slice if name not in SLICED_MEASURES] if self.by_slice != "all" else []
        if unknown:
            msg = f'by_slice holds {", ".join(unknown)}; use {", ".join(SLICED_MEASURES)}, or "all"'
            raise ValueError(msg)
        return self


class PolicySection(Section):
    """Measures of policy indices among partners: `<measure>_<index>`, and the indices themselves."""

    table: str
    indices: tuple[str, ...]
    measures: tuple[PolicyName, ...] = POLICY_MEASURES
    smallest: Annotated[float, Field(gt=0)] = 5.0
    bandwidth: Annotated[float, Field(gt=0)] = 2.0
    window: Annotated[int, Field(ge=1)] = 8
    comovement_window: Annotated[int, Field(ge=3)] = 13


class WeightSection(Section):
    """Spatial weights, from places or from a table."""

    kind: Literal["nearest", "distance", "gravity", "mobility", "matrix", "contiguity"] = "nearest"
    table: str
    k: Annotated[int, Field(ge=1)] = 4
    exponent: Annotated[float, Field(ge=0)] = 1.0
    metric: Literal["plane", "sphere"] = "plane"
    mass: str = "population"
    base: tuple[str, str] | None = None
    row_standardised: bool = True

    @model_validator(mode="after")
    def _keys_fit(self) -> WeightSection:
        needed = ("base",) if self.kind == "mobility" else ()
        optional = ("kind", "table", "row_standardised", *WEIGHT_KEYS[self.kind])
        self._fail_if_keys_do_not_fit(f"weights of kind '{self.kind}'", needed, optional)
        return self


WEIGHT_KEYS: dict[str, tuple[str, ...]] = {
    "nearest": ("k", "metric"),
    "distance": ("exponent", "metric"),
    "gravity": ("exponent", "metric", "mass"),
    "mobility": ("base",),
    "matrix": (),
    "contiguity": (),
}


class DriverSection(Section):
    """One driver.

    `value`: a column of a table by region and date; `constant`: a column of the region table, or of a table by region;
    `risk`: log(1 + new cases per `per` persons); `spatial lag`: a column, or another driver (`of`), averaged over
    partners; `authority`: decayed directives by an exposure; `imported risk`: incidence at the origins of travellers of
    a base period; `opinion`: volume, or `negative` share times volume, standardised on the weeks of a base year.
    """

    kind: Literal["value", "constant", "risk", "spatial lag", "authority", "imported risk", "opinion"] = "value"
    table: str = ""
    column: str = ""
    lag: int = 1
    of: str = ""
    half_life: Annotated[float, Field(gt=0)] = 4.0
    exposure: str = ""
    population: str = "population"
    per: Annotated[float, Field(gt=0)] = 1e6
    flows: str = ""
    base: tuple[str, str] | None = None
    base_year: int | None = None
    negative: str = ""
    measures: Literal["", "other", "mobility", "response level", "sentiment"] = ""

    @model_validator(mode="after")
    def _keys_fit(self) -> DriverSection:
        needed, optional = DRIVER_KEYS[self.kind]
        if self.kind == "spatial lag" and self.of:
            needed, optional = ("of",), ()
        self._fail_if_keys_do_not_fit(f"a driver of kind '{self.kind}'", needed, ("kind", "lag", "measures", *optional))
        if self.kind == "imported risk" and self.lag < 1:
            msg = "imported risk needs a lag of one period or more"
            raise ValueError(msg)
        return self


DRIVER_KEYS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "value": (("table", "column"), ()),
    "constant": (("column",), ("table",)),
    "risk": (("table", "column"), ("population", "per")),
    "spatial lag": (("table", "column"), ("of",)),
    "authority": (("table",), ("half_life", "exposure")),
    "imported risk": (("table", "column", "flows", "base"), ("population", "per")),
    "opinion": (("table", "column", "base_year"), ("negative",)),
}
"""What each kind of driver needs, and what it may have."""


class StageSection(Section):
    """The stage clock.

    `table`: stages with their first days; `official`: announced phases, mapped to stages; `epidemic`: each region's own
    cases; `change point` and `hidden Markov`: a driver of the plan.
    """

    clock: Literal["table", "official", "epidemic", "change point", "hidden Markov"] = "table"
    table: str = ""
    driver: str = ""
    stages: tuple[str, ...] = ("gestation", "outbreak", "continuation", "recovery")
    mapping: dict[str, tuple[str, ...]] = {}
    last: str | None = None
    column: str = ""
    population: str = "population"
    parameters: EpidemicClock = EpidemicClock()

    @model_validator(mode="after")
    def _keys_fit(self) -> StageSection:
        needed, optional = CLOCK_KEYS[self.clock]
        self._fail_if_keys_do_not_fit(f"the clock '{self.clock}'", needed, ("clock", *optional))
        return self


CLOCK_KEYS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "table": (("table",), ("stages",)),
    "official": (("table", "mapping"), ("last",)),
    "epidemic": (("table", "column"), ("population", "parameters")),
    "change point": (("driver",), ("stages",)),
    "hidden Markov": (("driver",), ("stages",)),
}
"""What each clock needs, and what it may have."""
