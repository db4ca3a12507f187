"""CoronaNet records: policies that one government initiates for another, by level and place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd

from panelcoop.checks import fail_if_columns_missing
from panelcoop.errors import DataError
from panelcoop.panel.events.contract import SEPARATOR
from panelcoop.panel.events.log import EventLog
from panelcoop.panel.events.problems import split_cell
from panelcoop.panel.events.read import RegionsLike, as_regions, read_events
from panelcoop.panel.record import Ledger

__all__ = ["CORONANET_COLUMNS", "CORONANET_EXTRAS", "read_coronanet"]

CORONANET_COLUMNS = (
    "record_id", "entry_type", "date_start", "date_end", "country", "init_country_level", "province", "type",
    "target_country", "target_province",
)  # fmt: skip
"""Columns of the published table that must be there; further ones are ignored, but for ``CORONANET_EXTRAS``."""

CORONANET_EXTRAS = ("policy_id", "type_sub_cat", "date_end_spec", "ISO_L2")
"""Columns that are read where a release has them: policy, sub-type, kind of end date, code of the province."""

TYPES = {
    "Health Resources": ("other", "resource", ""),
    "Health Monitoring": ("other", "information", ""),
    "Public Awareness Measures": ("other", "information", ""),
    "New Task Force, Bureau or Administrative Configuration": ("joint_prevention", "policy", "standing body"),
}
"""Types that can be cooperation, as mechanism, content and formality; restrictions are not."""

BETWEEN_JURISDICTIONS = "Cooperation among different jurisdictional entities"
AGREEMENT = ("agreement", "policy", "agreement")
"""Sub-type of administrative configurations: treaties or agreements among countries or provinces."""

LEVELS = {"National": "nation", "Provincial": "province", "Municipal": "city"}
NATIONAL = ("National", "No, it is at the national level")
FIRST_ENTRY = "new_entry"
SUBTYPE_LETTERS = r"(?:[A-Z][a-z]|NA)$"
"""What a record's id ends with: a record of several sub-types has one row, and one pair of letters, for each."""

UNLIMITED = "The policy has an unlimited time span"


def read_coronanet(source: Path | str | pd.DataFrame, regions: RegionsLike) -> EventLog:
    """Read CoronaNet records as cooperation events.

    Parameters
    ----------
    source
        CSV in the published layout, or a frame.
    regions
        Provinces, and nations for records of the national level and for targets abroad.

    Returns
    -------
    EventLog
        Source: the province that initiates, or the country for the national level; target: the target provinces, or
        target countries where none is named, without the initiator. Records of other types, updates, and records whose
        target is their own initiator are counted in the ledger.

    Raises
    ------
    DataError
        When the file cannot be read or lacks a column.

    Notes
    -----
    No record is taken as ordered: `compliance` says whether residents must comply, not whether governments had to
    cooperate. The document is the policy (`policy_id`; where a release has none, `record_id` without the letters of the
    sub-type): the rows of one record tell of one event. Of a policy the entry `new_entry` counts; updates change what
    already is there. Where a file holds updates only, the earliest counts. A record below the national level without a
    province is rejected. The end of a policy of unlimited time is the day of the release: such a record counts at its
    start.

    References
    ----------
    Cheng, Barcelo, Hartnett, Kubinec and Messerschmidt (2020), Nature Human Behaviour 4.
    """
    table = source if isinstance(source, pd.DataFrame) else _read(Path(source))
    fail_if_columns_missing(CORONANET_COLUMNS, table.columns, "The table of CoronaNet")
    system = as_regions(regions)
    cells = _as_text(table)
    origin = _initiators(cells, system.find)
    targets = cells["target_country"].where(cells["target_province"] == "", cells["target_province"])
    target = pd.Series(
        [_others(t, o, system.find) for t, o in zip(targets, origin, strict=True)], index=cells.index, dtype=object
    )
    known = cells["type"].isin(TYPES)
    first = _is_first_entry(cells[known]).reindex(cells.index, fill_value=False)
    told = known & first & (target != "")
    log = read_events(_events(cells[told], origin[told], target[told]), regions=system)
    endless = told & (cells["date_end"] != "") & cells["date_end_spec"].str.startswith(UNLIMITED)
    accounts = {
        "type is no cooperation": ("excluded", ~known),
        "update of a policy whose first entry counts": ("excluded", known & ~first),
        "target is the initiator itself": ("excluded", known & first & (target == "")),
        "the policy has no end: counted at its start": ("corrected", endless),
    }
    entries = [
        {"source": "coronanet", "action": action, "reason": reason, "count": int(rows.sum())}
        for reason, (action, rows) in accounts.items()
        if rows.any()
    ]
    return replace(log, ledger=Ledger.of(entries) + log.ledger)


