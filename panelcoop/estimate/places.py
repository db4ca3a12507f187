"""Where regions lie: coordinates and distances are matched with the regions a model uses, by label or by count."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from panelcoop.checks import name_few
from panelcoop.errors import DataError
from panelcoop.numerics.covariance.spatial_hac import LabelledTable, Metric, SpatialKernel
from panelcoop.options import FloatArray

__all__ = ["kernel_of_regions"]

AXES = (("latitude", "longitude"), ("y", "x"))


def kernel_of_regions(space: SpatialKernel, used: pd.Index, lost: list[object]) -> SpatialKernel:
    """Put the distances of a kernel in the order of the regions used.

    Parameters
    ----------
    space
        Frames indexed by region, of which those used are picked out; or arrays with one row per region used.
    used
        Labels of the regions that have rows in the model, in the order of their codes.
    lost
        Labels of the panel's other regions, which errors name.

    Returns
    -------
    SpatialKernel
        With arrays.

    Raises
    ------
    DataError
        If a frame lacks a region or the columns of coordinates, or an array has not one row per region used.
    """
    if space.distances is not None:
        return replace(space, distances=_square(space.distances, used, lost))
    assert space.coordinates is not None
    if not isinstance(space.coordinates, pd.DataFrame):
        return replace(space, coordinates=_counted(np.asarray(space.coordinates, float), "coordinates", used, lost))
    table = space.coordinates
    axes = next((pair for pair in AXES if set(pair) <= set(table.columns)), None)
    if axes is None:
        have = name_few(table.columns, 8)
        msg = f"Coordinates need the columns latitude and longitude, or x and y; the frame has {have}."
        raise DataError(msg)
    _fail_if_unplaced(table.index, used, "coordinates")
    places = table.loc[list(used), list(axes)].to_numpy(dtype=float)
    _fail_if_missing(places, used)
    return replace(space, coordinates=places, metric=_metric_of(axes, space.metric))


def _metric_of(axes: tuple[str, str], asked: Metric) -> Metric:
    """Take x and y on a plane and degrees on the earth, round unless a flat one was asked for."""
    if axes == AXES[0]:
        return "great-circle" if asked == "plane" else asked
    if asked == "triangular":
        raise DataError("metric='triangular' is for degrees: name the columns latitude and longitude.")
    return "plane"


def _square(distances: FloatArray | LabelledTable, used: pd.Index, lost: list[object]) -> FloatArray:
    if not isinstance(distances, pd.DataFrame):
        return _counted(np.asarray(distances, float), "distances", used, lost)
    for side in (distances.index, distances.columns):
        _fail_if_unplaced(side, used, "distances")
    return np.asarray(distances.loc[list(used), list(used)], dtype=float)


def _fail_if_unplaced(labels: pd.Index, used: pd.Index, what: str) -> None:
    twice = labels[labels.duplicated()]
    missing = [region for region in used if region not in labels]
    if len(twice) or missing:
        fault = f"hold region {name_few(twice)} twice" if len(twice) else f"lack region {name_few(missing)}"
        msg = f"The {what} {fault}; index them by the labels of the panel's regions, each once."
        raise DataError(msg)


def _fail_if_missing(places: FloatArray, used: pd.Index) -> None:
    empty = np.flatnonzero(~np.isfinite(places).all(axis=1))
    if empty.size:
        msg = f"Coordinates are missing for region {name_few(used[empty])}; fill them or leave the regions out."
        raise DataError(msg)


def _counted(values: FloatArray, what: str, used: pd.Index, lost: list[object]) -> FloatArray:
    if len(values) != len(used):
        why = f" (without rows: {name_few(lost)})" if lost else ""
        msg = (
            f"The {what} have {len(values)} rows, but the model uses {len(used)} regions{why}. Give a frame indexed by "
            "region, which is matched by label, or one row per region used."
        )
        raise DataError(msg)
    return values
