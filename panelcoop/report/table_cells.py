"""Cells of a table as text, row by row, for every writer."""

from __future__ import annotations

from itertools import groupby

import pandas as pd

__all__ = ["row_groups", "shown"]


def row_groups(body: pd.DataFrame) -> list[tuple[str, list[tuple[str, list[str]]]]]:
    """List rows by group, in order; one nameless group where the rows have one level."""
    if body.index.nlevels == 1:
        return [("", [(str(i), [shown(v) for v in row]) for i, row in zip(body.index, body.to_numpy(), strict=True)])]
    pairs = zip(body.index, body.to_numpy(), strict=True)
    return [
        (str(group), [(str(index[-1]), [shown(v) for v in row]) for index, row in rows])
        for group, rows in groupby(pairs, key=lambda pair: pair[0][0])
    ]


def shown(cell: object) -> str:
    """Give the text of a cell, empty where it is missing."""
    return "" if cell is None or (isinstance(cell, float) and cell != cell) else str(cell)  # noqa: PLR0124 - NaN
