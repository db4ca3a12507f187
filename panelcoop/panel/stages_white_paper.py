"""The national clock: the stages of the State Council white paper "Fighting COVID-19: China in Action" (June 2020)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from panelcoop.checks import fail_if_columns_missing, name_few
from panelcoop.errors import DataError
from panelcoop.panel.stages import Stage, stage_dtype
from panelcoop.panel.tables import read_days
from panelcoop.panel.weeks import WEEKS, Calendar

__all__ = ["white_paper_phases", "white_paper_stages"]


def white_paper_phases(
    weeks: pd.DatetimeIndex, table: pd.DataFrame, *, last_week: str | None = None, calendar: Calendar = WEEKS
) -> pd.Series:
    """Give each week the white-paper stage that holds most of its days.

    Parameters
    ----------
    weeks
        Mondays, or days where the calendar has days.
    table
        Columns `white_paper_stage`, `first_day`, `last_day` (missing for the last stage, which has no end).
    last_week
        Label of the last week counted to the stage without end; default the last of `weeks`.
    calendar
        Weeks or days.

    Returns
    -------
    pandas.Series
        Stage I to V by week, missing outside the stages.

    Raises
    ------
    DataError
        If a column is missing, a day cannot be read, or stages overlap.

    Notes
    -----
    Most days of a Monday-to-Sunday week lie on the side of a boundary where its Thursday lies, so a week
    takes the stage of its Thursday.

    Examples
    --------
    >>> dates = pd.DataFrame({"white_paper_stage": ["I", "II"], "first_day": ["2019-12-27", "2020-01-20"],
    ...                       "last_day": ["2020-01-19", None]})
    >>> white_paper_phases(pd.DatetimeIndex(["2020-01-13", "2020-01-20"]), dates, last_week="2020-W08").tolist()
    ['I', 'II']
    """
    fail_if_columns_missing(["white_paper_stage", "first_day", "last_day"], list(table.columns), "The table of stages")
    open_end = calendar.start(last_week or weeks[-1]) + (calendar.step - pd.Timedelta(days=1))
    spans = pd.DataFrame(
        {
            "stage": table["white_paper_stage"].astype(str),
            "first": read_days(table["first_day"], "The table of stages"),
            "last": read_days(table["last_day"], "The table of stages", required=False, ends=True).fillna(open_end),
        }
    ).sort_values("first", ignore_index=True)
    _fail_if_overlapping(spans)
    middles = pd.Series(weeks + pd.Timedelta(days=calendar.days // 2), index=weeks)
    phases = pd.Series(pd.NA, index=weeks, dtype="object", name="white_paper_phase")
    for stage, first, last in spans.itertuples(index=False):
        phases = phases.mask(middles.between(first, last), stage)
    return phases


def white_paper_stages(phases: pd.Series, mapping: Mapping[Stage, Sequence[str]]) -> pd.Series:
    """Map white-paper stages I to V to the four stages of the life cycle.

    Parameters
    ----------
    phases
        Stage I to V by week, see `white_paper_phases`.
    mapping
        Stage of the life cycle to the white-paper stages that make it.

    Returns
    -------
    pandas.Series
        Ordered categories; missing where the phase is missing or mapped nowhere.

    Examples
    --------
    >>> white_paper_stages(pd.Series(["I", "IV"]), {"gestation": ["I"], "continuation": ["III", "IV"]}).tolist()
    ['gestation', 'continuation']
    """
    place = {phase: stage for stage, phases in mapping.items() for phase in phases}
    return phases.map(place).astype(stage_dtype())


def _fail_if_overlapping(spans: pd.DataFrame) -> None:
    late = spans["first"].iloc[1:].to_numpy() <= spans["last"].iloc[:-1].to_numpy()
    if late.any():
        msg = (
            f"The white-paper stages overlap at {name_few(spans['stage'].iloc[1:][late])}: "
            "each must begin after the one before has ended."
        )
        raise DataError(msg)
