"""Every draw of every wild bootstrap equals a refit with dummies, on an unbalanced weighted panel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from wild_oracle import (
    TinyPanel,
    clustered,
    driscoll_kraay,
    jackknife,
    refit,
    residualised,
    restricted_fit,
    tiny_panel,
    two_way_dummies,
)

from panelcoop.numerics.resampling.dependent_wild import dependent_wild, dependent_wild_wald, week_design
from panelcoop.numerics.resampling.multipliers import multiplier_block, plan_multipliers
from panelcoop.numerics.resampling.wild_cluster import wild_cluster, wild_cluster_wald
from panelcoop.numerics.resampling.wild_draws import WildOptions

REFIT = 1e-10  # two orders of least squares on a few hundred rows; statistics are of order one
R = np.array([[1.0, -1.0, 0.0], [0.0, 1.0, 0.5]])
NULL = np.array([0.3, -0.1])


def brute_force(panel, draws, groups, covariance, *, rows, null, impose=True):
    """Refit every draw; return q-by-draws numerators and covariances."""
    if impose:
        fitted, e = restricted_fit(panel, rows, null)
        centre = null
    else:
        b, e = refit(panel, panel.y)
        fitted, centre = panel.y - e, rows @ b
    gaps, covs = [], []
    for v in draws:
        y = fitted + v[groups] * e
        b, left = refit(panel, y)
        gaps.append(rows @ b - centre)
        covs.append(rows @ covariance(y, left) @ rows.T)
    return np.array(gaps), np.array(covs)


def t_by_contrast(panel, draws, groups, covariance, *, impose=True):
    out = []
    for row, value in zip(R, NULL, strict=True):
        gap, cov = brute_force(panel, draws, groups, covariance, rows=row[None], null=np.array([value]), impose=impose)
        out.append(gap[:, 0] / np.sqrt(cov[:, 0, 0]))
    return np.array(out)


@pytest.mark.parametrize("by_function", [False, True])
@pytest.mark.parametrize("impose", [True, False])
def test_all_sign_vectors_by_region_equal_refits(by_function, impose):
    panel = tiny_panel(1, regions=6, weeks=9, k=3)
    found = wild_cluster(
        residualised(panel, by_function=by_function),
        R,
        panel.region,
        null=NULL,
        options=WildOptions(draws=64, impose_null=impose),
    )
    assert found.enumerated
    draws = multiplier_block(plan_multipliers("rademacher", 6, 64, 0), 0)
    want = t_by_contrast(panel, draws, panel.region, lambda y, e: clustered(panel, e, panel.region), impose=impose)
    np.testing.assert_allclose(found.t_draws, want, atol=REFIT)
    e = refit(panel, panel.y)[1]
    se = np.sqrt(np.diag(R @ clustered(panel, e, panel.region) @ R.T))
    np.testing.assert_allclose(found.se, se, rtol=REFIT)


@pytest.mark.parametrize("impose", [True, False])
def test_jackknife_studentised_draws_equal_refits_without_each_region(impose):
    panel = tiny_panel(2, regions=6, weeks=8, k=3)
    found = wild_cluster(
        residualised(panel),
        R,
        panel.region,
        null=NULL,
        studentise="CRV3",
        options=WildOptions(draws=64, impose_null=impose),
    )
    draws = multiplier_block(plan_multipliers("rademacher", 6, 64, 0), 0)
    want = t_by_contrast(panel, draws, panel.region, lambda y, _: jackknife(panel, y, panel.region), impose=impose)
    np.testing.assert_allclose(found.t_draws, want, atol=1e-8)


@pytest.mark.parametrize("by", ["region", "week", "both"])
def test_two_way_studentised_draws_equal_refits(by):
    panel = tiny_panel(3, regions=7, weeks=10, k=3)
    both = panel.region * 100 + panel.week

    def two_way(_, e):
        return clustered(panel, e, panel.region) + clustered(panel, e, panel.week) - clustered(panel, e, both)

    cells = np.unique(both, return_inverse=True)[1]
    boot = {"region": panel.region, "week": panel.week, "both": cells}[by]
    options = WildOptions(draws=40, seed=5)
    found = wild_cluster(
        residualised(panel),
        R,
        (panel.region, panel.week),
        null=NULL,
        multiplier="webb",
        boot_clusters=boot,
        options=options,
    )
    draws = multiplier_block(plan_multipliers("webb", int(boot.max()) + 1, 40, 5), 0)
    want = np.array(
        [
            gap[:, 0] / np.sqrt(np.where(cov[:, 0, 0] > 0, cov[:, 0, 0], np.nan))
            for gap, cov in (
                brute_force(panel, draws, boot, two_way, rows=row[None], null=np.array([value]))
                for row, value in zip(R, NULL, strict=True)
            )
        ]
    )
    np.testing.assert_allclose(found.t_draws, want, rtol=1e-7, atol=1e-9)
    assert (found.invalid == np.isnan(want).sum(axis=1)).all()


def test_subclusters_take_their_own_multipliers_and_studentise_by_clusters():
    panel = tiny_panel(4, regions=12, weeks=7, k=3)
    clusters = panel.region // 3
    options = WildOptions(draws=50, seed=8)
    found = wild_cluster(
        residualised(panel), R, clusters, null=NULL, multiplier="mammen", boot_clusters=panel.region, options=options
    )
    draws = multiplier_block(plan_multipliers("mammen", 12, 50, 8), 0)
    want = t_by_contrast(panel, draws, panel.region, lambda _, e: clustered(panel, e, clusters))
    np.testing.assert_allclose(found.t_draws, want, atol=REFIT)


@pytest.mark.parametrize("impose", [True, False])
@pytest.mark.parametrize("by_function", [False, True])
def test_dependent_wild_draws_equal_refits(impose, by_function):
    panel = tiny_panel(5, regions=6, weeks=20, k=3)
    options = WildOptions(draws=60, seed=3, impose_null=impose)
    found = dependent_wild(
        residualised(panel, by_function=by_function),
        R,
        panel.week,
        null=NULL,
        lag=4,
        length=5,
        effects="re-estimated",
        options=options,
    )
    draws = multiplier_block(week_design(panel.week, options, length=5, lag=4).plan, 0)
    want = t_by_contrast(panel, draws, panel.week, lambda _, e: driscoll_kraay(panel, e, 4), impose=impose)
    np.testing.assert_allclose(found.t_draws, want, atol=REFIT)


@pytest.mark.parametrize("impose", [True, False])
def test_joint_statistics_equal_refits(impose):
    panel = tiny_panel(6, regions=7, weeks=16, k=3)
    options = WildOptions(draws=50, seed=2, impose_null=impose)
    fit = residualised(panel)

    def wald(draws, groups, covariance):
        gaps, covs = brute_force(panel, draws, groups, covariance, rows=R, null=NULL, impose=impose)
        return np.array([g @ np.linalg.solve(v, g) for g, v in zip(gaps, covs, strict=True)])

    weekly = dependent_wild_wald(fit, R, panel.week, null=NULL, effects="re-estimated", options=options)
    draws = multiplier_block(week_design(panel.week, options).plan, 0)
    want = wald(draws, panel.week, lambda _, e: driscoll_kraay(panel, e, 6))
    np.testing.assert_allclose(weekly.w_draws, want, rtol=1e-8)
    by_region = wild_cluster_wald(fit, R, panel.region, null=NULL, multiplier="gaussian", options=options)
    draws = multiplier_block(plan_multipliers("gaussian", 7, 50, 2), 0)
    want = wald(draws, panel.region, lambda _, e: clustered(panel, e, panel.region))
    np.testing.assert_allclose(by_region.w_draws, want, rtol=1e-8)


def test_default_dependent_wild_refits_the_residualised_regression():
    panel = tiny_panel(7, regions=6, weeks=20, k=3)
    fit = residualised(panel)
    options = WildOptions(draws=60, seed=3)
    found = dependent_wild(fit, R, panel.week, null=NULL, options=options)
    draws = multiplier_block(week_design(panel.week, options).plan, 0)
    root = np.sqrt(panel.weights)
    for j, (row, value) in enumerate(zip(R, NULL, strict=True)):
        e = restricted_fit(panel, row[None], np.array([value]))[1]
        want = []
        for v in draws:
            shocks = v[panel.week] * e
            change = np.linalg.lstsq(fit.regressors * root[:, None], shocks * root, rcond=None)[0]
            cov = driscoll_kraay(panel, shocks - fit.regressors @ change, 6)
            want.append(row @ change / np.sqrt(row @ cov @ row))
        np.testing.assert_allclose(found.t_draws[j], want, atol=REFIT)


def test_a_missing_week_counts_in_distances_between_weeks():
    """Weeks 7 and 8 have no rows: their neighbours are three weeks apart, for multipliers and lags alike."""
    whole = tiny_panel(8, regions=6, weeks=22, k=3)
    keep = ~np.isin(whole.week, (7, 8))
    rows = (getattr(whole, name)[keep] for name in ("y", "X", "region", "week", "weights"))
    y, X, region, week, weights = rows
    panel = TinyPanel(y, X, region, week, weights, two_way_dummies(region, week))
    packed = np.unique(week, return_inverse=True)[1]
    options = WildOptions(draws=40, seed=3)
    fit = residualised(replace(panel, week=packed))
    found = dependent_wild(fit, R, week, null=NULL, effects="re-estimated", options=options)
    draws = multiplier_block(week_design(week, options).plan, 0)
    want = t_by_contrast(panel, draws, week, lambda _, e: driscoll_kraay(panel, e, 6))
    np.testing.assert_allclose(found.t_draws, want, atol=REFIT)
