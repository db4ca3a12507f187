"""The sections of the plan that judge the panel: models, inference, waves, event studies, robustness."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

from pydantic import Field

from panelcoop.options import Effects
from panelcoop.panel.plan_measures import Measure, PolicyIndex, Section, Week
from panelcoop.panel.stages import Stage

__all__ = ["EventPlan", "InferenceMethod", "InferencePlan", "ModelPlan", "MultiversePlan", "SeedPlan", "WavePlan"]

InferenceMethod: TypeAlias = Literal[
    "dwb",
    "crv1",
    "crv2",
    "crv3",
    "two-way",
    "newey-west",
    "driscoll-kraay",
    "conley",
    "wcr",
    "wcr-two-way",
    "randomisation",
]
"""Ways to a standard error or a p-value; the first of the plan is the one the text reports."""


class ModelPlan(Section):
    """A stage-interaction regression."""

    name: str = "main"
    """What the model is called in tables."""
    outcome: str = "joint_response_containment_health"
    """Column of the outcome."""
    drivers: tuple[str, ...] = Field(default=("own_risk", "spread_risk", "fiscal_self_sufficiency"), min_length=1)
    """Columns of the drivers (already lagged)."""
    controls: tuple[str, ...] = ()
    """Columns that enter without stage interaction."""
    stage: Literal["stage", "stage_white_paper", "stage_epidemic"] = "stage"
    """Column of the stage clock."""
    effects: Effects = "two-way"
    """Fixed effects."""
    first_week: Week | None = None
    """First week of the sample, if narrower than the panel."""
    last_week: Week | None = None
    """Last week of the sample, if narrower than the panel."""


class InferencePlan(Section):
    """How uncertainty is measured."""

    methods: tuple[InferenceMethod, ...] = Field(default=get_args(InferenceMethod), min_length=1)
    """Methods shown side by side; the first is the default."""
    level: float = Field(default=0.05, gt=0, lt=1)
    """Nominal level of tests and one minus that of intervals."""
    smallest_effect: float = Field(default=0.5, gt=0)
    """Smallest effect of interest, in standard deviations of the outcome within regions and weeks."""
    dwb_length: int = Field(default=8, ge=1)
    """Bartlett length of the multipliers of the dependent wild bootstrap, in weeks."""
    dwb_lag: int = Field(default=6, ge=0)
    """Driscoll-Kraay lag that studentises it."""
    lag: int = Field(default=6, ge=0)
    """Bartlett lag of the Newey-West, Driscoll-Kraay and Conley errors, in weeks."""
    conley_km: float = Field(default=1000.0, gt=0)
    """Distance at which the Conley errors' correlation has faded to zero, in kilometres."""
    draws: int = Field(default=999, ge=99)
    """Draws of every bootstrap."""
    permutations: int = Field(default=999, ge=99)
    """Draws of randomisation inference."""
    wcr_weights: Literal["rademacher", "webb", "mammen"] = "webb"
    """Multipliers of the wild cluster bootstrap."""
    outlier_region: str = "CN-HB"
    """Region left out in the companion run."""


class WavePlan(Section):
    """Thresholds of the wave verdict, fixed before the data are seen; the names are those of `WaveThresholds`."""

    outcome: str = "joint_response_containment_health"
    """Column the verdict speaks about."""
    level: float = Field(default=0.05, gt=0, lt=1)
    """Nominal size of every test of the verdict."""
    minimum_effect: float = Field(default=0.5, gt=0)
    """Smallest drawdown of interest, in within-region standard deviations."""
    maximum_root: float = Field(default=0.9, gt=0, le=1)
    """AR root of the noise above which nothing is concluded."""
    bandwidth: float = Field(default=0.04, gt=0, lt=0.5)
    """Bandwidth of the smooth as a share of the weeks."""
    cosines: int = Field(default=8, ge=0)
    """Half-cosines, beside the linear trend, around which the noise is fitted."""
    root_cap: float = Field(default=0.98, gt=0, lt=1)
    """Largest AR root used for draws."""
    minimum_weeks: int = Field(default=30, ge=10)
    """Below this the verdict is inconclusive."""
    sign_share: float = Field(default=0.8, gt=0, le=1)
    """Share of the multiverse that must agree in sign."""
    power: float = Field(default=0.8, gt=0, lt=1)
    """Power at which the minimum detectable drawdown is stated."""
    draws: int = Field(default=999, ge=99)
    """Bootstrap draws."""
    seed: int = 20200123
    """Seed of the bootstrap."""


class EventPlan(Section):
    """Settings of the event studies."""

    before: int = Field(default=8, ge=2)
    """Weeks shown before an event."""
    after: int = Field(default=12, ge=1)
    """Weeks shown after an event."""
    clean_weeks: int = Field(default=8, ge=1)
    """Weeks a control must be without the event."""
    anticipation: int = Field(default=2, ge=0)
    """Weeks before the event in which effects are allowed."""
    minimum_cohorts: int = Field(default=3, ge=1)
    """Fewest cohorts behind an estimate at a horizon."""
    minimum_controls: int = Field(default=5, ge=1)
    """Fewest clean controls behind an estimate at a horizon."""
    draws: int = Field(default=999, ge=99)
    """Draws of bootstrap bands."""


class MultiversePlan(Section):
    """Axes of the multiverse."""

    measures: tuple[Measure, ...] = ("joint_response", "policy_overlap", "alignment")
    indices: tuple[PolicyIndex, ...] = ("containment_health", "stringency")
    lags: tuple[int, ...] = (1, 2)
    clocks: tuple[Literal["epidemic", "white_paper"], ...] = ("epidemic", "white_paper")
    mappings: tuple[Literal["mapping", "alternative_mapping"], ...] = ("mapping", "alternative_mapping")
    weights: tuple[Literal["contiguity", "second_order", "population", "distance"], ...] = (
        "contiguity",
        "second_order",
        "population",
        "distance",
    )
    """Who is a partner: neighbours, regions within two borders, neighbours by their population, or all regions by
    inverse distance."""
    estimators: tuple[Literal["two-way", "two-way+trends", "population-weighted"], ...] = (
        "two-way",
        "two-way+trends",
        "population-weighted",
    )
    """Effects absorbed, and whether rows count by population; each with and without the outlier region."""
    dominant_stage: Stage = "outbreak"
    """Stage expected to have the largest effect of risk, registered beforehand."""


class SeedPlan(Section):
    """Seeds of everything random."""

    bootstrap: int = 20200123
    simulation: int = 20200429
