"""The wave test in every universe that changes it: outcome, weights of regions, regions left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from panelcoop.errors import PanelcoopError
from panelcoop.panel.record import Panel
from panelcoop.progress import track
from panelcoop.sensitivity.multiverse_plan import planned_universes
from panelcoop.sensitivity.multiverse_universe import Universe
from panelcoop.waves.inputs import wave_input
from panelcoop.waves.primary import thresholds_for, wave_test_of
from panelcoop.waves.thresholds import WaveThresholds

__all__ = ["WAVE_COLUMNS", "rising_share", "wave_sign_share", "wave_universes"]

WAVE_COLUMNS = (
    "ascent",
    "p_ascent",
    "waves",
    "p_waves",
    "net_rise",
    "p_up",
    "drawdown",
    "detectable",
    "root",
    "verdict",
    "wave_reason",
)
"""What the wave test adds to a universe; drawdowns, net rise and U in within-region standard deviations."""

MOST_DRAWS = 199


def wave_universes(
    panel: Panel, universes: Sequence[Universe], thresholds: WaveThresholds | None = None
) -> pd.DataFrame:
    """Run the wave test once for each outcome, weighting and set of regions, and hand the numbers to every universe.

    Parameters
    ----------
    panel
        A panel with the universes' columns.
    universes
        Universes that differ in drivers, lags, stages or effects only share one test: none of these enters it.
    thresholds
        Default: the plan's. At most 199 draws are made.

    Returns
    -------
    pandas.DataFrame
        One row per universe, in order, with the columns of ``WAVE_COLUMNS``; where the test cannot be had, NaN and
        the reason.
    """
    agreed = thresholds_for(panel, thresholds)
    quick = replace(agreed, draws=min(agreed.draws, MOST_DRAWS))
    keys = [(u.outcome, u.weights, u.without) for u in universes]
    distinct = list(dict.fromkeys(keys))
    found = {key: _wave_row(panel, key, quick) for key in track(distinct, "wave tests")}
    return pd.DataFrame([found[key] for key in keys], columns=list(WAVE_COLUMNS))


def wave_sign_share(panel: Panel, thresholds: WaveThresholds | None = None) -> float:
    """Give the share of the plan's universes in which the path rises in interrupted ascents.

    Parameters
    ----------
    panel
        From `panel_with_choices`.
    thresholds
        As for `wave_universes`.

    Returns
    -------
    float
        What `wave_test(sign_share=...)` takes; NaN where no universe could be tested.
    """
    tests = wave_universes(panel, _one_per_test(planned_universes(panel).universes), thresholds)
    return rising_share(tests[tests["ascent"].notna()])


def rising_share(tests: pd.DataFrame) -> float:
    """Give the share of wave tests with U > 0 and a net rise; NaN where there is none.

    Examples
    --------
    >>> rising_share(pd.DataFrame({"ascent": [0.2, 0.0, 0.1], "net_rise": [1.0, 1.0, -1.0]})) == 1 / 3
    True
    """
    return float(((tests["ascent"] > 0) & (tests["net_rise"] > 0)).mean())


def _one_per_test(universes: Sequence[Universe]) -> list[Universe]:
    return list({(u.outcome, u.weights, u.without): u for u in universes}.values())


def _wave_row(
    panel: Panel, key: tuple[str, str | None, tuple[str, ...]], thresholds: WaveThresholds
) -> dict[str, object]:
    outcome, weights, without = key
    slim = replace(panel, data=panel.data[[outcome, *([weights] if weights else [])]])
    try:
        kept = slim.without_regions(without) if without else slim
        work = wave_input(kept, outcome, weights=weights)
        found = wave_test_of(work, outcome=outcome, thresholds=thresholds)
    except PanelcoopError as error:
        return {"wave_reason": str(error)}
    unit = found.region_sd if found.region_sd > 0 else 1.0
    evidence = found.evidence
    return {
        "ascent": found.test.ascent / unit,
        "p_ascent": evidence.p_ascent,
        "waves": float(evidence.waves),
        "p_waves": evidence.p_waves,
        "net_rise": found.test.net_rise / unit,
        "p_up": evidence.p_up,
        "drawdown": evidence.drawdown,
        "detectable": evidence.detectable,
        "root": evidence.root,
        "verdict": found.verdict,
        "wave_reason": found.reason if np.isnan(evidence.p_ascent) else "",
    }
