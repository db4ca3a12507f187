"""Joint tests with CRV2 against the definition of Pustejovsky and Tipton, written with full matrices."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from dummy_oracle import brute_force, sample
from scipy import stats

from panelcoop.errors import IdentificationError
from panelcoop.numerics.covariance.bias_reduced import bell_mccaffrey_df, crv2
from panelcoop.numerics.covariance.covariance import covariance
from panelcoop.numerics.covariance.satterthwaite import hotelling_test, satterthwaite_df, total_variance_df
from panelcoop.numerics.grouping import group_rows
from panelcoop.numerics.regression.least_squares import least_squares

TIGHT = 1e-9  # two direct computations of one definition
R = np.array([[1.0, -1.0, 0.0], [1.0, 0.0, -1.0]])


def fitted(s, effects=None):
    return least_squares(
        s.outcome, s.columns, effects=s.effects if effects is None else effects, weights=s.weights, trend=s.trend
    )


def by_definition(s, clusters, restrictions):
    """Return eta and the Wald statistic from (I - H)^(+1/2), all n by n."""
    b = brute_force(s)
    rest = np.eye(s.n) - b.hat
    errors, middle = [], 0.0
    for group in np.unique(clusters):
        rows = clusters == group
        values, vectors = np.linalg.eigh(rest[np.ix_(rows, rows)])
        root = np.where(values > 1e-9, 1 / np.sqrt(np.where(values > 1e-9, values, 1)), 0)
        half = (vectors * root) @ vectors.T
        errors.append(rest[:, rows] @ half @ b.columns[rows] @ b.bread @ restrictions.T)
        score = b.columns[rows].T @ half @ b.resid[rows]
        middle = middle + np.outer(score, score)
    expected = sum(u.T @ u for u in errors)
    values, vectors = np.linalg.eigh(expected)
    scale = vectors / np.sqrt(values)
    U = [u @ scale for u in errors]
    total, q = 0.0, len(restrictions)
    for one in U:
        for other in U:
            P = one.T @ other
            for i in range(q):
                for j in range(q):
                    total += P[i, i] * P[j, j] + P[i, j] * P[j, i]
    cov = restrictions @ b.bread @ middle @ b.bread @ restrictions.T
    gap = restrictions @ b.coef
    return q * (q + 1) / total, float(gap @ np.linalg.solve(cov, gap))


@pytest.mark.parametrize(("weighted", "trends"), [(False, False), (True, False), (True, True)])
@pytest.mark.parametrize("by", ["region", "zone", "week"])
def test_equals_the_definition(weighted, trends, by):
    s = sample(61, regions=12, weeks=9, weighted=weighted, trends=trends)
    clusters = {"region": s.effects[0], "zone": s.effects[0] // 2, "week": s.effects[1]}[by]
    fit, record = fitted(s), covariance(fitted(s), "CRV2", clusters=[clusters])
    eta, wald = by_definition(s, clusters, R)
    q, ours = total_variance_df(record.correction.moments, fit.bread @ R.T)
    assert q == 2
    assert ours == pytest.approx(eta, rel=TIGHT)
    test = hotelling_test(fit.coef, record.full, R, np.zeros(2), ours)
    statistic = (eta - 1) / (2 * eta) * wald
    assert test.statistic == pytest.approx(statistic, rel=1e-7)
    assert test.df_denominator == pytest.approx(eta - 1, rel=TIGHT)
    assert test.pvalue == pytest.approx(stats.f.sf(statistic, 2, eta - 1), rel=1e-7)


def test_the_order_and_the_scale_of_restrictions_are_nothing():
    s = sample(62, regions=11, weeks=8)
    moments = crv2(fitted(s), group_rows(s.effects[0])).moments
    bread = fitted(s).bread
    other = np.array([[1.0, 0.0, -1.0], [0.0, 1e4, -1e4]])
    etas = [total_variance_df(moments, bread @ M.T)[1] for M in (R, R[::-1], other, np.vstack([R, R[0] - R[1]]))]
    np.testing.assert_allclose(etas, etas[0], rtol=1e-8)
    assert total_variance_df(moments, bread @ np.vstack([R, R[0] - R[1]]).T)[0] == 2


def test_one_restriction_is_the_t_test_with_bell_mccaffrey_degrees_of_freedom():
    s = sample(63, regions=10, weeks=9, weighted=True)
    fit, groups = fitted(s), group_rows(s.effects[0])
    record = covariance(fit, "CRV2", clusters=[s.effects[0]])
    df = bell_mccaffrey_df(fit, groups, R[0])
    assert total_variance_df(record.correction.moments, fit.bread @ R[:1].T)[1] == pytest.approx(df, rel=TIGHT)
    assert satterthwaite_df(record.correction.moments, fit.bread @ R[:1].T) == pytest.approx(df, rel=TIGHT)
    test = hotelling_test(fit.coef, record.full, R[:1], np.zeros(1), df)
    t = float((R[0] @ fit.coef) / np.sqrt(R[0] @ record.full @ R[0]))
    assert test.statistic == pytest.approx(t**2, rel=TIGHT)
    assert test.pvalue == pytest.approx(2 * stats.t.sf(abs(t), df), rel=1e-8)


def test_more_restrictions_than_clusters_can_carry_are_refused():
    s = sample(64, regions=4, weeks=12, missing=0.0)
    fit = fitted(s)
    record = covariance(fit, "CRV2", clusters=[s.effects[0] // 2])
    _, eta = total_variance_df(record.correction.moments, fit.bread)
    assert eta < 3
    with pytest.raises(IdentificationError, match="restrictions"):
        hotelling_test(fit.coef, record.full, np.eye(3), np.zeros(3), eta)


def test_degrees_of_freedom_around_a_constant():
    """Without effects, columns far from zero are centred: the intercept keeps its own degrees of freedom."""
    s = sample(65, regions=10, weeks=8)
    near, far = np.column_stack([np.ones(s.n), s.columns]), np.column_stack([np.ones(s.n), s.columns + 50.0])
    fit = least_squares(s.outcome, far)
    assert fit.design.turn is not None
    moved = np.array([1.0, -50.0, -50.0, -50.0])  # the intercept at 50 is this combination of the fit around zero
    df = covariance(fit, "CRV2", clusters=[s.effects[0]]).df
    assert df[0] == pytest.approx(
        bell_mccaffrey_df(least_squares(s.outcome, near), group_rows(s.effects[0]), moved), rel=1e-7
    )


def test_memory_does_not_grow_with_rows_times_clusters():
    """Six hundred clusters of thirty rows: a table of rows by clusters alone would take 86 MB."""
    region, week = np.divmod(np.arange(18_000), 30)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((18_000, 2))
    fit = least_squares(x[:, 0] + rng.standard_normal(18_000), x, effects=[region, week])
    tracemalloc.start()
    covariance(fit, "CRV2", clusters=[region])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6


@pytest.mark.montecarlo
def test_size_with_few_unequal_clusters():
    """Twelve clusters of 4 to 40 rows, two restrictions: Hotelling holds 5% where F with CRV1 rejects too often."""
    rng = np.random.default_rng(5)
    group = np.repeat(np.arange(12), np.linspace(4, 40, 12).astype(int))
    found = []
    for _ in range(400):
        x = rng.standard_normal((group.size, 2)) + 1.5 * rng.standard_normal((12, 2))[group]
        y = rng.standard_normal(group.size) + rng.standard_normal(12)[group]
        fit = least_squares(y, np.column_stack([np.ones(group.size), x]))
        joint = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
        record, plain = (covariance(fit, kind, clusters=[group]) for kind in ("CRV2", "CRV1"))
        _, eta = total_variance_df(record.correction.moments, fit.bread @ joint.T)
        ours = hotelling_test(fit.coef, record.full, joint, np.zeros(2), eta).pvalue
        wald = fit.coef[1:] @ np.linalg.solve(plain.cov[1:, 1:], fit.coef[1:])
        found.append([ours <= 0.05, stats.f.sf(wald / 2, 2, 11) <= 0.05])
    ours, plain = np.mean(found, axis=0)
    assert 0.01 < ours < 0.085
    assert plain > 0.12
