"""Poisson with absorbed effects against dummy variables, and separation by construction."""

from __future__ import annotations

import numpy as np
import pytest
from dummy_oracle import dummies, sample

from panelcoop.errors import DataError
from panelcoop.numerics.covariance.covariance import covariance
from panelcoop.numerics.covariance.poisson_jackknife import poisson_crv3
from panelcoop.numerics.regression.poisson import poisson, poisson_again
from panelcoop.numerics.regression.poisson_start import some_levels

CLOSE = 1e-6  # asked of Poisson: both sides iterate


def counts(s, seed=0, slope=0.3):
    rng = np.random.default_rng(seed)
    line = slope * s.columns[:, 0] - 0.2 * s.columns[:, 1] + 0.5 * rng.standard_normal(50)[s.effects[0]] + 0.5
    return rng.poisson(np.exp(line)).astype(float)


def brute(y, columns, effects, *, offset=0.0, weights=None, trend=None):
    """Newton's method on dummies."""
    left, size, _ = np.linalg.svd(dummies(effects, trend), full_matrices=False)
    Q = left[:, size > 1e-9]
    X = np.column_stack([columns, Q])
    w = np.ones(len(y)) if weights is None else weights
    b = np.linalg.lstsq(X, np.log(y + 0.5) - offset, rcond=None)[0]
    for _ in range(100):
        mean = np.exp(X @ b + offset)
        hessian = X.T @ (X * (w * mean)[:, None])
        b = b + np.linalg.solve(hessian, X.T @ (w * (y - mean)))
    k = columns.shape[1]
    scores = X * (w * (y - mean))[:, None]
    inverse = np.linalg.inv(hessian)
    return b[:k], inverse[:k, :k], (inverse @ (scores.T @ scores) @ inverse)[:k, :k], mean


@pytest.mark.parametrize("which", [[0], [0, 1]])
@pytest.mark.parametrize("extras", [False, True])
def test_matches_dummies(which, extras):
    s = sample(41, regions=15, weeks=12)
    y = counts(s)
    rng = np.random.default_rng(5)
    offset = rng.normal(0, 0.3, s.n) if extras else None
    weights = rng.uniform(0.5, 2, s.n) if extras else None
    effects = [s.effects[e] for e in which]
    found = poisson(y, s.columns, effects=effects, offset=offset, weights=weights)
    coef, inverse, robust, mean = brute(
        y, s.columns, effects, offset=0.0 if offset is None else offset, weights=weights
    )
    np.testing.assert_allclose(found.coef, coef, rtol=CLOSE, atol=CLOSE)
    np.testing.assert_allclose(covariance(found.linear, "iid", small_sample="none").cov, inverse, rtol=CLOSE, atol=1e-9)
    np.testing.assert_allclose(covariance(found.linear, "HC1", small_sample="none").cov, robust, rtol=CLOSE, atol=1e-9)
    np.testing.assert_allclose(found.mean, mean, rtol=1e-5)


def test_region_trends_match_dummies():
    s = sample(49, regions=10, weeks=14, trends=True)
    y = counts(s) + 0.5
    found = poisson(y, s.columns, effects=s.effects, trend=s.trend)
    coef, _, robust, _ = brute(y, s.columns, s.effects, trend=s.trend)
    np.testing.assert_allclose(found.coef, coef, rtol=CLOSE, atol=CLOSE)
    np.testing.assert_allclose(covariance(found.linear, "HC1", small_sample="none").cov, robust, rtol=1e-5, atol=1e-9)


