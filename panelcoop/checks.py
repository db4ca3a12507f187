"""Validators that say what is wrong, where, and what to do: `fail_if_*` returns nothing or raises."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches

import numpy as np

from panelcoop.errors import DataError
from panelcoop.options import FloatArray

__all__ = [
    "fail_if_columns_missing",
    "fail_if_not_finite",
    "fail_if_not_level",
    "fail_if_not_one_of",
    "fail_if_not_whole",
    "name_few",
    "nearest",
]


def name_few(items: Iterable[object], most: int = 5) -> str:
    """Name the first few of many things, and say how many more there are.

    Examples
    --------
    >>> name_few(range(7), most=3)
    '0, 1, 2 and 4 more'
    """
    listed = [str(item) for item in items]
    shown = ", ".join(listed[:most])
    return f"{shown} and {len(listed) - most} more" if len(listed) > most else shown


def nearest(name: str, allowed: Collection[str]) -> str:
    """Return " (did you mean 'x'?)" where an allowed name is close, whatever its case, else an empty string.

    Examples
    --------
    >>> nearest("regoin", ["region", "week"])
    " (did you mean 'region'?)"
    """
    known = {str(a).casefold(): str(a) for a in reversed(list(allowed))}
    close = get_close_matches(str(name).casefold(), list(reversed(known)), n=1)
    return f" (did you mean '{known[close[0]]}'?)" if close else ""


def fail_if_columns_missing(wanted: Iterable[str], present: Collection[str], where: str) -> None:
    """Raise when a wanted column is not there.

    Raises
    ------
    DataError
        Names each missing column, its nearest neighbour, and the columns that exist.
    """
    missing = [name for name in wanted if name not in present]
    if missing:
        hints = ", ".join(f"'{m}'{nearest(m, present)}" for m in missing)
        msg = f"{where} has no column {hints}. Columns present: {name_few(present, 30)}."
        raise DataError(msg)


def fail_if_not_finite(values: FloatArray, name: str, remedy: str = "drop or repair these rows first") -> None:
    """Raise when a numeric array holds NaN or an infinity.

    Raises
    ------
    DataError
        Names the array, the positions of the first bad entries and the remedy.
    """
    bad = ~np.isfinite(values)
    if bad.any():
        rows = np.flatnonzero(bad.reshape(len(values), -1).any(axis=1))
        msg = f"'{name}' is NaN or infinite in {rows.size} rows (row {name_few(rows)}); {remedy}."
        raise DataError(msg)


def fail_if_not_level(level: float) -> None:
    """Raise when a level of confidence is not between 0 and 1.

    Raises
    ------
    DataError
        Says what was given.
    """
    if not 0 < level < 1:
        msg = f"level must lie between 0 and 1 (for example 0.95); got {level}."
        raise DataError(msg)


def fail_if_not_one_of(value: str, allowed: Collection[str], what: str) -> None:
    """Raise when an option is not in its vocabulary.

    Raises
    ------
    DataError
        Names the option, what was given and what is allowed.
    """
    if value not in allowed:
        msg = f"{what} must be one of {', '.join(allowed)}; got '{value}'{nearest(value, allowed)}."
        raise DataError(msg)


def fail_if_not_whole(value: object, name: str, least: int, *, optional: bool = False) -> None:
    """Raise when a setting is not a whole number from some bound on (or None, where that is allowed).

    Raises
    ------
    DataError
        Names the setting, the bound and what was given.
    """
    if optional and value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        msg = f"{name} must be a whole number; got {value!r}."
        raise DataError(msg)
    if value < least:
        msg = f"{name} must be at least {least}; got {value}."
        raise DataError(msg)
