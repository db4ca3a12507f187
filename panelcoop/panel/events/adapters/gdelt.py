"""GDELT 2.0 events: the cooperative classes of CAMEO between governments, with actors placed in first-level regions."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import pandas as pd

from panelcoop.checks import fail_if_columns_missing
from panelcoop.errors import DataError
from panelcoop.panel.events.contract import LEVELS
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
USED = (
    "SQLDATE", "EventCode", "EventRootCode", "SOURCEURL",
    *(f"Actor{k}{name}" for k in (1, 2) for name in ("Code", "Type1Code")),
    *(f"Actor{k}Geo_{name}" for k in (1, 2) for name in ("Type", "FullName", "CountryCode", "ADM1Code")),
)  # fmt: skip
ABROAD = "abroad"


def read_gdelt(
    source: Path | str | pd.DataFrame,
    regions: RegionsLike,
    *,
    country: str | None = None,
    places: Mapping[str, str] | None = None,
    governments_only: bool = True,
) -> EventLog:
    """Read GDELT 2.0 events as cooperation events.

    Parameters
    ----------
    source
        Tab-separated file in the published layout, plain or zipped, without the header or with it, or a frame with its
        columns.
    regions
        First-level regions and, for actors placed in a whole country, the nation.
    country
        Name or two-letter code (FIPS 10-4, as GDELT writes it: China is CH) of the country the regions lie in; default
        the region of level "nation", by its name.
    places
        ADM1 code to region code, for places whose name no region has.
    governments_only
        Whether both actors must be of type GOV.

    Returns
    -------
    EventLog
        Cooperative rows of two actors placed in a region; the document is the source address, so that one article
        counts once. Rows of other classes, of other actors, of actors placed in another country, and lines that have
        not 61 cells are counted in the ledger, not listed.

    Raises
    ------
    DataError
        When the file cannot be read, has no line of 61 cells or lacks a column that is used, or the country is not
        known.

    Notes
    -----
    Root classes 03 to 07. 057 is an agreement of formality 3; 04 (consult) a meeting, formality 1; 064 shares
    information; 06 and 07 move resources. The rest is "other". Every row weighs 1: mentions measure attention.

    An actor is placed by its ADM1 code where `places` or the region table knows it; else by the region's name in "city,
    region, country", provided that the country is the one of the regions: there is a Georgia in the United States and
    one beside it. A country that the region table holds at the level "outside" is a partner.

    References
    ----------
    GDELT Event Database, codebook 2.0; CAMEO manual 1.1b3.
    """
    system = as_regions(regions)
    table, torn = (source, 0) if isinstance(source, pd.DataFrame) else _read(Path(source))
    cells = _as_text(table)
    atlas = _Atlas(system, country, places or {})
    code, root = _event_codes(cells)
    cooperative = root.isin(COOPERATIVE_ROOTS)
    governments = (cells["Actor1Type1Code"] == "GOV") & (cells["Actor2Type1Code"] == "GOV")
    actors = governments if governments_only else (cells["Actor1Code"] != "") & (cells["Actor2Code"] != "")
    kept = cooperative & actors
    ends = {side: atlas.place(cells[kept], actor) for side, actor in (("source", "Actor1"), ("target", "Actor2"))}
    abroad = ((ends["source"] == ABROAD) | (ends["target"] == ABROAD)).reindex(cells.index, fill_value=False)
    told = kept & ~abroad
    events = _events(cells[told], code[told], root[told]).assign(**{side: end[told] for side, end in ends.items()})
    log = read_events(events.reset_index(drop=True), regions=system)
    counts = {
        "wrong number of cells": torn,
        "no cooperative class": int((~cooperative).sum()),
        "an actor is no government or not named": int((cooperative & ~actors).sum()),
        "an actor is placed in another country": int(abroad.sum()),
    }
    entries = [
        {"source": "gdelt", "action": "excluded", "reason": reason, "count": count}
        for reason, count in counts.items()
        if count
    ]
    return replace(log, ledger=Ledger.of(entries) + log.ledger)


class _Atlas:
    """Places actors in the regions of one country."""

    def __init__(self, system: RegionSystem, country: str | None, places: Mapping[str, str]) -> None:
        self.system = system
        self.places = places
        levels = system.table["level"] if "level" in system.table else pd.Series("", index=system.table.index)
        self.levels = {str(code): str(level) for code, level in levels.items()}
        self.nations = {code for code, level in self.levels.items() if level == "nation"}
        self.parents = dict(system.table["parent"]) if "parent" in system.table else {}
        self.country = country
        if country is None and not self.nations:
            msg = f"{system.label} has no region of level 'nation': name the country, such as country='China'."
            raise DataError(msg)

    def place(self, rows: pd.DataFrame, actor: str) -> pd.Series:
        """Return the region of each actor, ABROAD, or the place's name where its own country has no such region."""
        columns = [rows[f"{actor}Geo_{part}"] for part in ("Type", "FullName", "CountryCode", "ADM1Code")]
        wheres = list(zip(*columns, strict=True))
        known = {where: self._place(*where) for where in set(wheres)}
        return pd.Series([known[where] for where in wheres], index=rows.index, dtype=object)

    def _place(self, kind: str, name: str, country_code: str, adm1: str) -> str:
        parts = [part.strip() for part in name.split(",")]
        land = self.system.find(parts[-1]) or ""
        if not name or self.levels.get(land) == "outside":
            return land
        if not self._is_home(parts[-1], country_code):
            return ABROAD
        nation = land if land in self.nations else min(self.nations, default="")
        if kind == COUNTRY_TYPE or len(parts) < 2:
            return nation or name
        found = self.places.get(adm1) or self.system.find(adm1) or self.system.find(parts[-2])
        return found if found and self._nation_of(found) in ("", nation) else name

    def _nation_of(self, code: str) -> str:
        """Climb to the nation a region lies in; empty where the table does not say."""
        for _ in LEVELS:
            code = code if code in self.nations else str(self.parents.get(code, ""))
        return code if code in self.nations else ""

    def _is_home(self, land: str, code: str) -> bool:
        if self.country is not None:
            return self.country.casefold() in (land.casefold(), code.casefold())
        return self.system.find(land) in self.nations


