"""The battery: published numbers, brute force, recovered truth, one interface."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from statsmodels.datasets import nile
from wave_frames import frame

from panelcoop.errors import DataError
from panelcoop.numerics.waves.common_breaks import ANDREWS_CRITICAL, break_partition, break_statistics, sup_f
from panelcoop.numerics.waves.drift import harvey_leybourne_taylor, perron_yabu, quadratic_spectral_variance
from panelcoop.numerics.waves.panel_cycle import overshoot, panel_ar2
from panelcoop.numerics.waves.panel_threshold import panel_threshold, threshold_ssr
from panelcoop.numerics.waves.path_regression import path_regression
from panelcoop.numerics.waves.periodicity import fisher_g, fisher_g_white, harmonic_lr
from panelcoop.numerics.waves.turning import lind_mehlum, peak_persistence, turning_points, two_lines
from panelcoop.sensitivity.wave_designs import Design, mean_path, simulate_panel
from panelcoop.waves.battery.linearity import natural_spline
from panelcoop.waves.battery.run import BATTERY, wave_battery
from panelcoop.waves.thresholds import WaveThresholds

EXACT = 1e-9  # least squares of a few hundred rows in another order
PRINTED = 0.006  # numbers printed with two digits


def flow() -> np.ndarray:
    return nile.load().data["volume"].to_numpy(dtype=float)


def test_sup_f_of_the_nile_is_the_published_one():
    """R: sctest(Fstats(Nile ~ 1)) prints sup.F = 75.93; Zeileis et al. (2003), CSDA 44: break in 1898."""
    found = sup_f(flow(), np.ones((100, 1)))
    assert found.statistic == pytest.approx(75.93, abs=PRINTED)
    assert 1871 + found.at == 1898


def test_partitions_of_the_nile_are_the_published_ones():
    """R: summary(breakpoints(Nile ~ 1)) prints RSS 2835157 1597457 1552924 ..., BIC 1318 1270 1276 ..."""
    found = break_partition(flow(), np.ones((100, 1)))
    assert np.round(found.ssr).tolist() == [2835157, 1597457, 1552924, 1538097, 1507888, 1659994]
    assert np.round(found.bic).tolist() == [1318, 1270, 1276, 1285, 1292, 1311]
    assert found.chosen == 1
    assert found.breaks[1] == (27,)


def test_sup_f_equals_brute_force_over_dates_with_regions():
    rng = np.random.default_rng(0)
    y = rng.standard_normal((40, 3)) + (np.arange(40)[:, None] > 24) * np.array([8.0, -6.0, 5.0])
    x = np.column_stack([np.ones(40), np.arange(40.0)])

    def ssr(rows: slice) -> float:
        b = np.linalg.lstsq(x[rows], y[rows], rcond=None)[0]
        return float(((y[rows] - x[rows] @ b) ** 2).sum())

    candidates, profile = break_statistics(y[:, :, None], x)
    for at, f in zip(candidates, profile[:, 0], strict=True):
        split = ssr(slice(None, at + 1)) + ssr(slice(at + 1, None))
        assert f == pytest.approx((ssr(slice(None)) - split) / (split / (3 * (40 - 4))), rel=EXACT)
    assert sup_f(y, x).at == 24


@pytest.mark.montecarlo
def test_sup_f_holds_its_tabulated_size_without_serial_correlation():
    rng = np.random.default_rng(1)
    _, profile = break_statistics(rng.standard_normal((200, 1, 1000)), np.ones((200, 1)))
    assert 0.03 <= (profile.max(axis=0) > ANDREWS_CRITICAL[1]).mean() <= 0.075


def test_hansen_threshold_equals_the_grid_by_brute_force():
    rng = np.random.default_rng(2)
    n, t = 8, 25
    x, q = rng.standard_normal((n * t, 1)), rng.uniform(size=n * t)
    region = np.repeat(np.arange(n), t)
    y = x[:, 0] * np.where(q > 0.6, 1.5, 0.2) + rng.standard_normal(n)[region] + 0.5 * rng.standard_normal(n * t)
    fit = panel_threshold(y, x, q, region, draws=99, rng=rng)
    dummies = np.eye(n)[region]

    def ssr(g: float) -> float:
        columns = np.column_stack([x * (q <= g)[:, None], x * (q > g)[:, None], dummies])
        b = np.linalg.lstsq(columns, y, rcond=None)[0]
        return float(((y - columns @ b) ** 2).sum())

    (found,) = fit.sets
    grid = [ssr(g) for g in found.candidates]
    assert fit.thresholds[0] == found.candidates[int(np.argmin(grid))]
    assert fit.ssr == pytest.approx(min(grid), rel=EXACT)
    assert np.allclose(found.profile, (np.array(grid) - min(grid)) / (min(grid) / (n * t - n)), rtol=1e-6, atol=1e-8)
    assert fit.ssr == pytest.approx(threshold_ssr(y, x, q, region, fit.thresholds), rel=EXACT)
    assert abs(fit.thresholds[0] - 0.6) < 0.05
    assert fit.critical == pytest.approx(7.35, abs=PRINTED)  # Hansen (1999), section 3.3
    inside = found.candidates[found.profile <= fit.critical]
    assert (found.low, found.high) == (inside.min(), inside.max())
    assert found.low <= found.threshold <= found.high
    assert fit.p == pytest.approx(0.01)


def test_two_thresholds_are_the_best_pair_of_the_grid():
    rng = np.random.default_rng(3)
    n, t = 6, 20
    x, q = rng.standard_normal((n * t, 1)), rng.uniform(size=n * t)
    region = np.repeat(np.arange(n), t)
    y = x[:, 0] * np.select([q <= 0.3, q <= 0.7], [0.0, 2.0], 4.0) + 0.3 * rng.standard_normal(n * t)
    fit = panel_threshold(y, x, q, region, thresholds=2, draws=0, rng=rng)
    one = panel_threshold(y, x, q, region, draws=0, rng=rng)
    grid = one.sets[0].candidates
    pairs = [(a, b) for i, a in enumerate(grid) for b in grid[i + 12 :]]
    assert fit.ssr == pytest.approx(min(threshold_ssr(y, x, q, region, pair) for pair in pairs), rel=1e-6)
    assert np.allclose(fit.thresholds, (0.3, 0.7), atol=0.06)
    assert np.allclose(fit.slopes[:, 0], (0, 2, 4), atol=0.3)
    assert all(one.low <= one.threshold <= one.high for one in fit.sets)
    assert fit.sets[0].high < fit.sets[1].low


@pytest.mark.montecarlo
@pytest.mark.parametrize(("thresholds", "step"), [(1, 0.0), (2, 1.5)])
def test_hansen_bootstrap_holds_its_size_with_independent_regions(thresholds, step):
    rng = np.random.default_rng(4)
    region, rejected = np.repeat(np.arange(15), 20), 0
    for _ in range(100):
        x, q = rng.standard_normal((300, 1)), rng.integers(0, 30, size=300).astype(float)
        y = step * x[:, 0] * (q > 14) + rng.standard_normal(300)
        rejected += panel_threshold(y, x, q, region, thresholds=thresholds, draws=59, rng=rng).p <= 0.05
    assert rejected <= 12


def test_a_threshold_variable_without_values_is_refused():
    one = np.ones(20)
    with pytest.raises(DataError, match="at least 5"):
        panel_threshold(one, one[:, None], one, np.repeat([0, 1], 10), rng=np.random.default_rng(0))


def test_lind_mehlum_by_its_formulas():
    """Turning point by the delta method, interval by Fieller's quadratic, test by the smaller slope t."""
    b, c = 2.0, -0.25
    cov = np.array([[0.04, -0.004], [-0.004, 0.0009]])
    found = lind_mehlum(np.array([b, c]), cov, 0.0, 10.0)
    t_low = b / np.sqrt(cov[0, 0])
    t_high = (b + 20 * c) / np.sqrt(cov[0, 0] + 40 * cov[0, 1] + 400 * cov[1, 1])
    assert found.statistic == pytest.approx(min(t_low, -t_high))
    turn = -b / (2 * c)
    delta = (cov[0, 0] / (4 * c**2)) + b**2 * cov[1, 1] / (4 * c**4) - b * cov[0, 1] / (2 * c**3)
    assert found.turning == turn
    assert found.delta_error == pytest.approx(np.sqrt(delta))
    for end in found.fieller:
        t = (b + 2 * c * end) / np.sqrt(cov[0, 0] + 4 * end * cov[0, 1] + 4 * end**2 * cov[1, 1])
        assert abs(t) == pytest.approx(1.959964, abs=1e-5)
    assert found.fieller[0] < turn < found.fieller[1]
    weak = lind_mehlum(np.array([b, c]), 100 * cov, 0.0, 10.0)
    assert weak.fieller == (-np.inf, np.inf)


