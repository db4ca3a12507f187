"""The hidden Markov clock: stages follow one another, never back, and each has its own level of a driver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_not_whole
from panelcoop.options import FloatArray, IntArray
from panelcoop.panel.clocks.change_points import best_breaks
from panelcoop.panel.clocks.dates import StageDates, check_stages, national_path
from panelcoop.panel.record import Panel

__all__ = ["LeftRightModel", "fit_left_right", "hidden_markov_clock"]

STEPS = 500
ENOUGH = 1e-9
VARIANCE_FLOOR = 1e-3
"""No state's variance falls below this share of the whole: a state of one value would have infinite likelihood."""


@dataclass(frozen=True)
class LeftRightModel:
    """A fitted left-to-right Gaussian hidden Markov model.

    Attributes
    ----------
    means, variances
        Of each state, shape (K,).
    stay
        Probability of staying, shape (K,); the last is 1.
    filtered
        P(state | values up to t), shape (T, K).
    posterior
        P(state | all values), shape (T, K).
    log_likelihood
        At the optimum.
    """

    means: FloatArray
    variances: FloatArray
    stay: FloatArray
    filtered: FloatArray
    posterior: FloatArray
    log_likelihood: float


def hidden_markov_clock(
    panel: Panel, column: str, *, stages: Sequence[str] = (), draws: int = 199, seed: int = 0
) -> StageDates:
    """Date national stages by a left-to-right hidden Markov model of a driver.

    Parameters
    ----------
    panel, column, stages
        As in ``change_point_clock``; an outcome is refused.
    draws
        Paths of states drawn from their posterior.
    seed
        Seed of the draws.

    Returns
    -------
    StageDates
        A stage starts in the first period from which later stages are together more likely than not.

    Raises
    ------
    DataError
        When the column is an outcome, has gaps, never moves, or the window cannot hold the stages.

    Notes
    -----
    The chain begins in the first state, ends in the last, and moves only one state ahead; values are normal with mean
    and variance by state; fitted by EM from the least-squares partition.
    """
    fail_if_not_whole(draws, "draws", 0)
    path = national_path(panel, column)
    values = path.to_numpy(float)
    labels = check_stages(stages, len(values), 2)
    model = fit_left_right(values, len(labels))
    later = np.cumsum(model.posterior[:, ::-1], axis=1)[:, ::-1]
    starts = np.argmax(later > 0.5, axis=0)
    rng = np.random.default_rng(seed)
    drawn = np.array([_draw_starts(model, rng) for _ in range(draws)], dtype=np.int64).reshape(draws, 1, len(labels))
    return StageDates(
        clock="hidden Markov",
        stages=labels,
        periods=pd.DatetimeIndex(path.index),
        regions=("",),
        starts=starts[None, :],
        ends=np.array([len(values)]),
        draws=drawn,
        note=f"left-to-right states of {column}; log likelihood {model.log_likelihood:.2f}",
    )


def fit_left_right(values: FloatArray, states: int) -> LeftRightModel:
    """Fit a left-to-right Gaussian hidden Markov model by expectation-maximisation.

    Parameters
    ----------
    values
        Shape (T,).
    states
        K.

    Returns
    -------
    LeftRightModel

    References
    ----------
    Rabiner (1989), Proceedings of the IEEE 77.

    Examples
    --------
    >>> fit_left_right(np.array([0.0, 0.1, -0.1, 4.0, 4.1, 3.9]), 2).means.round(2).tolist()
    [0.0, 4.0]
    """
    starts = best_breaks(values, states, 2)
    segment = np.searchsorted(starts, np.arange(len(values)), side="right") - 1
    floor = VARIANCE_FLOOR * max(float(values.var()), np.finfo(float).tiny)
    weights = np.eye(states)[segment]
    stay = 1.0 - 1.0 / np.bincount(segment)
    stay[-1] = 1.0
    before = -np.inf
    for _ in range(STEPS):
        means = weights.T @ values / weights.sum(axis=0)
        variances = np.maximum((weights * (values[:, None] - means) ** 2).sum(axis=0) / weights.sum(axis=0), floor)
        filtered, posterior, moved, log_likelihood = _smooth(values, means, variances, stay)
        if log_likelihood - before < ENOUGH * abs(log_likelihood):
            break
        weights, before = posterior, log_likelihood
        stay = np.append(1.0 - moved / posterior[:-1, :-1].sum(axis=0), 1.0)
    return LeftRightModel(means, variances, stay, filtered, posterior, float(log_likelihood))


def _smooth(
    values: FloatArray, means: FloatArray, variances: FloatArray, stay: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    """Run forward and backward; also expected moves out of each state and the log likelihood."""
    total, states = len(values), len(means)
    log_density = -0.5 * ((values[:, None] - means) ** 2 / variances + np.log(2 * np.pi * variances))
    shift = log_density.max(axis=1)
    density = np.exp(log_density - shift[:, None])
    step = np.diag(stay) + np.diag(1.0 - stay[:-1], 1)
    forward, scale = np.zeros((total, states)), np.zeros(total)
    state = np.eye(states)[0]
    for t in range(total):
        state = (state if t == 0 else state @ step) * density[t]
        scale[t] = max(state.sum(), np.finfo(float).tiny)
        state = forward[t] = state / scale[t]
    backward = np.zeros((total, states))
    backward[-1, -1] = 1.0
    for t in range(total - 2, -1, -1):
        backward[t] = step @ (density[t + 1] * backward[t + 1]) / scale[t + 1]
    joint = forward * backward
    ended = max(float(forward[-1, -1]), np.finfo(float).tiny)
    posterior = joint / np.maximum(joint.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    ahead = forward[:-1, :-1] * (1.0 - stay[:-1]) * (density[1:] * backward[1:] / scale[1:, None])[:, 1:]
    moved = (ahead / ended).sum(axis=0)
    return forward, posterior, moved, float(np.log(scale).sum() + shift.sum() + np.log(ended))


def _draw_starts(model: LeftRightModel, rng: np.random.Generator) -> IntArray:
    """Draw one path of states backwards from the last, and return where each state begins."""
    total, states = model.filtered.shape
    starts = np.zeros(states, dtype=np.int64)
    at = states - 1
    for t in range(total - 1, 0, -1):
        if at == 0:
            break
        stays = model.filtered[t - 1, at] * model.stay[at]
        comes = model.filtered[t - 1, at - 1] * (1.0 - model.stay[at - 1])
        if rng.uniform() * (stays + comes) >= stays:
            starts[at] = t
            at -= 1
    return starts
