"""Cycles in panel dynamics: AR(2) with complex roots, and overshooting impulse responses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.errors import DataError
from panelcoop.numerics.covariance.covariance import covariance
from panelcoop.numerics.distributions import normal_sf, t_sf
from panelcoop.numerics.regression.least_squares import least_squares
from panelcoop.options import FloatArray, IntArray

__all__ = ["Overshoot", "PanelCycle", "overshoot", "panel_ar2"]


@dataclass(frozen=True)
class PanelCycle:
    """Panel AR(2).

    Attributes
    ----------
    phi
        Half-panel jackknife estimates of both coefficients.
    phi_raw
        Least squares with region effects.
    cov
        Driscoll-Kraay covariance, shape (2, 2).
    discriminant, statistic, p
        phi1^2 + 4 phi2, its t ratio (delta method), one-sided p of "not below zero".
    period, period_error
        Weeks per cycle, NaN where the roots are real, and its delta-method error.
    modulus
        Size of the complex roots: below one the cycle dies out.
    """

    phi: FloatArray
    phi_raw: FloatArray
    cov: FloatArray
    discriminant: float
    statistic: float
    p: float
    period: float
    period_error: float
    modulus: float


@dataclass(frozen=True)
class Overshoot:
    """Response at horizons 1..H with errors; the most negative t ratio, its Bonferroni p-value and its horizon."""

    response: FloatArray
    errors: FloatArray
    statistic: float
    p: float
    horizon: int


def panel_ar2(values: FloatArray, *, lag: int | None = None) -> PanelCycle:
    """Fit y_it = a_i + phi1 y_i,t-1 + phi2 y_i,t-2 + e_it and ask whether its roots are complex.

    Parameters
    ----------
    values
        Shape (N, T), NaN where missing; weeks in order without gaps in between.
    lag
        Of the Driscoll-Kraay covariance.

    Notes
    -----
    Least squares with region effects is biased by O(1/T); the half-panel jackknife 2 phi - (phi' + phi'') / 2 of
    Dhaene and Jochmans
    (2015) takes the first-order term away. Complex roots need phi1^2 + 4 phi2 < 0; period 2 pi / arccos(phi1 / (2
    sqrt(-phi2))).
    A common drift is taken out beforehand by the caller: a trend looks like a root of one.
    """
    half = values.shape[1] // 2
    raw, cov = _ar2(values, lag)
    parts = [_ar2(part, lag)[0] for part in (values[:, :half], values[:, half:])]
    phi = 2 * raw - (parts[0] + parts[1]) / 2
    discriminant = float(phi[0] ** 2 + 4 * phi[1])
    gradient = np.array([2 * phi[0], 4.0])
    t = discriminant / float(np.sqrt(gradient @ cov @ gradient))
    period, error, modulus = _period(phi, cov)
    return PanelCycle(phi, raw, cov, discriminant, t, 1 - float(normal_sf(t)), period, error, modulus)


def overshoot(values: FloatArray, shocks: FloatArray | None = None, *, horizons: int = 26, lags: int = 2) -> Overshoot:
    """Estimate how an outcome answers a shock and whether the answer changes its sign.

    Parameters
    ----------
    values
        Outcome, shape (N, T).
    shocks
        Shape (N, T), such as a driver; None for the outcome's own innovation.
    horizons
        Largest horizon.
    lags
        Lags p of the dynamics; p + 1 are controlled for (lag augmentation).

    Notes
    -----
    y_i,t+h on the shock at t, p + 1 lags of the outcome, p + 1 lags of the shock where one is given, and region
    effects. With one lag more than the dynamics need, the scores are not serially correlated and errors clustered by
    week suffice, also near a unit root (Montiel Olea and Plagborg-Moller 2021). Errors leave out one week at a time
    (CRV3, region means kept), with t(weeks - 1): a shock that regions share varies over few weeks.

    The outcome's own innovation makes region effects biased by O(1/T): the half-panel jackknife 2 b - (b' + b'') / 2
    takes the first order of it away; its error is the larger of that of b and that of the mean of the halves.

    H0: no response below zero at any horizon 1..H: min t_h, p = min(1, H P(t <= min t_h)).
    """
    found = [_project(values, shocks, h, lags) for h in range(1, horizons + 1)]
    response, errors, weeks = (np.array(column) for column in zip(*found, strict=True))
    if shocks is None:
        half = values.shape[1] // 2
        parts = (values[:, :half], values[:, half:])
        halves = np.array([[_project(part, None, h, lags)[:2] for h in range(1, horizons + 1)] for part in parts])
        response = 2 * response - halves[:, :, 0].mean(axis=0)
        errors = np.maximum(errors, np.sqrt((halves[:, :, 1] ** 2).sum(axis=0)) / 2)
    t = response / errors
    at = int(t.argmin())
    p = min(1.0, horizons * float(t_sf(-t[at], weeks[at] - 1)))
    return Overshoot(response, errors, float(t[at]), p, at + 1)


def _ar2(values: FloatArray, lag: int | None) -> tuple[FloatArray, FloatArray]:
    y, x, regions, weeks = _stack(values[:, 2:], [values[:, 1:-1], values[:, :-2]])
    fit = least_squares(y, x, effects=[regions], names=["lag 1", "lag 2"])
    return fit.coef, covariance(fit, "driscoll-kraay", weeks=weeks, lag=lag).cov


def _period(phi: FloatArray, cov: FloatArray) -> tuple[float, float, float]:
    if not (phi[1] < 0 and phi[0] ** 2 + 4 * phi[1] < 0):
        return float("nan"), float("nan"), float("nan")

    def of(one: FloatArray) -> float:
        return float(2 * np.pi / np.arccos(np.clip(one[0] / (2 * np.sqrt(-one[1])), -1, 1)))

    step = 1e-6
    gradient = np.array([(of(phi + step * e) - of(phi - step * e)) / (2 * step) for e in np.eye(2)])
    return of(phi), float(np.sqrt(gradient @ cov @ gradient)), float(np.sqrt(-phi[1]))


def _project(values: FloatArray, shocks: FloatArray | None, h: int, lags: int) -> tuple[float, float, int]:
    """Response at a horizon, its error by leaving out weeks, and the number of weeks."""
    start, stop = lags + 1, values.shape[1] - h
    lagged = (values,) if shocks is None else (values, shocks)
    impulse = values if shocks is None else shocks
    columns = [impulse[:, start:stop]] + [one[:, start - j : stop - j] for one in lagged for j in range(1, lags + 2)]
    y, x, regions, weeks = _stack(values[:, start + h : stop + h], columns)
    fit = least_squares(y, x, effects=[regions])
    within = fit.design.demeaned()[0]
    gram, changes = within.T @ within, []
    for week in np.unique(weeks):
        one = within[weeks == week]
        changes.append(np.linalg.lstsq(gram - one.T @ one, one.T @ fit.resid[weeks == week], rcond=None)[0][0])
    count = len(changes)
    return float(fit.coef[0]), float(np.sqrt((count - 1) / count * np.square(changes).sum())), count


def _stack(outcome: FloatArray, columns: list[FloatArray]) -> tuple[FloatArray, FloatArray, IntArray, IntArray]:
    """Rows where outcome and all columns are seen, with region and week codes."""
    block = np.stack(columns, axis=-1)
    seen = np.isfinite(outcome) & np.isfinite(block).all(axis=-1)
    region, week = np.nonzero(seen)
    if region.size < 10 + block.shape[-1] + outcome.shape[0]:
        msg = f"{region.size} cells have the outcome and all its lags; too few for {block.shape[-1]} columns."
        raise DataError(msg)
    return outcome[seen], block[seen], np.unique(region, return_inverse=True)[1].astype(np.int64), week.astype(np.int64)
