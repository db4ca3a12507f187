"""The regressions the plan names, fitted as the plan says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from panelcoop.errors import PlanError
from panelcoop.estimate.settings import InferenceSettings, Method
from panelcoop.estimate.stage_interaction import stage_interaction
from panelcoop.estimate.stage_results import StageInteraction
from panelcoop.numerics.covariance.spatial_hac import SpatialKernel
from panelcoop.panel.plan import Plan
from panelcoop.panel.plan_analysis import InferenceMethod, ModelPlan
from panelcoop.panel.record import Panel
from panelcoop.panel.weeks import parse_week

__all__ = ["plan_of", "planned_methods", "planned_regression", "planned_settings"]

METHODS: Mapping[InferenceMethod, Method] = {
    "dwb": "DWB-t",
    "crv1": "CRV1",
    "crv2": "CRV2",
    "crv3": "CRV3",
    "two-way": "two-way",
    "newey-west": "newey-west",
    "driscoll-kraay": "driscoll-kraay",
    "conley": "conley",
    "wcr": "WCR",
    "wcr-two-way": "WCR two-way",
    "randomisation": "RI",
}
"""The plan's names of inference, and the estimator's."""


def plan_of(panel: Panel) -> Plan:
    """Return the plan a panel was assembled from.

    Raises
    ------
    PlanError
        If the panel was made without a plan.
    """
    if panel.plan is None:
        raise PlanError(
            "This panel was made without a plan; call assemble(plan), or name outcome and drivers yourself."
        )
    return panel.plan


def planned_regression(panel: Panel, model: ModelPlan | None = None) -> StageInteraction:
    """Fit a stage-interaction regression of the plan.

    Parameters
    ----------
    panel
        A panel with its plan.
    model
        One of the plan's models; the main one by default.

    Returns
    -------
    StageInteraction

    Raises
    ------
    PlanError
        If the panel was made without a plan.
    """
    asked = model or plan_of(panel).model
    return stage_interaction(
        _within_weeks(panel, asked),
        outcome=asked.outcome,
        drivers=asked.drivers,
        controls=asked.controls,
        stage=asked.stage,
        effects=asked.effects,
    )


def planned_settings(panel: Panel) -> InferenceSettings:
    """Return draws, seed, level, lags and distances of the plan's inference."""
    plan = plan_of(panel)
    asked = plan.inference
    return InferenceSettings(
        level=1 - asked.level,
        draws=asked.draws,
        permutations=asked.permutations,
        seed=plan.seeds.bootstrap,
        multiplier=asked.wcr_weights,
        lag=asked.lag,
        dwb_length=asked.dwb_length,
        dwb_lag=asked.dwb_lag,
        space=SpatialKernel(asked.conley_km, panel.regions[["latitude", "longitude"]]) if _is_located(panel) else None,
    )


def planned_methods(panel: Panel) -> tuple[list[Method], dict[str, str]]:
    """List the plan's methods of inference, the main one first, and those the data do not allow with the reason."""
    asked = [METHODS[name] for name in plan_of(panel).inference.methods]
    unplaced = "conley" in asked and not _is_located(panel)
    lost = {"conley": "the table of regions has no coordinates"} if unplaced else {}
    return [method for method in asked if method not in lost], lost


def _is_located(panel: Panel) -> bool:
    return {"longitude", "latitude"} <= set(panel.regions.columns)


def _within_weeks(panel: Panel, model: ModelPlan) -> Panel:
    """Keep the weeks of a model that is narrower than the panel."""
    weeks = pd.DatetimeIndex(panel.data.index.get_level_values("week"))
    keep = pd.Series(data=True, index=panel.data.index)
    if model.first_week is not None:
        keep &= weeks >= parse_week(model.first_week)
    if model.last_week is not None:
        keep &= weeks <= parse_week(model.last_week)
    return replace(panel, data=panel.data[keep])
