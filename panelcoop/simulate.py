"""Simulate panels with known truth: the oracle of the tests, a teaching tool, and the way to plan a study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from panelcoop.errors import DataError
from panelcoop.options import FloatArray, IntArray
from panelcoop.panel.record import Panel, Role, SpatialWeights
from panelcoop.simulate_designs import DESIGNS, STAGE_NAMES, Design
from panelcoop.simulate_log import SimulatedLog, simulate_events
from panelcoop.simulate_paths import mean_path
from panelcoop.simulate_process import (
    correlation_factor,
    design_of,
    document_counts,
    driver_fields,
    effects_table,
    fail_if_impossible,
    region_names,
    shared_noise,
    stage_path,
    stage_terms,
)

__all__ = ["DESIGNS", "Design", "SimulatedLog", "SimulatedPanel", "simulate_events", "simulate_panel"]

NEIGHBOURS = 4


@dataclass(frozen=True)
class SimulatedPanel:
    """A panel and the truth it was drawn from.

    Attributes
    ----------
    panel
        Outcome `y`, the drivers (already lagged: the row's value acts on the row's outcome), `stage`, `documents`;
        weights "nearest" from the simulated positions.
    design
        The data-generating process.
    mean
        Mean path m_t, by week.
    stage_effects
        theta_s and beta_ks: rows are stages, columns "theta" and the drivers.
    positions
        Regions on the unit square.
    """

    panel: Panel
    design: Design
    mean: pd.Series
    stage_effects: pd.DataFrame
    positions: pd.DataFrame


def simulate_panel(
    design: Design | str = "rising waves",
    *,
    regions: int = 31,
    weeks: int = 100,
    first_week: str = "2020-01-06",
    seed: int | np.random.Generator = 0,
    **changes: Any,  # noqa: ANN401 - fields of Design
) -> SimulatedPanel:
    """Simulate a panel with known mean path, stage effects, driver effects and shocks.

    Parameters
    ----------
    design
        A ``Design``, or the name of one of ``DESIGNS``.
    regions, weeks
        N and T.
    first_week
        Monday of the first week.
    seed
        Seed or generator; the same seed gives the same panel.
    **changes
        Fields of ``Design`` that differ from the named design, such as ``missing=0.1``.

    Returns
    -------
    SimulatedPanel

    Raises
    ------
    DataError
        When the design is unknown, a field cannot be, or the stages do not add up to the window.

    Notes
    -----
    ``y_it = a_i + m_t + theta_s + sum_k beta_ks D_kit + sqrt(s) lam_i f_t + sqrt(1-s) e_it`` with a_i standard normal,
    lam_i = 1 + .3 N(0, 1) scaled to mean one, f_t and e_it of unit variance times `noise`.

    Examples
    --------
    >>> drawn = simulate_panel("linear", regions=5, weeks=8, seed=1)
    >>> drawn.panel.data.shape, float(drawn.mean.iloc[-1])
    ((40, 4), 2.0)
    """
    chosen = design_of(design, changes)
    if regions < 2 or weeks < 4:
        msg = "The design cannot be simulated: two regions and four weeks are the least."
        raise DataError(msg)
    fail_if_impossible(chosen, weeks)
    rng = np.random.default_rng(seed)
    positions = rng.uniform(size=(regions, 2))
    factor = correlation_factor(positions, chosen.reach)
    stage = stage_path(chosen, weeks)
    drivers = driver_fields(chosen, stage, regions, rng, factor)
    mean = mean_path(chosen.shape, weeks, chosen.amplitude)
    outcome = np.add(rng.standard_normal(regions), mean[:, None]) + stage_terms(chosen, drivers, stage)
    outcome += chosen.noise * shared_noise(chosen, weeks, regions, rng, factor)
    documents = document_counts(chosen, weeks, regions, rng)
    outcome[rng.uniform(size=outcome.shape) < chosen.missing] = np.nan
    columns = {"y": outcome, **drivers, "documents": documents}
    return _record(chosen, columns, stage, mean=mean, positions=positions, first_week=first_week)


def _record(
    design: Design,
    columns: Mapping[str, FloatArray],
    stage: IntArray,
    *,
    mean: FloatArray,
    positions: FloatArray,
    first_week: str,
) -> SimulatedPanel:
    weeks, regions = columns["y"].shape
    names = region_names(regions)
    dates = pd.date_range(pd.Timestamp(first_week), periods=weeks, freq="7D", unit="us")
    index = pd.MultiIndex.from_product([names, dates], names=["region", "week"])
    data = pd.DataFrame({name: values.T.ravel() for name, values in columns.items()}, index=index)
    labels = [STAGE_NAMES[code] for code in np.tile(stage, regions)]
    data["stage"] = pd.Categorical(labels, categories=list(STAGE_NAMES), ordered=True)
    roles: dict[str, Role] = {"y": "outcome", **dict.fromkeys(design.driver_effects, "driver")}
    roles |= {"documents": "offset", "stage": "stage"}
    panel = Panel(
        data=data,
        roles=MappingProxyType(roles),
        notes=MappingProxyType(dict.fromkeys(data.columns, "simulated; drivers are already lagged")),
        weights=MappingProxyType({"nearest": _nearest(names, positions)}),
    )
    frame = pd.DataFrame(positions, index=pd.Index(names, name="region"), columns=["x", "y"])
    return SimulatedPanel(panel, design, pd.Series(mean, index=dates, name="mean"), effects_table(design), frame)


def _nearest(names: list[str], positions: FloatArray) -> SpatialWeights:
    """Weights of the nearest neighbours, each row summing to one."""
    gaps = np.linalg.norm(positions[:, None, :] - positions[None, :, :], axis=2)
    np.fill_diagonal(gaps, np.inf)
    k = min(NEIGHBOURS, len(names) - 1)
    matrix = np.zeros_like(gaps)
    np.put_along_axis(matrix, np.argsort(gaps, axis=1, kind="stable")[:, :k], 1.0 / k, axis=1)
    return SpatialWeights("nearest", tuple(names), matrix, note=f"{k} nearest simulated positions")
