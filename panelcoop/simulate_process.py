"""What simulated panels and logs are drawn from: stages, drivers, shocks and documents of a design."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_not_one_of
from panelcoop.errors import DataError
from panelcoop.options import FloatArray, IntArray
from panelcoop.simulate_designs import DESIGNS, STAGE_NAMES, Design
from panelcoop.simulate_paths import ar_noise, common_factor, mean_path, spatial_correlation

__all__ = [
    "correlation_factor",
    "design_of",
    "document_counts",
    "driver_fields",
    "effects_table",
    "fail_if_impossible",
    "region_names",
    "shared_noise",
    "stage_path",
    "stage_terms",
]


def design_of(design: Design | str, changes: Mapping[str, Any]) -> Design:
    """Return a design, or the one of a name, with some fields changed.

    Raises
    ------
    DataError
        When the name or a field is unknown.
    """
    if isinstance(design, str):
        fail_if_not_one_of(design, list(DESIGNS), "design")
        design = DESIGNS[design]
    for name in changes:
        fail_if_not_one_of(name, list(Design.__dataclass_fields__), "a field of the design")
    return replace(design, **changes)


def fail_if_impossible(design: Design, weeks: int) -> None:
    """Refuse a design that cannot be, or whose stages do not fill the window.

    Raises
    ------
    DataError
        Names the rule that is broken.
    """
    faults = {
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


def correlation_factor(positions: FloatArray, reach: float | None) -> FloatArray | None:
    """Return the Cholesky factor of the correlation between regions, shape (N, N); None where they are independent."""
    if reach is None:
        return None
    return np.asarray(np.linalg.cholesky(spatial_correlation(positions, reach)), dtype=np.float64)


def stage_path(design: Design, weeks: int) -> IntArray:
    """Give the number of the stage of each week, shape (T,): 0 to 3."""
    lengths = design.stage_lengths or tuple(np.diff(np.linspace(0, weeks, 5).round().astype(int)))
    return np.repeat(np.arange(len(STAGE_NAMES)), lengths)


def driver_fields(
    design: Design, stage: IntArray, regions: int, rng: np.random.Generator, factor: FloatArray | None
) -> dict[str, FloatArray]:
    """Draw the drivers, AR(1) fields of shape (T, N); the outlier region is the last."""
    fields = {name: ar_noise(len(stage), regions, design.driver_ar, rng, factor) for name in design.driver_effects}
    for values in fields.values():
        values[stage == STAGE_NAMES.index("outbreak"), -1] += design.outlier
    return fields


def stage_terms(design: Design, drivers: Mapping[str, FloatArray], stage: IntArray) -> FloatArray:
    """Add up stage effects and driver effects by stage, shape (T, N) or (T, 1)."""
    total = np.asarray(design.stage_effects)[stage][:, None]
    for name, values in drivers.items():
        total = total + np.asarray(design.driver_effects[name])[stage][:, None] * values
    return total


def shared_noise(
    design: Design, weeks: int, regions: int, rng: np.random.Generator, factor: FloatArray | None
) -> FloatArray:
    """Draw noise of unit variance, shape (T, N): a shock that all regions share, and one of their own."""
    loading = 1.0 + 0.3 * rng.standard_normal(regions)
    common = common_factor(weeks, design.common_ar, rng)[:, None] * (loading / loading.mean())
    own = ar_noise(weeks, regions, design.own_ar, rng, factor)
    return np.asarray(np.sqrt(design.common_share) * common + np.sqrt(1.0 - design.common_share) * own)


def document_counts(design: Design, weeks: int, regions: int, rng: np.random.Generator) -> FloatArray:
    """Draw the number of documents, shape (T, N)."""
    path = mean_path(design.documents_shape, weeks, 0.5)
    return rng.poisson(design.documents * np.exp(path)[:, None], size=(weeks, regions)).astype(float)


def effects_table(design: Design) -> pd.DataFrame:
    """Lay out the true effects: rows are stages, columns "theta" and the drivers."""
    return pd.DataFrame({"theta": design.stage_effects, **design.driver_effects}, index=list(STAGE_NAMES))


def region_names(regions: int) -> list[str]:
    """Name the regions R1, R2, ..., padded so that they sort.

    Examples
    --------
    >>> region_names(10)[0]
    'R01'
    """
    return [f"R{k + 1:0{len(str(regions))}d}" for k in range(regions)]
