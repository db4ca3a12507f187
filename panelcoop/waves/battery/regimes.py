"""Regimes and breaks: Hansen's threshold, common breaks, and dynamics: complex roots, overshooting."""

from __future__ import annotations

import numpy as np

from panelcoop.numerics.waves.common_breaks import ANDREWS_CRITICAL, break_partition, break_statistics, sup_f
from panelcoop.numerics.waves.panel_cycle import overshoot, panel_ar2
from panelcoop.numerics.waves.panel_threshold import panel_threshold
from panelcoop.numerics.waves.periodicity import red_noise
from panelcoop.options import FloatArray
from panelcoop.waves.battery.statistic import BatterySetting, WaveStatistic

__all__ = ["bai_perron", "complex_roots", "hansen", "local_overshoot", "sup_break"]


def hansen(setting: BatterySetting) -> tuple[WaveStatistic, ...]:
    """Test one and two thresholds in the answer to a driver (or to the outcome's own past)."""
    values = setting.bridged()
    lagged = values[:, :-1] if setting.driver is None else setting.driver[:, :-1]
    name = "the outcome's own last week" if setting.driver is None else f"last week's {setting.driver_name}"
    now = values[:, 1:]
    seen = np.isfinite(now) & np.isfinite(lagged)
    region = np.nonzero(seen)[0].astype(np.int64)
    results = []
    for number, word in ((1, "no threshold"), (2, "one threshold")):
        fit = panel_threshold(
            now[seen],
            lagged[seen][:, None],
            lagged[seen],
            region,
            thresholds=number,
            draws=max(setting.draws // 5, 99),
            rng=setting.rng(7 + number),
        )
        results.append(
            WaveStatistic(
                name=f"Hansen threshold, {number} against {number - 1}",
                statistic=fit.statistic,
                null=f"{word} in the answer to {name}",
                p=fit.p,
                method=f"bootstrap of regions, {max(setting.draws // 5, 99)} draws",
                convention="region effects; trimming 5%; at most 200 candidates",
                warning="regions are taken as independent: with common shocks p is too small"
                + ("; the regressor is a lagged outcome" if setting.driver is None else ""),
                details={
                    "thresholds": fit.thresholds,
                    "confidence set": fit.confidence,
                    "slopes": tuple(float(s) for s in fit.slopes[:, 0]),
                },
            )
        )
    return tuple(results)


def sup_break(setting: BatterySetting) -> WaveStatistic:
    """Test for one break of level and slope of the common path at an unknown date, with an AR(1) bootstrap."""
    columns = _line(setting.path.size)
    found = sup_f(setting.path, columns)
    drawn, root = red_noise(setting.path, setting.draws, setting.rng(10))
    _, profile = break_statistics(drawn[:, None, :], columns)
    p = (1 + int((profile.max(axis=0) >= found.statistic).sum())) / (1 + setting.draws)
    return WaveStatistic(
        name="Andrews sup-F",
        statistic=found.statistic,
        null="no break of level and slope",
        p=p,
        method=f"AR(1) bootstrap of the supremum, {setting.draws} draws",
        convention=f"15% trimming; root {root:.2f}; 5% value without serial correlation {ANDREWS_CRITICAL[2]}",
        warning="a hump or a bend is a break too; the tabulated value over-rejects persistent noise",
        details={"last week before the break": setting.week(found.at)},
    )


def bai_perron(setting: BatterySetting) -> WaveStatistic:
    """Date several breaks that all regions share (BIC); a description."""
    found = break_partition(setting.path, _line(setting.path.size))
    dates = tuple(setting.week(t) for t in found.breaks[found.chosen])
    return WaveStatistic(
        name="Bai-Perron breaks",
        statistic=float(found.chosen),
        null="none: a description",
        p=float("nan"),
        method="dynamic programming, number by BIC",
        convention="level and slope of the common path; segments of at least 15%",
        warning="BIC finds breaks in persistent noise; dates are those of the common path",
        details={"last weeks of segments": dates, "number by LWZ": int(found.lwz.argmin())},
    )


def complex_roots(setting: BatterySetting) -> WaveStatistic:
    """Test whether the panel's AR(2) has complex roots, which make cycles."""
    found = panel_ar2(_detrended(setting.bridged()))
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
    horizons = min(26, setting.path.size // 6)
    shocks = None if setting.driver is None else setting.driver
    found = overshoot(_detrended(setting.bridged()), shocks, horizons=horizons)
    return WaveStatistic(
        name="Local-projection overshoot",
        statistic=found.statistic,
        null=f"no answer below zero within {horizons} weeks",
        p=found.p,
        method="smallest t, Bonferroni over horizons",
        convention="own innovation" * (setting.driver is None)
        + f"shock: {setting.driver_name}" * (setting.driver is not None)
        + "; two lags and one more; half-panel jackknife; errors by week",
        warning="with common shocks a straight line is rejected in up to a fifth of samples; see the table of sizes",
        details={"horizon": found.horizon, "answer there": float(found.response[found.horizon])},
    )


def _line(weeks: int) -> FloatArray:
    return np.column_stack([np.ones(weeks), np.arange(float(weeks)) / weeks])


def _detrended(values: FloatArray) -> FloatArray:
    """Take the straight line of the common path out of every region."""
    seen = np.isfinite(values)
    mean = np.where(seen, values - np.nanmean(values, axis=1, keepdims=True), 0.0).sum(axis=0)
    mean = mean / np.maximum(seen.sum(axis=0), 1)
    clock = np.arange(float(values.shape[1]))
    return np.asarray(values - np.polyval(np.polyfit(clock, mean, 1), clock))
