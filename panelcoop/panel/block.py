"""A block of columns on their way into the panel: what each builder (outcomes, drivers, stages) hands on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import pandas as pd

from panelcoop.options import FloatArray
from panelcoop.panel.record import Ledger, Role

__all__ = ["Block", "constant_columns", "stack_blocks", "wide_table"]


@dataclass(frozen=True)
class Block:
    """Columns of the panel, each as a table of weeks by regions.

    Attributes
    ----------
    columns
        Column to table; all tables share weeks and regions.
    roles
        Role of each column.
    notes
        What each column measures, in which unit, with its caution.
    missing
        Why a cell of the column can be missing.
    ledger
        What was lost or decided beyond that.
    """

    columns: Mapping[str, pd.DataFrame]
    roles: Mapping[str, Role]
    notes: Mapping[str, str]
    missing: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    ledger: Ledger = field(default_factory=Ledger.empty)

    def missing_cells(self) -> Ledger:
        """Count the missing cells of each column, with the reason."""
        counts = {name: int(table.isna().to_numpy().sum()) for name, table in self.columns.items()}
        return Ledger.of(
            {
                "source": "panel",
                "variable": name,
                "action": "missing",
                "reason": self.missing.get(name, "not given by its source"),
                "count": count,
            }
            for name, count in counts.items()
            if count
        )


def wide_table(values: FloatArray, like: pd.DataFrame) -> pd.DataFrame:
    """Give an array of weeks by regions the labels of a table."""
    return pd.DataFrame(values, index=like.index, columns=like.columns)


def constant_columns(values: pd.Series, weeks: pd.DatetimeIndex) -> pd.DataFrame:
    """Repeat one value per region over all weeks."""
    repeated = np.broadcast_to(values.to_numpy()[None, :], (len(weeks), len(values)))
    return pd.DataFrame(repeated, index=weeks, columns=values.index)


def stack_blocks(blocks: Iterable[Block], weeks: pd.DatetimeIndex, regions: list[str]) -> pd.DataFrame:
    """Put all columns into one table with a row per region and week.

    Parameters
    ----------
    blocks
        In the order of the columns wanted.
    weeks
        Mondays.
    regions
        Codes.

    Returns
    -------
    pandas.DataFrame
        MultiIndex (region, week), sorted; complete.
    """
    index = pd.MultiIndex.from_product([sorted(regions), weeks], names=["region", "week"])
    ordered = sorted(regions)
    columns = {
        name: table.reindex(index=weeks, columns=ordered).to_numpy().T.ravel()
        for block in blocks
        for name, table in block.columns.items()
    }
    return pd.DataFrame(columns, index=index)
