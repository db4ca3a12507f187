"""The frontier between variance and worst-case bias of affine estimators under a bound on changes of slope."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.numerics.honest.restrictions import second_differences
from panelcoop.numerics.honest.study import StudyArrays
from panelcoop.options import FloatArray

__all__ = ["BiasPath", "bias_path"]

STEPS = 20  # breakpoints per free weight before the path counts as stuck
TIE = 1e-12


@dataclass(frozen=True)
class BiasPath:
    """Estimators that no other beats in both variance and bias, as a path in the price of bias.

    Attributes
    ----------
    prices
        Breakpoints, descending to zero; shape (s,).
    weights
        Free weights on changes of slope before the event at each breakpoint, linear in between; shape (s, P - 1).
    base, free
        Weights on the coefficients are ``base + weights @ free``; shapes (P + T,) and (P - 1, P + T).
    covariance
        Of the coefficients.
    least_bias
        Worst-case bias, per unit of M, that no estimator can avoid.
    """

    prices: FloatArray
    weights: FloatArray
    base: FloatArray
    free: FloatArray
    covariance: FloatArray
    least_bias: float

    def at(self, price: float) -> tuple[FloatArray, float, float]:
        """Return the estimator's weights, its worst-case bias per unit of M, and its standard error at a price."""
        part = np.array([np.interp(-price, -self.prices, column) for column in self.weights.T])
        weights = self.base + part @ self.free
        return weights, self.least_bias + float(np.abs(part).sum()), float(np.sqrt(weights @ self.covariance @ weights))


def bias_path(study: StudyArrays) -> BiasPath:
    """Trace the frontier exactly.

    Notes
    -----
    An affine estimator of l'tau with finite bias under Delta^SD(M) annihilates linear trends: its weights are v = D'g, D the
    second differences, and its worst-case bias is M sum |g|. Weights on later coefficients are l, which fixes g from the
    reference period on; the P - 1 earlier entries u are free. Minimising variance / 2 + price * sum |u| is a lasso, whose
    solution is piecewise linear in the price (Osborne, Presnell and Turlach 2000; Efron et al. 2004). At a high price u = 0,
    the least biased estimator; at price zero stands the estimator of least variance.
    """
    rows = second_differences(study.n_pre, study.n_post)
    free, fixed = rows[: study.n_pre - 1], rows[study.n_pre - 1 :]
    late = np.linalg.solve(fixed[:, study.n_pre :].T, study.weights)
    base = late @ fixed
    curvature, pull = free @ study.covariance @ free.T, free @ study.covariance @ base
    prices, weights = lasso_path(curvature, pull)
    return BiasPath(prices, weights, base, free, study.covariance, float(np.abs(late).sum()))


def lasso_path(curvature: FloatArray, pull: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Follow argmin u'Qu/2 + r'u + price * sum |u| from the price at which u leaves zero down to price zero.

    Parameters
    ----------
    curvature, pull
        Q, positive definite, shape (k, k); r, shape (k,).

    Returns
    -------
    prices, weights
        Breakpoints (s,) and solutions (s, k).
    """
    k = pull.size
    price = float(np.abs(pull).max(initial=0.0))
    current, active = np.zeros(k), np.abs(pull) >= price * (1 - TIE) if k else np.zeros(0, dtype=bool)
    sign = -np.sign(pull) * active
    prices, weights, left = [price], [current.copy()], -1
    for _ in range(STEPS * (k + 1)):
        if price <= 0 or k == 0:
            break
        step = np.zeros(k)
        step[active] = np.linalg.solve(curvature[np.ix_(active, active)], sign[active])
        fall, joins, leaves = _next_event((curvature, pull), current, step, price, active, left)
        current = current + fall * step
        price -= fall
        left = -1
        if leaves >= 0:
            active[leaves], current[leaves], left = False, 0.0, leaves
        if joins >= 0:
            active[joins] = True
            sign[joins] = -np.sign(curvature[joins] @ current + pull[joins])
        prices.append(max(price, 0.0))
        weights.append(current.copy())
    return np.array(prices), np.array(weights).reshape(len(prices), k)


def _next_event(
    problem: tuple[FloatArray, FloatArray],
    current: FloatArray,
    step: FloatArray,
    price: float,
    active: FloatArray,
    left: int,
) -> tuple[float, int, int]:
    """Find how far the price falls until a weight joins, a weight returns to zero, or the price is zero."""
    curvature, pull = problem
    slope, rate = curvature @ current + pull, curvature @ step
    fall, joins, leaves = price, -1, -1
    for j in np.flatnonzero(~active):
        for edge in (1.0, -1.0):  # slope_j + fall * rate_j = edge * (price - fall)
            speed = rate[j] + edge
            gap = edge * price - slope[j]
            when = gap / speed if speed != 0 else np.inf
            just_left = j == left and abs(gap) <= TIE * max(price, 1e-300)
            if not just_left and 0 <= when < fall:
                fall, joins, leaves = float(when), int(j), -1
    for j in np.flatnonzero(active):
        when = -current[j] / step[j] if step[j] != 0 else np.inf
        if 0 < when < fall:
            fall, joins, leaves = float(when), -1, int(j)
    return fall, joins, leaves
