"""CSV files line by line: every line of data is one row, so that a stray quotation mark spoils no other."""

from __future__ import annotations

import codecs
import csv
import gzip
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

from panelcoop.errors import DataError

__all__ = ["CsvLines", "EmptyFileError", "read_csv_lines"]

LINE_BREAK = re.compile(r"\r\n?|\n")
UNICODE_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
USUAL_ENCODINGS = "gb18030 (Chinese), cp1252 (western Europe) or utf-16 (Unicode text of a spreadsheet)"


class EmptyFileError(DataError):
    """A file without a single line."""


@dataclass(frozen=True)
class CsvLines:
    """The lines of a CSV file.

    Attributes
    ----------
    header
        Names of the columns.
    cells
        One list per line of data, as many cells as the header has names.
    faults
        Why a line cannot be trusted, by line; empty where it can.
    original
        The lines as they were written; bytes that are not in the encoding of the file are shown as a question mark.
    """

    header: list[str]
    cells: list[list[str]]
    faults: list[str]
    original: list[str]


def read_csv_lines(path: Path, encoding: str = "utf-8") -> CsvLines:
    """Read a CSV file, plain or gzipped.

    Parameters
    ----------
    path
        The file.
    encoding
        Its encoding; a byte order mark is skipped.

    Raises
    ------
    DataError
        When the encoding is unknown or the header is not in it, the file is empty, or the header is malformed.

    Notes
    -----
    A cell cannot hold a line break: where a quotation mark is still open at the end of its line, that line is faulty
    and the next one is read on its own. Blank lines are passed over.
    """
    written = [line for line in LINE_BREAK.split(_decoded(path, encoding)) if line.strip()]
    if not written:
        msg = f"{path} is empty; a log needs a header and rows."
        raise EmptyFileError(msg)
    lines = [_visible(line) for line in written]
    header, fault = _split(lines[0])
    if fault:
        msg = f"The header of {path} cannot be read: {fault}."
        raise DataError(msg)
    rows = [_split(line) for line in lines[1:]]
    width, clean = len(header), [seen == line for seen, line in zip(lines[1:], written[1:], strict=True)]
    return CsvLines(
        header=[name.strip() for name in header],
        cells=[(cells + [""] * width)[:width] for cells, _ in rows],
        faults=[_fault(cells, width, quotes, clean=ok) for (cells, quotes), ok in zip(rows, clean, strict=True)],
        original=lines[1:],
    )


def _decoded(path: Path, encoding: str) -> str:
    """Decode a file; a byte that is not in the encoding becomes a lone surrogate, but the header must be clean."""
    data = _bytes_of(path)
    marked = next((name for mark, name in UNICODE_MARKS.items() if data.startswith(mark)), None)
    if marked and not encoding.lower().startswith(("utf-16", "utf_16", "utf16", "utf-32", "utf_32", "utf32")):
        msg = f"{path} is in {marked}: read it with encoding='{marked}' (--encoding {marked} on the command line)."
        raise DataError(msg)
    try:
        text = data.decode(encoding, errors="surrogateescape").removeprefix("\ufeff")
    except UnicodeError as fault:
        msg = f"{path} cannot be read in {encoding}: {fault}. Usual encodings are utf-8, {USUAL_ENCODINGS}."
        raise DataError(msg) from fault
    except (LookupError, ValueError) as fault:
        msg = f"'{encoding}' is no encoding of text; usual ones are utf-8, {USUAL_ENCODINGS}."
        raise DataError(msg) from fault
    header = LINE_BREAK.split(text.lstrip("\r\n"), maxsplit=1)[0]
    if header != _visible(header) or "\0" in header:
        msg = (
            f"The header of {path} is not in {encoding}: name the encoding of the file (encoding=..., or --encoding on "
            f"the command line), such as {USUAL_ENCODINGS}."
        )
        raise DataError(msg)
    return text.replace("\0", "\ufffd")


def _bytes_of(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix.lower() != ".gz":
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as fault:
        msg = f"{path} cannot be unpacked: {fault}."
        raise DataError(msg) from fault


def _split(line: str) -> tuple[list[str], str]:
    """Split a line into cells, and say what is wrong with its quotation marks; a space may stand before one."""
    if '"' not in line:
        return line.split(","), ""
    try:
        return next(csv.reader([line], strict=True, skipinitialspace=True)), ""
    except csv.Error as fault:
        return line.split(","), (
            f"its quotation marks do not match ({fault}); close or double them, and keep line breaks out of cells"
        )


def _fault(cells: list[str], width: int, quotes: str, *, clean: bool) -> str:
    if not clean:
        return "mixed encodings: the row is not in the encoding of the file; save the file as UTF-8"
    if quotes:
        return f"broken quotation: {quotes}"
    if len(cells) != width:
        return f"the row has {len(cells)} cells, the header {width}; quote cells that hold commas"
    return ""


def _visible(line: str) -> str:
    """Show what was not in the encoding of the file, and has become a lone surrogate, as a question mark."""
    return line.encode("utf-8", errors="replace").decode("utf-8")
