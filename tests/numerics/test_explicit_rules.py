"""A rule written out rules every covariance: factor, degrees of freedom, which effects count as nested."""

from __future__ import annotations

import importlib.util
import warnings

import numpy as np
import pytest
from dummy_oracle import sample

from panelcoop.errors import DataError
from panelcoop.numerics.covariance.covariance import covariance
from panelcoop.numerics.covariance.poisson_jackknife import poisson_crv3
from panelcoop.numerics.covariance.small_sample import SmallSampleRule
from panelcoop.numerics.regression.least_squares import least_squares
from panelcoop.numerics.regression.poisson import poisson

R, T, K = 9, 8, 3
SAME = 1e-12  # the same sums times another factor
AGREE = 1e-8  # asked of peers, which refit

CR3 = SmallSampleRule("rank", "none", "none", "groups")
CRV3 = SmallSampleRule("nonnested", "(n-1)/(n-K)", "min", "groups")


@pytest.fixture
def s():
    return sample(31, regions=R, weeks=T)


def fit(s, which=(0, 1)):
    return least_squares(s.outcome, s.columns, effects=[s.effects[e] for e in which])


def counts(s):
    rng = np.random.default_rng(0)
    line = 0.3 * s.columns[:, 0] - 0.2 * s.columns[:, 1] + 0.5 * rng.standard_normal(50)[s.effects[0]] + 0.5
    return rng.poisson(np.exp(line)).astype(float)


def over(s, kind):
    return {"clusters": s.effects[:1] if kind.startswith("CRV") else (), "units": s.effects[0], "weeks": s.effects[1]}


@pytest.mark.parametrize("kind", ["iid", "HC1", "HC2", "HC3", "CRV1", "CRV2", "CRV3", "newey-west", "driscoll-kraay"])
def test_the_rule_multiplies_every_covariance(s, kind):
    bare, rule = (SmallSampleRule("columns", rows, "none", "rows") for rows in ("none", "n/(n-K)"))
    plain, scaled = (covariance(fit(s), kind, small_sample=r, **over(s, kind)) for r in (bare, rule))
    np.testing.assert_allclose(scaled.cov, s.n / (s.n - K) * plain.cov, rtol=SAME)
    assert plain.factor == 1.0
    assert scaled.factor == pytest.approx(s.n / (s.n - K))
    assert set(scaled.df) == {s.n - K}
    assert "n/(n-K) with K = columns" in scaled.convention


def test_three_jackknives(s):
    """Stata's and summclust's, clubSandwich's and pyfixest's, each times the same sum."""
    ours, club, py = (covariance(fit(s), "CRV3", clusters=s.effects[:1], small_sample=r) for r in ("none", CR3, CRV3))
    assert ours.factor == pytest.approx((R - 1) / R)
    assert club.factor == 1.0
    assert py.factor == pytest.approx(R / (R - 1) * (s.n - 1) / (s.n - K - T))
    for other in (club, py):
        np.testing.assert_allclose(other.cov / other.factor, ours.cov / ours.factor, rtol=SAME)
    assert "jackknife, (G-1)/G)" in ours.convention
    assert "(jackknife)" in club.convention


def test_crv2_keeps_bell_mccaffrey_unless_told_otherwise(s):
    clusters = s.effects[:1]
    ours = covariance(fit(s), "CRV2", clusters=clusters)
    scaled = covariance(
        fit(s), "CRV2", clusters=clusters, small_sample=SmallSampleRule("rank", "n/(n-1)", "none", "satterthwaite")
    )
    np.testing.assert_allclose(scaled.cov, s.n / (s.n - 1) * ours.cov, rtol=SAME)
    np.testing.assert_allclose(scaled.df, ours.df, rtol=SAME)
    groups = covariance(fit(s), "CRV2", clusters=clusters, small_sample=CR3)
    assert set(groups.df) == {R - 1}
    assert groups.correction is None
    assert "Bell-McCaffrey" not in groups.convention


@pytest.mark.parametrize("kind", ["HC1", "CRV1", "CRV3"])
def test_satterthwaite_is_for_crv2(s, kind):
    with pytest.raises(DataError, match="CRV2 only"):
        covariance(fit(s), kind, small_sample=SmallSampleRule("rank", "none", "none", "satterthwaite"), **over(s, kind))


