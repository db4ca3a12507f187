"""Tails against scipy.stats, and Wald tests with redundant, contradictory and unidentified restrictions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from panelcoop.errors import IdentificationError
from panelcoop.numerics import distributions as d
from panelcoop.numerics.wald import wald_statistic


@pytest.mark.parametrize("x", [-3.0, 0.0, 0.7, 2.5, 5.0])
@pytest.mark.parametrize("df", [1, 4.6, 30, np.inf])
def test_t(x, df):
    np.testing.assert_allclose(d.t_sf(x, df), stats.t.sf(x, df), rtol=1e-10)
    np.testing.assert_allclose(d.t_ppf(stats.t.cdf(x, df), df), x, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("x", [0.1, 1.0, 4.0, 20.0])
def test_f_chi2_normal(x):
    np.testing.assert_allclose(d.f_sf(x, 3, 30), stats.f.sf(x, 3, 30), rtol=1e-10)
    np.testing.assert_allclose(d.f_sf(x, 3), stats.chi2.sf(3 * x, 3), rtol=1e-10)
    np.testing.assert_allclose(d.f_ppf(0.95, 3, 30), stats.f.ppf(0.95, 3, 30), rtol=1e-10)
    np.testing.assert_allclose(d.f_ppf(0.95, 3), stats.chi2.ppf(0.95, 3) / 3, rtol=1e-10)
    np.testing.assert_allclose(d.chi2_sf(x, 5), stats.chi2.sf(x, 5), rtol=1e-10)
    np.testing.assert_allclose(d.chi2_ppf(0.9, 5), stats.chi2.ppf(0.9, 5), rtol=1e-10)
    np.testing.assert_allclose(d.normal_sf(x), stats.norm.sf(x), rtol=1e-10)
    np.testing.assert_allclose(d.normal_ppf(0.975), stats.norm.ppf(0.975), rtol=1e-10)


@pytest.fixture
def fit():
    rng = np.random.default_rng(0)
    root = rng.standard_normal((4, 4))
    return rng.standard_normal(4), root @ root.T


R = np.array([[1.0, -1, 0, 0], [0, 1, -1, 0]])


def test_definition(fit):
    coef, cov = fit
    gap = R @ coef - [0.1, 0.2]
    expected = gap @ np.linalg.solve(R @ cov @ R.T, gap)
    test = wald_statistic(coef, cov, R, np.array([0.1, 0.2]), 30)
    np.testing.assert_allclose(test.chi2, expected)
    np.testing.assert_allclose(test.statistic, expected / 2)
    np.testing.assert_allclose(test.pvalue, stats.f.sf(expected / 2, 2, 30))
    np.testing.assert_allclose(wald_statistic(coef, cov, R).pvalue, stats.chi2.sf(wald_statistic(coef, cov, R).chi2, 2))


def test_same_hypothesis_written_otherwise(fit):
    coef, cov = fit
    other = np.array([[2.0, -2, 0, 0], [1, 0, -1, 0], [1, -1, 0, 0]])
    one, two = wald_statistic(coef, cov, R), wald_statistic(coef, cov, other)
    np.testing.assert_allclose(one.chi2, two.chi2)
    assert two.df == 2


def test_contradiction(fit):
    with pytest.raises(IdentificationError, match="contradict"):
        wald_statistic(*fit, np.array([[1.0, 0, 0, 0], [2, 0, 0, 0]]), np.array([1.0, 1.0]))


def test_nothing_restricted(fit):
    with pytest.raises(IdentificationError, match="restricts nothing"):
        wald_statistic(*fit, np.zeros((1, 4)))


def test_covariance_of_low_rank(fit):
    coef, _ = fit
    score = np.array([[1.0, 2, 3, 4]])
    with pytest.raises(IdentificationError, match="rank 1"):
        wald_statistic(coef, score.T @ score, np.array([[1.0, 0, 0, 0], [0, 1, 0, 0]]))


def test_nan_elsewhere_is_harmless_and_nan_here_is_named(fit):
    coef, cov = (a.copy() for a in fit)
    coef[3] = np.nan
    cov[3] = cov[:, 3] = np.nan
    assert np.isfinite(wald_statistic(coef, cov, R).pvalue)
    with pytest.raises(IdentificationError, match="not identified"):
        wald_statistic(coef, cov, np.array([[0.0, 0, 0, 1]]))


def test_a_variance_that_could_not_be_estimated_is_named(fit):
    coef, cov = fit[0], fit[1].copy()
    cov[0, :] = cov[:, 0] = np.nan
    with pytest.raises(IdentificationError, match="could not be estimated"):
        wald_statistic(coef, cov, R)


def test_scale_of_a_coefficient_does_not_matter(fit):
    coef, cov = fit
    scale = np.diag([1e-9, 1, 1, 1e9])
    one = wald_statistic(coef, cov, np.eye(4))
    two = wald_statistic(scale @ coef, scale @ cov @ scale, np.eye(4))
    np.testing.assert_allclose(one.chi2, two.chi2, rtol=1e-7)
