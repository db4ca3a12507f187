"""Many linear programmes that differ only in their objective, solved side by side by the simplex method."""

from __future__ import annotations

import numpy as np

from panelcoop.errors import PanelcoopError
from panelcoop.options import FloatArray, IntArray

__all__ = ["feasible_basis", "maximise_many"]

SPREAD = 1e-6  # how far the right-hand side is moved so that no vertex is degenerate and the method cannot cycle
OPTIMAL = 1e-10  # largest gain per unit that counts as none; objectives are scaled to one
PIVOT = 1e-9
MOST_STEPS = 50  # per row of constraints
LARGE = 1e3  # cost of an artificial weight, objectives being scaled to one


def feasible_basis(equal: FloatArray, right: FloatArray) -> IntArray:
    """Find columns of a vertex of {w >= 0, equal w = right}.

    Parameters
    ----------
    equal, right
        Shapes (r, m) and (r,), the right-hand side not negative.

    Raises
    ------
    PanelcoopError
        If there is none.
    """
    r, m = equal.shape
    with_artificial = np.hstack([equal, np.eye(r)])
    cost = np.append(np.zeros(m), np.full(r, -1.0))[None, :]
    basis, weights = _simplex(cost, with_artificial, right, np.arange(m, m + r))
    if weights[0, m:].sum() > 10 * SPREAD * r:
        raise PanelcoopError("The moment inequalities have no dual solution; report this restriction and target.")
    return _drive_out(with_artificial, basis[0], m)


def maximise_many(costs: FloatArray, equal: FloatArray, right: FloatArray, start: IntArray) -> FloatArray:
    """Maximise cost'w over {w >= 0, equal w = right} for each row of costs.

    Parameters
    ----------
    costs
        Objectives, shape (n, m).
    start
        A feasible basis, from `feasible_basis`; shape (r,).

    Returns
    -------
    ndarray
        An optimal vertex for each objective, shape (n, m).
    """
    scale = np.abs(costs).max(axis=1, keepdims=True)
    return _simplex(costs / np.where(scale > 0, scale, 1.0), equal, right, start)[1]


def _simplex(costs: FloatArray, equal: FloatArray, right: FloatArray, start: IntArray) -> tuple[IntArray, FloatArray]:
    """Run Dantzig's rule on all objectives at once, with a perturbed right-hand side (Charnes 1952)."""
    n, r = len(costs), right.size
    moved = np.random.default_rng(0).uniform(0.5, 1.0, r) * SPREAD
    first = np.linalg.inv(equal[:, start])
    inverse = np.repeat(first[None], n, axis=0)
    value = np.repeat(((first @ right).clip(0.0) + moved)[None], n, axis=0)
    basis = np.repeat(start[None], n, axis=0)
    left = np.arange(n)
    for _ in range(MOST_STEPS * r):
        price = np.einsum("ij,ijk->ik", np.take_along_axis(costs[left], basis[left], axis=1), inverse[left])
        gain = costs[left] - price @ equal
        np.put_along_axis(gain, basis[left], 0.0, axis=1)
        enter = gain.argmax(axis=1)
        rising = gain[np.arange(left.size), enter] > OPTIMAL
        left, enter = left[rising], enter[rising]
        if left.size == 0:
            break
        _pivot(inverse, value, basis, left, enter, equal)
    else:
        raise PanelcoopError("The simplex method did not finish; report this restriction and target.")
    weights = np.zeros(costs.shape)
    np.put_along_axis(weights, basis, (inverse @ right).clip(0.0), axis=1)
    return basis, weights


def _pivot(  # noqa: PLR0917 - the state of the method
    inverse: FloatArray, value: FloatArray, basis: IntArray, left: IntArray, enter: IntArray, equal: FloatArray
) -> None:
    """Exchange one column of each unfinished problem, in place."""
    rows = np.arange(left.size)
    step = np.einsum("ijk,ki->ij", inverse[left], equal[:, enter])
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.where(step > PIVOT, value[left] / step, np.inf)
    leave = reach.argmin(axis=1)
    length = reach[rows, leave]
    if np.isinf(length).any():
        raise PanelcoopError(
            "The moment inequalities bound nothing in one direction; report this restriction and target."
        )
    new_row = inverse[left, leave] / step[rows, leave][:, None]
    inverse[left] -= step[:, :, None] * new_row[:, None, :]
    inverse[left, leave] = new_row
    value[left] -= step * length[:, None]
    value[left, leave] = length
    basis[left, leave] = enter


def _drive_out(equal: FloatArray, basis: IntArray, m: int) -> IntArray:
    """Replace artificial columns that stand in the basis at level zero."""
    basis = basis.copy()
    for at in np.flatnonzero(basis >= m):
        row = np.linalg.inv(equal[:, basis])[at] @ equal[:, :m]
        row[basis[basis < m]] = 0.0
        basis[at] = int(np.abs(row).argmax())
    return basis
