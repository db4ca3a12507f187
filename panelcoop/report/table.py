"""A finished table: text cells, notes and the numbers behind them, written in six formats at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from panelcoop.atomic import write_bytes, write_text
from panelcoop.report.table_formats import to_docx, to_html, to_latex, to_markdown, to_typst

__all__ = ["Table", "save_table", "to_jsonable"]


@dataclass(frozen=True)
class Table:
    """A table as a reader sees it.

    Attributes
    ----------
    name
        Stem of the files and label for references, such as "stage_effects".
    title
        Caption.
    body
        Text cells. Rows with two index levels are grouped by the first; the columns' last level is the head.
    notes
        Sentences under the table; the first is the estimand or what the table describes.
    data
        The numbers behind the cells, one row each: what the JSON file holds.
    """

    name: str
    title: str
    body: pd.DataFrame
    notes: tuple[str, ...] = ()
    data: pd.DataFrame = field(default_factory=pd.DataFrame)

    def __str__(self) -> str:
        """Show the table as Markdown."""
        return to_markdown(self.body, self.title, self.notes)


def save_table(table: Table, folder: Path | str, provenance: Mapping[str, str]) -> list[Path]:
    """Write a table as LaTeX, Typst, HTML, Markdown, Word and JSON.

    Parameters
    ----------
    table
        What to write.
    folder
        Where the files go; it is made when absent.
    provenance
        Plan hash, version and git revision: part of every file's metadata.

    Returns
    -------
    list of Path
        The files, named after the table. The same table gives the same bytes.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> table = Table("demo", "A demonstration", pd.DataFrame({"mean": ["1.50"]}, index=["own risk"]))
    >>> with TemporaryDirectory() as folder:
    ...     [path.name for path in save_table(table, folder, {"plan": "none"})]
    ['demo.tex', 'demo.typ', 'demo.html', 'demo.md', 'demo.docx', 'demo.json']
    """
    base = Path(folder)
    parts = (table.body, table.title, table.notes)
    numbers = {"title": table.title, "notes": list(table.notes), "rows": table.data.to_dict(orient="records")}
    return [
        write_text(base / f"{table.name}.tex", _comment("% ", provenance) + to_latex(*parts, label=table.name)),
        write_text(base / f"{table.name}.typ", _comment("// ", provenance) + to_typst(*parts, label=table.name)),
        write_text(base / f"{table.name}.html", to_html(*parts, label=table.name, provenance=provenance)),
        write_text(base / f"{table.name}.md", _remark(provenance) + to_markdown(*parts)),
        write_bytes(base / f"{table.name}.docx", to_docx(*parts, provenance=provenance)),
        write_text(base / f"{table.name}.json", to_jsonable({"provenance": dict(provenance), **numbers})),
    ]


def to_jsonable(content: object) -> str:
    """Write nested mappings, sequences, numpy and pandas values as JSON; missing numbers become null.

    Examples
    --------
    >>> print(to_jsonable({"p": np.float64("nan"), "n": np.int64(3)}), end="")
    {
     "p": null,
     "n": 3
    }
    """
    return json.dumps(_plain(content), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(item) for item in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return None if value is None or value is pd.NaT else str(value)


def _comment(mark: str, provenance: Mapping[str, str]) -> str:
    return "".join(f"{mark}{key}: {value}\n" for key, value in provenance.items())


def _remark(provenance: Mapping[str, str]) -> str:
    return "<!--\n" + _comment("", provenance).replace("--", "- -") + "-->\n\n"
