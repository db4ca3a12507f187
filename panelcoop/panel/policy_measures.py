"""Coordination read off policy indices: five measures, each one function on arrays of weeks by regions.

None of them observes cooperation. They say how alike, how jointly strong or how simultaneous the policies of a region
and its partners are, which a common directive, a common shock or imitation produce as well.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import numpy as np

from panelcoop.options import BoolArray, FloatArray
from panelcoop.panel.policy_pairs import (
    change_kernel,
    fail_if_negative,
    fail_if_synchrony_undefined,
    pair_closeness,
    pair_correlations,
    pair_minimum,
    pair_overlap,
    policy_changes,
    trailing_sum,
)
from panelcoop.panel.weights import spatial_lag

__all__ = [
    "PolicyMeasure",
    "alignment",
    "co_movement",
    "joint_response",
    "policy_functions",
    "policy_overlap",
    "policy_synchrony",
]

PolicyMeasure: TypeAlias = Callable[[FloatArray, FloatArray], FloatArray]
"""A measure of an index, shape (T, N), under weights, shape (N, N)."""


def policy_functions(
    *, smallest: float = 5.0, bandwidth: float = 2.0, window: int = 8, comovement_window: int = 13
) -> dict[str, PolicyMeasure]:
    """Return the five measures by name, with their parameters.

    Parameters
    ----------
    smallest, bandwidth, window
        Of `policy_synchrony`.
    comovement_window
        Weeks of the rolling correlation of `co_movement`.

    Examples
    --------
    >>> list(policy_functions())
    ['joint_response', 'policy_overlap', 'alignment', 'policy_synchrony', 'co_movement']
    """
    return {
        "joint_response": joint_response,
        "policy_overlap": policy_overlap,
        "alignment": alignment,
        "policy_synchrony": partial(policy_synchrony, smallest=smallest, bandwidth=bandwidth, window=window),
        "co_movement": partial(co_movement, window=comovement_window),
    }


def joint_response(policy: FloatArray, weights: FloatArray) -> FloatArray:
    """Measure the effort that partners share.

    Parameters
    ----------
    policy
        Index P, shape (T, N), not negative.
    weights
        Shape (N, N), zero diagonal, rows that sum to one.

    Returns
    -------
    FloatArray
        sum_j w_ij min(P_it, P_jt), shape (T, N); between 0 and P_it; in the unit of the index.

    Notes
    -----
    Zero where nobody acts, so inaction never counts as cooperation. NaN where the region or a partner is missing and
    for regions without partners. Scales with the index: J(cP) = c J(P).

    Examples
    --------
    >>> joint_response(np.array([[60.0, 20.0]]), np.array([[0.0, 1.0], [1.0, 0.0]]))
    array([[20., 20.]])
    """
    return _over_partners(pair_minimum(policy), weights)


def policy_overlap(policy: FloatArray, weights: FloatArray) -> FloatArray:
    """Measure how much of the stronger policy the partner matches.

    Parameters
    ----------
    policy, weights
        As in `joint_response`.

    Returns
    -------
    FloatArray
        sum_j w_ij min(P_it, P_jt) / max(P_it, P_jt), shape (T, N), in [0, 1].

    Raises
    ------
    DataError
        When the index is negative somewhere.

    Notes
    -----
    0/0, where a pair does nothing, is NaN and makes the sum NaN: overlap of inaction is not defined. Does not change
    when the index is scaled.

    Examples
    --------
    >>> policy_overlap(np.array([[60.0, 20.0], [0.0, 0.0]]), np.array([[0.0, 1.0], [1.0, 0.0]])).round(2)
    array([[0.33, 0.33],
           [ nan,  nan]])
    """
    fail_if_negative(policy)
    return _over_partners(pair_overlap(policy), weights)


def alignment(policy: FloatArray, weights: FloatArray) -> FloatArray:
    """Measure how close a region's policy is to its partners'.

    Parameters
    ----------
    policy, weights
        As in `joint_response`.

    Returns
    -------
    FloatArray
        -sum_j w_ij |P_it - P_jt|, shape (T, N); at most 0; in the unit of the index.

    Notes
    -----
    Largest, zero, where nobody acts: it starts at its maximum by construction and falls when regions begin to act
    at different times. Show it beside joint response, never alone.

    Examples
    --------
    >>> alignment(np.array([[60.0, 20.0], [0.0, 0.0]]), np.array([[0.0, 1.0], [1.0, 0.0]])).tolist()
    [[-40.0, -40.0], [0.0, 0.0]]
    """
    return _over_partners(pair_closeness(policy), weights) + 0.0


def policy_synchrony(
    policy: FloatArray, weights: FloatArray, *, smallest: float = 5.0, bandwidth: float = 2.0, window: int = 8
) -> FloatArray:
    """Measure how simultaneously partners change their policies.

    Parameters
    ----------
    policy, weights
        As in `joint_response`.
    smallest
        Smallest weekly change that counts as a policy change, see `policy_changes`.
    bandwidth
        b, in weeks.
    window
        A week's value averages the region's own changes of this and the `window` - 1 weeks before.

    Returns
    -------
    FloatArray
        Shape (T, N), in [0, 1]: the mean, over the region's changes c in the window, of
        sum_j w_ij exp(-|tau_c - tau_j(c)| / b), where tau_j(c) is the week of partner j's nearest change of the same
        direction. A partner that never changes in that direction adds zero.

    Raises
    ------
    DataError
        When `smallest` or the bandwidth is not positive, or the window is shorter than a week.

    Notes
    -----
    NaN where the region changed nothing within the window or its policy was not observed throughout: no change is
    neither synchronous nor asynchronous. The nearest change of a partner may lie in the future, so this describes; it
    is no predetermined regressor. One where all change together; scaling index and `smallest` alike leaves it as it is.

    Examples
    --------
    >>> two = np.array([[0.0, 0.0], [50.0, 0.0], [50.0, 0.0], [50.0, 50.0]])
    >>> policy_synchrony(two, np.array([[0.0, 1.0], [1.0, 0.0]]), window=2).round(3)
    array([[  nan,   nan],
           [0.368,   nan],
           [0.368,   nan],
           [  nan, 0.368]])
    """
    fail_if_synchrony_undefined(smallest, bandwidth, window)
    changes = policy_changes(policy, smallest)
    score = np.zeros(policy.shape)
    for direction in (1, -1):
        near = change_kernel(policy, changes, direction=direction, bandwidth=bandwidth)
        score = np.where(changes == direction, spatial_lag(near, weights), score)
    count = trailing_sum((changes != 0).astype(float), window)
    mean = np.divide(trailing_sum(score, window), count, out=np.full(policy.shape, np.nan), where=count > 0)
    mean[np.isnan(policy) | (trailing_sum(np.isnan(policy).astype(float), window) > 0)] = np.nan
    return np.asarray(np.clip(mean, 0.0, 1.0))


def co_movement(policy: FloatArray, weights: FloatArray, *, window: int = 13) -> FloatArray:
    """Measure whether a region departs from the nation together with its partners.

    Parameters
    ----------
    policy, weights
        As in `joint_response`.
    window
        Weeks of the rolling correlation, this one the last.

    Returns
    -------
    FloatArray
        sum_j w_ij corr(P_i - mean P, P_j - mean P) over the window, shape (T, N), in [-1, 1].

    Raises
    ------
    DataError
        When the window is shorter than three weeks: two values always correlate at one or minus one.

    Notes
    -----
    The national mean is the mean over the regions observed that week. Pairs in which one does not depart from a
    constant distance to the nation have no correlation (0/0): they are left out and the weights of the others
    rescaled; NaN where no pair is left, in the first `window` - 1 weeks, and where a value is missing in the window.
    Removing the mean of N regions makes the average correlation of independent regions -1/(N - 1), not zero.

    Examples
    --------
    >>> wave = np.array([0.0, 1.0, 0.0, 1.0])
    >>> three = np.column_stack([wave, wave, 0 * wave])
    >>> co_movement(three, np.array([[0, 1.0, 0], [1.0, 0, 0], [0.5, 0.5, 0]]), window=4)[-1].round(6)
    array([ 1.,  1., -1.])
    """
    pairs, moving = pair_correlations(policy, window)
    late = _over_defined_partners(pairs, moving, weights)
    return np.vstack([np.full((policy.shape[0] - len(late), policy.shape[1]), np.nan), late])


def _over_partners(pairs: FloatArray, weights: FloatArray) -> FloatArray:
    """Sum pairs (T, N, N) over partners of positive weight; a NaN pair or no partner at all gives NaN."""
    partner = weights > 0
    total = np.einsum("tij,ij->ti", np.where(partner, pairs, 0.0), weights)
    total[:, ~partner.any(axis=1)] = np.nan
    return np.asarray(total, dtype=float)


def _over_defined_partners(pairs: FloatArray, moving: BoolArray, weights: FloatArray) -> FloatArray:
    """Average pairs (T, N, N) over the partners that move; NaN values stay NaN, no moving partner is NaN."""
    defined = (moving[:, :, None] & moving[:, None, :]).astype(float) * weights
    mass = defined.sum(axis=2)
    total = np.einsum("tij,tij->ti", np.where(defined > 0, pairs, 0.0), defined)
    return np.asarray(np.divide(total, mass, out=np.full(mass.shape, np.nan), where=mass > 0))
