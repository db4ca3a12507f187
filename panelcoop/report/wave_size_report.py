"""The simulated size and power of the wave test as one Markdown page."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from panelcoop.report.table_formats import to_markdown
from panelcoop.sensitivity.wave_designs import ALTERNATIVES
from panelcoop.sensitivity.wave_evidence import largest_sizes, wide_table, wrong_verdicts

__all__ = ["wave_size_report"]

HEAD = "# Size and power of the wave test"

LEAD = (
    "Share of simulated panels in which U rejects at 5% and in which two or more disjoint episodes are found.",
    "31 regions; unit noise variance per region; T weeks; common: share of the variance that all regions live through",
    "together; AR: root of that common shock (1: a random walk). Rising waves with a = 2 have a net drawdown of about",
    "1.4 region-sd, with a = 3 about 2.1. {replications} panels per cell, 199 draws each; standard error of a rate",
    "of .05: {error:.3f}.",
)

DRIFT_NOTE = """The two plain tests hold their size but read strong waves as a unit root (rising waves, AR .8). The
pair keeps its power there and its size up to AR .8; above, it rejects too often on its own. A verdict that rests on a
rise or a fall therefore asks more of it: it must also exceed the range of noise with the largest root at which anything
is concluded.
"""

VERDICT_NOTE = """Wrong: neither INCONCLUSIVE nor what the truth bears out; CONTRADICTED by a fall is wrong where
nothing falls. A single interrupted rise counts as wrong where the truth is rising waves, although it only says too
little.
"""

BATTERY_NOTE = """200 panels and 99 draws; Hansen's test, the stochastic cycle, Markov switching (the last two with 19
draws) and all with a driver: 60 panels. An unrelated driver is AR(1) with .8, half of its variance common to all
regions.
"""


def wave_size_report(tables: Mapping[str, pd.DataFrame], *, replications: int) -> str:
    """Write the page from the tables that `make validate` computes.

    Parameters
    ----------
    tables
        Keys wave_size, wave_resampled, wave_verdicts, wave_drift, wave_battery, wave_path_and_panel.
    replications
        Panels per cell, for the lead.

    Returns
    -------
    str
        Markdown.
    """
    found = tables["wave_size"]
    main = found[found["noise"] == "gaussian"]
    power = main["truth"].isin(ALTERNATIVES)
    other = found[found["noise"] != "gaussian"]
    before_after = pd.concat(
        [
            largest_sizes(tables["wave_resampled"]).rename(index=lambda _: "resampled (before)"),
            largest_sizes(other[other["noise"] == "heteroskedastic"]).rename(index=lambda _: "signs where sizes vary"),
        ]
    )
    error = (0.05 * 0.95 / replications) ** 0.5
    parts = [
        HEAD + "\n",
        " ".join(LEAD).format(replications=f"{replications:,}", error=error) + "\n",
        _section(largest_sizes(found), "Largest size by kind of noise"),
        _section(before_after, "Weeks of unequal noise: before and after"),
        _section(wide_table(main[~power]), "Size: nulls and driftless waves"),
        _section(wide_table(main[power]), "Power: rising and irregular waves"),
        _section(wide_table(other), "Other kinds of noise"),
        _section(tables["wave_drift"], "Drift tests, one-sided 5%, 30% common"),
        DRIFT_NOTE,
        _section(
            wrong_verdicts(tables["wave_verdicts"]), "Wrong verdicts: largest share over T and common share, a = 3"
        ),
        VERDICT_NOTE,
        _section(tables["wave_verdicts"], "Verdicts, a = 3"),
        _section(_upright(tables["wave_battery"]), "The battery: share rejecting at 5%, 31 regions"),
        BATTERY_NOTE,
        _section(tables["wave_path_and_panel"], "The common path simulated directly, and from whole panels (T = 52)"),
    ]
    return "\n".join(parts)


def _upright(rates: pd.DataFrame) -> pd.DataFrame:
    """Put tests in rows and designs in columns."""
    heads = [f"{r['truth']}, AR {r['AR']:g}, common {r['common']:g}" for r in rates.to_dict(orient="records")]
    body = rates.drop(columns=["truth", "T", "AR", "common"]).T.set_axis(heads, axis=1)
    return body.rename_axis("test")


def _section(table: pd.DataFrame, title: str) -> str:
    flat = table if isinstance(table.index, pd.RangeIndex) else table.reset_index()
    text = flat.map(lambda value: f"{value:.3g}" if isinstance(value, float) else str(value))
    return to_markdown(text.set_index(text.columns[0]), title, ())
