"""gpl-covid: measures in 339 Chinese cities by day, turned into shares of each province's population."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from panelcoop.checks import name_few
from panelcoop.errors import DataError
from panelcoop.panel.record import Ledger
from panelcoop.panel.regions import RegionSystem, china_provinces
from panelcoop.panel.sources.aggregate import complete_days, weekly_mean
from panelcoop.panel.sources.reading import absent_regions, find_file, parse_days, read_table, region_codes, to_numbers
from panelcoop.panel.sources.records import DailyFigures, WeeklyFigures, join_ledgers, ledger_entry, tidy

__all__ = ["FILE", "POLICIES", "CityDays", "first_dates", "province_positions", "read_gpl_covid", "weekly_gpl_covid"]

SOURCE = "gpl_covid"
FILE = "CHN_processed.csv"
POLICIES = {
    "share_travel_ban": "travel_ban_local",
    "share_emergency": "emergency_declaration",
    "share_home_isolation": "home_isolation",
}
"""Variable -> column of the source (1 while the measure is in force in a city)."""

OUTSIDE = {
    "Macao": "outside the 31 provinces",
    "Macau": "outside the 31 provinces",
    "Hong Kong": "outside the 31 provinces",
}
WANTED = ("adm1_name", "adm2_name", "date", "population", *POLICIES.values())

CityDays = DailyFigures
"""The same record with one row per city and day: iso, city, day, population, one column per policy."""


def read_gpl_covid(path: Path | str, *, system: RegionSystem | None = None) -> CityDays:
    """Read the city-days.

    Parameters
    ----------
    path
        The processed Chinese table, plain or .xz.
    system
        The regions; default the 31 provinces of China.

    Returns
    -------
    CityDays
        One row per city and day: `iso`, `city`, `day`, `population`, then 0/1 for each measure (NaN where not given).

    Raises
    ------
    DataError
        When a column is missing, a date or a number cannot be read, a province is unknown, a city-day is doubled, or
        a city has no population.
    """
    system = system or china_provinces()
    where = Path(path).name
    table = read_table(path, WANTED, text=("adm1_name", "adm2_name", "date"))
    codes = region_codes(table["adm1_name"], system, OUTSIDE, where)
    kept = table[codes.notna()].reset_index(drop=True)
    numbers = to_numbers(kept[["population", *POLICIES.values()]], where).rename(
        columns={v: k for k, v in POLICIES.items()}
    )
    days = parse_days(kept["date"].tolist(), ["%Y-%m-%d"], where)
    frame = pd.DataFrame({"iso": codes.dropna().to_numpy(), "city": kept["adm2_name"], "day": days}).join(numbers)
    _fail_if_city_days_bad(frame, where)
    ledger = _left_out(table, codes) + absent_regions(pd.Index(frame["iso"].unique()), system, SOURCE, "")
    return CityDays(frame, ledger)


def weekly_gpl_covid(folder: Path | str, *, system: RegionSystem | None = None) -> WeeklyFigures:
    """Average over each ISO week the share of a province's population under each measure.

    Parameters
    ----------
    folder
        Holds the processed table, plain or .xz.
    system
        The regions; default the 31 provinces of China.

    Returns
    -------
    WeeklyFigures
        `share_travel_ban`, `share_emergency`, `share_home_isolation` in [0, 1].

    Notes
    -----
    share[p, d] = sum of population of the cities of p where the measure is in force on day d / population of the
    cities of p with a record that day; the week's figure is the mean over its observed days (at least four). City
    populations are the source's; 39 of 339 are imputed there, and its measures in smaller cities are a lower bound.

    References
    ----------
    Hsiang, S. et al. (2020). The effect of large-scale anti-contagion policies on the COVID-19 pandemic. Nature 584,
    262-267.
    """
    system = system or china_provinces()
    cities = read_gpl_covid(find_file(folder, [FILE]), system=system)
    ledgers = [cities.ledger]
    tables: dict[str, pd.DataFrame] = {}
    for variable in POLICIES:
        daily = complete_days(_shares(cities.frame, variable), SOURCE, variable)
        weekly = weekly_mean(daily.frame, source=SOURCE, variable=variable)
        tables[variable] = weekly.frame
        ledgers += [_gaps(cities.frame, variable), daily.ledger, weekly.ledger]
    return WeeklyFigures(tidy(tables, system.codes), join_ledgers(ledgers))


def first_dates(folder: Path | str, *, system: RegionSystem | None = None) -> pd.DataFrame:
    """Return when each measure first held in a province, and when it first held for half of its population.

    Returns
    -------
    pandas.DataFrame
        `iso`, `policy`, `first_day` (first city), `half_day` (at least half of the population), `cities`,
        `cities_ever`. A day that never comes within the source's span is missing: not yet, or not recorded.
    """
    cities = read_gpl_covid(find_file(folder, [FILE]), system=system).frame
    rows = []
    for variable in POLICIES:
        shares = _shares(cities, variable)
        ever = cities[cities[variable] > 0].groupby("iso")["city"].nunique()
        listed = cities.groupby("iso")["city"].nunique()
        rows += [
            (
                code,
                variable,
                _first(shares[code] > 0),
                _first(shares[code] >= 0.5),
                int(listed[code]),
                int(ever.get(code, 0)),
            )
            for code in sorted(shares.columns)
        ]
    return pd.DataFrame(rows, columns=["iso", "policy", "first_day", "half_day", "cities", "cities_ever"])


def province_positions(folder: Path | str, *, system: RegionSystem | None = None) -> pd.DataFrame:
    """Place each province at the centre of its listed cities' population.

    Parameters
    ----------
    folder
        Holds the processed table, plain or .xz.
    system
        The regions; default the 31 provinces of China.

    Returns
    -------
    pandas.DataFrame
        `iso`, `longitude`, `latitude` (degrees, four decimals), `cities` (listed) and `located` (with coordinates).

    Raises
    ------
    DataError
        When a column is missing, a number cannot be read, or no city of a province has coordinates.

    Notes
    -----
    Mean of the cities' coordinates weighted by population, over the cities that have coordinates.
    """
    path = find_file(folder, [FILE])
    names = ["adm1_name", "adm2_name"]
    table = read_table(path, [*names, "population", "lat", "lon"], text=tuple(names)).drop_duplicates(names)
    codes = region_codes(table["adm1_name"], system or china_provinces(), OUTSIDE, path.name)
    cities = to_numbers(table[["population", "lat", "lon"]], path.name)[codes.notna()].assign(iso=codes.dropna())
    located = cities[cities["lat"].notna() & cities["lon"].notna()]
    lost = sorted(set(cities["iso"]) - set(located["iso"]))
    if lost:
        msg = f"{path.name}: no city of {name_few(lost)} has coordinates (columns 'lat', 'lon'); give one at least."
        raise DataError(msg)
    people = located.groupby("iso")["population"].sum()
    centre = {
        name: (located[column] * located["population"]).groupby(located["iso"]).sum() / people
        for name, column in (("longitude", "lon"), ("latitude", "lat"))
    }
    counts = {"cities": cities.groupby("iso").size(), "located": located.groupby("iso").size()}
    return pd.DataFrame({**centre, **counts}).round(4).rename_axis("iso").sort_index().reset_index()


def _shares(cities: pd.DataFrame, variable: str) -> pd.DataFrame:
    seen = cities[cities[variable].notna()]
    keys = [seen["day"], seen["iso"]]
    covered = (seen["population"] * seen[variable]).groupby(keys).sum()
    return (covered / seen["population"].groupby(keys).sum()).unstack("iso")  # noqa: PD010 - already aggregated


def _first(held: pd.Series) -> pd.Timestamp | None:
    return pd.Timestamp(str(held.idxmax())) if held.any() else None


def _gaps(cities: pd.DataFrame, variable: str) -> Ledger:
    gaps = cities[variable].isna().groupby(cities["iso"]).sum()
    reason = "city-day without a record: the share is of the other cities"
    return Ledger.of(
        ledger_entry(SOURCE, "missing", reason, variable=variable, region=str(code), count=int(n))
        for code, n in gaps.items()
        if n
    )


def _fail_if_city_days_bad(frame: pd.DataFrame, where: str) -> None:
    doubled = frame[frame.duplicated(["iso", "city", "day"])]
    if len(doubled):
        msg = (
            f"{where}: {len(doubled)} city-days occur twice ({name_few(doubled['city'].unique())}); keep one line each."
        )
        raise DataError(msg)
    bare = frame[~(frame["population"] > 0)]
    if len(bare):
        msg = f"{where}: no population for {name_few(bare['city'].unique())}; the share of a province cannot be formed."
        raise DataError(msg)


def _left_out(table: pd.DataFrame, codes: pd.Series) -> Ledger:
    rows = table["adm1_name"][codes.isna()].value_counts().sort_index()
    lines = [
        ledger_entry(SOURCE, "excluded", f"{name}: {OUTSIDE[str(name)]}", count=int(n)) for name, n in rows.items()
    ]
    if "pop_is_imputed" in table:
        cities = table[codes.notna()].drop_duplicates(["adm1_name", "adm2_name"])
        imputed = int((cities["pop_is_imputed"] == 1).sum())
        lines.append(
            ledger_entry(
                SOURCE, "noted", "city whose population the source imputed", variable="population", count=imputed
            )
        )
    return Ledger.of(lines)
