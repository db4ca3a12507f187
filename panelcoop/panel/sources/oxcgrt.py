"""Oxford COVID-19 Government Response Tracker: four policy indices, 0 to 100, by region and day."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from panelcoop.errors import DataError
from panelcoop.panel.record import Ledger
from panelcoop.panel.regions import RegionSystem, china_provinces
from panelcoop.panel.sources.aggregate import complete_days, weekly_mean
from panelcoop.panel.sources.reading import absent_regions, find_file, parse_days, read_table, region_codes, to_numbers
from panelcoop.panel.sources.records import DailyFigures, WeeklyFigures, join_ledgers, ledger_entry, tidy

__all__ = ["INDICES", "read_oxcgrt", "weekly_oxcgrt"]

SOURCE = "oxcgrt"
INDICES = {
    "stringency": "OxCGRT_timeseries_StringencyIndex_v1.csv",
    "containment_health": "OxCGRT_timeseries_ContainmentHealthIndex_v1.csv",
    "government_response": "OxCGRT_timeseries_GovernmentResponseIndex_v1.csv",
    "economic_support": "OxCGRT_timeseries_EconomicSupportIndex_v1.csv",
}
"""Variable -> file of the public original (the mirror's adds .xz)."""

HIGHEST = 100.0
IDENTIFIERS = ("CountryCode", "CountryName", "RegionCode", "RegionName", "CityCode", "CityName", "Jurisdiction")


def read_oxcgrt(
    path: Path | str, *, variable: str, country: str = "CHN", system: RegionSystem | None = None
) -> DailyFigures:
    """Read one index, day by day.

    Parameters
    ----------
    path
        One wide file: a row per jurisdiction, a column per day (01Jan2020).
    variable
        What the index is called in the ledger.
    country
        ISO alpha-3 code of the country whose regions are read.
    system
        The regions; default the 31 provinces of China.

    Returns
    -------
    DailyFigures
        Index points, days by regions.

    Raises
    ------
    DataError
        When the file lacks a column, a day label cannot be read, a cell is no number or off the scale, or a
        region is unknown or doubled.

    Notes
    -----
    Rows of regions carry the jurisdiction STATE_TOTAL: measures of the region *and* of the nation as they apply there.
    Two regions can be alike because one national order binds both.
    """
    system = system or china_provinces()
    table = read_table(path, ["CountryCode", "RegionCode", "Jurisdiction"], text=IDENTIFIERS)
    ours = table[table["CountryCode"] == country]
    regional = ours[ours["Jurisdiction"] == "STATE_TOTAL"]
    codes = region_codes(regional["RegionCode"], system, {}, Path(path).name)
    _fail_if_doubled(list(codes), Path(path).name)
    days = [c for c in table.columns if c not in IDENTIFIERS]
    wide = to_numbers(regional[days], Path(path).name).set_axis(list(codes), axis=0).T
    _fail_if_off_scale(wide, Path(path).name)
    daily = complete_days(wide.set_axis(parse_days(days, ["%d%b%Y"], Path(path).name), axis=0), SOURCE, variable)
    ledger = _left_out(len(table) - len(ours), len(ours) - len(regional), country, variable)
    return DailyFigures(daily.frame, ledger + absent_regions(wide.columns, system, SOURCE, variable) + daily.ledger)


def weekly_oxcgrt(folder: Path | str, *, country: str = "CHN", system: RegionSystem | None = None) -> WeeklyFigures:
    """Average the four indices over the days of each ISO week.

    Parameters
    ----------
    folder
        Holds the four files, plain or .xz.
    country, system
        As in `read_oxcgrt`.

    Returns
    -------
    WeeklyFigures
        `stringency`, `containment_health`, `government_response`, `economic_support` (0-100).

    Notes
    -----
    Week rule: the mean of the observed days where at least four of seven were observed. 2020-W01 begins on 30 December
    2019 and the data on 1 January 2020, so its mean is over five days (noted in the ledger); the two days of December
    are missing, not zero.

    References
    ----------
    Hale, T. et al. (2021). A global panel database of pandemic policies. Nature Human Behaviour 5, 529-538.
    """
    system = system or china_provinces()
    ledgers: list[Ledger] = []
    tables: dict[str, pd.DataFrame] = {}
    for variable, name in INDICES.items():
        daily = read_oxcgrt(find_file(folder, [name]), variable=variable, country=country, system=system)
        weekly = weekly_mean(daily.frame, source=SOURCE, variable=variable)
        tables[variable] = weekly.frame
        ledgers += [daily.ledger, weekly.ledger]
    weeks = max((table.index for table in tables.values()), key=len)
    return WeeklyFigures(tidy({v: t.reindex(weeks) for v, t in tables.items()}, system.codes), join_ledgers(ledgers))


def _fail_if_doubled(codes: list[object], where: str) -> None:
    doubled = sorted({str(code) for code in codes if codes.count(code) > 1})
    if doubled:
        msg = f"{where}: several STATE_TOTAL rows for {', '.join(doubled)}; keep one row per region."
        raise DataError(msg)


def _fail_if_off_scale(wide: pd.DataFrame, where: str) -> None:
    off = (wide < 0) | (wide > HIGHEST)
    if off.to_numpy().any():
        regions = ", ".join(str(code) for code in wide.columns[off.any()])
        msg = f"{where}: {int(off.to_numpy().sum())} values outside 0 to {HIGHEST:g} in {regions}; repair the file."
        raise DataError(msg)


def _left_out(elsewhere: int, other_levels: int, country: str, variable: str) -> Ledger:
    lines = [
        ledger_entry(SOURCE, "excluded", f"row of a country other than {country}", variable=variable, count=elsewhere),
        ledger_entry(
            SOURCE, "excluded", "row of the nation or of a city, not of a region", variable=variable, count=other_levels
        ),
    ]
    return Ledger.of(line for line in lines if line["count"])
