"""Bands and step-down adjustments against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from wild_oracle import residualised, tiny_panel

from panelcoop.errors import DataError
from panelcoop.numerics.distributions import normal_ppf
from panelcoop.numerics.multiple_testing import holm, romano_wolf
from panelcoop.numerics.resampling.dependent_wild import dependent_wild
from panelcoop.numerics.resampling.simultaneous import quantile_band, sup_t_band, sup_t_critical
from panelcoop.numerics.resampling.wild_draws import WildOptions
from panelcoop.numerics.resampling.wild_pvalue import exceedance


def correlated_draws(rho, m, draws, seed=0):
    rng = np.random.default_rng(seed)
    return np.sqrt(rho) * rng.standard_normal(draws) + np.sqrt(1 - rho) * rng.standard_normal((m, draws))


@pytest.mark.parametrize("rho", [0.0, 0.6, 0.999999])
def test_sup_t_covers_the_stated_share_of_draws_and_lies_between_pointwise_and_sidak(rho):
    draws = correlated_draws(rho, 6, 20_000)
    critical = sup_t_critical(draws, 0.9)
    assert np.mean(np.abs(draws).max(axis=0) <= critical) == pytest.approx(0.9, abs=2e-4)
    sidak = float(normal_ppf(1 - (1 - 0.9 ** (1 / 6)) / 2))
    assert float(normal_ppf(0.95)) - 0.03 < critical < sidak + 0.03


def test_quantile_band_covers_at_least_the_stated_share():
    rng = np.random.default_rng(2)
    draws = np.exp(correlated_draws(0.3, 4, 5_000) * 0.5) * rng.uniform(1, 3, 4)[:, None]
    band = quantile_band(draws, 0.9)
    inside = ((draws >= band.lower[:, None]) & (draws <= band.upper[:, None])).all(axis=0)
    assert 0.9 <= inside.mean() < 0.91


def test_missing_coefficients_stay_missing():
    draws = correlated_draws(0.0, 3, 999)
    draws[1] = np.nan
    band = sup_t_band(np.zeros(3), np.array([1.0, np.nan, 1.0]), draws)
    assert np.isnan(band.lower[1])
    assert np.isfinite(band.upper[[0, 2]]).all()
    with pytest.raises(DataError, match="No draw is finite"):
        sup_t_critical(np.full((2, 9), np.nan))


def test_bootstrap_band_is_wider_than_pointwise_and_narrower_than_bonferroni():
    panel = tiny_panel(41, regions=10, weeks=40, k=3)
    fit = residualised(panel)
    options = WildOptions(draws=1_999, impose_null=False)
    found = dependent_wild(fit, np.eye(3), panel.week, options=options)
    band = sup_t_band(found.estimate, found.se, found.t_draws)
    wide = dependent_wild(
        fit, np.eye(3), panel.week, options=WildOptions(draws=1_999, impose_null=False, level=1 - 0.05 / 3)
    )
    width = band.upper - band.lower
    assert (width >= (found.upper - found.lower).min() - 1e-9).all()
    assert (width <= (wide.upper - wide.lower).max() + 1e-9).all()


def test_romano_wolf_by_definition():
    rng = np.random.default_rng(5)
    draws = correlated_draws(0.4, 4, 199)
    t = rng.standard_normal(4) * 2
    order = np.argsort(-np.abs(t))
    want, running = np.empty(4), 0.0
    for j, test in enumerate(order):
        reach = np.abs(draws[order[j:]]).max(axis=0) >= abs(t[test])
        running = max(running, reach.mean())
        want[test] = running
    np.testing.assert_allclose(romano_wolf(t, draws), want)


def test_adjustments_never_fall_below_single_p_values_and_keep_nan():
    draws = correlated_draws(0.9, 5, 9_999)
    t = np.array([3.0, 2.5, np.nan, 1.0, 0.2])
    single = np.array(
        [np.mean(np.abs(d) >= abs(s)) if np.isfinite(s) else np.nan for d, s in zip(draws, t, strict=True)]
    )
    stepped, held = romano_wolf(t, draws), holm(single)
    assert np.isnan(stepped[2])
    assert np.isnan(held[2])
    known = np.isfinite(t)
    assert (stepped[known] >= single[known]).all()
    assert (stepped[known][:2] < held[known][:2]).all()
    with pytest.raises(DataError, match="one row per statistic"):
        romano_wolf(t, draws[:3])


@pytest.mark.montecarlo
def test_romano_wolf_holds_the_familywise_rate_where_single_tests_do_not():
    rng = np.random.default_rng(6)
    any_single = any_stepped = 0
    for _ in range(400):
        t, draws = rng.standard_normal(6), rng.standard_normal((6, 199))
        any_single += (np.abs(t) > 1.96).any()
        any_stepped += (romano_wolf(t, draws) <= 0.05).any()
    assert any_single / 400 > 0.2
    assert 0.02 < any_stepped / 400 < 0.085


@pytest.mark.parametrize("ties", ["weak", "strict", "half"])
def test_one_rule_for_single_and_adjusted_p_values(ties):
    """With draws that lack a variance for some test, the adjusted value is never below the single one."""
    rng = np.random.default_rng(9)
    draws = correlated_draws(0.3, 5, 199)
    draws[rng.random(draws.shape) < 0.1] = np.nan
    draws[:, 0] = t = np.array([3.2, 2.0, 1.1, 0.4, 0.1])
    single = [exceedance(d, s, ties) for d, s in zip(draws, t, strict=True)]
    assert (romano_wolf(t, draws, ties=ties) >= single).all()
    assert romano_wolf(t[:1], draws[:1], ties=ties)[0] == single[0]
