"""Event studies as small multiples of estimators with bands, and the support behind every horizon."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np

from panelcoop.estimate.event_study.result import EventStudy
from panelcoop.report.style import INK, WIDTH, house_style, label_panels
from panelcoop.sensitivity.event_evidence import EventEvidence

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["event_study_figure", "event_support_figure"]

TITLE_WIDTH = 24  # letters of a panel title before it goes on in the next line

LEVEL = 0.95


def event_study_figure(designs: Sequence[EventEvidence], *, columns: int = 4, unit: str = "index points") -> Figure:
    """Draw one row per design and one panel per estimator.

    Parameters
    ----------
    designs
        What was estimated; the first ``columns`` estimators of each are drawn.
    columns
        Panels side by side.
    unit
        Unit of the outcome.

    Returns
    -------
    matplotlib.figure.Figure
        Dots with pointwise intervals, a simultaneous band behind them; hollow dots have thin support; a horizon that
        is not estimable is left empty and counted in the panel. The honest bound of the first effect with M = 1 is
        drawn beside horizon 0 where it exists.
    """
    import matplotlib.pyplot as plt

    with house_style():
        size = (WIDTH, 0.6 + 1.75 * len(designs))
        figure, grid = plt.subplots(len(designs), columns, figsize=size, squeeze=False, sharex="row", sharey="row")
        for row, design in zip(grid, designs, strict=True):
            shown = list(design.studies.items())[:columns]
            for ax, (label, study) in zip(row, shown, strict=False):
                _draw(ax, study)
                _draw_bound(ax, design, label)
                ax.set_title(label, fontsize=7)
            for ax in row[len(shown) :]:
                ax.set_axis_off()
            row[0].set_ylabel(f"{design.title}\n{unit}", fontsize=6.5)
        for ax in grid[-1]:
            ax.set_xlabel("weeks since the event")
        label_panels(list(grid.ravel()))
        for ax in grid.ravel():
            ax.set_title(ax.get_title(loc="left"), loc="left", fontsize=6.3)
        _legend(figure)
        figure.tight_layout(rect=(0, 0.045, 1, 1), h_pad=1.2)
    return figure


def _draw(ax: Axes, study: EventStudy) -> None:
    table = study.bands(LEVEL)
    live = study.estimated
    support = study.support
    thin = set(support.index[support["thin"].astype(bool)]) if len(support) else set()
    ax.axhline(0, color=INK["main"], linewidth=0.5)
    ax.axvline(-0.5, color=INK["faint"], linewidth=0.6, linestyle=":")
    for part in (live[live < 0], live[live >= 0]):
        ax.fill_between(
            part, table.loc[part, "band_low"], table.loc[part, "band_high"], color=INK["faint"], alpha=0.6, lw=0
        )
    for h in live:
        low, high = table.loc[h, ["low", "high"]]
        ax.plot([h, h], [low, high], color=INK["accent"], linewidth=0.9)
        face = "white" if h in thin else INK["accent"]
        ax.plot(h, table.loc[h, "estimate"], "o", ms=2.6, mfc=face, mec=INK["accent"], mew=0.7)
    for h in study.reference:
        ax.plot(h, 0, "s", ms=2.6, mfc="white", mec=INK["grey"], mew=0.7)
    lost = int(study.params.isna().sum())
    if lost:
        ax.annotate(f"{lost} not estimable", (0.02, 0.03), xycoords="axes fraction", fontsize=5.5, color=INK["grey"])


def _draw_bound(ax: Axes, design: EventEvidence, label: str) -> None:
    if label not in design.bounds.index.get_level_values(0):
        return
    bound = design.bounds.xs((label, 1.0)).to_numpy(dtype=float)
    if np.isfinite(bound).all():
        ax.plot([0.35, 0.35], bound, color=INK["warm"], linewidth=1.4, solid_capstyle="butt")


def _legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    blue, warm = INK["accent"], INK["warm"]
    handles = [
        Line2D([], [], color=blue, marker="o", ms=3, lw=0.9, label="estimate, 95% interval"),
        Line2D([], [], color=blue, marker="o", ms=3, mfc="white", lw=0, label="thin support"),
        Patch(color=INK["faint"], label="95% simultaneous band"),
        Line2D([], [], color=warm, lw=1.4, label="honest bound of the first effect, M = 1"),
        Line2D([], [], color=INK["grey"], marker="s", ms=3, mfc="white", lw=0, label="reference"),
    ]
    figure.legend(handles=handles, loc="lower center", ncols=5, fontsize=6)


def event_support_figure(designs: Sequence[EventEvidence]) -> Figure:
    """Draw how many events and clean controls stand behind every horizon of each design's first study.

    Parameters
    ----------
    designs
        What was estimated.
    """
    import matplotlib.pyplot as plt

    with house_style():
        figure, axes = plt.subplots(1, len(designs), figsize=(WIDTH, 2.1), squeeze=False)
        for ax, design in zip(axes[0], designs, strict=True):
            study = next(iter(design.studies.values()))
            support = study.support
            ax.bar(support.index, support["treated"], color=INK["faint"], width=0.8, label="events or regions treated")
            ax.step(support.index, support["cohorts"], where="mid", color=INK["accent"], label="event weeks")
            ax.step(support.index, support["controls"], where="mid", color=INK["warm"], label="fewest clean controls")
            ax.axhline(study.rule.min_controls, color=INK["warm"], linewidth=0.5, linestyle=":")
            ax.set_title(fill(design.title, TITLE_WIDTH), fontsize=7)
            ax.set_xlabel("weeks since the event")
            ax.xaxis.get_major_locator().set_params(integer=True)
        axes[0][0].set_ylabel("number")
        label_panels(list(axes[0]))
        for ax in axes[0]:
            ax.set_title(ax.get_title(loc="left"), loc="left", fontsize=7)
        handles, labels = axes[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="lower center", ncols=3, fontsize=6)
        figure.tight_layout(rect=(0, 0.07, 1, 1))
    return figure