def _as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Keep the columns that are used, as text; numbers lose the point that missing values give them."""
    fail_if_columns_missing(USED, table.columns, "The table of GDELT events")
    cells = table[list(USED)].reset_index(drop=True).astype(object)
    filled = cells.where(cells.notna(), "").astype(str)
    return pd.DataFrame({name: filled[name].str.strip().str.removesuffix(".0") for name in USED})


def _event_codes(cells: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Give CAMEO codes back the zero they lose when they are read as numbers: a code begins with its root."""
    root, code = cells["EventRootCode"].str.zfill(2), cells["EventCode"]
    begins = pd.Series([own.startswith(first) for own, first in zip(code, root, strict=True)], index=code.index)
    return code.where(begins, "0" + code), root


def _events(told: pd.DataFrame, code: pd.Series, root: pd.Series) -> pd.DataFrame:
    """Write rows in the columns of the codebook, but for the two actors."""
    exact = [
        EXACT_CODES.get(own, ("other", COOPERATIVE_ROOTS[first], "")) for own, first in zip(code, root, strict=True)
    ]
    return pd.DataFrame(
        {
            "start": told["SQLDATE"],
            "mechanism": [mechanism for mechanism, _, _ in exact],
            "contents": [content for _, content, _ in exact],
            "formality": [
                rung or ("meeting" if r == "04" else "") for (_, _, rung), r in zip(exact, root, strict=True)
            ],
            "document": told["SOURCEURL"],
        },
        index=told.index,
    )


def _read(path: Path) -> tuple[pd.DataFrame, int]:
    """Read the lines that have all cells, and count the others; a byte that is not UTF-8 becomes a mark."""
    if not path.is_file():
        msg = f"{path} is a folder; name a file in it." if path.is_dir() else f"There is no file {path}."
        raise DataError(msg)
    try:
        rows = [line.split("\t") for line in _lines(path)]
    except (OSError, EOFError, zlib.error, BadZipFile) as fault:
        msg = f"{path} cannot be read as GDELT events: {fault}."
        raise DataError(msg) from fault
    whole = [row for row in rows if len(row) == len(GDELT_COLUMNS)]
    if not whole:
        msg = f"{path} has {len(rows[0]) if rows else 0} columns; GDELT 2.0 events have {len(GDELT_COLUMNS)}."
        raise DataError(msg)
    headed = whole[0][0].strip().upper() == GDELT_COLUMNS[0]
    return pd.DataFrame(whole[int(headed) :], columns=list(GDELT_COLUMNS), dtype=str), len(rows) - len(whole)


def _lines(path: Path) -> list[str]:
    data = path.read_bytes()
    if path.suffix.lower() == ".zip":
        with ZipFile(path) as packed:
            data = b"\n".join(packed.read(name) for name in packed.namelist())
    elif path.suffix.lower() == ".gz":
        data = gzip.decompress(data)
    text = data.decode("utf-8-sig", errors="replace")
    return [line.removesuffix("\r") for line in text.split("\n") if line.strip()]
