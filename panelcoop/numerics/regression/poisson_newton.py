"""Poisson with many large effects: inexact Newton steps on effects and coefficients together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from panelcoop.errors import PanelcoopError
from panelcoop.numerics.block_sums import BlockSums
from panelcoop.numerics.grouping import Grouping
from panelcoop.numerics.regression.absorb import Absorber
from panelcoop.numerics.regression.iterative import IterativeSolver, refilled
from panelcoop.numerics.regression.poisson_start import (
    LARGEST_INDEX,
    log_likelihood,
    means_without_effects,
    proportional,
    totals_of,
)
from panelcoop.options import FloatArray

__all__ = ["NewtonState", "newton_poisson"]

FORCING = 0.03  # relative residual to which each Newton system is solved, at most ...
LEAST_FORCING = 0.003  # ... and at least; between them it follows the size of the step before
ERROR = 3e-7  # root mean square error of the linear index, as the last step foretells it, that an exact step removes
ROUGH_ERROR = 5e-3  # the same where a rough fit will do
COLLINEAR = 1e-9  # eigenvalue of the scaled corner below which a combination of columns gets no step
MOST_STEPS = 60
MOST_ROUGH = 8  # steps after which a rough fit is given up
MOST_LED = 20  # steps after which a fit that began from coefficients is given up
MOST_INNER = 200
BLOCK = 32_768  # rows whose vectors stay in the cache


@dataclass(frozen=True, eq=False)
class NewtonState:
    """Where the iteration ended.

    Attributes
    ----------
    coef : (k,)
    mean : (n,) fitted means
    steps : Newton steps taken
    """

    coef: FloatArray
    mean: FloatArray
    steps: int


@dataclass(frozen=True, eq=False)
class _Problem:
    """What stays the same; `totals` are sums of the outcome by level, `products` those with the columns."""

    outcome: FloatArray
    columns: FloatArray
    weights: FloatArray | None
    groupings: tuple[Grouping, ...]
    totals: list[FloatArray]
    products: FloatArray


def newton_poisson(
    outcome: FloatArray,
    columns: FloatArray,
    door: Absorber,
    offset: FloatArray | None,
    weights: FloatArray | None,
    *,
    coef: FloatArray | None = None,
    roughly: bool = False,
) -> NewtonState:
    """Maximise the Poisson likelihood with three or more large effects.

    Parameters
    ----------
    outcome, columns, offset, weights : as in `poisson`
    door : the effects, solved iteratively
    coef : (k,) coefficients to begin with; default zero
    roughly : stop early, where coefficients are good enough to begin with

    Notes
    -----
    Each step solves the weighted normal equations of effects and coefficients jointly by conjugate gradients on the
    system from which the largest effect is eliminated, to a relative residual of 3%, later of 0.3%: errors left over
    are removed by the next step. The effects start from two rounds of iterative proportional fitting. Vectors of n
    rows are written in place, because first touching fresh memory would cost more than the arithmetic.

    Raises
    ------
    PanelcoopError
        When 60 steps do not converge.
    """
    totals = totals_of(outcome, door.groupings, weights)
    products = columns.T @ outcome if weights is None else columns.T @ (outcome * weights)
    problem = _Problem(outcome, columns, weights, door.groupings, totals, products)
    mean = means_without_effects(columns, offset, coef)
    proportional(mean, door.groupings, totals, weights)
    index = np.log(mean)
    weight = mean if weights is None else np.empty_like(mean)
    given, coef = coef, np.zeros(columns.shape[1]) if coef is None else coef
    likelihood = log_likelihood(outcome, index, mean, weights)
    solver = door.solver
    if not isinstance(solver, IterativeSolver):
        raise PanelcoopError("These steps are for effects that are solved iteratively.")
    forcing = FORCING
    error, most = (ROUGH_ERROR, MOST_ROUGH) if roughly else (ERROR, MOST_STEPS if given is None else MOST_LED)
    for step in range(1, most + 1):
        if weights is not None:
            np.multiply(mean, weights, out=weight)
        solver = refilled(solver, weight)
        change, tables = _newton_step(problem, weight, solver, forcing)
        size, found = _move(problem, index, mean, change, tables)
        fraction = 1.0
        while found < likelihood - 1e-9 * abs(found) and fraction > 1e-3:
            fraction /= 2
            _, found = _move(problem, index, mean, -fraction * change, [-fraction * t for t in tables])
        likelihood = found
        coef = coef + fraction * change
        if size * max(size, forcing) < error:
            return NewtonState(coef, mean, step)
        forcing = min(max(size, LEAST_FORCING), FORCING)
    msg = f"Poisson did not converge in {most} steps; look for outcomes of very different size or rescale."
    raise PanelcoopError(msg)


def _newton_step(
    problem: _Problem, weight: FloatArray, solver: IterativeSolver, forcing: float
) -> tuple[FloatArray, list[FloatArray]]:
    """Solve the joint normal equations roughly; return the change of the coefficients and of every effect."""
    lead, rest = solver.layout.lead, solver.layout.rest
    right = [(y - m)[:, None] for y, m in zip(problem.totals, solver.totals, strict=True)]
    border, gram = _column_sums(problem, weight)
    reduced = solver.reduce(right[lead], [right[e] for e in rest])
    edge = solver.reduce(border[lead], [border[e] for e in rest])
    mean_border = border[lead] / solver.totals[lead][:, None]
    corner = gram - border[lead].T @ mean_border
    gradient = (problem.products - border[lead].sum(axis=0))[:, None] - mean_border.T @ right[lead]
    effects, found = _joint_gradients(solver, edge, corner, reduced, gradient, before=np.diag(gram), forcing=forcing)
    own = solver.expand(right[lead] - border[lead] @ found, effects)
    tables = dict(zip(rest, effects, strict=True)) | {lead: own}
    return found[:, 0], [np.ascontiguousarray(tables[e][:, 0]) for e in range(len(problem.groupings))]


def _column_sums(problem: _Problem, weight: FloatArray) -> tuple[list[FloatArray], FloatArray]:
    """Return weighted sums of the columns by level of every effect, and their weighted Gram matrix."""
    k = problem.columns.shape[1]
    sums = [BlockSums(g, k, contiguous=False) for g in problem.groupings]
    gram = np.zeros((k, k))
    for start in range(0, len(weight), BLOCK):
        rows = slice(start, min(start + BLOCK, len(weight)))
        block = np.ascontiguousarray(problem.columns[rows])
        for one in sums:
            one.add(block, rows, weight[rows])
        gram += (block * weight[rows, None]).T @ block
    return [s.total for s in sums], gram


def _move(
    problem: _Problem, index: FloatArray, mean: FloatArray, change: FloatArray, tables: list[FloatArray]
) -> tuple[float, float]:
    """Add a step to the index in place, renew the means; return the weighted size of the step and the likelihood."""
    size, total, likelihood = 0.0, 0.0, 0.0
    for start in range(0, len(mean), BLOCK):
        rows = slice(start, start + BLOCK)
        shift = problem.columns[rows] @ change
        for grouping, table in zip(problem.groupings, tables, strict=True):
            shift += table[grouping.codes[rows]]
        before = mean[rows] if problem.weights is None else mean[rows] * problem.weights[rows]
        size += float(np.einsum("i,i,i->", shift, shift, before))
        total += float(before.sum())
        index[rows] += shift
        np.clip(index[rows], -LARGEST_INDEX, LARGEST_INDEX, out=index[rows])
        np.exp(index[rows], out=mean[rows])
        gain = problem.outcome[rows] * index[rows] - mean[rows]
        likelihood += float(gain.sum() if problem.weights is None else gain @ problem.weights[rows])
    return float(np.sqrt(size / total)), likelihood


def _joint_gradients(
    solver: IterativeSolver,
    edge: list[FloatArray],
    corner: FloatArray,
    reduced: list[FloatArray],
    gradient: FloatArray,
    *,
    before: FloatArray,
    forcing: float,
) -> tuple[list[FloatArray], FloatArray]:
    """Run conjugate gradients on effects bordered by coefficients, preconditioned by totals and by the corner."""
    totals = [solver.totals[e][:, None] for e in solver.layout.rest]
    inverse = _corner_inverse(corner, before)
    residual = [*reduced, gradient]
    solution = [np.zeros_like(r) for r in residual]
    direction = [np.zeros_like(r) for r in residual]
    old, first = 1.0, 0.0
    for _ in range(MOST_INNER):
        turned = [r / t for r, t in zip(residual, totals, strict=False)]
        turned.append(inverse @ residual[-1])
        new = sum(float(r[:, 0] @ t[:, 0]) for r, t in zip(residual, turned, strict=True))
        first = first or new
        if new <= forcing**2 * first or new == 0:
            break
        direction = [t + new / old * d for t, d in zip(turned, direction, strict=True)]
        image = [i + e @ direction[-1] for i, e in zip(solver.apply(direction[:-1]), edge, strict=True)]
        bottom = sum((e.T @ d for e, d in zip(edge, direction, strict=False)), corner @ direction[-1])
        image.append(bottom)
        curve = sum(float(d[:, 0] @ i[:, 0]) for d, i in zip(direction, image, strict=True))
        if curve <= 0:
            break  # a direction that is absorbed: nothing more to gain
        step = new / curve
        solution = [s + step * d for s, d in zip(solution, direction, strict=True)]
        residual = [r - step * i for r, i in zip(residual, image, strict=True)]
        old = new
    return solution[:-1], solution[-1]


def _corner_inverse(corner: FloatArray, before: FloatArray) -> FloatArray:
    """Return a pseudo-inverse, so that columns that are not identified get no step; `before` are squared norms (k,)."""
    left = np.diag(corner)
    alive = left > COLLINEAR * before
    unit = np.where(alive, 1.0 / np.sqrt(np.where(alive, left, 1.0)), 0.0)
    scaled = unit[:, None] * corner * unit
    return np.asarray(unit[:, None] * linalg.pinvh(scaled, rtol=COLLINEAR) * unit)
