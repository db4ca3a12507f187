"""Periods and cycles of the common path: Fisher's g, harmonic, stochastic cycle, Markov switching."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import islice

import numpy as np

from panelcoop.numerics.waves.autoregression import ar1_paths, correct_root
from panelcoop.numerics.waves.periodicity import fisher_g, harmonic_lr
from panelcoop.numerics.waves.smoothing import gaussian_smoother
from panelcoop.options import FloatArray
from panelcoop.waves.battery.statistic import BatterySetting, WaveStatistic

__all__ = ["fisher", "harmonic", "markov_switching", "stochastic_cycle"]

SHORTEST_PERIOD, FEWEST_CYCLES = 8.0, 1.5
SMOOTH_SHARE, START_DAMPING = 0.04, 0.97
MARKOV_START = np.array([0.9, 0.1, -0.8, 0.8, 0.4])
"""Chances of staying low and of leaving high, two means, variance: of changes scaled to unit variance."""
RED_NOISE = "a line plus AR(1) noise"


def fisher(setting: BatterySetting) -> WaveStatistic:
    """Test for a hidden period against red noise."""
    found = fisher_g(setting.path, draws=setting.draws, rng=setting.rng(4))
    return WaveStatistic(
        name="Fisher g",
        statistic=found.statistic,
        null=RED_NOISE,
        p=found.p,
        method=f"AR(1) bootstrap, {setting.draws} draws",
        convention=f"linear trend out; bias-corrected root {found.root:.2f}",
        warning="waves of unequal length spread over frequencies; Fisher's own table holds for white noise only",
        details={"period (weeks)": found.period},
    )


def harmonic(setting: BatterySetting) -> WaveStatistic:
    """Test a line against a line plus one sine wave."""
    found = harmonic_lr(setting.path, draws=setting.draws, rng=setting.rng(5))
    return WaveStatistic(
        name="sup-LR harmonic",
        statistic=found.statistic,
        null=RED_NOISE,
        p=found.p,
        method=f"AR(1) bootstrap of the supremum, {setting.draws} draws",
        convention="periods from 8 weeks to T / 1.5",
        warning="one regular wave; a slow bend can pass for a long period",
        details={"period (weeks)": found.period},
    )


def stochastic_cycle(setting: BatterySetting) -> WaveStatistic:
    """Test for a damped stochastic cycle beside a line and AR(1) noise (Harvey 1989)."""
    draws = setting.slow_draws
    statistic, p, fit = _bootstrapped(setting, _cycle_lr, draws, stream=6)
    return WaveStatistic(
        name="Stochastic cycle",
        statistic=statistic,
        null=RED_NOISE,
        p=p,
        method=f"likelihood ratio, parametric bootstrap, {draws} draws",
        convention="statsmodels UnobservedComponents, deterministic trend; periods of 8 weeks to T / 1.5",
        warning="noise of longer memory than AR(1) rejects; chi2 fails: the cycle's variance is zero under the null",
        details=fit,
    )


def markov_switching(setting: BatterySetting) -> WaveStatistic:
    """Test two regimes of the weekly change against one (Hamilton 1989)."""
    draws = setting.slow_draws
    statistic, p, fit = _bootstrapped(setting, _markov_lr, draws, stream=7)
    return WaveStatistic(
        name="Markov switching",
        statistic=statistic,
        null=f"one regime: {RED_NOISE}",
        p=p,
        method=f"likelihood ratio, parametric bootstrap, {draws} draws",
        convention="statsmodels MarkovRegression on changes of the smooth, two means, one variance",
        warning="chi2 fails: transitions are not identified under one regime; one odd week can be a regime",
        details=fit,
    )


def _bootstrapped(
    setting: BatterySetting,
    ratio: Callable[[FloatArray], tuple[float, dict[str, object]]],
    draws: int,
    *,
    stream: int,
) -> tuple[float, float, dict[str, object]]:
    """Likelihood ratio, parametric-bootstrap p and details under the line plus AR(1); draws that fail are redrawn."""
    weeks = setting.path.size
    clock = np.arange(float(weeks))
    line = np.polyval(np.polyfit(clock, setting.path, 1), clock)
    rest = setting.path - line
    root = correct_root(float(rest[1:] @ rest[:-1] / (rest[:-1] @ rest[:-1])), 2, weeks, setting.thresholds.root_cap)
    shocks = rest[1:] - root * rest[:-1]
    unit = float(rest.std()) or 1.0
    statistic, details = ratio(setting.path / unit)
    noise = ar1_paths(setting.rng(stream).standard_normal((weeks, 2 * draws)) * shocks.std(), root)
    fitted = (ratio((line + path) / unit)[0] for path in noise.T)
    drawn = np.array(list(islice((one for one in fitted if np.isfinite(one)), draws)))
    p = (1 + int((drawn >= statistic).sum())) / (1 + drawn.size) if np.isfinite(statistic) else float("nan")
    return statistic, p, details


def _cycle_lr(path: FloatArray) -> tuple[float, dict[str, object]]:
    """Likelihood ratio of a stochastic cycle; the weeks that its diffuse start takes count in neither likelihood."""
    from statsmodels.tsa.statespace.structural import UnobservedComponents

    clock = np.arange(float(path.size))
    rest = path - np.polyval(np.polyfit(clock, path, 1), clock)
    bounds = (SHORTEST_PERIOD, path.size / FEWEST_CYCLES)
    quick = {"disp": False, "maxiter": 60, "return_params": True}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        null = UnobservedComponents(rest, autoregressive=1)
        cycle = UnobservedComponents(
            rest, autoregressive=1, cycle=True, stochastic_cycle=True, damped_cycle=True, cycle_period_bounds=bounds
        )
        null.loglikelihood_burn = cycle.loglikelihood_burn
        small = np.asarray(null.fit(**quick))
        start = _cycle_start(rest, bounds)
        large = np.asarray(cycle.fit(start_params=[start[name] for name in cycle.param_names], **quick))
        ratio = max(2 * float(cycle.loglike(large) - null.loglike(small)), 0.0)
    fitted = {str(name): float(value) for name, value in zip(cycle.param_names, large, strict=True)}
    details: dict[str, object] = {
        "period (weeks)": 2 * np.pi / fitted["frequency.cycle"],
        "damping": fitted["damping.cycle"],
    }
    return ratio, details


def _cycle_start(rest: FloatArray, bounds: tuple[float, float]) -> dict[str, float]:
    """Take the best harmonic for the cycle, and AR(1) noise around it."""
    period = float(np.clip(harmonic_lr(rest, draws=0, rng=np.random.default_rng(0)).period, *bounds))
    angle = 2 * np.pi / period
    waves = np.column_stack([f(angle * np.arange(float(rest.size))) for f in (np.sin, np.cos)])
    harmonic = waves @ np.linalg.lstsq(waves, rest, rcond=None)[0]
    noise = rest - harmonic
    root = float(np.clip(noise[1:] @ noise[:-1] / (noise[:-1] @ noise[:-1]), -0.95, 0.95))
    return {
        "sigma2.ar": float(np.var(noise[1:] - root * noise[:-1])),
        "ar.L1": root,
        "sigma2.cycle": float(harmonic.var()) * (1 - START_DAMPING**2),
        "frequency.cycle": angle,
        "damping.cycle": START_DAMPING,
    }


def _markov_lr(path: FloatArray) -> tuple[float, dict[str, object]]:
    """Likelihood ratio of two means against one in the weekly changes of the smooth, taken as independent."""
    from statsmodels.tsa.regime_switching.markov_regression import MarkovRegression

    change = np.diff(gaussian_smoother(np.arange(float(path.size)), SMOOTH_SHARE * path.size) @ path)
    change = (change - change.mean()) / (float(change.std()) or 1.0)
    one = -0.5 * change.size * (1 + np.log(2 * np.pi * float(change.var())))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model = MarkovRegression(change, k_regimes=2, trend="c")
            fit = model.fit(start_params=MARKOV_START, disp=False, maxiter=50, em_iter=10)
        except (np.linalg.LinAlgError, ValueError, RuntimeError):
            return float("nan"), {}
    duration = tuple(float(d) for d in np.asarray(fit.expected_durations))
    return max(2 * (float(fit.llf) - one), 0.0), {"expected weeks in each regime": duration}
