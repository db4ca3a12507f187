"""The power surface of the wave test: net drawdown by common share, one panel per length."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from panelcoop.report.style import INK, WIDTH, house_style, label_panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["wave_power_figure"]

DRAWDOWN_PER_AMPLITUDE = 0.7
"""Net drawdown of the rising waves per unit of their amplitude."""


def wave_power_figure(surface: pd.DataFrame) -> Figure:
    """Draw how often U rejects over drawdown and common share, with the line where W >= 2 is found half of the time.

    Parameters
    ----------
    surface
        Result of `wave_size` over the surface designs.

    Returns
    -------
    matplotlib.figure.Figure
    """
    import matplotlib.pyplot as plt

    lengths = sorted(surface["weeks"].unique())
    with house_style():
        figure, axes = plt.subplots(1, len(lengths), figsize=(WIDTH, 2.6), sharey=True, squeeze=False)
        for ax, weeks in zip(axes[0], lengths, strict=True):
            filled = _draw_surface(ax, surface[surface["weeks"] == weeks])
            ax.set_title(f"{weeks} weeks")
            ax.set_xlabel("Net drawdown (region sd)")
        axes[0, 0].set_ylabel("Common share of the variance")
        label_panels(list(axes[0]))
        bar = figure.colorbar(filled, ax=list(axes[0]), pad=0.015, aspect=25)
        bar.set_label("Share of samples in which U rejects")
        axes[0, -1].plot([], [], color=INK["warm"], linestyle="--", label="W ≥ 2 in half of the samples")
        figure.legend(*axes[0, -1].get_legend_handles_labels(), loc="lower center", bbox_to_anchor=(0.45, -0.1))
    return figure


def _draw_surface(ax: Axes, part: pd.DataFrame):  # type: ignore[no-untyped-def]  # noqa: ANN202 - a contour set
    grid = part.pivot_table(index="share", columns="amplitude", values=["ascent", "two_waves"])
    drawdown = grid["ascent"].columns.to_numpy(dtype=float) * DRAWDOWN_PER_AMPLITUDE
    shares = grid.index.to_numpy(dtype=float)
    steps = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    filled = ax.contourf(drawdown, shares, grid["ascent"].to_numpy(), levels=steps, cmap="Blues")
    lines = ax.contour(
        drawdown, shares, grid["ascent"].to_numpy(), levels=[0.5, 0.8], colors=INK["main"], linewidths=0.8
    )
    ax.clabel(lines, fmt="%.1f", fontsize=6.5)
    ax.contour(
        drawdown,
        shares,
        grid["two_waves"].to_numpy(),
        levels=[0.5],
        colors=INK["warm"],
        linestyles="--",
        linewidths=1.0,
    )
    return filled
