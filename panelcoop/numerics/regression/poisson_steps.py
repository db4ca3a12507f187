"""Reweighted least squares and Newton steps to the Poisson maximum, begun from a part of the rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.errors import PanelcoopError
from panelcoop.numerics.grouping import Grouping, group_rows, level_totals
from panelcoop.numerics.regression.absorb import Absorber, absorber, reweighed
from panelcoop.numerics.regression.design_moments import design_of
from panelcoop.numerics.regression.iterative import IterativeSolver
from panelcoop.numerics.regression.poisson_newton import MOST_LED, MOST_ROUGH, MOST_STEPS, NewtonState, newton_poisson
from panelcoop.numerics.regression.poisson_start import (
    LARGEST_INDEX,
    log_likelihood,
    means_without_effects,
    proportional,
    some_levels,
    totals_of,
)
from panelcoop.numerics.regression.rank import rank_report
from panelcoop.numerics.regression.separation import all_zero_levels
from panelcoop.options import FloatArray, IntArray

__all__ = ["FAILURES", "PoissonData", "coefficients_of_a_part", "settled", "weighted_sum"]

STEP_TOLERANCE = 1e-4  # root mean square change of the linear index; Newton squares it: 1e-8, after the last step 1e-16
LEVEL_TOLERANCE = 1e-3  # the same within each level of an effect, so that no small one is left behind
COEF_TOLERANCE = 1e-3  # change of a coefficient, in its standard errors, that counts as none
ROUGH_STEP = 0.03  # the same for a fit to a part of the rows, whose own error is of that size
FAILURES = (PanelcoopError, ValueError, np.linalg.LinAlgError)
"""What steps from a bad beginning may end in."""


@dataclass(frozen=True, eq=False)
class PoissonData:
    """What a Poisson fit is asked to explain.

    Attributes
    ----------
    outcome, columns, offset, weights, trend : as in `poisson`
    effects : the groupings of the rows
    start : (n,) means to begin from, or None
    """

    outcome: FloatArray
    columns: FloatArray
    effects: tuple[Grouping, ...]
    offset: FloatArray | None
    weights: FloatArray | None
    trend: FloatArray | None
    start: FloatArray | None = None

    def rows(self, keep: IntArray) -> PoissonData:
        """Return the rows at some positions, their levels numbered anew."""

        def take(values: FloatArray | None) -> FloatArray | None:
            return None if values is None else values[keep]

        effects = tuple(group_rows(e.codes[keep]) for e in self.effects)
        kept = (take(v) for v in (self.offset, self.weights, self.trend, self.start))
        return PoissonData(self.outcome[keep], self.columns[keep], effects, *kept)


def settled(
    data: PoissonData, door: Absorber, names: tuple[str, ...], coef: FloatArray | None = None, *, roughly: bool = False
) -> NewtonState:
    """Take exact steps where the effects are solved directly, inexact Newton steps where they are not."""
    if isinstance(door.solver, IterativeSolver):
        return newton_poisson(data.outcome, data.columns, door, data.offset, data.weights, coef=coef, roughly=roughly)
    return _reweighted(data, door, names, coef, roughly=roughly)


def coefficients_of_a_part(data: PoissonData, door: Absorber, names: tuple[str, ...]) -> FloatArray | None:
    """Return (k,) coefficients of a fit to some levels of the largest effect; None where that would save nothing."""
    rows = some_levels(door) if data.start is None else None
    if rows is None:
        return None
    part = data.rows(rows)
    lost = all_zero_levels(part.outcome, part.effects)
    part = part.rows(np.flatnonzero(~lost)) if lost.any() else part
    if not len(part.outcome):
        return None
    try:
        inside = absorber(part.effects, weights=part.weights, trend=part.trend)
        return settled(part, inside, names, roughly=True).coef
    except FAILURES:
        return None


def _reweighted(
    data: PoissonData, door: Absorber, names: tuple[str, ...], coef: FloatArray | None, *, roughly: bool
) -> NewtonState:
    """Iterate weighted least squares from the coefficients, else from the means given, else from the outcomes."""
    y = data.outcome
    shift = 0.0 if data.offset is None else data.offset
    mean = data.start
    if coef is not None:
        mean = means_without_effects(data.columns, data.offset, coef)
        proportional(mean, door.groupings, totals_of(y, door.groupings, data.weights), data.weights)
    elif mean is None:
        mean = (y + y.mean()) / 2
    index = np.log(mean)
    likelihood = -np.inf if coef is None else log_likelihood(y, index, mean, data.weights)
    tolerance, most = STEP_TOLERANCE, MOST_STEPS if coef is None else MOST_LED
    if roughly:
        tolerance, most = ROUGH_STEP, MOST_ROUGH
    before = np.full(data.columns.shape[1], np.inf)
    for step in range(1, most + 1):
        weights = mean if data.weights is None else mean * data.weights
        door = reweighed(door, weights)
        working = index - shift + (y - mean) / mean
        design, moments = design_of(data.columns, working, door)
        inverse = rank_report(moments.gram, moments.before, moments.raw, names, design.measure).inverse
        solution = inverse @ moments.cross
        fitted = working - design.residual(solution) + shift
        squares = (fitted - index) ** 2 * weights
        small = bool(np.sqrt(squares.sum() / weights.sum()) < tolerance)
        still = roughly or (small and _all_still(data, squares, weights, solution - before, inverse))
        index, mean, likelihood = _damped(data, index, fitted, likelihood)
        before = solution
        if small and still:
            return NewtonState(solution if design.turn is None else design.turn @ solution, mean, step)
    msg = f"Poisson did not converge in {most} steps; look for outcomes of very different size or rescale."
    raise PanelcoopError(msg)


def _all_still(
    data: PoissonData, squares: FloatArray, weights: FloatArray, moved: FloatArray, inverse: FloatArray
) -> bool:
    """Say whether no level of an effect and no coefficient has moved more than the next step will put right.

    A coefficient is still if it moved by little of its standard error, or moves no row's index by more than a little.
    """
    for grouping in data.effects:
        ratio = level_totals(grouping, squares) / level_totals(grouping, weights)
        if not ratio.max() < LEVEL_TOLERANCE**2:
            return False
    reach = np.maximum(data.columns.max(axis=0), -data.columns.min(axis=0))
    error = np.sqrt(np.maximum(np.diag(inverse), 0.0))
    return bool((np.abs(moved) <= np.maximum(COEF_TOLERANCE * error, STEP_TOLERANCE / np.maximum(reach, 1e-300))).all())


def _damped(
    data: PoissonData, index: FloatArray, fitted: FloatArray, likelihood: float
) -> tuple[FloatArray, FloatArray, float]:
    """Take the step, halved until the likelihood no longer falls."""
    for _ in range(12):
        np.clip(fitted, -LARGEST_INDEX, LARGEST_INDEX, out=fitted)
        mean = np.exp(fitted)
        found = log_likelihood(data.outcome, fitted, mean, data.weights)
        if found >= likelihood - 1e-9 * abs(found):
            break
        fitted = (fitted + index) / 2
    return fitted, mean, found


def weighted_sum(values: FloatArray, weights: FloatArray | None) -> float:
    """Return the sum of values (n,), each times its weight."""
    return float(values.sum() if weights is None else weights @ values)
