"""Run the battery: every test on one outcome, one table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Unpack

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_not_one_of
from panelcoop.errors import DataError, PanelcoopError
from panelcoop.numerics.waves.ascent_test import ascent_test
from panelcoop.numerics.waves.drift import is_exact
from panelcoop.numerics.waves.untested import FEWEST_WEEKS, untested
from panelcoop.options import FloatArray
from panelcoop.panel.periods import period_positions
from panelcoop.panel.record import Panel, as_panel
from panelcoop.progress import track
from panelcoop.waves.battery.linearity import reset, spline_f
from panelcoop.waves.battery.periodic import fisher, harmonic, markov_switching, stochastic_cycle
from panelcoop.waves.battery.regimes import bai_perron, complex_roots, hansen, local_overshoot, sup_break
from panelcoop.waves.battery.shape import cycle_dating, persistent_peaks, simonsohn, u_test
from panelcoop.waves.battery.statistic import BatterySetting, WaveStatistic
from panelcoop.waves.inputs import InputOptions, WaveInput, matrix_of, wave_input
from panelcoop.waves.primary import ascent_settings, thresholds_for
from panelcoop.waves.thresholds import WaveThresholds

__all__ = ["BATTERY", "WaveBattery", "wave_battery"]

Test = Callable[[BatterySetting], WaveStatistic | tuple[WaveStatistic, ...]]

BATTERY: dict[str, Test] = {
    "spline": spline_f,
    "reset": reset,
    "u": u_test,
    "two lines": simonsohn,
    "turning points": cycle_dating,
    "peaks": persistent_peaks,
    "fisher": fisher,
    "harmonic": harmonic,
    "cycle": stochastic_cycle,
    "markov": markov_switching,
    "hansen": hansen,
    "sup-F": sup_break,
    "bai-perron": bai_perron,
    "complex roots": complex_roots,
    "overshoot": local_overshoot,
}
"""The tests by name."""

LEAST_WEEKS = 5
"""With fewer, two lines and their noise have no weeks left."""


@dataclass(frozen=True)
class WaveBattery:
    """The results of the battery.

    Attributes
    ----------
    outcome
        Column tested.
    statistics
        Results in the order of the battery.
    refused
        Tests that could not be run, with the reason.
    driver
        Column of the driver; empty without one.
    """

    outcome: str
    statistics: tuple[WaveStatistic, ...]
    refused: dict[str, str]
    driver: str = ""

    def tidy(self) -> pd.DataFrame:
        """List the tests, one row each: statistic, p, null, method, convention, warning."""
        keys = ("name", "statistic", "p", "null", "method", "convention", "warning")
        rows = [{key: getattr(s, key) for key in keys} for s in self.statistics]
        return pd.DataFrame(rows, columns=list(keys)).set_index("name")

    def __str__(self) -> str:
        """Write all tests, and those that could not be run."""
        head = f"Battery for {self.outcome}: each test answers its own question; none replaces the verdict."
        return "\n".join(
            [head, *map(str, self.statistics), *(f"{n}: not run, {why}" for n, why in self.refused.items())]
        )


def wave_battery(
    panel: Panel | pd.DataFrame,
    *,
    outcome: str,
    driver: str | None = None,
    tests: Sequence[str] = tuple(BATTERY),
    thresholds: WaveThresholds | None = None,
    draws: int = 499,
    slow_draws: int = 199,
    **how: Unpack[InputOptions],
) -> WaveBattery:
    """Run the usual tests of non-linearity and cycles beside the primary one.

    Parameters
    ----------
    panel
        A panel, or a frame with region and week as index or columns.
    outcome
        Column to test.
    driver
        Column for Hansen's threshold and the shock of the local projections; None takes the outcome's own past.
    tests
        Names from `BATTERY`.
    thresholds
        As for `wave_test`.
    draws, slow_draws
        Bootstrap draws; the second for the two tests of statsmodels, whose every draw is a numerical optimisation.
    **how
        weights, offset, bounds: as for `wave_test`. With weights or an offset the tests on region-weeks are refused,
        with that reason; those on the common path run.

    Returns
    -------
    WaveBattery

    Raises
    ------
    DataError
        If a test has no such name, fewer than five weeks are seen, the common path is a straight line without
        noise, or as for `wave_test`.
    """
    for name in tests:
        fail_if_not_one_of(name, list(BATTERY), "a test of the battery")
    record = as_panel(panel)
    work = wave_input(record, outcome, **how)
    setting = _setting(work, _driver(record, work, driver), thresholds_for(record, thresholds), (draws, slow_draws))
    found: list[WaveStatistic] = []
    refused: dict[str, str] = {}
    for name in track(list(tests), "running the battery"):
        try:
            result = BATTERY[name](setting)
        except (PanelcoopError, np.linalg.LinAlgError) as error:
            refused[name] = str(error)
            continue
        found += [result] if isinstance(result, WaveStatistic) else list(result)
    return WaveBattery(outcome, tuple(found), refused, driver or "")


def _setting(
    work: WaveInput, driver: tuple[str, FloatArray | None], agreed: WaveThresholds, draws: tuple[int, int]
) -> BatterySetting:
    common = work.common()
    _fail_if_bare(common.path, work.positions)
    clock = np.arange(work.positions[0], work.positions[-1] + 1)
    last_seen = np.searchsorted(work.positions, clock, side="right") - 1
    return BatterySetting(
        work=work,
        path=np.interp(clock, work.positions, common.path),
        weeks=work.weeks.take(last_seen),
        test=untested(common.path)
        if common.path.size < FEWEST_WEEKS
        else ascent_test(common.path, work.positions, ascent_settings(agreed)),
        driver_name=driver[0],
        driver=driver[1],
        thresholds=agreed,
        draws=draws[0],
        slow_draws=draws[1],
    )


def _fail_if_bare(path: FloatArray, positions: FloatArray) -> None:
    """Raise where a straight line leaves no noise, or too few weeks to tell."""
    if path.size < LEAST_WEEKS:
        msg = f"The battery needs {LEAST_WEEKS} weeks or more; {path.size} are seen."
        raise DataError(msg)
    clock = positions - positions.mean()
    if is_exact(path - np.polyval(np.polyfit(clock, path, 1), clock), path):
        msg = "The path has no noise: it is a straight line, and nothing tells how far chance would bend it."
        raise DataError(msg)


def _driver(panel: Panel, work: WaveInput, name: str | None) -> tuple[str, FloatArray | None]:
    """Lay a driver on the unbroken calendar of the outcome, also in weeks that lack the outcome."""
    if name is None:
        return "", None
    values, regions, weeks = matrix_of(panel, name)
    span = int(work.positions[-1] - work.positions[0]) + 1
    at = np.rint(period_positions(weeks) - work.positions[0]).astype(np.int64)
    inside = (at >= 0) & (at < span)
    wide = np.full((len(regions), span), np.nan)
    wide[:, at[inside]] = values[:, inside]
    return name, wide[regions.get_indexer(work.regions)]
