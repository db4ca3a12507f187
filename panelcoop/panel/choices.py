"""A panel with the columns of every defensible choice: other lags, other partners, the other mapping of stages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from panelcoop.errors import PlanError
from panelcoop.options import FloatArray
from panelcoop.panel.assemble import assemble
from panelcoop.panel.choice_names import ALTERNATIVE_STAGE, all_choices, driver_column, outcome_axes, outcome_column
from panelcoop.panel.inputs import Inputs, read_inputs
from panelcoop.panel.outcomes import outcome_block
from panelcoop.panel.plan import Plan, change_plan, read_plan
from panelcoop.panel.record import Panel, SpatialWeights
from panelcoop.panel.spatial import distance_weights
from panelcoop.panel.stages_white_paper import white_paper_stages
from panelcoop.panel.weights import spatial_lag, spatial_weights

__all__ = ["alternative_weights", "panel_with_choices"]


def panel_with_choices(plan: Plan | Path | str = "study.toml", *, data: Inputs | Path | str | None = None) -> Panel:
    """Assemble the panel once per lag and add the columns of every other choice of the plan's ``[multiverse]``.

    Parameters
    ----------
    plan, data
        As in `assemble`.

    Returns
    -------
    Panel
        What `assemble` gives, and more columns: drivers at every lag, outcomes and spread of risk under every set of
        weights, the white paper's stages under the alternative mapping.

    Raises
    ------
    PlanError
        If the plan is wrong, or its main outcome is no measure of an index.

    Notes
    -----
    Measures under other weights are computed from the indices, the spread of risk as the same weights' average of own
    risk at the same lag; what a choice does not change is not computed again.
    """
    plan = plan if isinstance(plan, Plan) else read_plan(plan)
    inputs = data if isinstance(data, Inputs) else read_inputs(data or plan.folder, early_cases=plan.data.early_cases)
    lags = all_choices(plan.drivers.lag, plan.multiverse.lags)
    panels = {lag: assemble(change_plan(plan, {"drivers.lag": lag}), data=inputs) for lag in lags}
    base = panels[plan.drivers.lag]
    names = all_choices(str(plan.outcomes.weights), plan.multiverse.weights)
    weights = {name: alternative_weights(base, name) for name in names}
    phases = base.data["white_paper_phase"]
    columns = {ALTERNATIVE_STAGE: white_paper_stages(phases, plan.stages.alternative_mapping)}
    columns |= _outcomes(base, plan, weights)
    columns |= _drivers(panels, plan, weights)
    return base.with_columns(columns)


def alternative_weights(panel: Panel, name: str) -> SpatialWeights:
    """Derive weights from the panel's contiguity.

    Parameters
    ----------
    panel
        With weights "contiguity", and `population`, `longitude` and `latitude` in its table of regions.
    name
        "contiguity"; "second_order": regions within two borders; "population": neighbours by their population;
        "distance": all regions by the inverse distance between the centres of their population.

    Returns
    -------
    SpatialWeights
        Row-standardised.

    Raises
    ------
    PlanError
        If the name is none of these.
    """
    contiguity = panel.weights["contiguity"]
    if name == "contiguity":
        return contiguity
    if name == "distance":
        return _by_distance(panel, contiguity)
    joined = (contiguity.matrix > 0).astype(float)
    if name == "second_order":
        raw, note = ((joined + joined @ joined) > 0).astype(float), "regions within two borders"
        np.fill_diagonal(raw, 0.0)
    elif name == "population":
        people = panel.regions["population"].reindex(list(contiguity.regions)).to_numpy(dtype=float)
        raw, note = joined * people, "neighbours by population"
    else:
        msg = f"The weights '{name}' are not known; allowed: contiguity, second_order, population, distance."
        raise PlanError(msg)
    return spatial_weights(name, contiguity.regions, raw, note)


def _by_distance(panel: Panel, contiguity: SpatialWeights) -> SpatialWeights:
    if not {"longitude", "latitude"} <= set(panel.regions.columns):
        msg = "Weights by distance need 'longitude' and 'latitude' in the table of regions; leave 'distance' out."
        raise PlanError(msg)
    places = panel.regions.loc[list(contiguity.regions), ["longitude", "latitude"]]
    return distance_weights(places.set_axis(["x", "y"], axis=1), metric="sphere")


def _outcomes(panel: Panel, plan: Plan, weights: Mapping[str, SpatialWeights]) -> dict[str, pd.Series]:
    measures, indices = outcome_axes(plan)
    wanted = plan.outcomes.model_copy(update={"measures": tuple(measures), "indices": tuple(indices)})
    policy = {index: panel.data[index].unstack("region") for index in indices}  # noqa: PD010 - unique keys
    return {
        outcome_column(name, label, plan): _long(table.to_numpy(), panel)
        for label, chosen in weights.items()
        for name, table in outcome_block(policy, chosen, wanted).columns.items()
    }


def _drivers(panels: Mapping[int, Panel], plan: Plan, weights: Mapping[str, SpatialWeights]) -> dict[str, pd.Series]:
    columns: dict[str, pd.Series] = {}
    for lag, panel in panels.items():
        columns |= {driver_column(d, lag): panel.data[d] for d in plan.model.drivers}
        risk = panel.data["own_risk"].unstack("region").to_numpy(dtype=float)  # noqa: PD010 - unique keys
        for label, chosen in weights.items():
            columns[driver_column("spread_risk", lag, label)] = _long(spatial_lag(risk, chosen.matrix), panel)
    return columns


def _long(values: FloatArray, panel: Panel) -> pd.Series:
    """Turn weeks by regions into rows of the (complete, sorted) panel."""
    return pd.Series(values.T.ravel(), index=panel.data.index)
