"""Forced or autonomous: take lags of own and neighbours' risk out of an outcome before the waves are tested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TypeAlias

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_not_one_of, name_few
from panelcoop.errors import DataError
from panelcoop.options import BoolArray, FloatArray
from panelcoop.panel.periods import period_positions
from panelcoop.panel.record import Panel, SpatialWeights
from panelcoop.waves.inputs import WaveInput, matrix_of

__all__ = ["Removal", "as_removal", "lag_weeks", "on_cells_of", "remove_drivers", "spatial_lag"]

CONSTANT = 1e-12
"""Share of a column's norm below which what is left within regions is rounding."""

Column: TypeAlias = tuple[str, str, int]
"""A driver, whether its own values or the neighbours', and the lag."""


@dataclass(frozen=True)
class Removal:
    """What is removed before the test.

    Parameters
    ----------
    drivers
        Columns, for example the risk of an epidemic.
    weights
        Name of the panel's spatial weights whose lag is removed too; None removes own risk only.
    lags
        Lags 0 to this many weeks.

    Raises
    ------
    DataError
        If there is no driver, or lags is not a whole number of zero or more.
    """

    drivers: tuple[str, ...]
    weights: str | None = None
    lags: int = 4

    def __post_init__(self) -> None:
        """Refuse what cannot be removed."""
        drivers: object = self.drivers
        if isinstance(drivers, str) or not drivers:
            msg = f"drivers of a Removal must be a tuple of column names, such as ('risk',); got {drivers!r}."
            raise DataError(msg)
        if self.lags < 0 or self.lags != int(self.lags):
            msg = f"lags of a Removal must be a whole number of weeks, 0 or more; got {self.lags!r}."
            raise DataError(msg)


def as_removal(remove: Removal | Sequence[str] | str, panel: Panel) -> Removal:
    """Take a removal as it is; column names alone add the panel's first spatial weights."""
    if isinstance(remove, Removal):
        return remove
    drivers = (remove,) if isinstance(remove, str) else tuple(remove)
    return Removal(drivers, next(iter(panel.weights), None))


def remove_drivers(work: WaveInput, panel: Panel, removal: Removal) -> WaveInput:
    """Return the input with the fitted part of lagged own and neighbours' drivers subtracted.

    Parameters
    ----------
    work
        Outcome as regions by weeks.
    panel
        Holds the drivers and the spatial weights.
    removal
        What to remove.

    Returns
    -------
    WaveInput
        Weeks without all lags and regions without a driver are left out; notes say so.

    Raises
    ------
    DataError
        If the outcome is a log rate (remove from levels instead), a weights name is unknown, too few cells remain, or a
        driver never changes within a region.

    Notes
    -----
    y_it = a_i + sum_{l=0..L} (b_l x_i,t-l + g_l (Wx)_i,t-l) + v_it by least squares with region effects and *no*
    week effects:
    whatever moves with the drivers counts as forced, also by chance. A wave that survives is autonomous; one that
    does not may be either. Drivers are lagged on their own calendar and over all regions of the panel, so that weeks
    and neighbours that lack the outcome are known as drivers all the same.
    """
    if work.exposure is not None:
        msg = "Drivers are removed from levels, not from a Poisson log rate; test log rates computed beforehand."
        raise DataError(msg)
    columns, names, isolates = _lagged_drivers(work, panel, removal)
    seen = np.isfinite(work.values) & np.isfinite(columns).all(axis=0)
    if seen.sum() < len(columns) + len(work.regions) + 10:
        drivers = name_few(removal.drivers)
        msg = f"Only {int(seen.sum())} cells have the outcome and all lags of {drivers}; too few to remove them."
        raise DataError(msg)
    varies = _varies(columns, seen)
    _fail_if_constant(names, varies)
    constant = [
        f"{what} of {name} at lag {lag}" for (name, what, lag), kept in zip(names, varies, strict=True) if not kept
    ]
    values = np.where(seen, work.values, np.nan)
    residual = values - _fitted(values, columns[varies], seen)
    keep_regions, keep_weeks = seen.any(axis=1), seen.any(axis=0)
    if keep_regions.sum() < 2:
        msg = f"{name_few(removal.drivers)} is seen in one region only; a common path needs two or more."
        raise DataError(msg)
    idle = [r for r in work.regions.take(np.flatnonzero(~keep_regions)) if str(r) not in isolates]
    note = (
        f"Removed lags 0-{removal.lags} of {name_few(removal.drivers)}"
        + (f" and of its {removal.weights} neighbours" if removal.weights else "")
        + f"; {int((~keep_weeks).sum())} weeks without all lags left out"
        + (f"; regions without neighbours left out: {name_few(isolates)}" if isolates else "")
        + (f"; regions without {name_few(removal.drivers)} left out: {name_few(idle)}" if idle else "")
        + (f"; constant within regions and not removed: {name_few(constant)}" if constant else "")
        + "."
    )
    return replace(
        work,
        values=residual[np.ix_(keep_regions, keep_weeks)],
        positions=work.positions[keep_weeks],
        regions=work.regions.take(np.flatnonzero(keep_regions)),
        weeks=work.weeks.take(np.flatnonzero(keep_weeks)),
        weights=None if work.weights is None else work.weights[keep_regions],
        notes=(*work.notes, note),
    )


