"""The conditional and hybrid tests of Andrews, Roth and Pakes (2023), for many values of the target at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.numerics.honest.truncated_normal import truncated_normal_ppf
from panelcoop.numerics.honest.vertices import VertexProcess
from panelcoop.options import BoolArray, FloatArray

__all__ = ["SLACK", "STILL", "ConditionalTest", "FirstStage", "accepts", "largest_vertices", "truncation_bounds"]

STILL = 1e-12  # variance of a vertex that is not random
FLAT = 1e-9  # two vertices that move together: no truncation follows from them
SLACK = 1e-9  # rounding in a statistic that is zero
CELLS = 2_000_000  # entries of one block of draws by vertices


@dataclass(frozen=True)
class FirstStage:
    """What a hybrid test rejects first, at size kappa.

    Attributes
    ----------
    most
        Least favourable critical value of the statistic (C-LF); infinite for none.
    weights, half_length
        The fixed-length interval's weights on all coefficients and its half-length (C-F); None for none.
    """

    most: float = np.inf
    weights: FloatArray | None = None
    half_length: float = np.inf


@dataclass(frozen=True)
class ConditionalTest:
    """A test of l'tau = theta against one polyhedron.

    Attributes
    ----------
    process
        Values of the dual vertices.
    size
        Size of the conditional test: alpha, or (alpha - kappa) / (1 - kappa) after a first stage.
    first
        The first stage.
    centre
        The fixed-length estimate, where the first stage uses it.
    """

    process: VertexProcess
    size: float
    first: FirstStage
    centre: float = 0.0


def largest_vertices(process: VertexProcess, draws: FloatArray) -> FloatArray:
    """Return the statistic of each draw when every moment is zero in expectation, shape (n,).

    Parameters
    ----------
    draws
        Standard normals, shape (n, P + T).
    """
    step = max(1, CELLS // process.level.size)
    parts = [(draws[i : i + step] @ process.root).max(axis=1) for i in range(0, len(draws), step)]
    return np.concatenate(parts)


def accepts(test: ConditionalTest, theta: FloatArray) -> BoolArray:
    """Say of each value of the target whether the test accepts it.

    Notes
    -----
    The statistic eta is the largest vertex value; given that vertex g is the largest and the part of the data
    independent of it, eta is normal truncated to [vlo, vup] with vlo = max over Cov(v, g) < Var(g) of (T_v - r_v eta)
    / (1 - r_v), r_v = Cov(v, g) / Var(g), and vup the least over the others. Taking vertices, not bases, handles
    degenerate and non-unique dual solutions alike. The test rejects when eta / sd(g) exceeds the larger of zero and
    the 1 - size quantile of that truncated normal. A vertex without variance rejects when it is positive. A first stage
    by a fixed-length interval rejects on its very edge, where a truncation bound may touch the statistic and the
    conditional test says nothing.
    """
    accepted = np.zeros(theta.size, dtype=bool)
    step = max(1, CELLS // test.process.level.size)
    for i in range(0, theta.size, step):
        accepted[i : i + step] = _accepts(test, theta[i : i + step])
    return accepted


def _accepts(test: ConditionalTest, theta: FloatArray) -> BoolArray:
    values = test.process.values(theta)
    largest = values.argmax(axis=0)
    eta = values[largest, np.arange(theta.size)]
    inside = np.abs(test.centre - theta) < (1 - SLACK) * test.first.half_length
    passed: BoolArray = (eta <= test.first.most) & inside
    accepted = np.asarray(passed & (eta <= SLACK))
    open_ = np.flatnonzero(passed & ~accepted)
    for g in np.unique(largest[open_]):
        here = open_[largest[open_] == g]
        if test.process.covariance[g, g] > STILL:
            accepted[here] = _below_quantile(test, int(g), values[:, here], theta[here])
    return accepted


def _below_quantile(test: ConditionalTest, g: int, values: FloatArray, theta: FloatArray) -> BoolArray:
    """Compare the statistic with its truncated normal quantile where vertex g is the largest."""
    eta, sd = values[g], np.sqrt(test.process.covariance[g, g])
    low, high = truncation_bounds(test.process, g, values)
    high = np.minimum(high, test.first.most)
    if test.first.weights is not None:
        low, high = _within_fixed_length(test, g, theta, eta, (low, high))
    low, high = np.minimum(low, eta), np.maximum(high, eta)  # both hold exactly; rounding may disagree
    critical = truncated_normal_ppf(1 - test.size, low / sd, high / sd)
    return np.asarray(eta / sd <= np.maximum(critical, 0.0))


def truncation_bounds(process: VertexProcess, g: int, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the interval of the statistic on which vertex g is the largest, given what is independent of it.

    Parameters
    ----------
    values
        Values of all vertices at n targets, shape (v, n).

    Returns
    -------
    low, high
        Shape (n,) each, possibly infinite.
    """
    eta, ratio = values[g], process.covariance[:, g] / process.covariance[g, g]
    gap = 1.0 - ratio
    below, above = gap > FLAT, gap < -FLAT
    low = ((values[below] - ratio[below, None] * eta) / gap[below, None]).max(axis=0, initial=-np.inf)
    high = ((values[above] - ratio[above, None] * eta) / gap[above, None]).min(axis=0, initial=np.inf)
    return low, high


def _within_fixed_length(
    test: ConditionalTest, g: int, theta: FloatArray, eta: FloatArray, bounds: tuple[FloatArray, FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """Add the event that the fixed-length interval covers theta, |estimate - theta| <= half-length."""
    low, high = bounds
    weights, process = test.first.weights, test.process
    assert weights is not None
    slope = float(process.loading[g] @ weights) / process.covariance[g, g]
    if abs(slope) * np.sqrt(process.covariance[g, g]) < STILL * test.first.half_length:
        return low, high
    rest = test.centre - theta - slope * eta
    ends = np.sort([(-test.first.half_length - rest) / slope, (test.first.half_length - rest) / slope], axis=0)
    return np.maximum(low, ends[0]), np.minimum(high, ends[1])