def test_path_regression_is_newey_west_of_statsmodels():
    from statsmodels.regression.linear_model import OLS

    rng = np.random.default_rng(5)
    y, x = rng.standard_normal(60).cumsum(), np.column_stack([np.ones(60), np.arange(60.0)])
    theirs = OLS(y, x).fit(cov_type="HAC", cov_kwds={"maxlags": 4, "use_correction": True})
    ours = path_regression(y, x, lag=4)
    assert np.allclose(ours.coef, theirs.params)
    assert np.allclose(ours.cov, theirs.cov_params())


def test_two_lines_see_a_hump_and_not_a_line():
    rng = np.random.default_rng(6)
    noise = 0.1 * rng.standard_normal(100)
    hump, line = mean_path("hump", 100, 3.0), mean_path("linear", 100, 3.0)
    found = two_lines(hump + noise, hump, bandwidth=4.0)
    assert found.p <= 0.01
    assert 30 <= found.breakpoint <= 50
    assert two_lines(line + noise, line, bandwidth=4.0).p > 0.05


def test_turning_points_alternate_and_keep_their_distance():
    rng = np.random.default_rng(7)
    for path in rng.standard_normal((30, 120)).cumsum(axis=1):
        peaks, troughs = turning_points(path)
        marks = sorted([(t, 1) for t in peaks] + [(t, -1) for t in troughs])
        assert all(a[1] != b[1] and b[0] - a[0] >= 4 for a, b in pairwise(marks))
        assert all(3 <= t < 117 for t, _ in marks)
        assert (np.diff(peaks) >= 10).all()
        assert (np.diff(troughs) >= 10).all()


