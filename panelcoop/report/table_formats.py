"""One table in five formats. Cells are plain text: each writer escapes what its format would misread."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby

import pandas as pd

from panelcoop.report.table_word import to_docx

__all__ = ["latex_text", "to_docx", "to_html", "to_latex", "to_markdown", "to_typst", "typst_text"]

LATEX = {
    "\\": r"\textbackslash{}",
    **{c: f"\\{c}" for c in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"$<$",
    ">": r"$>$",
    "−": r"$-$",
    "–": "--",
    "—": "---",
    "×": r"$\times$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "±": r"$\pm$",
    "χ": r"$\chi$",
    "²": r"$^2$",
    **{
        c: rf"$\{name}$"
        for c, name in zip("αβγδθρτ", ("alpha", "beta", "gamma", "delta", "theta", "rho", "tau"), strict=True)
    },
    "·": r"$\cdot$",
    "√": r"$\surd$",
}
"""Characters that LaTeX misreads or a basic font lacks."""

PAGE_ROWS = 40
"""Longer tables may break over pages."""

LONG_STUB = 30
"""Row labels of more characters take the room that is left."""


def latex_text(text: object) -> str:
    r"""Write plain text for LaTeX.

    Examples
    --------
    >>> latex_text("5% & x_1 ≤ −2")
    '5\\% \\& x\\_1 $\\leq$ $-$2'
    """
    return "".join(LATEX.get(character, character) for character in str(text))


def typst_text(text: object) -> str:
    r"""Write plain text for Typst markup.

    Examples
    --------
    >>> typst_text("#1 [a_b] -- $5")
    '\\#1 \\[a\\_b\\] \\-\\- \\$5'
    """
    escaped = re.sub(r"([\\\[\]#*_`$<>@~=/+-])", r"\\\1", str(text))
    return escaped.replace("\n", " \\ ")


def to_latex(body: pd.DataFrame, title: str, notes: Sequence[str], *, label: str) -> str:
    """Write a table for LaTeX (booktabs, tabularx, threeparttable), escaped."""
    from maketables import MTable

    table = MTable(
        _escaped(body, latex_text),
        notes=latex_text(" ".join(notes)),
        caption=latex_text(title),
        tab_label=f"tab:{label}",
    )
    style = {"group_header_format": r"\textit{%s}", "data_addlinespace": None, "first_row_addlinespace": "0.4ex"}
    return (
        "% needs booktabs, makecell, tabularx, threeparttable\n" + str(table.make(type="tex", tex_style=style)) + "\n"
    )


def to_html(body: pd.DataFrame, title: str, notes: Sequence[str], *, label: str, provenance: Mapping[str, str]) -> str:
    """Write a table as a whole HTML page with its provenance in the head."""
    from maketables import MTable

    table = MTable(_escaped(body, str), notes=" ".join(notes), caption=title)
    raw = table.make(type="gt").as_raw_html()
    mark = re.match(r'<div id="(\w+)"', raw)
    fixed = raw.replace(mark.group(1), f"table-{label}") if mark else raw
    meta = "".join(f'<meta name="{html.escape(k)}" content="{html.escape(v)}">\n' for k, v in provenance.items())
    head = (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n{meta}<title>{html.escape(title)}</title>'
    )
    return f"{head}\n</head>\n<body>\n{fixed.strip()}\n</body>\n</html>\n"


def to_markdown(body: pd.DataFrame, title: str, notes: Sequence[str]) -> str:
    """Write a table as Markdown: title, pipe table, notes."""
    several = isinstance(body.columns, pd.MultiIndex)
    head = ["", *[" / ".join(filter(None, map(str, c))) if several else str(c) for c in body.columns]]
    lines = [f"**{title}**", "", _pipe(head), _pipe(["---"] * len(head))]
    for group, rows in _groups(body):
        lines += [_pipe([f"*{_flat(group)}*", *[""] * len(body.columns)])] if group else []
        lines += [_pipe([_flat(stub), *map(_flat, cells)]) for stub, cells in rows]
    return "\n".join([*lines, "", *[f"{note}" for note in [" ".join(notes)] if note]]) + "\n"


def to_typst(body: pd.DataFrame, title: str, notes: Sequence[str], *, label: str) -> str:
    """Write a table as a Typst figure in the manner of booktabs, with the notes under the bottom rule."""
    width, long = len(body.columns) + 1, len(body) > PAGE_ROWS
    lines = [
        *(["#[", "#show figure: set block(breakable: true)"] if long else []),
        "#figure(",
        "  kind: table,",
        f"  caption: [{typst_text(title)}],",
        f"  block(width: 100%, breakable: {str(long).lower()})[",
        "    #set text(size: 8.5pt, hyphenate: false)",
        "    #set par(justify: false)",
        "    #table(",
        f"      columns: {_widths(body)}, align: (left,) + (center,) * {width - 1},",
        "      stroke: none, inset: (x: 2.5pt, y: 2.6pt),",
        "      table.hline(stroke: 0.8pt),",
        *_typst_head(body),
        "      table.hline(stroke: 0.4pt),",
    ]
    for group, rows in _groups(body):
        if group:
            lines.append(f"      table.cell(colspan: {width}, inset: (top: 5pt))[_{typst_text(group)}_],")
        lines += [_typst_row([stub, *cells]) for stub, cells in rows]
    lines += ["      table.hline(stroke: 0.8pt),", "    )"]
    if notes:
        lines.append(f"    #align(left)[#text(size: 7.5pt)[_Notes._ {typst_text(' '.join(notes))}]]")
    return "\n".join([*lines, "  ],", f") <tab:{label}>", *(["]"] if long else []), ""])


def _widths(body: pd.DataFrame) -> str:
    """Share the width among data columns, or leave it to row labels where these are long."""
    stubs = [str(label[-1] if isinstance(label, tuple) else label) for label in body.index]
    first, other = ("1fr", "auto") if max(map(len, stubs), default=0) > LONG_STUB else ("auto", "1fr")
    return f"({first},) + ({other},) * {len(body.columns)}"


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
    return "      " + ", ".join(f"[{typst_text(_shown(cell))}]" for cell in cells) + ","


def _groups(body: pd.DataFrame) -> list[tuple[str, list[tuple[str, list[str]]]]]:
    """Rows by group, in order; one nameless group where the rows have one level."""
    if body.index.nlevels == 1:
        return [("", [(str(i), [_shown(v) for v in row]) for i, row in zip(body.index, body.to_numpy(), strict=True)])]
    pairs = zip(body.index, body.to_numpy(), strict=True)
    return [
        (str(group), [(str(index[-1]), [_shown(v) for v in row]) for index, row in rows])
        for group, rows in groupby(pairs, key=lambda pair: pair[0][0])
    ]


def _escaped(body: pd.DataFrame, escape: Callable[[object], str]) -> pd.DataFrame:
    """Escape cells, row labels and heads."""
    cells = [[escape(_shown(value)) for value in row] for row in body.to_numpy()]
    return pd.DataFrame(cells, index=_mapped(body.index, escape), columns=_mapped(body.columns, escape))


def _mapped(axis: pd.Index, escape: Callable[[object], str]) -> pd.Index:
    if isinstance(axis, pd.MultiIndex):
        return pd.MultiIndex.from_tuples([tuple(escape(part) for part in label) for label in axis])
    return pd.Index(list(map(escape, axis)), dtype=object)


def _shown(cell: object) -> str:
    return "" if cell is None or (isinstance(cell, float) and cell != cell) else str(cell)  # noqa: PLR0124 - NaN


def _pipe(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _flat(cell: object) -> str:
    return str(cell).replace("|", "\\|").replace("\n", "<br>")
