"""From a labelled panel to the arrays of the wave test: regions by weeks, positions in time, the measure's scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypedDict

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing, name_few
from panelcoop.errors import DataError
from panelcoop.numerics.waves.common_path import CommonPath, poisson_path, region_scale, two_way_path
from panelcoop.options import BoolArray, FloatArray
from panelcoop.panel.periods import period_positions
from panelcoop.panel.record import Panel, as_panel
from panelcoop.waves.region_weights import RegionWeights, align_weights

__all__ = [
    "NO_RATE",
    "Bounds",
    "InputOptions",
    "RegionWeights",
    "WaveInput",
    "fail_if_given",
    "matrix_of",
    "region_weights",
    "wave_input",
    "week_positions",
]

NOTABLE_SHARE_AT_BOUND = 0.1
BOUND_ROUNDING = 1e-9
"""Share of the span between the bounds by which rounding may miss one of them."""
NO_RATE = "one region's count may be zero, and its log rate then is minus infinity; give a rate computed beforehand"
"""Why a test of single regions takes no offset."""


@dataclass(frozen=True)
class Bounds:
    """Bounds of an index, such as 0 and 100.

    Parameters
    ----------
    lower, upper
        Smallest and largest possible value.
    logit
        Whether to test log((y - lower) / (upper - y)) instead of y; values at a bound are moved inside by half of the
        smallest distance seen.

    Raises
    ------
    DataError
        If the lower bound is not below the upper.
    """

    lower: float
    upper: float
    logit: bool = False

    def __post_init__(self) -> None:
        """Refuse bounds that bound nothing."""
        if not self.lower < self.upper:
            msg = f"The lower bound must be below the upper; got {self.lower} and {self.upper}."
            raise DataError(msg)


class InputOptions(TypedDict, total=False):
    """How an outcome is read, in every wave test alike: the keywords of `wave_input`."""

    weights: RegionWeights | None
    offset: str | None
    bounds: Bounds | tuple[float, float] | None


@dataclass(frozen=True)
class WaveInput:
    """What the wave test works on.

    Attributes
    ----------
    values
        Regions by weeks, shape (N, T), NaN where missing; weeks nobody saw are left out.
    positions
        Week numbers, shape (T,).
    regions, weeks
        Labels.
    weights
        One weight per region, or None.
    exposure
        Shape (N, T) for counts with an offset, or None.
    notes
        What was done and should be known.
    """

    values: FloatArray
    positions: FloatArray
    regions: pd.Index
    weeks: pd.Index
    weights: FloatArray | None = None
    exposure: FloatArray | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def counted(self) -> int:
        """Number of regions that the common path is made of: those of positive weight."""
        return len(self.regions) if self.weights is None else int((self.weights > 0).sum())

    def common(self) -> CommonPath:
        """Return the common path on the scale of the test."""
        if self.weights is not None:
            unseen: BoolArray = np.asarray(~(np.isfinite(self.values) & (self.weights > 0)[:, None]).any(axis=0))
            if unseen.any():
                named = _dates(_kept(self.weeks, unseen))
                msg = f"No region with a positive weight is seen in week {named}; leave these weeks out."
                raise DataError(msg)
        return (
            two_way_path(self.values, self.weights)
            if self.exposure is None
            else poisson_path(self.values, self.exposure)
        )

    def scales(self, common: CommonPath, trend: FloatArray) -> tuple[float, float]:
        """Return the within-region sd of the outcome, and its sd around the common trend."""
        flat = np.zeros_like(trend)
        if self.exposure is None:
            around = (region_scale(self.values, common, m, self.weights) for m in (flat, trend))
            return next(around), next(around)
        active = np.isfinite(common.region_effects)
        expected = self.exposure[active] * np.exp(common.region_effects[active])[:, None]
        level = CommonPath(common.path, np.zeros(int(active.sum())), common.regions, common.method)
        ratio = self.values[active] / expected - 1
        counted = np.where(np.isfinite(ratio), expected, 0.0)
        around = (region_scale(ratio, level, np.expm1(m), counted) for m in (flat, trend))
        return next(around), next(around)


def wave_input(
    panel: Panel | pd.DataFrame,
    outcome: str,
    *,
    weights: RegionWeights | None = None,
    offset: str | None = None,
    bounds: Bounds | tuple[float, float] | None = None,
) -> WaveInput:
    """Lay an outcome out as regions by weeks, with weights, offset and bounds.

    Parameters
    ----------
    panel
        A panel, or a frame with region and week as index or columns.
    outcome
        Column to test.
    weights
        Column (its mean by region is used), mapping or Series by region; two regions or more need a positive one.
    offset
        Column the counts are a rate of; the test then runs on the log rate. No count where the offset is zero or
        missing says nothing and is taken as missing.
    bounds
        Bounds of an index; a pair is read as lower and upper bound.

    Raises
    ------
    DataError
        If a column is missing or not numeric, values lie outside the bounds, weights are combined with an offset, a
        count is negative or has no offset, or fewer than two regions are seen. Regions and weeks are named.
    """
    record = as_panel(panel)
    values, regions, weeks = matrix_of(record, outcome)
    notes = []
    seen = np.isfinite(values)
    keep_weeks: BoolArray = np.asarray(seen.any(axis=0))
    keep_regions: BoolArray = np.asarray(seen.any(axis=1))
    if keep_regions.sum() < 2:
        msg = f"'{outcome}' is seen in {int(keep_regions.sum())} region; a common path needs two or more."
        raise DataError(msg)
    by_region = region_weights(record, weights, _kept(regions, keep_regions))
    positions, note = week_positions(weeks)
    notes += [note] if note else []
    notes += _missing_notes(seen, positions, regions)
    exposure = None
    if offset is not None:
        if weights is not None or bounds is not None:
            msg = "A log-rate path weighs regions by their counts: give either offset or weights/bounds, not both."
            raise DataError(msg)
        exposure = matrix_of(record, offset)[0]
        values, note = _counted(values, exposure, (regions, weeks), (outcome, offset))
        _fail_if_weeks_empty(values[:, keep_weeks], _kept(weeks, keep_weeks), outcome)
        notes.append(note)
        exposure = exposure[np.ix_(keep_regions, keep_weeks)]
    elif bounds is not None:
        values, note = _bounded(values, bounds if isinstance(bounds, Bounds) else Bounds(*bounds), outcome)
        notes.append(note)
    return WaveInput(
        values=values[np.ix_(keep_regions, keep_weeks)],
        positions=positions[keep_weeks],
        regions=_kept(regions, keep_regions),
        weeks=_kept(weeks, keep_weeks),
        weights=by_region,
        exposure=exposure,
        notes=tuple(notes),
    )


def fail_if_given(how: InputOptions, why: Mapping[str, str], what: str) -> None:
    """Raise when an option is given that makes no sense for a statistic.

    Parameters
    ----------
    how
        The options given.
    why
        Reason by option that is refused.
    what
        The statistic.
    """
    for option, reason in why.items():
        if how.get(option) is not None:
            msg = f"{what} takes no {option}: {reason}."
            raise DataError(msg)


def matrix_of(panel: Panel, column: str) -> tuple[FloatArray, pd.Index, pd.Index]:
    """Return a column as regions by weeks with its labels, in sorted order; NaN where no row exists."""
    fail_if_columns_missing([column], [str(c) for c in panel.data.columns], "The panel")
    series = panel.data[column]
    if not (pd.api.types.is_numeric_dtype(series) or pd.api.types.is_bool_dtype(series)):
        msg = f"Column '{column}' is {series.dtype}, not numeric; the wave test needs numbers."
        raise DataError(msg)
    row, regions = pd.factorize(series.index.get_level_values("region"), sort=True)
    col, weeks = pd.factorize(series.index.get_level_values("week"), sort=True)
    values = np.full((len(regions), len(weeks)), np.nan)
    values[row, col] = series.to_numpy(dtype=np.float64, na_value=np.nan)
    infinite = np.isinf(values).any(axis=1)
    if infinite.any():
        msg = f"Column '{column}' is infinite in region {name_few(_kept(regions, infinite))}; set those cells missing."
        raise DataError(msg)
    return values, regions, weeks


def week_positions(weeks: pd.Index) -> tuple[FloatArray, str]:
    """Return periods counted from the first week, and a note where labels have an order but no distances."""
    dated = isinstance(weeks, pd.DatetimeIndex | pd.PeriodIndex) or pd.api.types.is_numeric_dtype(weeks.dtype)
    return period_positions(weeks), "" if dated else "Week labels have no distances: taken as consecutive."


def region_weights(panel: Panel, weights: RegionWeights | None, regions: pd.Index) -> FloatArray | None:
    """Return one weight for each of these regions, shape (N,), or None."""
    if weights is None:
        return None
    if isinstance(weights, str):
        values, labels, _ = matrix_of(panel, weights)
        return align_weights(pd.DataFrame(values, index=labels).mean(axis=1), regions)
    return align_weights(weights, regions)


def _counted(
    values: FloatArray, exposure: FloatArray, labels: tuple[pd.Index, pd.Index], names: tuple[str, str]
) -> tuple[FloatArray, str]:
    """Take counts without an offset as missing; return them with a note."""
    outcome, offset = names
    idle = (values == 0) & ~(exposure > 0)
    _fail_if_cells(values < 0, labels, f"counts of '{outcome}' are negative", "a log rate needs 0 or more")
    _fail_if_cells((values > 0) & ~(exposure > 0), labels, f"counts have no positive '{offset}'", "set them missing")
    without = f"; {int(idle.sum())} cells without any {offset} are missing, not zero" if idle.any() else ""
    return np.where(idle, np.nan, values), f"Log rate of {outcome} per {offset} by two-way Poisson{without}."


def _bounded(values: FloatArray, bounds: Bounds, outcome: str) -> tuple[FloatArray, str]:
    seen = values[np.isfinite(values)]
    slack = BOUND_ROUNDING * (bounds.upper - bounds.lower)
    if (seen < bounds.lower - slack).any() or (seen > bounds.upper + slack).any():
        span = f"from {seen.min():g} to {seen.max():g}"
        msg = f"'{outcome}' leaves its bounds [{bounds.lower:g}, {bounds.upper:g}]: {span}."
        raise DataError(msg)
    edge = (seen <= bounds.lower + slack) | (seen >= bounds.upper - slack)
    share = float(edge.mean())
    note = f"{share:.1%} of cells lie at a bound of [{bounds.lower:g}, {bounds.upper:g}]"
    if not bounds.logit:
        advice = "; flat tops may be the bound" if share > NOTABLE_SHARE_AT_BOUND else ""
        return values, f"{note}{advice}."
    inside = np.minimum(seen - bounds.lower, bounds.upper - seen)
    margin = (
        0.5 * float(inside[inside > slack].min()) if (inside > slack).any() else 0.5 * (bounds.upper - bounds.lower)
    )
    clipped = np.clip(values, bounds.lower + margin, bounds.upper - margin)
    logit = np.log((clipped - bounds.lower) / (bounds.upper - clipped))
    return logit, f"{note}; tested on the logit, those cells moved inside by {margin:g}."


def _kept(labels: pd.Index, keep: BoolArray) -> pd.Index:
    return labels.take(np.flatnonzero(keep))


def _dates(weeks: pd.Index) -> str:
    """Name the first few weeks by their dates or labels."""
    return name_few(w.date() if isinstance(w, pd.Timestamp) else w for w in weeks)


def _fail_if_weeks_empty(counts: FloatArray, weeks: pd.Index, outcome: str) -> None:
    empty: BoolArray = np.asarray(~(counts > 0).any(axis=0))
    if empty.any():
        named = _dates(_kept(weeks, empty))
        msg = f"No region has any '{outcome}' in week {named}: its log rate is minus infinity. Leave these weeks out."
        raise DataError(msg)


def _fail_if_cells(bad: BoolArray, labels: tuple[pd.Index, pd.Index], what: str, remedy: str) -> None:
    if bad.any():
        regions, weeks = labels
        cells = name_few((f"{regions[i]} in {_dates(weeks[[t]])}" for i, t in np.argwhere(bad)), 3)
        msg = f"{int(bad.sum())} {what} ({cells}); {remedy}."
        raise DataError(msg)


def _missing_notes(seen: BoolArray, positions: FloatArray, regions: pd.Index) -> list[str]:
    rows: BoolArray = np.asarray(seen.any(axis=1))
    columns: BoolArray = np.asarray(seen.any(axis=0))
    notes = []
    if not rows.all():
        notes.append(f"Never observed: region {name_few(_kept(regions, ~rows))}.")
    gone = int(positions[columns][-1] - positions[columns][0] + 1) - int(columns.sum()) if columns.any() else 0
    if gone:
        notes.append(
            f"{gone} weeks inside the span are seen by no region: the smooth and the noise skip them, the slope tests "
            "see a straight line, and a drawdown that falls wholly inside cannot be seen."
        )
    core = seen[np.ix_(rows, columns)]
    if not core.all():
        notes.append(f"Unbalanced: {1 - core.mean():.1%} of cells missing; week effects of a two-way fit.")
    return notes
