"""Tables for Typst: columns get the room their text needs, and long tables break over pages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil

import pandas as pd

from panelcoop.report.table_cells import row_groups, shown

__all__ = ["to_typst", "typst_text"]

LINE_CHARACTERS = 118  # of 8.5 points that fit between the margins
NOTE_CHARACTERS = 140  # of 7.5 points
PAGE_LINES = 48  # more lines than this may break over pages
WIDE = 24  # longest cell of a column above which its text is set in lines, left-aligned
WIDE_STUB = 30  # the same for row labels


@dataclass(frozen=True)
class TypstLayout:
    """Widths and alignment of columns, and the lines a table will take.

    Attributes
    ----------
    widths, alignment
        As Typst reads them, row labels first.
    lines
        Estimated lines of rows and notes.
    """

    widths: str
    alignment: str
    lines: int


def typst_text(text: object) -> str:
    r"""Write plain text for Typst markup.

    Examples
    --------
    >>> typst_text("#1 [a_b] -- $5")
    '\\#1 \\[a\\_b\\] \\-\\- \\$5'
    """
    escaped = re.sub(r"([\\\[\]#*_`$<>@~=/+-])", r"\\\1", str(text))
    return escaped.replace("\n", " \\ ")


def to_typst(body: pd.DataFrame, title: str, notes: Sequence[str], *, label: str) -> str:
    """Write a table as a Typst figure in the manner of booktabs, with the notes under the bottom rule."""
    layout = _layout(body, " ".join(notes))
    width, long = len(body.columns) + 1, layout.lines > PAGE_LINES
    lines = [
        *(["#[", "#show figure: set block(breakable: true)"] if long else []),
        "#figure(",
        "  kind: table,",
        f"  caption: [{typst_text(title)}],",
        f"  block(width: 100%, breakable: {str(long).lower()})[",
        "    #set text(size: 8.5pt, hyphenate: false)",
        "    #set par(justify: false)",
        "    #table(",
        f"      columns: ({layout.widths}), align: ({layout.alignment}),",
        "      stroke: none, inset: (x: 2.5pt, y: 2.6pt),",
        "      table.hline(stroke: 0.8pt),",
        "      table.header(",
        *_typst_head(body),
        "      table.hline(stroke: 0.4pt)),",
    ]
    for group, rows in row_groups(body):
        if group:
            lines.append(f"      table.cell(colspan: {width}, inset: (top: 5pt))[_{typst_text(group)}_],")
        lines += [_typst_row([stub, *cells]) for stub, cells in rows]
    lines += ["      table.hline(stroke: 0.8pt),", "    )"]
    if notes:
        lines.append(f"    #align(left)[#text(size: 7.5pt)[_Notes._ {typst_text(' '.join(notes))}]]")
    return "\n".join([*lines, "  ],", f") <tab:{label}>", *(["]"] if long else []), ""])


def _layout(body: pd.DataFrame, notes: str) -> TypstLayout:
    """Give wide columns a share of the room by the length of their text; the others what they need."""
    rows = [[stub, *cells] for _, group in row_groups(body) for stub, cells in group]
    last = body.columns.get_level_values(-1)
    longest = [max(map(len, column)) for column in zip(["", *map(str, last)], *rows, strict=True)]
    wide = [n > (WIDE if j else WIDE_STUB) for j, n in enumerate(longest)]
    narrow = "auto" if any(wide) else "1fr"
    widths = [f"{n}fr" if w else (narrow if j else "auto") for j, (n, w) in enumerate(zip(longest, wide, strict=True))]
    sides = ["left" if w or not j else "center" for j, w in enumerate(wide)]
    room = _characters(longest, wide)
    lines = sum(max(ceil(len(cell) / room[j]) for j, cell in enumerate(row)) for row in rows)
    return TypstLayout(", ".join(widths), ", ".join(sides), lines + len(notes) // NOTE_CHARACTERS)


def _characters(longest: Sequence[int], wide: Sequence[bool]) -> list[float]:
    """Estimate how many characters fit into one line of each column."""
    pairs = list(zip(longest, wide, strict=True))
    left = max(LINE_CHARACTERS - sum(n + 2 for n, w in pairs if not w), 20)
    total = sum(n for n, w in pairs if w)
    return [left * n / total if w else max(n, 1) for n, w in pairs]


def _typst_head(body: pd.DataFrame) -> list[str]:
    if not isinstance(body.columns, pd.MultiIndex):
        return [_typst_row(["", *body.columns])]
    lines, rules, start = ["[]"], [], 1
    for spanner, columns in groupby(body.columns, key=lambda c: c[0]):
        span = len(list(columns))
        lines.append(f"table.cell(colspan: {span})[{typst_text(spanner)}]")
        rules += [f"table.hline(start: {start}, end: {start + span}, stroke: 0.4pt)"] if spanner else []
        start += span
    upper = "      " + ", ".join([*lines, *rules]) + ","
    return [upper, _typst_row(["", *[c[-1] for c in body.columns]])]


def _typst_row(cells: Sequence[object]) -> str:
    return "      " + ", ".join(f"[{typst_text(shown(cell))}]" for cell in cells) + ","