def test_many_effects_match_dummies(monkeypatch):
    monkeypatch.setattr("panelcoop.numerics.regression.absorb.DIRECT_LEVELS", 2)
    rng = np.random.default_rng(3)
    origin, destination, week = (a.ravel() for a in np.indices((6, 6, 7)))
    effects = [origin * 6 + destination, origin * 7 + week, destination * 7 + week]
    columns = rng.standard_normal((origin.size, 2))
    y = rng.poisson(np.exp(1 + columns @ [0.3, -0.2] + 0.4 * rng.standard_normal(36)[effects[0]])).astype(float)
    shuffled = rng.permutation(y.size)
    found = poisson(y[shuffled], columns[shuffled], effects=[e[shuffled] for e in effects])
    coef, inverse, robust, _ = brute(y, columns, effects)
    np.testing.assert_allclose(found.coef, coef, rtol=CLOSE, atol=CLOSE)
    np.testing.assert_allclose(covariance(found.linear, "HC1", small_sample="none").cov, robust, rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(covariance(found.linear, "iid", small_sample="none").cov, inverse, rtol=1e-5, atol=1e-9)


def test_columns_absorbed_by_one_of_many_effects_are_named(monkeypatch):
    """A pair's distance and an origin's weekly output are absorbed; a third column repeats another up to an effect."""
    monkeypatch.setattr("panelcoop.numerics.regression.absorb.DIRECT_LEVELS", 2)
    rng = np.random.default_rng(4)
    origin, destination, week = (a.ravel() for a in np.indices((7, 7, 8)))
    effects = [origin * 7 + destination, origin * 8 + week, destination * 8 + week]
    x = rng.standard_normal((origin.size, 2))
    distance, output = rng.standard_normal(49)[effects[0]], rng.standard_normal(56)[effects[1]]
    y = rng.poisson(np.exp(1 + 0.3 * x[:, 0])).astype(float)
    alone = poisson(y, x, effects=effects)
    columns = np.column_stack([x, distance, output, x[:, 1] + output])
    found = poisson(y, columns, effects=effects, names=["x", "z", "distance", "output", "twin"])
    assert np.isnan(found.coef).tolist() == [False, True, True, True, True]
    np.testing.assert_allclose(found.coef[0], alone.coef[0], rtol=CLOSE)
    assert any("'distance' is not identified" in note for note in found.notes)
    assert any("'output' is not identified" in note for note in found.notes)
    assert any("z - twin" in note for note in found.notes)


def test_many_effects_with_offset_weights_and_a_collinear_column(monkeypatch):
    s = sample(42, regions=14, weeks=10)
    y = counts(s)
    rng = np.random.default_rng(9)
    offset, weights = rng.normal(0, 0.3, s.n), rng.uniform(0.5, 2, s.n)
    third = rng.integers(0, 5, s.n)
    columns = np.column_stack([s.columns[:, :2], s.columns[:, 0]])
    given = {"effects": [*s.effects, third], "offset": offset, "weights": weights}
    exact = poisson(y, columns, **given)
    monkeypatch.setattr("panelcoop.numerics.regression.absorb.DIRECT_LEVELS", 2)
    found = poisson(y, columns, **given)
    assert np.isnan(found.coef).tolist() == [True, False, True]
    np.testing.assert_allclose(found.coef[1], exact.coef[1], rtol=CLOSE)
    np.testing.assert_allclose(found.linear.resid, exact.linear.resid, atol=1e-4)


def test_levels_without_any_event_are_left_out_and_reported():
    s = sample(43, regions=12, weeks=10)
    y = counts(s)
    y[s.effects[0] == 4] = 0
    found = poisson(y, s.columns, effects=s.effects)
    assert sorted(found.separated) == np.flatnonzero(s.effects[0] == 4).tolist()
    assert "separated" in found.notes[0]
    keep = s.effects[0] != 4
    alone = poisson(y[keep], s.columns[keep], effects=[e[keep] for e in s.effects])
    np.testing.assert_allclose(found.coef, alone.coef, rtol=1e-9)


@pytest.mark.parametrize("which", [[0], [0, 1]])
def test_separation_by_a_column_is_found(which):
    """A dummy that is one only where the outcome is zero separates exactly those rows."""
    s = sample(44, regions=12, weeks=10)
    y = counts(s) + 1
    rows = np.flatnonzero(s.columns[:, 2] > 1.0)
    y[rows] = 0
    marker = np.zeros(s.n)
    marker[rows] = 1.0
    columns = np.column_stack([s.columns[:, :2], marker])
    effects = [s.effects[e] for e in which]
    found = poisson(y, columns, effects=effects, names=["a", "b", "marker"])
    assert sorted(found.separated) == sorted(rows)
    assert np.isnan(found.coef).tolist() == [False, False, True]
    keep = np.setdiff1d(np.arange(s.n), rows)
    alone = poisson(y[keep], s.columns[keep, :2], effects=[e[keep] for e in effects])
    np.testing.assert_allclose(found.coef[:2], alone.coef, rtol=CLOSE)


def test_separation_under_many_effects_leaves_out_no_row_too_many(monkeypatch):
    """The rows left out are those of the marker, then those of levels that hold only zeros once these are gone."""
    monkeypatch.setattr("panelcoop.numerics.regression.absorb.DIRECT_LEVELS", 2)
    rng = np.random.default_rng(0)
    origin, destination, week = (a.ravel() for a in np.indices((12, 12, 8)))
    effects = [origin * 12 + destination, origin * 8 + week, destination * 8 + week]
    x = rng.standard_normal((origin.size, 2))
    y = rng.poisson(np.exp(0.5 + 0.3 * x[:, 0] + 0.5 * rng.standard_normal(144)[effects[0]])).astype(float)
    marker = x[:, 1] > 1.5
    y[marker] = 0
    found = poisson(y, np.column_stack([x[:, 0], marker]), effects=effects)
    alone = poisson(y[~marker], x[~marker, :1], effects=[e[~marker] for e in effects])
    kept = np.flatnonzero(~marker)[alone.rows]
    assert sorted(found.rows) == sorted(kept)
    np.testing.assert_allclose(found.coef[0], alone.coef[0], rtol=CLOSE)


def test_no_separation_is_claimed_where_there_is_none():
    s = sample(45, regions=12, weeks=10)
    assert poisson(counts(s, slope=1.5), s.columns, effects=s.effects[:1]).separated.size <= s.n // 12


def test_scale_of_the_outcome_moves_only_the_effects():
    s = sample(46, regions=12, weeks=10)
    y = counts(s) + 0.5
    one, two = poisson(y, s.columns, effects=s.effects), poisson(1e4 * y, s.columns, effects=s.effects)
    np.testing.assert_allclose(one.coef, two.coef, rtol=1e-7)


def test_an_offset_is_a_regressor_with_coefficient_one():
    s = sample(47, regions=12, weeks=10)
    documents = np.exp(np.random.default_rng(1).normal(3, 0.5, s.n))
    y = np.random.default_rng(2).poisson(documents * np.exp(0.3 * s.columns[:, 0])).astype(float)
    found = poisson(y, s.columns, effects=s.effects, offset=np.log(documents))
    assert abs(found.coef[0] - 0.3) < 0.05


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda y, x: (y - 100, x), "must not be negative"),
        (lambda y, x: (y * 0, x), "Every outcome is zero"),
        (lambda y, x: (np.where(np.arange(y.size) == 3, np.nan, y), x), "'outcome' is NaN or infinite in 1 rows"),
        (lambda y, x: (y, np.where(np.arange(y.size)[:, None] == 3, np.inf, x)), "'x1' is NaN or infinite"),
    ],
)
def test_bad_input_is_named(spoil, message):
    s = sample(48)
    y, columns = spoil(counts(s), s.columns)
    with pytest.raises(DataError, match=message):
        poisson(y, columns, effects=s.effects)


