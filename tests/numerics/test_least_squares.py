"""Absorbed fits against dummy variables, whatever the shape of the panel."""

from __future__ import annotations

import numpy as np
import pytest
from dummy_oracle import Sample, brute_force, dummies, sample
from hypothesis import given, settings
from hypothesis import strategies as st

from panelcoop.numerics.regression.absorb import absorber
from panelcoop.numerics.regression.design import Taken
from panelcoop.numerics.regression.least_squares import least_squares

ORACLE = 1e-9  # asked of small panels: rounding of two direct solvers
CLOSE = 1e-7  # iterative solver against dummies


def fit(s: Sample):
    return least_squares(s.outcome, s.columns, effects=s.effects, weights=s.weights, trend=s.trend)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    regions=st.integers(3, 14),
    weeks=st.integers(3, 14),
    missing=st.floats(0, 0.5),
    weighted=st.booleans(),
    trends=st.booleans(),
    pieces=st.integers(1, 2),
)
def test_matches_dummies_on_random_panels(*, seed, regions, weeks, missing, weighted, trends, pieces):
    s = sample(
        seed, regions=regions, weeks=weeks, missing=missing, weighted=weighted, trends=trends, pieces=pieces, k=2
    )
    if s.n < 4:
        return
    D = dummies(s.effects, s.trend)
    if s.n <= np.linalg.matrix_rank(np.hstack([s.columns, D])):
        return
    ours, theirs = fit(s), brute_force(s)
    assert ours.parameters == theirs.rank
    if not ours.identified.all():
        return
    scale = max(1.0, float(np.abs(np.linalg.inv(theirs.columns.T @ theirs.columns)).max()))
    np.testing.assert_allclose(ours.coef, theirs.coef, atol=ORACLE * scale)
    root = 1.0 if s.weights is None else np.sqrt(s.weights)
    np.testing.assert_allclose(ours.resid * root, theirs.resid, atol=ORACLE * scale)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("which", [[0], [1], [0, 1], [1, 0]])
def test_one_and_two_effects_in_any_order(which, weighted):
    s = sample(3, weighted=weighted)
    s = Sample(s.outcome, s.columns, [s.effects[e] for e in which], s.weights, None)
    np.testing.assert_allclose(fit(s).coef, brute_force(s).coef, atol=ORACLE)


def test_three_small_effects_are_exact():
    s = sample(4, regions=9, weeks=8)
    third = np.random.default_rng(1).integers(0, 4, s.n)
    s = Sample(s.outcome, s.columns, [*s.effects, third], None, None)
    ours = fit(s)
    np.testing.assert_allclose(ours.coef, brute_force(s).coef, atol=ORACLE)
    assert ours.parameters == brute_force(s).rank


@pytest.mark.parametrize("weighted", [False, True])
def test_iterative_solver_matches_dummies(weighted, monkeypatch):
    monkeypatch.setattr("panelcoop.numerics.regression.absorb.DIRECT_LEVELS", 2)
    rng = np.random.default_rng(7)
    origin, destination, week = (a.ravel() for a in np.indices((5, 5, 6)))
    keep = rng.permutation(origin.size)[:120]
    origin, destination, week = origin[keep], destination[keep], week[keep]
    effects = [origin * 5 + destination, origin * 6 + week, destination * 6 + week]
    columns = rng.standard_normal((120, 2))
    weights = rng.uniform(0.2, 2, 120) if weighted else None
    s = Sample(columns.sum(axis=1) + rng.standard_normal(120), columns, effects, weights, None)
    np.testing.assert_allclose(fit(s).coef, brute_force(s).coef, atol=CLOSE)


def test_sparse_crosstab_is_exact():
    rng = np.random.default_rng(5)
    first = rng.integers(0, 3995, 12_000)
    region = np.repeat(np.arange(12_000), 3)
    week = (first[:, None] + np.arange(3)).ravel()
    x = rng.standard_normal((region.size, 1)) + 0.01 * week[:, None]
    y = 2 * x[:, 0] + 0.3 * week + rng.standard_normal(12_000)[region]
    found = least_squares(y, x, effects=[region, week])
    np.testing.assert_allclose(found.coef, [2.0], atol=1e-8)
    assert np.abs(found.resid).max() < 1e-6


def test_row_order_and_labels_do_not_matter():
    s = sample(11, weighted=True, shuffled=False)
    one = fit(s)
    order = np.random.default_rng(0).permutation(s.n)
    relabelled = [np.array([7, 103, 5, 999, 12, 1, 44, 40_000])[s.effects[0]], 10 * s.effects[1] + 3]
    two = least_squares(
        s.outcome[order],
        s.columns[order],
        effects=[c[order] for c in relabelled],
        weights=s.weights[order],
    )
    np.testing.assert_allclose(one.coef, two.coef, rtol=1e-12)
    np.testing.assert_allclose(one.resid[order], two.resid, atol=1e-11)
    np.testing.assert_allclose(one.level_scores[0].T @ one.level_scores[0], two.level_scores[0].T @ two.level_scores[0])