def test_persistence_counts_peaks_and_moves_less_than_the_noise():
    rng = np.random.default_rng(8)
    wave = mean_path("rising", 90, 3.0)
    assert (peak_persistence(wave) > 0.5).sum() == 3
    for _ in range(20):
        noise = 0.2 * rng.standard_normal(90)
        assert abs(peak_persistence(wave + noise)[1] - peak_persistence(wave)[1]) <= np.ptp(noise) + EXACT


def test_fisher_g_under_white_noise_agrees_with_the_exact_distribution():
    rng = np.random.default_rng(9)
    shares = []
    for _ in range(2000):
        power = rng.exponential(size=20)
        shares.append(power.max() / power.sum())
    g = float(np.quantile(shares, 0.95))
    assert fisher_g_white(g, 20) == pytest.approx(0.05, abs=0.015)


def test_periods_are_recovered_and_red_noise_is_not_taken_for_one():
    rng = np.random.default_rng(10)
    wave = 2 * np.sin(2 * np.pi * np.arange(120) / 20) + 0.5 * rng.standard_normal(120)
    assert fisher_g(wave, draws=99, rng=rng).period == pytest.approx(20, abs=1)
    assert harmonic_lr(wave, draws=99, rng=rng).period == pytest.approx(20, abs=1)
    red = rng.standard_normal((120, 40))
    for t in range(1, 120):
        red[t] += 0.8 * red[t - 1]
    assert np.mean([fisher_g(path, draws=99, rng=rng).p <= 0.05 for path in red.T]) <= 0.15


def test_complex_roots_and_their_period_are_recovered():
    rng = np.random.default_rng(11)
    y, shocks = np.zeros((25, 160)), rng.standard_normal((25, 160))
    for t in range(2, 160):
        y[:, t] = 1.5 * y[:, t - 1] - 0.7 * y[:, t - 2] + shocks[:, t]
    found = panel_ar2(y[:, 30:])
    assert np.allclose(found.phi, (1.5, -0.7), atol=0.03)
    assert np.linalg.norm(found.phi - (1.5, -0.7)) < np.linalg.norm(found.phi_raw - (1.5, -0.7)) + 0.01
    assert found.p < 0.001
    assert found.period == pytest.approx(2 * np.pi / np.arccos(1.5 / (2 * np.sqrt(0.7))), abs=1.0)
    assert overshoot(y[:, 30:]).p < 0.01
    plain = rng.standard_normal((25, 130))
    for t in range(1, 130):
        plain[:, t] += 0.5 * plain[:, t - 1]
    assert panel_ar2(plain).p > 0.05


