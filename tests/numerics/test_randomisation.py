"""Randomisation inference against enumeration by brute force, and its size."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from wild_oracle import two_way_dummies

from panelcoop.errors import DataError
from panelcoop.numerics.regression.least_squares import least_squares
from panelcoop.numerics.regression.poisson import poisson
from panelcoop.numerics.resampling import exchanged_paths
from panelcoop.numerics.resampling.exchanged_counts import randomise_counts
from panelcoop.numerics.resampling.exchanged_paths import randomise_paths
from panelcoop.numerics.resampling.permutations import permutation_block, plan_permutations
from panelcoop.numerics.resampling.randomisation import randomise_design
from panelcoop.numerics.resampling.wild_draws import WildOptions
from panelcoop.numerics.resampling.wild_regression import wild_from_fit

N, T = 5, 12
REGION, WEEK = np.divmod(np.arange(N * T), T)
STAGE = (WEEK >= 6)[:, None] == np.array([False, True])
R = np.array([[1.0, -1.0, 0.0]])


def balanced_panel(seed):
    rng = np.random.default_rng(seed)
    driver, control = rng.standard_normal((2, N, T))
    y = rng.standard_normal(N * T) + 0.3 * driver.ravel() + rng.standard_normal(N)[REGION]
    return driver, control, y


def columns(driver, control):
    return np.column_stack([driver.reshape(-1, 1) * STAGE, control.ravel()])


def by_hand(driver, control, y, orders, null):
    """Dummies, one regression per order, CRV1 by region."""
    D = two_way_dummies(REGION, WEEK)

    def absorb(a):
        return a - D @ np.linalg.lstsq(D, a, rcond=None)[0]

    X, outcome = absorb(columns(driver, control)), absorb(y)
    A = np.linalg.inv(X.T @ X)
    b = A @ X.T @ outcome
    e = outcome - X @ b + X @ A @ R[0] / (R[0] @ A @ R[0]) * (R[0] @ b - null)
    out = []
    for order in orders:
        Z = absorb(columns(driver[list(order)], control))
        bread = np.linalg.inv(Z.T @ Z)
        slope = bread @ Z.T @ e
        left = e - Z @ slope
        scores = np.array([(Z * left[:, None])[g == REGION].sum(axis=0) for g in range(N)]) @ bread @ R[0]
        out.append(R[0] @ slope / np.sqrt(scores @ scores))
    return np.array(out)


def test_all_regional_orders_equal_brute_force():
    driver, control, y = balanced_panel(1)
    fit = least_squares(y, columns(driver, control), effects=[REGION, WEEK])
    found = randomise_paths(
        wild_from_fit(fit),
        R,
        REGION,
        WEEK,
        permuted=np.array([True, True, False]),
        null=0.2,
        options=WildOptions(draws=200),
    )
    want = by_hand(driver, control, y, permutations(range(N)), 0.2)
    assert found.enumerated
    assert found.draws == want.size
    np.testing.assert_allclose(np.sort(found.t_draws[0]), np.sort(want), atol=1e-9)
    assert found.p_value[0] == pytest.approx(np.mean(np.abs(want) >= abs(want[0]) - 1e-9))
    assert found.p_error[0] == 0


def test_rebuilt_columns_give_the_same_draws_as_exchanged_paths():
    driver, control, y = balanced_panel(2)
    fit = least_squares(y, columns(driver, control), effects=[REGION, WEEK])
    options = WildOptions(draws=60, seed=3, level=0.8)
    fast = randomise_paths(wild_from_fit(fit), R, REGION, WEEK, permuted=np.array([True, True, False]), options=options)
    plan = plan_permutations(np.arange(N), 60, 3)
    slow = randomise_design(fit, R, lambda o: columns(driver[o], control), REGION, plan, options=options)
    assert not fast.enumerated
    np.testing.assert_allclose(slow.t_draws, fast.t_draws, atol=1e-9)
    np.testing.assert_allclose([slow.lower, slow.upper], [fast.lower, fast.upper], atol=1e-9)
    assert fast.t_draws[0, 0] == pytest.approx(fast.statistic[0])
    assert fast.p_error[0] > 0


def test_interval_inverts_the_test():
    driver, control, y = balanced_panel(4)
    system = wild_from_fit(least_squares(y, columns(driver, control), effects=[REGION, WEEK]))
    options = WildOptions(draws=200, level=0.8)
    found = randomise_paths(system, R, REGION, WEEK, options=options)
    for end, inward in ((found.lower[0], 1e-6), (found.upper[0], -1e-6)):
        assert randomise_paths(system, R, REGION, WEEK, null=end + inward, options=options).p_value[0] > 0.2
        assert randomise_paths(system, R, REGION, WEEK, null=end - inward, options=options).p_value[0] <= 0.2


def test_dates_are_enumerated_when_fewer_than_draws():
    """Three dates over six units in two strata: 3 x 3 distinct assignments, each once, the data's first."""
    dates, strata = np.array([5, 5, 7, 7, 7, 9]), np.array([0, 0, 0, 1, 1, 1])
    plan = plan_permutations(dates, 999, 0, strata=strata)
    orders = np.vstack([permutation_block(plan, b) for b in range(plan.blocks)])
    assert plan.possible == len(orders) == 9
    assigned = dates[orders]
    assert np.unique(assigned, axis=0).shape[0] == 9
    np.testing.assert_array_equal(assigned[0], dates)
    np.testing.assert_array_equal(np.sort(assigned[:, :3], axis=1), np.tile([5, 5, 7], (9, 1)))
    assert (np.sort(orders, axis=1) == np.arange(6)).all()


