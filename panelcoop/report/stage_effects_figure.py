"""Driver effects by stage: small multiples, one panel per driver, with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from panelcoop.estimate.stage_evidence import StageEvidence
from panelcoop.report.labels import label_of, short_label_of, unit_of
from panelcoop.report.style import INK, STAGE_COLOURS, STAGE_MARKERS, WIDTH, house_style, label_panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["stage_effects_figure"]

COLUMNS = 2
OFFSET = 0.16  # how far the second interval stands beside the first


def stage_effects_figure(evidence: StageEvidence, *, columns: int = COLUMNS) -> Figure:
    """Draw each driver's effect at each stage with its interval.

    Parameters
    ----------
    evidence
        Effects under the main method of inference; the fit's own covariance is drawn beside it in grey.
    columns
        Panels side by side.

    Returns
    -------
    matplotlib.figure.Figure
        A stage whose effect is not identified is written out, not left blank; a reference stage stands at zero.
    """
    import matplotlib.pyplot as plt

    drivers = [str(d) for d in evidence.effects.index.unique("driver")]
    lines = -(-len(drivers) // columns)
    own = evidence.fit.stage_effects()
    with house_style():
        size = (WIDTH, 0.5 + 1.95 * lines)
        figure, grid = plt.subplots(lines, columns, figsize=size, squeeze=False)
        axes = list(grid.ravel())
        for ax, driver in zip(axes, drivers, strict=False):
            _draw_driver(ax, evidence.effects.loc[[driver]], own.loc[[driver]], evidence.fit.stages)
            ax.set_title("The stage itself" if driver == "stage" else short_label_of(driver))
            unit = unit_of(driver)
            ax.set_xlabel(f"driver in {unit}" if unit else "", fontsize=6.5, color="#555555")
        for ax in axes[len(drivers) :]:
            ax.set_axis_off()
        for ax in axes[: len(drivers) : columns]:
            ax.set_ylabel(f"Effect, {unit_of(evidence.fit.outcome) or 'units of outcome'}")
        label_panels(axes[: len(drivers)])
        _legend(figure, evidence)
        figure.suptitle(label_of(evidence.fit.outcome), x=0.01, ha="left", fontsize=8.5)
        figure.tight_layout(rect=(0, 0.05, 1, 1), h_pad=1.4)
    return figure


def _draw_driver(ax: Axes, effects: pd.DataFrame, own: pd.DataFrame, stages: tuple[str, ...]) -> None:
    ax.axhline(0, color=INK["main"], linewidth=0.5, zorder=1)
    for at, stage in enumerate(stages):
        row: Any = effects.xs(stage, level="stage").iloc[0]
        if pd.isna(row["estimate"]) or row["relative_to"] == stage:
            _write_absence(ax, at, row, stage)
            continue
        plain: Any = own.xs(stage, level="stage").iloc[0]
        ax.plot([at + OFFSET] * 2, [plain["conf_low"], plain["conf_high"]], color=INK["grey"], linewidth=1.0, zorder=2)
        low, high = (np.nan_to_num(row[c], nan=row["estimate"]) for c in ("conf_low", "conf_high"))
        ax.plot([at, at], [low, high], color=INK["main"], linewidth=1.6, solid_capstyle="butt", zorder=3)
        colour, marker = STAGE_COLOURS.get(stage, INK["faint"]), STAGE_MARKERS.get(stage, "o")
        ax.plot(at, row["estimate"], marker=marker, ms=5, mfc=colour, mec=INK["main"], mew=0.8, ls="", zorder=4)
    ax.set_xticks(range(len(stages)), [s.capitalize() for s in stages])
    ax.set_xlim(-0.5, len(stages) - 0.5)


def _write_absence(ax: Axes, at: int, row: Any, stage: str) -> None:  # noqa: ANN401 - one row of a frame
    if row["relative_to"] == stage:
        ax.plot(at, 0, marker=STAGE_MARKERS.get(stage, "o"), ms=5, mfc="white", mec=INK["grey"], mew=0.8, zorder=4)
        ax.annotate("reference", (at, 0), xytext=(0, 5), textcoords="offset points", ha="center", fontsize=6)
        return
    ax.annotate("not\nidentified", (at, 0), xytext=(0, 3), textcoords="offset points", ha="center", fontsize=6)


def _legend(figure: Figure, evidence: StageEvidence) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=INK["main"], linewidth=1.6, label=f"95% interval, {evidence.method}"),
        Line2D([], [], color=INK["grey"], linewidth=1.0, label=f"95% interval, {evidence.fit.choice.kind}"),
    ]
    figure.legend(handles=handles, loc="lower center", ncols=2)
