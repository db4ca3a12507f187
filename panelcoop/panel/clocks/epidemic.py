"""The epidemic clock as dates: every region's own stages, round after round, with the dates of other parameters."""

from __future__ import annotations

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing, fail_if_not_whole, name_few
from panelcoop.errors import DataError
from panelcoop.options import IntArray
from panelcoop.panel.clocks.dates import StageDates, starts_of
from panelcoop.panel.clocks.parameters import likely_clocks
from panelcoop.panel.plan_measures import EpidemicClock
from panelcoop.panel.record import Panel
from panelcoop.panel.stages import STAGES, fail_if_dated_from_outcome
from panelcoop.panel.stages_epidemic import epidemic_stages
from panelcoop.progress import track

__all__ = ["epidemic_clock"]

WEEK = pd.Timedelta(days=7)


def epidemic_clock(
    panel: Panel,
    cases: str | pd.DataFrame = "new_cases",
    *,
    population: pd.Series | None = None,
    clock: EpidemicClock | None = None,
    draws: int = 199,
    seed: int = 0,
) -> StageDates:
    """Date the stages of every region from its own cases; they restart with every local outbreak.

    Parameters
    ----------
    panel
        Panel by week, whose region-weeks are dated; the clock's parameters are in weeks, so that a panel by day is
        refused.
    cases
        Column of new cases, never an outcome; or new cases as Mondays by regions, which may reach beyond the panel.
    population
        Persons by region; by default the column `population` of ``panel.regions``.
    clock
        Parameters; by default those of ``EpidemicClock``.
    draws
        Sets of dates drawn by giving the clock other parameters: each keeps its value with probability one half.
    seed
        Seed of the draws.

    Returns
    -------
    StageDates
        One row per region of the panel; as many rounds of the four stages as the most afflicted region passes.

    Raises
    ------
    DataError
        When the column is an outcome, a column or population is missing, or the panel is not by week.
    """
    if isinstance(cases, str):
        fail_if_columns_missing([cases], [str(name) for name in panel.data.columns], "The panel")
        fail_if_dated_from_outcome(cases, panel.roles)
        cases = panel.data[cases].unstack("region")  # noqa: PD010 - unique keys
    fail_if_not_whole(draws, "draws", 0)
    regions = [str(region) for region in panel.data.index.unique("region")]
    periods = pd.DatetimeIndex(panel.data.index.unique("week"))
    wide = _by_week(cases.rename(columns=str).reindex(columns=regions), periods)
    people = _population(panel, population, regions)
    clocks, _ = likely_clocks(clock or EpidemicClock())
    times = np.random.default_rng(seed).multinomial(draws, [share for _, share in clocks])
    used = [0, *(np.flatnonzero(times[1:]) + 1)]
    grids = np.array([_codes(wide, people, clocks[k][0], periods) for k in track(used, "dating stages")])
    starts = starts_of(grids.reshape(-1, len(periods)), len(STAGES))[0].reshape(*grids.shape[:2], -1)
    return StageDates(
        clock="epidemic",
        stages=tuple(STAGES),
        periods=periods,
        regions=tuple(regions),
        starts=starts[0],
        ends=np.full(len(regions), len(periods)),
        draws=np.repeat(starts, times[used], axis=0),
        note="each region's own outbreaks; draws change the parameters of the clock",
    )


def _codes(cases: pd.DataFrame, population: pd.Series, clock: EpidemicClock, periods: pd.DatetimeIndex) -> IntArray:
    """Give the number of the stage by region and period."""
    stage = epidemic_stages(cases, population, clock).stage.reindex(periods)
    return np.array([stage[region].cat.codes.to_numpy() for region in stage.columns], dtype=np.int64)


def _by_week(cases: pd.DataFrame, periods: pd.DatetimeIndex) -> pd.DataFrame:
    """Spread cases over consecutive Mondays that hold the panel's."""
    weeks = pd.DatetimeIndex(cases.index).union(periods)
    if (weeks.day_of_week != 0).any():
        msg = "The epidemic clock reads cases by week, each week by its Monday; add daily cases up by week first."
        raise DataError(msg)
    return cases.reindex(pd.date_range(weeks.min(), weeks.max(), freq=WEEK))


def _population(panel: Panel, population: pd.Series | None, regions: list[str]) -> pd.Series:
    if population is None:
        fail_if_columns_missing(["population"], [str(name) for name in panel.regions.columns], "The table of regions")
        population = panel.regions["population"]
    people = population.rename(index=str).reindex(regions).astype(float)
    if not (people > 0).all():
        msg = f"The population of {name_few(people.index[~(people > 0)])} is missing or not positive."
        raise DataError(msg)
    return people
