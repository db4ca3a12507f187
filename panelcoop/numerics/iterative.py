"""Normal equations of many large effects by preconditioned conjugate gradients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.errors import PanelcoopError
from panelcoop.numerics.grouping import Grouping, group_sums
from panelcoop.options import FloatArray

__all__ = ["IterativeSolver", "iterative_solver"]

TOLERANCE = 1e-13  # residual of the normal equations relative to their right-hand side, in the preconditioned norm
MOST_ITERATIONS = 2000


@dataclass(frozen=True, eq=False)
class IterativeSolver:
    """Effects of dyadic panels: pairs, origin-weeks, destination-weeks.

    Attributes
    ----------
    groupings : the effects
    weights : (n,) or None
    totals : per effect (G_e,) weight of each level
    ranks : columns each effect adds (exact for the first two; each further effect counts its levels less one)
    components : disconnected sets of the first two effects
    tolerance : relative residual at which iteration stops
    """

    groupings: tuple[Grouping, ...]
    weights: FloatArray | None
    totals: tuple[FloatArray, ...]
    ranks: tuple[int, ...]
    components: int
    tolerance: float = TOLERANCE

    def solve(
        self, sums: tuple[FloatArray, ...], start: tuple[FloatArray, ...] | None = None
    ) -> tuple[FloatArray, ...]:
        """Return effects (G_e, m) whose fitted values reproduce the weighted sums (G_e, m) of m columns.

        Raises
        ------
        PanelcoopError
            When the iteration limit is reached: the effects are then too weakly connected.
        """
        solution = [np.zeros_like(s) for s in sums] if start is None else [s.copy() for s in start]
        residual = list(sums) if start is None else _minus(sums, self._apply(solution))
        direction = [np.zeros_like(s) for s in sums]
        scale = self._inner(sums, self._precondition(list(sums)))
        old = np.ones_like(scale)
        for _ in range(MOST_ITERATIONS):
            turned = self._precondition(residual)
            new = self._inner(residual, turned)
            if bool(np.all(new <= self.tolerance**2 * scale)):
                return tuple(solution)
            ratio = np.where(old > 0, new / np.where(old > 0, old, 1.0), 0.0)
            direction = [t + ratio * d for t, d in zip(turned, direction, strict=True)]
            image = self._apply(direction)
            curve = self._inner(direction, image)
            step = np.where(curve > 0, new / np.where(curve > 0, curve, 1.0), 0.0)
            solution = [s + step * d for s, d in zip(solution, direction, strict=True)]
            residual = [r - step * i for r, i in zip(residual, image, strict=True)]
            old = new
        msg = f"Fixed effects did not converge in {MOST_ITERATIONS} iterations; drop weakly connected levels."
        raise PanelcoopError(msg)

    def _apply(self, tables: list[FloatArray]) -> list[FloatArray]:
        rows = sum(np.take(t, g.codes, axis=0, mode="clip") for t, g in zip(tables, self.groupings, strict=True))
        return [group_sums(np.asarray(rows), g.codes, g.size, self.weights) for g in self.groupings]

    def _precondition(self, residual: list[FloatArray]) -> list[FloatArray]:
        return [r / total[:, None] for r, total in zip(residual, self.totals, strict=True)]

    @staticmethod
    def _inner(left: list[FloatArray] | tuple[FloatArray, ...], right: list[FloatArray]) -> FloatArray:
        return np.asarray(sum(np.einsum("gm,gm->m", a, b) for a, b in zip(left, right, strict=True)))


def _minus(left: tuple[FloatArray, ...], right: list[FloatArray]) -> list[FloatArray]:
    return [a - b for a, b in zip(left, right, strict=True)]


def iterative_solver(groupings: tuple[Grouping, ...], weights: FloatArray | None) -> IterativeSolver:
    """Weigh the levels and count the columns the effects span."""
    totals = tuple(
        g.counts.astype(float) if weights is None else np.bincount(g.codes, weights, g.size) for g in groupings
    )
    ranks = tuple(g.size - (position > 0) for position, g in enumerate(groupings))
    return IterativeSolver(groupings, weights, totals, ranks, 1)
