"""The universes and the contrast that a plan names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from panelcoop.errors import PlanError
from panelcoop.estimate.planned import plan_of
from panelcoop.options import Effects
from panelcoop.panel.choice_names import (
    ALTERNATIVE_STAGE,
    all_choices,
    driver_column,
    main_outcome,
    outcome_axes,
    outcome_column,
)
from panelcoop.panel.outcomes import outcome_name
from panelcoop.panel.plan import Plan
from panelcoop.panel.record import Panel
from panelcoop.panel.stages import STAGES
from panelcoop.sensitivity.multiverse_universe import Universe, columns_of, cross_universes

__all__ = ["PlannedUniverses", "planned_contrast", "planned_universes"]

ESTIMATORS: Mapping[str, tuple[Effects, str | None]] = {
    "two-way": ("two-way", None),
    "two-way+trends": ("two-way+trends", None),
    "population-weighted": ("two-way", "population"),
}
"""Estimators of the plan: effects absorbed and column of weights."""

CLOCKS = {
    ("epidemic", "mapping"): ("epidemic", "stage_epidemic"),
    ("white_paper", "mapping"): ("white paper", "stage_white_paper"),
    ("white_paper", "alternative_mapping"): ("white paper, alternative", ALTERNATIVE_STAGE),
}
"""Clock and mapping to label and column; the epidemic clock has no mapping to choose."""

ALL_REGIONS = "all regions"


@dataclass(frozen=True)
class PlannedUniverses:
    """What `planned_universes` gives.

    Attributes
    ----------
    universes
        Every combination of the plan's axes.
    main
        Position of the universe of the plan's main model.
    """

    universes: tuple[Universe, ...]
    main: int


def planned_contrast(plan: Plan) -> str:
    """Write the contrast the plan registers: the first driver at the dominant stage less at the stage after it.

    Examples
    --------
    >>> from panelcoop.panel.plan import plan_from_mapping
    >>> planned_contrast(plan_from_mapping({}))
    'own_risk:outbreak - own_risk:continuation'
    """
    driver, stage = plan.model.drivers[0], plan.multiverse.dominant_stage
    at = STAGES.index(stage)
    other = STAGES[at + 1] if at + 1 < len(STAGES) else STAGES[at - 1]
    return f"{driver}:{stage} - {driver}:{other}"


def planned_universes(panel: Panel) -> PlannedUniverses:
    """Cross the axes of a panel's plan: measure, index, stages, weights, lag, estimator, regions.

    Parameters
    ----------
    panel
        From `panel_with_choices`: it holds the columns of every choice.

    Returns
    -------
    PlannedUniverses
        The main model's choice on each axis is always among them, whatever the axis lists.

    Raises
    ------
    PlanError
        If the panel has no plan, or lacks the columns of a choice.
    """
    plan = plan_of(panel)
    universes = tuple(_cross(plan, set(panel.data.index.unique("region"))))
    missing = {c for u in universes for c in (*columns_of(u), u.stage)} - set(panel.data.columns)
    if missing:
        lost = f"The panel lacks {len(missing)} columns of other choices, such as '{min(missing)}'"
        msg = f"{lost}: hand over panel_with_choices(plan) instead of assemble(plan)."
        raise PlanError(msg)
    return PlannedUniverses(universes, _main(plan, universes))


def _cross(plan: Plan, regions: set[object]) -> list[Universe]:
    measures, indices = outcome_axes(plan)
    outlier = plan.inference.outlier_region
    left_out: dict[str, dict[str, object]] = {ALL_REGIONS: {}}
    if outlier in regions:
        left_out[f"without {outlier}"] = {"without": (outlier,)}
    base = Universe(plan.model.outcome, {d: d for d in plan.model.drivers}, "stage", plan.model.controls)
    axes: dict[str, dict[str, dict[str, object]]] = {
        "measure": {m: {} for m in measures},
        "index": {i: {} for i in indices},
        "stages": {label: {"stage": column} for label, column in _clocks(plan)},
        "weights": {w: {} for w in all_choices(str(plan.outcomes.weights), plan.multiverse.weights)},
        "lag": {str(lag): {} for lag in all_choices(plan.drivers.lag, plan.multiverse.lags)},
        "estimator": {e: _estimator(e) for e in _estimators(plan)},
        "regions": left_out,
    }
    return [_placed(u, plan) for u in cross_universes(base, axes)]


def _placed(universe: Universe, plan: Plan) -> Universe:
    """Name the columns that depend on several choices at once."""
    chosen = universe.choices
    lag = int(chosen["lag"])
    drivers = {d: driver_column(d, lag) for d in universe.drivers}
    if "spread_risk" in drivers:
        drivers["spread_risk"] = driver_column("spread_risk", lag, chosen["weights"])
    outcome = outcome_column(outcome_name(chosen["measure"], chosen["index"]), chosen["weights"], plan)
    return replace(universe, outcome=outcome, drivers=drivers)


def _main(plan: Plan, universes: tuple[Universe, ...]) -> int:
    measure, index = main_outcome(plan)
    wanted = {
        "measure": measure,
        "index": index,
        "stages": _clocks(plan)[0][0],
        "weights": plan.outcomes.weights,
        "lag": str(plan.drivers.lag),
        "estimator": _estimators(plan)[0],
        "regions": ALL_REGIONS,
    }
    return next(at for at, u in enumerate(universes) if dict(u.choices) == wanted)


def _clocks(plan: Plan) -> list[tuple[str, str]]:
    """List label and column of each clock and mapping, the main model's first."""
    clock = {"stage_white_paper": "white_paper", "stage_epidemic": "epidemic"}.get(plan.model.stage, plan.stages.clock)
    asked = [(str(c), str(m)) for c in plan.multiverse.clocks for m in plan.multiverse.mappings]
    return [CLOCKS[key] for key in all_choices((clock, "mapping"), asked) if key in CLOCKS]


def _estimators(plan: Plan) -> list[str]:
    return all_choices(str(plan.model.effects), plan.multiverse.estimators)


def _estimator(name: str) -> dict[str, object]:
    effects, weights = ESTIMATORS.get(name, (name, None))
    return {"effects": effects, "weights": weights}
