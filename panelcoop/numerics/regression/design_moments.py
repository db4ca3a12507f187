"""Effects taken out of outcome and columns: sums by level and second moments in one pass over the rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from panelcoop.numerics.block_sums import BlockSums
from panelcoop.numerics.grouping import Grouping, group_sums, level_totals
from panelcoop.numerics.regression.absorb import Absorber, EffectTables, row_count
from panelcoop.numerics.regression.design import Design, Taken, centred, most_rows
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["Moments", "design_of", "moments_of"]

SAMPLE_ROWS = 1024  # rows that decide whether, and around what, a column is centred first
COMPARED = 4096  # rows compared at once with the level of their group
CENTRE_BEYOND = 10.0  # a mean this many standard deviations from zero costs digits: such columns are centred
CANCELLATION = 1e-5  # share of a column's norm left by absorption below which the Gram matrix is summed row by row


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
        return _beside(*design_of(columns, outcome, door, guess), taken)
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


def _beside(design: Design, moments: Moments, taken: Taken) -> tuple[Design, Moments]:
    """Return design and moments with the columns that an effect takes whole put behind: nothing is left of them."""
    door, m = design.absorber, design.columns.shape[1]
    grouping = door.groupings[taken.effect]
    level, share = taken.levels[grouping.labels], level_totals(grouping, door.weights)
    raw = share @ level**2
    before = np.maximum(raw - (share @ level) ** 2 / door.total_weight, 0.0)
    k = m + len(raw)
    gram, cross = np.zeros((k, k)), np.zeros(k)
    gram[:m, :m], cross[:m] = moments.gram, moments.cross
    whole = replace(design, taken=Taken(level, taken.effect))
    return whole, Moments(gram, cross, np.append(moments.before, before), np.append(moments.raw, raw))


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
    buffers = np.empty((2, most_rows(door, k), k))
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
