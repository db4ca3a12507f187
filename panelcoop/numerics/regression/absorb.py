"""Fixed effects taken out of any column: one door for one-way, two-way, region trends and more effects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from panelcoop.checks import fail_if_not_finite, name_few
from panelcoop.errors import DataError
from panelcoop.numerics.grouping import Grouping, counting_sort, group_rows, group_sums, level_totals
from panelcoop.numerics.regression.direct import DirectSolver, direct_solver
from panelcoop.numerics.regression.iterative import IterativeSolver, iterative_solver, refilled
from panelcoop.options import FloatArray, IntArray

__all__ = ["Absorber", "EffectTables", "Rows", "absorber", "loosened", "reweighed", "row_count"]

BLOCK_CELLS = 131_072  # cells per block: two of them stay in a 2 MB cache
DIRECT_LEVELS = 4000  # levels of all effects but the largest that a dense system may have

Rows = slice | IntArray
"""Rows of a block: a slice where rows arrive sorted by the first effect, else their positions."""


@dataclass(frozen=True, eq=False)
class EffectTables:
    """Effects of m columns: what `Absorber.residualise` subtracts, level by level.

    Attributes
    ----------
    levels : per effect, in the order they were given: (G_e, m)
    slopes : (G_1, m) coefficients on the centred trend variable, or None
    """

    levels: tuple[FloatArray, ...]
    slopes: FloatArray | None


@dataclass(frozen=True, eq=False)
class Absorber:
    """Fixed effects of n rows, factorised once and applied to as many columns as wanted.

    Attributes
    ----------
    groupings : the effects, in the order they were given
    weights : (n,) or None
    time : (n,) trend variable centred within the first effect's groups, or None
    solver : direct (exact) or iterative; None without effects
    eliminated : which effect the solver eliminates by group means
    order : (n,) order that makes the eliminated effect contiguous, or None when rows arrive that way
    singletons : rows that an effect fits perfectly (iterated until none is left)
    nobs : n
    """

    groupings: tuple[Grouping, ...]
    weights: FloatArray | None
    time: FloatArray | None
    solver: DirectSolver | IterativeSolver | None
    eliminated: int
    order: IntArray | None
    singletons: IntArray
    nobs: int

    @property
    def ranks(self) -> tuple[int, ...]:
        """Columns each effect (then its trends) adds to the span of those before it, eliminated effect first."""
        return () if self.solver is None else self.solver.ranks

    @property
    def rank(self) -> int:
        """Columns that effects and trends span together."""
        return sum(self.ranks)

    @property
    def components(self) -> int:
        """Disconnected sets of levels (1 when everything is connected)."""
        return 0 if self.solver is None else self.solver.components

    @property
    def notes(self) -> tuple[str, ...]:
        """What a careful reader should know: rows fitted perfectly, sets of levels that are not connected."""
        said = []
        if self.singletons.size:
            said.append(
                f"{self.singletons.size} rows are alone in a level of an effect (row {name_few(self.singletons)}): "
                "they inform no coefficient and count as rows and as parameters."
            )
        if len(self.groupings) == 2 and self.components > 1:
            said.append(f"The effects fall into {self.components} sets that share no level; each has its own base.")
        return tuple(said)

    def blocks(self, columns: int = 16) -> Iterator[Rows]:
        """Yield the rows of one block after another, neighbours in the eliminated effect together.

        Parameters
        ----------
        columns : columns the block will hold: fewer columns, more rows
        """
        rows = max(BLOCK_CELLS // max(columns, 2), 1024)
        for start in range(0, self.nobs, rows):
            stop = min(start + rows, self.nobs)
            yield slice(start, stop) if self.order is None else self.order[start:stop]

    @property
    def total_weight(self) -> float:
        """Sum of the weights, or the number of rows."""
        return float(self.nobs) if self.weights is None else float(self.weights.sum())

    def tables(self, values: FloatArray) -> EffectTables:
        """Solve for the effects of each column.

        Parameters
        ----------
        values : (n, m)
        """
        sums = [group_sums(values, g.codes, g.size, self.weights) for g in self.groupings]
        return self.solve_sums(sums, self.slope_sums(values))

    def slope_sums(self, values: FloatArray) -> FloatArray | None:
        """Return (G_1, m) trend-weighted sums of columns (n, m) by level of the first effect; None without trends."""
        if self.time is None:
            return None
        weighted = self.time if self.weights is None else self.time * self.weights
        first = self.groupings[0]
        return group_sums(values, first.codes, first.size, weighted)

    def solve_sums(
        self,
        sums: Sequence[FloatArray],
        slopes: FloatArray | None = None,
        start: tuple[FloatArray, ...] | None = None,
    ) -> EffectTables:
        """Solve for the effects given weighted sums by level, (G_e, m) each, and trend-weighted sums of the first."""
        if self.solver is None:
            return EffectTables((), None)
        if isinstance(self.solver, IterativeSolver):
            return EffectTables(self.solver.solve(tuple(sums), start), None)
        lead = self.eliminated
        rest = [s for e, s in enumerate(sums) if e != lead]
        others = np.vstack(rest) if rest else np.empty((0, sums[lead].shape[1]))
        parts = (sums[lead],) if slopes is None else (sums[lead], slopes)
        first, stacked = self.solver.solve(parts, others)
        ends = np.cumsum([len(s) for s in rest])[:-1]
        levels = np.split(stacked, ends) if rest else []
        levels.insert(lead, first[0])
        return EffectTables(tuple(levels), first[1] if slopes is not None else None)

    def residualise(self, values: FloatArray) -> FloatArray:
        """Take the effects out of every column.

        Parameters
        ----------
        values : (n,) or (n, m)

        Returns
        -------
        (n,) or (n, m), a new array

        Examples
        --------
        >>> door = absorber([np.array([0, 0, 1, 1])])
        >>> door.residualise(np.array([1.0, 3.0, 5.0, 9.0])).tolist()
        [-1.0, 1.0, -2.0, 2.0]
        """
        wide = values[:, None] if values.ndim == 1 else values
        centred = wide - wide[0] if self.solver is not None else wide.copy()
        self.subtract(centred, self.tables(centred), slice(0, self.nobs), centred)
        return centred[:, 0] if values.ndim == 1 else centred

    def subtract(
        self, block: FloatArray, tables: EffectTables, rows: Rows, out: FloatArray, spare: FloatArray | None = None
    ) -> None:
        """Write a block (b, m) less its effects to `out`, which may be the block; `spare` is scratch of its shape."""
        spare = np.empty(block.shape) if spare is None else spare
        source = block
        for grouping, table in zip(self.groupings, tables.levels, strict=True):
            np.take(table, grouping.codes[rows], axis=0, out=spare, mode="clip")
            source = np.subtract(source, spare, out=out)
        if tables.slopes is not None and self.time is not None:
            np.take(tables.slopes, self.groupings[0].codes[rows], axis=0, out=spare, mode="clip")
            spare *= self.time[rows, None]
            source = np.subtract(source, spare, out=out)
        if source is not out:
            np.copyto(out, source)


def row_count(rows: Rows) -> int:
    """Return how many rows a block holds."""
    return rows.stop - rows.start if isinstance(rows, slice) else len(rows)


def absorber(
    effects: Sequence[IntArray | Grouping],
    *,
    weights: FloatArray | None = None,
    trend: FloatArray | None = None,
    nobs: int | None = None,
) -> Absorber:
    """Prepare fixed effects for absorption.

    Parameters
    ----------
    effects : integer codes, (n,) each, or their groupings; none, one, two or more effects
    weights : (n,) positive weights, or None
    trend : (n,) variable whose slope differs by level of the *first* effect (region trends), or None
    nobs : rows, needed only without effects

    Notes
    -----
    The effect with most levels is eliminated by group means (the first, where it carries trends) and the others solved
    directly when they have at most 4,000 levels together: exact, no iteration, no tolerance. Otherwise conjugate
    gradients on the normal equations are iterated to a residual of 1e-13.

    Raises
    ------
    DataError
        When lengths differ, codes are negative, weights are not positive and finite, or a trend has no effect to
        differ by.
    """
    groupings = tuple(group_rows(codes, f"effect {i + 1}") for i, codes in enumerate(effects))
    found = len(groupings[0].codes) if groupings else (0 if weights is None else len(weights))
    n = found if nobs is None else nobs
    _fail_if_inconsistent(groupings, weights, trend, n)
    if not groupings:
        return Absorber((), weights, None, None, 0, None, np.empty(0, np.int64), n)
    lead = 0 if trend is not None else int(np.argmax([g.size for g in groupings]))
    turned = (groupings[lead], *(g for e, g in enumerate(groupings) if e != lead))
    time = None if trend is None else _centre_within(np.asarray(trend, float), groupings[0], weights)
    solver: DirectSolver | IterativeSolver
    if sum(g.size for g in turned[1:]) <= DIRECT_LEVELS:
        solver = direct_solver(turned, weights, time)
    elif trend is not None:
        msg = f"Region trends need at most {DIRECT_LEVELS} levels of the other effects; got {turned[1].size}."
        raise DataError(msg)
    else:
        solver = iterative_solver(groupings, weights)
    order = counting_sort(turned[0].codes, turned[0].size)
    return Absorber(groupings, weights, time, solver, lead, order, _singletons(groupings), n)


def reweighed(door: Absorber, weights: FloatArray, *, reuse: bool = False) -> Absorber:
    """Return the same effects under other weights: levels and order are kept, the normal equations are new.

    With `reuse`, an iterative solver is written into the memory of the given one, which must not be used afterwards.
    """
    if not door.groupings:
        return replace(door, weights=weights)
    lead = door.eliminated
    turned = (door.groupings[lead], *(g for e, g in enumerate(door.groupings) if e != lead))
    time = None if door.time is None else _centre_within(door.time, door.groupings[0], weights)
    solver: DirectSolver | IterativeSolver
    if isinstance(door.solver, IterativeSolver):
        old = door.solver
        solver = refilled(old, weights) if reuse else iterative_solver(door.groupings, weights, old.layout)
    else:
        solver = direct_solver(turned, weights, time)
    return replace(door, weights=weights, time=time, solver=solver)


def loosened(door: Absorber, tolerance: float) -> Absorber:
    """Return the same effects, solved to another tolerance where they are solved iteratively."""
    if isinstance(door.solver, IterativeSolver):
        return replace(door, solver=replace(door.solver, tolerance=tolerance))
    return door


def _centre_within(trend: FloatArray, first: Grouping, weights: FloatArray | None) -> FloatArray:
    fail_if_not_finite(trend, "trend")
    shifted = trend - trend[0]
    mean = group_sums(shifted, first.codes, first.size, weights) / level_totals(first, weights)
    centred = shifted - mean[first.codes]
    return np.asarray(centred / max(float(np.abs(centred).max()), 1e-300))


def _singletons(groupings: tuple[Grouping, ...]) -> IntArray:
    """Return rows that are alone in a level, then alone once those are gone, and so on."""
    if all(int(g.counts.min()) > 1 for g in groupings):
        return np.empty(0, np.int64)
    alive = np.ones(len(groupings[0].codes), dtype=bool)
    while True:
        before = int(alive.sum())
        for g in groupings:
            alive &= np.bincount(g.codes[alive], minlength=g.size)[g.codes] > 1
        if int(alive.sum()) == before:
            return np.flatnonzero(~alive)


def _fail_if_inconsistent(
    groupings: tuple[Grouping, ...], weights: FloatArray | None, trend: FloatArray | None, n: int
) -> None:
    lengths = {len(g.codes) for g in groupings} | {len(v) for v in (weights, trend) if v is not None}
    if lengths - {n}:
        msg = f"Effects, weights and trend must have one entry per row; got lengths {sorted(lengths | {n})}."
        raise DataError(msg)
    if trend is not None and not groupings:
        msg = "A trend needs an effect whose levels it differs by; pass the regions as the first effect."
        raise DataError(msg)
    if weights is not None and not bool(np.all(weights > 0) and np.all(np.isfinite(weights))):
        bad = np.flatnonzero(~((weights > 0) & np.isfinite(weights)))
        msg = f"Weights must be positive and finite; {bad.size} are not (first row {bad[0]}); drop these rows first."
        raise DataError(msg)
