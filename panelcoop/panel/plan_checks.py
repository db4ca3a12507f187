"""What only the data can tell about a plan: whether the regions and columns it names exist."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from panelcoop.checks import name_few, nearest
from panelcoop.errors import PlanError
from panelcoop.panel.plan import Plan
from panelcoop.panel.record import Role

__all__ = ["fail_if_columns_unknown", "fail_if_regions_unknown"]


def fail_if_regions_unknown(plan: Plan, codes: Collection[str]) -> None:
    """Raise when the plan names a region that is none.

    Parameters
    ----------
    plan
        Its regions, joined pairs and outlier region are looked at.
    codes
        Codes of all regions.

    Raises
    ------
    PlanError
        Names the key, what was found and what is allowed.
    """
    named = [("inference.outlier_region", plan.inference.outlier_region)]
    if plan.data.regions != "all":
        named += [(f"data.regions[{k}]", region) for k, region in enumerate(plan.data.regions, 1)]
    named += [(f"weights.joined[{k}]", region) for k, pair in enumerate(plan.weights.joined, 1) for region in pair]
    for key, region in named:
        if region not in codes:
            allowed = name_few(sorted(codes), 31)
            msg = f"The plan, {key}: found '{region}'{nearest(region, codes)}, which is no region. Allowed: {allowed}."
            raise PlanError(msg)


def fail_if_columns_unknown(plan: Plan, roles: Mapping[str, Role]) -> None:
    """Raise when the plan names a column that the panel does not have, or an outcome that is none.

    Parameters
    ----------
    plan
        Its outcomes, drivers and controls are looked at.
    roles
        Columns of the panel and what they are for.

    Raises
    ------
    PlanError
        Names the key, what was found and what is allowed.
    """
    outcomes = [("outcomes.main", plan.outcomes.main), ("waves.outcome", plan.waves.outcome)]
    regressors: list[tuple[str, str]] = []
    for place, model in (("model", plan.model), *((f"companions[{k}]", m) for k, m in enumerate(plan.companions, 1))):
        outcomes.append((f"{place}.outcome", model.outcome))
        regressors += [(f"{place}.drivers[{k}]", name) for k, name in enumerate(model.drivers, 1)]
        regressors += [(f"{place}.controls[{k}]", name) for k, name in enumerate(model.controls, 1)]
    possible = [name for name, role in roles.items() if role == "outcome"]
    for key, name in outcomes:
        if name in roles and name not in possible:
            msg = f"The plan, {key}: '{name}' is a {roles[name]}, not an outcome. Allowed: {name_few(possible, 60)}."
            raise PlanError(msg)
        _fail_if_no_column(key, name, possible, plan)
    for key, name in regressors:
        _fail_if_no_column(key, name, list(roles), plan)


def _fail_if_no_column(key: str, name: str, allowed: Collection[str], plan: Plan) -> None:
    if name not in allowed:
        found = (
            f"'{name}' is an empty slot" if name in plan.drivers.empty else f"found '{name}'{nearest(name, allowed)}"
        )
        msg = f"The plan, {key}: {found}, which is no column of the panel. Allowed: {name_few(allowed, 60)}."
        raise PlanError(msg)