def test_a_bad_offset_is_named():
    s = sample(48)
    offset = np.zeros(s.n)
    offset[2] = -np.inf
    with pytest.raises(DataError, match=r"'offset'.*log of zero"):
        poisson(counts(s), s.columns, effects=s.effects, offset=offset)


def test_refits_begin_where_the_fit_ended():
    s = sample(45, regions=12, weeks=10)
    y = counts(s)
    rng = np.random.default_rng(1)
    offset, weights = rng.normal(0, 0.3, s.n), rng.uniform(0.5, 2, s.n)
    found = poisson(y, s.columns, effects=s.effects, offset=offset, weights=weights)
    again = poisson_again(found)
    assert again.iterations <= 2
    np.testing.assert_allclose(again.coef, found.coef, rtol=1e-9)
    keep = np.flatnonzero(s.effects[0] != 3)
    rest = poisson_again(found, keep=keep)
    alone = poisson(
        y[keep], s.columns[keep], effects=[e[keep] for e in s.effects], offset=offset[keep], weights=weights[keep]
    )
    np.testing.assert_allclose(rest.coef, alone.coef, rtol=CLOSE)
    other = s.columns[:, :2] ** 2
    np.testing.assert_allclose(
        poisson_again(found, columns=other, offset=offset / 2).coef,
        poisson(y, other, effects=s.effects, offset=offset / 2, weights=weights).coef,
        rtol=CLOSE,
    )


