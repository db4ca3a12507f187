"""Outcome and columns with their fixed effects: demeaned rows on demand, never all at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from panelcoop.numerics.block_sums import BlockSums
from panelcoop.numerics.grouping import Grouping, group_sums, level_totals
from panelcoop.numerics.regression.absorb import Absorber, EffectTables, Rows, row_count
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["Design", "DesignBlock", "Moments", "Taken", "design_of", "moments_of"]

SAMPLE_ROWS = 1024  # rows that decide whether, and around what, a column is centred first
COMPARED = 4096  # rows compared at once with the level of their group
CENTRE_BEYOND = 10.0  # a mean this many standard deviations from zero costs digits: such columns are centred
CANCELLATION = 1e-5  # share of a column's norm left by absorption below which the Gram matrix is summed row by row


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
class Design:
    """Columns and outcome next to the effects that are taken out of them.

    Attributes
    ----------
    columns : (n, k) as given
    outcome : (n,) as given
    absorber : the fixed effects
    centre : (k,) subtracted first from the columns; None where every column is close enough to zero
    outcome_centre : subtracted first from the outcome
    tables : effects of the k centred columns
    outcome_tables : effects of the centred outcome, one column
    turn : (k, k) carries coefficients on the centred columns to coefficients on the columns as given; None where they
        agree, as they always do with absorbed effects (without effects, columns are centred around a constant among
        them)
    """

    columns: FloatArray
    outcome: FloatArray
    absorber: Absorber
    centre: FloatArray | None
    outcome_centre: float
    tables: EffectTables
    outcome_tables: EffectTables
    turn: FloatArray | None = None

    def blocks(self) -> Iterator[DesignBlock]:
        """Yield demeaned blocks; each overwrites the one before."""
        buffers = np.empty((2, _most_rows(self.absorber, self.columns), self.columns.shape[1]))
        for rows in self.absorber.blocks(self.columns.shape[1]):
            size = row_count(rows)
            columns, spare = buffers[0, :size], buffers[1, :size]
            self._demean(rows, columns, spare)
            yield DesignBlock(rows, columns, self._demean_outcome(rows), spare)

    def within(self, span: slice) -> Design:
        """Return the same design with a stretch of its columns, none of them copied."""
        if span == slice(0, self.columns.shape[1]):
            return self
        slopes = None if self.tables.slopes is None else self.tables.slopes[:, span]
        tables = EffectTables(tuple(np.ascontiguousarray(t[:, span]) for t in self.tables.levels), slopes)
        centre = None if self.centre is None else self.centre[span]
        return replace(self, columns=self.columns[:, span], centre=centre, tables=tables)

    def demeaned(self, rows: Rows | None = None) -> tuple[FloatArray, FloatArray]:
        """Return demeaned columns (b, k) and outcome (b,) of chosen rows (default all) as new arrays."""
        rows = slice(0, len(self.outcome)) if rows is None else rows
        columns = np.empty((row_count(rows), self.columns.shape[1]))
        self._demean(rows, columns, np.empty_like(columns))
        return columns, self._demean_outcome(rows)

    def _demean(self, rows: Rows, out: FloatArray, spare: FloatArray) -> None:
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
        resid = self.outcome - self.outcome_centre
        spare = np.empty((_most_rows(self.absorber, self.columns), self.columns.shape[1]))
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


@dataclass(frozen=True)
class Taken:
    """The columns from `first` on are one number within each level of an effect (its position): it takes them whole."""

    first: int
    effect: int


@dataclass(frozen=True, eq=False)
class Moments:
    """Second moments of the columns and the outcome.

    Attributes
    ----------
    gram : (k, k) of the columns after absorption
    cross : (k,) columns with outcome after absorption
    before : (k,) squared norms of the columns before absorption, around their means
    raw : (k,) squared norms of the columns as given
    """

    gram: FloatArray
    cross: FloatArray
    before: FloatArray
    raw: FloatArray


def _most_rows(door: Absorber, columns: FloatArray) -> int:
    return row_count(next(door.blocks(columns.shape[1])))


def centred(columns: FloatArray, centre: FloatArray | None, rows: Rows, out: FloatArray) -> FloatArray:
    """Return a C-ordered block of centred columns: a view where that needs no copy, else written to `out`."""
    block = columns[rows]
    if centre is not None:
        return np.subtract(block, centre, out=out)
    if block.flags.c_contiguous:
        return block
    np.copyto(out, block)
    return out


def design_of(
    columns: FloatArray,
    outcome: FloatArray,
    door: Absorber,
    guess: FloatArray | None = None,
    taken: Taken | None = None,
) -> tuple[Design, Moments]:
    """Take the effects out: one pass for sums and moments, a second only where cancellation would cost digits.

    `guess` (k,) are coefficients for which the outcome's effects are nearly those of the columns: an iterative solver
    starts there.
    """
    if taken is not None:
        return _beside(columns, *design_of(columns[:, : taken.first], outcome, door, guess), taken)
    centre, outcome_centre, turn = _centre(columns, outcome, door)
    own = outcome - outcome_centre if outcome_centre else outcome
    passed = _first_pass(columns, own, door, centre)
    wide = own[:, None]
    weighted = own if door.weights is None else own * door.weights
    outcome_sums = [group_sums(weighted, g.codes, g.size)[:, None] for g in door.groupings]
    tables = door.solve_sums(passed.sums, passed.slopes)
    outcome_slopes = door.slope_sums(wide)
    start = None if guess is None else tuple(table @ guess[:, None] for table in tables.levels)
    outcome_tables = door.solve_sums(outcome_sums, outcome_slopes, start)
    design = Design(columns, outcome, door, centre, outcome_centre, tables, outcome_tables, turn)
    before, weight = np.diag(passed.gram).copy(), door.total_weight
    gram = passed.gram - _explained(tables, passed.sums, passed.slopes)
    cross = passed.cross - _explained(tables, outcome_sums, outcome_slopes)[:, 0]
    shift = np.zeros(len(before)) if centre is None else centre
    raw = before + 2 * shift * passed.totals + weight * shift**2
    spread = before - passed.totals**2 / weight if door.groupings else before
    if door.groupings:
        cancelled = np.flatnonzero(np.diag(gram) < CANCELLATION * before)
        gone: IntArray = np.unique([j for g in door.groupings for j in _levels_only(columns, cancelled, g)]).astype(int)
        if len(gone) < len(cancelled):
            gram, cross = moments_of(design)
        gram[gone], gram[:, gone], cross[gone] = 0.0, 0.0, 0.0
    return design, Moments((gram + gram.T) / 2, cross, np.maximum(spread, 0.0), raw)


def _beside(columns: FloatArray, design: Design, moments: Moments, taken: Taken) -> tuple[Design, Moments]:
    """Return design and moments with the columns that an effect takes whole put back: nothing is left of them."""
    door, k = design.absorber, columns.shape[1]
    levels, grouping = [_widened(table, k) for table in design.tables.levels], door.groupings[taken.effect]
    level = _some_row(columns[:, taken.first :], grouping)
    levels[taken.effect][:, taken.first :] = level
    slopes = None if design.tables.slopes is None else _widened(design.tables.slopes, k)
    centre = None if design.centre is None else _widened(design.centre[None, :], k)[0]
    share = level_totals(grouping, door.weights)
    raw = share @ level**2
    before = np.maximum(raw - (share @ level) ** 2 / door.total_weight, 0.0)
    whole = replace(design, columns=columns, centre=centre, tables=EffectTables(tuple(levels), slopes))
    gram, cross = np.zeros((k, k)), np.zeros(k)
    gram[: taken.first, : taken.first], cross[: taken.first] = moments.gram, moments.cross
    return whole, Moments(gram, cross, np.append(moments.before, before), np.append(moments.raw, raw))


def _widened(table: FloatArray, width: int) -> FloatArray:
    """Return a table (G, m) with columns of zeros behind, (G, width)."""
    wide = np.zeros((len(table), width))
    wide[:, : table.shape[1]] = table
    return wide


def _some_row(columns: FloatArray, grouping: Grouping) -> FloatArray:
    """Return (G, m) a row of each group."""
    row = np.empty(grouping.size, dtype=np.int64)
    row[grouping.codes] = np.arange(len(columns))
    return columns[row]


def _levels_only(columns: FloatArray, which: IntArray, grouping: Grouping) -> IntArray:
    """Return those of some columns that are one and the same number within each group: its effect takes them whole."""
    if not which.size:
        return which
    stretch = slice(int(which[0]), int(which[-1]) + 1)  # neighbours, most often: a slice is read without a copy
    chosen = columns[:, stretch] if stretch.stop - stretch.start == len(which) else columns[:, which]
    level = _some_row(chosen, grouping)
    same = np.ones(len(which), dtype=bool)
    for start in range(0, len(columns), COMPARED):
        rows = slice(start, start + COMPARED)
        equal = chosen[rows] == np.take(level, grouping.codes[rows], axis=0, mode="clip")
        if not equal.all():
            same &= equal.all(axis=0)
            if not same.any():
                break
    return which[same]


def moments_of(design: Design) -> tuple[FloatArray, FloatArray]:
    """Return the (k, k) Gram matrix of demeaned columns and (k,) their products with the outcome, summed row by row."""
    k = design.columns.shape[1]
    gram, cross = np.zeros((k, k)), np.zeros(k)
    weights = design.absorber.weights
    for block in design.blocks():
        right = block.columns
        if weights is not None:
            right = np.multiply(block.columns, weights[block.rows, None], out=block.spare)
        gram += right.T @ block.columns
        cross += right.T @ block.outcome
    return gram, cross


def _centre(
    columns: FloatArray, outcome: FloatArray, door: Absorber
) -> tuple[FloatArray | None, float, FloatArray | None]:
    """Return what to subtract from columns and outcome first, and what carries coefficients back."""
    step = max(1, len(outcome) // SAMPLE_ROWS)
    sample = columns[::step]
    mean = sample.mean(axis=0)
    shift = np.where(_is_far(mean, np.einsum("ij,ij->j", sample, sample) / len(sample)), mean, 0.0)
    turn = None
    if not door.groupings:
        constant = np.flatnonzero((columns == columns[0]).all(axis=0) & (columns[0] != 0))
        if not constant.size:
            return None, 0.0, None
        shift[constant] = 0.0
        turn = np.eye(columns.shape[1])
        turn[constant[0]] -= shift / columns[0, constant[0]]
    some = outcome[::step]
    own = float(some.mean())
    far = bool(door.groupings) and bool(_is_far(np.array(own), np.array(some @ some / len(some))))
    return (shift if shift.any() else None), own if far else 0.0, turn if shift.any() else None


def _is_far(mean: FloatArray, square: FloatArray) -> BoolArray:
    """Say where a mean is many standard deviations from zero, given the mean square."""
    return np.asarray((1 + CENTRE_BEYOND**2) * mean**2 > CENTRE_BEYOND**2 * square)


@dataclass(frozen=True, eq=False)
class _Passed:
    """What one pass adds up: sums by level (with the trend too), Gram matrix, products with the outcome, totals."""

    sums: list[FloatArray]
    slopes: FloatArray | None
    gram: FloatArray
    cross: FloatArray
    totals: FloatArray


def _first_pass(columns: FloatArray, outcome: FloatArray, door: Absorber, centre: FloatArray | None) -> _Passed:
    """Sum by level of every effect, and over all rows, in one pass."""
    k, weights, time = columns.shape[1], door.weights, door.time
    sums = [BlockSums(g, k, contiguous=e == door.eliminated) for e, g in enumerate(door.groupings)]
    slopes = None if time is None else BlockSums(door.groupings[0], k, contiguous=True)
    gram, cross, totals = np.zeros((k, k)), np.zeros(k), np.zeros(k)
    buffers = np.empty((2, _most_rows(door, columns), k))
    for rows in door.blocks(k):
        size = row_count(rows)
        block = centred(columns, centre, rows, buffers[0, :size])
        weight = None if weights is None else weights[rows]
        for one in sums:
            one.add(block, rows, weight)
        if slopes is not None and time is not None:
            slopes.add(block, rows, time[rows] if weight is None else time[rows] * weight)
        right = block if weight is None else np.multiply(block, weight[:, None], out=buffers[1, :size])
        gram += right.T @ block
        cross += right.T @ outcome[rows]
        if not sums:
            totals += right.sum(axis=0)
    totals = sums[0].total.sum(axis=0) if sums else totals
    return _Passed([s.total for s in sums], None if slopes is None else slopes.total, gram, cross, totals)


def _explained(tables: EffectTables, sums: list[FloatArray], slopes: FloatArray | None) -> FloatArray:
    """Return the inner products that the effects explain: tables of some columns with sums of the same or others."""
    if not sums:
        return np.zeros((1, 1))
    part = sum(table.T @ total for table, total in zip(tables.levels, sums, strict=True))
    if slopes is not None and tables.slopes is not None:
        part = part + tables.slopes.T @ slopes
    return np.asarray(part)