@pytest.mark.parametrize("shift", [1e6, 1e8])
@pytest.mark.parametrize("effects", [True, False])
def test_a_shifted_regressor_changes_nothing(shift, effects):
    rng = np.random.default_rng(2)
    s = sample(12)
    whole = np.round(s.columns[:, 0] * 64) / 64  # exact after the shift
    used = s.effects if effects else []
    columns = np.column_stack([np.ones(s.n), whole]) if not effects else whole[:, None]
    moved = columns.copy()
    moved[:, -1] += shift
    one, two = (least_squares(s.outcome, c, effects=used) for c in (columns, moved))
    np.testing.assert_allclose(one.coef[-1], two.coef[-1], rtol=1e-8)
    assert two.identified.all()
    assert rng is not None


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_a_rescaled_regressor_is_not_dropped(scale):
    s = sample(13)
    columns = s.columns * np.array([scale, 1.0, 1.0])
    found = least_squares(s.outcome, columns, effects=s.effects)
    assert found.identified.all()
    np.testing.assert_allclose(found.coef[0] * scale, fit(s).coef[0], rtol=1e-9)


def test_scaling_the_outcome_scales_everything():
    s = sample(14)
    one, two = fit(s), least_squares(1000 * s.outcome, s.columns, effects=s.effects)
    np.testing.assert_allclose(1000 * one.coef, two.coef, rtol=1e-12)
    np.testing.assert_allclose(1e6 * one.meat, two.meat, rtol=1e-10)


def test_a_column_that_is_nearly_all_effect_keeps_its_digits():
    rng = np.random.default_rng(8)
    s = sample(15)
    big = 1e7 * rng.standard_normal(8)[s.effects[0]] + 1e7 * rng.standard_normal(7)[s.effects[1]]
    columns = np.column_stack([s.columns[:, 0] + big, s.columns[:, 1]])
    found = least_squares(s.outcome, columns, effects=s.effects)
    truth = least_squares(s.outcome, s.columns[:, :2], effects=s.effects)
    np.testing.assert_allclose(found.coef, truth.coef, rtol=1e-7)  # the column itself is rounded at 1e-9


def test_fortran_order_and_single_precision_are_taken():
    s = sample(16)
    np.testing.assert_allclose(
        least_squares(s.outcome, np.asfortranarray(s.columns), effects=s.effects).coef, fit(s).coef, rtol=1e-13
    )


def test_singletons_are_counted_and_change_nothing():
    s = sample(17)
    alone = Sample(
        np.append(s.outcome, 5.0),
        np.vstack([s.columns, [9.0, 9.0, 9.0]]),
        [np.append(s.effects[0], 50), np.append(s.effects[1], 0)],
        None,
        None,
    )
    found = fit(alone)
    np.testing.assert_allclose(found.coef, fit(s).coef, rtol=1e-10)
    assert found.absorber.singletons.tolist() == [s.n]
    assert found.df_resid == fit(s).df_resid


def test_disconnected_sets_are_counted():
    s = sample(18, regions=8, weeks=8, pieces=2, missing=0.0)
    door = absorber(s.effects)
    assert door.components == 2
    assert door.rank == 8 + 8 - 2


def test_residualise_is_a_projection():
    s = sample(19, weighted=True, trends=True)
    door = absorber(s.effects, weights=s.weights, trend=s.trend)
    once = door.residualise(s.columns)
    np.testing.assert_allclose(door.residualise(once), once, atol=1e-10)
    for codes in s.effects:
        np.testing.assert_allclose(np.bincount(codes, s.weights * once[:, 0]), 0, atol=1e-10)


def test_grams_by_group_add_up():
    s = sample(20, weighted=True)
    found = fit(s)
    from panelcoop.numerics.grouping import group_rows

    grams = found.grams(group_rows(s.effects[0]))
    np.testing.assert_allclose(np.linalg.inv(grams.sum(axis=0)), found.bread, rtol=1e-9)


@pytest.mark.parametrize(("weighted", "trends"), [(False, False), (True, False), (True, True)])
@pytest.mark.parametrize("far", [0.0, 1e3])
def test_columns_said_to_be_absorbed_are_what_they_are_found_to_be(weighted, trends, far):
    """Said or found, the numbers are the same; nothing is left of such columns in rows, scores and moments."""
    s = sample(17, regions=12, weeks=9, weighted=weighted, trends=trends)
    week = s.effects[1]
    columns = np.column_stack([s.columns[:, :2] + far, week < 4, week >= 4, week * 0.3]).astype(float)
    given = {"effects": s.effects, "weights": s.weights, "trend": s.trend}
    found = least_squares(s.outcome, columns, **given)
    by_week = np.column_stack([np.arange(9) < 4, np.arange(9) >= 4, np.arange(9) * 0.3]).astype(float)
    said = least_squares(s.outcome, columns[:, :2], **given, taken=Taken(by_week, effect=1))
    np.testing.assert_allclose(said.coef, found.coef, rtol=1e-10)
    np.testing.assert_allclose(said.bread, found.bread, rtol=1e-10)
    np.testing.assert_allclose(said.null_space, found.null_space, atol=1e-10)
    np.testing.assert_allclose(said.meat[:2, :2], found.meat[:2, :2], rtol=1e-8)
    assert said.notes == found.notes
    assert said.rank == found.rank == 2
    rows, _ = said.design.demeaned()
    assert not rows[:, 2:].any()
    assert not said.meat[2:].any()
    assert not any(one[:, 2:].any() for one in said.level_scores)
    np.testing.assert_allclose(rows[:, :2], found.design.demeaned()[0][:, :2], atol=1e-9)
