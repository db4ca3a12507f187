"""A panel as arrays of regions by weeks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from panelcoop.errors import DataError
from panelcoop.options import FloatArray, IntArray

__all__ = ["PanelGrid", "panel_grid"]


@dataclass(frozen=True)
class PanelGrid:
    """Where rows of the panel lie.

    Attributes
    ----------
    regions, weeks
        Labels of both axes.
    row, column
        Place of every row of the panel.
    full
        Whether rows fill the grid in order.
    """

    regions: pd.Index
    weeks: pd.Index
    row: NDArray[np.signedinteger]
    column: NDArray[np.signedinteger]
    full: bool

    @property
    def shape(self) -> tuple[int, int]:
        """Regions and weeks."""
        return len(self.regions), len(self.weeks)

    def spread(self, column: pd.Series) -> FloatArray:
        """Lay a numeric column out, NaN where there is no row, shape (N, T).

        Raises
        ------
        DataError
            If the column is not numeric or infinite somewhere.
        """
        try:
            values = column.to_numpy(dtype=float, na_value=np.nan)
        except (ValueError, TypeError) as error:
            msg = f"'{column.name}' must be numeric; its type is {column.dtype}."
            raise DataError(msg) from error
        if np.isinf(values).any():
            msg = f"'{column.name}' is infinite in {int(np.isinf(values).sum())} rows; repair or drop them first."
            raise DataError(msg)
        if self.full:
            return values.reshape(self.shape)
        wide = np.full(self.shape, np.nan)
        wide[self.row, self.column] = values
        return wide

    def unit_codes(self, column: pd.Series) -> IntArray:
        """Code a column that is constant within regions, shape (N,).

        Raises
        ------
        DataError
            If the column is missing somewhere or varies within a region.
        """
        codes, _ = pd.factorize(column)
        if (codes < 0).any():
            msg = f"Column '{column.name}' is missing in {int((codes < 0).sum())} rows; fill it first."
            raise DataError(msg)
        first = np.zeros(self.shape[0], dtype=np.int64)
        first[self.row] = codes
        if (first[self.row] != codes).any():
            msg = f"Column '{column.name}' varies within a region; clusters and effect groups must hold whole regions."
            raise DataError(msg)
        return first

    def unit_weights(self, column: pd.Series) -> FloatArray:
        """Read positive weights that are constant within regions, shape (N,).

        Raises
        ------
        DataError
            If a weight is missing, not positive or varies within a region.
        """
        wide = self.spread(column)
        low = np.where(np.isnan(wide), np.inf, wide).min(axis=1)
        high = np.where(np.isnan(wide), -np.inf, wide).max(axis=1)
        if column.isna().any() or (low <= 0).any() or (low != high).any():
            msg = (
                f"Weights in '{column.name}' must be positive, known and constant within a region: they say how much a "
                "region counts. Take, for example, its mean population; drop regions of weight zero."
            )
            raise DataError(msg)
        return np.asarray(low)


def panel_grid(index: pd.Index) -> PanelGrid:
    """Find the place of every row of a panel."""
    assert isinstance(index, pd.MultiIndex)
    regions, weeks = index.levels
    shape = (len(regions), len(weeks))
    row, column = (np.asarray(codes) for codes in index.codes)
    if row.size == shape[0] * shape[1] and regions.is_monotonic_increasing and weeks.is_monotonic_increasing:
        down, across = np.arange(shape[0], dtype=row.dtype), np.arange(shape[1], dtype=column.dtype)
        if (row.reshape(shape) == down[:, None]).all() and (column.reshape(shape) == across).all():
            return PanelGrid(regions, weeks, row, column, full=True)
    found, place = _present(regions, np.asarray(row, dtype=np.int64))
    kept, position = _present(weeks, np.asarray(column, dtype=np.int64))
    return PanelGrid(found, kept, place, position, full=False)


def _present(level: pd.Index, codes: IntArray) -> tuple[pd.Index, IntArray]:
    """Keep labels that occur, in order, and renumber."""
    labels = level[np.bincount(codes, minlength=len(level)) > 0].sort_values()
    return labels, np.asarray(labels.get_indexer(level), dtype=np.int64)[codes]
