"""Other dates the stages might have had: shifted official dates, other parameters of the epidemic clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing
from panelcoop.errors import DataError
from panelcoop.options import BoolArray, FloatArray
from panelcoop.panel.clocks.official import MOVES, STAYS
from panelcoop.panel.clocks.parameters import clock_ranges, difference, likely_clocks
from panelcoop.panel.clocks.vectors import DateVector, DateVectors
from panelcoop.panel.inputs import read_inputs
from panelcoop.panel.plan import Plan
from panelcoop.panel.plan_measures import EpidemicClock
from panelcoop.panel.record import Panel
from panelcoop.panel.stages import Stage
from panelcoop.panel.stages_epidemic import epidemic_stages
from panelcoop.panel.stages_white_paper import white_paper_stages
from panelcoop.progress import track

__all__ = [
    "DateVector",
    "DateVectors",
    "clock_ranges",
    "epidemic_vectors",
    "likely_set",
    "recorded_cases",
    "white_paper_vectors",
]


def white_paper_vectors(panel: Panel, mapping: Mapping[Stage, Sequence[str]]) -> DateVectors:
    """Move each boundary of the official dates by a week either way, independently.

    Parameters
    ----------
    panel
        With the column `white_paper_phase`, the same for all regions.
    mapping
        White-paper stages that make each stage.

    Returns
    -------
    DateVectors
        Every combination that gives other stages, the official dates first; a boundary stays with probability one
        half and moves a week either way with one quarter each. Boundaries between phases of one stage do not count.

    Raises
    ------
    DataError
        If the column is missing, or no phase is dated.
    """
    fail_if_columns_missing(["white_paper_phase"], list(panel.data.columns), "The panel")
    phases = panel.data["white_paper_phase"].groupby(level="week").first().astype(object)
    dated = np.flatnonzero(phases.notna())
    if not dated.size:
        raise DataError("No week has a white-paper phase; date the stages by another clock.")
    values = phases.to_numpy()
    named = [_stage_of(phase, mapping) for phase in values]
    cuts = [int(t) for t in dated[1:] if named[t] != named[t - 1]]
    found: list[DateVector] = []
    for shifts in sorted(product((-1, 0, 1), repeat=len(cuts)), key=lambda s: sum(map(abs, s))):
        moved = white_paper_stages(pd.Series(_shifted(values, cuts, shifts), index=phases.index), mapping)
        stage = pd.Series(
            moved.reindex(panel.data.index.get_level_values("week")).to_numpy(), index=panel.data.index
        ).astype(moved.dtype)
        name = ", ".join(f"{values[t]} {s:+d}" for t, s in zip(cuts, shifts, strict=True) if s) or "official"
        found.append(DateVector(name, stage, float(np.prod([STAYS if s == 0 else MOVES for s in shifts]))))
    return DateVectors(tuple(found), np.inf)


def epidemic_vectors(
    panel: Panel,
    cases: pd.DataFrame,
    population: pd.Series,
    clock: EpidemicClock,
    *,
    ranges: Mapping[str, Mapping[int, float]] | None = None,
    draws: int = 40,
    rng: np.random.Generator | None = None,
) -> DateVectors:
    """Date the stages by epidemic clocks with other parameters.

    Parameters
    ----------
    panel
        Whose rows are dated.
    cases
        New cases, all weeks known by regions.
    population
        Persons by region.
    clock
        The plan's parameters.
    ranges
        Values of each parameter with their probabilities; by default those of `clock_ranges`.
    draws
        Vectors drawn, the plan's always first. When there are no more combinations than draws, all are taken with
        their own probabilities; otherwise a combination has the share of draws that took it.
    rng
        Source of randomness.

    Returns
    -------
    DateVectors
        Distinct combinations; probabilities add up to one.
    """
    chosen, imputations = likely_clocks(clock, ranges=ranges, draws=draws, rng=rng)
    found = []
    for one, share in track(chosen, "dating stages"):
        dated = epidemic_stages(cases, population, one).stage
        found.append(DateVector(difference(one, clock) or "plan", _long(dated, panel), share))
    return DateVectors(tuple(found), imputations)


def recorded_cases(plan: Plan, regions: Sequence[str]) -> pd.DataFrame:
    """Spread new cases over all weeks on record and the panel's, as the panel's own clock reads them.

    Parameters
    ----------
    plan
        Names the data folder and the panel's weeks.
    regions
        Columns wanted.
    """
    frame = read_inputs(plan.folder, early_cases=plan.data.early_cases).cases.frame
    wide = frame.set_index(["week", "iso"])["new_cases"].astype(float).unstack("iso")  # noqa: PD010 - unique keys
    weeks = plan.weeks.union(pd.DatetimeIndex(wide.index))
    return wide.reindex(index=pd.date_range(weeks.min(), weeks.max(), freq="7D"), columns=list(regions))


def likely_set(probabilities: FloatArray, mass: float) -> BoolArray:
    """Mark the smallest set of vectors, most probable first, that holds at least a given probability.

    Examples
    --------
    >>> likely_set(np.array([0.5, 0.05, 0.3, 0.15]), 0.9).tolist()
    [True, False, True, True]
    """
    order = np.argsort(-probabilities, kind="stable")
    before = np.cumsum(probabilities[order]) - probabilities[order]
    inside = np.zeros(len(probabilities), dtype=bool)
    inside[order] = before < mass * probabilities.sum() - 1e-12
    return inside


def _stage_of(phase: object, mapping: Mapping[Stage, Sequence[str]]) -> object:
    return next((stage for stage, phases in mapping.items() if phase in phases), None)


def _shifted(values: np.ndarray, cuts: Sequence[int], shifts: Sequence[int]) -> np.ndarray:
    """Move the phase beginning at each cut: a week earlier takes it from the phase before, a week later gives it."""
    moved = values.copy()
    for cut, shift in zip(cuts, shifts, strict=True):
        if shift < 0:
            moved[cut + shift : cut] = values[cut]
        elif shift > 0:
            moved[cut : cut + shift] = values[cut - 1]
    return moved


def _long(dated: pd.DataFrame, panel: Panel) -> pd.Series:
    """Take the stage of each row of the panel out of a table of weeks by regions."""
    index = panel.data.index
    weeks = dated.index.get_indexer(index.get_level_values("week"))
    regions = dated.columns.get_indexer(index.get_level_values("region"))
    values = dated.astype(object).to_numpy()[weeks, regions]
    values[(weeks < 0) | (regions < 0)] = None
    return pd.Series(values, index=index).astype(dated.dtypes.iloc[0])
