"""What a covariance is taken over: clusters, regions and weeks, lags, distances - or what of these is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from panelcoop.errors import DataError
from panelcoop.numerics.covariance.hac import default_lag
from panelcoop.numerics.covariance.small_sample import SmallSampleRule
from panelcoop.numerics.covariance.spatial_hac import SpatialKernel
from panelcoop.numerics.grouping import Grouping, group_rows
from panelcoop.numerics.regression.least_squares import LinearFit
from panelcoop.options import Covariance, IntArray, SmallSample

__all__ = ["Dimensions", "dimensions_of", "lag_of", "nesting_groups"]


@dataclass(frozen=True, eq=False)
class Dimensions:
    """What a covariance is taken over.

    Attributes
    ----------
    clusters : one grouping per cluster dimension
    units, weeks : regions and weeks, for covariances in time
    lag : largest lag in weeks
    space : distances, kernel and cutoff of Conley's covariance
    """

    clusters: tuple[Grouping, ...]
    units: Grouping | None
    weeks: Grouping | None
    lag: int
    space: SpatialKernel | None

    @property
    def sizes(self) -> tuple[int, ...]:
        """Clusters per dimension, or weeks."""
        return tuple(g.size for g in self.clusters) or ((self.weeks.size,) if self.weeks is not None else ())


def _grouped(fit: LinearFit, codes: IntArray, name: str) -> Grouping:
    """Group the rows, or return the effect these codes were absorbed as."""
    for known in fit.absorber.groupings:
        if known.codes is codes:
            return known
    found = group_rows(codes, name)
    if len(codes) != fit.nobs:
        msg = f"'{name}' has {len(codes)} codes for {fit.nobs} rows; subset the codes as the rows were."
        raise DataError(msg)
    return found


def dimensions_of(
    fit: LinearFit,
    kind: Covariance,
    *,
    clusters: Sequence[IntArray],
    units: IntArray | None,
    weeks: IntArray | None,
    space: SpatialKernel | None,
) -> Dimensions:
    """Group the rows as the kind needs them, or say what is missing.

    Raises
    ------
    DataError
        When the kind needs clusters, weeks or distances that were not given, or there is one cluster or week only.
    """
    wanted = {"CRV1": 1, "CRV2": 1, "CRV3": 1, "two-way": 2}.get(kind, 0)
    if wanted and (len(clusters) < wanted or (kind != "two-way" and len(clusters) > 1)):
        number = "at least two cluster dimensions" if wanted == 2 else "one cluster dimension"
        msg = f"'{kind}' needs {number}; got {len(clusters)}."
        raise DataError(msg)
    need = {"newey-west": ("units", "weeks"), "driscoll-kraay": ("weeks",), "conley": ("units", "space")}
    given = {"units": units, "weeks": weeks, "space": space}
    missing = [name for name in need.get(kind, ()) if given[name] is None]
    if missing:
        msg = f"'{kind}' needs {' and '.join(missing)}; pass the codes of each row."
        raise DataError(msg)
    grouped = tuple(_grouped(fit, c, f"cluster {i + 1}") for i, c in enumerate(clusters)) if wanted else ()
    for position, found in enumerate(grouped):
        if found.size < 2:
            msg = f"Cluster dimension {position + 1} holds one cluster; a clustered covariance needs at least two."
            raise DataError(msg)
    timed = kind in need
    timeless = kind == "conley" and space is not None and space.serial == "all"
    by_week = _grouped(fit, weeks, "weeks") if timed and weeks is not None and not timeless else None
    by_unit = _grouped(fit, units, "units") if timed and units is not None else None
    if kind in ("newey-west", "driscoll-kraay") and by_week is not None and by_week.size < 2:
        msg = f"'{kind}' needs at least two weeks."
        raise DataError(msg)
    return Dimensions(grouped, by_unit, by_week, 0, space)


def nesting_groups(kind: Covariance, over: Dimensions, rule: SmallSampleRule) -> tuple[Grouping, ...]:
    """Return the groups in which an effect counts as nested: see `SmallSampleRule`."""
    regions = () if over.units is None else (over.units,)
    weeks = () if over.weeks is None else (over.weeks,)
    if rule.parameters == "nonregional":
        return regions
    return {"newey-west": regions + weeks, "driscoll-kraay": weeks, "conley": regions}.get(kind, over.clusters)


def lag_of(kind: Covariance, over: Dimensions, lag: int | None, small_sample: SmallSample | SmallSampleRule) -> int:
    """Return the lag that was asked for, or the program's default.

    Raises
    ------
    DataError
        When the lag is negative.
    """
    if lag is not None and lag < 0:
        msg = f"The lag must not be negative; got {lag}."
        raise DataError(msg)
    if lag and kind == "conley" and over.space is not None and over.space.serial == "all":
        msg = f"serial='all' counts all weeks alike and takes no lag; got {lag}. Use serial='own' or 'product'."
        raise DataError(msg)
    if lag and kind == "conley" and over.weeks is None:
        msg = f"A lag of {lag} needs weeks: pass the week of each row, or leave the lag out to count all weeks alike."
        raise DataError(msg)
    if kind == "conley" or over.weeks is None:
        return int(lag or 0)
    preset: SmallSample = small_sample if isinstance(small_sample, str) else "fixest"
    return default_lag(over.weeks.size, preset) if lag is None else int(lag)
