"""Every covariance against its definition, written with loops over dummy-variable regressions."""

from __future__ import annotations

import numpy as np
import pytest
from dummy_oracle import Sample, brute_force, dummies, sample

from panelcoop.errors import DataError
from panelcoop.numerics.covariance.bias_reduced import bell_mccaffrey_df
from panelcoop.numerics.covariance.covariance import KINDS, covariance
from panelcoop.numerics.covariance.spatial_hac import SpatialKernel, great_circle, kernel_matrix
from panelcoop.numerics.grouping import group_rows
from panelcoop.numerics.regression.least_squares import least_squares

TIGHT = 1e-8  # two direct computations of the same definition
CLOSE = 1e-12  # one formula, written twice


@pytest.fixture(params=[(False, False), (True, False), (False, True), (True, True)], ids=str)
def s(request):
    weighted, trends = request.param
    return sample(21, regions=9, weeks=8, weighted=weighted, trends=trends)


def fit(s):
    return least_squares(s.outcome, s.columns, effects=s.effects, weights=s.weights, trend=s.trend)


def sandwich(b, meat):
    return b.bread @ meat @ b.bread


def close(record, expected):
    np.testing.assert_allclose(record.full, expected, rtol=TIGHT, atol=TIGHT * np.abs(expected).max())


def test_iid_and_hc1(s):
    b, f = brute_force(s), fit(s)
    n = s.n
    close(covariance(f, "iid", small_sample="stata"), b.bread * (b.resid**2).sum() / (n - b.rank))
    scores = b.columns * b.resid[:, None]
    close(covariance(f, "HC1", small_sample="stata"), sandwich(b, scores.T @ scores) * n / (n - b.rank))


@pytest.mark.parametrize(("kind", "power"), [("HC2", 0.5), ("HC3", 1.0)])
def test_leverage_of_columns_and_effects(s, kind, power):
    b = brute_force(s)
    free = np.maximum(1 - np.diag(b.hat), 0)
    corrected = np.where(free > 1e-9, b.resid / np.where(free > 1e-9, free, 1) ** power, 0)
    scores = b.columns * corrected[:, None]
    close(covariance(fit(s), kind), sandwich(b, scores.T @ scores))


def test_leverage_of_three_effects():
    s = sample(29, regions=9, weeks=8)
    s = Sample(s.outcome, s.columns, [*s.effects, np.random.default_rng(2).integers(0, 3, s.n)], None, None)
    b = brute_force(s)
    scores = b.columns * (b.resid / (1 - np.diag(b.hat)))[:, None]
    close(covariance(fit(s), "HC3"), sandwich(b, scores.T @ scores))


def test_crv1_and_two_way(s):
    b, f = brute_force(s), fit(s)

    def meat(codes):
        sums = np.array([(b.columns * b.resid[:, None])[codes == c].sum(axis=0) for c in np.unique(codes)])
        return sums.T @ sums

    region, week = s.effects
    close(covariance(f, "CRV1", clusters=[region], small_sample="none"), sandwich(b, meat(region)))
    both = meat(region) + meat(week) - meat(region * 100 + week)
    close(covariance(f, "two-way", clusters=[region, week], small_sample="none"), sandwich(b, both))


def test_other_clusters_than_the_effects(s):
    b = brute_force(s)
    codes = s.effects[0] // 3
    sums = np.array([(b.columns * b.resid[:, None])[codes == c].sum(axis=0) for c in np.unique(codes)])
    close(covariance(fit(s), "CRV1", clusters=[codes], small_sample="none"), sandwich(b, sums.T @ sums))


def test_three_way_clusters(s):
    b, f = brute_force(s), fit(s)
    third = np.random.default_rng(0).integers(0, 5, s.n)
    dims = [s.effects[0], s.effects[1], third]
    scores = b.columns * b.resid[:, None]
    total = 0
    for mask in range(1, 8):
        key = sum(dims[d] * 100**d for d in range(3) if mask >> d & 1)
        sums = np.array([scores[key == c].sum(axis=0) for c in np.unique(key)])
        total = total + (-1) ** (bin(mask).count("1") + 1) * sums.T @ sums
    close(covariance(f, "two-way", clusters=dims, small_sample="none"), sandwich(b, total))