def test_the_jackknife_leaves_clusters_out_by_refits_and_the_one_step_says_so():
    s = sample(46, regions=11, weeks=12)
    y = counts(s)
    found = poisson(y, s.columns, effects=s.effects)
    clusters = s.effects[0][found.rows]
    changes = []
    for g in np.unique(clusters):
        keep = clusters != g
        rows = found.rows[keep]
        changes.append(poisson(y[rows], s.columns[rows], effects=[e[rows] for e in s.effects]).coef - found.coef)
    changes = np.array(changes)
    expected = (len(changes) - 1) / len(changes) * changes.T @ changes
    exact = poisson_crv3(found, clusters)
    np.testing.assert_allclose(exact.cov, expected, rtol=1e-5)
    assert "jackknife by refits" in exact.convention
    one_step = covariance(found.linear, "CRV3", clusters=[clusters])
    assert "one-step jackknife" in one_step.convention
    assert np.abs(one_step.cov / expected - 1).max() > 1e-3
    assert "last weighted step" in covariance(found.linear, "CRV2", clusters=[clusters]).convention


def test_a_coefficient_that_one_cluster_identifies_has_no_poisson_jackknife():
    s = sample(47, regions=9, weeks=12)
    y = counts(s) + 1
    columns = np.column_stack([np.where(s.effects[0] == 3, s.columns[:, 0], 0.0), s.columns[:, 1]])
    found = poisson(y, columns, effects=s.effects, names=["alone", "x"])
    record = poisson_crv3(found, s.effects[0])
    assert np.isnan(record.cov[0]).all()
    assert np.isfinite(record.cov[1, 1])
    assert record.notes == ("'alone' is not identified without cluster 3: the jackknife is undefined.",)


def test_likelihoods_equal_statsmodels():
    import statsmodels.api as sm

    s = sample(48, regions=10, weeks=9)
    y = counts(s)
    offset = np.random.default_rng(2).normal(0, 0.3, s.n)
    found = poisson(y, s.columns, effects=s.effects, offset=offset)
    rows = found.rows
    X = np.column_stack([s.columns, dummies(s.effects)])[rows]
    left, size, _ = np.linalg.svd(X, full_matrices=False)
    peer, null = (
        sm.GLM(y[rows], design, family=sm.families.Poisson(), offset=offset[rows]).fit()
        for design in (left[:, size > 1e-9], np.ones((rows.size, 1)))
    )
    assert found.deviance == pytest.approx(peer.deviance, rel=CLOSE)
    assert found.log_likelihood == pytest.approx(peer.llf, rel=CLOSE)
    assert found.pseudo_r2 == pytest.approx(1 - peer.llf / null.llf, rel=CLOSE)


def far_panel(seed=4, regions=80, weeks=40, twins=None):
    """Return outcome, columns, region and week of a panel large enough to begin from a part."""
    rng = np.random.default_rng(seed)
    region, week = np.repeat(np.arange(regions), weeks), np.tile(np.arange(weeks), regions)
    columns = rng.standard_normal((regions * weeks, 2))
    if twins is not None:
        columns[:, 1] = twins(region, week)
    line = 0.4 * columns[:, 0] + 0.5 * rng.standard_normal(regions)[region] + 0.3 * rng.standard_normal(weeks)[week]
    return rng.poisson(np.exp(line)).astype(float), columns, [region, week], rng


