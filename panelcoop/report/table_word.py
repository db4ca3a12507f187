"""Tables as Word documents, byte for byte the same on every run."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Mapping, Sequence

import pandas as pd

__all__ = ["to_docx"]

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip archive can hold


def to_docx(body: pd.DataFrame, title: str, notes: Sequence[str], *, provenance: Mapping[str, str]) -> bytes:
    """Write a table as a Word document; its provenance stands in the document's properties."""
    from maketables import MTable

    cells = body.map(lambda value: "" if pd.isna(value) else str(value))
    document = MTable(cells, notes=" ".join(notes), caption=title).make(type="docx")
    core = document.core_properties
    core.title, core.author = title[:255], "panelcoop"
    core.comments = "; ".join(f"{key}: {value}" for key, value in provenance.items())[:255]
    core.created = core.modified = dt.datetime(*EPOCH)  # noqa: DTZ001 - Word's properties know no time zone
    core.last_modified_by, core.revision = "panelcoop", 1
    buffer = io.BytesIO()
    document.save(buffer)
    return _with_fixed_dates(buffer.getvalue())


def _with_fixed_dates(archive: bytes) -> bytes:
    """Pack a zip archive anew, entries sorted and dated to the epoch."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in sorted(old.namelist(), key=lambda n: (n != "[Content_Types].xml", n)):
            new.writestr(zipfile.ZipInfo(name, date_time=EPOCH), old.read(name), zipfile.ZIP_DEFLATED)
    return out.getvalue()
