"""The conditional and hybrid tests of Andrews, Roth and Pakes (2023), for many values of the target at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.numerics.honest.truncated_normal import truncated_normal_ppf
from panelcoop.numerics.honest.vertices import VertexProcess
from panelcoop.options import BoolArray, FloatArray

__all__ = ["ConditionalTest", "FirstStage", "accepts", "least_favourable"]

STILL = 1e-12  # variance of a vertex that is not random
FLAT = 1e-9  # two vertices that move together: no truncation follows from them
SLACK = 1e-9  # rounding in a statistic that is zero
CELLS = 2_000_000  # entries of one block of draws by vertices
FEWEST_DRAWS = 1_000  # the number of draws in the authors' software


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


def least_favourable(process: VertexProcess, kappa: float, draws: FloatArray) -> float:
    """Simulate the 1 - kappa quantile of the statistic when every moment is zero in expectation.

    Parameters
    ----------
    draws
        Standard normals, shape (n, P + T).

    Notes
    -----
    Quantile of type 7 (linear interpolation), as in R. Section 6.2 of Andrews, Roth and Pakes (2023). Where there are
    hundreds of vertices only the first draws are used, 2 million divided by the vertices and at least 1,000.
    """
    draws = draws[: max(FEWEST_DRAWS, CELLS // process.level.size)]
    step = max(1, CELLS // process.level.size)
    largest = [(draws[i : i + step] @ process.root).max(axis=1) for i in range(0, len(draws), step)]
    return float(np.quantile(np.concatenate(largest), 1 - kappa))


def accepts(test: ConditionalTest, theta: FloatArray) -> BoolArray:
    """Say of each value of the target whether the test accepts it.

    Notes
    -----
    The statistic eta is the largest vertex value; given that vertex g is the largest and the part of the data
    independent of it, eta is normal truncated to [vlo, vup] with vlo = max over Cov(v, g) < Var(g) of (T_v - r_v eta)
    / (1 - r_v), r_v = Cov(v, g) / Var(g), and vup the least over the others. Taking vertices, not bases, handles
    degenerate and non-unique dual solutions alike. The test rejects when eta / sd(g) exceeds the larger of zero and
    the 1 - size quantile of that truncated normal. A vertex without variance rejects when it is positive.
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
    passed: BoolArray = (eta <= test.first.most) & (np.abs(test.centre - theta) <= test.first.half_length)
    accepted = np.asarray(passed & (eta <= SLACK))
    open_ = np.flatnonzero(passed & ~accepted)
    for g in np.unique(largest[open_]):
        here = open_[largest[open_] == g]
        if test.process.covariance[g, g] > STILL:
            accepted[here] = _below_quantile(test, int(g), values[:, here], theta[here])
    return accepted


def _below_quantile(test: ConditionalTest, g: int, values: FloatArray, theta: FloatArray) -> BoolArray:
    """Compare the statistic with its truncated normal quantile where vertex g is the largest."""
    variance = test.process.covariance[g, g]
    eta, ratio = values[g], test.process.covariance[:, g] / variance
    gap = 1.0 - ratio
    below, above = gap > FLAT, gap < -FLAT
    low = ((values[below] - ratio[below, None] * eta) / gap[below, None]).max(axis=0, initial=-np.inf)
    high = ((values[above] - ratio[above, None] * eta) / gap[above, None]).min(axis=0, initial=np.inf)
    high = np.minimum(high, test.first.most)
    if test.first.weights is not None:
        low, high = _within_fixed_length(test, g, theta, eta, (low, high))
    sd = np.sqrt(variance)
    low, high = np.minimum(low, eta), np.maximum(high, eta)  # both hold exactly; rounding may disagree
    critical = truncated_normal_ppf(1 - test.size, low / sd, high / sd)
    return np.asarray(eta / sd <= np.maximum(critical, 0.0))


def _within_fixed_length(
    test: ConditionalTest, g: int, theta: FloatArray, eta: FloatArray, bounds: tuple[FloatArray, FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """Add the event that the fixed-length interval covers theta, |estimate - theta| <= half-length."""
    low, high = bounds
    weights, process = test.first.weights, test.process
    assert weights is not None
    slope = float(process.loading[g] @ weights) / process.covariance[g, g]
    if abs(slope) < STILL:
        return low, high
    rest = test.centre - theta - slope * eta
    ends = np.sort([(-test.first.half_length - rest) / slope, (test.first.half_length - rest) / slope], axis=0)
    return np.maximum(low, ends[0]), np.minimum(high, ends[1])
