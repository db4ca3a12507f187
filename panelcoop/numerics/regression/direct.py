"""Exact normal equations of fixed effects: eliminate the largest effect by group means, solve the rest directly."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from scipy import linalg, sparse

from panelcoop.numerics.grouping import Grouping, level_totals
from panelcoop.numerics.regression.effect_rank import connected_sets
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["DirectSolver", "direct_solver"]

RANK_TOLERANCE = 1e-11  # eigenvalues of the scaled system are exact to about 1e-15 times its dimension
CROSSTAB_FILL = 0.25  # below this share of filled cells a sparse crosstab is faster than a dense one

Crosstab: TypeAlias = "FloatArray | sparse.csr_array"


@dataclass(frozen=True, eq=False)
class DirectSolver:
    """The factorised normal equations of the effects.

    Attributes
    ----------
    sizes : levels of each effect; the first is eliminated by group means
    scales : per eliminated basis column (level, trend): (G, ) inverse squared norms, zero where the group has none
    crosstabs : per eliminated basis column: (G, P) weights of the group in each level of the other effects
    factor : Cholesky factor of the kept part of the (P, P) system, or a root L of its pseudo-inverse L L'
    kept : (P,) which levels are kept; None where `factor` is a root of the pseudo-inverse
    rank : columns the effects span together
    ranks : columns each effect adds to those before it
    components : disconnected sets of levels
    """

    sizes: tuple[int, ...]
    scales: tuple[FloatArray, ...]
    crosstabs: tuple[Crosstab, ...]
    factor: FloatArray
    kept: BoolArray | None
    ranks: tuple[int, ...]
    components: int

    @property
    def rank(self) -> int:
        """Columns the effects span together."""
        return sum(self.ranks)

    def solve(self, sums: tuple[FloatArray, ...], others: FloatArray) -> tuple[tuple[FloatArray, ...], FloatArray]:
        """Return the effects whose fitted values reproduce the group sums.

        Parameters
        ----------
        sums : per eliminated basis column: (G, m) weighted sums of the columns
        others : (P, m) weighted sums by level of the other effects, stacked

        Returns
        -------
        per eliminated basis column (G, m), and the stacked others (P, m)
        """
        means = [scale[:, None] * total for scale, total in zip(self.scales, sums, strict=True)]
        if not others.size:
            return tuple(means), others
        right = others - sum(tab.T @ mean for tab, mean in zip(self.crosstabs, means, strict=True))
        solution = self._solve_reduced(right)
        fitted = [s[:, None] * (tab @ solution) for s, tab in zip(self.scales, self.crosstabs, strict=True)]
        return tuple(mean - part for mean, part in zip(means, fitted, strict=True)), solution

    def _solve_reduced(self, right: FloatArray) -> FloatArray:
        if self.kept is None:
            return self.factor @ (self.factor.T @ right)
        solution = np.zeros_like(right)
        solution[self.kept] = linalg.cho_solve((self.factor, True), right[self.kept], check_finite=False)
        return solution

    @cached_property
    def inverse(self) -> FloatArray:
        """(P, P) generalised inverse of the reduced system."""
        return self._solve_reduced(np.eye(self.crosstabs[0].shape[1] if self.crosstabs else 0))

    @cached_property
    def root(self) -> FloatArray:
        """(P, rank) L with L L' the generalised inverse of the reduced system."""
        if self.kept is None:
            return self.factor
        root = np.zeros((len(self.kept), len(self.factor)))
        root[self.kept] = linalg.solve_triangular(self.factor, np.eye(len(self.factor)), lower=True).T
        return root


def direct_solver(
    groupings: tuple[Grouping, ...], weights: FloatArray | None, time: FloatArray | None = None
) -> DirectSolver:
    """Build the reduced system M = diag(n_t) - sum_i d_i d_i' / n_i and factorise it.

    Parameters
    ----------
    groupings : effects, the first is eliminated; the others' levels form the reduced system
    weights : (n,) or None
    time : (n,) the trend variable of the first effect, centred by group, or None

    Notes
    -----
    With two effects and no trends the null space of M is known: one level per connected component. Otherwise its rank
    is read from the eigenvalues of M scaled to a unit diagonal.
    """
    first, rest = groupings[0], groupings[1:]
    bases = [weights] if time is None else [weights, time if weights is None else time * weights]
    tabs = tuple(_stacked_crosstab(first, rest, base) for base in bases) if rest else ()
    known = tabs[0] if len(rest) == 1 and weights is not None else None
    scales = _inverse_norms(first, weights, time, known)
    ranks = [first.size, int((scales[1] > 0).sum())] if time is not None else [first.size]
    sizes = tuple(g.size for g in groupings)
    if not rest:
        return DirectSolver(sizes, scales, (), np.empty((0, 0)), None, tuple(ranks), first.size)
    reduced = _reduced_system(tabs, scales, rest, weights)
    if len(rest) == 1 and time is None:
        label, components = _components(reduced)
        kept = np.ones(rest[0].size, dtype=bool)
        kept[np.unique(label, return_index=True)[1]] = False
        try:
            factor = linalg.cholesky(reduced[np.ix_(kept, kept)], lower=True, check_finite=False)
        except linalg.LinAlgError:  # weights of such different size that the system is singular in floating point
            root, _ = _pseudo_root(reduced, [rest[0].size])
            return DirectSolver(sizes, scales, tabs, root, None, (*ranks, int(kept.sum())), components)
        return DirectSolver(sizes, scales, tabs, factor, kept, (*ranks, int(kept.sum())), components)
    root, added = _pseudo_root(reduced, [g.size for g in rest])
    sets = connected_sets(first, rest[0])[1] if len(rest) == 1 else 1
    return DirectSolver(sizes, scales, tabs, root, None, (*ranks, *added), sets)