def test_crv3_is_the_jackknife(s):
    """Leave out each cluster and refit with dummies."""
    b, f = brute_force(s), fit(s)
    changes = []
    for region in np.unique(s.effects[0]):
        keep = s.effects[0] != region
        part = Sample(
            s.outcome[keep],
            s.columns[keep],
            [e[keep] for e in s.effects],
            None if s.weights is None else s.weights[keep],
            None if s.trend is None else s.trend[keep],
        )
        changes.append(brute_force(part).coef - b.coef)
    changes = np.array(changes)
    groups = len(changes)
    close(covariance(f, "CRV3", clusters=[s.effects[0]]), (groups - 1) / groups * changes.T @ changes)


def test_crv2_and_bell_mccaffrey(s):
    b, f = brute_force(s), fit(s)
    rest = np.eye(s.n) - b.hat
    scores, along = [], []
    for region in np.unique(s.effects[0]):
        rows = s.effects[0] == region
        values, vectors = np.linalg.eigh(rest[np.ix_(rows, rows)])
        root = np.where(values > 1e-9, 1 / np.sqrt(np.where(values > 1e-9, values, 1)), 0)
        half = (vectors * root) @ vectors.T
        scores.append(b.columns[rows].T @ half @ b.resid[rows])
        along.append(rest[:, rows] @ half @ b.columns[rows] @ b.bread)
    scores = np.array(scores)
    record = covariance(f, "CRV2", clusters=[s.effects[0]])
    close(record, sandwich(b, scores.T @ scores))
    for j in range(3):
        P = np.array([a[:, j] for a in along]).T
        inner = P.T @ P
        expected = np.trace(inner) ** 2 / (inner**2).sum()
        np.testing.assert_allclose(record.df[j], expected, rtol=1e-7)
        unit = np.eye(3)[j]
        np.testing.assert_allclose(bell_mccaffrey_df(f, group_rows(s.effects[0]), unit), expected, rtol=1e-7)


@pytest.mark.parametrize("lag", [0, 1, 3, 30])
def test_covariances_in_time(s, lag):
    b, f = brute_force(s), fit(s)
    scores = b.columns * b.resid[:, None]
    region, week = s.effects
    own, all_regions = 0, 0
    for i in range(s.n):
        for j in range(s.n):
            gap = abs(week[i] - week[j])
            if gap <= lag:
                part = (1 - gap / (lag + 1)) * np.outer(scores[i], scores[j])
                all_regions = all_regions + part
                own = own + part * (region[i] == region[j])
    close(covariance(f, "driscoll-kraay", weeks=week, lag=lag, small_sample="none"), sandwich(b, all_regions))
    close(covariance(f, "newey-west", units=region, weeks=week, lag=lag, small_sample="none"), sandwich(b, own))


@pytest.mark.parametrize("kernel", ["bartlett", "uniform"])
@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("given", ["coordinates", "distances"])
def test_conley(s, kernel, timed, given):
    b, f = brute_force(s), fit(s)
    places = np.random.default_rng(3).uniform([20, 90], [45, 125], (9, 2))
    distance, cutoff, lag = great_circle(places), 1800.0, 2 if timed else 0
    space = SpatialKernel(cutoff, kernel=kernel, **{given: places if given == "coordinates" else distance})
    region, week = s.effects
    scores = b.columns * b.resid[:, None]
    meat = 0
    for i in range(s.n):
        for j in range(s.n):
            d, gap = distance[region[i], region[j]], abs(week[i] - week[j])
            weight = 0.0
            if d <= cutoff and (gap == 0 or not timed):
                weight = 1.0 if kernel == "uniform" else 1 - d / cutoff
            elif timed and region[i] == region[j] and gap <= lag:
                weight = 1 - gap / (lag + 1)
            meat = meat + weight * np.outer(scores[i], scores[j])
    record = covariance(
        f, "conley", units=region, weeks=week if timed else None, lag=lag, space=space, small_sample="none"
    )
    close(record, sandwich(b, meat))


