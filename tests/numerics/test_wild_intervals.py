"""Intervals invert the test exactly; seeds, threads and tie rules do what they say."""

from __future__ import annotations

import numpy as np
import pytest
from wild_oracle import residualised, tiny_panel

from panelcoop.errors import DataError, IdentificationError
from panelcoop.numerics.covariance.covariance import covariance
from panelcoop.numerics.regression.least_squares import least_squares
from panelcoop.numerics.resampling import wild_draws
from panelcoop.numerics.resampling.dependent_wild import bartlett_root, dependent_wild
from panelcoop.numerics.resampling.multipliers import multiplier_block, plan_multipliers
from panelcoop.numerics.resampling.wild_cluster import wild_cluster, wild_cluster_wald
from panelcoop.numerics.resampling.wild_draws import WildOptions
from panelcoop.numerics.resampling.wild_pvalue import exceedance
from panelcoop.numerics.resampling.wild_regression import wild_from_fit, wild_regression

EDGE = 1e-6  # half-width, in standard errors, of the window around an end in which the p-value must cross alpha
R = np.array([[1.0, -1.0, 0.0]])


def by_region(fit, panel, null, **options):
    return wild_cluster(fit, R, panel.region, null=null, options=WildOptions(**options))


def by_week(fit, panel, null, **options):
    return dependent_wild(fit, R, panel.week, null=null, options=WildOptions(**options))


@pytest.mark.parametrize("method", [by_region, by_week])
@pytest.mark.parametrize("impose", [True, False])
@pytest.mark.parametrize("draws", [999, 4096])
def test_p_value_crosses_alpha_at_both_ends(method, impose, draws):
    panel = tiny_panel(11, regions=12, weeks=30, k=3)
    fit = residualised(panel)
    options = {"draws": draws, "seed": 4, "impose_null": impose, "level": 0.9}
    found = method(fit, panel, 0.0, **options)
    step = EDGE * float(found.se[0])
    for end, inward in ((found.lower[0], step), (found.upper[0], -step)):
        assert method(fit, panel, end + inward, **options).p_value[0] > 0.1
        assert method(fit, panel, end - inward, **options).p_value[0] <= 0.1


def test_p_without_interval_is_the_same_p():
    panel = tiny_panel(12, regions=9, weeks=30, k=3)
    fit = residualised(panel)
    for method in (by_region, by_week):
        both, alone = (method(fit, panel, 0.2, draws=2_000, interval=flag) for flag in (True, False))
        assert both.p_value == alone.p_value
        np.testing.assert_allclose(both.t_draws, alone.t_draws, atol=1e-10)
        assert np.isnan(alone.lower).all()


def test_interval_is_unbounded_where_too_few_sign_vectors_exist():
    panel = tiny_panel(13, regions=4, weeks=12, k=3)
    found = by_region(residualised(panel), panel, 0.0)
    assert found.draws == 16
    assert np.isneginf(found.lower[0])
    assert np.isposinf(found.upper[0])


@pytest.mark.parametrize("kind", ["rademacher", "webb", "mammen", "gaussian"])
def test_numbers_do_not_depend_on_threads(kind):
    panel = tiny_panel(14, regions=16, weeks=12, k=3)
    fit = residualised(panel)
    one, three = (
        wild_cluster(fit, R, panel.region, multiplier=kind, options=WildOptions(draws=4_500, seed=9, threads=threads))
        for threads in (1, 3)
    )
    np.testing.assert_array_equal(one.t_draws, three.t_draws)
    assert one.lower[0] == three.lower[0]


@pytest.mark.parametrize("kind", ["rademacher", "webb", "mammen", "gaussian"])
def test_multipliers_have_mean_zero_and_variance_one(kind):
    plan = plan_multipliers(kind, 40, 20_000, 3)
    draws = np.vstack([multiplier_block(plan, b) for b in range(plan.blocks)])
    assert draws.shape == (20_000, 40)
    assert abs(draws.mean()) < 5 / np.sqrt(draws.size)
    assert abs((draws**2).mean() - 1) < 0.01
    assert np.unique(draws, axis=0).shape[0] > 19_000


def test_week_multipliers_have_the_bartlett_covariance():
    plan = plan_multipliers("gaussian", 30, 50_000, 1, length=8)
    draws = np.vstack([multiplier_block(plan, b) for b in range(plan.blocks)])
    want = bartlett_root(30, 7)
    np.testing.assert_allclose(np.cov(draws.T), want @ want.T, atol=0.03)