def _inverse_norms(
    first: Grouping, weights: FloatArray | None, time: FloatArray | None, known: Crosstab | None
) -> tuple[FloatArray, ...]:
    """Return inverse squared norms per group of each eliminated basis column; `known` holds weights by level."""
    total = level_totals(first, weights) if known is None else np.asarray(known.sum(axis=1)).ravel()
    if time is None:
        return (1.0 / total,)
    weighted = time if weights is None else time * weights
    spread = np.bincount(first.codes, weighted * time, first.size)
    flat = spread <= RANK_TOLERANCE * spread.max(initial=0.0)
    inverse = np.where(flat, 0.0, 1.0 / np.where(flat, 1.0, spread))
    return 1.0 / total, inverse


def _stacked_crosstab(first: Grouping, rest: tuple[Grouping, ...], base: FloatArray | None) -> Crosstab:
    """Cross-tabulate the first effect with the stacked levels of the others."""
    cells = first.size * sum(g.size for g in rest)
    dense = cells <= 1e6 or len(first.codes) >= CROSSTAB_FILL * cells / len(rest)
    parts: list[Crosstab] = []
    for other in rest:
        if dense:
            cell = first.codes * other.size + other.codes
            table = np.bincount(cell, base, first.size * other.size)
            parts.append(np.asarray(table, float).reshape(first.size, other.size))
        else:
            data = np.ones(len(first.codes)) if base is None else base
            parts.append(sparse.csr_array((data, (first.codes, other.codes)), shape=(first.size, other.size)))
    if len(parts) == 1:
        return parts[0]
    return np.hstack(parts) if dense else sparse.hstack(parts, format="csr")


def _reduced_system(
    tabs: tuple[Crosstab, ...], scales: tuple[FloatArray, ...], rest: tuple[Grouping, ...], weights: FloatArray | None
) -> FloatArray:
    """Return the (P, P) normal equations of the other effects after the first is eliminated."""
    system = np.zeros((tabs[0].shape[1],) * 2)
    totals, start = np.asarray(tabs[0].sum(axis=0)).ravel(), 0
    for position, one in enumerate(rest):
        span = np.arange(start, start + one.size)
        system[span, span] = totals[span]
        below = start + one.size
        for other in rest[position + 1 :]:
            cell = one.codes * other.size + other.codes
            table = np.bincount(cell, weights, one.size * other.size).reshape(one.size, other.size)
            system[start : start + one.size, below : below + other.size] = table
            system[below : below + other.size, start : start + one.size] = table.T
            below += other.size
        start += one.size
    for tab, scale in zip(tabs, scales, strict=True):
        if isinstance(tab, np.ndarray):
            root = tab * np.sqrt(scale)[:, None]
            system -= root.T @ root
        else:
            root = (sparse.diags_array(np.sqrt(scale)) @ tab).tocsr()
            system -= np.asarray((root.T @ root).todense())
    return system


def _components(reduced: FloatArray) -> tuple[IntArray, int]:
    """Label the connected sets of levels: two touch where the reduced system has a negative entry."""
    touching = reduced < 0
    label = np.full(len(reduced), -1)
    count = 0
    while (label < 0).any():
        frontier = np.flatnonzero(label < 0)[:1]
        while frontier.size:
            label[frontier] = count
            frontier = np.flatnonzero(touching[frontier].any(axis=0) & (label < 0))
        count += 1
    return label, count


def _pseudo_root(system: FloatArray, sizes: list[int]) -> tuple[FloatArray, list[int]]:
    """Return a root of the pseudo-inverse of a scaled singular system, and the rank each block of levels adds."""
    diagonal = np.diag(system)
    unit = np.where(diagonal > RANK_TOLERANCE * diagonal.max(), 1.0 / np.sqrt(np.abs(diagonal) + 1e-300), 0.0)
    scaled = unit[:, None] * system * unit
    values, vectors = linalg.eigh(scaled, check_finite=False)
    good = values > RANK_TOLERANCE * len(values)
    root = unit[:, None] * vectors[:, good] / np.sqrt(values[good])
    ends = np.cumsum(sizes)
    ranks = [int((linalg.eigvalsh(scaled[:end, :end]) > RANK_TOLERANCE * len(values)).sum()) for end in ends]
    return root, np.diff([0, *ranks]).tolist()
