"""Linearity of the path in the panel: spline F and RESET with Driscoll-Kraay and the dependent wild bootstrap."""

from __future__ import annotations

import numpy as np

from panelcoop.errors import DataError
from panelcoop.numerics.covariance.covariance import covariance
from panelcoop.numerics.distributions import f_sf
from panelcoop.numerics.regression.least_squares import LinearFit, least_squares
from panelcoop.numerics.resampling.dependent_wild import dependent_wild_wald
from panelcoop.numerics.resampling.wild_draws import WildOptions
from panelcoop.numerics.resampling.wild_regression import wild_from_fit
from panelcoop.options import FloatArray, IntArray
from panelcoop.waves.battery.statistic import BatterySetting, WaveStatistic

__all__ = ["reset", "spline_f"]

KNOTS = 5
LAG = 6
WARNING = (
    "with common shocks a straight line is rejected in a fifth to most of the samples; read the bootstrap p, "
    "and see the table of sizes"
)
DWB_WARNING = "any bend rejects, also a monotone one; with persistent common shocks so does a straight line, too often"


def spline_f(setting: BatterySetting) -> tuple[WaveStatistic, ...]:
    """Test whether a natural cubic spline of the week adds to a line, with region effects."""
    y, region, week = setting.rows()
    u = (week - week.min()) / max(int(week.max() - week.min()), 1)
    columns = np.column_stack([u, natural_spline(u, np.linspace(0, 1, KNOTS + 2))])
    return _both(setting, "Spline F", least_squares(y, columns, effects=[region]), week, stream=1)


def reset(setting: BatterySetting) -> tuple[WaveStatistic, ...]:
    """Test whether powers of the fitted line add to it (Ramsey 1969), with region effects.

    Notes
    -----
    The fitted line is that within regions, b u: its square and cube are those of the week u up to scale. Powers of
    a_i + b u would confuse a region's level with time, and reject where regions have slopes of their own.
    """
    y, region, week = setting.rows()
    u = (week - week.mean()) / max(float(week.std()), 1e-300)
    return _both(setting, "RESET", least_squares(y, np.column_stack([u, u**2, u**3]), effects=[region]), week, stream=2)


def natural_spline(u: FloatArray, knots: FloatArray) -> FloatArray:
    """Return the non-linear columns of a natural cubic spline, shape (n, knots - 2).

    Notes
    -----
    d_k(u) - d_{K-1}(u), d_k = [(u - t_k)_+^3 - (u - t_K)_+^3] / (t_K - t_k): linear beyond the outer knots.

    Examples
    --------
    >>> natural_spline(np.array([0.0, 1.0]), np.linspace(0, 1, 4)).shape
    (2, 2)
    """

    def cube(k: int) -> FloatArray:
        above = np.maximum(u - knots[k], 0.0) ** 3 - np.maximum(u - knots[-1], 0.0) ** 3
        return np.asarray(above / (knots[-1] - knots[k]))

    last = cube(len(knots) - 2)
    return np.column_stack([cube(k) - last for k in range(len(knots) - 2)])


def _both(
    setting: BatterySetting, name: str, fit: LinearFit, week: IntArray, *, stream: int
) -> tuple[WaveStatistic, ...]:
    """Return the F with Driscoll-Kraay errors, and its dependent wild bootstrap."""
    codes = np.unique(week, return_inverse=True)[1].astype(np.int64)
    weeks = int(codes.max()) + 1
    most = max(LAG, fit.solution.size + 1)
    if weeks <= most:
        msg = f"{name} needs more than {most} weeks; {weeks} are seen."
        raise DataError(msg)
    restrictions = np.eye(fit.solution.size)[1:]
    record = covariance(fit, "driscoll-kraay", weeks=codes, lag=LAG)
    b, v = restrictions @ fit.solution, restrictions @ record.full @ restrictions.T
    q = len(restrictions)
    f = float(b @ np.linalg.pinv(v) @ b) / q
    options = WildOptions(draws=setting.draws, seed=int(setting.rng(stream).integers(2**31)))
    wild = dependent_wild_wald(wild_from_fit(fit), restrictions, week, lag=LAG, options=options)
    drawn = wild.draws - wild.invalid
    null = "the common path is a straight line"
    return (
        WaveStatistic(
            name=f"{name}, Driscoll-Kraay",
            statistic=f,
            null=null,
            p=float(f_sf(f, q, weeks - 1)),
            method=f"F({q}, {weeks - 1})",
            convention=f"region effects; Driscoll-Kraay lag {LAG}",
            warning=WARNING,
        ),
        WaveStatistic(
            name=f"{name}, DWB-t",
            statistic=wild.statistic / q,
            null=null,
            p=(1 + wild.p_value * drawn) / (1 + drawn),
            method=f"dependent wild bootstrap, {drawn} draws",
            convention="region effects; one multiplier per week, Bartlett 8",
            warning=DWB_WARNING,
        ),
    )
