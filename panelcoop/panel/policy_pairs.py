"""Policies of two regions compared, period by period: what measures of regions average and dyadic panels hold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_not_one_of
from panelcoop.errors import DataError
from panelcoop.options import BoolArray, FloatArray, IntArray
from panelcoop.panel.measures.names import POLICY_MEASURES

__all__ = [
    "change_kernel",
    "fail_if_negative",
    "fail_if_synchrony_undefined",
    "pair_closeness",
    "pair_correlations",
    "pair_minimum",
    "pair_overlap",
    "pair_synchrony",
    "policy_changes",
    "policy_dyads",
    "trailing_sum",
]

SHORTEST_WINDOW = 3


def policy_dyads(
    policy: pd.DataFrame,
    *,
    measures: Sequence[str] = POLICY_MEASURES,
    smallest: float = 5.0,
    bandwidth: float = 2.0,
    window: int = 8,
    comovement_window: int = 13,
) -> pd.DataFrame:
    """Compare the policies of every ordered pair of regions.

    Parameters
    ----------
    policy
        Index P, not negative: consecutive periods by regions.
    measures
        Any of joint_response, policy_overlap, alignment, policy_synchrony, co_movement.
    smallest, bandwidth, window, comovement_window
        As in ``policy_synchrony`` and ``co_movement``.

    Returns
    -------
    pandas.DataFrame
        Indexed by (source, target, period), as ``assemble_dyads``. Joint response min(P_i, P_j), overlap min / max,
        alignment -|P_i - P_j| and co-movement are the same both ways; synchrony is that of the source's own changes.
        Averaged over partners by weights they are the measures of regions of the same names.

    Raises
    ------
    DataError
        When a measure is unknown, an index is negative, or an option is out of range, see ``policy_synchrony`` and
        ``co_movement``.

    Examples
    --------
    >>> weeks = pd.date_range("2020-01-06", periods=1)
    >>> index = pd.DataFrame({"A": [60.0], "B": [20.0]}, index=weeks)
    >>> policy_dyads(index, measures=["joint_response", "alignment"]).loc[("A", "B")].to_numpy().tolist()
    [[20.0, -40.0]]
    """
    for name in measures:
        fail_if_not_one_of(name, POLICY_MEASURES, "a measure of policy")
    values = policy.to_numpy(float)
    fail_if_negative(values)
    found: dict[str, FloatArray] = {}
    for name in measures:
        if name == "policy_synchrony":
            found[name] = pair_synchrony(values, smallest=smallest, bandwidth=bandwidth, window=window)
        elif name == "co_movement":
            pairs, moving = pair_correlations(values, comovement_window)
            both = np.where(moving[:, :, None] & moving[:, None, :], pairs, np.nan)
            blank = np.full((len(values) - len(both), *both.shape[1:]), np.nan)
            found[name] = np.concatenate([blank, both])
        else:
            compare = {"joint_response": pair_minimum, "policy_overlap": pair_overlap, "alignment": pair_closeness}
            found[name] = compare[name](values) + 0.0
    regions, periods = [str(region) for region in policy.columns], pd.DatetimeIndex(policy.index)
    index = pd.MultiIndex.from_product([regions, regions, periods], names=["source", "target", "period"])
    frame = pd.DataFrame({name: cube.transpose(1, 2, 0).ravel() for name, cube in found.items()}, index=index)
    different = index.get_level_values("source") != index.get_level_values("target")
    return frame[np.asarray(different)]


def fail_if_negative(policy: FloatArray) -> None:
    """Refuse an index below zero, of which shares and minima say nothing."""
    if (policy < 0).any():
        msg = "The policy index is negative somewhere; joint response and overlap need an index of zero or more."
        raise DataError(msg)


def fail_if_synchrony_undefined(smallest: float, bandwidth: float, window: int) -> None:
    """Refuse options that make every value of synchrony missing or count no change as one."""
    if not (smallest > 0 and bandwidth > 0 and window >= 1):
        told = f"smallest={smallest:g}, bandwidth={bandwidth:g}, window={window}"
        msg = (
            f"Synchrony needs a smallest change and a bandwidth above zero and a window of a week or more; got {told}."
        )
        raise DataError(msg)


def pair_minimum(policy: FloatArray) -> FloatArray:
    """Return the effort that two regions share, min(P_i, P_j), shape (T, N, N)."""
    return np.minimum(policy[:, :, None], policy[:, None, :])


def pair_overlap(policy: FloatArray) -> FloatArray:
    """Return the share of the stronger policy that the other matches, min / max, shape (T, N, N); NaN at 0/0."""
    low = np.minimum(policy[:, :, None], policy[:, None, :])
    high = np.maximum(policy[:, :, None], policy[:, None, :])
    return np.divide(low, high, out=np.full_like(low, np.nan), where=high > 0)


def pair_closeness(policy: FloatArray) -> FloatArray:
    """Return how close two policies are, -|P_i - P_j|, shape (T, N, N)."""
    return -np.abs(policy[:, :, None] - policy[:, None, :])


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


def change_kernel(policy: FloatArray, changes: IntArray, *, direction: int, bandwidth: float) -> FloatArray:
    """Say how near each week is to a region's nearest change of one direction: exp(-weeks / b), shape (T, N).

    Zero for a region that never changes so; NaN for one never observed.
    """
    kernel = np.exp(-_weeks_to_nearest(changes == direction) / bandwidth)
    kernel[:, np.isnan(policy).all(axis=0)] = np.nan
    return np.asarray(kernel)


def pair_synchrony(policy: FloatArray, *, smallest: float, bandwidth: float, window: int) -> FloatArray:
    """Say how near in time the partner's changes are to a region's own of the last weeks, shape (T, N, N).

    The mean over the own changes c within the window of exp(-|tau_c - tau_j(c)| / b); NaN without an own change.
    """
    fail_if_synchrony_undefined(smallest, bandwidth, window)
    changes = policy_changes(policy, smallest)
    weeks, regions = policy.shape
    score = np.zeros((weeks, regions, regions))
    for direction in (1, -1):
        near = change_kernel(policy, changes, direction=direction, bandwidth=bandwidth)
        score = np.where((changes == direction)[:, :, None], near[:, None, :], score)
    count = trailing_sum((changes != 0).astype(float), window)
    total = trailing_sum(score.reshape(weeks, -1), window).reshape(score.shape)
    mean = np.divide(total, count[:, :, None], out=np.full(score.shape, np.nan), where=count[:, :, None] > 0)
    unseen = np.isnan(policy) | (trailing_sum(np.isnan(policy).astype(float), window) > 0)
    mean[unseen] = np.nan
    return np.asarray(np.clip(mean, 0.0, 1.0))


def pair_correlations(policy: FloatArray, window: int) -> tuple[FloatArray, BoolArray]:
    """Correlate departures from the national mean over rolling windows.

    Returns
    -------
    pairs (T', N, N), moving (T', N)
        T' = T - window + 1 windows, none where the window is longer than the record; `moving` tells which regions
        depart from a constant distance to the nation.
    """
    if window < SHORTEST_WINDOW:
        msg = f"A correlation needs a window of {SHORTEST_WINDOW} weeks or more; got {window}."
        raise DataError(msg)
    if policy.shape[0] < window:
        regions = policy.shape[1]
        return np.full((0, regions, regions), np.nan), np.zeros((0, regions), dtype=bool)
    seen = ~np.isnan(policy)
    nation = np.where(seen, policy, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    departures = np.lib.stride_tricks.sliding_window_view(policy - nation[:, None], window, axis=0)
    centred = departures - departures.mean(axis=2, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=2))
    still = length <= 1e-9 * np.sqrt(window) * np.maximum(np.nanmax(np.abs(policy), initial=1.0), 1.0)
    unit = np.divide(centred, length[:, :, None], out=np.zeros_like(centred), where=~still[:, :, None])
    return np.clip(np.einsum("tik,tjk->tij", unit, unit), -1.0, 1.0), ~still


def _weeks_to_nearest(change: BoolArray) -> FloatArray:
    """Count the weeks from each week to the nearest change, before or after; infinity where there is none."""
    weeks = np.arange(change.shape[0], dtype=float)[:, None]
    last = np.maximum.accumulate(np.where(change, weeks, -np.inf), axis=0)
    coming = np.minimum.accumulate(np.where(change, weeks, np.inf)[::-1], axis=0)[::-1]
    return np.asarray(np.minimum(weeks - last, coming - weeks))


def trailing_sum(values: FloatArray, window: int) -> FloatArray:
    """Add up this and the `window` - 1 weeks before, shape (T, N); fewer at the beginning."""
    running = np.vstack([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    start = np.maximum(np.arange(1, values.shape[0] + 1) - window, 0)
    return np.asarray(running[1:] - running[start])
