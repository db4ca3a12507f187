"""The change-point clock: stages are the stretches between shifts of a driver's level."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_not_one_of, fail_if_not_whole
from panelcoop.errors import DataError
from panelcoop.numerics.waves.common_breaks import sup_f
from panelcoop.options import FloatArray, IntArray
from panelcoop.panel.clocks.dates import StageDates, check_stages, national_path
from panelcoop.panel.record import Panel

__all__ = ["BreakEngine", "best_breaks", "change_point_clock"]

BreakEngine: TypeAlias = Literal["auto", "own", "ruptures"]
"""Who searches: both minimise the same sum of squares over all partitions."""

BLOCK = 4


def change_point_clock(
    panel: Panel,
    column: str,
    *,
    stages: Sequence[str] = (),
    shortest: int = 3,
    engine: BreakEngine = "auto",
    draws: int = 199,
    seed: int = 0,
) -> StageDates:
    """Date national stages by the shifts in the level of a driver.

    Parameters
    ----------
    panel
        Panel that holds the column.
    column
        Driver averaged over regions, such as `risk`; an outcome is refused.
    stages
        K labels in order; default the four of the life cycle. K - 1 shifts are searched.
    shortest
        Least number of periods of a stage.
    engine
        "ruptures" where it is installed, "own" dynamic programming, or "auto": the first that is there.
    draws
        Date vectors drawn by a moving-block bootstrap of the residuals (blocks of 4) around the fitted levels.
    seed
        Seed of the draws.

    Returns
    -------
    StageDates
        The note gives the sup-F statistic of a single shift.

    Raises
    ------
    DataError
        When the column is an outcome, has gaps, never moves, or the window cannot hold the stages; or ruptures is asked
        for and not installed.

    References
    ----------
    Bai and Perron (2003), Journal of Applied Econometrics 18; Andrews (1993), Econometrica 61.
    """
    fail_if_not_one_of(engine, ["auto", "own", "ruptures"], "engine")
    path = national_path(panel, column)
    values = path.to_numpy(float)
    fail_if_not_whole(draws, "draws", 0)
    labels = check_stages(stages, len(values), shortest)
    installed = importlib.util.find_spec("ruptures") is not None
    if engine == "ruptures" and not installed:
        remedy = "install it (pip install 'panelcoop[breaks]'), or use engine='own', which minimises the same sum"
        msg = f"engine='ruptures' needs ruptures; {remedy}."
        raise DataError(msg)
    search = _by_ruptures if installed and engine != "own" else best_breaks
    starts = search(values, len(labels), shortest)
    drawn = _bootstrap(values, starts, shortest, draws, np.random.default_rng(seed))
    single = sup_f(values, np.ones((len(values), 1)))
    return StageDates(
        clock="change point",
        stages=labels,
        periods=pd.DatetimeIndex(path.index),
        regions=("",),
        starts=starts[None, :],
        ends=np.array([len(values)]),
        draws=drawn[:, None, :],
        note=f"shifts in the mean of {column}; sup-F of one shift {single.statistic:.2f}",
    )


def best_breaks(values: FloatArray, segments: int, shortest: int) -> IntArray:
    """Split a path into segments of constant mean with the least sum of squares.

    Parameters
    ----------
    values
        Shape (T,).
    segments
        Number of segments K.
    shortest
        Least length of a segment.

    Returns
    -------
    numpy.ndarray
        Shape (K,): first position of each segment.

    Notes
    -----
    Exact dynamic programming over all partitions; of equal sums the earliest breaks win.

    Examples
    --------
    >>> best_breaks(np.array([0.0, 0.1, 0.0, 5.0, 5.1, 5.0, 1.0, 1.1]), 3, 2).tolist()
    [0, 3, 6]
    """
    total = len(values)
    centred = values - values.mean()
    sums, squares = (np.concatenate([[0.0], np.cumsum(x)]) for x in (centred, centred**2))
    first, last = np.ogrid[:total, : total + 1]
    length = np.maximum(last - first, 1)
    cost = squares[None, :] - squares[:total, None] - (sums[None, :] - sums[:total, None]) ** 2 / length
    cost = np.where(last - first >= shortest, cost, np.inf)
    best, choices = cost[0], []
    for _ in range(segments - 1):
        through = best[:total, None] + cost
        choices.append(np.argmin(through, axis=0))
        best = np.min(through, axis=0)
    starts, at = [], total
    for choice in reversed(choices):
        at = int(choice[at])
        starts.append(at)
    return np.array([0, *reversed(starts)])


def _by_ruptures(values: FloatArray, segments: int, shortest: int) -> IntArray:
    ruptures = importlib.import_module("ruptures")
    ends = ruptures.Dynp(model="l2", min_size=shortest, jump=1).fit(values).predict(n_bkps=segments - 1)
    return np.array([0, *ends[:-1]])


def _bootstrap(values: FloatArray, starts: IntArray, shortest: int, draws: int, rng: np.random.Generator) -> IntArray:
    """Refit on fitted levels plus residuals in moving blocks."""
    total, segments = len(values), len(starts)
    segment = np.searchsorted(starts, np.arange(total), side="right") - 1
    level = (np.bincount(segment, values) / np.bincount(segment))[segment]
    residual = values - level
    blocks = -(-total // BLOCK)
    first = rng.integers(0, total - BLOCK + 1, size=(draws, blocks))
    chosen = (first[:, :, None] + np.arange(BLOCK)).reshape(draws, blocks * BLOCK)[:, :total]
    found = [best_breaks(level + residual[row], segments, shortest) for row in chosen]
    return np.array(found, dtype=np.int64).reshape(draws, segments)