def test_more_draws_than_permutations_does_not_crash():
    plan = plan_permutations(np.array([0, 1, 1]), 10_000, 0)
    assert plan.draws == plan.possible == 3
    with pytest.raises(DataError, match="only one possible"):
        plan_permutations(np.array([1, 1, 1]), 99, 0)


def test_unbalanced_panel_is_sent_to_the_refitting_door():
    driver, control, y = balanced_panel(5)
    keep = np.arange(N * T) != 7
    fit = least_squares(y[keep], columns(driver, control)[keep], effects=[REGION[keep], WEEK[keep]])
    with pytest.raises(DataError, match="randomise_design"):
        randomise_paths(wild_from_fit(fit), R, REGION[keep], WEEK[keep])
    plan = plan_permutations(np.arange(N), 50, 1)
    found = randomise_design(fit, R, lambda o: columns(driver[o], control)[keep], REGION[keep], plan)
    assert 0 < found.p_value[0] <= 1
    with pytest.raises(DataError, match="own columns"):
        randomise_design(fit, R, lambda o: columns(driver[o][::-1], control)[keep], REGION[keep], plan)


def test_treatment_dates_are_exchanged_and_columns_rebuilt():
    """Six units, dates 4, 4, 8, 8, 99, 99: all 90 assignments, post dummies rebuilt, against brute force."""
    rng = np.random.default_rng(6)
    region, week = np.divmod(np.arange(6 * 12), 12)
    dates = np.array([4, 4, 8, 8, 99, 99])
    y = rng.standard_normal(72) + 0.8 * (week >= dates[region])

    def rebuild(order):
        return (week >= dates[order][region]).astype(float)[:, None]

    fit = least_squares(y, rebuild(np.arange(6)), effects=[region, week])
    plan = plan_permutations(dates, 999, 0)
    found = randomise_design(fit, np.eye(1), rebuild, region, plan, null=0.3)
    assert found.draws == 90
    assert found.enumerated
    D = two_way_dummies(region, week)
    want = []
    for assigned in sorted(set(permutations(dates.tolist()))):
        X = np.column_stack([week >= np.array(assigned)[region], D]).astype(float)
        e = fit.resid + (fit.coef[0] - 0.3) * fit.design.demeaned()[0][:, 0]
        coef = np.linalg.lstsq(X, e, rcond=None)[0]
        x = X[:, 0] - D @ np.linalg.lstsq(D, X[:, 0], rcond=None)[0]
        scores = np.bincount(region, x * (e - X @ coef)) / (x @ x)
        want.append(coef[0] / np.sqrt(scores @ scores))
    np.testing.assert_allclose(np.sort(found.t_draws[0]), np.sort(want), atol=1e-9)


