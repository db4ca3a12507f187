"""Codes that were replaced: an event that names an old code is read as an event of the region's code of today."""

from __future__ import annotations

from collections import Counter

import pandas as pd

from panelcoop.panel.events.contract import SEPARATOR
from panelcoop.panel.events.problems import parse_date, split_cell
from panelcoop.panel.record import Ledger
from panelcoop.panel.region_hierarchy import RegionHierarchy

__all__ = ["with_current_codes"]


def with_current_codes(draft: pd.DataFrame, regions: RegionHierarchy) -> tuple[pd.DataFrame, Ledger]:
    """Replace old codes by the new ones, as of the first day of each event.

    Parameters
    ----------
    draft
        Event rows as text: `start`, `source`, `target`.
    regions
        Regions and the changes of their codes.

    Returns
    -------
    pandas.DataFrame
        The rows with codes of today; names and unknown codes are left as they are.
    Ledger
        How often each old code was replaced.
    """
    old = set(regions.changes.table["old"])
    counts: Counter[tuple[str, str]] = Counter()
    days = parse_date(draft["start"], required=False).values
    replaced = draft.copy()
    for side in ("source", "target"):
        cells = {cell: split_cell(str(cell)) for cell in draft[side].unique()}
        dated = draft[side].map({cell: not old.isdisjoint(parts) for cell, parts in cells.items()}).astype(bool)
        for row in draft.index[dated]:
            day = None if pd.isna(days[row]) else days[row]
            read = {part: regions.find(part, day) or part for part in cells[draft.loc[row, side]]}
            counts.update((part, code) for part, code in read.items() if part in old and part != code)
            replaced.loc[row, side] = SEPARATOR.join(read.values())
    return replaced, Ledger.of(
        {"source": "events", "action": "corrected", "reason": f"old code '{was}' read as '{code}'", "count": count}
        for (was, code), count in counts.items()
    )
