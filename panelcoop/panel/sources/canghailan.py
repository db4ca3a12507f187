"""canghailan Wuhan-2019-nCoV: province counts from December 2019, used for the weeks before Johns Hopkins begins."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from panelcoop.checks import name_few
from panelcoop.errors import DataError
from panelcoop.panel.record import Ledger
from panelcoop.panel.regions import RegionSystem, china_provinces
from panelcoop.panel.sources.aggregate import complete_days, weekly_counts
from panelcoop.panel.sources.reading import absent_regions, find_file, parse_days, read_table, region_codes, to_numbers
from panelcoop.panel.sources.records import DailyFigures, WeeklyFigures, join_ledgers, ledger_entry, tidy

__all__ = ["COUNTS", "FILES", "read_canghailan", "weekly_canghailan"]

SOURCE = "canghailan"
FILES = ("Wuhan-2019-nCoV.csv", "china_province_daily_2019-12-01_2020-12-08.csv")
"""The public original (whole world) and the mirror's extract of China's provinces."""

COUNTS = {"new_cases": "confirmed", "new_deaths": "dead"}
OUTSIDE = {
    "香港特别行政区": "outside the 31 provinces",
    "澳门特别行政区": "outside the 31 provinces",
    "台湾省": "outside the 31 provinces",
    "香港": "outside the 31 provinces",
    "澳门": "outside the 31 provinces",
    "台湾": "outside the 31 provinces",
}
COUNTRYWIDE = pd.Timestamp("2020-01-20")
"""From this day on the source follows all provinces (15 listed at once): a province not listed has no case."""


def read_canghailan(path: Path | str, *, variable: str, system: RegionSystem | None = None) -> DailyFigures:
    """Read one cumulative count, day by day.

    Parameters
    ----------
    path
        The public original (world; filtered here to China's provinces) or the mirror's extract.
    variable
        "new_cases" (from `confirmed`) or "new_deaths" (from `dead`).
    system
        The regions; default the 31 provinces of China.

    Returns
    -------
    DailyFigures
        Cumulative counts, days by regions. A province has no figure before its first line, except that from 20
        January 2020, when the source follows the whole country, a province not yet listed counts zero.

    Raises
    ------
    DataError
        When a column is missing, a date or a number cannot be read, a province is unknown, or a province-day
        is doubled.

    Notes
    -----
    Rows of other countries, of the nation and of cities are no part of what is read: the original has them, the
    mirror's extract has not, and the ledger is the same for both.
    """
    system = system or china_provinces()
    where, column = Path(path).name, COUNTS[variable]
    table = read_table(path, ["date", "province", column], text=("date", "province", "city", "cityCode", "countryCode"))
    provinces = _province_rows(table)
    codes = region_codes(provinces["province"], system, OUTSIDE, where)
    kept = provinces[codes.notna()]
    long = pd.DataFrame(
        {
            "day": parse_days(kept["date"].tolist(), ["%Y-%m-%d"], where),
            "iso": codes.dropna().to_numpy(),
            "value": to_numbers(kept[[column]], where)[column].to_numpy(),
        }
    )
    _fail_if_doubled(long, where)
    wide = long.set_index(["day", "iso"])["value"].unstack("iso")  # noqa: PD010 - keys are unique, nothing to average
    daily = complete_days(wide, SOURCE, variable)
    followed = _zero_until_listed(daily.frame, variable)
    left_out = _left_out(provinces["province"][codes.isna()], variable)
    absent = absent_regions(daily.frame.columns, system, SOURCE, variable)
    return DailyFigures(followed.frame, left_out + absent + daily.ledger + followed.ledger)


def weekly_canghailan(folder: Path | str, *, system: RegionSystem | None = None) -> WeeklyFigures:
    """Count new cases and deaths by ISO week.

    Parameters
    ----------
    folder
        Holds the public original or the mirror's extract.
    system
        The regions; default the 31 provinces of China.

    Returns
    -------
    WeeklyFigures
        `new_cases`, `new_deaths`, `cumulative_cases`, `cumulative_deaths` (on the week's Sunday). Weeks before a
        province is followed are missing; in its first week the whole count is new.

    Notes
    -----
    Zero and missing are told apart: before 20 January 2020 the source speaks of Hubei alone (and of Guangdong on
    the 19th), so the other provinces are missing there; from then on an unlisted province has zero cases. Hubei's
    counts of December 2019 look like cases by onset, added later.
    """
    system = system or china_provinces()
    path = find_file(folder, FILES)
    ledgers: list[Ledger] = []
    tables: dict[str, pd.DataFrame] = {}
    for variable in COUNTS:
        daily = read_canghailan(path, variable=variable, system=system)
        weekly = weekly_counts(daily.frame, source=SOURCE, variable=variable)
        first = _first_week(weekly.new, weekly.cumulative, variable)
        tables |= {variable: first.frame.iloc[1:], variable.replace("new", "cumulative"): weekly.cumulative.iloc[1:]}
        ledgers += [daily.ledger, weekly.ledger, first.ledger]
    return WeeklyFigures(tidy(tables, system.codes), join_ledgers(ledgers))


def _province_rows(table: pd.DataFrame) -> pd.DataFrame:
    ours = table["province"].notna() & (table["province"] != "")
    if "countryCode" in table:
        ours &= table["countryCode"] == "CN"
    if "city" in table:
        ours &= table["city"].isna() | (table["city"] == "")
    return table[ours]


def _fail_if_doubled(long: pd.DataFrame, where: str) -> None:
    doubled = long[long.duplicated(["day", "iso"])]
    if len(doubled):
        cells = name_few(f"{r.iso} on {r.day:%Y-%m-%d}" for r in doubled.itertuples())
        msg = f"{where}: {len(doubled)} province-days occur twice ({cells}); keep one line each."
        raise DataError(msg)


def _zero_until_listed(daily: pd.DataFrame, variable: str) -> DailyFigures:
    unlisted = daily.ffill().isna()
    countrywide = pd.Series(pd.DatetimeIndex(daily.index) >= COUNTRYWIDE, index=daily.index)
    zero = unlisted & countrywide.to_numpy()[:, None]
    reason = "not yet listed while the source follows all provinces: no case"
    lines = [
        ledger_entry(SOURCE, "imputed", reason, variable=variable, region=str(code), count=int(days), after=0.0)
        for code, days in zero.sum().items()
        if days
    ]
    silent = (unlisted & ~countrywide.to_numpy()[:, None]).sum().sum()
    lines.append(
        ledger_entry(
            SOURCE,
            "missing",
            "province-day before the source follows the province",
            variable=variable,
            count=int(silent),
        )
    )
    return DailyFigures(daily.mask(zero, 0.0), Ledger.of(lines))


def _first_week(new: pd.DataFrame, cumulative: pd.DataFrame, variable: str) -> DailyFigures:
    """Take the whole count as new in the first week a province is followed."""
    begins = cumulative.notna() & cumulative.ffill().shift().isna()
    reason = "first week followed: the whole count is dated to this week"
    lines = [
        ledger_entry(SOURCE, "imputed", reason, variable=variable, week=pd.Timestamp(str(week)), count=int(n))
        for week, n in begins.iloc[1:].sum(axis=1).items()
        if n
    ]
    return DailyFigures(new.where(~begins, cumulative), Ledger.of(lines))


def _left_out(outside: pd.Series, variable: str) -> Ledger:
    rows = outside.value_counts().sort_index()
    return Ledger.of(
        ledger_entry(SOURCE, "excluded", f"{name}: {OUTSIDE[str(name)]}", variable=variable, count=int(n))
        for name, n in rows.items()
    )
