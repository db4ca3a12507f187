"""Event studies as small multiples of estimators with bands, and the support behind every horizon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd

from panelcoop.errors import DataError
from panelcoop.estimate.event_study.result import EventStudy
from panelcoop.report.event_bounds import RELATIVE, SMOOTH
from panelcoop.report.style import INK, WIDTH, house_style, label_panels
from panelcoop.sensitivity.event_evidence import EventEvidence

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["event_study_figure", "event_support_figure"]

Studies: TypeAlias = EventStudy | Sequence[EventStudy] | Mapping[str, EventStudy] | Sequence[EventEvidence]
"""One event study, several (with labels, or named by their estimators), or designs with several estimators each."""

TITLE_WIDTH = 24  # letters of a panel title before it goes on in the next line

LEVEL = 0.95
FEW = 9  # horizons up to which each has its tick
BOUNDS = (("relative-magnitudes", RELATIVE, INK["warm"]), ("smoothness", SMOOTH, INK["main"]))
"""Honest bounds of the first effect that are drawn: restriction, M and colour."""


def event_study_figure(
    designs: Studies,
    *,
    columns: int = 4,
    unit: str | None = None,
) -> Figure:
    """Draw one row per design and one panel per estimator.

    Parameters
    ----------
    designs
        An event study, several of one outcome (with labels, or named by their estimators), or designs with several
        estimators each, of which the first ``columns`` are drawn.
    columns
        Panels side by side, at most.
    unit
        Unit of the outcome, "index points" for designs.

    Returns
    -------
    matplotlib.figure.Figure
        Dots with pointwise intervals; behind them one simultaneous band over the leads, which leaves zero out exactly
        when ``pretrend_tests`` rejects, and one over the other horizons. Hollow dots have thin support, grey ones none
        that could be counted; a horizon that is not estimable is left empty and counted in the panel. Honest bounds of
        the first effect (relative magnitudes and smoothness, with the table's M) stand at the right where they exist.
    """
    import matplotlib.pyplot as plt

    designs = _as_designs(designs)
    if not designs[0].estimand:  # plain studies
        columns, unit = min(columns, len(designs[0].studies)), unit or ""
    with house_style():
        size = (WIDTH, 0.6 + 1.75 * len(designs))
        figure, grid = plt.subplots(len(designs), columns, figsize=size, squeeze=False, sharex="row", sharey="row")
        for row, design in zip(grid, designs, strict=True):
            shown = list(design.studies.items())[:columns]
            for ax, (label, study) in zip(row, shown, strict=False):
                _draw(ax, study)
                _draw_bounds(ax, design, label)
                ax.set_title(label, fontsize=7)
            for ax in row[len(shown) :]:
                ax.set_axis_off()
            row[0].set_ylabel(f"{design.title}\n{'index points' if unit is None else unit}", fontsize=6.5)
        for ax in grid[-1]:
            ax.set_xlabel("weeks since the event")
        label_panels(list(grid.ravel()))
        for ax in grid.ravel():
            ax.set_title(ax.get_title(loc="left"), loc="left", fontsize=6.3)
        _legend(figure)
        figure.tight_layout(rect=(0, 0.06, 1, 1), h_pad=1.2)
    return figure


def _as_designs(given: Studies) -> list[EventEvidence]:
    """Put plain studies into one design without bounds."""
    many = [given] if isinstance(given, EventStudy) else given
    if not isinstance(many, Mapping):
        designs = [one for one in many if isinstance(one, EventEvidence)]
        if designs:
            return designs
        plain = [one for one in many if isinstance(one, EventStudy)]
        names = [one.estimator for one in plain]
        many = {name if names.count(name) == 1 else f"{name} {i + 1}": plain[i] for i, name in enumerate(names)}
    if not many:
        msg = "There is no event study to draw; give one, several, or designs."
        raise DataError(msg)
    title = next(iter(many.values())).outcome
    return [EventEvidence("studies", title, "", many)]


def _draw(ax: Axes, study: EventStudy) -> None:
    live = study.estimated
    sides = [side for side in (study.leads, live.difference(study.leads)) if len(side)]
    table = pd.concat([study.bands(LEVEL, horizons=side) for side in sides]) if sides else study.bands(LEVEL)
    thin = study.support["thin"].astype(bool)
    ax.axhline(0, color=INK["main"], linewidth=0.5)
    ax.axvline(-0.5, color=INK["faint"], linewidth=0.6, linestyle=":")
    for part in sides:
        ax.fill_between(
            part, table.loc[part, "band_low"], table.loc[part, "band_high"], color=INK["faint"], alpha=0.6, lw=0
        )
    for h in live:
        low, high = table.loc[h, ["low", "high"]]
        ax.plot([h, h], [low, high], color=INK["accent"], linewidth=0.9)
        face = INK["faint"] if h not in thin.index else "white" if thin[h] else INK["accent"]
        ax.plot(h, table.loc[h, "estimate"], "o", ms=2.6, mfc=face, mec=INK["accent"], mew=0.7)
    for h in study.reference:
        ax.plot(h, 0, "s", ms=2.6, mfc="white", mec=INK["grey"], mew=0.7)
    first, last = int(study.params.index.min()), int(study.params.index.max())
    step = 5 if last - first > FEW else 1
    ax.set_xticks(np.arange(-(-first // step) * step, last + 1, step))
    lost = int(study.params.isna().sum())
    if lost:
        ax.annotate(f"{lost} not estimable", (0.02, 0.03), xycoords="axes fraction", fontsize=5.5, color=INK["grey"])


def _draw_bounds(ax: Axes, design: EventEvidence, label: str) -> None:
    """Draw honest bounds of the first effect to the right of the last horizon."""
    last = float(design.studies[label].params.index.max())
    for place, (restriction, M, colour) in enumerate(BOUNDS):
        bound = design.bound(label, restriction, M)
        if np.isfinite(bound).all():
            ax.plot([last + 1.8 + place] * 2, bound, color=colour, linewidth=1.6, solid_capstyle="butt")


def _legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    blue, warm = INK["accent"], INK["warm"]
    handles = [
        Line2D([], [], color=blue, marker="o", ms=3, lw=0.9, label="estimate, 95% interval"),
        Line2D([], [], color=blue, marker="o", ms=3, mfc="white", lw=0, label="thin support"),
        Line2D([], [], color=blue, marker="o", ms=3, mfc=INK["faint"], lw=0, label="support not counted"),
        Patch(color=INK["faint"], label="95% band: leads, effects"),
        Line2D([], [], color=warm, lw=1.2, label=f"honest, first effect: relative, M = {RELATIVE:g}"),
        Line2D([], [], color=INK["main"], lw=1.2, label=f"honest, first effect: smooth, M = {SMOOTH:g}"),
        Line2D([], [], color=INK["grey"], marker="s", ms=3, mfc="white", lw=0, label="reference"),
    ]
    figure.legend(handles=handles, loc="lower center", ncols=4, fontsize=6)


def event_support_figure(designs: Studies) -> Figure:
    """Draw how many events and clean controls stand behind every horizon.

    Parameters
    ----------
    designs
        An event study, several, or designs, of which the first study is drawn.

    Returns
    -------
    matplotlib.figure.Figure
        A panel per study or design; a study without counted support has an empty one.
    """
    import matplotlib.pyplot as plt

    found = _as_designs(designs)
    firsts = [(design.title, next(iter(design.studies.values()))) for design in found]
    drawn = firsts if found[0].estimand else list(found[0].studies.items())
    with house_style():
        figure, axes = plt.subplots(1, len(drawn), figsize=(WIDTH, 2.1), squeeze=False)
        for ax, (title, study) in zip(axes[0], drawn, strict=True):
            support = study.support
            ax.bar(support.index, support["treated"], color=INK["faint"], width=0.8, label="events or regions treated")
            ax.step(support.index, support["cohorts"], where="mid", color=INK["accent"], label="event weeks")
            ax.step(support.index, support["controls"], where="mid", color=INK["warm"], label="fewest clean controls")
            ax.axhline(study.rule.min_controls, color=INK["warm"], linewidth=0.5, linestyle=":")
            ax.set_title(fill(title, TITLE_WIDTH), fontsize=7)
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
