"""Spatial weights beyond contiguity: nearest, distance, gravity, mobility, or a matrix of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing, fail_if_not_finite, fail_if_not_one_of, name_few
from panelcoop.errors import DataError
from panelcoop.options import BoolArray, FloatArray
from panelcoop.panel.record import SpatialWeights
from panelcoop.panel.tables import day_of, read_days, read_numbers
from panelcoop.panel.weeks import When
from panelcoop.panel.weights import spatial_weights

__all__ = [
    "Metric",
    "distance_weights",
    "gravity_weights",
    "matrix_weights",
    "mobility_weights",
    "nearest_weights",
    "unbalanced_lag",
]

Metric: TypeAlias = Literal["plane", "sphere"]
"""Positions on a plane (x, y), or on the earth (x is longitude, y latitude, in degrees; distance in kilometres)."""

EARTH_KM = 6371.0088


def nearest_weights(
    positions: pd.DataFrame, *, k: int = 4, metric: Metric = "plane", row_standardised: bool = True
) -> SpatialWeights:
    """Join each region to its k nearest.

    Parameters
    ----------
    positions
        Indexed by region, columns `x` and `y`.
    k
        Neighbours per region.
    metric
        Plane or sphere.
    row_standardised
        Whether rows sum to one.

    Returns
    -------
    SpatialWeights
        Not symmetric in general; ties go to the region that stands first.

    Raises
    ------
    DataError
        When a position is missing, a region stands twice, or there are not more than k regions.

    Examples
    --------
    >>> line = pd.DataFrame({"x": [0.0, 1.0, 3.0], "y": 0.0}, index=["A", "B", "C"])
    >>> nearest_weights(line, k=1).matrix.tolist()
    [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    gaps = _distances(positions, metric)
    if not 1 <= k < len(gaps):
        msg = f"k must lie between 1 and {len(gaps) - 1}; got {k}."
        raise DataError(msg)
    np.fill_diagonal(gaps, np.inf)
    matrix = np.zeros_like(gaps)
    np.put_along_axis(matrix, np.argsort(gaps, axis=1, kind="stable")[:, :k], 1.0, axis=1)
    return spatial_weights("nearest", _labels(positions), matrix, f"{k} nearest", row_standardised=row_standardised)


def distance_weights(
    positions: pd.DataFrame,
    *,
    exponent: float = 1.0,
    cutoff: float | None = None,
    metric: Metric = "plane",
    row_standardised: bool = True,
) -> SpatialWeights:
    """Weigh by inverse distance: w_ij = d_ij^-gamma, zero beyond the cutoff.

    Parameters
    ----------
    positions, metric, row_standardised
        As in ``nearest_weights``.
    exponent
        gamma, zero or more.
    cutoff
        Largest distance that counts, above zero.

    Raises
    ------
    DataError
        When two regions stand in one place (but with exponent zero), a position is missing, a region stands twice, the
        exponent is negative or so large that weights vanish, or the cutoff is not positive.

    Examples
    --------
    >>> line = pd.DataFrame({"x": [0.0, 1.0, 3.0], "y": 0.0}, index=["A", "B", "C"])
    >>> distance_weights(line, exponent=1, row_standardised=False).matrix[0].round(3).tolist()
    [0.0, 1.0, 0.333]
    """
    if cutoff is not None and not cutoff > 0:
        msg = f"The cutoff must be above zero, or no region has a partner; got {cutoff:g}."
        raise DataError(msg)
    gaps = _distances(positions, metric)
    matrix = _inverse(gaps, exponent, _labels(positions))
    if cutoff is not None:
        matrix[gaps > cutoff] = 0.0
    note = f"distance to the power -{exponent:g}" + (f", up to {cutoff:g}" if cutoff is not None else "")
    return spatial_weights("distance", _labels(positions), matrix, note, row_standardised=row_standardised)


def gravity_weights(
    positions: pd.DataFrame,
    mass: pd.Series,
    *,
    exponent: float = 1.0,
    metric: Metric = "plane",
    row_standardised: bool = True,
) -> SpatialWeights:
    """Weigh by gravity: w_ij = m_i m_j d_ij^-gamma.

    Parameters
    ----------
    positions, exponent, metric, row_standardised
        As in ``distance_weights``.
    mass
        m by region: population or product of a year before the study.

    Raises
    ------
    DataError
        When a mass is missing or not positive, or positions are bad.

    Notes
    -----
    Row-standardised, m_i cancels: rows weigh partners by m_j d_ij^-gamma.
    """
    labels = _labels(positions)
    masses = mass.rename(index=str).reindex(labels).to_numpy(float)
    if not (masses > 0).all():
        msg = f"The mass is missing or not positive for {name_few(np.array(labels)[~(masses > 0)])}."
        raise DataError(msg)
    matrix = _inverse(_distances(positions, metric), exponent, labels) * masses[:, None] * masses[None, :]
    return spatial_weights(
        "gravity", labels, matrix, f"gravity with exponent {exponent:g}", row_standardised=row_standardised
    )


def mobility_weights(
    flows: pd.DataFrame,
    regions: Sequence[str],
    *,
    base: tuple[When, When] | None = None,
    begins: When | None = None,
    row_standardised: bool = True,
) -> SpatialWeights:
    """Weigh by movements of a base period: w_ij = flow from j to i.

    Parameters
    ----------
    flows
        `source`, `target`, `flow`, and `date` where a base period is named.
    regions
        Labels of the N regions, in the order wanted; flows of others are left out and counted in the note.
    base
        First and last day (or ISO week) of the base period. Later flows are left out: they answer to the epidemic and
        to cooperation itself.
    begins
        First day of the study, which the base period must end before.
    row_standardised
        Whether rows are divided by their sums.

    Returns
    -------
    SpatialWeights
        Row i weighs the origins j of arrivals in i.

    Raises
    ------
    DataError
        When a column is missing, a day cannot be read, a flow is negative or no number, nothing falls in the base
        period, no flow joins two of the regions, or the base period reaches into the study.
    """
    fail_if_columns_missing(["source", "target", "flow"], flows.columns, "The table of flows")
    kept = flows if base is None else flows[_in_base(flows, base, begins)]
    values = read_numbers(kept["flow"], "The table of flows").to_numpy(float)
    if not len(values) or not (values >= 0).all():
        msg = "The base period holds no flow, or a flow that is negative or missing."
        raise DataError(msg)
    places = pd.Index([str(region) for region in regions])
    origin, arrival = (places.get_indexer(pd.Index(kept[side].astype(str))) for side in ("source", "target"))
    known = (origin >= 0) & (arrival >= 0)
    if not known.any():
        msg = (
            "No flow joins two of the regions: the table of flows names "
            f"{name_few(kept['source'].astype(str).unique())}, the regions are {name_few(places)}; "
            "write the same codes in both."
        )
        raise DataError(msg)
    inside = known & (origin != arrival)
    matrix = np.zeros((len(places), len(places)))
    np.add.at(matrix, (arrival[inside], origin[inside]), values[inside])
    note = "mobility" + (f" of {base[0]} to {base[1]}" if base is not None else ", base period not stated")
    if not known.all():
        note += f"; {int((~known).sum())} flows from or to other regions left out"
    return spatial_weights("mobility", tuple(places), matrix, note, row_standardised=row_standardised)


def matrix_weights(matrix: pd.DataFrame, *, name: str = "own", row_standardised: bool = True) -> SpatialWeights:
    """Take a matrix of one's own.

    Parameters
    ----------
    matrix
        Same labels in rows and columns, in any order; zero or more; the diagonal must be zero.
    name, row_standardised
        Name of the weights; whether rows are divided by their sums.

    Raises
    ------
    DataError
        When labels differ, a weight is negative or missing, or a region weighs itself.
    """
    labels = tuple(str(label) for label in matrix.index)
    square = matrix.rename(columns=str)
    if sorted(labels) != sorted(square.columns) or len(set(labels)) != len(labels):
        msg = "Rows and columns of the matrix must hold the same labels, each once."
        raise DataError(msg)
    values = square[list(labels)].to_numpy(float)
    fail_if_not_finite(values, name, "write 0 where there is no tie")
    if (values < 0).any() or np.diag(values).any():
        msg = f"The weights '{name}' must be zero or more, with a zero diagonal."
        raise DataError(msg)
    return spatial_weights(name, labels, values, "given as a matrix", row_standardised=row_standardised)


def unbalanced_lag(values: FloatArray, weights: SpatialWeights, *, least: float = 0.5) -> FloatArray:
    """Average partners in weeks in which some are missing.

    Parameters
    ----------
    values
        Shape (T, N).
    weights
        Row-standardised weights.
    least
        Smallest share of a region's weight that must be observed, in (0, 1].

    Returns
    -------
    numpy.ndarray
        sum_j w_ij x_jt / sum_j w_ij over the partners observed in t, shape (T, N); NaN below `least` and for isolates.

    Raises
    ------
    DataError
        When the weights are not row-standardised or `least` is outside (0, 1].

    Examples
    --------
    >>> w = matrix_weights(pd.DataFrame([[0, 1, 3], [1, 0, 0], [0, 0, 0]], index=list("abc"), columns=list("abc")))
    >>> unbalanced_lag(np.array([[1.0, np.nan, 4.0]]), w)
    array([[ 4.,  1., nan]])
    """
    if not weights.row_standardised or not 0 < least <= 1:
        msg = "Averaging over observed partners needs row-standardised weights and a share in (0, 1]."
        raise DataError(msg)
    seen = np.isfinite(values)
    mass = seen.astype(float) @ weights.matrix.T
    total = np.where(seen, values, 0.0) @ weights.matrix.T
    enough = (mass >= least) & (mass > 0)
    lag: FloatArray = np.divide(total, mass, out=np.full(mass.shape, np.nan), where=enough)
    return lag


def _in_base(flows: pd.DataFrame, base: tuple[When, When], begins: When | None) -> BoolArray:
    """Mark the flows of the base period, which ends before the study begins."""
    fail_if_columns_missing(["date"], flows.columns, "The table of flows")
    first, last = day_of(base[0], "The base period"), day_of(base[1], "The base period", ends=True)
    if last < first or (begins is not None and last >= day_of(begins, "The first day of the study")):
        limit = "" if begins is None else f" and the study begins on {day_of(begins, 'The study').date()}"
        msg = (
            f"The base period runs from {first.date()} to {last.date()}{limit}: it must begin before it ends, and "
            "end before the study, or the weights answer to what they shall explain."
        )
        raise DataError(msg)
    days = read_days(flows["date"], "The table of flows")
    return ((days >= first) & (days <= last)).to_numpy(bool)


def _labels(positions: pd.DataFrame) -> tuple[str, ...]:
    return tuple(str(label) for label in positions.index)


def _distances(positions: pd.DataFrame, metric: Metric) -> FloatArray:
    fail_if_not_one_of(metric, ["plane", "sphere"], "metric")
    fail_if_columns_missing(["x", "y"], positions.columns, "The table of positions")
    labels = pd.Index(_labels(positions))
    if labels.has_duplicates:
        twice = name_few(labels[labels.duplicated()].unique())
        msg = f"The table of positions holds {twice} more than once; keep one row per region."
        raise DataError(msg)
    points = positions[["x", "y"]].to_numpy(float)
    fail_if_not_finite(points, "position")
    if metric == "sphere" and (np.abs(points) > np.array([360.0, 90.0])).any():
        row = int(np.flatnonzero((np.abs(points) > np.array([360.0, 90.0])).any(axis=1))[0])
        msg = f"{_labels(positions)[row]} does not lie on the earth: x is its longitude and y its latitude, in degrees."
        raise DataError(msg)
    if metric == "plane":
        return np.asarray(np.linalg.norm(points[:, None, :] - points[None, :, :], axis=2))
    lon, lat = np.radians(points).T
    half = (
        np.sin((lat[:, None] - lat) / 2) ** 2
        + np.cos(lat[:, None]) * np.cos(lat) * np.sin((lon[:, None] - lon) / 2) ** 2
    )
    return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0))))


def _inverse(gaps: FloatArray, exponent: float, labels: Sequence[str]) -> FloatArray:
    if not 0 <= exponent < np.inf:
        msg = f"The exponent must be zero or more, and finite; got {exponent}."
        raise DataError(msg)
    apart = ~np.eye(len(gaps), dtype=bool)
    if exponent > 0 and (gaps[apart] == 0).any():
        i, j = np.argwhere((gaps == 0) & apart)[0]
        msg = f"{labels[i]} and {labels[j]} stand in one place: their inverse distance is infinite."
        raise DataError(msg)
    with np.errstate(over="ignore", under="ignore"):
        matrix = np.where(apart, np.power(np.where(apart, gaps, 1.0), -exponent), 0.0)
    if not np.isfinite(matrix).all() or (len(labels) > 1 and not (matrix > 0).any(axis=1).all()):
        msg = (
            f"Distances to the power -{exponent:g} leave the range of numbers: take a smaller exponent, or measure "
            "distance in another unit."
        )
        raise DataError(msg)
    return matrix