def test_natural_splines_are_straight_beyond_the_knots():
    u = np.array([1.0, 1.1, 1.2, 1.3])
    assert np.allclose(np.diff(natural_spline(u, np.linspace(0, 1, 5)), n=2, axis=0), 0, atol=EXACT)


def test_long_run_variance_of_an_ar_process():
    rng = np.random.default_rng(12)
    e = rng.standard_normal(20_000)
    for t in range(1, e.size):
        e[t] += 0.5 * e[t - 1]
    assert quadratic_spectral_variance(e - e.mean()) == pytest.approx(4.0, rel=0.1)


@pytest.mark.montecarlo
@pytest.mark.parametrize("root", [0.0, 0.5, 1.0])
def test_drift_tests_hold_their_size_and_find_a_drift(root):
    rng = np.random.default_rng(13)
    shocks = rng.standard_normal((150, 150))
    for t in range(1, 150):
        shocks[t] += root * shocks[t - 1]
    size = np.mean([[perron_yabu(y).p_up, harvey_leybourne_taylor(y).p_up] for y in shocks.T], axis=0)
    rejected = np.mean(
        [[perron_yabu(y).p_up <= 0.05, harvey_leybourne_taylor(y).p_up <= 0.05] for y in shocks.T], axis=0
    )
    assert (rejected <= 0.12).all()
    assert (np.abs(size - 0.5) < 0.12).all()
    slope = 1.0 * np.arange(150.0) if root == 1.0 else 0.05 * np.arange(150.0)
    assert perron_yabu(shocks[:, 0] + slope).p_up < 0.01
    assert harvey_leybourne_taylor(shocks[:, 0] + slope).p_up < 0.01


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("weeks", [60, 100, 150])
def test_paths_without_noise_have_a_drift_test(weeks):
    clock = np.arange(float(weeks))
    for wave in (np.sin(clock), np.sin(2 * np.pi * clock / 20), np.sin(6 * np.pi * clock / weeks), clock % 2):
        for path in (wave, wave + 0.05 * clock):
            for found in (perron_yabu(path), perron_yabu(path, fourier=4), harvey_leybourne_taylor(path)):
                assert 0 <= found.p_up <= 1


def test_fourier_terms_keep_the_power_that_waves_take_away():
    path = mean_path("rising", 150, 3.0) + 0.1 * np.random.default_rng(14).standard_normal(150)
    assert perron_yabu(path, fourier=4).p_up < 1e-6
    assert harvey_leybourne_taylor(path).p_up > 1e-6


def test_every_test_has_a_null_a_convention_and_a_place_in_the_table():
    rng = np.random.default_rng(15)
    values = simulate_panel(Design("rising", 3.0, 80, 0.3, 0.1, regions=8), rng)
    quick = [name for name in BATTERY if name not in {"cycle", "markov"}]
    table = frame(values, risk=rng.standard_normal(values.shape))
    found = wave_battery(table, outcome="y", driver="risk", tests=quick, thresholds=WaveThresholds(draws=99), draws=99)
    assert not found.refused
    assert len(found.statistics) == len(quick) + 3
    for one in found.statistics:
        assert one.null
        assert one.convention
        assert one.method
        assert one.warning
        assert np.isnan(one.p) or 0 <= one.p <= 1
        assert one.name in str(found)
    assert list(found.tidy().columns) == ["statistic", "p", "null", "method", "convention", "warning"]
    with pytest.raises(DataError, match="did you mean 'fisher'"):
        wave_battery(table, outcome="y", tests=["fischer"])