@pytest.mark.parametrize(
    ("kind", "which", "parameters", "counted"),
    [
        ("newey-west", (0, 1), "nonnested", K + 1),
        ("newey-west", (0,), "nonnested", K + 1),
        ("driscoll-kraay", (0, 1), "nonnested", K + R),
        ("driscoll-kraay", (0,), "nonnested", K + R),
        ("driscoll-kraay", (1,), "nonnested", K + 1),
        ("driscoll-kraay", (0, 1), "nonregional", K + T),
        ("driscoll-kraay", (0,), "nonregional", K + 1),
        ("driscoll-kraay", (1,), "nonregional", K + T),
        ("CRV1", (0, 1), "nonnested-rank", K + T),
        ("CRV1", (0,), "nonnested-rank", K + 1),
        ("CRV1", (1,), "nonnested-rank", K + T),
    ],
)
def test_nested_effects_of_every_kind(s, kind, which, parameters, counted):
    rule = SmallSampleRule(parameters, "(n-1)/(n-K)", "none", "rows")
    record = covariance(fit(s, which), kind, small_sample=rule, **over(s, kind))
    assert record.df[0] == s.n - counted
    assert record.factor == pytest.approx((s.n - 1) / (s.n - counted))


def test_effects_that_span_each_other_are_counted_once():
    """Weeks lie in the region-weeks' span: reghdfe counts them once beside regions nested in the clusters."""
    s = sample(5, regions=12, weeks=6, missing=0.0)
    region, week = s.effects
    zone_week = region // 4 * 6 + week
    three, two = (
        least_squares(s.outcome, s.columns, effects=e) for e in ([week, region, zone_week], [region, zone_week])
    )
    a, b = (covariance(f, "CRV1", clusters=[region], small_sample="stata") for f in (three, two))
    assert a.factor == b.factor == pytest.approx(12 / 11 * (s.n - 1) / (s.n - K - 18))
    np.testing.assert_allclose(a.cov, b.cov, rtol=1e-9)


def test_sets_without_a_link_count_by_rank_in_stata():
    s = sample(8, regions=12, weeks=10, missing=0.1, pieces=2)
    rows = np.arange(s.n) // 2
    record = covariance(
        least_squares(s.outcome, s.columns, effects=s.effects), "CRV1", clusters=[rows], small_sample="stata"
    )
    groups = rows.max() + 1
    assert record.factor == pytest.approx(groups / (groups - 1) * (s.n - 1) / (s.n - K - (12 + 10 - 2)))


def test_ppmlhdfe_counts_no_parameters():
    s = sample(33, regions=20, weeks=15)
    found = poisson(counts(s), s.columns, effects=s.effects)
    region, week = (e[found.rows] for e in s.effects)
    n = len(found.rows)
    table = {
        "iid": ([], 1.0),
        "HC1": ([], n / (n - 1)),
        "CRV1": ([region], 20 / 19),
        "two-way": ([region, week], 15 / 14),
    }
    for kind, (clusters, factor) in table.items():
        assert covariance(found.linear, kind, clusters=clusters, small_sample="stata").factor == pytest.approx(factor)
    explicit = SmallSampleRule("columns", "n/(n-1)", "none", "infinite")
    assert covariance(found.linear, "HC1", small_sample=explicit).factor == pytest.approx(n / (n - 1))
    assert covariance(found.linear, "iid", small_sample=explicit).factor == pytest.approx(n / (n - 1))


def test_the_jackknife_by_refits_takes_the_rule():
    s = sample(34, regions=7, weeks=12)
    found = poisson(counts(s), s.columns, effects=s.effects)
    clusters = s.effects[0][found.rows]
    ours, club = poisson_crv3(found, clusters), poisson_crv3(found, clusters, small_sample=CR3)
    np.testing.assert_allclose(ours.cov, 6 / 7 * club.cov, rtol=SAME)
    assert "jackknife by refits" in club.convention


@pytest.mark.peers
@pytest.mark.skipif(importlib.util.find_spec("pyfixest") is None, reason="pyfixest is not installed (extra `peers`)")
@pytest.mark.parametrize("effects", ["", " | region", " | region + week"])
def test_pyfixest_crv3(s, effects):
    import pandas as pd
    import pyfixest as pf

    data = pd.DataFrame(s.columns, columns=["a", "b", "c"])
    data = data.assign(y=s.outcome, region=s.effects[0], week=s.effects[1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = pf.feols(f"y ~ a + b + c{effects}", data, vcov={"CRV3": "region"})
    columns = s.columns if effects else np.column_stack([np.ones(s.n), s.columns])
    absorbed = [s.effects[e] for e, name in enumerate(("region", "week")) if name in effects]
    ours = least_squares(s.outcome, columns, effects=absorbed)
    record = covariance(ours, "CRV3", clusters=s.effects[:1], small_sample=CRV3)
    np.testing.assert_allclose(np.sqrt(np.diag(record.cov)), peer.se().to_numpy(), rtol=AGREE)
