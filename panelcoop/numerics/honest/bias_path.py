"""The frontier between variance and worst-case bias of affine estimators under a bound on changes of slope."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.errors import IdentificationError
from panelcoop.numerics.honest.restrictions import second_differences
from panelcoop.numerics.honest.study import StudyArrays
from panelcoop.options import BoolArray, FloatArray

__all__ = ["BiasPath", "bias_path"]

STEPS = 20  # breakpoints per free weight before the path counts as stuck
TIE = 1e-12
SINGULAR = 1e14  # condition number beyond which weights are noise


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
    An affine estimator of l'tau with finite bias under Delta^SD(M) annihilates linear trends: its weights are v = D'g,
    D the second differences, and its worst-case bias is M sum |g|. Weights on later coefficients are l, which fixes g
    from the reference period on; the P - 1 earlier entries u are free. Minimising variance / 2 + price * sum |u| is a
    lasso, whose solution is piecewise linear in the price (Osborne, Presnell and Turlach 2000; Efron et al. 2004). At
    a high price u = 0, the least biased estimator; at price zero stands the estimator of least variance.
    """
    rows = second_differences(study.n_pre, study.n_post)
    free, fixed = rows[: study.n_pre - 1], rows[study.n_pre - 1 :]
    late = np.linalg.solve(fixed[:, study.n_pre :].T, study.weights)
    base = late @ fixed
    curvature, pull = free @ study.covariance @ free.T, free @ study.covariance @ base
    if study.n_pre > 1 and np.linalg.cond(curvature) > SINGULAR:
        raise IdentificationError(
            "The covariance of coefficients before the event is singular, as with fewer clusters than coefficients: "
            "shorten the window before the event."
        )
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
    active = np.abs(pull) >= price * (1 - TIE)
    place = _Place(np.zeros(k), price, active, -np.sign(pull) * active, -1)
    prices, weights = [price], [place.weights]
    for _ in range(STEPS * (k + 1)):
        if place.price <= 0:
            break
        place = _move(curvature, pull, place)
        prices.append(place.price)
        weights.append(place.weights)
    return np.array(prices), np.array(weights).reshape(len(prices), k)


@dataclass(frozen=True)
class _Place:
    """Where the path stands: weights, price, which weights are free to move, their signs, and which has just left."""

    weights: FloatArray
    price: float
    active: BoolArray
    sign: FloatArray
    left: int


def _move(curvature: FloatArray, pull: FloatArray, place: _Place) -> _Place:
    """Go on to the next breakpoint."""
    step, active, sign = np.zeros(pull.size), place.active.copy(), place.sign.copy()
    step[active] = np.linalg.solve(curvature[np.ix_(active, active)], sign[active])
    slope, rate = curvature @ place.weights + pull, curvature @ step
    join, joins = _first_to_join(place, slope, rate)
    leave, leaves = _first_to_leave(place, step)
    fall = min(place.price, join, leave)
    weights = place.weights + fall * step
    left = -1
    if fall == leave:
        active[leaves], weights[leaves], left = False, 0.0, leaves
    elif fall == join:
        active[joins] = True
        sign[joins] = -np.sign(slope[joins] + fall * rate[joins])
    return _Place(weights, max(place.price - fall, 0.0), active, sign, left)


def _first_to_join(place: _Place, slope: FloatArray, rate: FloatArray) -> tuple[float, int]:
    """Find the fall of the price at which an idle weight joins: slope + fall rate = edge (price - fall)."""
    best, which = np.inf, -1
    for j in np.flatnonzero(~place.active):
        for edge in (1.0, -1.0):
            gap, speed = edge * place.price - slope[j], rate[j] + edge
            if speed == 0 or (j == place.left and abs(gap) <= TIE * place.price):
                continue
            if 0 <= gap / speed < best:
                best, which = float(gap / speed), int(j)
    return best, which


def _first_to_leave(place: _Place, step: FloatArray) -> tuple[float, int]:
    """Find the fall of the price at which a moving weight returns to zero."""
    best, which = np.inf, -1
    for j in np.flatnonzero(place.active):
        if step[j] != 0 and 0 < -place.weights[j] / step[j] < best:
            best, which = float(-place.weights[j] / step[j]), int(j)
    return best, which
