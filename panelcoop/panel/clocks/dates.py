"""What every clock returns: the stage of each region-period, and how sure its dates are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from panelcoop.errors import DataError
from panelcoop.options import IntArray
from panelcoop.panel.record import Panel
from panelcoop.panel.stages import STAGES, fail_if_dated_from_outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["StageDates", "check_stages", "national_path"]

COLOURS = ("#d9d9d9", "#f4a582", "#92c5de", "#b8e186", "#c2a5cf", "#ffd92f")


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
        Shape (R, K): position of the period in which each stage begins; T where it never does. Before the first start
        no stage is dated.
    ends
        Shape (R,): position after the last dated period.
    draws
        Shape (D, R, K): plausible vectors of starts, for refitting a model; D may be zero.
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
        labels = self.regions if self.regions != ("",) else tuple(regions)
        if not labels:
            msg = "The clock is national: name the regions to lay its stages out for."
            raise DataError(msg)
        starts = self.starts if draw is None else self._draw(draw)
        codes = self._codes(starts)
        codes = codes if self.regions != ("",) else np.repeat(codes, len(labels), axis=0)
        index = pd.MultiIndex.from_product([labels, self.periods], names=["region", "week"])
        words = [self.stages[code] if code >= 0 else None for code in codes.ravel()]
        values = pd.Categorical(words, categories=list(self.stages), ordered=True)
        return pd.Series(values, index=index, name=f"stage_{self.clock.replace(' ', '_')}")

    def table(self, level: float = 0.9) -> pd.DataFrame:
        """List each stage with its first period and the range of the drawn dates.

        Returns
        -------
        pandas.DataFrame
            `region`, `stage`, `first`, `low`, `high`: the central share `level` of the draws; equal to `first` without
            draws. Stages that never begin are left out.
        """
        tails = [(1 - level) / 2, (1 + level) / 2]
        rows = []
        for r, region in enumerate(self.regions):
            for k, stage in enumerate(self.stages):
                if self.starts[r, k] < len(self.periods):
                    drawn = self.draws[:, r, k] if len(self.draws) else self.starts[[r], k]
                    low, high = np.quantile(drawn, tails, method="nearest").astype(int).clip(max=len(self.periods) - 1)
                    first = self.periods[self.starts[r, k]]
                    rows.append((region, stage, first, self.periods[low], self.periods[high]))
        return pd.DataFrame(rows, columns=["region", "stage", "first", "low", "high"])

    def picture(self, path: pd.Series | None = None) -> Figure:
        """Draw the stages as bands with the range of their dates, over a path where one is given."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(8, max(2.4, 0.3 * len(self.regions) + 1.6)), layout="constrained")
        axes = figure.subplots()
        codes = self._codes(self.starts)
        step = self.periods[1] - self.periods[0] if len(self.periods) > 1 else pd.Timedelta(days=7)
        for r in range(len(self.regions)):
            for k, stage in enumerate(self.stages):
                inside = np.flatnonzero(codes[r] == k)
                if len(inside):
                    low, high = self.periods[inside[0]], self.periods[inside[-1]] + step
                    label = stage if r == 0 else "_"
                    axes.barh(r, high - low, left=low, height=0.9, color=COLOURS[k % len(COLOURS)], label=label)
        for _, row in self.table().iterrows():
            at = self.regions.index(row["region"])
            axes.hlines(at, row["low"], row["high"], color="#333333", linewidth=1.5)
        axes.set_yticks(range(len(self.regions)), [region or "nation" for region in self.regions])
        if path is not None:
            twin = axes.twinx()
            twin.plot(path.index, path.to_numpy(float), color="#222222", linewidth=1.2)
            twin.set_ylabel(str(path.name or ""))
        axes.legend(ncols=len(self.stages), loc="upper left", bbox_to_anchor=(0, 1.18), frameon=False, fontsize=8)
        return figure

    def _draw(self, number: int) -> IntArray:
        if not 0 <= number < len(self.draws):
            msg = f"There are {len(self.draws)} draws of dates; number {number} is not among them."
            raise DataError(msg)
        return np.asarray(self.draws[number])

    def _codes(self, starts: IntArray) -> IntArray:
        """Stage number by region and period, shape (R, T); -1 where none is dated."""
        t = np.arange(len(self.periods))
        codes = (starts[:, :, None] <= t).sum(axis=1) - 1
        return np.where(t < self.ends[:, None], codes, -1)


def national_path(panel: Panel, column: str) -> pd.Series:
    """Average a column over regions, period by period, for a national clock.

    Raises
    ------
    DataError
        When there is no such column, it is an outcome (stages are never dated from the outcome), or it is missing in
        all regions in some period.
    """
    if column not in panel.data:
        msg = f"The panel has no column '{column}' to date stages from."
        raise DataError(msg)
    fail_if_dated_from_outcome(column, panel.roles)
    path = panel.data[column].groupby("week").mean()
    if path.isna().any():
        msg = f"'{column}' is missing in every region in {int(path.isna().sum())} periods; choose a shorter window."
        raise DataError(msg)
    return path.rename(column)


def check_stages(stages: Sequence[str], periods: int, shortest: int) -> tuple[str, ...]:
    """Return the labels, or fail where the window cannot hold them."""
    labels = tuple(stages) or STAGES
    if len(set(labels)) != len(labels) or len(labels) < 2 or shortest < 1 or len(labels) * shortest > periods:
        msg = f"{len(labels)} different stages of at least {shortest} periods do not fit into {periods} periods."
        raise DataError(msg)
    return labels