@pytest.mark.parametrize("cutoff", [40.0, 900.0, 9000.0])
def test_the_triangular_distance_of_every_pair(cutoff):
    rng = np.random.default_rng(6)
    places = np.vstack([rng.uniform([-80, -180], [80, 180], (150, 2)), rng.uniform([59, 179], [61, 181], (50, 2))])
    north, east = (np.abs(np.subtract.outer(c, c)) for c in places.T)
    middle = np.cos(np.radians(np.add.outer(places[:, 0], places[:, 0]) / 2))
    distance = 111 * np.sqrt(north**2 + (middle * np.minimum(east, 360 - east)) ** 2)
    space = SpatialKernel(cutoff, coordinates=places, metric="triangular")
    wanted = np.where(distance <= cutoff, 1 - distance / cutoff, 0.0)
    np.testing.assert_allclose(kernel_matrix(space, len(places)).toarray(), wanted, atol=CLOSE)


@pytest.mark.parametrize("kernel", ["bartlett", "uniform"])
@pytest.mark.parametrize("lag", [0, 3])
def test_conley_with_one_kernel_in_space_and_time(s, kernel, lag):
    """Every second week observed: distances in time are the calendar's; places on a plane."""
    b, f = brute_force(s), fit(s)
    places = np.random.default_rng(4).uniform(0, 1, (9, 2))
    distance = np.sqrt(((places[:, None] - places) ** 2).sum(axis=2))
    region, week, cutoff = s.effects[0], 2 * s.effects[1], 0.5
    scores = b.columns * b.resid[:, None]
    near = np.where(distance <= cutoff, 1.0 if kernel == "uniform" else 1 - distance / cutoff, 0.0)
    in_time = np.maximum(0, 1 - np.abs(np.subtract.outer(week, week)) / (lag + 1))
    meat = scores.T @ (near[np.ix_(region, region)] * in_time) @ scores
    for given in ({"coordinates": places, "metric": "plane"}, {"distances": distance}):
        space = SpatialKernel(cutoff, kernel=kernel, serial="product", **given)
        record = covariance(f, "conley", units=region, weeks=week, lag=lag, space=space, small_sample="none")
        close(record, sandwich(b, meat))
        assert "times Bartlett weights in time" in record.convention


def test_conley_over_all_weeks_alike(s):
    """Every pair of rows counts by the distance of their regions, whatever their weeks, given or not."""
    b, f = brute_force(s), fit(s)
    places = np.random.default_rng(4).uniform(0, 1, (9, 2))
    distance = np.sqrt(((places[:, None] - places) ** 2).sum(axis=2))
    region, week = s.effects
    scores = b.columns * b.resid[:, None]
    near = (distance <= 0.5).astype(float)
    meat = scores.T @ near[np.ix_(region, region)] @ scores
    given = {"units": region, "space": SpatialKernel(0.5, distances=distance, kernel="uniform", serial="all")}
    for weeks in (week, None):
        record = covariance(f, "conley", weeks=weeks, small_sample="none", **given)
        close(record, sandwich(b, meat))
        assert "over all weeks alike" in record.convention
        assert "lag" not in record.convention
    with pytest.raises(DataError, match="takes no lag"):
        covariance(f, "conley", weeks=week, lag=2, **given)


def test_gaps_in_the_calendar_are_respected():
    s = sample(22)
    week = s.effects[1] * 2  # every second week observed: a lag of one finds nobody
    f = fit(s)
    one = covariance(f, "driscoll-kraay", weeks=week, lag=1, small_sample="none")
    none = covariance(f, "driscoll-kraay", weeks=week, lag=0, small_sample="none")
    np.testing.assert_allclose(one.cov, none.cov)