def on_cells_of(work: WaveInput, removed: WaveInput) -> WaveInput:
    """Return the input on the cells that a removal left, with nothing removed: what the removal is compared with."""
    table = pd.DataFrame(work.values, work.regions, work.weeks).reindex(index=removed.regions, columns=removed.weeks)
    values = np.where(np.isfinite(removed.values), table.to_numpy(dtype=np.float64), np.nan)
    return replace(removed, values=values, notes=(*work.notes, "On the weeks and regions that the removal leaves."))


def lag_weeks(values: FloatArray, positions: FloatArray, lag: int) -> FloatArray:
    """Shift (N, T) values by calendar weeks, NaN where the earlier week is not seen.

    Examples
    --------
    >>> lag_weeks(np.array([[1.0, 2.0, 3.0]]), np.array([0.0, 1.0, 3.0]), 1).tolist()
    [[nan, 1.0, nan]]
    """
    where = {float(p): t for t, p in enumerate(positions)}
    source = np.array([where.get(float(p) - lag, -1) for p in positions])
    return np.asarray(np.where(source >= 0, values[:, source], np.nan))


def spatial_lag(values: FloatArray, regions: pd.Index, weights: SpatialWeights) -> FloatArray:
    """Return the spatial lag of (N, T) values: NaN for isolates and where no neighbour is seen.

    Notes
    -----
    Neighbours with a missing value are left out and the remaining weights scaled up.
    """
    matrix = weights.frame()
    labels = [str(r) for r in regions]
    unknown = sorted(set(labels) - set(map(str, matrix.index)))
    if unknown:
        msg = f"Weights '{weights.name}' do not know region {name_few(unknown)}."
        raise DataError(msg)
    matrix.index, matrix.columns = matrix.index.map(str), matrix.columns.map(str)
    w = matrix.loc[labels, labels].to_numpy(dtype=np.float64)
    seen = np.isfinite(values)
    total = w @ seen
    lagged = w @ np.where(seen, values, 0.0)
    full = w.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(lagged * full, total, out=np.full_like(lagged, np.nan), where=total > 0))


def _lagged_drivers(
    work: WaveInput, panel: Panel, removal: Removal
) -> tuple[FloatArray, list[Column], tuple[str, ...]]:
    """All lags as (columns, N, T), what each column is, and the regions whose neighbours are unknown."""
    stack: list[FloatArray] = []
    names: list[Column] = []
    isolates: tuple[str, ...] = ()
    for driver in removal.drivers:
        values, regions, weeks = matrix_of(panel, driver)
        layers = [pd.DataFrame(values, regions, weeks)]
        if removal.weights is not None:
            fail_if_not_one_of(removal.weights, list(panel.weights), "the spatial weights")
            weights = panel.weights[removal.weights]
            asked = regions.isin(work.regions) | regions.map(str).isin(list(map(str, weights.regions)))
            layers.append(pd.DataFrame(spatial_lag(values[asked], regions[asked], weights), regions[asked], weeks))
            isolates = tuple(str(r) for r in work.regions if str(r) in set(map(str, weights.isolates)))
        clock = period_positions(weeks)
        for (what, layer), lag in product(
            zip(("own values", "neighbours"), layers, strict=False), range(removal.lags + 1)
        ):
            names.append((driver, what, lag))
            lagged = pd.DataFrame(lag_weeks(layer.to_numpy(), clock, lag), layer.index, weeks)
            stack.append(lagged.reindex(index=work.regions, columns=work.weeks).to_numpy(dtype=np.float64))
    return np.stack(stack), names, isolates


def _fail_if_constant(names: Sequence[Column], varies: BoolArray) -> None:
    moving = {driver for (driver, _, _), kept in zip(names, varies, strict=True) if kept}
    still = [driver for driver in dict.fromkeys(driver for driver, _, _ in names) if driver not in moving]
    if still:
        msg = f"Driver {name_few(still)} never changes within a region; there is nothing to remove. Leave it out."
        raise DataError(msg)


def _within(layer: FloatArray, seen: BoolArray) -> FloatArray:
    """Deviations from the means of regions over the seen cells; zero elsewhere."""
    count = np.maximum(seen.sum(axis=1, keepdims=True), 1)
    filled = np.where(seen, layer, 0.0)
    return np.asarray(np.where(seen, filled - filled.sum(axis=1, keepdims=True) / count, 0.0))


def _varies(columns: FloatArray, seen: BoolArray) -> BoolArray:
    """Whether each column changes within any region by more than rounding."""
    pairs = ((np.linalg.norm(_within(c, seen)), np.linalg.norm(np.where(seen, c, 0.0))) for c in columns)
    return np.array([left > CONSTANT * whole for left, whole in pairs], dtype=bool)


def _fitted(values: FloatArray, columns: FloatArray, seen: BoolArray) -> FloatArray:
    """X b of a regression with region effects."""
    x = np.stack([_within(layer, seen)[seen] for layer in columns], axis=1)
    x /= np.linalg.norm(x, axis=0)
    coefficients = np.linalg.lstsq(x, _within(values, seen)[seen], rcond=1e-10)[0]
    fitted = np.full_like(values, np.nan)
    fitted[seen] = x @ coefficients
    return fitted
