"""The interrupted-ascent test of one path: every statistic against the range of smoothed noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.numerics.waves.autoregression import NoiseDraws, NoiseFit, at_root, draw_noise, fit_noise
from panelcoop.numerics.waves.drift import DriftTest, harvey_leybourne_taylor, perron_yabu
from panelcoop.numerics.waves.interrupted_ascent import (
    Episode,
    ascent_of,
    find_episodes,
    largest_drawdown,
    threshold_for,
    up_down_up_of,
)
from panelcoop.numerics.waves.smoothing import gaussian_smoother
from panelcoop.options import FloatArray

__all__ = ["AscentSettings", "AscentTest", "ascent_test", "detectable_drawdown", "exceedance", "noise_threshold"]

DETECTABLE_DRAWS = 400
DETECTABLE_STEPS = 14
UNIT_DRAWDOWN_WAVES = 3
MOST_FOURIER_PAIRS, WEEKS_PER_PAIR = 4, 12


@dataclass(frozen=True)
class AscentSettings:
    """How a path is smoothed and its noise drawn; see `panelcoop.waves.WaveThresholds`."""

    level: float = 0.05
    bandwidth: float = 0.04
    cosines: int = 8
    root_cap: float = 0.98
    maximum_root: float = 0.9
    minimum_weeks: int = 30
    power: float = 0.8
    draws: int = 999
    seed: int = 20200123
    noise_draws: NoiseDraws = "auto"


@dataclass(frozen=True)
class AscentTest:
    """Everything the test finds in one path, in the units of the path.

    Attributes
    ----------
    smooth
        Gaussian-kernel smooth m, shape (T,).
    band
        Half-width of the simultaneous band of m at 1 - level.
    threshold
        Noise range c at 1 - level.
    ascent, p_ascent
        U and its p-value.
    episodes, waves, p_waves
        Disjoint episodes at c, their number W, and the p-value of two or more.
    up_down_up, p_up_down_up
        A3 and its p-value.
    drawdown, peak, trough, p_drawdown
        Largest drawdown of m, where it begins and ends, its p-value.
    departure, p_linear
        Range of the smoothed deviation from a straight line, and its p-value.
    detectable
        Drawdown of three rising waves at which U rejects with the stated power.
    noise
        Fitted noise.
    net_rise
        Last minus first value of m.
    p_up, p_down
        Drift: the larger of the p-values of the net rise (fall) against the noise range and of `drift`.
    p_rise_persistent, p_fall_persistent, p_drawdown_persistent
        p-values of the net rise, net fall and drawdown against the noise range at the maximum root, whatever root was
        fitted.
    drift
        Perron-Shintani-Yabu test of the slope with Fourier pairs for the waves.
    drift_checks
        Harvey-Leybourne-Taylor and Perron-Yabu tests without such terms, beside the test and not part of it: weak where
        waves are strong, and near a unit root they reject a driftless path more often than their level says. The table
        of drift tests that `make validate` writes holds their rates.
    ranges
        Ranges of the smoothed noise paths, sorted, shape (draws,).
    """

    smooth: FloatArray
    band: float
    threshold: float
    ascent: float
    p_ascent: float
    episodes: tuple[Episode, ...]
    waves: int
    p_waves: float
    up_down_up: float
    p_up_down_up: float
    drawdown: float
    peak: int
    trough: int
    p_drawdown: float
    departure: float
    p_linear: float
    detectable: float
    noise: NoiseFit
    net_rise: float
    p_up: float
    p_down: float
    p_rise_persistent: float
    p_fall_persistent: float
    p_drawdown_persistent: float
    drift: DriftTest
    drift_checks: tuple[DriftTest, ...]
    ranges: FloatArray


def ascent_test(path: FloatArray, positions: FloatArray, settings: AscentSettings) -> AscentTest:
    """Test one path for interrupted ascents.

    Parameters
    ----------
    path
        Common path, shape (T,), finite.
    positions
        Week numbers, shape (T,), increasing integers; gaps are weeks nobody saw.
    settings
        Smoothing, noise, level and draws.

    Returns
    -------
    AscentTest

    Raises
    ------
    DataError
        If the path is too short to fit any noise or drift (fewer than 10 weeks).

    Notes
    -----
    Under H0: U = 0, smoothed noise moves any increment of the smooth by at most its range, so
    p = (1 + #{range(K u*) >= statistic}) / (1 + draws) is conservative; u* is resampled AR(1) noise. The same
    holds for A3, the
    drawdown, the net rise and (with the threshold at which two episodes remain) W. The drift must show twice, in the
    net rise and in the slope: the first keeps its size up to AR .8, the second also with a unit root. Around eight
    cosines a root of .95 or more is fitted like one of .8; net rise, net fall and drawdown are therefore also held
    against the range of the same residuals read with the maximum root, which holds its size up to a random walk.

    Examples
    --------
    >>> clock = np.arange(100.0)
    >>> wavy = 0.04 * clock + np.sin(6 * np.pi * clock / 99 - np.pi / 2)
    >>> noisy = wavy + 0.1 * np.random.default_rng(1).standard_normal(100)
    >>> ascent_test(noisy, clock, AscentSettings(draws=199)).waves
    2
    """
    noise = fit_noise(
        path, positions, cosines=settings.cosines, cap=settings.root_cap, minimum_weeks=settings.minimum_weeks
    )
    rng = np.random.default_rng(settings.seed)
    drawn = draw_noise(noise, positions, settings.draws, rng, settings.noise_draws)
    smoother = gaussian_smoother(positions, settings.bandwidth * (positions[-1] - positions[0] + 1))
    smooth, smoothed = smoother @ path, smoother @ drawn
    ranges = np.sort(np.ptp(smoothed, axis=0))
    threshold = noise_threshold(ranges, settings.level)
    ascent, a3, (peak, trough, drawdown) = float(ascent_of(smooth)), up_down_up_of(smooth), largest_drawdown(smooth)
    episodes = find_episodes(smooth, threshold) if threshold > 0 else ()
    departure, p_linear = _linearity(path, drawn, smoother, positions)
    drift, checks = _drift_tests(path, positions)
    net_rise = float(smooth[-1] - smooth[0])
    lasting = _ranges_at_root(noise, min(settings.maximum_root, settings.root_cap), smoother, positions, settings)
    return AscentTest(
        smooth=smooth,
        band=noise_threshold(np.sort(np.abs(smoothed).max(axis=0)), settings.level),
        threshold=threshold,
        ascent=ascent,
        p_ascent=exceedance(ranges, ascent),
        episodes=episodes,
        waves=len(episodes),
        p_waves=exceedance(ranges, threshold_for(smooth, 2)),
        up_down_up=a3,
        p_up_down_up=exceedance(ranges, a3),
        drawdown=drawdown,
        peak=peak,
        trough=trough,
        p_drawdown=exceedance(ranges, drawdown),
        departure=departure,
        p_linear=p_linear,
        detectable=detectable_drawdown(smoothed[:, :DETECTABLE_DRAWS], threshold, smoother, positions, settings.power),
        noise=noise,
        net_rise=net_rise,
        p_up=max(exceedance(ranges, net_rise), drift.p_up),
        p_down=max(exceedance(ranges, -net_rise), drift.p_down),
        p_rise_persistent=exceedance(lasting, net_rise),
        p_fall_persistent=exceedance(lasting, -net_rise),
        p_drawdown_persistent=exceedance(lasting, drawdown),
        drift=drift,
        drift_checks=checks,
        ranges=ranges,
    )


def exceedance(sorted_draws: FloatArray, statistic: float) -> float:
    """Return (1 + number of draws at or above the statistic) / (1 + draws); 1 for a statistic of zero.

    Examples
    --------
    >>> exceedance(np.array([1.0, 2.0, 3.0]), 2.0)
    0.75
    """
    if not statistic > 0:
        return 1.0
    above = sorted_draws.size - int(np.searchsorted(sorted_draws, statistic, side="left"))
    return (1 + above) / (1 + sorted_draws.size)


def noise_threshold(sorted_draws: FloatArray, level: float) -> float:
    """Return the smallest draw that a statistic must exceed for p <= level.

    Examples
    --------
    >>> noise_threshold(np.arange(1.0, 20.0), 0.05)
    19.0
    """
    rank = int(np.ceil((sorted_draws.size + 1) * (1 - level) - 1e-9))
    return float(sorted_draws[min(rank, sorted_draws.size) - 1])


def detectable_drawdown(
    smoothed_noise: FloatArray, threshold: float, smoother: FloatArray, positions: FloatArray, power: float
) -> float:
    """Return the smallest drawdown of three rising waves at which U exceeds the threshold with the stated power.

    Parameters
    ----------
    smoothed_noise
        Smoothed noise paths, shape (T, draws).
    threshold
        Critical value of U.
    smoother
        Shape (T, T).
    positions
        Week numbers, shape (T,).
    power
        Between 0 and 1.

    Notes
    -----
    The waves are m_t = 4u + sin(6 pi u - pi/2), scaled so that the drawdown *before* smoothing is one: what smoothing
    takes away counts against the panel. Bisection over the scale with the noise paths held fixed.
    """
    u = (positions - positions[0]) / (positions[-1] - positions[0])
    shape = 4 * u + np.sin(2 * np.pi * UNIT_DRAWDOWN_WAVES * u - np.pi / 2)
    shape = smoother @ (shape / largest_drawdown(shape)[2])
    if not float(ascent_of(shape)) > 0 or threshold == 0:
        return float("inf") if threshold > 0 else 0.0

    def share(depth: float) -> float:
        return float(np.mean(ascent_of(depth * shape[:, None] + smoothed_noise) > threshold))

    low, high = 0.0, 8.0 * threshold / float(ascent_of(shape))
    for _ in range(DETECTABLE_STEPS):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if share(middle) >= power else (middle, high)
    return high


def _ranges_at_root(
    noise: NoiseFit, root: float, smoother: FloatArray, positions: FloatArray, settings: AscentSettings
) -> FloatArray:
    """Sorted ranges of smoothed noise, were its root at least this one."""
    fit = noise if noise.root >= root else at_root(noise, positions, root)
    rng = np.random.default_rng(settings.seed)
    drawn = draw_noise(fit, positions, settings.draws, rng, settings.noise_draws)
    return np.sort(np.ptp(smoother @ drawn, axis=0))


def _linearity(path: FloatArray, drawn: FloatArray, smoother: FloatArray, positions: FloatArray) -> tuple[float, float]:
    """Range of the smoothed residual of a straight line, and its p-value from the same residual of noise."""
    basis = np.column_stack([np.ones_like(positions), positions - positions.mean()])
    departures = smoother - (smoother @ basis) @ np.linalg.pinv(basis)
    statistic = float(np.ptp(departures @ path))
    return statistic, exceedance(np.sort(np.ptp(departures @ drawn, axis=0)), statistic)


def _drift_tests(path: FloatArray, positions: FloatArray) -> tuple[DriftTest, tuple[DriftTest, ...]]:
    """Slope around Fourier waves, and two tests without them; gaps in the weeks are bridged by straight lines."""
    filled = np.interp(np.arange(positions[0], positions[-1] + 1), positions, path)
    pairs = min(MOST_FOURIER_PAIRS, filled.size // WEEKS_PER_PAIR)
    return perron_yabu(filled, fourier=pairs), (harvey_leybourne_taylor(filled), perron_yabu(filled))
