"""Regions of several levels: nation, province, city, county; who belongs to whom, and how codes changed over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import pandas as pd

from panelcoop.checks import fail_if_columns_missing, fail_if_not_one_of, name_few
from panelcoop.errors import DataError
from panelcoop.panel.regions import RegionSystem, china_provinces
from panelcoop.panel.weeks import When

__all__ = [
    "CodeChanges",
    "RegionHierarchy",
    "china_with_centre",
    "code_changes",
    "extend_system",
    "fail_if_parents_wrong",
    "region_hierarchy",
    "us_states",
]

LEVEL_ORDER = ("nation", "province", "city", "county")
CHINA = {
    "code": "CN",
    "name": "China",
    "level": "nation",
    "name_zh": "中国",
    "other_names": "State Council|国务院|中央|国家卫健委|National Health Commission|CHN",
}


@dataclass(frozen=True)
class CodeChanges:
    """Codes that were replaced.

    Attributes
    ----------
    table
        `old`, `new` and `since` (first day of the new code); an old code may be replaced once.
    """

    table: pd.DataFrame

    def current(self, code: str, when: When | None = None) -> str:
        """Follow a code's replacements up to a day (default: to the end).

        Raises
        ------
        DataError
            When replacements run in a circle.

        Examples
        --------
        >>> table = pd.DataFrame({"old": ["a", "b"], "new": ["b", "c"], "since": ["2019-01-01", "2021-01-01"]})
        >>> changes = CodeChanges(table)
        >>> changes.current("a"), changes.current("a", "2020-06-01")
        ('c', 'b')
        """
        day = None if when is None else pd.Timestamp(when)
        here, seen = code, {code}
        while True:
            found = self.table[self.table["old"] == here]
            if found.empty or (day is not None and pd.Timestamp(found["since"].iloc[0]) > day):
                return here
            here = str(found["new"].iloc[0])
            if here in seen:
                msg = f"The changes of code run in a circle: {name_few(sorted(seen))}."
                raise DataError(msg)
            seen.add(here)


@dataclass(frozen=True)
class RegionHierarchy:
    """A region system whose table has levels and parents, with changes of code.

    Attributes
    ----------
    system
        The regions of all levels.
    changes
        Codes that were replaced.
    """

    system: RegionSystem
    changes: CodeChanges

    def parent(self, code: str) -> str | None:
        """Return the region one level up, or None at the top."""
        self.system.name_of(code)
        parent = self.system.table["parent"].get(code)
        return str(parent) if isinstance(parent, str) and parent else None

    def ancestor(self, code: str, level: str) -> str | None:
        """Return the region at a level that a region belongs to, itself included; None where there is none.

        Raises
        ------
        DataError
            When the level or the code is unknown.
        """
        fail_if_not_one_of(level, LEVEL_ORDER, "the level")
        here: str | None = self.code_of(code)
        while here is not None and self.system.table["level"].get(here) != level:
            here = self.parent(here)
        return here

    def children(self, code: str) -> list[str]:
        """List the regions directly below, in the order of the table."""
        self.system.name_of(code)
        return [str(child) for child in self.system.table.index[self.system.table["parent"] == code]]

    def at(self, level: str) -> list[str]:
        """List the regions of a level, in the order of the table."""
        fail_if_not_one_of(level, LEVEL_ORDER, "the level")
        return [str(code) for code in self.system.table.index[self.system.table["level"] == level]]

    def find(self, name: object, when: When | None = None) -> str | None:
        """Return the code of a name or of an old code, or None when no region fits.

        Parameters
        ----------
        name
            Name, code or old code.
        when
            Day the name was written. An old code that is still a region of the system means that region before its
            replacement and the new one after; an old code that is none means the new one on every day.

        Examples
        --------
        >>> rows = pd.DataFrame({"code": ["A"], "name": ["Alpha"], "level": ["province"], "parent": [""]})
        >>> since = pd.DataFrame({"old": ["A0"], "new": ["A"], "since": ["2019-01-01"]})
        >>> region_hierarchy(rows, label="one", changes=since).find("A0", "2018-06-01")
        'A'
        """
        moments = (None,) if when is None else (when, None)
        return next((code for day in moments if (code := self.system.find(self.changes.current(str(name), day)))), None)

    def code_of(self, name: object, when: When | None = None) -> str:
        """Return the code of a name or of an old code, as ``find`` does.

        Raises
        ------
        DataError
            When no region fits; the nearest candidates are named.
        """
        return self.find(name, when) or self.system.code_of(name)


def region_hierarchy(
    table: pd.DataFrame,
    *,
    label: str,
    name_columns: Sequence[str] | None = None,
    changes: pd.DataFrame | None = None,
) -> RegionHierarchy:
    """Build a hierarchy from a table.

    Parameters
    ----------
    table
        `code`, `name`, `level` (nation, province, city or county) and `parent` (code, empty at the top).
    label
        What the system is called in messages.
    name_columns
        Columns with further spellings, parted by "|"; those that are absent are passed over. Default: `other_names`
        and every column that begins with `name_`.
    changes
        `old`, `new`, `since`: codes that were replaced. Old codes are read as the new ones.

    Raises
    ------
    DataError
        When a column is missing, a level unknown, a parent absent or not higher than its child, a spelling names two
        regions, an old code is replaced twice, or `since` is no day.

    Examples
    --------
    >>> rows = [("N", "Land", "nation", ""), ("P", "Part", "province", "N"), ("T", "Town", "city", "P")]
    >>> land = region_hierarchy(pd.DataFrame(rows, columns=["code", "name", "level", "parent"]), label="land")
    >>> land.ancestor("Town", "province"), land.children("N"), land.at("city")
    ('P', ['P'], ['T'])
    """
    fail_if_columns_missing(["code", "name", "level", "parent"], table.columns, f"the region table '{label}'")
    unknown = sorted(set(table["level"].astype(str)) - set(LEVEL_ORDER))
    if unknown:
        msg = f"the region table '{label}' has unknown levels {name_few(unknown)}; use {', '.join(LEVEL_ORDER)}."
        raise DataError(msg)
    own = [name for name in table.columns if name == "other_names" or str(name).startswith("name_")]
    present = [name for name in (own if name_columns is None else name_columns) if name in table]
    system = RegionSystem.from_table(table, label=label, name_columns=present)
    fail_if_parents_wrong(system)
    return RegionHierarchy(system, code_changes(changes))


def code_changes(table: pd.DataFrame | None) -> CodeChanges:
    """Check a table of replaced codes.

    Parameters
    ----------
    table
        `old`, `new` and `since`, the first day of the new code; None: no code was replaced.

    Raises
    ------
    DataError
        When a column is missing, `since` is no day, or an old code is replaced twice.
    """
    plain = pd.DataFrame(columns=["old", "new", "since"]) if table is None else table
    fail_if_columns_missing(["old", "new", "since"], plain.columns, "The table of code changes")
    since = pd.to_datetime(plain["since"].astype(str), errors="coerce", format="%Y-%m-%d")
    twice = plain["old"].astype(str).duplicated()
    for wrong, what in (
        (since.isna(), "no day year-month-day in `since`"),
        (twice, "an old code that is replaced twice"),
    ):
        if wrong.any():
            msg = f"The table of code changes has {what} (old code {name_few(plain.loc[wrong, 'old'])})."
            raise DataError(msg)
    return CodeChanges(plain.astype({"old": str, "new": str}).assign(since=since))


def extend_system(system: RegionSystem, rows: pd.DataFrame) -> RegionSystem:
    """Add regions to a system: a nation above it, cities below it, partners outside.

    Parameters
    ----------
    system
        Any region system.
    rows
        `code`, `name`, and the columns of the system's table that apply.

    Raises
    ------
    DataError
        When a code or a spelling is taken.
    """
    below = system.table.rename_axis("code").reset_index()
    together = pd.concat([rows, below], ignore_index=True).fillna("")
    names = [name for name in together.columns if name not in ("code", "name", "level", "parent")]
    return RegionSystem.from_table(together, label=system.label, name_columns=names, suffixes=system.suffixes)


@cache
def china_with_centre() -> RegionSystem:
    """Return the 31 provinces of mainland China and, above them, the centre "CN".

    Examples
    --------
    >>> china = china_with_centre()
    >>> len(china), china.code_of("国务院"), china.code_of("湖北")
    (32, 'CN', 'CN-HB')
    """
    return extend_system(china_provinces(), pd.DataFrame([CHINA]))


@cache
def us_states() -> RegionSystem:
    """Return the 50 states and the District of Columbia, coded by ISO 3166-2, and the nation "US".

    Examples
    --------
    >>> states = us_states()
    >>> len(states.table), states.code_of("new york"), states.code_of("06"), states.code_of("USA_TX")
    (52, 'US-NY', 'US-CA', 'US-TX')
    """
    with files("panelcoop.panel").joinpath("us_regions.csv").open(encoding="utf-8") as handle:
        table = pd.read_csv(handle, dtype=str, keep_default_na=False)
    columns = ["fips", "name_zh", "other_names"]
    return RegionSystem.from_table(table, label="United States, 51 first-level regions", name_columns=columns)


def fail_if_parents_wrong(system: RegionSystem, *, nation_apart: bool = False) -> None:
    """Fail where a parent has no row, or does not stand above its child.

    Parameters
    ----------
    system
        Checked where its table has levels and parents; a region without a known level may stand anywhere.
    nation_apart
        Whether provinces may name a nation without a row.

    Raises
    ------
    DataError
        Names the parents, or the regions that stand under a region that is not above them.
    """
    if not {"level", "parent"} <= set(system.table.columns):
        return
    rank = system.table["level"].map({level: k for k, level in enumerate(LEVEL_ORDER)})
    parent = system.table["parent"]
    absent = (parent != "") & ~parent.isin(rank.index)
    if nation_apart:
        absent &= rank > LEVEL_ORDER.index("province")
    if absent.any():
        named = name_few(sorted(set(parent[absent])))
        msg = f"the region table '{system.label}' names parents that have no row: {named}."
        raise DataError(msg)
    wrong = parent.index[parent.map(rank) >= rank]
    if len(wrong):
        msg = f"the region table '{system.label}' puts {name_few(wrong)} under a region that is not above it."
        raise DataError(msg)