@pytest.fixture
def begin_from_a_part(monkeypatch):
    """Let small panels begin from a part of their rows; return the sizes of the parts that were taken."""
    start = "panelcoop.numerics.regression.poisson_start."
    for name, value in (("PART", 400), ("ROWS_PER_LEVEL", 1), ("LEAST_SHARE", 2), ("LEAST_LEVELS", 2)):
        monkeypatch.setattr(start + name, value)
    taken = []

    def recorded(door):
        rows = some_levels(door)
        taken.append(0 if rows is None else len(rows))
        return rows

    monkeypatch.setattr("panelcoop.numerics.regression.poisson_steps.some_levels", recorded)
    return taken


@pytest.mark.parametrize("extras", ["none", "offset and weights", "trend", "three effects"])
def test_beginning_from_a_part_of_the_rows_changes_nothing_but_the_time(begin_from_a_part, monkeypatch, extras):
    y, columns, effects, rng = far_panel()
    given = {}
    if extras == "offset and weights":
        given = {"offset": rng.normal(0, 0.3, y.size), "weights": rng.uniform(0.5, 2, y.size)}
    if extras == "trend":
        given = {"trend": effects[1].astype(float)}
    if extras == "three effects":
        monkeypatch.setattr("panelcoop.numerics.regression.absorb.DIRECT_LEVELS", 2)
        effects = [*effects, (effects[0] + effects[1]) % 11]
    found = poisson(y, columns, effects=effects, **given)
    assert begin_from_a_part[0] >= 400
    monkeypatch.setattr("panelcoop.numerics.regression.poisson_steps.some_levels", lambda door: None)
    plain = poisson(y, columns, effects=effects, **given)
    assert found.iterations < plain.iterations
    np.testing.assert_allclose(found.coef, plain.coef, rtol=1e-9)
    np.testing.assert_allclose(found.mean, plain.mean, rtol=1e-6)
    np.testing.assert_allclose(found.linear.meat, plain.linear.meat, rtol=1e-6)


def test_a_part_that_separates_does_not_lead_the_whole_astray(begin_from_a_part):
    """The second column is one only in rows of the part with zeros, and in rows outside it that have events."""
    y, columns, effects, _ = far_panel(twins=lambda region, week: ((week == 3) & (region % 2 == 0)).astype(float))
    chosen = (effects[0] % 8 == 4) & (effects[1] == 3)
    y[chosen] = 0.0
    found = poisson(y, columns, effects=effects)
    assert begin_from_a_part[0] == 400
    coef, _, _, mean = brute(y, columns, effects)
    np.testing.assert_allclose(found.coef, coef, rtol=CLOSE, atol=CLOSE)
    np.testing.assert_allclose(found.mean, mean, rtol=1e-6, atol=1e-9)


def test_means_solve_the_likelihood_equations_to_rounding():
    """After the last step sums of counts and of means agree by level of every effect, and along every column."""
    y, columns, effects, _ = far_panel(regions=30, weeks=20)
    found = poisson(y, columns, effects=effects)
    left = found.outcome - found.mean
    codes = [e[found.rows] for e in effects]
    sums = [np.bincount(c, left) for c in codes] + [columns[found.rows].T @ left]
    assert max(np.abs(one).max() for one in sums) < 1e-9 * y.sum()


def test_the_constant_is_right_where_a_regressor_is_far_from_zero():
    rng = np.random.default_rng(1)
    far = 1000 + rng.standard_normal(500)
    columns = np.column_stack([np.ones(500), far])
    y = rng.poisson(np.exp(0.2 * (far - 1000)) + 0.3).astype(float)
    found = poisson(y, columns)
    near = poisson(y, columns - np.array([0.0, 1000.0]))
    np.testing.assert_allclose(found.coef[1], near.coef[1], rtol=1e-8)
    np.testing.assert_allclose(found.coef[0], near.coef[0] - 1000 * near.coef[1], rtol=1e-8)
    np.testing.assert_allclose(found.mean, near.mean, rtol=1e-8)


