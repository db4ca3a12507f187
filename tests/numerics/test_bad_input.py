"""Bad input is an error that names what, where and the remedy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from dummy_oracle import sample

from panelcoop.errors import DataError
from panelcoop.numerics.covariance.cluster_diagnostics import cluster_diagnostics
from panelcoop.numerics.covariance.covariance import covariance
from panelcoop.numerics.covariance.small_sample import SmallSampleRule
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
    """One region carries nearly everything: CRV1 collapses; partial leverage and CRV2's degrees of freedom say so."""
    s = sample(52)
    weights = np.where(s.effects[0] == 2, 1e8, 1.0)
    fit = least_squares(s.outcome, s.columns, effects=s.effects[:1], weights=weights)
    even = least_squares(s.outcome, s.columns, effects=s.effects[:1])
    crv1 = np.diag(covariance(fit, "CRV1", clusters=[s.effects[0]]).cov)
    assert (crv1 < 1e-6 * np.diag(covariance(fit, "iid").cov)).all()
    assert covariance(fit, "CRV2", clusters=[s.effects[0]]).df.max() < 1.01
    assert covariance(even, "CRV2", clusters=[s.effects[0]]).df.min() > 2
    found = cluster_diagnostics(fit, np.eye(3), s.effects[0])
    assert (found.effective < 1.01).all()
    assert (found.partial_leverage[:, 2] > 0.999).all()


def test_squares_that_overflow_in_the_residuals_are_named(recwarn):
    s = sample(55)
    outcome = s.outcome.copy()
    outcome[0] = 1e300
    with pytest.raises(DataError, match="rescale the outcome"):
        least_squares(outcome, s.columns, effects=s.effects)
    assert not recwarn.list


@pytest.mark.parametrize("kind", ["iid", "HC1", "HC3", "CRV1", "CRV2", "CRV3", "two-way", "driscoll-kraay"])
def test_a_fit_without_residuals_has_no_variance(kind):
    """As many parameters as rows, or an outcome that the columns fit exactly: NaN with the reason, not p = 0."""
    tiny = sample(56, regions=3, weeks=3, missing=0.0, k=4)
    full = least_squares(tiny.outcome, tiny.columns, effects=tiny.effects)
    s = sample(57)
    exact = least_squares(s.columns @ [1.0, 2.0, 3.0] + 5.0 * s.effects[0], s.columns, effects=s.effects)
    assert np.isfinite(full.coef).all()
    for fit, used, why in ((full, tiny, "9 rows, 9 parameters"), (exact, s, "up to rounding")):
        clusters = {"two-way": used.effects}.get(kind, used.effects[:1] if kind.startswith("CRV") else ())
        record = covariance(fit, kind, clusters=clusters, weeks=used.effects[1])
        assert np.isnan(record.cov).all()
        assert why in record.notes[0]
    noisy = least_squares(1e8 + s.outcome, s.columns, effects=s.effects)
    assert noisy.saturated == ""


@pytest.mark.parametrize(
    "given",
    [("rnak", "none", "none", "rows"), ("rank", "n/(n-k)", "none", "rows"), ("rank", "none", "minimum", "rows")],
)
def test_small_sample_rules_that_cannot_be(given):
    with pytest.raises(DataError, match="SmallSampleRule"):
        SmallSampleRule(*given)


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
    ("given", "message"),
    [
        ({"cutoff": 0.0, "distances": np.zeros((3, 3))}, "cutoff must be positive"),
        ({"cutoff": 1.0}, "either coordinates"),
        ({"cutoff": 1.0, "coordinates": np.zeros((2, 2))}, r"\(3, 2\)"),
        ({"cutoff": 1.0, "coordinates": np.full((3, 2), np.nan)}, "finite"),
        ({"cutoff": 1.0, "coordinates": np.array([[30.0, 110], [110, 30], [31, 111]])}, "row 1 is .110.0, 30.0."),
        ({"cutoff": 1.0, "coordinates": np.array([[30.0, 410], [31, 30], [31, 111]])}, "within 360"),
        ({"cutoff": 1.0, "distances": np.zeros((2, 2))}, r"\(3, 3\)"),
        ({"cutoff": 1.0, "distances": np.triu(np.ones((3, 3)), 1)}, "symmetric"),
        ({"cutoff": 1.0, "distances": np.zeros((3, 3)), "kernel": "unifrom"}, "did you mean 'uniform'"),
        ({"cutoff": 1.0, "distances": np.zeros((3, 3)), "serial": "both"}, "serial must be one of"),
        ({"cutoff": 1.0, "coordinates": np.zeros((3, 2)), "metric": "flat"}, "metric must be one of"),
        ({"cutoff": 1.0, "coordinates": pd.DataFrame({"x": [0.0, 1, 2], "y": 0.0})}, "arrays by region code"),
    ],
)
def test_distances_that_cannot_be(given, message):
    with pytest.raises(DataError, match=message):
        kernel_matrix(SpatialKernel(**given), 3)
