"""Draw stages as bands by region, with the range of their dates, under the path they were dated from."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from panelcoop.options import IntArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["stage_picture"]

COLOURS = ("#d9d9d9", "#f4a582", "#92c5de", "#b8e186", "#c2a5cf", "#ffd92f")
INK = "#222222"
BAND = 0.86
"""Height of a region's band, of one."""


def stage_picture(
    codes: IntArray,
    table: pd.DataFrame,
    periods: pd.DatetimeIndex,
    *,
    regions: Sequence[str],
    stages: Sequence[str],
    path: pd.Series | None = None,
) -> Figure:
    """Draw the stages of every region.

    Parameters
    ----------
    codes
        Number of the stage by region and period, shape (R, T); -1 where none is dated.
    table
        `region`, `first`, `low`, `high` of each stretch of a stage.
    periods
        First days of the T periods.
    regions, stages
        Labels; the one label "" stands for the nation.
    path
        A path by period, drawn above.

    Returns
    -------
    matplotlib.figure.Figure
        Bands from the first region at the top; a bracket spans the dates that a start might have had.
    """
    from matplotlib.figure import Figure

    height = 0.28 * max(len(codes), 2) + 1.1
    figure = Figure(figsize=(8, height + (1.8 if path is not None else 0)), layout="constrained")
    ratios = [1.8, height] if path is not None else [height]
    panes = figure.subplots(len(ratios), 1, sharex=True, squeeze=False, height_ratios=ratios)[:, 0]
    bands = panes[-1]
    step = periods[1] - periods[0] if len(periods) > 1 else pd.Timedelta(days=7)
    _draw_bands(bands, codes, periods, step)
    _draw_ranges(bands, table, regions)
    bands.set_xlim(periods[0], periods[-1] + step)
    _finish(panes[0], bands, regions=regions, stages=stages)
    if path is not None:
        panes[0].plot(pd.DatetimeIndex(path.index) + step / 2, path.to_numpy(float), color=INK, linewidth=1.2)
        panes[0].set_ylabel(str(path.name or ""))
        panes[0].spines[["top", "right"]].set_visible(False)
    return figure


def _draw_bands(axes: Any, codes: IntArray, periods: pd.DatetimeIndex, step: pd.Timedelta) -> None:  # noqa: ANN401
    for r, row in enumerate(codes):
        cuts = [0, *(np.flatnonzero(np.diff(row)) + 1), len(row)]
        for first, stop in pairwise(cuts):
            if row[first] >= 0:
                low, high = periods[first], periods[stop - 1] + step
                axes.barh(r, high - low, left=low, height=BAND, color=COLOURS[row[first] % len(COLOURS)], linewidth=0)


def _draw_ranges(axes: Any, table: pd.DataFrame, regions: Sequence[str]) -> None:  # noqa: ANN401
    """Span the drawn dates of every start whose date is not certain."""
    unsure = table[table["low"] < table["high"]]
    for row in unsure.itertuples():
        at, half = regions.index(row.region), BAND / 5
        axes.hlines(at, row.low, row.high, color=INK, linewidth=1.0)
        axes.vlines([row.low, row.high], at - half, at + half, color=INK, linewidth=1.0)


def _finish(top: Any, bands: Any, *, regions: Sequence[str], stages: Sequence[str]) -> None:  # noqa: ANN401
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.patches import Patch

    bands.set_yticks(range(len(regions)), [region or "nation" for region in regions])
    bands.set_ylim(len(regions) - 0.5, -0.5)
    locator = AutoDateLocator(maxticks=9)  # type: ignore[no-untyped-call]
    bands.xaxis.set_major_locator(locator)
    bands.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    bands.set_xlabel("brackets span the central 90% of the drawn dates", fontsize=8)
    patches = [Patch(color=COLOURS[k % len(COLOURS)], label=stage) for k, stage in enumerate(stages)]
    top.legend(handles=patches, ncols=len(stages), loc="lower left", bbox_to_anchor=(0, 1.0), frameon=False, fontsize=8)