@pytest.mark.montecarlo
def test_the_state_space_tests_see_a_cycle_and_not_red_noise():
    values = simulate_panel(Design("driftless", 4.0, 60, 0.3, 0.02, regions=20), np.random.default_rng(16))
    tests = {"tests": ["cycle", "markov"], "slow_draws": 19}
    cycle, markov = wave_battery(frame(values), outcome="y", **tests).statistics
    assert cycle.p == pytest.approx(1 / 20)
    assert cycle.statistic > 50
    assert cycle.details["period (weeks)"] == pytest.approx(20, abs=3)
    assert "19 draws" in markov.method
    assert markov.p <= 0.2
    red = simulate_panel(Design("linear", 2.0, 60, 0.5, 0.3, regions=20), np.random.default_rng(17))
    still, _ = wave_battery(frame(red), outcome="y", **tests).statistics
    assert still.statistic < 20


@pytest.mark.filterwarnings("error:.*(divide|invalid).*:RuntimeWarning")
@pytest.mark.parametrize("weeks", [5, 7, 9, 11, 12, 15])
def test_a_short_panel_refuses_single_tests_and_runs_the_others(weeks):
    values = np.random.default_rng(18).standard_normal((8, weeks)).cumsum(axis=1)
    found = wave_battery(frame(values), outcome="y", draws=19, slow_draws=3)
    assert {"Turning points", "Lind-Mehlum U test", "Fisher g"} <= {one.name for one in found.statistics}
    assert ("at least 12" in found.refused.get("harmonic", "")) == (weeks < 12)
    assert ("at least 12" in found.refused.get("cycle", "")) == (weeks < 12)
    assert ("takes 10 weeks" in found.refused.get("peaks", "")) == (weeks < 10)
    assert ("more than 7 weeks" in found.refused.get("spline", "")) == (weeks <= 7)
    with pytest.raises(DataError, match=r"5 weeks or more; 4 are seen"):
        wave_battery(frame(values[:, :4]), outcome="y")


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_line_without_noise_is_refused_and_breaks_nowhere():
    line = np.tile(np.arange(100.0), (6, 1)) + np.arange(6.0)[:, None]
    with pytest.raises(DataError, match="path has no noise"):
        wave_battery(frame(line), outcome="y")
    columns = np.column_stack([np.ones(100), np.arange(100.0)])
    assert sup_f(line.T, columns).statistic == pytest.approx(0, abs=EXACT)
    assert break_partition(line.T, columns).chosen == 0
    step = line + 5.0 * (np.arange(100) > 60)
    assert sup_f(step.T, columns).at == 60
    assert break_partition(step.T, columns).breaks[1] == (60,)


@pytest.mark.parametrize("driver", [None, "x"])
def test_hansen_does_not_depend_on_the_zero_or_the_unit_of_the_scale(driver):
    rng = np.random.default_rng(19)
    y = mean_path("hump", 60, 3.0) + 0.3 * rng.standard_normal((6, 60)) + rng.standard_normal((6, 1))
    x = rng.standard_normal((6, 60)).cumsum(axis=1)
    how = {"outcome": "y", "driver": driver, "tests": ["hansen"], "draws": 49}
    plain = wave_battery(frame(y, x=x), **how).statistics
    for origin, unit in ((1000.0, 1.0), (1e6, 1.0), (0.0, 100.0)):
        moved = wave_battery(frame(origin + unit * y, x=origin + unit * x), **how).statistics
        for one, other in zip(plain, moved, strict=True):
            assert other.statistic == pytest.approx(one.statistic, rel=1e-4)
            assert other.p == one.p
            assert other.details["slopes"] == pytest.approx(one.details["slopes"], rel=1e-3, abs=1e-6)
            assert "level and slope" in one.convention


def test_hansen_is_the_dummy_regression_with_a_level_and_a_slope_in_each_regime():
    rng = np.random.default_rng(20)
    y = rng.standard_normal((5, 40)).cumsum(axis=1) + 50
    one = wave_battery(frame(y), outcome="y", tests=["hansen"], draws=9).statistics[0]
    now, before, region = y[:, 1:].ravel(), y[:, :-1].ravel(), np.repeat(np.eye(5), 39, axis=0)
    above = (before > one.details["thresholds"][0])[:, None]
    low, high = (before[:, None] * part for part in (~above, above))
    slopes = np.linalg.lstsq(np.hstack([low, high, above, region]), now, rcond=None)[0][:2]
    assert one.details["slopes"] == pytest.approx(slopes, rel=1e-6)
