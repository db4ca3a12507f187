"""The weekly figures that travel with the repository: one CSV per source, a ledger, and a manifest."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from panelcoop.checks import fail_if_columns_missing, fail_if_not_one_of, name_few
from panelcoop.errors import DataError
from panelcoop.panel.record import LEDGER_COLUMNS, Ledger
from panelcoop.panel.regions import RegionSystem, china_provinces
from panelcoop.panel.sources.manifest import changed_files, read_manifest
from panelcoop.panel.sources.records import WeeklyFigures, ledger_entry
from panelcoop.panel.weeks import WEEKS, parse_week

__all__ = [
    "LEDGER_FILE",
    "POSITIONS_FILE",
    "VARIABLES",
    "csv_bytes",
    "load_ledger",
    "load_positions",
    "load_weekly",
    "weekly_file",
]

LEDGER_FILE = "weekly/ledger.csv"
POSITIONS_FILE = "weekly/gpl_covid_positions.csv"
COUNTS = ("new_cases", "new_deaths", "cumulative_cases", "cumulative_deaths")
VARIABLES: Mapping[str, tuple[str, ...]] = {
    "oxcgrt": ("stringency", "containment_health", "government_response", "economic_support"),
    "jhu": COUNTS,
    "canghailan": COUNTS,
    "gpl_covid": ("share_travel_ban", "share_emergency", "share_home_isolation"),
}
"""Source -> its weekly variables."""

LIMITS = {"oxcgrt": 100.0, "gpl_covid": 1.0}
"""Source -> largest possible value; counts have none. Nothing is below zero."""


def weekly_file(source: str) -> str:
    """Return the path of a source's weekly figures inside the data folder.

    Examples
    --------
    >>> weekly_file("jhu")
    'weekly/jhu.csv'
    """
    fail_if_not_one_of(source, list(VARIABLES), "the source")
    return f"weekly/{source}.csv"


def load_weekly(source: str, *, folder: Path | str, system: RegionSystem | None = None) -> WeeklyFigures:
    """Load the shipped weekly figures of one source.

    Parameters
    ----------
    source
        "oxcgrt", "jhu", "canghailan" or "gpl_covid".
    folder
        The data folder of the repository (the plan names it).
    system
        The regions; default the 31 provinces of China.

    Returns
    -------
    WeeklyFigures
        Complete in regions and weeks; its ledger holds the lines made when the figures were built, and new lines for
        whatever the file lacks compared with what was shipped.

    Raises
    ------
    DataError
        When the file or a column is missing, a key is doubled, a region or week is unknown, or a value is no number
        or impossible (below zero, above the scale).

    Notes
    -----
    A file changed by hand is read, and said to be changed: a blank cell, a missing row and a missing province become
    NaN with a ledger line each.
    """
    system = system or china_provinces()
    name = weekly_file(source)
    table = _read(Path(folder) / name, source)
    told = read_manifest(folder)["files"].get(name, {})
    frame, absent = _complete(table, source, system, told)
    _fail_if_impossible(frame, source, name)
    changed = _changes(frame, source, told, Path(folder))
    return WeeklyFigures(frame, load_ledger(folder, source) + absent + changed)


def load_positions(folder: Path | str, *, system: RegionSystem | None = None) -> pd.DataFrame:
    """Load where the provinces' people live, in degrees.

    Returns
    -------
    pandas.DataFrame
        `longitude` and `latitude`, indexed by `iso`.

    Raises
    ------
    DataError
        When the file or a column is missing, a code is unknown or doubled, or a coordinate is no number or lies off the
        earth.
    """
    system = system or china_provinces()
    path = Path(folder) / POSITIONS_FILE
    table = _text_table(path, ["iso", "longitude", "latitude"]).set_index("iso")
    numbers = {name: pd.to_numeric(table[name], errors="coerce") for name in ("longitude", "latitude")}
    places = pd.DataFrame(numbers, dtype=float)
    off = ~((places["longitude"].abs() <= 180) & (places["latitude"].abs() <= 90))
    odd = places.index[off | places.index.duplicated() | ~places.index.isin(list(system.codes))]
    if len(odd):
        msg = f"{path.name}: {name_few(odd)} is unknown, stands twice, or lies off the earth; one line per province."
        raise DataError(msg)
    return places.sort_index()


def load_ledger(folder: Path | str, source: str = "") -> Ledger:
    """Load the ledger made when the shipped figures were built, of one source or of all.

    Raises
    ------
    DataError
        When the file is missing or lacks a column.
    """
    rows = _text_table(Path(folder) / LEDGER_FILE, LEDGER_COLUMNS)
    rows = rows[rows["source"] == source].reset_index(drop=True) if source else rows
    return Ledger(rows.astype(object).assign(count=rows["count"].astype(int).astype(object)))


def csv_bytes(frame: pd.DataFrame) -> bytes:
    r"""Write a table as the same bytes on every machine.

    Notes
    -----
    UTF-8, Unix line ends; weeks as labels (2020-W05), days as ISO dates; whole-number columns without decimals; other
    floats in their shortest exact form; a missing cell is empty.

    Examples
    --------
    >>> csv_bytes(pd.DataFrame({"week": [pd.Timestamp("2020-01-27")], "n": [3.0], "x": [0.5]}))
    b'week,n,x\n2020-W05,3,0.5\n'
    """
    text = frame.copy()
    for column in text.columns:
        values = text[column]
        if column == "week" and pd.api.types.is_datetime64_any_dtype(values):
            text[column] = WEEKS.labels(pd.DatetimeIndex(values))
        elif pd.api.types.is_datetime64_any_dtype(values):
            text[column] = values.dt.strftime("%Y-%m-%d")
        elif pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
            text[column] = values.astype("Int64")
    buffer = io.StringIO()
    text.to_csv(buffer, index=False, lineterminator="\n")
    return buffer.getvalue().encode("utf-8")


def _text_table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    if not path.is_file():
        msg = f"{path} does not exist; restore it from the repository or rebuild it: make data."
        raise DataError(msg)
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    fail_if_columns_missing(columns, list(table.columns), path.name)
    return table


def _read(path: Path, source: str) -> pd.DataFrame:
    table = _text_table(path, ["iso", "week", *VARIABLES[source]])
    numbers = {v: pd.to_numeric(table[v], errors="coerce").astype(float) for v in VARIABLES[source]}
    for variable, values in numbers.items():
        odd = table.loc[values.isna() & (table[variable] != ""), variable]
        if len(odd):
            line = f"line {odd.index[0] + 2}"
            msg = f"{path.name}: column '{variable}' holds {name_few(odd)}, which is no number (first in {line})."
            raise DataError(msg)
    labels = {label: WEEKS.start(label) for label in table["week"].unique()}
    return pd.DataFrame({"iso": table["iso"], "week": table["week"].map(labels), **numbers})


def _complete(
    table: pd.DataFrame, source: str, system: RegionSystem, told: Mapping[str, object]
) -> tuple[pd.DataFrame, Ledger]:
    name = weekly_file(source)
    unknown = sorted(set(table["iso"]) - set(system.codes))
    if unknown:
        msg = f"{name}: {name_few(unknown)} is no code of {system.label}; the codes are ISO 3166-2, such as CN-HB."
        raise DataError(msg)
    doubled = table[table.duplicated(["iso", "week"])]
    if len(doubled):
        cells = name_few(
            f"{code} {WEEKS.label(week)}" for code, week in zip(doubled["iso"], doubled["week"], strict=True)
        )
        msg = f"{name}: {len(doubled)} region-weeks occur twice ({cells}); keep one line each."
        raise DataError(msg)
    span = [*table["week"], *(parse_week(str(told[end])) for end in ("first_week", "last_week") if end in told)]
    weeks = WEEKS.range(min(span), max(span))
    grid = pd.MultiIndex.from_product([sorted(system.codes), weeks], names=["iso", "week"])
    keyed = table.set_index(["iso", "week"])
    gone = keyed.assign(held=True)["held"].reindex(grid).isna().groupby(level="iso").sum()
    lines = [
        ledger_entry(source, "missing", f"region-week absent from {name}", region=str(code), count=int(n))
        for code, n in gone.items()
        if n
    ]
    return keyed.reindex(grid).reset_index(), Ledger.of(lines)


def _fail_if_impossible(frame: pd.DataFrame, source: str, name: str) -> None:
    for variable in VARIABLES[source]:
        values = frame[variable]
        bad = frame[(values < 0) | (values > LIMITS.get(source, float("inf")))]
        if len(bad):
            first = bad.iloc[0]
            cell = f"{first['iso']} {WEEKS.label(first['week'])} = {first[variable]:g}"
            most = f" to {LIMITS[source]:g}" if source in LIMITS else " upwards"
            msg = f"{name}: {len(bad)} impossible values of '{variable}' ({cell}); the scale is 0{most}."
            raise DataError(msg)


def _changes(frame: pd.DataFrame, source: str, told: Mapping[str, object], folder: Path) -> Ledger:
    name = weekly_file(source)
    changed = changed_files(folder, [name], source)
    shipped = told.get("missing")
    known = shipped if isinstance(shipped, dict) else {}
    more = {v: int(frame[v].isna().sum()) - int(known.get(v, 0)) for v in VARIABLES[source]}
    reason = f"cells blank or absent in {name} that were shipped with a value"
    lines = [ledger_entry(source, "missing", reason, variable=v, count=n) for v, n in more.items() if n > 0]
    return changed + Ledger.of(lines)
