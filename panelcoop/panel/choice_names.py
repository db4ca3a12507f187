"""Names of the columns that a choice of the multiverse makes, and the choices a plan leaves open."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from panelcoop.errors import PlanError
from panelcoop.panel.outcomes import outcome_name
from panelcoop.panel.plan import Plan

__all__ = ["ALTERNATIVE_STAGE", "all_choices", "driver_column", "main_outcome", "outcome_axes", "outcome_column"]

ALTERNATIVE_STAGE = "stage_white_paper [alternative]"
"""Column of the white paper's stages under the alternative mapping."""

Choice = TypeVar("Choice")


def all_choices(main: Choice, others: Iterable[Choice]) -> list[Choice]:
    """List the main choice and the others, each once.

    Examples
    --------
    >>> all_choices(2, (1, 2, 3))
    [2, 1, 3]
    """
    return list(dict.fromkeys([main, *others]))


def driver_column(driver: str, lag: int, weights: str | None = None) -> str:
    """Name a driver at a lag, and under weights where it depends on them.

    Examples
    --------
    >>> driver_column("own_risk", 2), driver_column("spread_risk", 1, "population")
    ('own_risk [lag 2]', 'spread_risk [lag 1, population]')
    """
    return f"{driver} [lag {lag}]" if weights is None else f"{driver} [lag {lag}, {weights}]"


def outcome_column(name: str, weights: str, plan: Plan) -> str:
    """Name an outcome under weights; the plan's own weights keep the panel's name."""
    return name if weights == plan.outcomes.weights else f"{name} [{weights}]"


def main_outcome(plan: Plan) -> tuple[str, str]:
    """Split the main outcome into measure and index.

    Raises
    ------
    PlanError
        If it is no measure of an index.
    """
    known = {outcome_name(m, i): (str(m), str(i)) for m in plan.outcomes.measures for i in plan.outcomes.indices}
    found = next((name for name in (plan.model.outcome, plan.outcomes.main) if name in known), None)
    if found is None:
        msg = (
            f"The plan's outcome '{plan.model.outcome}' is no measure of an index; build universes by cross_universes."
        )
        raise PlanError(msg)
    return known[found]


def outcome_axes(plan: Plan) -> tuple[list[str], list[str]]:
    """List the measures and the indices of the multiverse, the main outcome's first."""
    measure, index = main_outcome(plan)
    return all_choices(measure, plan.multiverse.measures), all_choices(index, plan.multiverse.indices)
