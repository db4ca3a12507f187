"""What is not identified is NaN, named, with the combination; what is identified stays."""

from __future__ import annotations

import numpy as np
import pytest
from dummy_oracle import sample

from panelcoop.numerics.covariance.covariance import covariance
from panelcoop.numerics.regression.least_squares import least_squares
from panelcoop.numerics.regression.rank import describe_combination


@pytest.fixture
def panel():
    return sample(1, regions=10, weeks=12, missing=0.1)


def test_duplicate_columns_are_named(panel):
    columns = np.column_stack([panel.columns, panel.columns[:, 0]])
    found = least_squares(panel.outcome, columns, effects=panel.effects, names=["a", "b", "c", "copy"])
    assert np.isnan(found.coef).tolist() == [True, False, False, True]
    assert found.rank == 3
    assert "'a', 'copy' are not identified separately: a - copy" in found.notes[0]


@pytest.mark.parametrize("shift", [0.0, 1e8])
@pytest.mark.parametrize("scale", [1.0, 1e-9])
def test_a_shifted_and_scaled_duplicate_is_still_found(panel, shift, scale):
    columns = np.column_stack([panel.columns[:, 0], scale * panel.columns[:, 0] + scale * shift])
    found = least_squares(panel.outcome, columns, effects=panel.effects)
    assert not found.identified.any()
    assert found.rank == 1


@pytest.mark.parametrize("value", [0.0, 1.0, 1e8, 1e-9])
def test_constant_columns_are_absorbed(panel, value):
    columns = np.column_stack([panel.columns[:, 0], np.full(panel.n, value)])
    found = least_squares(panel.outcome, columns, effects=panel.effects, names=["x", "constant"])
    assert found.identified.tolist() == [True, False]
    assert "'constant' is not identified: the fixed effects" in found.notes[0]
    same = least_squares(panel.outcome, columns[:, :1], effects=panel.effects)
    np.testing.assert_allclose(found.coef[0], same.coef[0], rtol=1e-12)


def test_time_invariant_driver_by_four_stages_has_rank_three(panel):
    driver = np.random.default_rng(3).standard_normal(10)[panel.effects[0]]
    stage = panel.effects[1] // 3
    columns = driver[:, None] * np.equal.outer(stage, np.arange(4))
    names = [f"z:{s}" for s in ("gestation", "outbreak", "continuation", "recovery")]
    found = least_squares(panel.outcome, columns, effects=panel.effects, names=names)
    assert found.rank == 3
    assert np.isnan(found.coef).all()
    assert "z:gestation + z:outbreak + z:continuation + z:recovery" in found.notes[0]
    dropped = least_squares(panel.outcome, columns[:, 1:], effects=panel.effects)
    contrast = np.array([0.0, 1.0, -1.0, 0.0])
    assert abs(contrast @ found.null_space).max() < 1e-12
    np.testing.assert_allclose(contrast @ found.solution, dropped.coef[0] - dropped.coef[1], rtol=1e-9)
    one = covariance(found, "CRV1", clusters=[panel.effects[0]]).full
    two = covariance(dropped, "CRV1", clusters=[panel.effects[0]]).cov
    np.testing.assert_allclose(contrast @ one @ contrast, contrast[1:] @ two @ contrast[1:], rtol=1e-9)


def test_national_variable_under_week_effects_is_absorbed(panel):
    national = np.random.default_rng(4).standard_normal(12)[panel.effects[1]]
    found = least_squares(panel.outcome, np.column_stack([panel.columns, national]), effects=panel.effects)
    assert found.identified.tolist() == [True, True, True, False]


def test_near_collinear_columns_are_kept(panel):
    rng = np.random.default_rng(5)
    columns = np.column_stack([panel.columns[:, 0], panel.columns[:, 0] + 1e-6 * rng.standard_normal(panel.n)])
    found = least_squares(panel.outcome, columns, effects=panel.effects)
    assert found.identified.all()


def test_covariance_is_nan_where_not_identified(panel):
    columns = np.column_stack([panel.columns[:, :2], np.ones(panel.n)])
    record = covariance(least_squares(panel.outcome, columns, effects=panel.effects), "HC1")
    assert np.isnan(record.cov[2]).all()
    assert np.isnan(record.cov[:, 2]).all()
    assert np.isfinite(record.cov[:2, :2]).all()


def test_combinations_read_well():
    assert describe_combination(np.array([1.0, -2.0, 0.5]), ("a", "b", "c")) == "a - 2 b + 0.5 c"


@pytest.mark.parametrize("shift", [3.0, 1e8])
def test_duplicates_without_effects(panel, shift):
    """With a constant, x and x + shift are three columns of rank two: none is identified, the constant neither."""
    columns = np.column_stack([np.ones(panel.n), panel.columns[:, 0], panel.columns[:, 0] + shift])
    found = least_squares(panel.outcome, columns)
    assert found.rank == 2
    assert not found.identified.any()
    assert np.abs(columns @ found.null_space).max() < 1e-7 * shift


def test_singletons_and_disconnected_sets_are_noted():
    s = sample(2, regions=8, weeks=8, pieces=2, missing=0.0)
    codes = s.effects[0].copy()
    codes[5] = 99
    notes = least_squares(s.outcome, s.columns, effects=[codes, s.effects[1]]).notes
    assert "1 rows are alone in a level of an effect (row 5)" in notes[0]
    assert "2 sets that share no level" in notes[1]


def test_a_column_nearly_constant_within_weeks_is_kept_and_one_exactly_so_is_absorbed(panel):
    rng = np.random.default_rng(8)
    national = rng.standard_normal(12)[panel.effects[1]]
    nearly = national + 1e-6 * rng.standard_normal(panel.n)
    columns = np.column_stack([panel.columns[:, 0], national, nearly])
    found = least_squares(panel.outcome, columns, effects=panel.effects, names=["x", "national", "nearly"])
    assert found.identified.tolist() == [True, False, True]
    dummies = np.column_stack([columns[:, [0, 2]], *(np.eye(e.max() + 1)[e] for e in panel.effects)])
    expected = np.linalg.lstsq(dummies, panel.outcome, rcond=None)[0]
    np.testing.assert_allclose(found.coef[[0, 2]], expected[:2], rtol=1e-6)


@pytest.mark.parametrize(("mean", "spread"), [(1e3, 1e-3), (1e5, 0.1), (1e3, 1.0)])
def test_the_constant_beside_far_collinear_regressors_is_identified(mean, spread):
    rng = np.random.default_rng(0)
    x = mean + spread * rng.standard_normal(3000)
    columns = np.column_stack([x, 2 * x, rng.standard_normal(3000), np.ones(3000)])
    found = least_squares(columns[:, 2] + rng.standard_normal(3000), columns)
    assert found.identified.tolist() == [False, False, True, True]
    assert found.notes == (
        "'x1', 'x2' are not identified separately: x1 - 0.5 x2 does not vary (within the fixed effects).",
    )
