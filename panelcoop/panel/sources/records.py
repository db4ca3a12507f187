"""What an adapter hands on: figures by region and week, and a ledger of every cell it lost or changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import pandas as pd

from panelcoop.panel.record import Ledger
from panelcoop.panel.weeks import WEEKS

__all__ = ["DailyFigures", "WeeklyFigures", "join_ledgers", "ledger_entry", "tidy"]

KEYS = ("iso", "week")


class DailyFigures(NamedTuple):
    """One variable of one source, day by day.

    Attributes
    ----------
    frame
        Days in rows (every day from the first to the last, `DatetimeIndex`), region codes in columns; a cell the
        source does not give is NaN.
    ledger
        What was excluded, missing or changed while reading.
    """

    frame: pd.DataFrame
    ledger: Ledger


class WeeklyFigures(NamedTuple):
    """The weekly figures of one source.

    Attributes
    ----------
    frame
        Columns `iso` (region code), `week` (Monday, `Timestamp`), then one column per variable; one row for every
        region and week of the source's span, sorted by both; NaN where the source gives nothing usable.
    ledger
        Every cell dropped, imputed, corrected, missing or remarkable, with the reason.
    """

    frame: pd.DataFrame
    ledger: Ledger

    def wide(self, variable: str) -> pd.DataFrame:
        """Return one variable with weeks in rows and regions in columns."""
        return self.frame.set_index(["week", "iso"])[variable].unstack("iso")  # noqa: PD010 - unique keys


def ledger_entry(
    source: str,
    action: str,
    reason: str,
    *,
    variable: str = "",
    region: str = "",
    week: pd.Timestamp | None = None,
    count: int = 1,
    before: object = "",
    after: object = "",
) -> dict[str, object]:
    """Return one line of a ledger; the week is written as its label.

    Parameters
    ----------
    source, action, reason
        Who gave the cell; dropped, imputed, corrected, missing, excluded or noted; why.
    variable, region, week
        Which cell; empty where the line speaks of many.
    count
        Cells, days or rows concerned.
    before, after
        The value found and the value kept, where there is one.

    Examples
    --------
    >>> ledger_entry("jhu", "noted", "jump", week=pd.Timestamp("2020-02-12"))["week"]
    '2020-W07'
    """
    return {
        "source": source,
        "region": region,
        "week": "" if week is None else WEEKS.label(week),
        "variable": variable,
        "action": action,
        "reason": reason,
        "count": count,
        "before": before,
        "after": after,
    }


def join_ledgers(ledgers: Iterable[Ledger]) -> Ledger:
    """Return one ledger with the lines of all, in order."""
    return sum(ledgers, Ledger.empty())


def tidy(variables: Mapping[str, pd.DataFrame], codes: Iterable[str]) -> pd.DataFrame:
    """Stack wide tables (weeks by regions) into one row per region and week.

    Parameters
    ----------
    variables
        Variable to table; all tables share their weeks; a region that is no column becomes NaN.
    codes
        All regions the frame shall hold.

    Examples
    --------
    >>> wide = pd.DataFrame({"A": [1.0, 2.0]}, index=pd.to_datetime(["2020-01-06", "2020-01-13"]))
    >>> tidy({"y": wide}, ["A"])["y"].tolist()
    [1.0, 2.0]
    """
    ordered = sorted(codes)
    weeks = next(iter(variables.values())).index
    grid = pd.MultiIndex.from_product([ordered, weeks], names=KEYS)
    columns = {
        name: wide.reindex(index=weeks, columns=ordered).to_numpy().T.ravel() for name, wide in variables.items()
    }
    return pd.DataFrame(columns, index=grid).reset_index()
