"""Dual vertices that matter, found by linear programmes, where there are too many to enumerate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.numerics.honest.batched_simplex import feasible_basis, maximise_many
from panelcoop.numerics.honest.conditional import SLACK, STILL, truncation_bounds
from panelcoop.numerics.honest.vertices import Moments, VertexProcess
from panelcoop.options import FloatArray, IntArray

__all__ = ["DualPolytope", "dual_polytope", "pooled_process", "simulated_statistics"]

ROUNDS = 40  # a round adds at least one vertex; five or six are usual
FAR = 40.0  # standard deviations that stand for infinity
REACH = 1e4  # widths of the window of targets that stand for infinity
GAIN = 1e-7  # by how much a new vertex must exceed the pool
DIGITS = 7  # vertices that agree to this many digits are one


@dataclass(frozen=True)
class DualPolytope:
    """The set {u >= 0, sum u = 1, (X / sd)'u = 0} of weights on moments in units of their errors.

    Attributes
    ----------
    moments
        The inequalities.
    equal, right
        Equality constraints, shapes (T, m) and (T,).
    start
        Columns of one vertex, shape (T,).
    """

    moments: Moments
    equal: FloatArray
    right: FloatArray
    start: IntArray

    def best(self, values: FloatArray) -> FloatArray:
        """Return for each row of moment values the weights w that maximise their sum; shape (n, m)."""
        return maximise_many(values / self.moments.sd, self.equal, self.right, self.start) / self.moments.sd


def dual_polytope(moments: Moments) -> DualPolytope:
    """Write down the constraints and find a first vertex."""
    scaled = moments.nuisance / moments.sd[:, None]
    scaled /= np.abs(scaled).max(axis=0)
    equal = np.vstack([np.ones(len(scaled)), scaled.T])
    right = np.append(1.0, np.zeros(scaled.shape[1]))
    return DualPolytope(moments, equal, right, feasible_basis(equal, right))


def simulated_statistics(polytope: DualPolytope, draws: FloatArray) -> FloatArray:
    """Return the statistic of each draw when every moment is zero in expectation, shape (n,)."""
    moments = polytope.moments
    values = draws @ moments.study.root @ moments.matrix.T
    return np.asarray((polytope.best(values) * values).sum(axis=1))


def pooled_process(polytope: DualPolytope, theta: FloatArray, most: float) -> VertexProcess:
    """Collect the vertices that decide the test at given targets.

    Parameters
    ----------
    theta
        Targets at which the pool is to be complete, shape (n,).
    most
        Statistics above it are rejected at once, and need no truncation bounds.

    Notes
    -----
    The pool starts with the largest vertex at each target. A truncation bound x computed from the pool is right when
    no vertex exceeds x at the data S + c x; otherwise that vertex joins and the bound is computed again (the
    shortcut of Algorithm 1, appendix D, of Andrews, Roth and Pakes 2023). Between the given targets a vertex that is
    largest on a stretch shorter than their distance may be missing.
    """
    moments = polytope.moments
    weights = _distinct(polytope.best(_moment_values(moments, theta)))
    for _ in range(ROUNDS):
        process = moments.process(weights)
        asked, bounds = _questions(moments, process, theta, most)
        best = polytope.best(asked)
        beaten = (best * asked).sum(axis=1) > bounds + GAIN * (1 + np.abs(bounds))
        if not beaten.any():
            break
        grown = _distinct(np.vstack([weights, best[beaten]]))
        if len(grown) == len(weights):
            break
        weights = grown
    return moments.process(weights)


def _moment_values(moments: Moments, theta: FloatArray) -> FloatArray:
    """Evaluate the moments at targets, shape (n, m)."""
    level = moments.matrix @ moments.study.estimates - moments.bound
    return np.asarray(level - theta[:, None] * moments.direction)


def _questions(
    moments: Moments, process: VertexProcess, theta: FloatArray, most: float
) -> tuple[FloatArray, FloatArray]:
    """List data at which the pool may be beaten, and what it attains there."""
    ends = np.clip(process.satisfied(), theta.min() - REACH * np.ptp(theta), theta.max() + REACH * np.ptp(theta))
    asked, bounds = [_moment_values(moments, ends)], [process.values(ends).max(axis=0, initial=-np.inf)]
    values, data = process.values(theta), _moment_values(moments, theta)
    largest = values.argmax(axis=0)
    eta = values.max(axis=0)
    for g in np.unique(largest[(eta > SLACK) & (eta <= most)]):
        here = np.flatnonzero((largest == g) & (eta > SLACK) & (eta <= most))
        variance = process.covariance[g, g]
        if variance <= STILL:
            continue
        slope = moments.matrix @ process.loading[g] / variance
        far = FAR * np.sqrt(variance)
        for bound, end in zip(truncation_bounds(process, int(g), values[:, here]), (-far, far), strict=True):
            x = np.where(np.isinf(bound), eta[here] + end, bound)
            asked.append(data[here] + slope * (x - eta[here])[:, None])
            bounds.append(x)
    return np.vstack(asked), np.concatenate(bounds)


def _distinct(weights: FloatArray) -> FloatArray:
    """Keep one of each vertex."""
    scaled = weights / weights.max(axis=1, keepdims=True)
    _, first = np.unique(np.round(scaled, DIGITS) + 0.0, axis=0, return_index=True)
    return weights[np.sort(first)]
