"""GDELT 2.0 events: the cooperative classes of CAMEO between governments, with actors placed in first-level regions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd

from panelcoop.errors import DataError
from panelcoop.panel.events.log import EventLog
from panelcoop.panel.events.read import RegionsLike, as_regions, read_events
from panelcoop.panel.record import Ledger
from panelcoop.panel.regions import RegionSystem

__all__ = ["GDELT_COLUMNS", "read_gdelt"]

_ACTOR = (
    "Code", "Name", "CountryCode", "KnownGroupCode", "EthnicCode", "Religion1Code", "Religion2Code", "Type1Code",
    "Type2Code", "Type3Code",
)  # fmt: skip
_PLACE = ("Type", "FullName", "CountryCode", "ADM1Code", "ADM2Code", "Lat", "Long", "FeatureID")

GDELT_COLUMNS = (
    "GLOBALEVENTID", "SQLDATE", "MonthYear", "Year", "FractionDate",
    *(f"Actor1{name}" for name in _ACTOR), *(f"Actor2{name}" for name in _ACTOR),
    "IsRootEvent", "EventCode", "EventBaseCode", "EventRootCode", "QuadClass", "GoldsteinScale", "NumMentions",
    "NumSources", "NumArticles", "AvgTone",
    *(f"Actor1Geo_{name}" for name in _PLACE), *(f"Actor2Geo_{name}" for name in _PLACE),
    *(f"ActionGeo_{name}" for name in _PLACE), "DATEADDED", "SOURCEURL",
)  # fmt: skip
"""The 61 columns of the published table, which has no header."""

COOPERATIVE_ROOTS = {"03": "", "04": "information", "05": "policy", "06": "resource", "07": "resource"}
"""Root classes: intent to cooperate, consult, diplomatic cooperation, material cooperation, aid; and their content."""

EXACT_CODES = {"057": ("agreement", "policy", "agreement"), "064": ("other", "information", "")}
"""Classes read on their own: sign a formal agreement, share intelligence or information."""

COUNTRY_TYPE = "1"


def read_gdelt(
    source: Path | str | pd.DataFrame,
    regions: RegionsLike,
    *,
    places: Mapping[str, str] | None = None,
    governments_only: bool = True,
) -> EventLog:
    """Read GDELT 2.0 events as cooperation events.

    Parameters
    ----------
    source
        Tab-separated file without header in the published layout, plain or zipped, or a frame with its columns.
    regions
        First-level regions and, for actors placed in a whole country, the nation.
    places
        ADM1 code to region code, for places whose name no region has.
    governments_only
        Whether both actors must be of type GOV.

    Returns
    -------
    EventLog
        Cooperative rows of two placed actors; the document is the source address, so that one article counts once.
        Rows of other classes or actors are counted in the ledger, not listed.

    Raises
    ------
    DataError
        When the file cannot be read or has not 61 columns.

    Notes
    -----
    Root classes 03 to 07. 057 is an agreement of formality 3; 04 (consult) a meeting, formality 1; 064 shares
    information; 06 and 07 move resources. The rest is "other". Every row weighs 1: mentions measure attention.

    References
    ----------
    GDELT Event Database, codebook 2.0; CAMEO manual 1.1b3.
    """
    system = as_regions(regions)
    table = source if isinstance(source, pd.DataFrame) else _read(Path(source))
    cells = table.astype(object).where(table.notna(), "").astype(str)
    code, root = cells["EventCode"], cells["EventRootCode"].str.zfill(2)
    cooperative = root.isin(COOPERATIVE_ROOTS)
    governments = (cells["Actor1Type1Code"] == "GOV") & (cells["Actor2Type1Code"] == "GOV")
    actors = governments if governments_only else (cells["Actor1Code"] != "") & (cells["Actor2Code"] != "")
    kept = cooperative & actors
    told = cells[kept]
    exact = code[kept].map(lambda c: EXACT_CODES.get(c, ("other", None, "")))
    plain = root[kept].map(COOPERATIVE_ROOTS)
    events = pd.DataFrame(
        {
            "start": told["SQLDATE"],
            "source": _places(told, "Actor1Geo", system, places or {}),
            "target": _places(told, "Actor2Geo", system, places or {}),
            "mechanism": [mechanism for mechanism, _, _ in exact],
            "contents": [own if own is not None else usual for (_, own, _), usual in zip(exact, plain, strict=True)],
            "formality": [
                f or ("meeting" if r == "04" else "") for (_, _, f), r in zip(exact, root[kept], strict=True)
            ],
            "document": told["SOURCEURL"],
        }
    )
    log = read_events(events.reset_index(drop=True), regions=system)
    reasons = {"no cooperative class": ~cooperative, "an actor is no government or not named": cooperative & ~actors}
    entries = [
        {"source": "gdelt", "action": "excluded", "reason": reason, "count": int(rows.sum())}
        for reason, rows in reasons.items()
        if rows.any()
    ]
    return replace(log, ledger=Ledger.of(entries) + log.ledger)


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        msg = f"There is no file {path}."
        raise DataError(msg)
    try:
        table = pd.read_csv(path, sep="\t", header=None, dtype=str, keep_default_na=False, quoting=3)
    except (ValueError, pd.errors.ParserError) as fault:
        msg = f"{path} cannot be read as GDELT events: {fault}."
        raise DataError(msg) from fault
    if table.shape[1] != len(GDELT_COLUMNS):
        msg = f"{path} has {table.shape[1]} columns; GDELT 2.0 events have {len(GDELT_COLUMNS)}."
        raise DataError(msg)
    return table.set_axis(list(GDELT_COLUMNS), axis=1)


def _places(told: pd.DataFrame, actor: str, system: RegionSystem, places: Mapping[str, str]) -> list[str]:
    """Place an actor: by its ADM1 code, by the region in "city, region, country", or by the country."""
    found = []
    for kind, name, adm1 in zip(
        told[f"{actor}_Type"], told[f"{actor}_FullName"], told[f"{actor}_ADM1Code"], strict=True
    ):
        parts = [part.strip() for part in name.split(",")]
        word = parts[0] if kind == COUNTRY_TYPE or len(parts) < 2 else parts[-2]
        found.append(places.get(adm1) or system.find(word) or name)
    return found
