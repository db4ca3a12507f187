"""The battery at a glance: the p-value of every test on one axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from panelcoop.report.labels import label_of
from panelcoop.report.style import INK, WIDTH, house_style
from panelcoop.waves.battery.run import WaveBattery

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["wave_battery_figure"]

SMALLEST = 0.001


def wave_battery_figure(battery: WaveBattery, *, level: float = 0.05) -> Figure:
    """Draw the p-values of the battery; descriptions have none and are left out.

    Parameters
    ----------
    battery
        Result of `wave_battery`.
    level
        Where the line stands.

    Returns
    -------
    matplotlib.figure.Figure
        Tests in the order of the battery from the top; p below .001 stands at .001.
    """
    import matplotlib.pyplot as plt

    tested = [one for one in battery.statistics if np.isfinite(one.p)][::-1]
    p = np.maximum([one.p for one in tested], SMALLEST)
    rejected = p <= level
    with house_style():
        figure, ax = plt.subplots(figsize=(WIDTH, 0.6 + 0.2 * len(tested)))
        places = np.arange(len(tested))
        ax.axvline(level, color=INK["grey"], linewidth=0.8, linestyle=":")
        ax.hlines(places, p, 1.0, color=INK["faint"], linewidth=0.8)
        for chosen, colour, word in ((rejected, INK["warm"], "rejects"), (~rejected, INK["accent"], "does not reject")):
            ax.plot(p[chosen], places[chosen], "o", color=colour, markersize=4, label=f"{word} at {level:g}")
        ax.set_xscale("log")
        ax.set_xlim(SMALLEST * 0.8, 1.1)
        ax.set_xticks([0.001, 0.01, 0.05, 0.1, 0.5, 1.0], ["≤.001", ".01", ".05", ".1", ".5", "1"])
        ax.set_yticks(places, [one.name for one in tested])
        ax.set_xlabel("p-value; each test has its own null")
        ax.set_title(f"{label_of(battery.outcome)}: the usual tests", pad=15)
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderpad=0, borderaxespad=0.3)
    return figure
