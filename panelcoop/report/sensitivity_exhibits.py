"""One contrast under pressure: without each region, without each index, under other dates, and what could be found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from panelcoop.report.labels import label_of
from panelcoop.report.multiverse_figure import contrast_label
from panelcoop.report.number_text import interval_text, number_text, pvalue_text
from panelcoop.report.style import INK, WIDTH, house_style, label_panels
from panelcoop.report.table import Table
from panelcoop.sensitivity.leave_one_out import LeaveOneOut
from panelcoop.sensitivity.power import PowerCurve
from panelcoop.sensitivity.stage_dates import StageDateUncertainty

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["sensitivity_figure", "sensitivity_numbers", "sensitivity_table"]


def sensitivity_table(
    regions: LeaveOneOut,
    indices: LeaveOneOut,
    dates: Mapping[str, StageDateUncertainty],
    power: PowerCurve,
    *,
    names: Mapping[Any, str] | None = None,
    place: str = "region",
) -> Table:
    """Lay out what becomes of a contrast.

    Parameters
    ----------
    regions, indices
        The contrast without each region, and without each index.
    dates
        By model: the contrast with the dates of stages left open.
    power
        What this panel could have found.
    names
        Readable names of regions.
    place
        What a region is called.

    Returns
    -------
    Table
    """
    rows = {("As planned", ""): _cells(regions.whole)}
    known = names or {}
    for label, row in regions.table.head(3).iterrows():
        rows[f"Without one {place}", f"{known.get(str(label), str(label))}"] = _cells(row)
    rows["Mean of the indices", "all"] = _cells(indices.whole)
    for label, row in indices.table.iterrows():
        rows["Mean of the indices", f"without {label_of(str(label))}"] = _cells(row)
    for model, found in dates.items():
        row = found.table.iloc[0]
        rows["Dates of stages left open", f"{model}: Rubin's rules"] = _cells(row)
        worst = {"estimate": "", "interval": "", "p": pvalue_text(row["worst_pvalue"])}
        rows["Dates of stages left open", f"{model}: worst of the 90% set"] = worst
    body = pd.DataFrame.from_dict(rows, orient="index")
    body.columns = pd.Index(["Estimate", "95% interval", "p"])
    body.index = pd.MultiIndex.from_tuples(list(rows))
    title = f"Sensitivity of {contrast_label(regions.contrast).lower()}"
    return Table("sensitivity", title, body, _notes(regions, dates, power, place), _numbers_frame(regions, indices))


def sensitivity_numbers(
    regions: LeaveOneOut, indices: LeaveOneOut, dates: Mapping[str, StageDateUncertainty], power: PowerCurve
) -> dict[str, Any]:
    """Give what a text quotes."""
    return {
        "contrast": regions.contrast,
        "regions": {"low": regions.span[0], "high": regions.span[1], "worst_p": regions.worst_p}
        | {"most_influential": str(regions.table.index[0]), "influence": float(regions.table["influence"].iloc[0])},
        "indices": {"low": indices.span[0], "high": indices.span[1], "worst_p": indices.worst_p},
        "dates": {model: found.table.iloc[0].to_dict() for model, found in dates.items()},
        "power": {"unit": power.unit, "root": power.root, "minimum_detectable": power.minimum_detectable},
        "power_curve": power.table.reset_index().to_dict(orient="records"),
    }


def sensitivity_figure(
    regions: LeaveOneOut,
    power: PowerCurve,
    *,
    smallest: float | None = None,
    names: Mapping[Any, str] | None = None,
    place: str = "region",
) -> Figure:
    """Draw the contrast without each region, and the power curve.

    Parameters
    ----------
    regions
        The contrast without each region.
    power
        What this panel could have found.
    smallest
        Smallest effect of interest, marked on the power curve.
    names
        Readable names of regions.
    place
        What a region is called.

    Returns
    -------
    matplotlib.figure.Figure
    """
    import matplotlib.pyplot as plt

    with house_style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.9))
        _draw_regions(left, regions, names or {}, place)
        _draw_power(right, power, smallest)
        label_panels([left, right])
        figure.tight_layout(w_pad=2.0)
    return figure


def _draw_regions(ax: Axes, found: LeaveOneOut, names: Mapping[Any, str], place: str) -> None:
    table = found.table.dropna(subset=["estimate"]).sort_values("estimate")
    at = np.arange(len(table))
    whole = found.whole
    ax.axvspan(whole["conf_low"], whole["conf_high"], color="#eef2f5", zorder=0)
    ax.axvline(0, color=INK["main"], linewidth=0.6, zorder=1)
    ax.axvline(whole["estimate"], color=INK["accent"], linewidth=0.9, linestyle=(0, (4, 2)), zorder=2)
    ax.hlines(at, table["conf_low"], table["conf_high"], color=INK["grey"], linewidth=0.9, zorder=3)
    strong = (table["influence"].abs() >= table["influence"].abs().nlargest(3).min()).to_numpy()
    ax.scatter(table["estimate"][~strong], at[~strong], s=9, color=INK["main"], linewidths=0, zorder=4)
    ax.scatter(table["estimate"][strong], at[strong], s=16, color=INK["warm"], linewidths=0, zorder=5)
    ax.set_yticks(at, [names.get(label, str(label)) for label in table.index], fontsize=5.5)
    ax.set_ylim(-0.8, len(table) - 0.2)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel(f"{contrast_label(found.contrast)}\n(shaded: interval with all; dashed: estimate with all)")
    ax.set_title(f"Without one {place}")


def _draw_power(ax: Axes, power: PowerCurve, smallest: float | None) -> None:
    table = power.table
    ax.plot(table.index, table["dwb"], color=INK["accent"], marker="o", ms=3, label="DWB-t")
    ax.plot(table.index, table["crv1"], color=INK["grey"], marker="s", ms=2.5, linestyle="--", label="CRV1")
    ax.axhline(power.settings.target, color=INK["faint"], linewidth=0.7, zorder=0)
    ax.axhline(power.settings.level, color=INK["faint"], linewidth=0.7, linestyle=":", zorder=0)
    reach = power.minimum_detectable["dwb"]
    if np.isfinite(reach):
        ax.plot([reach, reach], [0, power.settings.target], color=INK["accent"], linewidth=0.7, linestyle=":")
        ax.annotate(f"{reach:.2f} sd", (reach, 0.02), xytext=(3, 0), textcoords="offset points", fontsize=6.5)
    if smallest is not None:
        ax.axvline(smallest, color=INK["warm"], linewidth=0.8, zorder=1)
        ax.text(smallest, 0.5, "  smallest effect\n  of interest", fontsize=6.5, color=INK["warm"], va="center")
    ax.set_ylim(0, 1.02)
    ax.set_xlim(left=0)
    ax.set_xlabel("Contrast (sd of outcome per sd of driver)")
    ax.set_ylabel("Share of simulated panels that reject")
    ax.set_title("Power on this panel's residuals")
    ax.legend(loc="lower right")


def _cells(row: pd.Series) -> dict[str, str]:
    interval = interval_text(row["conf_low"], row["conf_high"])
    return {"estimate": number_text(row["estimate"]), "interval": interval, "p": pvalue_text(row["pvalue"])}


def _notes(
    regions: LeaveOneOut, dates: Mapping[str, StageDateUncertainty], power: PowerCurve, place: str
) -> tuple[str, ...]:
    low, high = regions.span
    found = {k: f"{v:.2f} sd" if np.isfinite(v) else "none of those tried" for k, v in power.minimum_detectable.items()}
    left_out = (
        f"Without one {place} the estimate lies between {number_text(low)} and {number_text(high)}; the three most "
        f"influential are shown; largest p {pvalue_text(regions.worst_p)}."
    )
    size = power.table.iloc[0]
    detectable = (
        f"Power ({power.settings.replications:,} panels of resampled residuals, AR root {power.root:.2f}): smallest "
        f"contrast found with {power.settings.target:.0%} power {found['dwb']} by DWB-t, {found['crv1']} by CRV1; "
        f"size {size['dwb']:.3f} and {size['crv1']:.3f}."
    )
    return (
        f"Estimand: {regions.contrast}, in units of the outcome; intervals and p-values by DWB-t, refitted each time.",
        left_out,
        "Mean of the indices: the measure on every index, standardised and averaged.",
        *[f"Dates, {model}: {result.convention}." for model, result in dates.items()],
        detectable,
    )


def _numbers_frame(regions: LeaveOneOut, indices: LeaveOneOut) -> pd.DataFrame:
    parts = {"region": regions.table, "index": indices.table}
    return pd.concat([t.rename_axis("left_out").reset_index().assign(by=name) for name, t in parts.items()])
