"""Normal equations of many large effects: eliminate the largest, conjugate gradients on the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import sparse

from panelcoop.errors import PanelcoopError
from panelcoop.numerics.grouping import Grouping, counting_sort, level_totals
from panelcoop.numerics.regression.effect_rank import added_ranks, connected_sets
from panelcoop.options import FloatArray, IntArray

__all__ = ["CrossLayout", "IterativeSolver", "cross_layout", "iterative_solver", "refilled"]

TOLERANCE = 1e-12  # residual of the normal equations relative to their right-hand side, in the preconditioned norm
MOST_ITERATIONS = 3000


@dataclass(frozen=True, eq=False)
class CrossLayout:
    """Where rows sit in the cross-tabulations of the effects; weights are filled in later.

    Attributes
    ----------
    groupings : the effects in the order they were given
    lead : the effect that is eliminated
    rest : the others
    order : (n,) rows sorted by the eliminated effect, or None when they are
    starts : (G_lead + 1,) first row of each eliminated level
    places : per other effect (n,) its codes in that order
    pairs : per pair of other effects: (first, second, rows sorted by the first, its starts, codes of the second)
    """

    groupings: tuple[Grouping, ...]
    lead: int
    rest: tuple[int, ...]
    order: IntArray | None
    starts: IntArray
    places: tuple[IntArray, ...]
    pairs: tuple[tuple[int, int, IntArray | None, IntArray, IntArray], ...]

    @cached_property
    def ranks(self) -> tuple[int, ...]:
        """Columns each effect adds to those before it, the eliminated one first: see `added_ranks`."""
        return added_ranks([self.groupings[e] for e in (self.lead, *self.rest)])

    @cached_property
    def components(self) -> int:
        """Disconnected sets of the levels of two effects; not searched for with more, 1."""
        return connected_sets(*self.groupings)[1] if len(self.groupings) == 2 else 1


def cross_layout(groupings: tuple[Grouping, ...]) -> CrossLayout:
    """Sort the rows once by every effect that is a row dimension of a cross-tabulation."""
    lead = int(np.argmax([g.size for g in groupings]))
    rest = tuple(e for e in range(len(groupings)) if e != lead)
    order = counting_sort(groupings[lead].codes, groupings[lead].size)
    places = tuple(_taken(groupings[e].codes, order) for e in rest)
    pairs: list[tuple[int, int, IntArray | None, IntArray, IntArray]] = []
    for position, first in enumerate(rest[:-1]):
        own = counting_sort(groupings[first].codes, groupings[first].size)
        own = None if own is None else own.astype(np.int32)
        starts = _starts(groupings[first])
        pairs += [(first, second, own, starts, _taken(groupings[second].codes, own)) for second in rest[position + 1 :]]
    return CrossLayout(groupings, lead, rest, order, _starts(groupings[lead]), places, tuple(pairs))


def _starts(grouping: Grouping) -> IntArray:
    return np.concatenate([[0], np.cumsum(grouping.counts)]).astype(np.int32)


def _taken(codes: IntArray, order: IntArray | None) -> IntArray:
    return (codes if order is None else codes[order]).astype(np.int32)


@dataclass(frozen=True, eq=False)
class IterativeSolver:
    """Effects of dyadic panels: pairs, origin-weeks, destination-weeks.

    Attributes
    ----------
    layout : where rows sit
    totals : per effect (G_e,) weight of each level
    crosstabs : per other effect: (G_lead, G_e) sparse weights
    mutual : per pair of other effects: (first, second, sparse (G_first, G_second))
    tolerance : relative residual at which iteration stops
    """

    layout: CrossLayout
    totals: tuple[FloatArray, ...]
    crosstabs: tuple[sparse.csr_array, ...]
    mutual: tuple[tuple[int, int, sparse.csr_array], ...]
    tolerance: float = TOLERANCE

    @property
    def ranks(self) -> tuple[int, ...]:
        """Columns each effect adds to those before it, the eliminated one first."""
        return self.layout.ranks

    @property
    def components(self) -> int:
        """Disconnected sets of levels."""
        return self.layout.components

    def solve(
        self, sums: tuple[FloatArray, ...], start: tuple[FloatArray, ...] | None = None
    ) -> tuple[FloatArray, ...]:
        """Return effects (G_e, m), in the order given, whose fitted values reproduce the weighted sums (G_e, m).

        Raises
        ------
        PanelcoopError
            When the iteration limit is reached: the effects are then too weakly connected.
        """
        lead, rest = self.layout.lead, self.layout.rest
        right = self.reduce(sums[lead], [sums[e] for e in rest])
        zero = [np.zeros_like(r) for r in right]
        guess = zero if start is None else [start[e].copy() for e in rest]
        residual = right if start is None else [r - i for r, i in zip(right, self.apply(guess), strict=True)]
        scale = sum(_inner(sums[e] / self.totals[e][:, None], sums[e]) for e in range(len(sums)))
        found = self._conjugate_gradients(guess, residual, np.asarray(scale))
        tables = dict(zip(rest, found, strict=True))
        tables[lead] = self.expand(sums[lead], found)
        return tuple(tables[e] for e in range(len(sums)))

    def reduce(self, own: FloatArray, others: list[FloatArray]) -> list[FloatArray]:
        """Eliminate the largest effect from right-hand sides."""
        mean = own / self.totals[self.layout.lead][:, None]
        return [other - tab.T @ mean for other, tab in zip(others, self.crosstabs, strict=True)]

    def expand(self, own: FloatArray, tables: list[FloatArray]) -> FloatArray:
        """Return the eliminated effect given the others."""
        inside = sum((tab @ table for tab, table in zip(self.crosstabs, tables, strict=True)), np.zeros_like(own))
        return np.asarray((own - inside) / self.totals[self.layout.lead][:, None])

    def apply(self, tables: list[FloatArray]) -> list[FloatArray]:
        """Multiply the reduced system with tables of the other effects."""
        rest = self.layout.rest
        image = [self.totals[e][:, None] * table for e, table in zip(rest, tables, strict=True)]
        place = {e: position for position, e in enumerate(rest)}
        for first, second, cross in self.mutual:
            image[place[first]] += cross @ tables[place[second]]
            image[place[second]] += cross.T @ tables[place[first]]
        inside = sum(tab @ table for tab, table in zip(self.crosstabs, tables, strict=True))
        inside = inside / self.totals[self.layout.lead][:, None]
        return [out - tab.T @ inside for out, tab in zip(image, self.crosstabs, strict=True)]

    def _conjugate_gradients(
        self, solution: list[FloatArray], residual: list[FloatArray], scale: FloatArray
    ) -> list[FloatArray]:
        rest = self.layout.rest
        direction = [np.zeros_like(r) for r in residual]
        old = np.ones_like(scale)
        for _ in range(MOST_ITERATIONS):
            turned = [r / self.totals[e][:, None] for e, r in zip(rest, residual, strict=True)]
            new = np.asarray(sum(_inner(r, t) for r, t in zip(residual, turned, strict=True)))
            going = new > self.tolerance**2 * scale
            if not going.any():
                return solution
            ratio = np.where(going, _ratio(new, old), 0.0)
            direction = [t + ratio * d for t, d in zip(turned, direction, strict=True)]
            image = self.apply(direction)
            curve = np.asarray(sum(_inner(d, i) for d, i in zip(direction, image, strict=True)))
            step = np.where(going, _ratio(new, curve), 0.0)  # columns that have converged stay where they are
            solution = [s + step * d for s, d in zip(solution, direction, strict=True)]
            residual = [r - step * i for r, i in zip(residual, image, strict=True)]
            old = new
        msg = f"Fixed effects did not converge in {MOST_ITERATIONS} iterations; drop weakly connected levels."
        raise PanelcoopError(msg)


def _inner(left: FloatArray, right: FloatArray) -> FloatArray:
    return np.asarray(np.einsum("gm,gm->m", left, right))


def _ratio(top: FloatArray, bottom: FloatArray) -> FloatArray:
    positive = bottom > 0
    return np.where(positive, top / np.where(positive, bottom, 1.0), 0.0)


def iterative_solver(
    groupings: tuple[Grouping, ...], weights: FloatArray | None, layout: CrossLayout | None = None
) -> IterativeSolver:
    """Fill the cross-tabulations with weights; pass the layout of an earlier solver of the same effects."""
    layout = cross_layout(groupings) if layout is None else layout
    weights = np.ones(len(groupings[0].codes)) if weights is None else weights
    size = groupings[layout.lead].size
    data = weights if layout.order is None else weights[layout.order]
    crosstabs = tuple(
        sparse.csr_array((data, place, layout.starts), shape=(size, groupings[e].size))
        for e, place in zip(layout.rest, layout.places, strict=True)
    )
    mutual = []
    for first, second, own, starts, codes in layout.pairs:
        filled = weights if own is None else weights[own]
        shape = (groupings[first].size, groupings[second].size)
        mutual.append((first, second, sparse.csr_array((filled, codes, starts), shape=shape)))
    return IterativeSolver(layout, _totals(layout, weights, data, mutual), crosstabs, tuple(mutual))


def refilled(solver: IterativeSolver, weights: FloatArray) -> IterativeSolver:
    """Return the solver under other weights, in the memory of the given one, which must not be used afterwards."""
    layout = solver.layout
    data = weights if layout.order is None else np.take(weights, layout.order)
    for tab in solver.crosstabs:
        tab.data = data
    for (_, _, cross), (_, _, own, _, _) in zip(solver.mutual, layout.pairs, strict=True):
        if own is None:
            cross.data = weights
        else:
            np.take(weights, own, out=cross.data, mode="clip")
    return replace(solver, totals=_totals(layout, weights, data, solver.mutual))


def _totals(
    layout: CrossLayout, weights: FloatArray, data: FloatArray, mutual: Sequence[tuple[int, int, sparse.csr_array]]
) -> tuple[FloatArray, ...]:
    """Return the weight of each level of every effect; where rows already stand in its order, stretch by stretch."""
    known = {layout.lead: np.add.reduceat(data, layout.starts[:-1])}
    for first, _, cross in mutual:
        if first not in known:
            known[first] = np.add.reduceat(cross.data, cross.indptr[:-1])
    return tuple(known[e] if e in known else level_totals(g, weights) for e, g in enumerate(layout.groupings))
