"""Read an upstream table in either layout, plain or compressed, and say clearly what it lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from panelcoop.checks import fail_if_columns_missing, name_few
from panelcoop.errors import DataError
from panelcoop.panel.record import Ledger
from panelcoop.panel.regions import RegionSystem
from panelcoop.panel.sources.records import ledger_entry

__all__ = ["absent_regions", "find_file", "parse_days", "read_table", "region_codes", "to_numbers"]

ENDINGS = ("", ".xz", ".gz", ".zip")


def find_file(folder: Path | str, names: Sequence[str]) -> Path:
    """Return the first of the named files that a folder holds, plain or compressed.

    Raises
    ------
    DataError
        When none is there; the message names the folder, what was looked for and what the folder holds.
    """
    folder = Path(folder)
    for name in names:
        for ending in ENDINGS:
            if (path := folder / f"{name}{ending}").is_file():
                return path
    held = name_few(sorted(p.name for p in folder.iterdir())) if folder.is_dir() else "nothing: there is no such folder"
    msg = f"{folder} holds no {' or '.join(names)} (plain or .xz); it holds {held}. Download it first: make data."
    raise DataError(msg)


def read_table(
    path: Path | str, wanted: Sequence[str], *, aliases: Mapping[str, str] | None = None, text: Sequence[str] = ()
) -> pd.DataFrame:
    """Read a CSV file, give its columns their common names and check that the wanted ones are there.

    Parameters
    ----------
    path
        A CSV file; .xz, .gz and .zip are read as they are.
    wanted
        Columns the table must have, by their common names.
    aliases
        Other names the columns bear in other layouts -> common name.
    text
        Columns kept as text.

    Raises
    ------
    DataError
        When the file is missing, empty, damaged, or lacks a wanted column.
    """
    path = Path(path)
    if not path.is_file():
        msg = f"{path} does not exist; download it first: make data."
        raise DataError(msg)
    names = {**{name: name for name in text}, **{old: new for old, new in (aliases or {}).items() if new in text}}
    try:
        table = pd.read_csv(path, dtype=dict.fromkeys(names, str), low_memory=False, encoding="utf-8-sig")
    except (ValueError, OSError, EOFError) as fault:
        msg = f"{path} cannot be read as CSV ({fault}); it is empty or damaged: delete it and download it again."
        raise DataError(msg) from fault
    table = table.rename(columns={old: new for old, new in (aliases or {}).items() if new not in table.columns})
    fail_if_columns_missing(wanted, [str(c) for c in table.columns], path.name)
    return table


def parse_days(labels: Sequence[str], formats: Sequence[str], where: str) -> pd.DatetimeIndex:
    """Read day labels written in one of several formats.

    Parameters
    ----------
    labels
        What stands in the header or the column.
    formats
        `strptime` formats; the first that fits all labels is used, so two layouts are never mixed in one file.

    Raises
    ------
    DataError
        When no format fits all labels, or a day occurs twice in a header.
    """
    fits = {how: pd.to_datetime(pd.Series(list(labels), dtype=object), format=how, errors="coerce") for how in formats}
    best = max(fits, key=lambda how: int(fits[how].notna().sum()))
    days = fits[best]
    if days.isna().any():
        odd = name_few([label for label, day in zip(labels, days, strict=True) if pd.isna(day)])
        msg = f"{where}: {int(days.isna().sum())} labels are no days in the form {' or '.join(formats)}: {odd}."
        raise DataError(msg)
    return pd.DatetimeIndex(days)


def to_numbers(table: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return the table as floats; an empty cell is NaN.

    Raises
    ------
    DataError
        When a cell holds something that is not a number; the message names columns and values.
    """
    numbers = pd.DataFrame({c: pd.to_numeric(table[c], errors="coerce") for c in table}, dtype=float)
    odd = numbers.isna() & table.notna()
    if odd.to_numpy().any():
        columns = [str(c) for c in table.columns[odd.any()]]
        cells = table.to_numpy(dtype=object)[odd.to_numpy()]
        found = f"{len(cells)} cells are no numbers ({name_few(cells)})"
        msg = f"{where}: {found} in column {name_few(columns)}; repair them."
        raise DataError(msg)
    return numbers


def region_codes(names: pd.Series, system: RegionSystem, outside: Mapping[str, str], where: str) -> pd.Series:
    """Return the code of each name; names known to lie outside the system become missing.

    Parameters
    ----------
    names
        Region names as the source writes them.
    system
        The regions of the panel.
    outside
        Names the source also uses and why they are left out.

    Raises
    ------
    DataError
        When a name is neither in the system nor known to lie outside; nearest candidates are listed.
    """
    found = system.match(names)
    strange = found.unmatched[~found.unmatched["name"].isin(outside)]
    if len(strange):
        listed = "; ".join(
            f"'{name}' ({count} rows; nearest: {close or 'none'})"
            for name, count, close in strange.itertuples(index=False, name=None)
        )
        msg = (
            f"{where}: names that are no region of {system.label}: {listed}. Correct the name or add it as a spelling."
        )
        raise DataError(msg)
    return found.codes


def absent_regions(present: pd.Index, system: RegionSystem, source: str, variable: str) -> Ledger:
    """Return one ledger line for each region of the system that a table does not hold."""
    gone = [code for code in system.codes if code not in present]
    lines = [
        ledger_entry(
            source,
            "missing",
            "region absent from the source: all its weeks are missing",
            variable=variable,
            region=code,
        )
        for code in gone
    ]
    return Ledger.of(lines)