@pytest.mark.montecarlo
def test_exact_size_when_the_driver_matters_nowhere():
    """With every permuted column restricted, an enumerated test rejects at most alpha, and close to it."""
    rng = np.random.default_rng(0)
    one = np.array([[1.0]])
    rejected = []
    for _ in range(400):
        driver, y = rng.standard_normal((2, N, T))
        fit = least_squares(y.ravel(), driver.reshape(-1, 1), effects=[REGION, WEEK])
        found = randomise_paths(wild_from_fit(fit), one, REGION, WEEK, options=WildOptions(draws=120, interval=False))
        rejected.append(found.p_value[0] <= 0.1)
    assert 0.055 < np.mean(rejected) < 0.145


@pytest.mark.parametrize("strata", [None, np.array([0, 0, 1, 1, 1])])
@pytest.mark.parametrize("clusters", [None, np.array([0, 0, 1, 2, 2])])
def test_strata_and_coarser_clusters_on_paths_equal_refits(strata, clusters):
    driver, control, y = balanced_panel(7)
    fit = least_squares(y, columns(driver, control), effects=[REGION, WEEK])
    moved, options = np.array([True, True, False]), WildOptions(draws=60, seed=3)
    fast = randomise_paths(
        wild_from_fit(fit), R, REGION, WEEK, permuted=moved, strata=strata, clusters=clusters, options=options
    )
    plan = plan_permutations(np.arange(N), 60, 3, strata=strata)
    codes = REGION if clusters is None else clusters[REGION]
    slow = randomise_design(fit, R, lambda o: columns(driver[o], control), codes, plan, options=options)
    np.testing.assert_allclose(slow.t_draws, fast.t_draws, atol=1e-9)
    assert slow.p_value[0] == fast.p_value[0]


def test_many_regions_form_products_draw_by_draw(monkeypatch):
    driver, control, y = balanced_panel(8)
    system = wild_from_fit(least_squares(y, columns(driver, control), effects=[REGION, WEEK]))
    given = {"permuted": np.array([True, True, False]), "options": WildOptions(draws=70, seed=3)}
    kept = randomise_paths(system, R, REGION, WEEK, **given)
    monkeypatch.setattr(exchanged_paths, "PAIR_VALUES", 0)
    monkeypatch.setattr(exchanged_paths, "BLOCK_VALUES", 1)
    np.testing.assert_allclose(randomise_paths(system, R, REGION, WEEK, **given).t_draws, kept.t_draws, atol=1e-12)


def test_two_hundred_regions_have_more_assignments_than_a_float_holds():
    region, week = np.divmod(np.arange(200 * 3), 3)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 600))
    system = wild_from_fit(least_squares(y, x[:, None], effects=[region, week]))
    found = randomise_paths(system, np.eye(1), region, week, options=WildOptions(draws=9))
    assert "9 of 7.89e+374 assignments" in found.convention
    assert "all 24 assignments" in plan_permutations(np.arange(4), 99, 0).taken


def test_draws_whose_design_loses_rank_are_left_out_and_counted():
    """A fixed column that equals another region's driver: the exchange that brings them together has no contrast."""
    driver, control, y = balanced_panel(9)
    control[:] = driver[[1, 0, 2, 3, 4]]
    fit = least_squares(y, np.column_stack([driver.ravel(), control.ravel()]), effects=[REGION, WEEK])
    one, moved = np.array([[1.0, 0.0]]), np.array([True, False])
    found = randomise_paths(wild_from_fit(fit), one, REGION, WEEK, permuted=moved, options=WildOptions(draws=200))
    plan = plan_permutations(np.arange(N), 200, 0)
    slow = randomise_design(fit, one, lambda o: np.column_stack([driver[o].ravel(), control.ravel()]), REGION, plan)
    assert found.invalid[0] == slow.invalid[0] == 1
    assert found.p_value[0] == slow.p_value[0]


