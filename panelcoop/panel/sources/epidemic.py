"""One series of cases: Johns Hopkins, with the early counts for the weeks before it begins."""

from __future__ import annotations

import pandas as pd

from panelcoop.panel.record import Ledger
from panelcoop.panel.sources.records import WeeklyFigures, join_ledgers, ledger_entry

__all__ = ["cases_with_early_counts"]

COUNTS = ("cases", "deaths")
BELOW = "first week below the early count: set to zero"


def cases_with_early_counts(jhu: WeeklyFigures, early: WeeklyFigures) -> WeeklyFigures:
    """Join the two counts without counting anybody twice.

    Parameters
    ----------
    jhu, early
        Weekly figures with `new_cases`, `new_deaths`, `cumulative_cases`, `cumulative_deaths`.

    Returns
    -------
    WeeklyFigures
        `iso`, `week`, `new_cases`, `new_deaths` from the first week of `early` to the last of `jhu`; the ledger
        holds the lines of both and one line for each week and variable filled.

    Notes
    -----
    Before the first week of `jhu` (2020-W04) the figures are those of `early`. In that week

        new = jhu cumulative on its Sunday - early cumulative on the Sunday before,

    so that the weeks add up to the cumulative count of `jhu` (but for its weeks set to zero), although the two sources
    differ by up to some hundred cases on a given day. A province that `early` did not yet follow starts from zero
    there, and its weeks before stay missing: no record is not zero cases.
    """
    begins = jhu.frame["week"].min()
    head = early.frame[early.frame["week"] < begins]
    names = [f"new_{count}" for count in COUNTS]
    seam = _seam(jhu.frame, early.frame, begins)
    tail = jhu.frame.set_index(["iso", "week"])[names]
    tail = tail.where(tail.notna(), seam.clip(lower=0.0).reindex(tail.index)).reset_index()
    joined = pd.concat([head[["iso", "week", *names]], tail], ignore_index=True)
    ledger = Ledger.of(_filled(head, names) + _seam_lines(seam, names))
    return WeeklyFigures(
        joined.sort_values(["iso", "week"], ignore_index=True), join_ledgers([jhu.ledger, early.ledger, ledger])
    )


def _seam(jhu: pd.DataFrame, early: pd.DataFrame, begins: pd.Timestamp) -> pd.DataFrame:
    levels = [f"cumulative_{count}" for count in COUNTS]
    end = jhu[jhu["week"] == begins].set_index(["iso", "week"])[levels]
    before = early[early["week"] == begins - pd.Timedelta(days=7)].set_index("iso")[levels].fillna(0.0)
    base = before.reindex(end.index.get_level_values("iso")).set_axis(end.index, axis=0)
    return (end - base).rename(columns=lambda name: name.replace("cumulative", "new"))


def _filled(head: pd.DataFrame, names: list[str]) -> list[dict[str, object]]:
    counts = head.groupby("week")[names].count()
    return [
        ledger_entry(
            "jhu",
            "imputed",
            "before the source begins: early counts used",
            variable=name,
            week=pd.Timestamp(str(week)),
            count=int(n),
        )
        for name in names
        for week, n in counts[name].items()
        if n
    ]


def _seam_lines(seam: pd.DataFrame, names: list[str]) -> list[dict[str, object]]:
    reason = "first week: own cumulative count less the early count of the Sunday before"
    found: list[dict[str, object]] = []
    for name in names:
        (week,) = seam.index.get_level_values("week").unique()
        values = seam[name].droplevel("week").dropna()
        found.append(ledger_entry("jhu", "imputed", reason, variable=name, week=week, count=len(values)))
        found += [
            ledger_entry("jhu", "corrected", BELOW, variable=name, region=str(code), week=week, before=value, after=0.0)
            for code, value in values[values < 0].items()
        ]
    return found
