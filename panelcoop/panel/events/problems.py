"""One check per way an event row can be wrong: each returns the parsed column and the rows that fail."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches

import numpy as np
import pandas as pd

from panelcoop.panel.events.contract import CONTENTS, FORMALITY, LEVELS, MECHANISMS, SEPARATOR
from panelcoop.panel.regions import RegionSystem

__all__ = [
    "Parsed",
    "parse_contents",
    "parse_date",
    "parse_formality",
    "parse_level",
    "parse_mandated",
    "parse_mechanism",
    "parse_regions",
    "parse_weight",
    "split_cell",
]

YEAR_FIRST = re.compile(r"(\d{4})([-/.]?)(\d{1,2})\2(\d{1,2})", re.ASCII)
CLOCK = re.compile(r"[T ]([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d([.,]\d+)?)?\s*(Z|[+-]\d{2}:?\d{2})?", re.ASCII)
TRUE_WORDS = ("true", "t", "yes", "y", "1", "1.0")
FALSE_WORDS = ("false", "f", "no", "n", "0", "0.0", "")
MOST_SPLITS = 1000
YEARS = (1900, 2100)


@dataclass(frozen=True)
class Parsed:
    """A parsed column and what is wrong with it.

    Attributes
    ----------
    values
        The column; rows with a problem hold a placeholder of the same type.
    problems
        Message by row, empty where there is none; same index.
    """

    values: pd.Series
    problems: pd.Series


def split_cell(cell: str) -> list[str]:
    """Split a cell that holds several names.

    Examples
    --------
    >>> split_cell("CN-HB| CN-HN;CN-HB")
    ['CN-HB', 'CN-HN']
    """
    parts = (part.strip() for part in cell.replace(";", SEPARATOR).split(SEPARATOR))
    return list(dict.fromkeys(part for part in parts if part))


def parse_date(cells: pd.Series, *, required: bool) -> Parsed:
    """Read days written year first; anything else, 30 February and 25 o'clock included, is impossible."""

    def read(cell: str) -> tuple[object, str]:
        if not cell:
            return pd.NaT, "the date is missing" if required else ""
        day = _day(cell)
        if day is None:
            return pd.NaT, "impossible date; write year-month-day, such as 2020-02-10"
        if not YEARS[0] <= day.year <= YEARS[1]:
            return pd.NaT, f"impossible date: the year is not between {YEARS[0]} and {YEARS[1]}"
        return day, ""

    parsed = _by_unique(cells, read)
    return Parsed(pd.Series(parsed.values, dtype="datetime64[us]"), parsed.problems)


def parse_regions(cells: pd.Series, regions: RegionSystem | None) -> Parsed:
    """Turn names into codes parted by "|"; every name must be known to the region system, if there is one."""

    def read(cell: str) -> tuple[object, str]:
        names = split_cell(cell)
        if not names:
            return "", "the region is missing"
        if len(names) > MOST_SPLITS:
            return "", f"more than {MOST_SPLITS} regions in one cell"
        codes = {name: name if regions is None else regions.find(name) for name in names}
        unknown = [name for name, code in codes.items() if code is None]
        if unknown and regions is not None:
            return "", "; ".join(_unknown_region(name, regions) for name in unknown)
        return SEPARATOR.join(sorted({str(code) for code in codes.values()})), ""

    return _by_unique(cells, read)


def parse_mechanism(cells: pd.Series) -> Parsed:
    """Read the mechanism: spaces, hyphens and case are ignored."""
    return _by_unique(cells, lambda cell: _one_of(cell, MECHANISMS, "mechanism"))


def parse_level(cells: pd.Series) -> Parsed:
    """Read a level of government; empty stays empty."""
    return _by_unique(cells, lambda cell: _one_of(cell, LEVELS, "level") if cell else ("", ""))


def parse_contents(cells: pd.Series) -> Parsed:
    """Read any of the contents, in the order of the vocabulary."""

    def read(cell: str) -> tuple[object, str]:
        words = [_one_of(word, CONTENTS, "content") for word in split_cell(cell)]
        faults = [fault for _, fault in words if fault]
        return SEPARATOR.join(q for q in CONTENTS if q in {word for word, _ in words}), "; ".join(faults)

    return _by_unique(cells, read)


def parse_weight(cells: pd.Series) -> Parsed:
    """Read a finite number of zero or more; empty is 1."""

    def read(cell: str) -> tuple[object, str]:
        number = _number(cell or "1")
        if number is None or not np.isfinite(number):
            return np.nan, "the weight is not a number"
        return (number, "") if number >= 0 else (np.nan, "negative weight")

    parsed = _by_unique(cells, read)
    return Parsed(parsed.values.astype(float), parsed.problems)


def parse_formality(cells: pd.Series) -> Parsed:
    """Read a rung of the ladder as a number or a word; empty is missing."""

    def read(cell: str) -> tuple[object, str]:
        rung = FORMALITY.get(cell.casefold().replace("_", " ")) or _number(cell or "nan")
        if rung is not None and (np.isnan(rung) or rung in FORMALITY.values()):
            return float(rung), ""
        return np.nan, f"unknown formality; use 1 to {len(FORMALITY)} or {', '.join(FORMALITY)}"

    parsed = _by_unique(cells, read)
    return Parsed(parsed.values.astype(float), parsed.problems)


def parse_mandated(cells: pd.Series) -> Parsed:
    """Read true or false; empty is false."""

    def read(cell: str) -> tuple[object, str]:
        word = cell.casefold()
        known = word in TRUE_WORDS or word in FALSE_WORDS
        return word in TRUE_WORDS, "" if known else "neither true nor false"

    parsed = _by_unique(cells, read)
    return Parsed(parsed.values.astype(bool), parsed.problems)


def _by_unique(cells: pd.Series, read: Callable[[str], tuple[object, str]]) -> Parsed:
    """Read each distinct cell once."""
    codes, uniques = pd.factorize(cells, use_na_sentinel=False)
    results = [read(str(cell)) for cell in uniques]
    values = pd.Series([results[code][0] for code in codes], index=cells.index, dtype=object)
    problems = pd.Series([results[code][1] for code in codes], index=cells.index, dtype=object)
    return Parsed(values, problems)


def _one_of(cell: str, allowed: Sequence[str], what: str) -> tuple[object, str]:
    word = "_".join(cell.casefold().replace("-", " ").replace("_", " ").split())
    if word in allowed:
        return word, ""
    close = get_close_matches(word, allowed, n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"use {', '.join(allowed)}"
    return "", f"unknown {what} '{cell}'; {hint}" if cell else f"the {what} is missing; use {', '.join(allowed)}"


def _unknown_region(name: str, regions: RegionSystem) -> str:
    close = regions.nearest(name)
    return f"unknown region '{name}'" + (f" (nearest: {', '.join(close)})" if close else "")


def _day(cell: str) -> datetime | None:
    """Read a day written year first; a time of day behind it is cut."""
    found = YEAR_FIRST.match(cell)
    if found is None or (not found[2] and len(found[0]) != 8):
        return None
    if cell[found.end() :] and not CLOCK.fullmatch(cell[found.end() :]):
        return None
    try:
        return datetime(int(found[1]), int(found[3]), int(found[4]))  # noqa: DTZ001 - a day has no time zone
    except ValueError:
        return None


def _number(cell: str) -> float | None:
    """Read a number; underscores between digits are Python's, not a table's."""
    if "_" in cell:
        return None
    try:
        return float(cell)
    except (ValueError, OverflowError):
        return None
