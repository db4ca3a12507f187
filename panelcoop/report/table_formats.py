"""One table in five formats. Cells are plain text: each writer escapes what its format would misread."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from panelcoop.report.table_cells import row_groups, shown
from panelcoop.report.table_typst import to_typst, typst_text
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


def latex_text(text: object) -> str:
    r"""Write plain text for LaTeX.

    Examples
    --------
    >>> latex_text("5% & x_1 ≤ −2")
    '5\\% \\& x\\_1 $\\leq$ $-$2'
    """
    return "".join(LATEX.get(character, character) for character in str(text))


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
    for group, rows in row_groups(body):
        lines += [_pipe([f"*{_flat(group)}*", *[""] * len(body.columns)])] if group else []
        lines += [_pipe([_flat(stub), *map(_flat, cells)]) for stub, cells in rows]
    return "\n".join([*lines, "", *[f"{note}" for note in [" ".join(notes)] if note]]) + "\n"


def _escaped(body: pd.DataFrame, escape: Callable[[object], str]) -> pd.DataFrame:
    """Escape cells, row labels and heads."""
    cells = [[escape(shown(value)) for value in row] for row in body.to_numpy()]
    return pd.DataFrame(cells, index=_mapped(body.index, escape), columns=_mapped(body.columns, escape))


def _mapped(axis: pd.Index, escape: Callable[[object], str]) -> pd.Index:
    if isinstance(axis, pd.MultiIndex):
        return pd.MultiIndex.from_tuples([tuple(escape(part) for part in label) for label in axis])
    return pd.Index(list(map(escape, axis)), dtype=object)


def _pipe(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _flat(cell: object) -> str:
    return str(cell).replace("|", "\\|").replace("\n", "<br>")
