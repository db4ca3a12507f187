"""The specification curve: every universe's effect in order, and the choices behind each below."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from panelcoop.report.labels import label_of, short_label_of
from panelcoop.report.style import INK, WIDTH, house_style
from panelcoop.sensitivity.multiverse import Multiverse

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["choice_label", "contrast_label", "specification_curve"]

ROW_INCHES, CURVE_INCHES = 0.14, 2.3
CUT = 0.15  # share of the intervals' ends that may reach over the frame
PATCH = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5}
AXIS_TITLES = {
    "measure": "Measure",
    "index": "Policy index",
    "stages": "Stages",
    "weights": "Partners",
    "lag": "Lag of drivers",
    "estimator": "Estimator",
    "regions": "Regions",
}
CHOICES = {
    "containment_health": "containment and health",
    "stringency": "stringency",
    "government_response": "government response",
    "economic_support": "economic support",
    "epidemic": "epidemic clock",
    "white paper": "white paper, outbreak = II",
    "white paper, alternative": "white paper, outbreak = II + III",
    "contiguity": "neighbours",
    "second_order": "within two borders",
    "population": "neighbours by population",
    "two-way": "region and week effects",
    "two-way+trends": "... and region trends",
    "population-weighted": "... weighted by population",
}


def specification_curve(found: Multiverse) -> Figure:
    """Draw the effects of all universes in order, with intervals, over the choices that made them.

    Parameters
    ----------
    found
        A multiverse.

    Returns
    -------
    matplotlib.figure.Figure
        Above, effects with DWB-t intervals, those that exclude zero darker, the plan's own universe marked; below, a
        tick under each universe on the line of each of its choices, and each choice's median effect at the right.
        Universes without an estimate are counted in the title, not drawn.
    """
    import matplotlib.pyplot as plt

    table = found.feasible.sort_values(["effect", "pvalue"], kind="stable")
    options = [(axis, str(label)) for axis in found.axes for label in found.table[axis].unique()]
    below = ROW_INCHES * (len(options) + len(found.axes))
    with house_style():
        figure, (top, bottom) = plt.subplots(
            2,
            1,
            figsize=(WIDTH, CURVE_INCHES + below + 0.45),
            sharex=True,
            gridspec_kw={"height_ratios": [CURVE_INCHES, below], "hspace": 0.03},
        )
        _draw_curve(top, table, found)
        _draw_choices(bottom, table, found)
        bottom.set_xlim(-0.01 * len(table) - 0.5, 1.01 * len(table) - 0.5)
    return figure


def choice_label(axis: str, choice: str) -> str:
    """Name a choice for a reader.

    Examples
    --------
    >>> choice_label("lag", "2"), choice_label("measure", "policy_overlap"), choice_label("mine", "own_choice")
    ('2 weeks', 'Policy overlap', 'own choice')
    """
    if axis == "lag":
        return f"{choice} week{'' if choice == '1' else 's'}"
    if axis == "measure":
        return label_of(choice)
    return CHOICES.get(choice, choice.replace("_", " "))


def contrast_label(contrast: str) -> str:
    """Name a contrast for a reader.

    Examples
    --------
    >>> contrast_label("own_risk:outbreak - own_risk:continuation")
    'Own risk: outbreak less continuation'
    """
    parts = [part.strip().split(":") for part in contrast.split(" - ")]
    if len(parts) == 2 and all(len(part) == 2 for part in parts) and parts[0][0] == parts[1][0]:
        return f"{short_label_of(parts[0][0])}: {parts[0][1]} less {parts[1][1]}"
    return contrast


def _draw_curve(ax: Axes, table: pd.DataFrame, found: Multiverse) -> None:
    at = np.arange(len(table))
    low, high, effect = (table[name].to_numpy(dtype=float) for name in ("effect_low", "effect_high", "effect"))
    clear = (table["pvalue"] <= 1 - found.settings.level + 1e-12).to_numpy()
    width = float(np.clip(330 / max(len(table), 1), 0.35, 2.2))
    floor, ceiling = _limits(effect, low, high)
    lines = (np.clip(low, floor, ceiling), np.clip(high, floor, ceiling))
    ax.vlines(at[~clear], lines[0][~clear], lines[1][~clear], color=INK["faint"], linewidth=width, zorder=1)
    ax.vlines(at[clear], lines[0][clear], lines[1][clear], color=INK["warm"], linewidth=width, alpha=0.55, zorder=2)
    ax.axhline(0, color=INK["main"], linewidth=0.6, zorder=3)
    size = float(np.clip(900 / max(len(table), 1), 1.2, 12))
    ax.scatter(at[~clear], effect[~clear], s=size, color="#555555", linewidths=0, zorder=4)
    ax.scatter(at[clear], effect[clear], s=size * 1.6, color=INK["warm"], linewidths=0, zorder=5)
    ax.axhline(float(np.median(effect)), color=INK["accent"], linewidth=0.8, linestyle=(0, (4, 2)), zorder=3)
    _mark_main(ax, table, found)
    ax.set_ylim(floor, ceiling)
    ax.set_ylabel("Effect (sd of outcome per sd of driver)")
    ax.tick_params(axis="x", length=0, labelbottom=False)
    ax.spines["bottom"].set_visible(False)
    ax.set_title(_title(found), fontsize=8.5, pad=16)
    _legend(ax, found)


def _limits(effect: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[float, float]:
    """Show every estimate, and intervals up to where the longest fifteen in a hundred are cut."""
    reach = [float(np.nanmin(effect)), float(np.nanmax(effect))]
    ends = low[np.isfinite(low)], high[np.isfinite(high)]
    if ends[0].size and ends[1].size:
        reach += [float(np.quantile(ends[0], CUT)), float(np.quantile(ends[1], 1 - CUT))]
    pad = 0.04 * (max(reach) - min(reach)) or 1.0
    return min(reach) - pad, max(reach) + pad


def _mark_main(ax: Axes, table: pd.DataFrame, found: Multiverse) -> None:
    if found.main in table.index:
        place = int(np.flatnonzero(table.index == found.main)[0])
        value = float(table["effect"].iloc[place])
        ax.plot(place, value, marker="D", ms=5, mfc="white", mec=INK["accent"], mew=1.2, ls="", zorder=6)


def _title(found: Multiverse) -> str:
    n = found.summary()
    lost = int(n["universes"] - n["feasible"])
    without = f", {lost} without an estimate" if lost else ""
    return f"{contrast_label(found.contrast)}, {int(n['feasible']):,} universes{without}"


def _legend(ax: Axes, found: Multiverse) -> None:
    from matplotlib.lines import Line2D

    n = found.summary()
    level = f"{found.settings.level:.0%}"
    handles = [
        Line2D([], [], marker="D", ms=4.5, mfc="white", mec=INK["accent"], mew=1.2, ls="", label="the plan's universe"),
        Line2D(
            [], [], color=INK["accent"], linewidth=0.8, linestyle=(0, (4, 2)), label=f"median {n['median_effect']:.2f}"
        ),
        Line2D([], [], color=INK["faint"], linewidth=3, label=f"{level} interval (DWB-t)"),
        Line2D([], [], color=INK["warm"], alpha=0.6, linewidth=3, label="... that excludes zero"),
    ]
    ax.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(-0.02, 0.99), ncols=4, columnspacing=1.2, handlelength=1.6
    )
    shares = f"same sign as the plan's: {n['sign_share']:.0%}\nand significant: {n['significant_share']:.0%}"
    ax.annotate(shares, (0.995, 0.03), xycoords="axes fraction", ha="right", va="bottom", fontsize=7, bbox=PATCH)


def _draw_choices(ax: Axes, table: pd.DataFrame, found: Multiverse) -> None:
    clear = (table["pvalue"] <= 1 - found.settings.level + 1e-12).to_numpy()
    width = float(np.clip(330 / max(len(table), 1), 0.35, 2.2))
    line, ticks, heads = -1.0, [], []
    for axis in found.axes:
        line += 1.0
        heads.append((line + 0.12, AXIS_TITLES.get(axis, axis.replace("_", " ").capitalize())))
        shares = found.share_by(axis)
        for label in found.table[axis].unique():
            line += 1.0
            here = (table[axis] == label).to_numpy()
            for chosen, colour in ((here & ~clear, "#7a7a7a"), (here & clear, INK["warm"])):
                ax.vlines(np.flatnonzero(chosen), line - 0.38, line + 0.38, color=colour, linewidth=width, zorder=2)
            ticks.append((line, choice_label(axis, str(label))))
            _write(ax, line, _signed(float(shares["median_effect"].get(label, np.nan))))
    for at, text in heads:
        _write(ax, at, text, side="left", weight="bold")
    _write(ax, 0.0, "median")
    ax.set_yticks([at for at, _ in ticks], [text for _, text in ticks])
    ax.set_ylim(line + 0.6, -0.7)
    ax.tick_params(axis="y", length=0)
    ax.tick_params(axis="x", length=0, labelbottom=False)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)


def _write(ax: Axes, line: float, text: str, *, side: str = "right", weight: str = "normal") -> None:
    """Write beside a line of choices."""
    x, ha = (1.01, "left") if side == "right" else (-0.008, "right")
    where = {"xycoords": ("axes fraction", "data"), "va": "center", "ha": ha, "annotation_clip": False}
    ax.annotate(text, (x, line), fontsize=6.5 if side == "right" else 7, fontweight=weight, **where)  # type: ignore[arg-type]


def _signed(value: float) -> str:
    return "none" if np.isnan(value) else f"{value:+.2f}".replace("-", "−")
