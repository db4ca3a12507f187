"""Outcome and columns with their fixed effects: demeaned rows on demand, never all at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from panelcoop.numerics.regression.absorb import Absorber, EffectTables, Rows, row_count
from panelcoop.options import FloatArray

__all__ = ["Design", "DesignBlock", "Taken", "centred", "most_rows"]


@dataclass(frozen=True, eq=False)
class DesignBlock:
    """Demeaned rows of one block; the arrays are overwritten by the next block.

    Attributes
    ----------
    rows : slice or positions
    columns : (b, k) demeaned columns
    outcome : (b,) demeaned outcome
    spare : (b, k) scratch
    """

    rows: Rows
    columns: FloatArray
    outcome: FloatArray
    spare: FloatArray


@dataclass(frozen=True, eq=False)
class Taken:
    """Columns behind the stored ones that are one number within each level of an effect, which takes them whole.

    Attributes
    ----------
    levels : (G, q) their values, by code of the effect
    effect : position of the effect
    """

    levels: FloatArray
    effect: int


@dataclass(frozen=True, eq=False)
class Design:
    """Columns and outcome next to the effects that are taken out of them.

    Attributes
    ----------
    columns : (n, m) as given
    outcome : (n,) as given
    absorber : the fixed effects
    centre : (m,) subtracted first from the columns; None where every column is close enough to zero
    outcome_centre : subtracted first from the outcome
    tables : effects of the m centred columns
    outcome_tables : effects of the centred outcome, one column
    turn : (k, k) carries coefficients on the centred columns to coefficients on the columns as given; None where they
        agree, as they always do with absorbed effects (without effects, columns are centred around a constant among
        them)
    taken : the k - m last columns, of which nothing is left; None where all k columns are stored
    """

    columns: FloatArray
    outcome: FloatArray
    absorber: Absorber
    centre: FloatArray | None
    outcome_centre: float
    tables: EffectTables
    outcome_tables: EffectTables
    turn: FloatArray | None = None
    taken: Taken | None = None

    @property
    def width(self) -> int:
        """Columns k, those that are not stored included."""
        return int(self.columns.shape[1]) + (0 if self.taken is None else int(self.taken.levels.shape[1]))

    def blocks(self) -> Iterator[DesignBlock]:
        """Yield demeaned blocks; each overwrites the one before."""
        buffers = np.empty((2, most_rows(self.absorber, self.width), self.width))
        for rows in self.absorber.blocks(self.width):
            size = row_count(rows)
            columns, spare = buffers[0, :size], buffers[1, :size]
            self._demean(rows, columns, spare)
            yield DesignBlock(rows, columns, self._demean_outcome(rows), spare)

    def within(self, span: slice) -> Design:
        """Return the same design with a stretch of its stored columns, none of them copied."""
        if span == slice(0, self.width):
            return self
        whole = span == slice(0, self.columns.shape[1])
        slopes = None if self.tables.slopes is None else self.tables.slopes[:, span]
        levels = tuple(table if whole else np.ascontiguousarray(table[:, span]) for table in self.tables.levels)
        centre = None if self.centre is None else self.centre[span]
        columns = self.columns if whole else self.columns[:, span]
        return replace(self, columns=columns, centre=centre, tables=EffectTables(levels, slopes), taken=None)

    def demeaned(self, rows: Rows | None = None) -> tuple[FloatArray, FloatArray]:
        """Return demeaned columns (b, k) and outcome (b,) of chosen rows (default all) as new arrays."""
        rows = slice(0, len(self.outcome)) if rows is None else rows
        columns = np.empty((row_count(rows), self.width))
        self._demean(rows, columns, np.empty_like(columns))
        return columns, self._demean_outcome(rows)

    def _demean(self, rows: Rows, out: FloatArray, spare: FloatArray) -> None:
        stored = self.columns.shape[1]
        if self.taken is not None:
            out[:, stored:] = 0.0
            out, spare = out[:, :stored], spare[:, :stored]
        source = self.columns[rows]
        if self.centre is not None:
            source = np.subtract(source, self.centre, out=out)
        self.absorber.subtract(source, self.tables, rows, out, spare)

    def _demean_outcome(self, rows: Rows) -> FloatArray:
        outcome = self.outcome[rows] - self.outcome_centre
        wide = outcome[:, None]
        self.absorber.subtract(wide, self.outcome_tables, rows, wide)
        return outcome

    def measure(self, combinations: FloatArray) -> FloatArray:
        """Return the (m, m) weighted Gram matrix of combinations (k, m) of demeaned columns, summed row by row."""
        total = np.zeros((combinations.shape[1],) * 2)
        weights = self.absorber.weights
        for block in self.blocks():
            values = block.columns @ combinations
            total += values.T @ (values if weights is None else values * weights[block.rows, None])
        return total

    def residual(self, solution: FloatArray) -> FloatArray:
        """Return (n,) outcome less columns times a solution less the effects of that difference."""
        resid, solution = self.outcome - self.outcome_centre, solution[: self.columns.shape[1]]
        spare = np.empty((most_rows(self.absorber, self.columns.shape[1]), self.columns.shape[1]))
        for rows in self.absorber.blocks(self.columns.shape[1]):
            resid[rows] -= centred(self.columns, self.centre, rows, spare[: row_count(rows)]) @ solution
        levels = [
            own - table @ solution[:, None]
            for table, own in zip(self.tables.levels, self.outcome_tables.levels, strict=True)
        ]
        slopes = None
        if self.tables.slopes is not None and self.outcome_tables.slopes is not None:
            slopes = self.outcome_tables.slopes - self.tables.slopes @ solution[:, None]
        wide = resid[:, None]
        self.absorber.subtract(wide, EffectTables(tuple(levels), slopes), slice(0, len(resid)), wide)
        return resid


def most_rows(door: Absorber, width: int) -> int:
    """Return how many rows the largest block of so many columns holds."""
    return row_count(next(door.blocks(width)))


def centred(columns: FloatArray, centre: FloatArray | None, rows: Rows, out: FloatArray) -> FloatArray:
    """Return a C-ordered block of centred columns: a view where that needs no copy, else written to `out`."""
    block = columns[rows]
    if centre is not None:
        return np.subtract(block, centre, out=out)
    if block.flags.c_contiguous:
        return block
    np.copyto(out, block)
    return out
