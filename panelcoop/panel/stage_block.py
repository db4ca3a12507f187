"""The stage columns of the panel: both clocks, and the one the plan chose."""

from __future__ import annotations

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing
from panelcoop.panel.block import Block
from panelcoop.panel.plan_measures import EpidemicClock, StagePlan
from panelcoop.panel.record import Panel, Role
from panelcoop.panel.stages import fail_if_dated_from_outcome, stage_dtype
from panelcoop.panel.stages_epidemic import epidemic_stages, national_outbreaks
from panelcoop.panel.stages_white_paper import white_paper_phases, white_paper_stages

__all__ = ["STAGE_COLUMNS", "date_stages", "outbreak_table", "stage_block"]

STAGE_COLUMNS = ("stage", "stage_white_paper", "stage_epidemic")


def stage_block(
    cases: pd.DataFrame, population: pd.Series, phases: pd.DataFrame, weeks: pd.DatetimeIndex, plan: StagePlan
) -> Block:
    """Date the stages by both clocks.

    Parameters
    ----------
    cases
        New cases, all weeks known by regions: the epidemic clock also reads weeks before the panel begins.
    population
        Persons by region.
    phases
        White-paper stages with their dates.
    weeks
        Weeks of the panel.
    plan
        Clock, mapping and parameters.

    Returns
    -------
    Block
        `stage` (the plan's clock), `stage_white_paper`, `stage_epidemic`, `white_paper_phase`, `episode`, and the event
        `outbreak_onset` (one in the week of an outbreak's first local case).
    """
    phase = white_paper_phases(weeks, phases, last_week=plan.white_paper.last_week)
    national = white_paper_stages(phase, plan.mapping)
    local = epidemic_stages(cases, population, plan.epidemic)
    regions = list(cases.columns)
    by_clock = {
        "white_paper": pd.DataFrame(dict.fromkeys(regions, national.astype(object)), index=weeks),
        "epidemic": local.stage.astype(object).reindex(weeks),
    }
    onset = pd.DataFrame(np.where(cases.reindex(weeks).isna(), np.nan, 0.0), index=weeks, columns=regions)
    for one in local.episodes.itertuples():
        if one.onset in weeks:
            onset.loc[one.onset, one.region] = 1.0
    columns = {
        "stage": by_clock[plan.clock],
        "stage_white_paper": by_clock["white_paper"],
        "stage_epidemic": by_clock["epidemic"],
        "white_paper_phase": pd.DataFrame(dict.fromkeys(regions, phase), index=weeks),
        "episode": local.episode.reindex(weeks),
        "outbreak_onset": onset,
    }
    roles: dict[str, Role] = {**dict.fromkeys(STAGE_COLUMNS, "stage"), "outbreak_onset": "event"}
    roles |= {"white_paper_phase": "other", "episode": "other"}
    return Block(columns, roles, _notes(plan), _missing(plan))


def date_stages(
    panel: Panel,
    *,
    cases: str = "new_cases",
    population: pd.Series | None = None,
    clock: EpidemicClock | None = None,
    name: str = "stage_epidemic",
) -> Panel:
    """Date the stages of one's own panel by the epidemic clock.

    Parameters
    ----------
    panel
        Any panel with a column of new cases by consecutive Mondays.
    cases
        Column of new cases; never an outcome.
    population
        Persons by region; by default the column `population` of ``panel.regions``.
    clock
        Parameters; by default those of the plan.
    name
        Name of the new column.

    Returns
    -------
    Panel
        With the columns `name` (role stage) and `episode`.

    Raises
    ------
    DataError
        If the column is an outcome, or a column is missing.

    Examples
    --------
    >>> from panelcoop.panel.record import panel_from_frame
    >>> weeks = pd.date_range("2020-01-06", periods=6, freq="7D")
    >>> own = pd.DataFrame({"region": "A", "week": weeks, "new_cases": [0, 0, 9, 90, 40, 0]})
    >>> dated = date_stages(panel_from_frame(own), population=pd.Series({"A": 1e6}))
    >>> dated.data["stage_epidemic"].astype(str).unique().tolist()
    ['gestation', 'outbreak', 'continuation']
    """
    fail_if_columns_missing([cases], list(panel.data.columns), "The panel")
    fail_if_dated_from_outcome(cases, panel.roles)
    if population is None:
        fail_if_columns_missing(["population"], list(panel.regions.columns), "The table of regions")
        population = panel.regions["population"]
    wide = panel.data[cases].unstack("region")  # noqa: PD010 - unique keys
    found = epidemic_stages(wide, population, clock or EpidemicClock())
    stage, episode = (_long(table, panel.data.index) for table in (found.stage.astype(object), found.episode))
    return panel.with_columns({name: stage.astype(stage_dtype()), "episode": episode}, {name: "stage"})


def outbreak_table(panel: Panel, *, stage: str = "stage_epidemic") -> pd.DataFrame:
    """List the national outbreaks: spells in which many regions are in their outbreak stage.

    Parameters
    ----------
    panel
        A panel with the epidemic clock.
    stage
        Column of the epidemic clock.

    Returns
    -------
    pandas.DataFrame
        One row per spell, see `national_outbreaks`; the thresholds are the plan's.
    """
    clock = panel.plan.stages.epidemic if panel.plan is not None else EpidemicClock()
    wide = panel.data[stage].astype(object).unstack("region")  # noqa: PD010 - unique keys
    return national_outbreaks(wide, regions=clock.national_regions, weeks=clock.national_weeks)


def _long(table: pd.DataFrame, index: pd.Index) -> pd.Series:
    whole = pd.MultiIndex.from_product([table.columns, table.index], names=["region", "week"])
    return pd.Series(table.to_numpy().T.ravel(), index=whole).reindex(index)


def _notes(plan: StagePlan) -> dict[str, str]:
    mapping = "; ".join(f"{stage} = {' + '.join(phases)}" for stage, phases in plan.mapping.items())
    epidemic = (
        "Region- and episode-specific, dated from the region's own cases (imported ones only netted out roughly)."
    )
    white_paper = f"National, the State Council white paper's dates: {mapping}."
    return {
        "stage": f"The plan's clock ({plan.clock}). {epidemic if plan.clock == 'epidemic' else white_paper}",
        "stage_white_paper": white_paper,
        "stage_epidemic": epidemic,
        "white_paper_phase": "Stage I to V of the white paper holding most days of the week.",
        "episode": "Name of the region's current or last outbreak.",
        "outbreak_onset": "One in the week of an outbreak's first local case.",
    }


def _missing(plan: StagePlan) -> dict[str, str]:
    after = f"after {plan.white_paper.last_week} the white paper dates no stage (decided in the plan)"
    before = "before the region's first outbreak no stage is dated"
    return {
        "stage": before if plan.clock == "epidemic" else after,
        "stage_white_paper": after,
        "stage_epidemic": before,
        "white_paper_phase": after,
        "episode": before,
        "outbreak_onset": "cases not on record",
    }
