"""The keys of a panel: region and week complete, unique and in order of time, and how a week is written."""

from __future__ import annotations

import numpy as np
import pandas as pd

from panelcoop.checks import name_few
from panelcoop.errors import DataError

__all__ = ["fail_if_keys_bad", "fail_if_keys_taken", "is_keyed", "period_label", "plain_labels"]


def is_keyed(frame: pd.DataFrame, region: str, week: str) -> bool:
    """Say whether a frame stands as a panel's data do: keys in the index, in order, each region and week once."""
    index = frame.index
    if not isinstance(index, pd.MultiIndex) or [region, week, *index.names] != ["region", "week"] * 2:
        return False
    weeks = index.levels[1]
    if {"region", "week"} & set(frame.columns) or not (isinstance(weeks, pd.DatetimeIndex) or weeks.dtype.kind in "iu"):
        return False
    place = np.zeros(1, dtype=np.int64)
    for level, code in zip(index.levels, index.codes, strict=True):
        known = len(code) > 0 and code.min() >= 0 and not isinstance(level.dtype, pd.CategoricalDtype)
        if not (known and level.is_monotonic_increasing and np.bincount(code, minlength=len(level)).all()):
            return False
        place = place * len(level) + code
    return bool((place[1:] > place[:-1]).all())


def plain_labels(labels: pd.Series) -> pd.Series:
    """Take categories back to what they hold, so that unused ones leave no empty regions."""
    return labels.astype(labels.cat.categories.dtype) if isinstance(labels.dtype, pd.CategoricalDtype) else labels


def fail_if_keys_taken(flat: pd.DataFrame, region: str, week: str) -> None:
    """Refuse a table in which another column bears the name of a key."""
    for key, name in ((region, "region"), (week, "week")):
        if key != name and name in flat.columns:
            other = f"the {name}s are in column '{key}', but the table has another column named '{name}'"
            msg = f"A panel calls its keys region and week: {other}; rename or drop that column."
            raise DataError(msg)


def fail_if_keys_bad(flat: pd.DataFrame, region: str, week: str) -> None:
    """Refuse missing keys and region-weeks that stand twice, naming the rows."""
    for key in (region, week):
        if flat[key].isna().any():
            rows = np.flatnonzero(flat[key].isna())
            msg = f"Column '{key}' is missing in row {name_few(rows)}; every row needs its region and week."
            raise DataError(msg)
    twice = flat.duplicated([region, week], keep=False)
    if twice.any():
        pairs = flat.loc[twice, [region, week]].drop_duplicates().itertuples(index=False, name=None)
        msg = (
            f"{int(twice.sum())} rows share a region and week: {name_few(f'{r} {period_label(w)}' for r, w in pairs)}. "
            f"Aggregate or drop them first: one row per ('{region}', '{week}')."
        )
        raise DataError(msg)


def period_label(week: object) -> str:
    """Write a Monday as its ISO week, any other label as it is."""
    if isinstance(week, pd.Timestamp):
        iso = week.isocalendar()
        return f"{iso.year}-W{iso.week:02d}" if iso.weekday == 1 else f"{week:%Y-%m-%d}"
    return str(week)
