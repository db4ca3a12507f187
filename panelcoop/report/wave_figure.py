"""The common path with its band, episodes and falls marked; the verdict is the title."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from panelcoop.errors import DataError
from panelcoop.report.labels import unit_of
from panelcoop.report.style import INK, WIDTH, house_style, label_panels
from panelcoop.waves.wave_verdict import WaveVerdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["verdict_text", "wave_figure"]

HEADROOM = 0.45
"""Room above and below the path as a share of its range; a wider band runs out of the panel, and the legend says so."""
MANY = 3
"""Panels from which on each is lower, so that a figure stays on its page."""
SHORTEST_IN_QUARTERS, LONGEST_IN_QUARTERS = 180, 1500
"""Days between which the axis is labelled by quarters."""


def wave_figure(results: Mapping[str, WaveVerdict]) -> Figure:
    """Draw one panel per wave test.

    Parameters
    ----------
    results
        Tests by the name that stands in the title, such as "Joint response".

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    DataError
        If there is nothing to draw.
    """
    import matplotlib.pyplot as plt

    if not results:
        msg = "There is no wave test to draw; give at least one."
        raise DataError(msg)
    with house_style():
        height = (2.6 if len(results) < MANY else 2.1) * len(results)
        figure, axes = plt.subplots(len(results), 1, figsize=(WIDTH, height), sharex=True, squeeze=False)
        for ax, (name, result) in zip(axes[:, 0], results.items(), strict=True):
            _draw(ax, result)
            ax.set_title(f"{name}: {verdict_text(result)}")
            unit = unit_of(result.outcome)
            ax.set_ylabel("Deviation from the mean" + (f"\n({unit})" if unit else ""))
        if len(results) > 1:
            label_panels(list(axes[:, 0]))
        for ax in axes[:, 0]:
            ax.set_title(ax.get_title(loc="left"), loc="left", pad=24)
            ax.legend(
                loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderpad=0, borderaxespad=0.3, columnspacing=1.4
            )
        _label_weeks(axes[-1, 0], [result.path.index for result in results.values()])
        figure.align_ylabels()
        figure.tight_layout(h_pad=1.2)
    return figure


def verdict_text(result: WaveVerdict) -> str:
    """Write a verdict in lower-case words.

    Examples
    --------
    >>> "WAVE_AND_SPIRAL".replace("_", " ").lower()
    'wave and spiral'
    """
    return result.verdict.replace("_", " ").lower()


def _draw(ax: Axes, result: WaveVerdict) -> None:
    path = result.path
    weeks: Any = path.index
    low, high = float(path["path"].min()), float(path["path"].max())
    room = HEADROOM * (high - low) or 1.0
    wide = bool(path["high"].max() > high + room or path["low"].min() < low - room)
    share = 100 * (1 - result.thresholds.level)
    band = f"{share:.0f}% band" + (" (runs out of the panel)" if wide else "")
    ax.fill_between(weeks, path["low"], path["high"], color=INK["accent"], alpha=0.14, linewidth=0, label=band)
    ax.plot(weeks, path["path"], color=INK["grey"], linewidth=0.7, label="Common path", zorder=2)
    ax.plot(weeks, path["smooth"], color=INK["main"], linewidth=1.6, label="Smooth", zorder=3)
    for number, episode in enumerate(result.test.episodes):
        label = "Interrupted ascent and its fall" if number == 0 else None
        begin, end = weeks[episode.peak], weeks[episode.record]
        ax.axvspan(begin, end, color=INK["warm"], alpha=0.16, linewidth=0, zorder=0, label=label)
        _mark_fall(ax, result, episode.peak, episode.trough, width=0.8)
    _mark_largest(ax, result)
    ax.set_ylim(low - room, high + room)


def _mark_largest(ax: Axes, result: WaveVerdict) -> None:
    """Mark the largest drawdown, where there is one."""
    if not result.test.drawdown > 0:
        return
    _mark_fall(ax, result, result.test.peak, result.test.trough, width=1.5)
    depth = f"Largest drawdown: {result.evidence.drawdown:.2f} sd, p = {result.evidence.p_drawdown:.3f}"
    ax.plot([], [], color=INK["warm"], linewidth=1.5, label=depth)


def _mark_fall(ax: Axes, result: WaveVerdict, peak: int, trough: int, *, width: float) -> None:
    """Draw a fall of the smooth: a dotted line at the height of the peak, an arrow down to the trough."""
    smooth = result.path["smooth"].to_numpy(dtype=np.float64)
    weeks: Any = result.path.index
    ax.plot([weeks[peak], weeks[trough]], [smooth[peak]] * 2, color=INK["warm"], linewidth=0.8, linestyle=":", zorder=4)
    ax.annotate(
        "",
        xy=(weeks[trough], smooth[trough]),
        xytext=(weeks[trough], smooth[peak]),
        arrowprops={"arrowstyle": "->", "color": INK["warm"], "linewidth": width, "shrinkA": 0, "shrinkB": 0},
    )


def _label_weeks(ax: Axes, indexes: list[pd.Index]) -> None:
    dated = [weeks for weeks in indexes if isinstance(weeks, pd.DatetimeIndex)]
    if len(dated) < len(indexes):
        ax.set_xlabel("Week")
        return
    from matplotlib import dates

    first, last = min(weeks[0] for weeks in dated), max(weeks[-1] for weeks in dated)
    if SHORTEST_IN_QUARTERS <= (last - first).days <= LONGEST_IN_QUARTERS:
        ax.xaxis.set_major_locator(dates.MonthLocator(bymonth=(1, 4, 7, 10)))  # type: ignore[no-untyped-call]
        ax.xaxis.set_major_formatter(dates.DateFormatter("%b\n%Y"))  # type: ignore[no-untyped-call]
    else:
        ticks = dates.AutoDateLocator(minticks=3, maxticks=10)  # type: ignore[no-untyped-call]
        ax.xaxis.set_major_locator(ticks)
        ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(ticks))  # type: ignore[no-untyped-call]
    weekly = all((np.diff(weeks.to_numpy()) % np.timedelta64(7, "D") == np.timedelta64(0)).all() for weeks in dated)
    ax.set_xlabel("ISO week" if weekly else "")
    ends: Any = (first, last)
    ax.set_xlim(*ends)
