"""Tests of a linear drift that hold their size whether the noise is stationary or has a unit root."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from panelcoop.errors import DataError
from panelcoop.options import FloatArray

__all__ = ["DriftTest", "harvey_leybourne_taylor", "is_exact", "perron_yabu", "quadratic_spectral_variance"]

ROY_FULLER_A = 10.0
MEDIAN_TAU = (-2.18, -3.10, -3.83, -4.42, -4.95, -5.47)
"""Median of the Dickey-Fuller t ratio under a unit root with a trend and 0 to 5 Fourier pairs: the first from Fuller
(1996, table 10.A.2), the others simulated (600 weeks, 4,000 paths)."""
HLT_KAPPA, HLT_POWER = 0.00025, 2.0
GLS_CBAR = -13.5
EXACT_FIT = 1e-10
"""Largest residual, relative to the path, that rounding explains."""


@dataclass(frozen=True)
class DriftTest:
    """A drift per week, its t ratio and one-sided p-values.

    Attributes
    ----------
    slope
        Estimated drift per week.
    statistic
        Standard normal under no drift.
    p_up, p_down
        Against a positive and against a negative drift.
    root
        AR root used to filter (Perron-Yabu), or the weight on the unit-root statistic (Harvey-Leybourne-Taylor).
    method
        Name of the test.
    """

    slope: float
    statistic: float
    p_up: float
    p_down: float
    root: float
    method: str


def perron_yabu(path: FloatArray, *, fourier: int = 0, max_lags: int | None = None) -> DriftTest:
    """Test for drift by quasi-GLS with a super-efficient AR root, with waves in the trend function if wanted.

    Parameters
    ----------
    path
        Shape (T,), consecutive weeks.
    fourier
        Pairs sin(2 pi k t / T), cos(2 pi k t / T), k = 1..fourier (at most 5), beside the linear trend: without them
        strong waves are read as a unit root and the test loses its power.
    max_lags
        Largest order of the autoregression; default 12 (T / 100)^(1/4). The order is chosen by BIC.

    Returns
    -------
    DriftTest

    Raises
    ------
    DataError
        If fewer than 10 weeks are given.

    Notes
    -----
    1. Detrend by least squares; fit an autoregression to the residuals; alpha is the sum of its coefficients.
    2. Correct alpha as Roy and Fuller (2001) do, with the median of the t ratio under a unit root (r trend columns,
       a = 10), and set it to one where |alpha - 1| <= T^(-1/2).
    3. Filter path and trend columns by 1 - alpha L (first row kept); the t ratio on the trend uses the long-run
       variance of the filtered residuals, times T / (T - r): autoregressive where alpha = 1, quadratic-spectral
       (Andrews 1991) otherwise.

    References
    ----------
    Perron, P. and T. Yabu (2009), Estimating deterministic trends with an integrated or stationary noise component,
    *Journal of Econometrics* 151, 56-69. With Fourier terms: Perron, P., M. Shintani and T. Yabu (2017), Testing for
    flexible nonlinear trends with an integrated or stationary noise component, *Oxford Bulletin of Economics and
    Statistics* 79, 822-850.
    """
    weeks = _fail_if_short(path)
    trend = _trend(weeks, fourier)
    residuals = path - trend @ np.linalg.lstsq(trend, path, rcond=None)[0]
    name = f"Perron-Shintani-Yabu (2017), {fourier} Fourier pairs" if fourier else "Perron-Yabu (2009)"
    if is_exact(residuals, path):
        return _drift(float(np.polyfit(trend[:, 1], path, 1)[0]), 0.0, 0.0, name)
    lags = _choose_order(residuals, max_lags or int(12 * (weeks / 100) ** 0.25))
    alpha = _super_efficient(_roy_fuller(residuals, lags, trend.shape[1], MEDIAN_TAU[fourier]), weeks)
    filtered = np.concatenate([path[:1], path[1:] - alpha * path[:-1]])
    design = np.vstack([trend[:1], trend[1:] - alpha * trend[:-1]])
    coefficients = np.linalg.lstsq(design, filtered, rcond=None)[0]
    rest = filtered - design @ coefficients
    if lags == 1:
        variance = float(rest @ rest) / weeks
    elif alpha == 1.0:
        variance = _autoregressive_variance(rest[1:], lags - 1)
    else:
        variance = quadratic_spectral_variance(rest)
    variance *= weeks / (weeks - trend.shape[1])
    error = np.sqrt(variance * np.linalg.inv(design.T @ design)[1, 1])
    return _drift(float(coefficients[1]), float(error), alpha, name)


def harvey_leybourne_taylor(path: FloatArray) -> DriftTest:
    """Test for drift by weighting the statistics that are right under I(0) and under I(1).

    Parameters
    ----------
    path
        Shape (T,), consecutive weeks.

    Returns
    -------
    DriftTest

    Raises
    ------
    DataError
        If fewer than 10 weeks are given.

    Notes
    -----
    z = (1 - l) z0 + l z1, l = exp(-.00025 (DF / KPSS)^2): z0 the t ratio of the trend in levels and z1 that of the
    mean of
    first differences, each with a quadratic-spectral long-run variance; DF the GLS-detrended Dickey-Fuller t ratio
    (cbar = -13.5,
    lags by BIC), KPSS the stationarity statistic around a trend.

    References
    ----------
    Harvey, D., S. Leybourne and A. M. R. Taylor (2007), A simple, robust and powerful test of the trend
    hypothesis, *Journal of
    Econometrics* 141, 1302-1330.
    """
    weeks = _fail_if_short(path)
    trend = _trend(weeks)
    coefficients = np.linalg.lstsq(trend, path, rcond=None)[0]
    residuals = path - trend @ coefficients
    if is_exact(residuals, path):
        return _drift(float(coefficients[1]), 0.0, 0.0, "Harvey-Leybourne-Taylor (2007)")
    clock = trend[:, 1] - trend[:, 1].mean()
    variance = quadratic_spectral_variance(residuals)
    z0 = coefficients[1] / np.sqrt(variance / (clock @ clock))
    change = np.diff(path)
    z1 = change.mean() / np.sqrt(quadratic_spectral_variance(change - change.mean()) / change.size)
    kpss = float(np.sum(np.cumsum(residuals) ** 2)) / (weeks**2 * variance)
    weight = float(np.exp(-HLT_KAPPA * (_df_gls(path) / kpss) ** HLT_POWER))
    z = (1 - weight) * z0 + weight * z1
    slope = float((1 - weight) * coefficients[1] + weight * change.mean())
    return DriftTest(slope, float(z), float(ndtr(-z)), float(ndtr(z)), weight, "Harvey-Leybourne-Taylor (2007)")


def quadratic_spectral_variance(values: FloatArray) -> float:
    """Return the long-run variance with the quadratic-spectral kernel and Andrews's (1991) AR(1) bandwidth.

    Notes
    -----
    Bandwidth 1.3221 (a T)^(1/5), a = 4 rho^2 / (1 - rho)^4, rho the first autocorrelation bounded by .97.
    """
    n = values.size
    energy = float(values[:-1] @ values[:-1])
    rho = float(np.clip(values[1:] @ values[:-1] / energy if energy > 0 else 0.0, -0.97, 0.97))
    bandwidth = max(1.3221 * (4 * rho**2 / (1 - rho) ** 4 * n) ** 0.2, 1e-8)
    lags = np.arange(1, n)
    x = 6 * np.pi * lags / (5 * bandwidth)
    kernel = 3.0 / x**2 * (np.sin(x) / x - np.cos(x))
    autocovariance = np.correlate(values, values, mode="full")[n - 1 :] / n
    return float(max(autocovariance[0] + 2 * kernel @ autocovariance[1:], 1e-12 * autocovariance[0]))


def is_exact(residuals: FloatArray, path: FloatArray) -> bool:
    """Whether a fit leaves nothing but rounding: a path without noise."""
    return bool(np.abs(residuals).max() <= EXACT_FIT * max(float(np.abs(path).max()), 1e-300))


def _trend(weeks: int, fourier: int = 0) -> FloatArray:
    clock = np.arange(1.0, weeks + 1)
    angles = [2 * np.pi * k * clock / weeks for k in range(1, fourier + 1)]
    pairs = [wave(angle) for angle in angles for wave in (np.sin, np.cos)]
    return np.column_stack([np.ones(weeks), clock, *pairs])


def _drift(slope: float, error: float, root: float, method: str) -> DriftTest:
    t = slope / error if error > 0 else np.copysign(np.inf, slope) if slope else 0.0
    return DriftTest(slope, float(t), float(ndtr(-t)), float(ndtr(t)), root, method)


def _lagged(values: FloatArray, order: int, start: int) -> tuple[FloatArray, FloatArray]:
    """Dependent values and [level lag, difference lags] of an augmented autoregression, from row ``start``."""
    change = np.diff(values)
    rows = np.arange(start, values.size)
    columns = [values[rows - 1]] + [change[rows - 1 - j] for j in range(1, order)]
    return values[rows], np.column_stack(columns)


def _level_error(x: FloatArray, variance: float) -> float:
    """Return the error of the level lag, tiny where a path without noise makes its lags collinear."""
    return max(float(np.sqrt(variance * np.linalg.pinv(x.T @ x, hermitian=True)[0, 0])), float(np.finfo(float).tiny))


def _choose_order(values: FloatArray, most: int) -> int:
    """Order by BIC on a common sample."""
    most = max(1, min(most, values.size // 4))
    scores = []
    for order in range(1, most + 1):
        y, x = _lagged(values, order, most)
        rest = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
        scores.append(y.size * np.log(max(float(rest @ rest), 1e-300) / y.size) + order * np.log(y.size))
    return int(np.argmin(scores)) + 1


def _roy_fuller(residuals: FloatArray, order: int, r: int, centre: float) -> float:
    """Sum of autoregressive coefficients, median-unbiased near one (Roy and Fuller 2001)."""
    n = residuals.size
    y, x = _lagged(residuals, order, order)
    coefficients = np.linalg.lstsq(x, y, rcond=None)[0]
    rest = y - x @ coefficients
    error = _level_error(x, float(rest @ rest) / (y.size - order))
    tau = (float(coefficients[0]) - 1.0) / error
    half, a = (order + 1) // 2, ROY_FULLER_A
    c1 = (1 + r) * n
    c2 = (c1 - centre**2 * (half + n)) / (centre * (a + centre) * (half + n))
    if tau > centre:
        shift = -tau
    elif tau > -a:
        shift = half / n * tau - (1 + r) / (tau + c2 * (tau + a))
    elif tau > -np.sqrt(c1):
        shift = half / n * tau - (1 + r) / tau
    else:
        shift = 0.0
    return float(np.clip(coefficients[0] + shift * error, -0.99, 1.0))


def _super_efficient(alpha: float, weeks: int) -> float:
    return 1.0 if abs(alpha - 1.0) <= weeks**-0.5 else alpha


def _autoregressive_variance(values: FloatArray, order: int) -> float:
    """Long-run variance from an autoregression of the given order."""
    rows = np.arange(order, values.size)
    x = np.column_stack([values[rows - j] for j in range(1, order + 1)])
    coefficients = np.linalg.lstsq(x, values[rows], rcond=None)[0]
    rest = values[rows] - x @ coefficients
    return float(rest @ rest / (rows.size - order) / max(1.0 - coefficients.sum(), 0.05) ** 2)


def _df_gls(path: FloatArray) -> float:
    """Dickey-Fuller t ratio after local-to-unity GLS detrending (Elliott, Rothenberg and Stock 1996)."""
    trend = _trend(path.size)
    alpha = 1 + GLS_CBAR / path.size
    quasi = np.concatenate([path[:1], path[1:] - alpha * path[:-1]])
    design = np.vstack([trend[:1], trend[1:] - alpha * trend[:-1]])
    rest = path - trend @ np.linalg.lstsq(design, quasi, rcond=None)[0]
    order = _choose_order(rest, int(12 * (path.size / 100) ** 0.25))
    y, x = _lagged(rest, order, order)
    coefficients = np.linalg.lstsq(x, y, rcond=None)[0]
    left = y - x @ coefficients
    return (float(coefficients[0]) - 1.0) / _level_error(x, float(left @ left) / (y.size - order))


def _fail_if_short(path: FloatArray) -> int:
    if path.size < 10:
        msg = f"A drift test needs at least 10 consecutive weeks; got {path.size}."
        raise DataError(msg)
    return int(path.size)
