"""Facts typed from official publications: provinces, borders, pairings, stages, response levels, patient transfers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from panelcoop.checks import name_few
from panelcoop.errors import DataError
from panelcoop.panel.record import Ledger
from panelcoop.panel.regions import RegionSystem, china_provinces
from panelcoop.panel.sources.manifest import changed_files
from panelcoop.panel.sources.reading import parse_days, read_table, to_numbers
from panelcoop.panel.sources.records import join_ledgers, ledger_entry

__all__ = [
    "FILES",
    "Facts",
    "load_facts",
    "read_contiguity",
    "read_counterparts",
    "read_patient_transfers",
    "read_provinces",
    "read_response_levels",
    "read_white_paper_stages",
]

SOURCE = "facts"
FILES = {
    "provinces": "china_provinces.csv",
    "contiguity": "china_province_contiguity.csv",
    "counterparts": "counterpart_support_hubei_2020.csv",
    "stages": "china_white_paper_stages.csv",
    "response_levels": "china_response_levels_2020.csv",
    "patient_transfers": "france_patient_transfers_2020.csv",
}
NUMBERS = (
    "grp_2018_100m_yuan",
    "grp_per_capita_2018_yuan",
    "population_2018_implied",
    "fiscal_revenue_2018_100m_yuan",
    "fiscal_expenditure_2018_100m_yuan",
    "tertiary_share_2019",
)
LEVELS = ("I", "II", "III", "IV")
POPULATION_TOLERANCE = 0.001
"""Population is product over product per head, rounded to thousands: a larger gap is a typing error."""

DISPUTED = ("CN-TJ", "CN-HE", "CN-JS", "CN-SD", "CN-HN", "CN-CQ", "CN-SC", "CN-XZ", "CN-QH")
"""Provinces whose response-level dates differ by a day or two between sources."""


@dataclass(frozen=True)
class Facts:
    """The facts a panel of Chinese provinces rests on.

    Attributes
    ----------
    provinces
        Indexed by `iso`: names, product, product per head, population, revenue, expenditure (2018), tertiary share
        (2019).
    contiguity
        One row per pair of provinces that share a land border: `a`, `b`.
    counterparts
        One row per donor and recipient: `donor`, `donor_province`, `hubei_recipient`, `announced`.
    stages
        White-paper stages: `white_paper_stage`, `first_day`, `last_day` (missing: still open).
    response_levels
        One row per declaration: `iso`, `level`, `rank` (4 for level I ... 1 for level IV), `part_of_province`,
        `date_announce`, `date_start`, `source_type`, `source`.
    ledger
        What is missing or disputed.
    """

    provinces: pd.DataFrame
    contiguity: pd.DataFrame
    counterparts: pd.DataFrame
    stages: pd.DataFrame
    response_levels: pd.DataFrame
    ledger: Ledger


def load_facts(folder: Path | str, *, system: RegionSystem | None = None) -> Facts:
    """Load the shipped facts.

    Parameters
    ----------
    folder
        The data folder of the repository; the tables are in its `facts` folder.
    system
        The regions; default the 31 provinces of China.

    Raises
    ------
    DataError
        When a table or column is missing, a code or date is unknown, a key is doubled, or figures contradict each
        other.
    """
    system = system or china_provinces()
    at = Path(folder) / "facts"
    provinces = read_provinces(at / FILES["provinces"], system=system)
    contiguity = read_contiguity(at / FILES["contiguity"], system=system)
    levels = read_response_levels(at / FILES["response_levels"], system=system)
    changed = changed_files(folder, [f"facts/{name}" for name in FILES.values()], SOURCE)
    remarks = [_absent(provinces, system), _unlinked(contiguity, system), _level_remarks(levels, system), changed]
    return Facts(
        provinces,
        contiguity,
        read_counterparts(at / FILES["counterparts"], system=system),
        read_white_paper_stages(at / FILES["stages"]),
        levels,
        join_ledgers(remarks),
    )


def read_provinces(path: Path | str, *, system: RegionSystem | None = None) -> pd.DataFrame:
    """Read names, product, budget and population of the provinces, indexed by code.

    Raises
    ------
    DataError
        Also when population is not product over product per head: two vintages of provincial accounts were mixed.
    """
    table = read_table(path, ["iso", "name", "name_zh", *NUMBERS], text=("adcode", "iso"))
    _fail_if_codes_unknown(table["iso"], system or china_provinces(), Path(path).name)
    _fail_if_repeated(table, ["iso"], Path(path).name)
    table = table.assign(**to_numbers(table[list(NUMBERS)], Path(path).name))
    implied = table["grp_2018_100m_yuan"] * 1e8 / table["grp_per_capita_2018_yuan"]
    gap = (table["population_2018_implied"] / implied - 1).abs() > POPULATION_TOLERANCE
    if gap.any():
        names = name_few(table.loc[gap, "name"])
        msg = f"{Path(path).name}: population is not product over product per head for {names}; one figure is mistyped."
        raise DataError(msg)
    return table.set_index("iso").sort_index()


def read_contiguity(path: Path | str, *, system: RegionSystem | None = None) -> pd.DataFrame:
    """Read the pairs of provinces that share a land border; each pair stands once."""
    system = system or china_provinces()
    table = read_table(path, ["a", "b"], text=("a", "b"))
    _fail_if_codes_unknown(pd.concat([table["a"], table["b"]]), system, Path(path).name)
    pairs = pd.DataFrame({"a": table[["a", "b"]].min(axis=1), "b": table[["a", "b"]].max(axis=1)})
    own = pairs.loc[pairs["a"] == pairs["b"], "a"]
    if len(own):
        msg = f"{Path(path).name}: {name_few(own)} is paired with itself; drop the line."
        raise DataError(msg)
    _fail_if_repeated(pairs, ["a", "b"], Path(path).name)
    return table


def read_counterparts(path: Path | str, *, system: RegionSystem | None = None) -> pd.DataFrame:
    """Read the one-province-one-city scheme of 10 February 2020: ordered aid to Hubei."""
    table = read_table(path, ["donor", "donor_province", "hubei_recipient", "announced"])
    _fail_if_codes_unknown(table["donor"], system or china_provinces(), Path(path).name)
    _fail_if_repeated(table, ["donor", "hubei_recipient"], Path(path).name)
    return table.assign(announced=_days(table["announced"], Path(path).name))


def read_white_paper_stages(path: Path | str) -> pd.DataFrame:
    """Read the five stages of the white paper; they follow each other without gap or overlap.

    Raises
    ------
    DataError
        Also when a stage does not begin on the day after the one before.
    """
    name = Path(path).name
    table = read_table(path, ["white_paper_stage", "first_day", "last_day"], text=("first_day", "last_day"))
    table = table.assign(
        first_day=_days(table["first_day"], name), last_day=_days(table["last_day"], name, open_end=True)
    )
    joint = (table["last_day"] + pd.Timedelta(days=1)).shift().iloc[1:] == table["first_day"].iloc[1:]
    if not joint.all():
        late = name_few(table["white_paper_stage"].iloc[1:][~joint])
        msg = f"{name}: stage {late} does not begin on the day after the stage before it ends; repair the dates."
        raise DataError(msg)
    return table


def read_response_levels(path: Path | str, *, system: RegionSystem | None = None) -> pd.DataFrame:
    """Read the emergency response levels that provinces declared, oldest first within each province."""
    name = Path(path).name
    wanted = ["iso", "level", "part_of_province", "date_announce", "date_start", "source_type", "source"]
    table = read_table(path, wanted, text=("iso", "level", "date_announce", "date_start"))
    _fail_if_codes_unknown(table["iso"], system or china_provinces(), name)
    _fail_if_repeated(table, ["iso", "date_start"], name)
    odd = sorted(set(table["level"].fillna("(missing)")) - set(LEVELS))
    if odd:
        msg = f"{name}: {name_few(odd)} is no response level; levels are {', '.join(LEVELS)}."
        raise DataError(msg)
    days = {column: _days(table[column], name) for column in ("date_announce", "date_start")}
    rank = table["level"].map({level: len(LEVELS) - k for k, level in enumerate(LEVELS)})
    return table.assign(**days, rank=rank).sort_values(["iso", "date_start"], ignore_index=True)


def read_patient_transfers(path: Path | str) -> pd.DataFrame:
    """Read the transfers of patients between French regions, 18 March to 5 April 2020.

    Notes
    -----
    The last record (21 March to 5 April, abroad) holds the one of 31 March to Germany again: count it once.
    """
    name = Path(path).name
    wanted = ["first_day", "last_day", "source_region", "target_region", "target_countries", "vehicle", "patients"]
    table = read_table(path, wanted)
    return table.assign(
        first_day=_days(table["first_day"], name),
        last_day=_days(table["last_day"], name),
        patients=to_numbers(table[["patients"]], name)["patients"],
    )


def _days(labels: pd.Series, where: str, *, open_end: bool = False) -> pd.Series:
    given = labels.dropna() if open_end else labels.fillna("(missing)")
    return pd.Series(parse_days(given.tolist(), ["%Y-%m-%d"], where), index=given.index).reindex(labels.index)


def _fail_if_codes_unknown(codes: pd.Series, system: RegionSystem, where: str) -> None:
    strange = sorted({str(code) for code in codes if code not in system})
    if strange:
        msg = f"{where}: {name_few(strange)} is no code of {system.label}; the codes are ISO 3166-2, such as CN-HB."
        raise DataError(msg)


def _fail_if_repeated(table: pd.DataFrame, keys: Sequence[str], where: str) -> None:
    again = table[table.duplicated(list(keys))]
    if len(again):
        cells = name_few(" ".join(map(str, row)) for row in again[list(keys)].itertuples(index=False))
        msg = f"{where}: {len(again)} lines repeat the key ({', '.join(keys)}): {cells}; keep one line each."
        raise DataError(msg)


def _absent(provinces: pd.DataFrame, system: RegionSystem) -> Ledger:
    gone = [code for code in system.codes if code not in provinces.index]
    lines = [
        ledger_entry(SOURCE, "missing", "province absent from the table of provinces", region=code) for code in gone
    ]
    lines += [
        ledger_entry(SOURCE, "missing", "no figure in the table of provinces", variable=column, region=str(code))
        for column in NUMBERS
        for code in provinces.index[provinces[column].isna()]
    ]
    return Ledger.of(lines)


def _unlinked(contiguity: pd.DataFrame, system: RegionSystem) -> Ledger:
    linked = {*contiguity["a"], *contiguity["b"]}
    reason = "no land neighbour: its spatial lag is missing unless the plan links it"
    return Ledger.of(
        ledger_entry(SOURCE, "noted", reason, variable="contiguity", region=code)
        for code in system.codes
        if code not in linked
    )


def _level_remarks(levels: pd.DataFrame, system: RegionSystem) -> Ledger:
    name = "response_level"
    gone = [code for code in system.codes if code not in set(levels["iso"])]
    first = levels.groupby("iso")["level"].first()
    remarks = {
        "declared a lower level before level I: a downgrade is a step down after level I": list(
            first.index[first != "I"]
        ),
        "declared for part of the province only": list(levels.loc[levels["part_of_province"].astype(bool), "iso"]),
        "sources differ by a day or two": [code for code in DISPUTED if code in first.index],
        "first downgrade on 27 February here, on 21 February in press reports": [
            c for c in ["CN-GS"] if c in first.index
        ],
    }
    lines = [ledger_entry(SOURCE, "missing", "no declaration found", variable=name, region=code) for code in gone]
    lines += [
        ledger_entry(SOURCE, "noted", why, variable=name, region=str(code))
        for why, codes in remarks.items()
        for code in codes
    ]
    return Ledger.of(lines)
