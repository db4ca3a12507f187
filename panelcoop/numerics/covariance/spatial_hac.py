"""Conley's covariance: scores correlated across space within a week, and over the weeks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

import numpy as np
from scipy import sparse

from panelcoop.checks import fail_if_not_one_of
from panelcoop.errors import DataError
from panelcoop.numerics.covariance.hac import calendar_span, newey_west_meat
from panelcoop.numerics.grouping import Grouping
from panelcoop.options import FloatArray

__all__ = ["EARTH_RADIUS", "LabelledTable", "Metric", "SpatialKernel", "conley_meat", "great_circle", "kernel_matrix"]

EARTH_RADIUS = 6371.0088  # km, mean radius (IUGG)
DEGREE = 111.0  # km of one degree in the triangular metric

Metric = Literal["great-circle", "triangular", "plane"]


class LabelledTable(Protocol):
    """A table with labels, such as a pandas frame."""

    @property
    def index(self) -> Any:  # noqa: ANN401
        """Labels of the rows."""

    @property
    def columns(self) -> Any:  # noqa: ANN401
        """Labels of the columns."""


@dataclass(frozen=True, eq=False)
class SpatialKernel:
    """How correlation fades with distance.

    Attributes
    ----------
    cutoff : distance beyond which regions are taken to be uncorrelated (km with latitude and longitude)
    coordinates : a frame indexed by region with columns latitude and longitude, or x and y; or an array (R, 2),
        latitude first, one row per region used and in their order; or None
    distances : a frame with regions on both sides, or an array (R, R); symmetric; or None
    kernel : "bartlett" falls linearly to zero at the cutoff, "uniform" is one up to it
    metric : of coordinates in degrees, "great-circle" or "triangular", fixest's flat earth; of x and y, "plane"
    serial : with a lag, "own" adds a region's own weeks; "product" multiplies the kernel in space with Bartlett weights
        in time, so that near regions count in near weeks too; "all" lets near regions count in all weeks alike, however
        far apart, as `vcov_conley` of fixest does, and takes no lag

    Notes
    -----
    triangular: d = 111 km sqrt((lat_i - lat_j)^2 + cos^2((lat_i + lat_j)/2) (lon_i - lon_j)^2), in degrees, the default
    of fixest's `conley`, whose kernel is uniform; its "spherical" is great-circle with a radius of 6376 km (6371.0088
    here). Stata's `acreg` takes the cosine at one point of a pair, which is no distance (d_ij and d_ji differ) and is
    not offered. Degrees of freedom are those of the rows, n - K, whatever `serial` is: with few regions p-values are
    too small, and clusters by region are safer.

    Raises
    ------
    DataError
        When the cutoff is not positive, an option is unknown, or not one of coordinates and distances is given.
    """

    cutoff: float
    coordinates: FloatArray | LabelledTable | None = None
    distances: FloatArray | LabelledTable | None = None
    kernel: Literal["bartlett", "uniform"] = "bartlett"
    metric: Metric = "great-circle"
    serial: Literal["own", "product", "all"] = "own"

    def __post_init__(self) -> None:
        """Refuse what no covariance could use."""
        fail_if_not_one_of(self.kernel, ("bartlett", "uniform"), "kernel")
        fail_if_not_one_of(self.metric, get_args(Metric), "metric")
        fail_if_not_one_of(self.serial, ("own", "product", "all"), "serial")
        if not self.cutoff > 0:
            msg = f"The cutoff must be positive; got {self.cutoff}."
            raise DataError(msg)
        if (self.coordinates is None) == (self.distances is None):
            msg = "Give either coordinates (R, 2) or distances (R, R)."
            raise DataError(msg)


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
    """Return the (R, R) kernel weights of arrays by region code.

    Raises
    ------
    DataError
        When sizes differ from the regions, distances are not a symmetric matrix with a zero diagonal, coordinates are
        not finite or not degrees, or a table has labels: these are matched by `fit.inference` and `with_covariance`.
    """
    if space.distances is not None:
        distances = _by_code(space.distances)
        _fail_if_not_distances(distances, regions)
        near = sparse.coo_array(np.where(distances <= space.cutoff, 1.0, 0.0))
        away = distances[near.row, near.col]
    else:
        near, away = _near_points(_by_code(space.coordinates), regions, space)
    weight = np.ones_like(away) if space.kernel == "uniform" else 1.0 - away / space.cutoff
    return sparse.csr_array((weight, (near.row, near.col)), shape=(regions, regions))


def _by_code(table: FloatArray | LabelledTable | None) -> FloatArray:
    if hasattr(table, "columns"):
        msg = "Coordinates and distances with labels are matched by an estimate; pass arrays by region code here."
        raise DataError(msg)
    return np.asarray(table, float)


def _near_points(coordinates: FloatArray, regions: int, space: SpatialKernel) -> tuple[sparse.coo_array, FloatArray]:
    _fail_if_not_coordinates(coordinates, regions, space.metric)
    from scipy.spatial import cKDTree

    earth = space.metric != "plane"
    tree = cKDTree(_on_sphere(coordinates) if earth else coordinates)
    pairs = tree.query_pairs(_reach(space) * (1 + 1e-12), output_type="ndarray")
    own = np.arange(regions)
    row = np.concatenate([pairs[:, 0], pairs[:, 1], own])
    col = np.concatenate([pairs[:, 1], pairs[:, 0], own])
    if space.metric == "triangular":
        away = _triangular(coordinates[row], coordinates[col])
        near = away <= space.cutoff * (1 + 1e-12)
        row, col, away = row[near], col[near], away[near]
    else:
        gap = np.sqrt(((tree.data[row] - tree.data[col]) ** 2).sum(axis=1))
        away = 2 * EARTH_RADIUS * np.arcsin(np.clip(gap / 2, 0.0, 1.0)) if earth else gap
    return sparse.coo_array((np.ones(len(row)), (row, col)), shape=(regions, regions)), np.minimum(away, space.cutoff)


def _reach(space: SpatialKernel) -> float:
    """Return the straight line between points on the unit sphere (or plane) that no pair within the cutoff exceeds.

    Half a chord is the sine of half the angle, which the triangular distance in radians never falls short of.
    """
    if space.metric == "plane":
        return space.cutoff
    if space.metric == "triangular":
        return float(np.radians(space.cutoff / DEGREE))
    return float(2 * np.sin(min(space.cutoff / EARTH_RADIUS, np.pi) / 2))


def _triangular(one: FloatArray, other: FloatArray) -> FloatArray:
    """Return (m,) km between pairs of points (m, 2) on a flat earth, the shorter way round."""
    north, east = np.abs(one - other).T
    east = np.minimum(east % 360.0, 360.0 - east % 360.0)
    return np.asarray(DEGREE * np.hypot(north, np.cos(np.radians((one[:, 0] + other[:, 0]) / 2)) * east))


def _fail_if_not_coordinates(coordinates: FloatArray, regions: int, metric: str) -> None:
    if coordinates.shape != (regions, 2) or not np.isfinite(coordinates).all():
        msg = f"Coordinates must be finite, ({regions}, 2) by region, latitude first; got {coordinates.shape}."
        raise DataError(msg)
    if metric != "plane" and (np.abs(coordinates) > [90.0, 360.0]).any():
        row = int(np.flatnonzero((np.abs(coordinates) > [90.0, 360.0]).any(axis=1))[0])
        msg = (
            f"Latitude lies within 90 and longitude within 360 degrees; row {row} is {coordinates[row].tolist()}. Put "
            "latitude first, or give metric='plane' for x and y."
        )
        raise DataError(msg)


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
    """Sum products of scores over near regions in the same week, and over weeks up to `lag` apart.

    Parameters
    ----------
    row_scores : (n, k)
    units : regions; `coordinates` and `distances` are indexed by their original codes
    weeks : None compares regions over all weeks at once, as serial="all" does
    lag : serial lag with Bartlett weights; needs weeks

    Notes
    -----
    serial="own": M = sum_t sum_ij K(d_ij) s_it s_jt' + sum_i sum_{l=1..L} (1 - l/(L+1)) sum_t (s_it s_i,t-l' +
    transpose); serial="product": M = sum_ij sum_st K(d_ij) (1 - |s-t|/(L+1)) s_is s_jt', a kernel in both (Conley,
    1999).
    """
    k = row_scores.shape[1]
    regions = len(np.asarray(space.coordinates if space.distances is None else space.distances))
    kernel = kernel_matrix(space, regions)[units.labels][:, units.labels]
    place, span = np.zeros(len(units.codes), np.int64), 1
    if weeks is not None and space.serial != "all":
        place, span = weeks.codes, weeks.size
        if space.serial == "product":
            place, span = weeks.labels[weeks.codes] - weeks.labels[0], calendar_span(weeks.labels)
    cell = units.codes * span + place
    order = np.argsort(cell, kind="stable")
    starts = np.searchsorted(cell[order], np.arange(units.size * span + 1))
    wide = sparse.csr_array((np.ones(len(cell)), order, starts), shape=(units.size * span, len(cell))) @ row_scores
    smoothed = (kernel @ wide.reshape(units.size, span * k)).reshape(units.size, span, k)
    wide = wide.reshape(units.size, span, k)
    meat = _lagged(smoothed, wide, 0)
    if space.serial == "product":
        for step in range(1, min(lag, span - 1) + 1):
            meat = meat + 2 * (1.0 - step / (lag + 1.0)) * _lagged(smoothed, wide, step)
    elif lag and weeks is not None and space.serial == "own":
        meat = meat + newey_west_meat(row_scores, units, weeks, lag) - row_scores.T @ row_scores
    return np.asarray(meat)


def _lagged(smoothed: FloatArray, wide: FloatArray, step: int) -> FloatArray:
    """Return the symmetric part (k, k) of products of scores `step` weeks apart."""
    k = wide.shape[2]
    late, early = smoothed[:, step:].reshape(-1, k), wide[:, : wide.shape[1] - step].reshape(-1, k)
    part = late.T @ early
    return np.asarray((part + part.T) / 2)
