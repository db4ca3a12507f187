"""Compile the paper with Typst: the same sources and numbers give the same PDF, wherever and whenever."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

from panelcoop.atomic import atomic_path
from panelcoop.errors import DataError

__all__ = ["compile_paper"]

UNDATED = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)  # a fixed date: PDF metadata would hold the clock's otherwise


def compile_paper(
    source: Path | str, target: Path | str, *, root: Path | str = ".", inputs: Mapping[str, str] | None = None
) -> Path:
    """Compile a Typst document to PDF.

    Parameters
    ----------
    source
        The document.
    target
        The PDF.
    root
        Folder that absolute paths in the document begin at.
    inputs
        Values the document reads as ``sys.inputs``: here its provenance.

    Returns
    -------
    pathlib.Path
        The target.

    Raises
    ------
    DataError
        If the document does not compile; the compiler's message names file and line. An older PDF stays as it was.
    """
    import typst

    try:
        with atomic_path(target) as partial:
            typst.compile(
                str(source),
                output=str(partial),
                root=str(root),
                format="pdf",
                ignore_system_fonts=True,
                sys_inputs=dict(inputs or {}),
                timestamp=UNDATED,
            )
    except typst.TypstError as fault:
        msg = f"{source} does not compile: {fault}"
        raise DataError(msg) from fault
    return Path(target)
