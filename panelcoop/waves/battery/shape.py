"""Shape of the common path: U test, two lines, turning points, persistence of peaks."""

from __future__ import annotations

import numpy as np

from panelcoop.errors import DataError
from panelcoop.numerics.waves.ascent_test import exceedance
from panelcoop.numerics.waves.path_regression import path_regression
from panelcoop.numerics.waves.smoothing import gaussian_smoother
from panelcoop.numerics.waves.turning import lind_mehlum, peak_persistence, turning_points, two_lines
from panelcoop.numerics.waves.untested import FEWEST_WEEKS
from panelcoop.options import FloatArray
from panelcoop.waves.battery.statistic import BatterySetting, WaveStatistic

__all__ = ["cycle_dating", "persistent_peaks", "simonsohn", "u_test"]

BLOCK = 8


def u_test(setting: BatterySetting) -> WaveStatistic:
    """Test for one hump or one valley (Lind and Mehlum 2010)."""
    clock = np.arange(float(setting.path.size))
    fit = path_regression(setting.path, np.column_stack([np.ones_like(clock), clock, clock**2]))
    found = lind_mehlum(fit.coef[1:], fit.cov[1:, 1:], 0.0, float(clock[-1]), df=fit.df)
    turning = setting.week(found.turning) if 0 <= found.turning <= clock[-1] else "outside the weeks"
    return WaveStatistic(
        name="Lind-Mehlum U test",
        statistic=found.statistic,
        null=f"monotone, or not {found.shape}",
        p=found.p,
        method=f"min of two one-sided t, t({fit.df})",
        convention=f"quadratic in the week; Newey-West lag {fit.lag} on the common path",
        warning="one hump is a life cycle, not waves; a quadratic sees one turn at most",
        details={"shape": found.shape, "turning point": turning, "Fieller interval": found.fieller},
    )


def simonsohn(setting: BatterySetting) -> WaveStatistic:
    """Test for a sign change of the slope with two lines (Simonsohn 2018)."""
    found = two_lines(setting.path, _smooth(setting), bandwidth=_bandwidth(setting))
    return WaveStatistic(
        name="Two lines",
        statistic=min(abs(s) for s in found.slopes),
        null="no sign change of the slope",
        p=found.p,
        method="larger of two two-sided p, 1 if the signs agree",
        convention="Robin Hood breakpoint; Newey-West on the common path",
        warning="rejects for one hump; the breakpoint is chosen by the data",
        details={"breakpoint": setting.week(found.breakpoint), "slopes": found.slopes, "p of each": found.p_values},
    )


def cycle_dating(setting: BatterySetting) -> WaveStatistic:
    """Date peaks and troughs of the smooth; a description."""
    peaks, troughs = turning_points(_smooth(setting))
    return WaveStatistic(
        name="Turning points",
        statistic=float(peaks.size + troughs.size),
        null="none: a description",
        p=float("nan"),
        method="Bry-Boschan rules on the smooth",
        convention="window 3, phase 4, cycle 10 weeks",
        warning="smooth noise has turning points too",
        details={
            "peaks": tuple(setting.week(t) for t in peaks),
            "troughs": tuple(setting.week(t) for t in troughs),
        },
    )


def persistent_peaks(setting: BatterySetting) -> WaveStatistic:
    """Test for a second peak by its persistence, with a moving-block bootstrap of the noise."""
    if np.isnan(setting.test.threshold):
        msg = (
            f"This resamples a fit of the noise, which takes {FEWEST_WEEKS} weeks; {setting.work.weeks.size} are seen."
        )
        raise DataError(msg)
    smoother = _smoother(setting)
    found = peak_persistence(smoother @ setting.path)
    second = float(found[1]) if found.size > 1 else 0.0
    residuals = np.interp(
        np.arange(float(setting.path.size)),
        setting.work.positions - setting.work.positions[0],
        setting.test.noise.residuals,
    )
    noise = _blocks(residuals, setting.draws, setting.rng(3), setting.test.noise.columns)
    ranges = np.sort(np.ptp(smoother @ noise, axis=0))
    return WaveStatistic(
        name="Persistence of peaks",
        statistic=second,
        null="at most one peak",
        p=exceedance(ranges, second),
        method=f"range of smoothed block-bootstrap noise, {setting.draws} draws",
        convention=f"blocks of {BLOCK} weeks, residuals of the noise fit",
        warning="blocks of 8 weeks understate noise with an AR root near one",
        details={"persistence": tuple(float(x) for x in found[:5])},
    )


def _bandwidth(setting: BatterySetting) -> float:
    return setting.thresholds.bandwidth * setting.path.size


def _smoother(setting: BatterySetting) -> FloatArray:
    return gaussian_smoother(np.arange(float(setting.path.size)), _bandwidth(setting))


def _smooth(setting: BatterySetting) -> FloatArray:
    return np.asarray(_smoother(setting) @ setting.path)


def _blocks(residuals: FloatArray, draws: int, rng: np.random.Generator, columns: int) -> FloatArray:
    """Moving-block resamples, shape (T, draws), scaled up for the fitted columns."""
    weeks = residuals.size
    starts = rng.integers(0, weeks - BLOCK + 1, size=(-(-weeks // BLOCK), draws))
    rows = (starts[:, None, :] + np.arange(BLOCK)[None, :, None]).reshape(-1, draws)[:weeks]
    return np.asarray((residuals - residuals.mean())[rows] * np.sqrt(weeks / max(weeks - columns, 1)))