def test_tie_rules_order_and_count_the_identity_draw():
    """With all 2^8 sign vectors the data themselves and their mirror image are draws."""
    panel = tiny_panel(15, regions=8, weeks=10, k=3)
    p = {
        ties: by_region(residualised(panel), panel, 0.4, ties=ties).p_value[0] * 256
        for ties in ("weak", "strict", "half")
    }
    assert p["weak"] - p["strict"] == pytest.approx(2)
    assert p["half"] == pytest.approx((p["weak"] + p["strict"]) / 2)


def test_one_sided_p_values_add_up():
    panel = tiny_panel(16, regions=14, weeks=20, k=3)
    fit = residualised(panel)
    up, down = (by_week(fit, panel, 0.1, alternative=side).p_value[0] for side in ("greater", "less"))
    assert up + down == pytest.approx(1.0)


def test_outcome_scale_and_row_order_do_not_matter():
    panel = tiny_panel(17, regions=11, weeks=20, k=3)
    order = np.random.default_rng(0).permutation(panel.y.size)
    plain = least_squares(panel.y, panel.X, effects=[panel.region, panel.week], weights=panel.weights)
    other = least_squares(
        1e6 * panel.y[order],
        panel.X[order],
        effects=[panel.region[order], panel.week[order]],
        weights=panel.weights[order],
    )
    for method, groups in ((wild_cluster, panel.region), (dependent_wild, panel.week)):
        a = method(wild_from_fit(plain), R, groups, options=WildOptions(draws=999))
        b = method(wild_from_fit(other), R, groups[order], options=WildOptions(draws=999))
        assert a.p_value == b.p_value
        np.testing.assert_allclose(a.lower * 1e6, b.lower, rtol=1e-7)


def test_fit_with_region_trends_matches_its_own_function():
    panel = tiny_panel(18, regions=7, weeks=15, k=3, weighted=False)
    fit = least_squares(panel.y, panel.X, effects=[panel.region, panel.week], trend=panel.week.astype(float))
    found = wild_cluster(wild_from_fit(fit), R, panel.region, options=WildOptions(draws=200))
    slopes = (panel.region[:, None] == np.arange(7)) * panel.week[:, None]
    dummies = np.hstack([panel.dummies, slopes])
    project = np.eye(panel.y.size) - dummies @ np.linalg.pinv(dummies)
    X = project @ panel.X
    b = np.linalg.lstsq(X, project @ panel.y, rcond=None)[0]
    by_hand = wild_regression(X, project @ panel.y - X @ b, b, absorb=lambda v: project @ v)
    want = wild_cluster(by_hand, R, panel.region, options=WildOptions(draws=200))
    np.testing.assert_allclose(found.t_draws, want.t_draws, atol=1e-8)


def test_exceedance_of_nothing_is_nan():
    assert np.isnan(exceedance(np.array([np.nan]), 1.0, "weak"))
    assert np.isnan(exceedance(np.array([1.0]), float("nan"), "weak"))


def test_bad_input_is_named():
    panel = tiny_panel(19, regions=6, weeks=12, k=3)
    fit = residualised(panel)
    with pytest.raises(DataError, match="single cluster"):
        wild_cluster(fit, R, np.zeros(panel.y.size, dtype=np.int64))
    with pytest.raises(DataError, match="3 columns"):
        wild_cluster(fit, np.ones((1, 2)), panel.region)
    with pytest.raises(DataError, match="weak, strict, half"):
        wild_cluster(fit, R, panel.region, options=WildOptions(ties="lax"))  # type: ignore[arg-type]
    with pytest.raises(DataError, match="linearly dependent"):
        wild_cluster_wald(fit, np.vstack([R, R]), panel.region)
    with pytest.raises(DataError, match="whole numbers"):
        dependent_wild(fit, R, panel.week.astype(float))
    with pytest.raises(DataError, match="needs more than 20 weeks"):
        dependent_wild(fit, R, panel.week, lag=20)
    with pytest.raises(DataError, match="one-way"):
        wild_cluster(fit, R, (panel.region, panel.week), studentise="CRV3")
    with pytest.raises(DataError, match="orthogonal"):
        wild_regression(fit.regressors, fit.residuals + fit.regressors[:, 0], fit.coefficients)
    with pytest.raises(IdentificationError, match="collinear"):
        wild_regression(fit.regressors[:, [0, 0]], fit.residuals, fit.coefficients[:2])


