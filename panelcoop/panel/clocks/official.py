"""The official clock: the phases a government announced, mapped to stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_not_whole, name_few
from panelcoop.errors import DataError
from panelcoop.options import IntArray
from panelcoop.panel.clocks.dates import StageDates, starts_of
from panelcoop.panel.stages_white_paper import white_paper_phases
from panelcoop.panel.weeks import WEEKS, Calendar

__all__ = ["MOVES", "STAYS", "official_clock"]

STAYS, MOVES = 0.5, 0.25
"""Probabilities that an announced date is right, and that it is a period early, or late."""


def official_clock(
    table: pd.DataFrame,
    periods: pd.DatetimeIndex,
    *,
    mapping: Mapping[str, Sequence[str]],
    last: str | None = None,
    calendar: Calendar = WEEKS,
    draws: int = 199,
    seed: int = 0,
) -> StageDates:
    """Date national stages by announced phases.

    Parameters
    ----------
    table
        `phase` (or `white_paper_stage`), `first_day`, `last_day`; the last phase may have no end.
    periods
        Periods of the panel.
    mapping
        Each stage, in order, with the phases that make it: the researcher's choice.
    last
        Last period counted to a phase without end; default the last of all.
    calendar
        Weeks or days: a period takes the phase that holds most of its days.
    draws
        Date vectors drawn by moving every boundary between stages independently: it stays with probability one half
        and moves a period either way with one quarter each.
    seed
        Seed of the draws.

    Returns
    -------
    StageDates

    Raises
    ------
    DataError
        When a column is missing, a day cannot be read, phases overlap or leave a gap, a phase is mapped nowhere or
        unknown, or no period has a stage.

    Examples
    --------
    >>> weeks = pd.date_range("2020-01-06", periods=4, freq="7D")
    >>> phases = pd.DataFrame({"phase": ["I", "II"], "first_day": ["2020-01-06", "2020-01-20"],
    ...     "last_day": ["2020-01-19", ""]})
    >>> official_clock(phases, weeks, mapping={"calm": ["I"], "storm": ["II"]}).series(["A"]).tolist()
    ['calm', 'calm', 'storm', 'storm']
    """
    fail_if_not_whole(draws, "draws", 0)
    known = table.rename(columns={"phase": "white_paper_stage"})
    phases = white_paper_phases(periods, known, last_week=last, calendar=calendar)
    _fail_if_not_mapped(set(known["white_paper_stage"].astype(str)), mapping)
    number = {phase: k for k, stage in enumerate(mapping) for phase in mapping[stage]}
    codes = np.array([number.get(str(phase), -1) for phase in phases], dtype=np.int64)
    dated = np.flatnonzero(codes >= 0)
    if not dated.size or (codes[dated[0] : dated[-1] + 1] < 0).any():
        msg = "The official phases leave no period of the window, or a period between two phases, without a stage."
        raise DataError(msg.replace("leave no period of the window, or", "leave") if dated.size else msg)
    starts, ends = starts_of(codes[None, :], len(mapping))
    return StageDates(
        clock="official",
        stages=tuple(mapping),
        periods=periods,
        regions=("",),
        starts=starts,
        ends=ends,
        draws=_moved(starts, int(ends[0]), draws, np.random.default_rng(seed)),
        note="announced phases; draws move each boundary by a period",
    )


def _moved(starts: IntArray, end: int, draws: int, rng: np.random.Generator) -> IntArray:
    """Move the boundaries between stages inside the window; columns that begin together move together."""
    own = starts[0]
    cuts, place = np.unique(own, return_inverse=True)
    inside = (cuts > own[0]) & (cuts < end)
    moves = rng.choice([-1, 0, 1], size=(draws, len(cuts)), p=[MOVES, STAYS, MOVES]) * inside
    moved = np.maximum.accumulate((cuts + moves)[:, place], axis=1)
    return np.asarray(moved[:, None, :], dtype=np.int64)


def _fail_if_not_mapped(phases: set[str], mapping: Mapping[str, Sequence[str]]) -> None:
    mapped = [phase for stage in mapping for phase in mapping[stage]]
    unknown = sorted(set(mapped) - phases)
    twice = sorted({phase for phase in mapped if mapped.count(phase) > 1})
    lost = sorted(phases - set(mapped))
    for fault, names in (("are not in the table", unknown), ("are mapped twice", twice), ("are mapped nowhere", lost)):
        if names:
            msg = f"The mapping of phases to stages: {name_few(names)} {fault}; each phase belongs to one stage."
            raise DataError(msg)
