"""Johns Hopkins CSSE: cumulative confirmed cases and deaths by province and day."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from panelcoop.errors import DataError
from panelcoop.panel.record import Ledger
from panelcoop.panel.regions import RegionSystem, china_provinces
from panelcoop.panel.sources.aggregate import complete_days, weekly_counts
from panelcoop.panel.sources.reading import absent_regions, find_file, parse_days, read_table, region_codes, to_numbers
from panelcoop.panel.sources.records import DailyFigures, WeeklyFigures, join_ledgers, ledger_entry, tidy

__all__ = ["COUNTS", "read_jhu", "weekly_jhu"]

SOURCE = "jhu"
COUNTS = {
    "new_cases": "time_series_covid19_confirmed_global.csv",
    "new_deaths": "time_series_covid19_deaths_global.csv",
}
"""Variable -> file of the public original (the mirror's adds .xz). `recovered` is not used: zero after August 2021."""

ALIASES = {"Province/State": "Province", "Country/Region": "Country"}
PLACES = ("Province", "Country", "Lat", "Long", "Lon")
OUTSIDE = {
    "Hong Kong": "outside the 31 provinces",
    "Macau": "outside the 31 provinces",
    "Macao": "outside the 31 provinces",
    "Taiwan": "outside the 31 provinces",
    "Unknown": "cases not assigned to a province",
}
JUMPS = {
    "new_cases": [("CN-HB", "2020-02-12", "clinically diagnosed cases counted from 12-13 February 2020")],
    "new_deaths": [("CN-HB", "2020-04-17", "1,290 earlier deaths in Wuhan added on 17 April 2020")],
}
COLLAPSE = pd.Timestamp("2022-12-05")
"""Monday of the week in which mass testing ended: counts from here on are far too low."""


def read_jhu(
    path: Path | str, *, variable: str, country: str = "China", system: RegionSystem | None = None
) -> DailyFigures:
    """Read one cumulative count, day by day.

    Parameters
    ----------
    path
        One wide file in the public layout (`Province/State`, `Country/Region`, days as 1/22/20) or the mirror's
        (`Province`, `Country`, days as 1/22/2020).
    variable
        What the count is called in the ledger.
    country
        The country whose provinces are read.
    system
        The regions; default the 31 provinces of China.

    Returns
    -------
    DailyFigures
        Cumulative counts, days by regions.

    Raises
    ------
    DataError
        When a column is missing, a day label or a number cannot be read, or a province is unknown or doubled.
    """
    system = system or china_provinces()
    where = Path(path).name
    table = read_table(path, ["Province", "Country"], aliases=ALIASES, text=("Province", "Country"))
    ours = table[table["Country"] == country]
    codes = region_codes(ours["Province"], system, OUTSIDE, where)
    days = [c for c in table.columns if c not in PLACES]
    counts = to_numbers(ours[days], where)
    kept = counts[codes.notna()].set_axis(codes.dropna().tolist(), axis=0)
    if not kept.index.is_unique:
        msg = f"{where}: several rows for {', '.join(kept.index[kept.index.duplicated()])}; keep one row per province."
        raise DataError(msg)
    wide = kept.T.set_axis(parse_days(days, ["%m/%d/%Y", "%m/%d/%y"], where), axis=0)
    daily = complete_days(wide, SOURCE, variable)
    ledger = _left_out(ours["Province"], counts, codes, len(table) - len(ours), variable)
    return DailyFigures(daily.frame, ledger + absent_regions(wide.columns, system, SOURCE, variable) + daily.ledger)


def weekly_jhu(folder: Path | str, *, system: RegionSystem | None = None) -> WeeklyFigures:
    """Count new cases and deaths by ISO week.

    Parameters
    ----------
    folder
        Holds the two files, plain or .xz.
    system
        The regions; default the 31 provinces of China.

    Returns
    -------
    WeeklyFigures
        `new_cases`, `new_deaths`: increase of the cumulative count from Sunday to Sunday; `cumulative_cases`,
        `cumulative_deaths`: the count on the week's Sunday as reported.

    Notes
    -----
    2020-W04 is missing: the source begins on Wednesday 22 January 2020 with what had been counted before
    (`panelcoop.panel.sources.epidemic` fills the early weeks). Negative days cancel within their week; a week that
    stays negative is set to zero. Two jumps of definition in Hubei are kept as reported and noted in the ledger.

    References
    ----------
    Dong, E., Du, H., Gardner, L. (2020). An interactive web-based dashboard to track COVID-19 in real time.
    Lancet Infectious Diseases 20, 533-534.
    """
    system = system or china_provinces()
    ledgers: list[Ledger] = []
    tables: dict[str, pd.DataFrame] = {}
    for variable, name in COUNTS.items():
        daily = read_jhu(find_file(folder, [name]), variable=variable, system=system)
        weekly = weekly_counts(daily.frame, source=SOURCE, variable=variable)
        tables |= {variable: weekly.new, variable.replace("new", "cumulative"): weekly.cumulative}
        ledgers += [daily.ledger, weekly.ledger, _remarks(weekly.new, variable)]
    return WeeklyFigures(tidy(tables, system.codes), join_ledgers(ledgers))


def _left_out(names: pd.Series, counts: pd.DataFrame, codes: pd.Series, elsewhere: int, variable: str) -> Ledger:
    lines = (
        [ledger_entry(SOURCE, "excluded", "row of another country", variable=variable, count=elsewhere)]
        if elsewhere
        else []
    )
    last, lost = counts.iloc[:, -1], codes.isna()
    lines += [
        ledger_entry(
            SOURCE,
            "excluded",
            f"{name}: {OUTSIDE[str(name)]}",
            variable=variable,
            before=float(value),
            after="",
        )
        for name, value in zip(names[lost], last[lost], strict=True)
    ]
    return Ledger.of(lines)


def _remarks(weekly: pd.DataFrame, variable: str) -> Ledger:
    lines = []
    for code, day, why in JUMPS[variable]:
        week = pd.Timestamp(day) - pd.Timedelta(days=pd.Timestamp(day).day_of_week)
        if week in weekly.index and code in weekly.columns:
            value = float(weekly[code][week])
            lines.append(
                ledger_entry(
                    SOURCE,
                    "noted",
                    f"jump of definition kept: {why}",
                    variable=variable,
                    region=code,
                    week=week,
                    before=value,
                    after=value,
                )
            )
    late = weekly[weekly.index >= COLLAPSE]
    if late.size:
        reason = "far under-reported: mass testing ended in early December 2022; kept"
        lines.append(ledger_entry(SOURCE, "noted", reason, variable=variable, week=COLLAPSE, count=int(late.size)))
    return Ledger.of(lines)
