"""The universes a plan names, and a panel that holds every column they need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from panelcoop.errors import PlanError
from panelcoop.options import Effects, FloatArray
from panelcoop.panel.assemble import assemble
from panelcoop.panel.inputs import Inputs, read_inputs
from panelcoop.panel.outcomes import outcome_block, outcome_name
from panelcoop.panel.plan import Plan, change_plan
from panelcoop.panel.record import Panel, SpatialWeights
from panelcoop.panel.stages import STAGES
from panelcoop.panel.stages_white_paper import white_paper_stages
from panelcoop.panel.weights import spatial_lag
from panelcoop.sensitivity.multiverse_universe import Universe, cross_universes

__all__ = ["PlannedUniverses", "alternative_weights", "planned_contrast", "planned_universes"]

ESTIMATORS: Mapping[str, tuple[Effects, str | None]] = {
    "two-way": ("two-way", None),
    "two-way+trends": ("two-way+trends", None),
    "population-weighted": ("two-way", "population"),
}
"""Estimators of the plan: effects absorbed and column of weights."""

CLOCKS = {
    ("epidemic", "mapping"): ("epidemic", "stage_epidemic"),
    ("white_paper", "mapping"): ("white paper", "stage_white_paper"),
    ("white_paper", "alternative_mapping"): ("white paper, alternative", "stage_white_paper [alternative]"),
}
"""Clock and mapping to label and column; the epidemic clock has no mapping to choose."""


@dataclass(frozen=True)
class PlannedUniverses:
    """What `planned_universes` gives.

    Attributes
    ----------
    panel
        With the columns of all universes.
    universes
        Every combination of the plan's axes.
    main
        Position of the universe of the plan's main model.
    """

    panel: Panel
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


def planned_universes(plan: Plan, *, data: Inputs | Path | str | None = None) -> PlannedUniverses:
    """Assemble the panel once per lag, add the columns of every other choice, and cross the plan's axes.

    Parameters
    ----------
    plan
        Its ``[multiverse]`` section names the axes; the main model's choice on each axis is always among them.
    data
        Inputs, or their folder; by default the folder the plan names.

    Returns
    -------
    PlannedUniverses

    Notes
    -----
    Measures of other weights are computed from the indices, the spread of risk as the same weights' average of own
    risk at the same lag, and the alternative mapping from the white paper's stages; what a choice does not change is
    not computed again.
    """
    inputs = data if isinstance(data, Inputs) else _read(plan, data)
    axes = plan.multiverse
    lags = _first(plan.drivers.lag, axes.lags)
    panels = {lag: assemble(change_plan(plan, {"drivers.lag": lag}), data=inputs) for lag in lags}
    base = panels[plan.drivers.lag]
    weights = {name: alternative_weights(base, name) for name in _first(plan.outcomes.weights, axes.weights)}
    columns: dict[str, pd.Series] = {}
    phases = base.data["white_paper_phase"]
    columns["stage_white_paper [alternative]"] = white_paper_stages(phases, plan.stages.alternative_mapping)
    columns |= _outcome_columns(base, plan, weights)
    columns |= _driver_columns(panels, plan, weights)
    universes = _cross(plan, list(weights), lags, set(base.regions.index))
    return PlannedUniverses(base.with_columns(columns), tuple(universes), _main(plan, universes))


def alternative_weights(panel: Panel, name: str) -> SpatialWeights:
    """Derive weights from the panel's contiguity.

    Parameters
    ----------
    panel
        With weights "contiguity" and a column `population` in its table of regions.
    name
        "contiguity"; "second_order": regions within two borders; "population": neighbours by their population.

    Returns
    -------
    SpatialWeights
        Row-standardised.
    """
    contiguity = panel.weights["contiguity"]
    if name == "contiguity":
        return contiguity
    joined = (contiguity.matrix > 0).astype(float)
    if name == "second_order":
        raw, note = ((joined + joined @ joined) > 0).astype(float), "regions within two borders"
        np.fill_diagonal(raw, 0.0)
    else:
        people = panel.regions["population"].reindex(list(contiguity.regions)).to_numpy(dtype=float)
        raw, note = joined * people, "neighbours by population"
    total = raw.sum(axis=1, keepdims=True)
    matrix = np.divide(raw, total, out=np.zeros_like(raw), where=total > 0)
    return replace(contiguity, name=name, matrix=matrix, note=note)


def _read(plan: Plan, folder: Path | str | None) -> Inputs:
    return read_inputs(plan.folder if folder is None else folder, early_cases=plan.data.early_cases)


def _first(main: object, others: tuple[object, ...]) -> list:  # type: ignore[type-arg]
    return list(dict.fromkeys([main, *others]))


def _outcome_columns(panel: Panel, plan: Plan, weights: Mapping[str, SpatialWeights]) -> dict[str, pd.Series]:
    measures, indices = _outcome_axes(plan)
    wanted = plan.outcomes.model_copy(update={"measures": tuple(measures), "indices": tuple(indices)})
    policy = {index: panel.data[index].unstack("region") for index in indices}  # noqa: PD010 - unique keys
    return {
        _outcome_column(name, label, plan): _long(table.to_numpy(), panel)
        for label, chosen in weights.items()
        if label != plan.outcomes.weights
        for name, table in outcome_block(policy, chosen, wanted).columns.items()
    }


def _driver_columns(
    panels: Mapping[int, Panel], plan: Plan, weights: Mapping[str, SpatialWeights]
) -> dict[str, pd.Series]:
    columns: dict[str, pd.Series] = {}
    for lag, panel in panels.items():
        columns |= {_driver_column(d, lag): panel.data[d] for d in plan.model.drivers}
        risk = panel.data["own_risk"].unstack("region").to_numpy(dtype=float)  # noqa: PD010 - unique keys
        columns |= {
            _spread_column(lag, label): _long(spatial_lag(risk, chosen.matrix), panel)
            for label, chosen in weights.items()
        }
    return columns


def _long(values: FloatArray, panel: Panel) -> pd.Series:
    """Turn weeks by regions into rows of the (complete, sorted) panel."""
    return pd.Series(values.T.ravel(), index=panel.data.index)


def _cross(plan: Plan, weights: list[str], lags: list[int], regions: set[object]) -> list[Universe]:
    measures, indices = _outcome_axes(plan)
    outlier = plan.inference.outlier_region
    left_out: dict[str, dict[str, object]] = {"all regions": {}}
    if outlier in regions:
        left_out[f"without {outlier}"] = {"without": (outlier,)}
    base = Universe(plan.model.outcome, {d: d for d in plan.model.drivers}, "stage", plan.model.controls)
    axes: dict[str, dict[str, dict[str, object]]] = {
        "measure": {m: {} for m in measures},
        "index": {i: {} for i in indices},
        "stages": {label: {"stage": column} for label, column in _clock_axis(plan)},
        "weights": {w: {} for w in weights},
        "lag": {str(lag): {} for lag in lags},
        "estimator": {e: _estimator(e) for e in _estimators(plan)},
        "regions": left_out,
    }
    return [_placed(u, plan) for u in cross_universes(base, axes)]


def _placed(universe: Universe, plan: Plan) -> Universe:
    """Name the columns that depend on several choices at once."""
    chosen = universe.choices
    lag = int(chosen["lag"])
    drivers = {d: _driver_column(d, lag) for d in universe.drivers}
    if "spread_risk" in drivers:
        drivers["spread_risk"] = _spread_column(lag, chosen["weights"])
    outcome = _outcome_column(outcome_name(chosen["measure"], chosen["index"]), chosen["weights"], plan)
    return replace(universe, outcome=outcome, drivers=drivers)


def _main(plan: Plan, universes: list[Universe]) -> int:
    measure, index = _main_outcome(plan)
    wanted = {
        "measure": measure,
        "index": index,
        "stages": _clock_axis(plan)[0][0],
        "weights": plan.outcomes.weights,
        "lag": str(plan.drivers.lag),
        "estimator": _estimators(plan)[0],
        "regions": "all regions",
    }
    return next(at for at, u in enumerate(universes) if dict(u.choices) == wanted)


def _main_outcome(plan: Plan) -> tuple[str, str]:
    """Split the main outcome into measure and index."""
    known = {outcome_name(m, i): (m, i) for m in plan.outcomes.measures for i in plan.outcomes.indices}
    found = next((name for name in (plan.model.outcome, plan.outcomes.main) if name in known), None)
    if found is None:
        msg = (
            f"The plan's outcome '{plan.model.outcome}' is no measure of an index; build universes by cross_universes."
        )
        raise PlanError(msg)
    return known[found]


def _outcome_axes(plan: Plan) -> tuple[list[str], list[str]]:
    measure, index = _main_outcome(plan)
    return _first(measure, plan.multiverse.measures), _first(index, plan.multiverse.indices)


def _clock_axis(plan: Plan) -> list[tuple[str, str]]:
    """List label and column of each clock and mapping, the main model's first."""
    clock = {"stage_white_paper": "white_paper", "stage_epidemic": "epidemic"}.get(plan.model.stage, plan.stages.clock)
    asked = [(c, m) for c in plan.multiverse.clocks for m in plan.multiverse.mappings]
    return [CLOCKS[key] for key in _first((clock, "mapping"), tuple(asked)) if key in CLOCKS]


def _estimator(name: str) -> dict[str, object]:
    effects, weights = ESTIMATORS.get(name, (name, None))
    return {"effects": effects, "weights": weights}


def _estimators(plan: Plan) -> list[str]:
    return _first(plan.model.effects, plan.multiverse.estimators)


def _outcome_column(name: str, weights: str, plan: Plan) -> str:
    return name if weights == plan.outcomes.weights else f"{name} [{weights}]"


def _driver_column(driver: str, lag: int) -> str:
    return f"{driver} [lag {lag}]"


def _spread_column(lag: int, weights: str) -> str:
    return f"spread_risk [lag {lag}, {weights}]"
