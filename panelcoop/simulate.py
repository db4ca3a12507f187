"""Simulate panels with known truth: the oracle of the tests, a teaching tool, and the way to plan a study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_not_one_of
from panelcoop.errors import DataError
from panelcoop.options import FloatArray, IntArray
from panelcoop.panel.record import Panel, Role, SpatialWeights
from panelcoop.simulate_designs import DESIGNS, STAGE_NAMES, Design
from panelcoop.simulate_events import SimulatedLog, simulate_events
from panelcoop.simulate_paths import ar_noise, common_factor, mean_path, spatial_correlation

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
    chosen = _design(design, changes)
    _fail_if_impossible(chosen, regions, weeks)
    rng = np.random.default_rng(seed)
    positions = rng.uniform(size=(regions, 2))
    factor = None if chosen.reach is None else _factor(positions, chosen.reach)
    stage = _stage_path(chosen, weeks)
    drivers = _drivers(chosen, stage, regions, rng, factor)
    mean = mean_path(chosen.shape, weeks, chosen.amplitude)
    outcome = np.add(rng.standard_normal(regions), mean[:, None]) + _effects(chosen, drivers, stage)
    outcome += chosen.noise * _noise(chosen, weeks, regions, rng, factor)
    documents = _documents(chosen, weeks, regions, rng)
    outcome[rng.uniform(size=outcome.shape) < chosen.missing] = np.nan
    columns = {"y": outcome, **drivers, "documents": documents}
    return _record(chosen, columns, stage, mean=mean, positions=positions, first_week=first_week)


def _design(design: Design | str, changes: Mapping[str, Any]) -> Design:
    if isinstance(design, str):
        fail_if_not_one_of(design, list(DESIGNS), "design")
        design = DESIGNS[design]
    for name in changes:
        fail_if_not_one_of(name, list(Design.__dataclass_fields__), "a field of the design")
    return replace(design, **changes)


def _fail_if_impossible(design: Design, regions: int, weeks: int) -> None:
    faults = {
        "two regions and four weeks are the least": regions < 2 or weeks < 4,
        "common_share and missing lie in [0, 1]": not (0 <= design.common_share <= 1 and 0 <= design.missing <= 1),
        "AR coefficients lie in (-1, 1), the common one may be 1": max(abs(design.own_ar), abs(design.driver_ar)) >= 1
        or not -1 < design.common_ar <= 1,
        f"the stages must add up to {weeks} weeks": bool(design.stage_lengths) and sum(design.stage_lengths) != weeks,
        "there are four stages": len(design.stage_lengths) not in (0, len(STAGE_NAMES)),
    }
    for rule, broken in faults.items():
        if broken:
            msg = f"The design cannot be simulated: {rule}."
            raise DataError(msg)


def _factor(positions: FloatArray, reach: float) -> FloatArray:
    return np.asarray(np.linalg.cholesky(spatial_correlation(positions, reach)), dtype=np.float64)


def _stage_path(design: Design, weeks: int) -> IntArray:
    """Stage of each week, 0 to 3."""
    lengths = design.stage_lengths or tuple(np.diff(np.linspace(0, weeks, 5).round().astype(int)))
    return np.repeat(np.arange(len(STAGE_NAMES)), lengths)


def _drivers(
    design: Design, stage: IntArray, regions: int, rng: np.random.Generator, factor: FloatArray | None
) -> dict[str, FloatArray]:
    """AR(1) fields, shape (T, N) each; the outlier region is the last."""
    fields = {name: ar_noise(len(stage), regions, design.driver_ar, rng, factor) for name in design.driver_effects}
    for values in fields.values():
        values[stage == STAGE_NAMES.index("outbreak"), -1] += design.outlier
    return fields


def _effects(design: Design, drivers: Mapping[str, FloatArray], stage: IntArray) -> FloatArray:
    total = np.asarray(design.stage_effects)[stage][:, None]
    for name, values in drivers.items():
        total = total + np.asarray(design.driver_effects[name])[stage][:, None] * values
    return total


def _noise(design: Design, weeks: int, regions: int, rng: np.random.Generator, factor: FloatArray | None) -> FloatArray:
    loading = 1.0 + 0.3 * rng.standard_normal(regions)
    common = common_factor(weeks, design.common_ar, rng)[:, None] * (loading / loading.mean())
    own = ar_noise(weeks, regions, design.own_ar, rng, factor)
    return np.asarray(np.sqrt(design.common_share) * common + np.sqrt(1.0 - design.common_share) * own)


def _documents(design: Design, weeks: int, regions: int, rng: np.random.Generator) -> FloatArray:
    path = mean_path(design.documents_shape, weeks, 0.5)
    return rng.poisson(design.documents * np.exp(path)[:, None], size=(weeks, regions)).astype(float)


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
    names = [f"R{k + 1:0{len(str(regions))}d}" for k in range(regions)]
    dates = pd.date_range(pd.Timestamp(first_week), periods=weeks, freq="7D", unit="us")
    index = pd.MultiIndex.from_product([names, dates], names=["region", "week"])
    data = pd.DataFrame({name: values.T.ravel() for name, values in columns.items()}, index=index)
    labels = [STAGE_NAMES[code] for code in np.tile(stage, regions)]
    data["stage"] = pd.Categorical(labels, categories=list(STAGE_NAMES), ordered=True)
    roles: dict[str, Role] = {"y": "outcome", **dict.fromkeys(design.driver_effects, "driver")}
    roles |= {"documents": "offset", "stage": "stage"}
    effects = pd.DataFrame({"theta": design.stage_effects, **design.driver_effects}, index=list(STAGE_NAMES))
    panel = Panel(
        data=data,
        roles=MappingProxyType(roles),
        notes=MappingProxyType(dict.fromkeys(data.columns, "simulated; drivers are already lagged")),
        weights=MappingProxyType({"nearest": _nearest(names, positions)}),
    )
    frame = pd.DataFrame(positions, index=pd.Index(names, name="region"), columns=["x", "y"])
    return SimulatedPanel(panel, design, pd.Series(mean, index=dates, name="mean"), effects, frame)


def _nearest(names: list[str], positions: FloatArray) -> SpatialWeights:
    """Weights of the nearest neighbours, each row summing to one."""
    gaps = np.linalg.norm(positions[:, None, :] - positions[None, :, :], axis=2)
    np.fill_diagonal(gaps, np.inf)
    k = min(NEIGHBOURS, len(names) - 1)
    matrix = np.zeros_like(gaps)
    np.put_along_axis(matrix, np.argsort(gaps, axis=1, kind="stable")[:, :k], 1.0 / k, axis=1)
    return SpatialWeights("nearest", tuple(names), matrix, note=f"{k} nearest simulated positions")
