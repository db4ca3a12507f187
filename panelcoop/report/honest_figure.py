"""Honest bounds by the size of the violation: one panel per target or restriction."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from panelcoop.errors import DataError
from panelcoop.report.style import INK, WIDTH, house_style, label_panels
from panelcoop.sensitivity.honest_result import HonestBounds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["honest_figure"]

HEIGHT = 2.5  # inches of one row of panels
EACH = 3.0  # inches of one of several panels, up to the text's width
ALONE = 4.4  # inches of a single panel
ABREAST = 3  # panels side by side at most
TITLE_WIDTH = 24  # letters of a title before it goes on in the next line, where panels stand abreast
WHAT = {"RM": "Relative magnitude of violations, M", "SD": "Largest change of slope, M"}
WHAT["SDRM"] = "Relative change of slope, M"


def honest_figure(
    bounds: HonestBounds | Sequence[HonestBounds], *, titles: Sequence[str] | None = None, one_scale: bool = True
) -> Figure:
    """Draw intervals against M, the usual interval first, and mark the breakdown value.

    Parameters
    ----------
    bounds
        One result, or several for panels side by side.
    titles
        Titles of the panels; by default restriction and method.
    one_scale
        Whether panels share their scale; False lets effects of different sizes stand side by side.

    Returns
    -------
    matplotlib.figure.Figure
        Filled markers and full lines where zero is excluded, open markers where it is not, so that the reading
        survives a grey print. An interval without an end is drawn to the edge with an arrow.

    Raises
    ------
    DataError
        If there is nothing to draw or titles do not match.
    """
    import matplotlib.pyplot as plt

    panels = [bounds] if isinstance(bounds, HonestBounds) else list(bounds)
    if not panels or (titles is not None and len(titles) != len(panels)):
        msg = f"honest_figure needs bounds and one title for each; got {len(panels)} bounds."
        raise DataError(msg)
    across = 2 if len(panels) == 4 else min(len(panels), ABREAST)
    lines = -(-len(panels) // across)
    with house_style():
        size = (ALONE if across == 1 else min(WIDTH, EACH * across), HEIGHT * lines + 0.3)
        figure, grid = plt.subplots(lines, across, figsize=size, sharey=one_scale, squeeze=False)
        axes = list(grid.ravel())
        for i, (ax, one) in enumerate(zip(axes, panels, strict=False)):
            _draw(ax, one, _range(panels if one_scale else [one]))
            title = titles[i] if titles is not None else f"{one.restriction}, {one.method}"
            ax.set_title(title if across == 1 else fill(title, TITLE_WIDTH, break_on_hyphens=False))
        for ax in axes[len(panels) :]:
            ax.set_axis_off()
        for ax in axes[: len(panels) : across]:
            ax.set_ylabel(f"Effect, {panels[0].level:.0%} interval")
        if len(panels) > 1:
            label_panels(axes[: len(panels)])
        figure.tight_layout(rect=(0, 0.06 / lines, 1, 1), w_pad=1.8, h_pad=1.4)
        _legend(figure)
    return figure


def _draw(ax: Axes, bounds: HonestBounds, limits: tuple[float, float]) -> None:
    """Draw one panel: the usual interval on the left, the honest ones at equal distances."""
    rows = pd.concat(
        [
            pd.DataFrame({"low": [bounds.original[0]], "high": [bounds.original[1]]}),
            bounds.table[["low", "high"]],
        ]
    )
    ax.axhline(0, color=INK["main"], linewidth=0.5, zorder=1)
    for at, (low, high) in enumerate(rows.to_numpy(dtype=float)):
        if np.isnan(low):
            ax.annotate("none\naccepted", (at, 0), xytext=(0, 3), textcoords="offset points", ha="center", fontsize=6)
            continue
        _interval(ax, at, (low, high), INK["grey"] if at == 0 else INK["accent"], limits)
    _mark_breakdown(ax, bounds)
    ticks = ["none", *[f"{m:.3g}" for m in bounds.table.index]]
    ax.set_xticks(range(len(ticks)), ticks, rotation=0 if len(ticks) < 8 else 60)
    ax.set_xlim(-0.6, len(ticks) - 0.4)
    ax.set_ylim(*limits)
    family = bounds.problem.restriction.kind
    ax.set_xlabel(WHAT[{"relative-magnitudes": "RM", "smoothness": "SD", "smoothness-relative": "SDRM"}[family]])


def _interval(ax: Axes, at: int, ends: tuple[float, float], colour: str, limits: tuple[float, float]) -> None:
    """Draw one interval with its middle; an open middle where zero lies inside, an arrow where an end is missing."""
    excludes = ends[0] > 0 or ends[1] < 0
    shown = [float(np.clip(end, *limits)) for end in ends]
    ax.plot([at, at], shown, color=colour, linewidth=1.8 if excludes else 1.0, solid_capstyle="butt", zorder=3)
    for end, drawn, marker in ((ends[0], shown[0], "v"), (ends[1], shown[1], "^")):
        ax.plot(at, drawn, marker=marker if np.isinf(end) else "_", color=colour, ms=5, ls="", zorder=3)
    face = colour if excludes else "white"
    ax.plot(at, np.mean(shown), marker="o", ms=4.5, mfc=face, mec=colour, mew=0.9, ls="", zorder=4)


def _mark_breakdown(ax: Axes, bounds: HonestBounds) -> None:
    """Stand a dashed line between the values of M where the interval first reaches zero."""
    values = bounds.table.index.to_numpy(dtype=float)
    edge = bounds.breakdown
    if not values[0] <= edge <= values[-1] or values.size < 2:
        return
    place = 1 + float(np.interp(edge, values, np.arange(values.size)))
    ax.axvline(place, color=INK["warm"], linewidth=0.9, linestyle=(0, (4, 3)), zorder=2)
    side = "right" if place > values.size / 2 else "left"
    text = f" breakdown {edge:.2g} "
    ax.annotate(text, (place, 1), xycoords=("data", "axes fraction"), ha=side, va="top", fontsize=6.5)


def _range(panels: Sequence[HonestBounds]) -> tuple[float, float]:
    """Return common limits of the effect, with room for labels."""
    ends = np.concatenate([[*b.original, *b.table[["low", "high"]].to_numpy(dtype=float).ravel(), 0.0] for b in panels])
    ends = ends[np.isfinite(ends)]
    room = 0.12 * float(np.ptp(ends))
    return float(ends.min()) - room, float(ends.max()) + room


def _legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D

    def entry(label: str, colour: str, face: str) -> Line2D:
        return Line2D([], [], color=colour, marker="o", ms=4.5, mfc=face, mec=colour, mew=0.9, label=label)

    handles = [
        entry("parallel trends", INK["grey"], INK["grey"]),
        entry("honest, excludes zero", INK["accent"], INK["accent"]),
        entry("honest, includes zero", INK["accent"], "white"),
    ]
    figure.legend(handles=handles, loc="lower center", ncols=3, columnspacing=1.2, handlelength=1.5)
