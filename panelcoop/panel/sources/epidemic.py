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
    differ by up to some hundred cases on a given day. A province that `early` follows from that very week on starts
    from zero there, and its weeks before stay missing: no record is not zero cases. Where `early` has no count at
    all, or lost the one needed, that first week stays missing too.
    """
    begins = jhu.frame["week"].min()
    head = early.frame[early.frame["week"] < begins]
    names = [f"new_{count}" for count in COUNTS]
    seam = _seam(jhu.frame, early, begins)
    tail = jhu.frame.set_index(["iso", "week"])[names]
    tail = tail.where(tail.notna(), seam.clip(lower=0.0).reindex(tail.index)).reset_index()
    joined = pd.concat([head[["iso", "week", *names]], tail], ignore_index=True)
    ledger = Ledger.of(_filled(head, names) + _seam_lines(seam, names))
    return WeeklyFigures(
        joined.sort_values(["iso", "week"], ignore_index=True), join_ledgers([jhu.ledger, early.ledger, ledger])
    )


def _seam(jhu: pd.DataFrame, early: WeeklyFigures, begins: pd.Timestamp) -> pd.DataFrame:
    """Return the increase of the first week, where the main source itself does not give it."""
    first = jhu[jhu["week"] == begins].set_index(["iso", "week"])
    increase = {}
    for count in COUNTS:
        base = _base(early.wide(f"cumulative_{count}"), begins)
        end = first[f"cumulative_{count}"]
        own = first[f"new_{count}"].notna()
        before = base.reindex(end.index.get_level_values("iso")).to_numpy()
        increase[f"new_{count}"] = (end - before).mask(own)
    return pd.DataFrame(increase)


def _base(cumulative: pd.DataFrame, begins: pd.Timestamp) -> pd.Series:
    """Return the early count before a week; zero where a province is followed from that very week on."""
    before = begins - pd.Timedelta(days=7)
    count = cumulative.reindex([before]).iloc[0]
    unseen = cumulative.loc[:before].isna().all()
    followed = cumulative.reindex([begins]).iloc[0].notna()
    return count.mask(unseen & followed, 0.0)


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
        if len(values):
            found.append(ledger_entry("jhu", "imputed", reason, variable=name, week=week, count=len(values)))
        found += [
            ledger_entry("jhu", "corrected", BELOW, variable=name, region=str(code), week=week, before=value, after=0.0)
            for code, value in values[values < 0].items()
        ]
    return found
