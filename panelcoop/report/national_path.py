"""The national path of an outcome, every region behind it, with stages shaded and national outbreaks marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing
from panelcoop.panel.record import Panel
from panelcoop.report.labels import STAGES, label_of, unit_of
from panelcoop.report.style import INK, STAGE_COLOURS, WIDTH, house_style, label_panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["national_path_figure"]

STACK = ("outbreak", "continuation", "gestation", "recovery")
"""Stages from the bottom of the lower panel upward: what matters most stands on the axis."""

SHADE = {"recovery": 0.6}
"""Opacity of shaded stages; the palest colour needs more."""


def national_path_figure(
    panel: Panel,
    outcome: str,
    *,
    national_stage: str = "stage_white_paper",
    regional_stage: str = "stage_epidemic",
    outbreaks: pd.DataFrame | None = None,
    place: str = "region",
) -> Figure:
    """Draw the national mean of an outcome over the weeks with every region in grey.

    Parameters
    ----------
    panel
        With the outcome and, where present, the two stage columns.
    outcome
        Column of the outcome.
    national_stage
        Column of a national clock: shaded behind the paths. Left out when the panel has no such column.
    regional_stage
        Column of a region-specific clock: the lower panel shows the share of regions in each of its stages.
    outbreaks
        National outbreaks to mark on the axis: one row each with first_week and last_week, see ``outbreak_table``.
    place
        What one region is called, such as "province".

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    DataError
        If the panel has no such outcome.
    """
    import matplotlib.pyplot as plt

    fail_if_columns_missing([outcome], [str(c) for c in panel.data.columns], "The panel")
    both = regional_stage in panel.data
    with house_style():
        size, heights = ((WIDTH, 4.7), [2.6, 1]) if both else ((WIDTH, 3.2), [1])
        figure, axes = plt.subplots(len(heights), 1, figsize=size, sharex=True, squeeze=False, height_ratios=heights)
        paths = panel.data[outcome].astype(float).unstack("region")  # noqa: PD010 - the keys are unique
        _draw_paths(axes[0, 0], paths, outcome, place)
        if national_stage in panel.data:
            _shade_stages(axes[0, 0], panel.data[national_stage])
        if outbreaks is not None:
            _mark_outbreaks(axes[0, 0], outbreaks)
        if both:
            _draw_shares(axes[1, 0], panel.data[regional_stage], place)
            label_panels(list(axes[:, 0]))
        _place_legends(axes[:, 0])
        _label_weeks(axes[-1, 0], paths.index)
        figure.align_ylabels()
        figure.tight_layout(h_pad=1.2)
    return figure


def _draw_paths(ax: Axes, paths: pd.DataFrame, outcome: str, place: str) -> None:
    ax.plot(paths.index, paths.to_numpy(), color=INK["grey"], linewidth=0.45, alpha=0.55, zorder=2)
    ax.plot([], [], color=INK["grey"], linewidth=0.7, label=f"Each of {paths.shape[1]} {place}s")
    ax.plot(paths.index, paths.mean(axis=1), color="white", linewidth=3.0, zorder=3)
    ax.plot(paths.index, paths.mean(axis=1), color=INK["main"], linewidth=1.7, label="National mean", zorder=4)
    unit = unit_of(outcome)
    ax.set_ylabel(unit.capitalize())
    ax.set_title(label_of(outcome))
    low, high = np.nanmin(paths.to_numpy()), np.nanmax(paths.to_numpy())
    ax.set_ylim(low - 0.12 * (high - low), high + 0.22 * (high - low))


def _shade_stages(ax: Axes, stage: pd.Series) -> None:
    by_week = stage.dropna().groupby(level="week").first()
    runs = by_week.ne(by_week.shift()).cumsum()
    top = ax.get_ylim()[1]
    for at, (_, weeks) in enumerate(by_week.groupby(runs)):
        name = str(weeks.iloc[0])
        begin, end = weeks.index[0], _after(weeks.index[-1])
        ax.axvspan(
            begin, end, color=STAGE_COLOURS.get(name, INK["faint"]), alpha=SHADE.get(name, 0.28), linewidth=0, zorder=0
        )
        ax.axvline(begin, color=INK["faint"], linewidth=0.5, zorder=1)
        ax.annotate(
            name.capitalize(),
            (begin, top),
            xytext=(2, -3 - 8 * (at % 3)),
            textcoords="offset points",
            va="top",
            fontsize=6.5,
        )


def _after(week: Any) -> Any:  # noqa: ANN401 - a label of any type
    """Return the week after a week: a span ends where the next one begins."""
    return week + pd.Timedelta(days=7) if isinstance(week, pd.Timestamp) else week + 1


def _mark_outbreaks(ax: Axes, outbreaks: pd.DataFrame) -> None:
    low, high = ax.get_ylim()
    top = low + 0.03 * (high - low)
    for number, row in enumerate(outbreaks.itertuples(), start=1):
        ax.fill_between([row.first_week, _after(row.last_week)], low, top, color=INK["warm"], linewidth=0.8, zorder=5)
        place: Any = (row.first_week, top)
        ax.annotate(str(number), place, xytext=(0, 1.5), textcoords="offset points", fontsize=6.5, color=INK["warm"])
    ax.fill_between([], [], color=INK["warm"], label="National outbreak")
    ax.set_ylim(low, high)


def _draw_shares(ax: Axes, stage: pd.Series, place: str) -> None:
    known = stage.dropna().astype(str)
    counts = pd.crosstab(known.index.get_level_values("week"), known.to_numpy())
    shares = 100 * counts.reindex(stage.index.unique("week").sort_values(), fill_value=0)
    shares = shares.div(stage.index.unique("region").size)
    order = [*[s for s in STACK if s in shares], *[str(s) for s in shares if s not in STAGES]]
    colours = [STAGE_COLOURS.get(s, INK["faint"]) for s in order]
    columns = [shares[s].to_numpy() for s in order]
    names = [s.capitalize() for s in order]
    ax.stackplot(shares.index, *columns, colors=colours, labels=names, linewidth=0.3, edgecolor="white", step="mid")
    ax.set_ylim(0, 100)
    ax.set_ylabel(f"Percent of {place}s")
    ax.set_title(f"Stage of each {place} by its own outbreak clock")


def _place_legends(axes: Any) -> None:  # noqa: ANN401 - an array of axes
    """Put each legend in a line between its panel and its title."""
    for ax in axes:
        ax.set_title(ax.get_title(loc="left"), loc="left", pad=15)
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=5, borderpad=0, borderaxespad=0.3, columnspacing=1.4)


def _label_weeks(ax: Axes, weeks: pd.Index) -> None:
    if not isinstance(weeks, pd.DatetimeIndex):
        ax.set_xlabel("Week")
        return
    from matplotlib import dates

    quarters: Any = dates.MonthLocator(bymonth=(1, 4, 7, 10))  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(quarters)
    ax.xaxis.set_minor_locator(dates.MonthLocator())  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_formatter(dates.DateFormatter("%b\n%Y"))  # type: ignore[no-untyped-call]
    ax.set_xlabel("ISO week")
    ends: Any = (weeks[0], weeks[-1])
    ax.set_xlim(*ends)
