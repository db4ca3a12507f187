"""The simulated size of every inference as a Markdown table and a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from panelcoop.report.style import INK, WIDTH, house_style, label_panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["inference_size_figure", "inference_size_report"]

BAND = (0.02, 0.09)
LEVEL = 0.05
CONLEY = (
    "Conley's covariance comes in two forms. The first adds a region's own lags to the regions near it in the same "
    "week (Bartlett kernels, cutoff .8, lag 6) and leaves out near regions in near weeks; the product kernel counts "
    "them (all regions within .4, Bartlett weights of the weeks between, lag 6). Both use normal critical values."
)
COLUMNS = 2


def inference_size_report(
    size: pd.DataFrame, joint: pd.DataFrame, power: pd.DataFrame, *, seed: int, minutes: float
) -> str:
    """Write the size and power tables with seed and time.

    Parameters
    ----------
    size, joint, power
        From `inference_size`: one row per design and method; of the contrast, of the joint hypothesis, with an effect.
    seed
        Seed of the run.
    minutes
        Time the run took.

    Returns
    -------
    Markdown text. Rates outside [.02, .09] are in bold in the size tables.
    """
    runs, draws = int(size["replications"].iloc[0]), int(size["draws"].iloc[0])
    error = (LEVEL * (1 - LEVEL) / runs) ** 0.5
    about = (
        f"Share of simulated panels in which a true null (outbreak = continuation) is rejected at {LEVEL:.0%}. "
        f"31 regions, 100 weeks, four national stages, region and week effects; {runs:,} panels per design "
        f"(Monte Carlo error {error:.3f} at the nominal level), {draws} draws, seed {seed}, {minutes:.0f} minutes. "
        f"Bold: outside [{BAND[0]:.2f}, {BAND[1]:.2f}]."
    )
    panels = int(power["replications"].iloc[0])
    parts = [
        "# Which inference holds its size for a stage contrast?",
        about,
        markdown_table(size, bold=True),
        CONLEY,
        "## Joint hypothesis",
        "The effect is the same at all four stages (three restrictions): Wald tests under the same null.",
        markdown_table(joint, bold=True),
        "## Power",
        f"Spatially correlated panels with an effect in the outbreak stage, {panels:,} panels each.",
        markdown_table(power, bold=False),
    ]
    return "\n\n".join(parts) + "\n"


def markdown_table(table: pd.DataFrame, *, bold: bool) -> str:
    """Lay methods out as rows and designs as columns."""
    designs = list(dict.fromkeys(table["design"]))
    lines = ["| inference | " + " | ".join(designs) + " |", "|---" * (len(designs) + 1) + "|"]
    for method, rows in table.groupby("method", sort=False):
        shares = dict(zip(rows["design"], rows["rejects"], strict=True))
        lines.append(f"| {method} | " + " | ".join(rate(shares[design], bold=bold) for design in designs) + " |")
    return "\n".join(lines)


def rate(share: float, *, bold: bool) -> str:
    """Write a rejection rate with three digits, bold outside the band."""
    text = f"{share:.3f}".lstrip("0") if share < 1 else "1"
    return f"**{text}**" if bold and not BAND[0] <= round(share, 3) <= BAND[1] else text


def inference_size_figure(size: pd.DataFrame) -> Figure:
    """Draw one panel per design: methods down the side, rejection rate with twice its Monte Carlo error.

    Parameters
    ----------
    size
        From `inference_size`.
    """
    import matplotlib.pyplot as plt

    designs, methods = list(dict.fromkeys(size["design"])), list(dict.fromkeys(size["method"]))
    lines = -(-len(designs) // COLUMNS)
    height = 0.7 + 0.13 * len(methods)
    with house_style():
        figure, grid = plt.subplots(
            lines, COLUMNS, figsize=(WIDTH, 0.4 + height * lines), sharex=True, sharey=True, squeeze=False
        )
        axes = list(grid.ravel())
        for ax, design in zip(axes, designs, strict=False):
            rows = size[size["design"] == design].set_index("method").loc[methods]
            inside = rows["rejects"].between(*BAND).to_numpy()
            places = range(len(methods))
            ax.axvspan(*BAND, color=INK["faint"], alpha=0.5, linewidth=0)
            ax.axvline(LEVEL, color=INK["grey"], linewidth=0.7)
            ax.hlines(
                places, rows["rejects"] - 2 * rows["error"], rows["rejects"] + 2 * rows["error"], color=INK["main"]
            )
            colours = [INK["accent"] if good else INK["warm"] for good in inside]
            ax.scatter(rows["rejects"], places, c=colours, s=16, zorder=3)
            ax.set_yticks(list(places), methods)
            ax.set_title(design.replace(", stages", "\nstages"))
        axes[0].invert_yaxis()
        axes[0].set_xlim(-0.01, None)
        for ax in axes[len(designs) :]:
            ax.set_axis_off()
        for ax in grid[-1]:
            ax.set_xlabel("Share rejected at 5% (grey: .02 to .09)")
        label_panels(axes[: len(designs)])
        figure.tight_layout()
    return figure
