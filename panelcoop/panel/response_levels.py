"""Declared emergency response levels: the level in force, the weeks since, and the two event dates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from panelcoop.panel.record import Ledger
from panelcoop.panel.weeks import WEEKS, parse_week

__all__ = ["DeclaredLevels", "authority_signal", "declared_levels"]

TOP = 4
"""Rank of level I; level IV has rank 1, no level 0."""


@dataclass(frozen=True)
class DeclaredLevels:
    """Response levels by week.

    Attributes
    ----------
    level
        Weeks by regions: rank in force at the end of the week (4 = level I ... 1 = level IV, 0 = none declared yet);
        NaN for regions without any record and after the record ends.
    since
        Weeks since the level in force was declared; NaN before the first declaration.
    first_top
        Monday of the week in which level I was first in force, by region; missing without a record.
    first_downgrade
        Monday of the first step down after level I, by region; missing if none is recorded.
    ledger
        Regions without a record, partial declarations, the end of the record.
    """

    level: pd.DataFrame
    since: pd.DataFrame
    first_top: pd.Series
    first_downgrade: pd.Series
    ledger: Ledger


def declared_levels(
    table: pd.DataFrame,
    weeks: pd.DatetimeIndex,
    regions: Sequence[str],
    *,
    source_ends: str,
    after_source: str = "missing",
    partial: str = "count",
) -> DeclaredLevels:
    """Turn declarations into weekly levels and event dates.

    Parameters
    ----------
    table
        Columns `iso`, `rank` (4 = level I), `part_of_province`, `date_start`.
    weeks, regions
        Rows and columns wanted.
    source_ends
        Label of the last week the record covers.
    after_source
        "missing", or "carry" to keep the last level.
    partial
        Whether declarations for a part of a province "count" or are "ignore"d.

    Returns
    -------
    DeclaredLevels

    Examples
    --------
    >>> log = pd.DataFrame({"iso": "A", "rank": [4, 3], "part_of_province": False,
    ...                     "date_start": pd.to_datetime(["2020-01-24", "2020-02-03"])})
    >>> mondays = pd.date_range("2020-01-13", periods=4, freq="7D")
    >>> got = declared_levels(log, mondays, ["A", "B"], source_ends="2020-W31")
    >>> got.level["A"].tolist(), got.since["A"].tolist(), got.level["B"].isna().all()
    ([0.0, 4.0, 4.0, 3.0], [nan, 0.0, 1.0, 0.0], np.True_)
    """
    partly = table["part_of_province"].astype(bool)
    used = (table if partial == "count" else table[~partly]).sort_values(["iso", "date_start"])
    used = used.assign(week=WEEKS.starts(used["date_start"]))
    level = pd.DataFrame(np.nan, index=weeks, columns=list(regions))
    since, first_top, first_down = level.copy(), {}, {}
    for region in regions:
        own = used[used["iso"] == region]
        first_top[region], first_down[region] = _event_weeks(own)
        if len(own):
            level[region], since[region] = _weekly(own, weeks)
    if after_source == "missing":
        late = weeks > parse_week(source_ends)
        level.loc[late], since.loc[late] = np.nan, np.nan
    ledger = _remarks(
        used, regions, partly=int(partly.sum()), partial=partial, source_ends=source_ends, after_source=after_source
    )
    return DeclaredLevels(level, since, _dates(first_top), _dates(first_down), ledger)


def authority_signal(level: pd.DataFrame, since: pd.DataFrame, half_life: float) -> pd.DataFrame:
    """Let the signal of the level in force fade with time.

    Parameters
    ----------
    level, since
        See `DeclaredLevels`.
    half_life
        h, in weeks.

    Returns
    -------
    pandas.DataFrame
        V_it = rank_it 2^(-(t - t_e)/h), where t_e is the week in which the level in force was declared: between 0 and
        4, zero before the first declaration, missing where the level is. Each new declaration, up or down, renews it.

    Examples
    --------
    >>> authority_signal(pd.DataFrame({"A": [0.0, 4, 4]}), pd.DataFrame({"A": [np.nan, 0, 4]}), 4.0)["A"].tolist()
    [0.0, 4.0, 2.0]
    """
    return (level * 2.0 ** (-since / half_life)).where(level != 0, level)


def _weekly(own: pd.DataFrame, weeks: pd.DatetimeIndex) -> tuple[list[float], list[float]]:
    """Find the last declaration up to the end of each week."""
    declared = list(own["week"])
    position = [int(p) for p in pd.DatetimeIndex(declared).searchsorted(weeks, side="right") - 1]
    ranks = own["rank"].to_numpy(dtype=float)
    level = [float(ranks[p]) if p >= 0 else 0.0 for p in position]
    since = [
        (week - declared[p]).days / WEEKS.days if p >= 0 else np.nan for week, p in zip(weeks, position, strict=True)
    ]
    return level, since


def _event_weeks(own: pd.DataFrame) -> tuple[pd.Timestamp | None, pd.Timestamp | None]:
    top = own[own["rank"] == TOP]
    if not len(top):
        return None, None
    started = top["date_start"].iloc[0]
    down = own[(own["date_start"] > started) & (own["rank"] < TOP)]
    return top["week"].iloc[0], down["week"].iloc[0] if len(down) else None


def _dates(found: dict[str, pd.Timestamp | None]) -> pd.Series:
    return pd.Series(pd.DatetimeIndex(list(found.values())), index=list(found))


def _remarks(
    used: pd.DataFrame, regions: Sequence[str], *, partly: int, partial: str, source_ends: str, after_source: str
) -> Ledger:
    base = {"source": "facts", "variable": "response_level"}
    silent = [r for r in regions if r not in set(used["iso"])]
    lines: list[dict[str, object]] = [
        {**base, "region": r, "action": "missing", "reason": "no declared response level on record: missing, not zero"}
        for r in silent
    ]
    if partly:
        fate = "counted as the province's" if partial == "count" else "ignored by the plan"
        lines.append({**base, "action": "noted", "reason": f"level for a part of a province: {fate}", "count": partly})
    fate = "missing" if after_source == "missing" else "last level carried on"
    lines.append({**base, "week": source_ends, "action": "noted", "reason": f"the record ends; later weeks: {fate}"})
    return Ledger.of(lines)
