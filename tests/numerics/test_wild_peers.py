"""The same enumerated draws, statistic by statistic, and the same inverted interval, from other programs."""

from __future__ import annotations

import numpy as np
import pytest

from panelcoop.numerics.regression.least_squares import least_squares
from panelcoop.numerics.resampling.wild_cluster import wild_cluster
from panelcoop.numerics.resampling.wild_draws import WildOptions
from panelcoop.numerics.resampling.wild_regression import wild_from_fit

pytestmark = pytest.mark.peers

SAME = 1e-9  # the same 256 draws, no randomness
BISECTION = 1e-6  # the other program's interval stops at a tolerance


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    cluster = np.repeat(np.arange(8), 20)
    x = rng.standard_normal(160) + rng.standard_normal(8)[cluster]
    X = np.column_stack([np.ones(160), x, rng.standard_normal(160)])
    y = 0.9 * x + 0.4 * rng.standard_normal(8)[cluster] + rng.standard_normal(160)
    return y, X, cluster, wild_from_fit(least_squares(y, X)), np.array([[0.0, 1.0, 0.0]])


@pytest.mark.parametrize("impose", [True, False])
def test_enumerated_draws_equal_wildboottest(data, impose):
    module = pytest.importorskip("wildboottest.wildboottest", reason="needs wildboottest")
    y, X, cluster, fit, R = data
    peer = module.WildboottestCL(X=X, Y=y, cluster=cluster, R=R[0], B=99_999, seed=1, parallel=False)
    peer.get_scores(bootstrap_type="11", impose_null=impose)
    peer.get_weights(weights_type="rademacher")
    for step in (peer.get_numer, peer.get_denom, peer.get_tboot, peer.get_vcov, peer.get_tstat, peer.get_pvalue):
        step()
    ours = wild_cluster(fit, R, cluster, options=WildOptions(impose_null=impose, ties="strict"))
    factor = np.sqrt(8 / 7 * 159 / 157)
    np.testing.assert_allclose(np.sort(ours.t_draws[0]) / factor, np.sort(peer.t_boot), atol=SAME)
    np.testing.assert_allclose(ours.statistic / factor, np.abs(peer.t_stat), atol=SAME)


def test_inverted_interval_equals_diff_diff(data):
    module = pytest.importorskip("diff_diff.utils", reason="needs diff-diff")
    y, X, cluster, fit, R = data
    peer = module.wild_bootstrap_se(X, y, y, cluster, 1, n_bootstrap=999)
    ours = wild_cluster(fit, R, cluster, options=WildOptions(ties="strict"))
    assert ours.enumerated
    np.testing.assert_allclose([ours.lower[0], ours.upper[0]], [peer.ci_lower, peer.ci_upper], rtol=BISECTION)