def test_without_effects_matches_plain_regression():
    s = sample(23)
    columns = np.column_stack([np.ones(s.n), s.columns])
    f = least_squares(s.outcome, columns)
    bread = np.linalg.inv(columns.T @ columns)
    resid = s.outcome - columns @ bread @ columns.T @ s.outcome
    hat = np.einsum("ij,jk,ik->i", columns, bread, columns)
    scores = columns * (resid / (1 - hat))[:, None]
    np.testing.assert_allclose(covariance(f, "HC3").cov, bread @ scores.T @ scores @ bread, rtol=1e-9)


def test_intercept_survives_a_shift():
    """Around a regressor shifted by 1e6 the slope's standard errors stay, and the intercept's follow from it."""
    s = sample(24)
    x = np.round(s.columns[:, 0] * 64) / 64
    for kind in ("HC1", "HC3", "iid"):
        near, far = (
            covariance(least_squares(s.outcome, np.column_stack([np.ones(s.n), x + shift])), kind).cov
            for shift in (0.0, 1e6)
        )
        np.testing.assert_allclose(near[1, 1], far[1, 1], rtol=1e-9)
        turned = near[0, 0] - 2e6 * near[0, 1] + 1e12 * near[1, 1]
        np.testing.assert_allclose(far[0, 0], turned, rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_symmetric_and_psd_where_it_must_be(kind):
    s = sample(25)
    space = SpatialKernel(1.0, distances=1.0 - np.eye(9)[:8, :8])
    clusters = s.effects if kind == "two-way" else s.effects[:1]
    record = covariance(fit(s), kind, clusters=clusters, units=s.effects[0], weeks=s.effects[1], space=space)
    np.testing.assert_allclose(record.cov, record.cov.T)
    if kind not in ("two-way", "conley"):
        assert record.psd


def test_not_psd_is_reported_and_repaired_only_on_request():
    for seed in range(200):
        s = sample(seed, regions=4, weeks=4, missing=0.0, k=3)
        kept = covariance(fit(s), "two-way", clusters=s.effects)
        if not kept.psd:
            break
    assert not kept.psd
    assert "not positive semi-definite" in kept.notes[0]
    assert np.linalg.eigvalsh(kept.cov)[0] < 0
    repaired = covariance(fit(s), "two-way", clusters=s.effects, repair=True)
    assert repaired.repaired
    assert "set to zero" in repaired.notes[0]
    assert np.linalg.eigvalsh(repaired.cov)[0] > -1e-12


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        ("CRV1", {}, "needs one cluster dimension"),
        ("two-way", {"clusters": 1}, "at least two cluster dimensions"),
        ("driscoll-kraay", {}, "needs weeks"),
        ("newey-west", {}, "needs units and weeks"),
        ("conley", {}, "needs units and space"),
        ("CRV4", {}, "kind must be one of"),
    ],
)
def test_what_is_missing_is_named(kind, given, message):
    s = sample(26)
    clusters = s.effects[: given.get("clusters", 0)]
    with pytest.raises(DataError, match=message):
        covariance(fit(s), kind, clusters=clusters)


def test_one_cluster_is_refused():
    s = sample(27)
    with pytest.raises(DataError, match="holds one cluster"):
        covariance(fit(s), "CRV1", clusters=[np.zeros(s.n, dtype=int)])


def test_one_week_is_refused():
    s = sample(27)
    with pytest.raises(DataError, match="at least two weeks"):
        covariance(fit(s), "driscoll-kraay", weeks=np.zeros(s.n, dtype=int))


def test_two_rows_of_a_region_in_one_week_are_refused_by_newey_west():
    s = sample(28)
    with pytest.raises(DataError, match="one row per region and week"):
        covariance(fit(s), "newey-west", units=s.effects[0] // 2, weeks=s.effects[1])


def test_dummies_are_complete():
    assert dummies([np.array([0, 1, 1])]).tolist() == [[1, 0], [0, 1], [0, 1]]