def test_unidentified_contrast_is_refused_and_identified_one_answered():
    panel = tiny_panel(20, regions=6, weeks=12, k=2)
    X = np.column_stack([panel.X, panel.X[:, 0] + panel.X[:, 1]])
    fit = wild_from_fit(least_squares(panel.y, X, effects=[panel.region, panel.week]))
    with pytest.raises(IdentificationError, match="not identified"):
        wild_cluster(fit, np.array([[1.0, 0.0, 0.0]]), panel.region)
    found = wild_cluster(fit, np.array([[1.0, 0.0, 1.0]]), panel.region, options=WildOptions(draws=64))
    plain = wild_from_fit(least_squares(panel.y, panel.X, effects=[panel.region, panel.week]))
    want = wild_cluster(plain, np.array([[1.0, 0.0]]), panel.region, options=WildOptions(draws=64))
    np.testing.assert_allclose(found.t_draws, want.t_draws, atol=1e-9)


def test_many_clusters_take_a_low_rank_map_with_the_same_draws():
    """Sixty clusters and six weeks: the slim map, against the dense one that residualises by a function."""
    panel = tiny_panel(21, regions=60, weeks=6, k=3)
    slim, dense = residualised(panel), residualised(panel, by_function=True)
    options = WildOptions(draws=500)
    a, b = (wild_cluster(fit, R, panel.region, null=0.2, options=options) for fit in (slim, dense))
    np.testing.assert_allclose(a.t_draws, b.t_draws, atol=1e-10)
    np.testing.assert_allclose([a.lower, a.upper], [b.lower, b.upper], atol=1e-8)


@pytest.mark.parametrize("threads", [1, 2])
def test_interruption_leaves_no_half_result(monkeypatch, threads):
    panel = tiny_panel(22, regions=14, weeks=9, k=3)
    fit = residualised(panel)
    calls = []

    def interrupted(plan, block):
        calls.append(block)
        if block == 2:
            raise KeyboardInterrupt
        return multiplier_block(plan, block)

    monkeypatch.setattr(wild_draws, "multiplier_block", interrupted)
    with pytest.raises(KeyboardInterrupt):
        wild_cluster(fit, R, panel.region, multiplier="webb", options=WildOptions(draws=400_000, threads=threads))
    assert len(calls) < 400  # of 400 blocks: the rest was called off


@pytest.mark.parametrize("effects", ["week", "none"])
def test_a_stage_of_one_week_has_no_variance_over_weeks_rather_than_a_huge_statistic(effects):
    rng = np.random.default_rng(0)
    region, week = np.divmod(np.arange(12 * 40), 40)
    stage = np.digitize(week, [1, 15])
    X = rng.standard_normal((480, 1)) * (stage[:, None] == np.arange(3))
    fit = wild_from_fit(least_squares(rng.standard_normal(480), X, effects=[week] if effects == "week" else []))
    options = WildOptions(draws=199)
    for method in (dependent_wild, wild_cluster):
        found = method(fit, np.eye(3), week, options=options)
        assert np.isnan([found.se[0], found.statistic[0], found.p_value[0], found.lower[0], found.upper[0]]).all()
        assert np.isfinite(found.p_value[1:]).all()
    assert np.isnan(wild_cluster_wald(fit, np.eye(3)[:2], week, options=options).p_value)
    assert np.isfinite(wild_cluster(fit, np.eye(3), region, options=options).p_value).all()


def test_an_intercept_beside_columns_far_from_zero_is_tested_right():
    """Without effects such columns are centred around the constant: the intercept's error must be the covariance's."""
    panel = tiny_panel(23, regions=10, weeks=12, k=2, weighted=False)
    X = np.column_stack([np.ones(panel.y.size), panel.X + 50.0])
    fit = least_squares(panel.y, X)
    assert fit.design.turn is not None
    record = covariance(fit, "CRV1", clusters=[panel.region], small_sample="none")
    found = wild_cluster(wild_from_fit(fit), np.eye(3), panel.region, options=WildOptions(draws=99))
    np.testing.assert_allclose(found.se, np.sqrt(np.diag(record.cov)), rtol=1e-8)
