"""CoronaNet records: policies that one government initiates for another, by level and place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd

from panelcoop.checks import fail_if_columns_missing
from panelcoop.errors import DataError
from panelcoop.panel.events.log import EventLog
from panelcoop.panel.events.read import RegionsLike, as_regions, read_events
from panelcoop.panel.record import Ledger

__all__ = ["CORONANET_COLUMNS", "read_coronanet"]

CORONANET_COLUMNS = (
    "record_id", "entry_type", "date_start", "date_end", "country", "init_country_level", "province", "type",
    "target_country", "target_province", "compliance",
)  # fmt: skip
"""Columns of the published table that are read; the others are ignored."""

TYPES = {
    "Health Resources": ("other", "resource", ""),
    "Health Monitoring": ("other", "information", ""),
    "Public Awareness Measures": ("other", "information", ""),
    "New Task Force, Bureau or Administrative Configuration": ("joint_prevention", "policy", "standing body"),
}
"""Types that can be cooperation, as mechanism, content and formality; restrictions are not."""

LEVELS = {"National": "nation", "Provincial": "province", "Municipal": "city"}


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
        target countries where none is named. Mandatory records are ordered. Records of other types, or whose target is
        their own initiator, are counted in the ledger.

    Raises
    ------
    DataError
        When the file cannot be read or lacks a column.

    Notes
    -----
    Updates share the record id of the first entry up to "_": the first entry counts, later ones are duplicates when
    days, regions and mechanism agree.

    References
    ----------
    Cheng, Barcelo, Hartnett, Kubinec and Messerschmidt (2020), Nature Human Behaviour 4.
    """
    table = source if isinstance(source, pd.DataFrame) else _read(Path(source))
    fail_if_columns_missing(CORONANET_COLUMNS, table.columns, "The table of CoronaNet")
    system = as_regions(regions)
    cells = table[list(CORONANET_COLUMNS)].astype(object)
    cells = cells.where(cells.notna(), "").astype(str)
    national = cells["init_country_level"] == "National"
    origin = cells["country"].where(national | (cells["province"] == ""), cells["province"])
    target = cells["target_country"].where(cells["target_province"] == "", cells["target_province"])
    known = cells["type"].isin(TYPES)
    own = pd.Series([_same(o, t, system.find) for o, t in zip(origin, target, strict=True)], index=cells.index)
    told = cells[known & ~own]
    words = told["type"].map(TYPES)
    events = pd.DataFrame(
        {
            "start": told["date_start"],
            "end": told["date_end"],
            "source": origin[told.index],
            "target": target[told.index],
            "source_level": told["init_country_level"].map(LEVELS).fillna(""),
            "mechanism": words.str[0],
            "contents": words.str[1],
            "formality": words.str[2].replace("", "notice"),
            "mandated": told["compliance"].str.startswith("Mandatory").map({True: "true", False: "false"}),
            "document": told["record_id"].str.split("_").str[0],
        }
    )
    log = read_events(events.reset_index(drop=True), regions=system)
    reasons = {"type is no cooperation": ~known, "target is the initiator itself": known & own}
    entries = [
        {"source": "coronanet", "action": "excluded", "reason": reason, "count": int(rows.sum())}
        for reason, rows in reasons.items()
        if rows.any()
    ]
    return replace(log, ledger=Ledger.of(entries) + log.ledger)


def _same(origin: str, target: str, find: Callable[[object], str | None]) -> bool:
    """Tell whether a record speaks to nobody but its initiator."""
    return not target or (find(origin) is not None and find(origin) == find(target)) or origin == target


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        msg = f"There is no file {path}."
        raise DataError(msg)
    try:
        return pd.read_csv(path, dtype=str, encoding="utf-8-sig")
    except (ValueError, pd.errors.ParserError) as fault:
        msg = f"{path} cannot be read as CoronaNet records: {fault}."
        raise DataError(msg) from fault
