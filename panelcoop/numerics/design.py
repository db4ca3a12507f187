"""Outcome and columns with their fixed effects: demeaned rows on demand, never all at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from panelcoop.numerics.absorb import Absorber, EffectTables, Rows
from panelcoop.numerics.grouping import Grouping, group_sums
from panelcoop.options import FloatArray

__all__ = ["Design", "DesignBlock", "Moments", "design_of", "moments_of"]

SAMPLE_ROWS = 4096  # rows whose mean centres a column: any value near the data removes a large shift
CANCELLATION = (
    1e-5  # share of a column's norm left by absorption below which the Gram matrix is summed again row by row
)


@dataclass(frozen=True, eq=False)
class DesignBlock:
    """Demeaned rows of one block; the arrays are overwritten by the next block.

    Attributes
    ----------
    rows : slice or positions
    columns : (b, k) demeaned columns
    outcome : (b,) demeaned outcome
    spare : (b, k + 1) scratch
    """

    rows: Rows
    columns: FloatArray
    outcome: FloatArray
    spare: FloatArray


@dataclass(frozen=True, eq=False)
class Design:
    """Columns and outcome next to the effects that are taken out of them.

    Attributes
    ----------
    columns : (n, k) as given
    outcome : (n,) as given
    absorber : the fixed effects
    centre : (k + 1,) subtracted first from columns and outcome
    tables : effects of the k centred columns and, last, of the outcome
    turn : (k, k) carries coefficients on the centred columns to coefficients on the columns as given; None where they agree,
        as they always do with absorbed effects (without effects, columns are centred around a constant among them)
    """

    columns: FloatArray
    outcome: FloatArray
    absorber: Absorber
    centre: FloatArray
    tables: EffectTables
    turn: FloatArray | None = None

    def blocks(self) -> Iterator[DesignBlock]:
        """Yield demeaned blocks; each overwrites the one before."""
        for rows, block, spare in centred_blocks(self.columns, self.outcome, self.absorber, self.centre):
            self.absorber.subtract(block, self.tables, rows, spare)
            yield DesignBlock(rows, block[:, :-1], block[:, -1], spare)

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
        line = np.append(-solution, 1.0)
        resid = np.empty(len(self.outcome))
        for rows in self.absorber.blocks():
            resid[rows] = self.outcome[rows] - self.centre[-1] - (self.columns[rows] - self.centre[:-1]) @ solution
        combined = EffectTables(
            tuple((table @ line)[:, None] for table in self.tables.levels),
            None if self.tables.slopes is None else (self.tables.slopes @ line)[:, None],
        )
        self.absorber.subtract(resid[:, None], combined, slice(0, len(resid)))
        return resid

    def demeaned(self, rows: Rows | None = None) -> tuple[FloatArray, FloatArray]:
        """Return demeaned columns (b, k) and outcome (b,) of chosen rows (default all) as new arrays."""
        rows = slice(0, len(self.outcome)) if rows is None else rows
        block = np.column_stack([self.columns[rows], self.outcome[rows]]) - self.centre
        self.absorber.subtract(block, self.tables, rows)
        return block[:, :-1], block[:, -1]


def centred_blocks(
    columns: FloatArray, outcome: FloatArray, door: Absorber, centre: FloatArray
) -> Iterator[tuple[Rows, FloatArray, FloatArray]]:
    """Yield (rows, centred block (b, k + 1), scratch of the same shape); each overwrites the one before."""
    k = columns.shape[1]
    first = next(door.blocks())
    most = first.stop - first.start if isinstance(first, slice) else len(first)
    buffer, scratch = np.empty((most, k + 1)), np.empty((most, k + 1))
    for rows in door.blocks():
        size = rows.stop - rows.start if isinstance(rows, slice) else len(rows)
        block = buffer[:size]
        np.subtract(columns[rows], centre[:-1], out=block[:, :-1])
        np.subtract(outcome[rows], centre[-1], out=block[:, -1])
        yield rows, block, scratch[:size]


@dataclass(frozen=True, eq=False)
class Moments:
    """Second moments of the centred columns and outcome, before and after absorption.

    Attributes
    ----------
    gram : (k + 1, k + 1) after absorption, outcome last
    before : (k + 1,) centred squared norms before absorption
    raw : (k + 1,) squared norms of the values as given
    """

    gram: FloatArray
    before: FloatArray
    raw: FloatArray


def design_of(columns: FloatArray, outcome: FloatArray, door: Absorber) -> tuple[Design, Moments]:
    """Take the effects out: one pass for sums and moments, a second only where cancellation would cost digits."""
    centre = _centre(columns, outcome, door)
    sums, slopes, gram, totals = _first_pass(columns, outcome, door, centre)
    tables = door.solve_sums(sums, slopes)
    design = Design(columns, outcome, door, centre, tables)
    before = np.diag(gram).copy()
    after = gram - _explained(door, tables, sums, slopes)
    weight = float(len(outcome)) if door.weights is None else float(door.weights.sum())
    raw = before + 2 * centre * totals + weight * centre**2
    if door.solver is not None and bool(np.any(np.diag(after) < CANCELLATION * before)):
        after = moments_of(design)
    return design, Moments(after, np.maximum(before - totals**2 / weight, 0.0), raw)


def moments_of(design: Design) -> FloatArray:
    """Return the (k + 1, k + 1) weighted Gram matrix of demeaned columns and outcome, summed row by row."""
    gram = np.zeros((design.columns.shape[1] + 1,) * 2)
    weights = design.absorber.weights
    for rows, block, spare in centred_blocks(design.columns, design.outcome, design.absorber, design.centre):
        design.absorber.subtract(block, design.tables, rows, spare)
        gram += _weighted_gram(block, None if weights is None else weights[rows], spare)
    return gram


def _weighted_gram(block: FloatArray, weights: FloatArray | None, spare: FloatArray) -> FloatArray:
    if weights is None:
        return np.asarray(block.T @ block)
    np.multiply(block, weights[:, None], out=spare)
    return np.asarray(spare.T @ block)


def _centre(columns: FloatArray, outcome: FloatArray, door: Absorber) -> FloatArray:
    """Return what to subtract first; zeros without effects, where a shift would change the fit."""
    if door.solver is None:
        return np.zeros(columns.shape[1] + 1)
    step = max(1, len(outcome) // SAMPLE_ROWS)
    return np.append(columns[::step].mean(axis=0), outcome[::step].mean())


def _first_pass(
    columns: FloatArray, outcome: FloatArray, door: Absorber, centre: FloatArray
) -> tuple[list[FloatArray], FloatArray | None, FloatArray, FloatArray]:
    """Sum by level of every effect, and over all rows, in one pass."""
    k = columns.shape[1] + 1
    sums = [np.zeros((g.size, k)) for g in door.groupings]
    slopes = None if door.time is None else np.zeros((door.groupings[0].size, k))
    gram, totals = np.zeros((k, k)), np.zeros(k)
    for rows, block, spare in centred_blocks(columns, outcome, door, centre):
        weights = None if door.weights is None else door.weights[rows]
        for grouping, total in zip(door.groupings, sums, strict=True):
            add_sums(total, block, grouping, rows, weights)
        if slopes is not None and door.time is not None:
            time = door.time[rows] if weights is None else door.time[rows] * weights
            add_sums(slopes, block, door.groupings[0], rows, time)
        gram += _weighted_gram(block, weights, spare)
        totals += block.sum(axis=0) if weights is None else weights @ block
    return sums, slopes, gram, totals


def add_sums(total: FloatArray, block: FloatArray, grouping: Grouping, rows: Rows, weights: FloatArray | None) -> None:
    """Add a block's sums by level to the totals, touching only the levels the block spans."""
    codes = grouping.codes[rows]
    low = int(codes.min())
    span = int(codes.max()) - low + 1
    total[low : low + span] += group_sums(block, codes - low, span, weights)


def _explained(door: Absorber, tables: EffectTables, sums: list[FloatArray], slopes: FloatArray | None) -> FloatArray:
    """Return the part of the Gram matrix that the effects explain."""
    part: FloatArray = np.zeros((1, 1))
    for table, total in zip(tables.levels, sums, strict=True):
        part = part + table.T @ total
    if slopes is not None and tables.slopes is not None:
        part = part + tables.slopes.T @ slopes
    return (part + part.T) / 2