def test_regressors_far_from_zero_do_not_spoil_the_beginning(begin_from_a_part, monkeypatch):
    """A calendar year has an index of thousands, which the effects take."""
    y, columns, effects, _ = far_panel(twins=lambda region, week: 2018 + week / 10)
    for levels in (4000, -1):
        monkeypatch.setattr("panelcoop.numerics.regression.absorb.DIRECT_LEVELS", levels)
        found = poisson(y, columns, effects=effects[:1])
        near = poisson(y, columns - np.array([0.0, 2018.0]), effects=effects[:1])
        np.testing.assert_allclose(found.coef, near.coef, rtol=1e-8)
        np.testing.assert_allclose(found.mean, near.mean, rtol=1e-6)


@pytest.mark.parametrize("levels", [4000, -1])
def test_a_part_that_misleads_is_forgotten(begin_from_a_part, monkeypatch, levels):
    """The coefficient that the part suggests would put the whole out of reach."""
    monkeypatch.setattr("panelcoop.numerics.regression.absorb.DIRECT_LEVELS", levels)
    y, columns, effects, _ = far_panel()
    plain = poisson(y, columns, effects=effects)
    steps = "panelcoop.numerics.regression.poisson.coefficients_of_a_part"
    for wild in (np.array([500.0, -800.0]), np.array([np.nan, 1.0]), np.array([1e300, 1.0])):
        monkeypatch.setattr(steps, lambda *_, wild=wild: wild)
        found = poisson(y, columns, effects=effects)
        np.testing.assert_allclose(found.coef, plain.coef, rtol=1e-8)
        np.testing.assert_allclose(found.mean, plain.mean, rtol=1e-6)


@pytest.mark.parametrize(("large", "few"), [(1e6, 0.1), (1e8, 0.05), (1e4, 1.0)])
def test_small_levels_beside_large_ones_are_fitted_too(large, few):
    """Three regions hold next to none of all events, and alone identify the second column."""
    rng = np.random.default_rng(2)
    region, week = np.repeat(np.arange(12), 40), np.tile(np.arange(40), 12)
    small, x = region < 3, rng.standard_normal(480)
    columns = np.column_stack([x * ~small, x * small])
    y = rng.poisson(np.where(small, few, large) * np.exp(0.3 * x + rng.standard_normal(12)[region])).astype(float)
    y[region * 40 + week == 0] += 3
    y[region * 40 + week == 47] += 2
    y[region * 40 + week == 85] += 2
    found = poisson(y, columns, effects=[region])
    left = found.outcome - found.mean
    held = np.bincount(region, found.outcome)
    assert np.abs(np.bincount(region, left) / held).max() < 1e-9
    assert np.abs(columns[:, 1] @ left) < 1e-9 * held[:3].sum()
    alone = poisson(y[small], x[small, None], effects=[region[small]])
    np.testing.assert_allclose(found.coef[1], alone.coef[0], rtol=1e-8)
    errors = [covariance(f.linear, "HC1", small_sample="none").cov[j, j] for f, j in ((found, 1), (alone, 0))]
    np.testing.assert_allclose(errors[0], errors[1], rtol=1e-6)


def test_weights_of_very_different_size_do_not_end_in_linear_algebra():
    rng = np.random.default_rng(6)
    region, week = np.repeat(np.arange(31), 60), np.tile(np.arange(60), 31)
    small, x = region < 3, rng.standard_normal(1860)
    columns = np.column_stack([x * (week < 30), x * (week >= 30) * small, x * (week >= 30) * ~small])
    y = rng.poisson(np.where(small, 0.3, 3e6) * np.exp(0.3 * x)).astype(float)
    found = poisson(y, columns, effects=[region, week])
    left = found.outcome - found.mean
    kept = region[found.rows]
    assert np.abs(np.bincount(kept, left) / np.bincount(kept, found.outcome)).max() < 1e-6
