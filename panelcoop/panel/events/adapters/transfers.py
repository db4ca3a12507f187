"""Patient transfers between French regions in spring 2020: a real log with durations and several targets."""

from __future__ import annotations

import csv
import json
import re
from functools import cache
from importlib.resources import files
from pathlib import Path

import pandas as pd

from panelcoop.checks import fail_if_columns_missing
from panelcoop.errors import DataError
from panelcoop.panel.events.csv_lines import USUAL_ENCODINGS
from panelcoop.panel.events.log import EventLog
from panelcoop.panel.events.overlaps import count_overlaps_once
from panelcoop.panel.events.read import as_regions, read_events
from panelcoop.panel.regions import RegionSystem

__all__ = ["PUBLIC_NAMES", "france_regions", "read_patient_transfers"]

PUBLIC_NAMES = {
    "debut_transfert": "first_day",
    "fin_transfert": "last_day",
    "type_vecteur": "vehicle",
    "region_depart": "source_region",
    "region_arrivee": "target_region",
    "pays_arrivee": "target_countries",
    "nombre_patients_transferes": "patients",
}
"""Headers of the published table, and of the tabulated one."""

SEVERAL = re.compile(r"\s*(?:[;,/|]|\bet\b|\band\b)\s*")
FRENCH_DAY = re.compile(r"(\d{2})/(\d{2})/(\d{4})")


@cache
def france_regions() -> RegionSystem:
    """Return the 13 regions of metropolitan France, the nation, and the countries that took patients.

    Examples
    --------
    >>> france_regions().code_of("Ile-de-France"), france_regions().code_of("Allemagne")
    ('FR-IDF', 'DE')
    """
    with files("panelcoop.panel").joinpath("france_regions.csv").open(encoding="utf-8") as handle:
        return as_regions(pd.read_csv(handle, dtype=str, keep_default_na=False))


def read_patient_transfers(source: Path | str | pd.DataFrame, *, encoding: str = "utf-8") -> EventLog:
    """Read patient transfers in the published layout or the tabulated one.

    Parameters
    ----------
    source
        CSV (comma or semicolon), JSON (a list of records) or a frame, with the published headers
        (`debut_transfert`, `fin_transfert`, `type_vecteur`, `region_depart`, `region_arrivee`, `pays_arrivee`,
        `nombre_patients_transferes`) or the tabulated ones (`first_day`, ..., `patients`).
    encoding
        Encoding of the file.

    Returns
    -------
    EventLog
        Weight: patients; mechanism "other", content "resource". A record that another one with more targets, a longer
        span and at least as many patients contains is counted once: the narrower one goes to the rejected rows.

    Raises
    ------
    DataError
        When the file is unreadable or a column is missing.

    Notes
    -----
    Only records that are equal in every column are duplicates: two vehicles of one day are two transfers.

    Fractional counting divides a transfer to several countries equally; its split is not published.

    Examples
    --------
    >>> log = read_patient_transfers(pd.DataFrame({"debut_transfert": ["2020-03-18"], "fin_transfert": ["2020-03-18"],
    ...     "type_vecteur": ["avion"], "region_depart": ["Grand Est"], "region_arrivee": ["Bretagne"],
    ...     "pays_arrivee": [""], "nombre_patients_transferes": [6]}))
    >>> log.events[["source", "target", "weight"]].values.tolist()
    [['FR-GES', 'FR-BRE', 6.0]]
    """
    table = source if isinstance(source, pd.DataFrame) else _read(Path(source), encoding)
    plain = table.rename(columns=PUBLIC_NAMES).astype(object)
    fail_if_columns_missing(PUBLIC_NAMES.values(), plain.columns, "The table of transfers")
    cells = plain.where(plain.notna(), "").astype(str)
    record = cells.groupby(list(cells.columns), sort=False).ngroup() + 1
    targets = [
        _targets(region, land) for region, land in zip(cells["target_region"], cells["target_countries"], strict=True)
    ]
    events = pd.DataFrame(
        {
            "start": cells["first_day"].map(_iso_day),
            "end": cells["last_day"].map(_iso_day),
            "source": cells["source_region"],
            "target": targets,
            "mechanism": "other",
            "contents": "resource",
            "weight": cells["patients"],
            "document": "transfer " + record.astype(str),
        }
    )
    return count_overlaps_once(read_events(events, regions=france_regions()))


def _read(path: Path, encoding: str) -> pd.DataFrame:
    if not path.is_file():
        msg = f"There is no file {path}."
        raise DataError(msg)
    try:
        if path.suffix.lower() == ".json":
            return pd.DataFrame(json.loads(path.read_text(encoding=encoding).removeprefix("\ufeff")))
        return pd.read_csv(path, dtype=str, sep=None, engine="python", encoding=encoding)
    except (UnicodeError, LookupError) as fault:
        msg = f"{path} cannot be read in {encoding}: {fault}. Usual encodings are utf-8, {USUAL_ENCODINGS}."
        raise DataError(msg) from fault
    except (ValueError, csv.Error, pd.errors.ParserError) as fault:
        msg = f"{path} cannot be read as a table of transfers: {fault}."
        raise DataError(msg) from fault


def _targets(region: str, countries: str) -> str:
    return "|".join(part for part in [region.strip(), *SEVERAL.split(countries.strip())] if part)


def _iso_day(cell: str) -> str:
    """Turn day/month/year, which is unambiguous in a French table, into year-month-day."""
    return FRENCH_DAY.sub(r"\3-\2-\1", cell)
