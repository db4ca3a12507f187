"""The sections of the plan that make the panel: data, outcomes, drivers, stages, weights."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from panelcoop.panel.stages import Stage
from panelcoop.panel.weeks import parse_week

__all__ = [
    "AuthorityPlan",
    "CounterpartPlan",
    "DataPlan",
    "DriverPlan",
    "EpidemicClock",
    "Measure",
    "OutcomePlan",
    "PolicyIndex",
    "Section",
    "StagePlan",
    "Week",
    "WeightPlan",
    "WhitePaperClock",
]

PolicyIndex: TypeAlias = Literal["stringency", "containment_health", "government_response", "economic_support"]
"""The four indices of the Oxford government response tracker."""

Measure: TypeAlias = Literal["joint_response", "policy_overlap", "alignment", "policy_synchrony", "co_movement"]
"""What is computed from an index and the spatial weights."""

WhitePaperStage: TypeAlias = Literal["I", "II", "III", "IV", "V"]


def _existing_week(label: str) -> str:
    parse_week(label)
    return label


Week: TypeAlias = Annotated[str, AfterValidator(_existing_week)]


class Section(BaseModel):
    """A part of the plan: frozen, and no key may be misspelt."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class DataPlan(Section):
    """Which data, weeks and regions."""

    folder: str = "data"
    """Folder of the weekly figures, relative to the plan's file."""
    first_week: Week = "2020-W01"
    """First ISO week of the panel."""
    last_week: Week = "2022-W52"
    """Last ISO week of the panel."""
    regions: Literal["all"] | tuple[str, ...] = "all"
    """Every region of the region table, or a list of codes."""
    early_cases: bool = True
    """Whether the early counts fill region-weeks that the main case source does not cover."""

    @model_validator(mode="after")
    def _weeks_in_order(self) -> DataPlan:
        if parse_week(self.last_week) < parse_week(self.first_week):
            msg = f"last_week {self.last_week} lies before first_week {self.first_week}"
            raise ValueError(msg)
        return self


class CounterpartPlan(Section):
    """When counterpart support is counted as under way."""

    last_week: Week = "2020-W17"
    """Last week of the donor dummy (no single end was announced; default: the white paper's stage IV ends)."""


class OutcomePlan(Section):
    """Which measures of coordinated policy are computed, and which is the main outcome."""

    main: str = "joint_response_containment_health"
    """Column of the main outcome, fixed before the data are seen."""
    indices: tuple[PolicyIndex, ...] = Field(
        default=("containment_health", "stringency", "government_response", "economic_support"), min_length=1
    )
    """Policy indices to compute the measures of."""
    measures: tuple[Measure, ...] = Field(
        default=("joint_response", "policy_overlap", "alignment", "policy_synchrony", "co_movement"), min_length=1
    )
    """Measures to compute."""
    weights: Literal["contiguity"] = "contiguity"
    """Weights that say who is a partner."""
    synchrony_change: float = Field(default=5.0, gt=0)
    """Smallest weekly change of an index (points of 100) that counts as a policy change."""
    synchrony_bandwidth: float = Field(default=2.0, gt=0)
    """Bandwidth b of exp(-|gap|/b), in weeks."""
    synchrony_window: int = Field(default=8, ge=1)
    """Own changes of the last so many weeks are averaged."""
    comovement_window: int = Field(default=13, ge=3)
    """Length of the rolling correlation, in weeks."""
    counterpart: CounterpartPlan = CounterpartPlan()


class AuthorityPlan(Section):
    """How declared response levels become a signal of vertical authority."""

    half_life: float = Field(default=4.0, gt=0)
    """Weeks after which the signal of a declaration has halved."""
    source_ends: Week = "2020-W31"
    """Last week the record of declarations covers; later weeks are missing unless carried."""
    partial: Literal["count", "ignore"] = "count"
    """Whether a level declared for a part of a province counts."""
    after_source: Literal["missing", "carry"] = "missing"
    """What becomes of weeks after the record ends: missing, or the last level carried on (decaying)."""