def test_poisson_is_refitted_under_the_offset_of_its_null():
    """All 24 assignments of four regions, with dummies and Newton steps by hand."""
    regions, weeks = 4, 14
    region, week = np.divmod(np.arange(regions * weeks), weeks)
    rng = np.random.default_rng(3)
    driver, control = rng.standard_normal((2, regions, weeks))
    late = week >= 7
    line = 0.4 * driver.ravel() + 0.2 * control.ravel() + 0.3 * rng.standard_normal(regions)[region]
    y = rng.poisson(np.exp(1 + line)).astype(float)

    def design(order):
        path = driver[list(order)].ravel()
        return np.column_stack([path * ~late, path * late, control.ravel()])

    fit = poisson(y, design(range(4)), effects=[region, week])
    assert fit.rows.size == y.size
    row, null = np.array([1.0, -1.0, 0.0]), 0.1
    plan = plan_permutations(np.arange(regions), 99, 0)
    found = randomise_counts(fit, row, design, region, plan, null=null)
    D = two_way_dummies(region, week)
    first = design(range(4))
    free = np.column_stack([first[:, 0] + first[:, 1], first[:, 2]])  # b0 = b1 + r
    shift = null * first[:, 0]
    by_hand = glm(y, np.column_stack([free, D]), shift)
    offset = shift + free @ by_hand[:2]
    want = []
    for order in permutations(range(regions)):
        X = np.column_stack([design(order), D])
        b = glm(y, X, offset)
        mean = np.exp(X @ b + offset)
        bread = np.linalg.inv(X.T @ (X * mean[:, None]))
        scores = np.array([(X * (y - mean)[:, None])[region == g].sum(axis=0) for g in range(regions)]) @ bread
        along = scores[:, :3] @ row
        want.append(row @ b[:3] / np.sqrt(along @ along))
    np.testing.assert_allclose(np.sort(found.t_draws), np.sort(want), rtol=1e-5)
    assert found.gap == pytest.approx(fit.coef[0] - fit.coef[1] - null, rel=1e-6)
    assert found.p_value == pytest.approx(np.mean(np.abs(want) >= abs(want[0]) * (1 - 1e-6)))


@pytest.mark.parametrize("ties", ["weak", "half"])
def test_the_interval_of_counts_holds_the_values_that_are_not_rejected(ties):
    """On either side of each end the test itself, run for that value, keeps and rejects."""
    regions, weeks = 7, 12
    region, week = np.divmod(np.arange(regions * weeks), weeks)
    rng = np.random.default_rng(8)
    driver = rng.standard_normal((regions, weeks))
    y = rng.poisson(np.exp(1 + 0.5 * driver.ravel() + 0.3 * rng.standard_normal(regions)[region])).astype(float)
    fit = poisson(y, driver.reshape(-1, 1), effects=[region, week])
    plan = plan_permutations(np.arange(regions), 79, 4)
    given = (fit, np.ones(1), lambda order: driver[order].reshape(-1, 1), region, plan)
    found = randomise_counts(*given, null=0.3, ties=ties, level=0.8)
    estimate = found.gap + 0.3
    assert found.lower < estimate < found.upper
    for end, inwards in ((found.lower, 1.0), (found.upper, -1.0)):
        assert randomise_counts(*given, null=end, ties=ties).p_value <= 0.2
        assert randomise_counts(*given, null=end + 0.03 * found.se * inwards, ties=ties).p_value > 0.2
    assert np.isnan(randomise_counts(*given, null=0.3).lower)


def glm(y, X, offset):
    b = np.zeros(X.shape[1])
    for _ in range(60):
        mean = np.exp(X @ b + offset)
        b = b + np.linalg.solve(X.T @ (X * mean[:, None]), X.T @ (y - mean))
    return b
