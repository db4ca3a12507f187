"""Conley's covariance: scores correlated across space within a week, and along a region's own weeks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import sparse

from panelcoop.errors import DataError
from panelcoop.numerics.covariance.hac import newey_west_meat
from panelcoop.numerics.grouping import Grouping
from panelcoop.options import FloatArray

__all__ = ["EARTH_RADIUS", "SpatialKernel", "conley_meat", "great_circle", "kernel_matrix"]

EARTH_RADIUS = 6371.0088  # km, mean radius (IUGG)


@dataclass(frozen=True, eq=False)
class SpatialKernel:
    """How correlation fades with distance.

    Attributes
    ----------
    cutoff : distance beyond which regions are taken to be uncorrelated (km with coordinates)
    coordinates : (R, 2) latitude and longitude in degrees, by region code; or None
    distances : (R, R) symmetric distances by region code; or None
    kernel : "bartlett" falls linearly to zero at the cutoff, "uniform" is one up to it
    """

    cutoff: float
    coordinates: FloatArray | None = None
    distances: FloatArray | None = None
    kernel: Literal["bartlett", "uniform"] = "bartlett"


def great_circle(coordinates: FloatArray) -> FloatArray:
    """Return (R, R) great-circle distances in km between points given as latitude and longitude in degrees.

    Examples
    --------
    >>> float(great_circle(np.array([[0.0, 0.0], [0.0, 90.0]]))[0, 1].round(1))
    10007.6
    """
    points = _on_sphere(coordinates)
    chord = np.sqrt(((points[:, None] - points) ** 2).sum(axis=2))
    return np.asarray(2 * EARTH_RADIUS * np.arcsin(np.clip(chord / 2, 0.0, 1.0)))


def _on_sphere(coordinates: FloatArray) -> FloatArray:
    latitude, longitude = np.radians(coordinates).T
    flat = np.cos(latitude)
    return np.column_stack([flat * np.cos(longitude), flat * np.sin(longitude), np.sin(latitude)])


def kernel_matrix(space: SpatialKernel, regions: int) -> sparse.csr_array:
    """Return the (R, R) kernel weights.

    Raises
    ------
    DataError
        When neither or both of coordinates and distances are given, sizes differ from the regions, distances are not a
        symmetric matrix with a zero diagonal, or the cutoff is not positive.
    """
    if not space.cutoff > 0:
        msg = f"The cutoff must be positive; got {space.cutoff}."
        raise DataError(msg)
    if (space.coordinates is None) == (space.distances is None):
        msg = "Give either coordinates (R, 2) or distances (R, R)."
        raise DataError(msg)
    if space.distances is not None:
        distances = np.asarray(space.distances, float)
        _fail_if_not_distances(distances, regions)
        near = sparse.coo_array(np.where(distances <= space.cutoff, 1.0, 0.0))
        away = distances[near.row, near.col]
    else:
        near, away = _near_points(np.asarray(space.coordinates, float), regions, space.cutoff)
    weight = np.ones_like(away) if space.kernel == "uniform" else 1.0 - away / space.cutoff
    return sparse.csr_array((weight, (near.row, near.col)), shape=(regions, regions))


def _near_points(coordinates: FloatArray, regions: int, cutoff: float) -> tuple[sparse.coo_array, FloatArray]:
    if coordinates.shape != (regions, 2) or not np.isfinite(coordinates).all():
        msg = f"Coordinates must be finite latitude and longitude, ({regions}, 2) by region; got {coordinates.shape}."
        raise DataError(msg)
    from scipy.spatial import cKDTree

    tree = cKDTree(_on_sphere(coordinates))
    chord = 2 * np.sin(min(cutoff / EARTH_RADIUS, np.pi) / 2)
    pairs = tree.query_pairs(chord * (1 + 1e-12), output_type="ndarray")
    own = np.arange(regions)
    row = np.concatenate([pairs[:, 0], pairs[:, 1], own])
    col = np.concatenate([pairs[:, 1], pairs[:, 0], own])
    gap = np.sqrt(((tree.data[row] - tree.data[col]) ** 2).sum(axis=1))
    away = np.minimum(2 * EARTH_RADIUS * np.arcsin(np.clip(gap / 2, 0.0, 1.0)), cutoff)
    return sparse.coo_array((np.ones(len(row)), (row, col)), shape=(regions, regions)), away


def _fail_if_not_distances(distances: FloatArray, regions: int) -> None:
    if distances.shape != (regions, regions):
        msg = f"Distances must be ({regions}, {regions}), by region code; got {distances.shape}."
        raise DataError(msg)
    if not (np.isfinite(distances).all() and np.allclose(distances, distances.T) and not np.diag(distances).any()):
        msg = "Distances must be finite and symmetric with a zero diagonal."
        raise DataError(msg)


def conley_meat(
    row_scores: FloatArray, units: Grouping, weeks: Grouping | None, space: SpatialKernel, lag: int
) -> FloatArray:
    """Sum products of scores over near regions in the same week, and over a region's own weeks up to `lag` apart.

    Parameters
    ----------
    row_scores : (n, k)
    units : regions; `coordinates` and `distances` are indexed by their original codes
    weeks : None compares regions over all weeks at once (as fixest does)
    lag : serial lag with Bartlett weights; needs weeks

    Notes
    -----
    M = sum_t sum_ij K(d_ij) s_it s_jt' + sum_i sum_{l=1..L} (1 - l/(L+1)) sum_t (s_it s_i,t-l' + transpose) (Conley,
    1999).
    """
    k = row_scores.shape[1]
    regions = len(space.distances) if space.distances is not None else len(np.asarray(space.coordinates))
    kernel = kernel_matrix(space, regions)[units.labels][:, units.labels]
    cells = 1 if weeks is None else weeks.size
    cell = units.codes * cells + (0 if weeks is None else weeks.codes)
    order = np.argsort(cell, kind="stable")
    wide = (
        sparse.csr_array(
            (np.ones(len(cell)), order, np.searchsorted(cell[order], np.arange(units.size * cells + 1))),
            shape=(units.size * cells, len(cell)),
        )
        @ row_scores
    )
    smoothed = (kernel @ wide.reshape(units.size, cells * k)).reshape(-1, k)
    meat = smoothed.T @ wide
    meat = (meat + meat.T) / 2
    if lag and weeks is not None:
        meat = meat + newey_west_meat(row_scores, units, weeks, lag) - row_scores.T @ row_scores
    return np.asarray(meat)
