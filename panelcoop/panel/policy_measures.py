"""Coordination read off policy indices: five measures, each one function on arrays of weeks by regions.

None of them observes cooperation. They say how alike, how jointly strong or how simultaneous the policies of a region
and its partners are, which a common directive, a common shock or imitation produce as well.
"""

from __future__ import annotations

import numpy as np

from panelcoop.options import BoolArray, FloatArray, IntArray
from panelcoop.panel.weights import spatial_lag

__all__ = ["alignment", "co_movement", "joint_response", "policy_changes", "policy_overlap", "policy_synchrony"]


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
    return _over_partners(np.minimum(policy[:, :, None], policy[:, None, :]), weights)


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
    low = np.minimum(policy[:, :, None], policy[:, None, :])
    high = np.maximum(policy[:, :, None], policy[:, None, :])
    ratio = np.divide(low, high, out=np.full_like(low, np.nan), where=high > 0)
    return _over_partners(ratio, weights)


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
    return _over_partners(-np.abs(policy[:, :, None] - policy[:, None, :]), weights) + 0.0


def policy_changes(policy: FloatArray, smallest: float) -> IntArray:
    """Date the changes of a policy index.

    Parameters
    ----------
    policy
        Index P, shape (T, N).
    smallest
        Smallest change between two weeks, in the unit of the index, that counts.

    Returns
    -------
    IntArray
        Shape (T, N): +1 in the week a rise begins, -1 in the week a fall begins, 0 elsewhere.

    Notes
    -----
    A change that falls in the middle of a week moves two weekly means; changes of one sign in consecutive weeks are
    therefore one change, dated to its first week. A week beside a missing one has no change.

    Examples
    --------
    >>> policy_changes(np.array([[0.0], [10.0], [30.0], [30.0], [5.0]]), 5.0).ravel()
    array([ 0,  1,  0,  0, -1])
    """
    step = np.diff(policy, axis=0, prepend=np.nan)
    sign = np.where(np.abs(np.nan_to_num(step)) >= smallest, np.sign(np.nan_to_num(step)), 0.0).astype(np.int64)
    before = np.vstack([np.zeros_like(sign[:1]), sign[:-1]])
    started: IntArray = np.where(sign != before, sign, 0)
    return started


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
    changes = policy_changes(policy, smallest)
    score = np.zeros(policy.shape)
    for direction in (1, -1):
        kernel = np.exp(-_weeks_to_nearest(changes == direction) / bandwidth)
        kernel[:, np.isnan(policy).all(axis=0)] = np.nan
        score = np.where(changes == direction, spatial_lag(kernel, weights), score)
    total, count = _trailing_sum(score, window), _trailing_sum((changes != 0).astype(float), window)
    mean = np.divide(total, count, out=np.full(policy.shape, np.nan), where=count > 0)
    mean[np.isnan(policy) | (_trailing_sum(np.isnan(policy).astype(float), window) > 0)] = np.nan
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
    if policy.shape[0] < window:
        return np.full(policy.shape, np.nan)
    seen = ~np.isnan(policy)
    nation = np.where(seen, policy, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    departures = np.lib.stride_tricks.sliding_window_view(policy - nation[:, None], window, axis=0)
    centred = departures - departures.mean(axis=2, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=2))
    still = length <= 1e-9 * np.sqrt(window) * np.maximum(np.nanmax(np.abs(policy), initial=1.0), 1.0)
    unit = np.divide(centred, length[:, :, None], out=np.zeros_like(centred), where=~still[:, :, None])
    pairs = np.clip(np.einsum("tik,tjk->tij", unit, unit), -1.0, 1.0)
    late = _over_defined_partners(pairs, ~still, weights)
    return np.vstack([np.full((window - 1, policy.shape[1]), np.nan), late])


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


def _weeks_to_nearest(change: BoolArray) -> FloatArray:
    """Count the weeks from each week to the nearest change, before or after; infinity where there is none."""
    weeks = np.arange(change.shape[0], dtype=float)[:, None]
    last = np.maximum.accumulate(np.where(change, weeks, -np.inf), axis=0)
    coming = np.minimum.accumulate(np.where(change, weeks, np.inf)[::-1], axis=0)[::-1]
    return np.asarray(np.minimum(weeks - last, coming - weeks))


def _trailing_sum(values: FloatArray, window: int) -> FloatArray:
    running = np.vstack([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    start = np.maximum(np.arange(1, values.shape[0] + 1) - window, 0)
    return np.asarray(running[1:] - running[start])
