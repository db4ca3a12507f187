"""What the panel is made from: the weekly figures and facts that travel with the repository."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from panelcoop.panel.record import Ledger
from panelcoop.panel.sources.epidemic import cases_with_early_counts
from panelcoop.panel.sources.facts import Facts, load_facts
from panelcoop.panel.sources.records import WeeklyFigures
from panelcoop.panel.sources.shipped import load_positions, load_weekly

__all__ = ["Inputs", "read_inputs"]


@dataclass(frozen=True)
class Inputs:
    """Every table the panel is made from.

    Attributes
    ----------
    facts
        Provinces, borders, pairings, stages and declared response levels.
    policy
        Four policy indices, 0 to 100, by `iso` and `week`.
    cases
        `new_cases` and `new_deaths` by `iso` and `week`.
    measures
        Shares of the population under city measures (January to April 2020) by `iso` and `week`.
    positions
        `longitude` and `latitude` of the centre of each province's population, by `iso`; None where not at hand.
    """

    facts: Facts
    policy: WeeklyFigures
    cases: WeeklyFigures
    measures: WeeklyFigures
    positions: pd.DataFrame | None = None

    @property
    def ledger(self) -> Ledger:
        """What the sources lost or changed before the panel was made."""
        return self.facts.ledger + self.policy.ledger + self.cases.ledger + self.measures.ledger


def read_inputs(folder: Path | str, *, early_cases: bool = True) -> Inputs:
    """Read the shipped figures.

    Parameters
    ----------
    folder
        The data folder.
    early_cases
        Whether the early counts fill the weeks before the main source of cases begins.

    Returns
    -------
    Inputs

    Raises
    ------
    DataError
        If a file or column is missing, or a value is impossible; see the loaders.
    """
    cases = load_weekly("jhu", folder=folder)
    if early_cases:
        cases = cases_with_early_counts(cases, load_weekly("canghailan", folder=folder))
    return Inputs(
        facts=load_facts(folder),
        policy=load_weekly("oxcgrt", folder=folder),
        cases=WeeklyFigures(_keyed(cases.frame, ["new_cases", "new_deaths"]), cases.ledger),
        measures=load_weekly("gpl_covid", folder=folder),
        positions=load_positions(folder),
    )


def _keyed(frame: pd.DataFrame, variables: list[str]) -> pd.DataFrame:
    return frame[["iso", "week", *variables]]
