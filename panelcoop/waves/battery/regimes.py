"""Regimes and breaks: Hansen's threshold, common breaks, and dynamics: complex roots, overshooting."""

from __future__ import annotations

import numpy as np

from panelcoop.errors import DataError
from panelcoop.numerics.waves.break_test import break_test, straight_line
from panelcoop.numerics.waves.common_breaks import break_partition
from panelcoop.numerics.waves.panel_cycle import overshoot, panel_ar2
from panelcoop.numerics.waves.panel_threshold import panel_threshold
from panelcoop.options import FloatArray
from panelcoop.waves.battery.statistic import BatterySetting, WaveStatistic

__all__ = ["bai_perron", "complex_roots", "hansen", "local_overshoot", "sup_break"]

OWN_WARNING = "common shocks with an AR root of .8 around a straight line are rejected in up to a fifth of samples"
DRIVER_WARNING = (
    "an answer below zero later on is no wave of the path; an unrelated driver is rejected in up to 8% of samples"
)
LEAST_WEEKS_AHEAD = 8
HANSEN_WARNING = "regions are taken as independent: with common shocks p is too small"


def hansen(setting: BatterySetting) -> tuple[WaveStatistic, ...]:
    """Test one and two thresholds in the answer to a driver (or to the outcome's own past).

    Notes
    -----
    The level switches with the slope: slopes alone would depend on where the scale of the driver has its zero, as a
    step of the slope on x + c hides a step of the level.
    """
    values = setting.calendar()
    lagged = values[:, :-1] if setting.driver is None else setting.driver[:, :-1]
    name = "the outcome's own last week" if setting.driver is None else f"last week's {setting.driver_name}"
    now = values[:, 1:]
    seen = np.isfinite(now) & np.isfinite(lagged)
    region = np.nonzero(seen)[0].astype(np.int64)
    y, x = now[seen], lagged[seen]
    unit = float(x.std()) or 1.0
    switching = np.column_stack([(x - x.mean()) / unit, np.ones_like(x)])
    results = []
    for number, word in ((1, "no threshold"), (2, "one threshold")):
        rng = setting.rng(7 + number)
        fit = panel_threshold(y, switching, x, region, thresholds=number, draws=setting.draws, rng=rng)
        results.append(
            WaveStatistic(
                name=f"Hansen threshold, {number} against {number - 1}",
                statistic=fit.statistic,
                null=f"{word} in the answer to {name}",
                p=fit.p,
                method=f"bootstrap of regions, {setting.draws} draws",
                convention="region effects; level and slope by regime; trimming 5%; at most 200 candidates",
                warning=HANSEN_WARNING + ("; the regressor is a lagged outcome" if setting.driver is None else ""),
                details={
                    "thresholds": fit.thresholds,
                    "hulls of their 95% sets": tuple(f"{one.low:.4g} to {one.high:.4g}" for one in fit.sets),
                    "slopes": tuple(float(s) / unit for s in fit.slopes[:, 0]),
                },
            )
        )
    return tuple(results)


def sup_break(setting: BatterySetting) -> WaveStatistic:
    """Test for one break of level and slope that all regions share, at an unknown date."""
    paths = setting.bridged().T
    found = break_test(paths, draws=setting.draws, rng=setting.rng(10), cap=setting.thresholds.root_cap)
    return WaveStatistic(
        name="Andrews sup-F",
        statistic=found.statistic,
        null="no common break of the regions' levels and slopes",
        p=found.p,
        method=f"AR(1) bootstrap of the supremum, {setting.draws} draws",
        convention=(
            f"every region its own level and slope, one date; 15% trimming; roots {found.common_root:.2f} (common "
            f"path) and {found.own_root:.2f} (regions around it), week vectors resampled"
        ),
        warning="a hump or a bend is a break too; weak where all regions break alike, strong where each does its own",
        details={"last week before the break": setting.week(found.at)},
    )


def bai_perron(setting: BatterySetting) -> WaveStatistic:
    """Date several breaks that all regions share (BIC); a description."""
    paths = setting.bridged().T
    found = break_partition(paths, straight_line(len(paths)))
    dates = tuple(setting.week(t) for t in found.breaks[found.chosen])
    return WaveStatistic(
        name="Bai-Perron breaks",
        statistic=float(found.chosen),
        null="none: a description",
        p=float("nan"),
        method="dynamic programming, number by BIC",
        convention="every region its own level and slope, common dates; segments of at least 15%",
        warning="BIC finds breaks in persistent noise",
        details={"last weeks of segments": dates, "number by LWZ": int(found.lwz.argmin())},
    )


def complex_roots(setting: BatterySetting) -> WaveStatistic:
    """Test whether the panel's AR(2) has complex roots, which make cycles."""
    found = panel_ar2(_detrended(setting.calendar()))
    return WaveStatistic(
        name="Panel AR(2), complex roots",
        statistic=found.statistic,
        null="real roots: phi1^2 + 4 phi2 >= 0",
        p=found.p,
        method="one-sided normal, delta method",
        convention="region effects, common line out, half-panel jackknife, Driscoll-Kraay",
        warning="shows cycles in the dynamics of shocks, damped ones too; not that the path advanced in waves",
        details={
            "phi": tuple(float(x) for x in found.phi),
            "period (weeks)": found.period,
            "modulus": found.modulus,
        },
    )


def local_overshoot(setting: BatterySetting) -> WaveStatistic:
    """Test whether the answer to a shock turns below zero (local projections, lag-augmented)."""
    weeks = setting.path.size
    if weeks < LEAST_WEEKS_AHEAD:
        msg = f"Local projections with three lags in both halves need {LEAST_WEEKS_AHEAD} weeks; {weeks} are seen."
        raise DataError(msg)
    horizons = min(26, weeks // 6)
    found = overshoot(_detrended(setting.calendar()), setting.driver, horizons=horizons)
    own = setting.driver is None
    return WaveStatistic(
        name="Local-projection overshoot",
        statistic=found.statistic,
        null=f"no answer below zero within {horizons} weeks",
        p=found.p,
        method="smallest t, Bonferroni over horizons",
        convention=("own innovation; half-panel jackknife" if own else f"shock: {setting.driver_name}, its lags too")
        + "; two lags and one more; errors by leaving out weeks",
        warning=OWN_WARNING if own else DRIVER_WARNING,
        details={"horizon": found.horizon, "answer there": float(found.response[found.horizon - 1])},
    )


def _detrended(values: FloatArray) -> FloatArray:
    """Take the straight line of the common path out of every region."""
    seen = np.isfinite(values)
    mean = np.where(seen, values - np.nanmean(values, axis=1, keepdims=True), 0.0).sum(axis=0)
    mean = mean / np.maximum(seen.sum(axis=0), 1)
    clock = np.arange(float(values.shape[1]))
    return np.asarray(values - np.polyval(np.polyfit(clock, mean, 1), clock))