def _as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Keep the columns that are read, as text; numbers lose the point that missing values give them."""
    absent = dict.fromkeys((name for name in CORONANET_EXTRAS if name not in table.columns), "")
    cells = table.assign(**absent)[[*CORONANET_COLUMNS, *CORONANET_EXTRAS]].reset_index(drop=True).astype(object)
    filled = cells.where(cells.notna(), "").astype(str)
    text = pd.DataFrame({name: filled[name].str.strip() for name in filled})
    return text.assign(policy_id=text["policy_id"].str.removesuffix(".0"))


def _initiators(cells: pd.DataFrame, find: Callable[[object], str | None]) -> pd.Series:
    """Name who initiates: countries at the national level, below it the province, by its code where only that fits."""
    national = cells["init_country_level"].isin(NATIONAL)
    provinces = [
        code if name and find(name) is None and find(code) is not None else name
        for name, code in zip(cells["province"], cells["ISO_L2"], strict=True)
    ]
    return cells["country"].str.replace(",", SEPARATOR).where(national, pd.Series(provinces, index=cells.index))


def _others(targets: str, origin: str, find: Callable[[object], str | None]) -> str:
    """List the targets other than the initiator."""
    own = {find(name) or name for name in split_cell(origin)}
    names = split_cell(targets.replace(",", SEPARATOR))
    return SEPARATOR.join(name for name in names if (find(name) or name) not in own)


def _documents(cells: pd.DataFrame) -> pd.Series:
    stem = cells["record_id"].str.replace(SUBTYPE_LETTERS, "", regex=True)
    return cells["policy_id"].where(cells["policy_id"] != "", stem)


def _is_first_entry(cells: pd.DataFrame) -> pd.Series:
    """Tell the entries that open a policy; where a policy has none, its earliest rows."""
    policy, opens = _documents(cells), cells["entry_type"] == FIRST_ENTRY
    earliest = cells["date_start"] == cells["date_start"].groupby(policy).transform("min")
    return opens | (~opens.groupby(policy).transform("any") & earliest)


def _events(told: pd.DataFrame, origin: pd.Series, target: pd.Series) -> pd.DataFrame:
    """Write records in the columns of the codebook."""
    agreed = told["type_sub_cat"].str.startswith(BETWEEN_JURISDICTIONS)
    words = [AGREEMENT if own else TYPES[kind] for own, kind in zip(agreed, told["type"], strict=True)]
    events = pd.DataFrame(
        {
            "start": told["date_start"],
            "end": told["date_end"].where(~told["date_end_spec"].str.startswith(UNLIMITED), ""),
            "source": origin,
            "target": target,
            "source_level": told["init_country_level"].map(LEVELS).fillna(""),
            "mechanism": [mechanism for mechanism, _, _ in words],
            "contents": [content for _, content, _ in words],
            "formality": [formality or "notice" for _, _, formality in words],
            "document": _documents(told),
        }
    )
    return events.reset_index(drop=True)


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        msg = f"There is no file {path}."
        raise DataError(msg)
    try:
        return pd.read_csv(path, dtype=str, encoding="utf-8-sig")
    except (ValueError, pd.errors.ParserError) as fault:
        msg = f"{path} cannot be read as CoronaNet records: {fault}."
        raise DataError(msg) from fault
