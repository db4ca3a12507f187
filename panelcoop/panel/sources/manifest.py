"""The manifest of the shipped data: what each file holds, so that a changed file is noticed."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from panelcoop.errors import DataError
from panelcoop.panel.record import Ledger
from panelcoop.panel.sources.records import ledger_entry

__all__ = ["MANIFEST", "changed_files", "describe_file", "read_manifest", "sha256_of"]

MANIFEST = "manifest.json"


def read_manifest(folder: Path | str) -> dict[str, dict[str, dict[str, object]]]:
    """Read the manifest: checksum, rows, weeks and missing cells of every shipped file, checksums of the inputs.

    Raises
    ------
    DataError
        When it is missing or no JSON.
    """
    path = Path(folder) / MANIFEST
    try:
        manifest: dict[str, dict[str, dict[str, object]]] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        msg = f"{path} cannot be read ({fault}); restore it from the repository or rebuild it: make data."
        raise DataError(msg) from fault
    return manifest


def sha256_of(content: bytes) -> str:
    """Return the SHA-256 of some bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def describe_file(content: bytes) -> dict[str, object]:
    """Return what the manifest says of a shipped CSV: checksum, size, rows, columns, missing cells, weeks."""
    table = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
    lines: dict[str, object] = {
        "sha256": sha256_of(content),
        "bytes": len(content),
        "rows": len(table),
        "missing": {str(c): int((table[c] == "").sum()) for c in table.columns},
    }
    if "week" in table and (table["week"] != "").all():
        lines |= {"first_week": table["week"].min(), "last_week": table["week"].max()}
    return lines


def changed_files(folder: Path | str, names: Iterable[str], source: str) -> Ledger:
    """Return one ledger line for each file that is not the one the manifest describes.

    Parameters
    ----------
    folder
        The data folder.
    names
        Paths inside it.
    source
        Which source the lines belong to.
    """
    told = read_manifest(folder)["files"]
    reason = "differs from the shipped file (checksum); read as it is"
    return Ledger.of(
        ledger_entry(source, "noted", f"{name} {reason}")
        for name in names
        if told.get(name, {}).get("sha256") != sha256_of((Path(folder) / name).read_bytes())
    )
