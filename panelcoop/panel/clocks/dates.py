"""What every clock returns: the stage of each region-period, and how sure its dates are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing
from panelcoop.errors import DataError
from panelcoop.options import BoolArray, IntArray
from panelcoop.panel.clocks.picture import stage_picture
from panelcoop.panel.clocks.vectors import DateVector, DateVectors
from panelcoop.panel.record import Panel
from panelcoop.panel.stages import STAGES, fail_if_dated_from_outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["StageDates", "check_stages", "national_path", "starts_of"]

STILL = 1e-12
"""A path whose range is below this share of its size does not move."""

COPY_SHIFT, COPY_CELLS, COPY_ROUNDING = 4, 5, 1e-9
"""A copy of an outcome is looked for this many periods away, in at least so many cells, up to rounding."""


@dataclass(frozen=True)
class StageDates:
    """Stages dated by a clock.

    Attributes
    ----------
    clock
        Name of the clock.
    stages
        K labels in order.
    periods
        The T periods of the calendar.
    regions
        R labels where dates differ by region, or ("",) for national dates.
    starts
        Shape (R, E K), never decreasing along a row: position of the period in which each stage begins, T where it
        never does. E is 1 where stages never return; the epidemic clock goes E times round, and column c is stage
        c mod K. A stage that begins where the next does has no period. Before the first start no stage is dated.
    ends
        Shape (R,): position after the last dated period.
    draws
        Shape (D, R, E K): plausible vectors of starts, for refitting a model; D may be zero.
    note
        How the dates were found.
    """

    clock: str
    stages: tuple[str, ...]
    periods: pd.DatetimeIndex
    regions: tuple[str, ...]
    starts: IntArray
    ends: IntArray
    draws: IntArray = field(repr=False)
    note: str = ""

    def series(self, regions: Sequence[str] = (), *, draw: int | None = None) -> pd.Series:
        """Give the stage of every region and period.

        Parameters
        ----------
        regions
            Labels to lay national dates out for; needed where the clock is national.
        draw
            Number of a drawn date vector; default the estimated dates.

        Returns
        -------
        pandas.Series
            Ordered categories, indexed by (region, week); missing where no stage is dated.

        Raises
        ------
        DataError
            When a national clock is given no regions, or there is no such draw.
        """
        labels = tuple(regions) if self.is_national else self.regions
        if not labels:
            msg = "The clock is national: name the regions to lay its stages out for."
            raise DataError(msg)
        codes = self.codes(draw)
        codes = np.repeat(codes, len(labels), axis=0) if self.is_national else codes
        index = pd.MultiIndex.from_product([labels, self.periods], names=["region", "week"])
        kind = pd.CategoricalDtype(list(self.stages), ordered=True)
        values = pd.Categorical.from_codes(codes.ravel().tolist(), dtype=kind)
        return pd.Series(values, index=index, name=f"stage_{self.clock.replace(' ', '_')}")

    @property
    def is_national(self) -> bool:
        """Whether all regions share the dates."""
        return self.regions == ("",)

    def codes(self, draw: int | None = None) -> IntArray:
        """Give the number of the stage, shape (R, T); -1 where none is dated.

        Raises
        ------
        DataError
            When there is no such draw.
        """
        if draw is not None and not 0 <= draw < len(self.draws):
            msg = f"There are {len(self.draws)} draws of dates; number {draw} is not among them."
            raise DataError(msg)
        starts = self.starts if draw is None else self.draws[draw]
        t = np.arange(len(self.periods))
        begun = (starts[:, :, None] <= t).sum(axis=1)
        return np.where((begun > 0) & (t < self.ends[:, None]), (begun - 1) % len(self.stages), -1)

    def table(self, level: float = 0.9) -> pd.DataFrame:
        """List each stretch of a stage with its first period and the range of the drawn dates.

        Returns
        -------
        pandas.DataFrame
            `region`, `stage`, `first`, `low`, `high`: the central share `level` of the draws that date this stretch;
            equal to `first` without draws. Stages without a period are left out.
        """
        tails, final = [(1 - level) / 2, (1 + level) / 2], len(self.periods) - 1
        rows = []
        for r, region in enumerate(self.regions):
            stops = np.append(self.starts[r, 1:], self.ends[r])
            seen = self.starts[r] < np.minimum(stops, self.ends[r])
            for c in np.flatnonzero(seen).tolist():
                drawn = self._drawn_starts(r, c, seen)
                places = [self.starts[r, c], *np.quantile(drawn, tails, method="nearest").astype(int)]
                days = [self.periods[min(int(place), final)] for place in places]
                rows.append((region, self.stages[c % len(self.stages)], *days))
        return pd.DataFrame(rows, columns=["region", "stage", "first", "low", "high"])

    def vectors(self, panel: Panel, *, most: int = 40) -> DateVectors:
        """Lay the dates and other plausible ones out over a panel, for ``stage_date_uncertainty``.

        Parameters
        ----------
        panel
            Whose rows are dated.
        most
            Most draws used; each costs a refit.

        Returns
        -------
        DateVectors
            The estimated dates first, then each different draw; a set of dates has the share of the draws that gave it,
            the estimated dates counting as one draw at least.
        """
        used = self.draws[:most]
        grids = np.array([self.codes(), *(self.codes(d) for d in range(len(used)))]).reshape(len(used) + 1, -1)
        _, first, group, count = np.unique(grids, axis=0, return_index=True, return_inverse=True, return_counts=True)
        own = int(group.ravel()[0])
        count[own] = max(count[own] - 1, 1)
        order = [own, *(k for k in np.argsort(first, kind="stable") if k != own)]
        regions = [str(region) for region in panel.data.index.unique("region")]
        found = [
            DateVector(
                "estimated" if k == own else f"draw {first[k] - 1}",
                self.series(regions, draw=None if k == own else int(first[k]) - 1).reindex(panel.data.index),
                float(count[k] / count.sum()),
            )
            for k in order
        ]
        return DateVectors(tuple(found), float(count.sum()) if len(used) else np.inf)

    def picture(self, path: pd.Series | None = None) -> Figure:
        """Draw the stages as bands with the range of their dates, over a path where one is given."""
        return stage_picture(
            self.codes(), self.table(), self.periods, regions=self.regions, stages=self.stages, path=path
        )

    def _drawn_starts(self, r: int, c: int, seen: BoolArray) -> IntArray:
        """List where the draws begin a stretch: their start nearest to it, unless it belongs to another stretch."""
        if not len(self.draws):
            return self.starts[r, [c]]
        same = np.arange(c % len(self.stages), len(seen), len(self.stages))
        rounds = self.draws[:, r, same]
        at = np.abs(rounds - self.starts[r, c]).argmin(axis=1)
        found = np.take_along_axis(rounds, at[:, None], axis=1)
        own = same[seen[same]]
        mine = own[np.abs(found - self.starts[r, own]).argmin(axis=1)] == c
        return found[mine, 0] if mine.any() else self.starts[r, [c]]


def starts_of(codes: IntArray, stages: int, rounds: int | None = None) -> tuple[IntArray, IntArray]:
    """Find where stages begin in a path of stage numbers.

    Parameters
    ----------
    codes
        Shape (R, T): number of the stage of each period, -1 where none is dated (before the first and after the last).
    stages
        K.
    rounds
        E; default the most that a row needs.

    Returns
    -------
    starts (R, E K), ends (R,)
        As in ``StageDates``.

    Examples
    --------
    >>> starts, ends = starts_of(np.array([[-1, 0, 0, 2, 1, -1]]), 3)
    >>> starts.tolist(), ends.tolist()
    ([[1, 3, 3, 4, 4, 6]], [5])
    """
    total = codes.shape[1]
    found, ends = [], []
    for row in codes:
        dated = np.flatnonzero(row >= 0)
        starts: list[int] = []
        for t in dated:
            while not starts or (len(starts) - 1) % stages != row[t]:
                starts.append(int(t))
        found.append(starts)
        ends.append(int(dated[-1]) + 1 if dated.size else 0)
    most = rounds or max(1, -(-max(len(starts) for starts in found) // stages))
    padded = [[*starts, *[total] * (most * stages - len(starts))] for starts in found]
    return np.array(padded, dtype=np.int64), np.array(ends, dtype=np.int64)


def national_path(panel: Panel, column: str) -> pd.Series:
    """Average a column over regions, period by period, for a national clock.

    Raises
    ------
    DataError
        When there is no such column, it is an outcome, a copy of one or made from its records (stages are never dated
        from the outcome), it is missing in all regions in some period, or it never moves.
    """
    fail_if_columns_missing([column], [str(name) for name in panel.data.columns], "The panel, whose stages are dated,")
    fail_if_dated_from_outcome(column, panel.roles)
    _fail_if_copy_of_outcome(panel, column)
    path = panel.data[column].groupby("week").mean()
    if path.isna().any():
        msg = f"'{column}' is missing in every region in {int(path.isna().sum())} periods; choose a shorter window."
        raise DataError(msg)
    if float(np.ptp(path)) <= STILL * float(np.abs(path).max()):
        msg = f"'{column}' has the same national mean in every period: nothing dates a stage; choose another driver."
        raise DataError(msg)
    return path.rename(column)


def _fail_if_copy_of_outcome(panel: Panel, column: str) -> None:
    """Fail where a column, or its national path, is a linear function of an outcome up to four periods away."""
    mine = _wide(panel, column)
    for outcome in (name for name, role in panel.roles.items() if role == "outcome"):
        theirs = _wide(panel, outcome)
        for shift in range(-COPY_SHIFT, COPY_SHIFT + 1):
            moved = mine.shift(shift)
            if _collinear(moved, theirs) or _collinear(moved.mean(axis=1), theirs.mean(axis=1)):
                where = f", {abs(shift)} periods away" if shift else ""
                msg = (
                    f"Stages must not be dated from '{column}': it moves as the outcome '{outcome}' does{where}, "
                    "and its phases would explain it by construction; date them from another driver."
                )
                raise DataError(msg)


def _wide(panel: Panel, column: str) -> pd.DataFrame:
    return panel.data[column].astype(float).unstack("region")  # noqa: PD010 - unique keys


def _collinear(left: pd.DataFrame | pd.Series, right: pd.DataFrame | pd.Series) -> bool:
    x, y = left.to_numpy(float).ravel(), right.to_numpy(float).ravel()
    known = np.isfinite(x) & np.isfinite(y)
    if known.sum() < COPY_CELLS:
        return False
    x, y = (values[known] - values[known].mean() for values in (x, y))
    size = float(np.sqrt((x @ x) * (y @ y)))
    return size > 0 and abs(float(x @ y)) >= (1 - COPY_ROUNDING) * size


def check_stages(stages: Sequence[str], periods: int, shortest: int) -> tuple[str, ...]:
    """Return the labels, or fail where the window cannot hold them."""
    labels = tuple(stages) or STAGES
    if len(set(labels)) != len(labels) or len(labels) < 2 or shortest < 1 or len(labels) * shortest > periods:
        msg = f"{len(labels)} different stages of at least {shortest} periods do not fit into {periods} periods."
        raise DataError(msg)
    return labels