class DriverPlan(Section):
    """How drivers are measured."""

    lag: int = Field(default=1, ge=1)
    """Weeks by which every time-varying driver is lagged (at least one)."""
    risk_per: float = Field(default=1e6, gt=0)
    """Persons that incidence is counted per."""
    spread_weights: Literal["contiguity"] = "contiguity"
    """Weights of the spatial lag of risk."""
    vertical_authority: AuthorityPlan = AuthorityPlan()
    local_profit: tuple[Literal["fiscal_self_sufficiency", "product_per_head", "tertiary_share"], ...] = (
        "fiscal_self_sufficiency",
        "product_per_head",
        "tertiary_share",
    )
    """Time-invariant measures of local interest, standardised over regions."""
    empty: dict[str, str] = {
        "public_opinion": "no openly licensed search or post volume by province and week is known to us",
        "national_directives": "no open record of directives by week is shipped; week effects absorb a national count",
    }
    """Slots that stay empty, with the reason: every output says so."""


class WhitePaperClock(Section):
    """The national clock of the State Council white paper (June 2020)."""

    last_week: Week = "2020-W53"
    """Stage V has no official end; weeks after this one have no stage (default: the end of 2020)."""


class EpidemicClock(Section):
    """The region- and episode-specific clock; counts hold imported cases too, so a baseline is taken off."""

    gestation_weeks: int = Field(default=2, ge=0)
    """Weeks of gestation before the first local case."""
    growth_weeks: int = Field(default=1, ge=1)
    """Weeks of non-positive growth after the peak that end the outbreak."""
    quiet_weeks: int = Field(default=2, ge=1)
    """Weeks in a row without a local case that end the continuation."""
    onset_cases: int = Field(default=5, ge=0)
    """New cases a week, above the imported baseline, up to which a week counts as without a local case."""
    baseline_weeks: int = Field(default=8, ge=2)
    """Quiet weeks before an onset whose median is the imported baseline; so many steady weeks are a new baseline."""
    baseline_ratio: float = Field(default=2.0, ge=1)
    """The baseline is multiplied by this before `onset_cases` is added."""
    minimum_size: float = Field(default=1.0, ge=0)
    """Cases above the baseline, per million persons, that an episode must reach to count as an outbreak at all."""
    trough_share: float = Field(default=0.1, ge=0, lt=1)
    """An episode is split where incidence falls to this share of the lower of the peaks on both sides."""
    national_regions: int = Field(default=3, ge=1)
    """Regions in their outbreak stage that make a week part of a national outbreak (for figures)."""
    national_weeks: int = Field(default=3, ge=1)
    """Weeks in a row that a national outbreak lasts at least (for figures)."""


class StagePlan(Section):
    """Which clock dates the stages, and how its phases map to four stages."""

    clock: Literal["epidemic", "white_paper"] = "epidemic"
    """The clock of the column `stage`; both clocks are always in the panel."""
    mapping: dict[Stage, tuple[WhitePaperStage, ...]] = {
        "gestation": ("I",),
        "outbreak": ("II",),
        "continuation": ("III", "IV"),
        "recovery": ("V",),
    }
    """White-paper stages that make each stage."""
    alternative_mapping: dict[Stage, tuple[WhitePaperStage, ...]] = {
        "gestation": ("I",),
        "outbreak": ("II", "III"),
        "continuation": ("IV",),
        "recovery": ("V",),
    }
    """The mapping of the multiverse's other branch."""
    white_paper: WhitePaperClock = WhitePaperClock()
    epidemic: EpidemicClock = EpidemicClock()

    @field_validator("mapping", "alternative_mapping")
    @classmethod
    def _each_once(cls, mapping: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        used = [phase for phases in mapping.values() for phase in phases]
        twice = sorted({phase for phase in used if used.count(phase) > 1})
        if twice:
            msg = f"white-paper stage {', '.join(twice)} is mapped twice; give each stage one place"
            raise ValueError(msg)
        return mapping


class WeightPlan(Section):
    """Who is whose partner."""

    joined: tuple[tuple[str, str], ...] = (("CN-HI", "CN-GD"),)
    """Pairs joined by decision: Hainan has no land neighbour, Guangdong is 20 km across the strait."""
