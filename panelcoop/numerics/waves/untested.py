"""What is left of the interrupted-ascent test where the path is too short for any of its tests."""

from __future__ import annotations

import numpy as np

from panelcoop.numerics.waves.ascent_test import AscentTest
from panelcoop.numerics.waves.autoregression import NoiseFit
from panelcoop.numerics.waves.drift import DriftTest
from panelcoop.options import FloatArray

__all__ = ["FEWEST_WEEKS", "untested"]

FEWEST_WEEKS = 10
"""Weeks below which neither noise nor drift can be fitted."""


def untested(path: FloatArray) -> AscentTest:
    """Return the record of a test that was not run: the path as its own smooth, every statistic NaN.

    Parameters
    ----------
    path
        Common path, shape (T,), fewer than ten weeks.

    Examples
    --------
    >>> untested(np.array([1.0, 2.0])).p_ascent
    nan
    """
    nan = float("nan")
    none = np.empty(0)
    trend = np.full(path.size, path.mean())
    noise = NoiseFit(nan, nan, none, trend, path - trend, 1, np.empty(0, dtype=np.int64), nan, short=True)
    drift = DriftTest(nan, nan, nan, nan, nan, "no drift test: fewer than 10 weeks")
    names = (
        "band threshold ascent p_ascent p_waves up_down_up p_up_down_up drawdown p_drawdown "
        "departure p_linear detectable net_rise p_up p_down p_rise_persistent p_fall_persistent p_drawdown_persistent"
    )
    numbers = dict.fromkeys(names.split(), nan)
    return AscentTest(
        smooth=path,
        episodes=(),
        waves=0,
        peak=0,
        trough=0,
        noise=noise,
        drift=drift,
        drift_checks=(),
        ranges=none,
        **numbers,
    )
