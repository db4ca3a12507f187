"""The battery against brute force: dummy regressions, exact likelihoods, full grids."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.optimize import minimize
from wave_frames import frame

from panelcoop.numerics.waves.autoregression import ar1_paths
from panelcoop.numerics.waves.break_test import break_test, straight_line
from panelcoop.numerics.waves.common_breaks import sup_f
from panelcoop.numerics.waves.panel_cycle import overshoot
from panelcoop.numerics.waves.panel_threshold import panel_threshold
from panelcoop.numerics.waves.smoothing import gaussian_smoother
from panelcoop.numerics.waves.turning import two_lines
from panelcoop.sensitivity.wave_designs import Design, mean_path, simulate_panel
from panelcoop.waves.battery.linearity import natural_spline
from panelcoop.waves.battery.run import wave_battery
from panelcoop.waves.thresholds import WaveThresholds

EXACT = 1e-7  # least squares with dummies against demeaned columns
LIKELIHOOD = 0.02  # two optimisers of one likelihood
FEW = WaveThresholds(draws=99)


def dummies(values: np.ndarray, columns: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcome, columns of the week and region dummies as rows, and the week of each row."""
    n, t = values.shape
    week = np.tile(np.arange(t), n)
    x = np.column_stack([*(c[week] for c in columns), np.repeat(np.eye(n), t, axis=0)])
    return values.ravel(), x, week


def driscoll_kraay_f(values: np.ndarray, columns: list[np.ndarray], lag: int = 6) -> float:
    """F of all columns but the first, by statsmodels' covariance of sums over weeks times G/(G-1) (n-1)/(n-K)."""
    y, x, week = dummies(values, columns)
    fit = sm.OLS(y, x).fit(cov_type="hac-groupsum", cov_kwds={"time": week, "maxlags": lag, "use_correction": False})
    q, weeks = len(columns) - 1, values.shape[1]
    b, v = fit.params[1 : q + 1], fit.cov_params()[1 : q + 1, 1 : q + 1]
    factor = weeks / (weeks - 1) * (y.size - 1) / (y.size - x.shape[1])
    return float(b @ np.linalg.solve(v, b)) / q / factor


def test_spline_and_reset_are_their_dummy_regressions():
    values = simulate_panel(Design("hump", 2.0, 60, 0.3, 0.1, regions=6), np.random.default_rng(1))
    found = wave_battery(frame(values), outcome="y", tests=["spline", "reset"], thresholds=FEW, draws=99)
    spline, reset = (one for one in found.statistics if "Driscoll" in one.name)
    clock = np.arange(60.0)
    u, z = clock / 59, (clock - clock.mean()) / clock.std()
    bends = natural_spline(u, np.linspace(0, 1, 7)).T
    assert spline.statistic == pytest.approx(driscoll_kraay_f(values, [u, *bends]), rel=EXACT)
    assert reset.statistic == pytest.approx(driscoll_kraay_f(values, [z, z**2, z**3]), rel=EXACT)


def test_reset_does_not_take_regions_of_their_own_slope_for_bends():
    rng = np.random.default_rng(2)
    level = 5 * rng.standard_normal((12, 1))
    u = np.linspace(0, 1, 60)
    p = []
    for _ in range(20):
        straight = level + (3 + 0.6 * level) * u + rng.standard_normal((12, 60))
        found = wave_battery(frame(straight), outcome="y", tests=["reset"], thresholds=FEW, draws=99)
        p.append(found.statistics[1].p)
    assert np.mean(np.array(p) <= 0.05) <= 0.2
    assert min(p) >= 0.01  # (1 + #) / (1 + draws)


def test_two_lines_are_least_squares_with_a_jump_at_the_breakpoint():
    rng = np.random.default_rng(3)
    path = mean_path("hump", 100, 3.0) + 0.3 * rng.standard_normal(100)
    clock = np.arange(100.0)
    found = two_lines(path, gaussian_smoother(clock, 4.0) @ path, bandwidth=4.0)
    after = clock > found.breakpoint
    x = np.column_stack([(clock - found.breakpoint) * ~after, (clock - found.breakpoint) * after, after, np.ones(100)])
    fit = sm.OLS(path, x).fit(cov_type="HAC", cov_kwds={"maxlags": 4, "use_correction": True}, use_t=True)
    assert found.slopes == pytest.approx(tuple(fit.params[:2]), rel=EXACT)
    assert found.p_values == pytest.approx(tuple(fit.pvalues[:2]), rel=1e-5)
    assert found.p == max(found.p_values)
    assert 30 <= found.breakpoint <= 50


def test_a_wider_smooth_is_more_exact_and_moves_the_breakpoint():
    path = mean_path("hump", 100, 3.0) + 0.3 * np.random.default_rng(3).standard_normal(100)
    smooth = gaussian_smoother(np.arange(100.0), 4.0) @ path
    assert two_lines(path, smooth, bandwidth=1.0).breakpoint != two_lines(path, smooth, bandwidth=20.0).breakpoint


