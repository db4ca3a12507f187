"""Bad input is an error that names what, where and the remedy."""

from __future__ import annotations

import numpy as np
import pytest
from dummy_oracle import sample

from panelcoop.errors import DataError
from panelcoop.numerics.covariance.covariance import covariance
from panelcoop.numerics.covariance.spatial_hac import SpatialKernel, kernel_matrix
from panelcoop.numerics.grouping import group_rows
from panelcoop.numerics.regression.absorb import absorber
from panelcoop.numerics.regression.least_squares import least_squares


@pytest.fixture
def s():
    return sample(51)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("effects", [True, False])
def test_a_value_that_is_not_finite_is_located(s, bad, effects):
    used = s.effects if effects else []
    columns = s.columns.copy()
    columns[4, 1] = bad
    with pytest.raises(DataError, match=r"'risk' is NaN or infinite in 1 rows \(row 4\)"):
        least_squares(s.outcome, columns, effects=used, names=["a", "risk", "c"])
    outcome = s.outcome.copy()
    outcome[[2, 7]] = bad
    with pytest.raises(DataError, match=r"'outcome' is NaN or infinite in 2 rows \(row 2, 7\)"):
        least_squares(outcome, s.columns, effects=used)


def test_values_whose_squares_overflow(s):
    with pytest.raises(DataError, match="rescale"):
        least_squares(s.outcome, s.columns * 1e200, effects=s.effects)


def test_lengths_that_differ(s):
    with pytest.raises(DataError, match="same rows"):
        least_squares(s.outcome[1:], s.columns)
    with pytest.raises(DataError, match="lengths"):
        least_squares(s.outcome, s.columns, effects=[s.effects[0][1:]])
    with pytest.raises(DataError, match="3 columns but 1 names"):
        least_squares(s.outcome, s.columns, names=["a"])


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_weights_that_cannot_be(s, bad):
    weights = np.ones(s.n)
    weights[3] = bad
    with pytest.raises(DataError, match="1 are not"):
        least_squares(s.outcome, s.columns, effects=s.effects, weights=weights)


def test_codes_that_cannot_be(s):
    with pytest.raises(DataError, match="integer codes"):
        least_squares(s.outcome, s.columns, effects=[s.effects[0].astype(float)])
    with pytest.raises(DataError, match="negative codes"):
        least_squares(s.outcome, s.columns, effects=[np.where(np.arange(s.n) == 0, -1, s.effects[0])])
    with pytest.raises(DataError, match="no rows"):
        group_rows(np.empty(0, dtype=int))


def test_a_trend_needs_an_effect(s):
    with pytest.raises(DataError, match="regions as the first effect"):
        absorber([], trend=np.arange(s.n, dtype=float), nobs=s.n)


def test_huge_codes_are_taken(s):
    codes = s.effects[0] * 10**15
    np.testing.assert_allclose(
        least_squares(s.outcome, s.columns, effects=[codes]).coef,
        least_squares(s.outcome, s.columns, effects=[s.effects[0]]).coef,
    )


def test_a_cluster_with_all_the_weight():
    """One region carries nearly everything: numbers stay finite, CRV2 shows few degrees of freedom."""
    s = sample(52)
    weights = np.where(s.effects[0] == 2, 1e8, 1.0)
    fit = least_squares(s.outcome, s.columns, effects=s.effects[:1], weights=weights)
    record = covariance(fit, "CRV1", clusters=[s.effects[0]])
    assert np.isfinite(record.cov).all()
    assert covariance(fit, "CRV2", clusters=[s.effects[0]]).df.max() < 2.0


def test_a_coefficient_that_one_cluster_identifies_has_no_jackknife(s):
    """Where a column varies in one region only, CRV3 is NaN with a note; the other coefficients keep theirs."""
    alone = np.where(s.effects[0] == 3, s.columns[:, 0], 0.0)
    columns = np.column_stack([alone, s.columns[:, 1]])
    fit = least_squares(s.outcome, columns, effects=s.effects, names=["alone", "x"])
    record = covariance(fit, "CRV3", clusters=[s.effects[0] + 70])
    assert np.isnan(record.cov[0]).all()
    assert np.isfinite(record.cov[1, 1])
    assert record.notes == ("'alone' is not identified without cluster 73: the jackknife is undefined.",)


def test_more_parameters_than_rows():
    s = sample(53, regions=3, weeks=3, missing=0.0, k=5)
    fit = least_squares(s.outcome, s.columns, effects=s.effects)
    assert np.isnan(fit.coef).any()
    assert np.isnan(covariance(fit, "iid").cov).all()


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (SpatialKernel(0.0, distances=np.zeros((3, 3))), "cutoff must be positive"),
        (SpatialKernel(1.0), "either coordinates"),
        (SpatialKernel(1.0, coordinates=np.zeros((2, 2))), r"\(3, 2\)"),
        (SpatialKernel(1.0, coordinates=np.full((3, 2), np.nan)), "finite"),
        (SpatialKernel(1.0, distances=np.zeros((2, 2))), r"\(3, 3\)"),
        (SpatialKernel(1.0, distances=np.triu(np.ones((3, 3)), 1)), "symmetric"),
    ],
)
def test_distances_that_cannot_be(space, message):
    with pytest.raises(DataError, match=message):
        kernel_matrix(space, 3)
