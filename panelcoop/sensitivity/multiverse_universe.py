"""One universe: a full set of defensible choices, and the regression it stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from types import MappingProxyType
from typing import Any

from panelcoop.checks import fail_if_columns_missing, fail_if_not_one_of
from panelcoop.errors import DataError
from panelcoop.estimate.stage_interaction import stage_interaction
from panelcoop.estimate.stage_results import StageInteraction
from panelcoop.options import Effects
from panelcoop.panel.record import Panel

__all__ = ["Universe", "columns_of", "cross_universes", "fit_universe"]


@dataclass(frozen=True)
class Universe:
    """A set of choices and the regression they make.

    Attributes
    ----------
    outcome
        Column of the outcome.
    drivers
        Name of each driver in the model to its column: the name stays the same whatever the column, so that one
        contrast can be asked of every universe.
    stage
        Column of the stages.
    controls
        Columns that enter without interaction.
    effects
        What is absorbed.
    weights
        Column of row weights, or None.
    without
        Regions left out.
    choices
        Label of the choice made on each axis, for tables and figures.
    """

    outcome: str
    drivers: Mapping[str, str]
    stage: str
    controls: tuple[str, ...] = ()
    effects: Effects = "two-way"
    weights: str | None = None
    without: tuple[str, ...] = ()
    choices: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def cross_universes(base: Universe, axes: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[Universe]:
    """Cross the choices of all axes.

    Parameters
    ----------
    base
        What every universe starts from.
    axes
        Axis to its choices; each choice, by label, gives the fields of the universe it changes. Drivers are merged with
        those of the base, everything else is replaced.

    Returns
    -------
    list of Universe
        Every combination, the first choices first.

    Raises
    ------
    DataError
        If a field does not exist, or an axis has no choice.

    Examples
    --------
    >>> base = Universe("y", {"risk": "risk"}, "stage")
    >>> lags = {"1": {}, "2": {"drivers": {"risk": "risk_2"}}}
    >>> axes = {"outcome": {"y": {}, "log y": {"outcome": "log_y"}}, "lag": lags}
    >>> [(u.outcome, u.drivers["risk"]) for u in cross_universes(base, axes)]
    [('y', 'risk'), ('y', 'risk_2'), ('log_y', 'risk'), ('log_y', 'risk_2')]
    """
    for axis, choices in axes.items():
        if not choices:
            msg = f"The axis '{axis}' has no choice; give at least one."
            raise DataError(msg)
        for name in (name for changes in choices.values() for name in changes):
            fail_if_not_one_of(name, tuple(Universe.__dataclass_fields__), f"a field on the axis '{axis}'")
    labels = [list(choices) for choices in axes.values()]
    return [_changed(base, axes, dict(zip(axes, chosen, strict=True))) for chosen in product(*labels)]


def fit_universe(panel: Panel, universe: Universe, *, covariance: Any = "CRV1") -> StageInteraction:  # noqa: ANN401
    """Fit one universe the ordinary way, with every result of a stage-interaction regression.

    Parameters
    ----------
    panel
        A panel with the universe's columns.
    universe
        Outcome, drivers, stages, effects, weights and regions.
    covariance
        As in `stage_interaction`.

    Raises
    ------
    DataError
        If a column is missing, a region is unknown, or no row is complete.
    """
    fail_if_columns_missing(universe.drivers.values(), [str(c) for c in panel.data.columns], "The panel")
    kept = panel.without_regions(universe.without) if universe.without else panel
    named = {name: kept.data[column] for name, column in universe.drivers.items()}
    return stage_interaction(
        replace(kept, data=kept.data.assign(**named)),
        outcome=universe.outcome,
        drivers=list(universe.drivers),
        stage=universe.stage,
        controls=list(universe.controls),
        effects=universe.effects,
        weights=universe.weights,
        covariance=covariance,
    )


def _changed(base: Universe, axes: Mapping[str, Mapping[str, Mapping[str, Any]]], chosen: dict[str, str]) -> Universe:
    fields: dict[str, Any] = {"choices": MappingProxyType({**base.choices, **chosen})}
    drivers = dict(base.drivers)
    for axis, label in chosen.items():
        changes = axes[axis][label]
        drivers |= changes.get("drivers", {})
        fields |= {name: value for name, value in changes.items() if name != "drivers"}
    return replace(base, drivers=MappingProxyType(drivers), **fields)


def columns_of(universe: Universe) -> Sequence[str]:
    """List the numeric columns a universe reads, outcome first."""
    weights = [universe.weights] if universe.weights else []
    return [universe.outcome, *universe.drivers.values(), *universe.controls, *weights]