def hamilton_likelihood(theta: np.ndarray, change: np.ndarray) -> float:
    """Log likelihood of two means with one variance, by Hamilton's filter from the ergodic chances."""
    stay, leave = 1 / (1 + np.exp(-theta[:2]))
    chances = np.array([[stay, leave], [1 - stay, 1 - leave]])
    state = np.array([leave, 1 - stay]) / (1 - stay + leave)
    variance, total = np.exp(theta[4]), 0.0
    for x in change:
        density = np.exp(-0.5 * (x - theta[2:4]) ** 2 / variance) / np.sqrt(2 * np.pi * variance)
        joint = density * (chances @ state if total else state)
        total += np.log(joint.sum())
        state = joint / joint.sum()
    return float(total)


def test_the_markov_statistic_is_the_largest_likelihood_of_hamiltons_filter():
    values = simulate_panel(Design("driftless", 4.0, 60, 0.3, 0.02, regions=20), np.random.default_rng(16))
    found = wave_battery(frame(values), outcome="y", tests=["markov"], thresholds=FEW, slow_draws=1).statistics[0]
    path = (values - values.mean(axis=1, keepdims=True)).mean(axis=0)
    change = np.diff(gaussian_smoother(np.arange(60.0), 0.04 * 60) @ path)
    change = (change - change.mean()) / change.std()
    start = np.array([3.0, -3.0, -1.0, 1.0, -1.0])
    options = {"maxiter": 20_000, "maxfev": 20_000, "xatol": 1e-8, "fatol": 1e-10}
    best = minimize(lambda x: -hamilton_likelihood(x, change), start, method="Nelder-Mead", options=options)
    one = -0.5 * 60 * np.log(2 * np.pi) * 59 / 60 - 0.5 * 59
    assert found.statistic == pytest.approx(2 * (-best.fun - one), abs=LIKELIHOOD)
    stay, leave = 1 / (1 + np.exp(-best.x[:2]))
    weeks = sorted(found.details["expected weeks in each regime"])
    assert weeks == pytest.approx(sorted([1 / (1 - stay), 1 / leave]), rel=0.05)


def gaussian_likelihood(covariance: np.ndarray, rest: np.ndarray) -> float:
    lower = np.linalg.cholesky(covariance)
    scaled = np.linalg.solve(lower, rest)
    return float(-0.5 * scaled @ scaled - np.log(np.diag(lower)).sum() - 0.5 * rest.size * np.log(2 * np.pi))


def after_two(covariance: np.ndarray, rest: np.ndarray) -> float:
    """Log likelihood of all weeks given the first two, which start a diffuse cycle."""
    return gaussian_likelihood(covariance, rest) - gaussian_likelihood(covariance[:2, :2], rest[:2])


def test_the_stochastic_cycle_statistic_is_the_largest_gaussian_likelihood():
    values = simulate_panel(Design("driftless", 4.0, 60, 0.3, 0.02, regions=20), np.random.default_rng(16))
    found = wave_battery(frame(values), outcome="y", tests=["cycle"], thresholds=FEW, slow_draws=1).statistics[0]
    path = (values - values.mean(axis=1, keepdims=True)).mean(axis=0)
    clock = np.arange(60.0)
    rest = path - np.polyval(np.polyfit(clock, path, 1), clock)
    rest = rest / rest.std()
    apart, first = np.abs(clock[:, None] - clock[None, :]), np.minimum(clock[:, None], clock[None, :])

    def alone(theta):
        root = np.tanh(theta[0])
        return np.exp(theta[1]) * root**apart / (1 - root**2)

    def cycle(theta):
        damping = 1 / (1 + np.exp(-theta[3]))
        shrunk = damping ** (2 * first)
        level = 1e6 * shrunk + np.exp(theta[2]) * (1 - shrunk) / (1 - damping**2)
        return alone(theta) + level * damping**apart * np.cos(2 * np.pi / theta[4] * apart)

    options = {"maxiter": 20_000, "maxfev": 20_000, "xatol": 1e-8, "fatol": 1e-9}
    small = minimize(lambda x: -after_two(alone(x), rest), [2.0, -2.0], method="Nelder-Mead", options=options)
    start = [0.3, -4.0, -15.0, 7.0, 20.0]
    large = minimize(lambda x: -after_two(cycle(x), rest), start, method="Nelder-Mead", options=options)
    assert found.statistic == pytest.approx(2 * (small.fun - large.fun), abs=LIKELIHOOD)
    assert found.details["period (weeks)"] == pytest.approx(large.x[4], rel=0.02)
    assert found.details["period (weeks)"] == pytest.approx(20, abs=3)


