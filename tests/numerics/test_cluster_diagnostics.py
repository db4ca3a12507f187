"""Leverage, effective clusters and influence against leaving clusters out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from wild_oracle import refit, tiny_panel

from panelcoop.errors import DataError
from panelcoop.numerics.covariance.cluster_diagnostics import cluster_diagnostics, without_cluster
from panelcoop.numerics.covariance.covariance import covariance
from panelcoop.numerics.regression.least_squares import least_squares

R = np.array([[1.0, -1.0, 0.0], [0.0, 0.0, 1.0]])


def fitted(panel, **more):
    return least_squares(panel.y, panel.X, effects=[panel.region, panel.week], weights=panel.weights, **more)


def test_estimates_without_each_cluster_equal_refits():
    panel = tiny_panel(31, regions=7, weeks=9, k=3)
    fit = fitted(panel)
    labels = panel.region * 10 + 3
    found = cluster_diagnostics(fit, R, labels)
    np.testing.assert_array_equal(found.labels, np.arange(7) * 10 + 3)
    for g, label in enumerate(found.labels):
        again = without_cluster(fit, labels, int(label))
        np.testing.assert_allclose(found.estimate_without[:, g], R @ again.coef, atol=1e-9)
    np.testing.assert_allclose(
        found.change + found.estimate_without, (R @ refit(panel, panel.y)[0])[:, None] + 0 * found.change, atol=1e-9
    )
    assert (found.most_influential == np.abs(found.change).argmax(axis=1)).all()


def test_jackknife_variance_is_crv3():
    panel = tiny_panel(32, regions=8, weeks=10, k=3)
    fit = fitted(panel)
    change = cluster_diagnostics(fit, R, panel.region).change
    want = R @ covariance(fit, "CRV3", clusters=[panel.region]).cov @ R.T
    np.testing.assert_allclose(7 / 8 * change @ change.T, want, rtol=1e-8)


def test_leverage_sums_to_rank_and_shares_to_one():
    panel = tiny_panel(33, regions=8, weeks=10, k=3)
    found = cluster_diagnostics(fitted(panel), R, panel.region)
    assert found.leverage.sum() == pytest.approx(3)
    np.testing.assert_allclose(found.partial_leverage.sum(axis=1), 1)
    assert (found.effective > 1).all()
    assert (found.effective <= 8).all()


def test_an_outlier_region_shows():
    panel = tiny_panel(34, regions=12, weeks=15, k=3)
    panel.X[panel.region == 4, 0] *= 12
    found = cluster_diagnostics(fitted(panel), np.eye(3)[:1], panel.region)
    assert found.leverage.argmax() == 4
    assert found.effective[0] < 2
    assert found.partial_leverage[0, 4] > 0.8


def test_held_effects_are_close_and_exact_without_effects():
    panel = tiny_panel(35, regions=20, weeks=12, k=3, weighted=False)
    plain = least_squares(panel.y, np.column_stack([panel.X, np.ones(panel.y.size)]))
    rows = np.hstack([R, np.zeros((2, 1))])
    both = [cluster_diagnostics(plain, rows, panel.region, exact=flag).change for flag in (True, False)]
    np.testing.assert_allclose(*both, atol=1e-10)
    near = [cluster_diagnostics(fitted(panel), R, panel.region, exact=flag).change for flag in (True, False)]
    assert np.corrcoef(near[0][0], near[1][0])[0, 1] > 0.95


def test_a_contrast_that_one_cluster_alone_identifies_is_nan_without_it():
    panel = tiny_panel(36, regions=6, weeks=9, k=3, missing=0.0)
    panel.X[panel.region != 2, 0] = 0.0
    found = cluster_diagnostics(fitted(panel), np.eye(3), panel.region)
    assert np.isnan(found.estimate_without[0, 2])
    assert np.isfinite(np.delete(found.estimate_without, 2, axis=1)).all()
    assert found.effective[0] < 2 < found.effective[1:].min()  # week effects spread one region's driver a little


def test_leaving_out_nothing_is_an_error():
    panel = tiny_panel(37, regions=4, weeks=8, k=3)
    with pytest.raises(DataError, match="code that occurs"):
        without_cluster(fitted(panel), panel.region, 99)