def test_two_thresholds_against_one_by_brute_force_with_its_bootstrap():
    rng = np.random.default_rng(4)
    n, t, draws = 6, 15, 39
    x, q, region = rng.standard_normal(n * t), rng.integers(0, 20, size=n * t).astype(float), np.repeat(np.arange(n), t)
    y = x * (q > 8) + 0.6 * x * (q > 14) + rng.standard_normal(n * t)
    fit = panel_threshold(y, x[:, None], q, region, thresholds=2, draws=draws, rng=np.random.default_rng(7))
    effects, free = np.eye(n)[region], n * t - n
    low, high = np.quantile(q, [0.05, 0.95])
    grid = [g for g in np.unique(q) if low <= g < high]

    def apart(a, b):
        return abs(np.mean(q <= a) - np.mean(q <= b)) >= 0.05

    def fitted(outcome, *edges):
        columns = np.column_stack([x, *(x * (q > g) for g in edges), effects])
        return columns @ np.linalg.lstsq(columns, outcome, rcond=None)[0]

    def ssr(outcome, *edges):
        return float(((outcome - fitted(outcome, *edges)) ** 2).sum())

    def search(outcome):
        one = min(grid, key=lambda g: ssr(outcome, g))
        two = min((g for g in grid if apart(one, g)), key=lambda g: ssr(outcome, one, g))
        larger = ssr(outcome, one, two)
        return one, two, (ssr(outcome, one) - larger) / (larger / free)

    one, two, f = search(y)
    assert fit.statistic == pytest.approx(f, rel=EXACT)
    refined = min((g for g in grid if apart(two, g)), key=lambda g: ssr(y, g, two))
    assert fit.thresholds == tuple(sorted((refined, two)))
    assert fit.ssr == pytest.approx(ssr(y, refined, two), rel=EXACT)
    paths, stream = (y - fitted(y, one, two)).reshape(n, t), np.random.default_rng(7)
    sources = np.array([stream.integers(0, n, draws) for _ in range(n)])
    drawn = [search(fitted(y, one) + paths[sources[:, d]].ravel())[2] for d in range(draws)]
    assert fit.p == pytest.approx((1 + np.sum(np.array(drawn) >= f)) / (1 + draws))


def test_the_answer_to_a_shock_is_its_dummy_regression_without_each_week():
    rng = np.random.default_rng(5)
    y, shock = rng.standard_normal((6, 50)).cumsum(axis=1), rng.standard_normal((6, 50))
    found = overshoot(y, shock, horizons=3)
    for h in (1, 3):
        now = range(3, 50 - h)
        rows = [
            [y[i, t + h], t, i, shock[i, t], *(y[i, t - j] for j in (1, 2, 3)), *(shock[i, t - j] for j in (1, 2, 3))]
            for i in range(6)
            for t in now
        ]
        table = pd.DataFrame(rows)
        within = table.drop(columns=[1, 2]) - table.drop(columns=[1, 2]).groupby(table[2]).transform("mean")
        x, out = within.drop(columns=0).to_numpy(), within[0].to_numpy()
        whole = np.linalg.lstsq(x, out, rcond=None)[0][0]
        assert found.response[h - 1] == pytest.approx(whole, rel=EXACT)
        left = [np.linalg.lstsq(x[table[1] != t], out[table[1] != t], rcond=None)[0][0] for t in now]
        error = np.sqrt((len(left) - 1) / len(left) * np.sum((np.array(left) - whole) ** 2))
        assert found.errors[h - 1] == pytest.approx(error, rel=EXACT)


@pytest.mark.montecarlo
def test_an_unrelated_driver_is_rarely_taken_for_one_that_overshoots():
    """Without the driver's own lags in the regression 26 of these 60 panels reject."""
    rng, rejected = np.random.default_rng(6), 0
    for _ in range(60):
        common = ar1_paths(rng.standard_normal((80, 2)), 0.8)
        y = 0.5 * common[:, 0] + ar1_paths(rng.standard_normal((80, 12)), 0.4).T
        x = common[:, 1] + ar1_paths(rng.standard_normal((80, 12)), 0.8).T
        rejected += overshoot(y, x, horizons=12).p <= 0.05
    assert rejected <= 7


def test_the_break_statistic_is_that_of_all_regions_together():
    rng = np.random.default_rng(7)
    paths = rng.standard_normal((60, 5)) + (np.arange(60)[:, None] > 30) * np.array([4.0, -3.0, 0.0, 5.0, -4.0])
    found, plain = break_test(paths, draws=99, rng=rng), sup_f(paths, straight_line(60))
    assert (found.statistic, found.at) == (plain.statistic, 30)
    assert found.p == pytest.approx(0.01)


@pytest.mark.montecarlo
def test_common_shocks_are_no_break():
    rejected = [
        break_test(simulate_panel(Design("linear", 2.0, 60, 0.8, 0.3, regions=10), rng).T, draws=59, rng=rng).p <= 0.05
        for rng in map(np.random.default_rng, range(60))
    ]
    assert np.mean(rejected) <= 0.1
