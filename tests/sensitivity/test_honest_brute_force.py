"""Dual vertices, truncation bounds, tests, identified sets and intervals against linear programmes and optimisers."""

from __future__ import annotations

from dataclasses import replace

import honest_oracle as oracle
import numpy as np
import pytest
from scipy import stats
from scipy.optimize import linprog

from panelcoop.numerics.honest import bounds
from panelcoop.numerics.honest.batched_simplex import feasible_basis, maximise_many
from panelcoop.numerics.honest.bounds import HonestProblem, Precision, honest_set, pieces_with_processes
from panelcoop.numerics.honest.conditional import ConditionalTest, FirstStage, accepts, largest_vertices
from panelcoop.numerics.honest.fixed_length import fixed_length
from panelcoop.numerics.honest.folded_normal import folded_normal_ppf
from panelcoop.numerics.honest.identified import identified_set
from panelcoop.numerics.honest.rays import extreme_rays
from panelcoop.numerics.honest.restrictions import Restriction, polyhedra
from panelcoop.numerics.honest.truncated_normal import truncated_normal_ppf
from panelcoop.numerics.honest.vertex_pool import dual_polytope, pooled_process, simulated_statistics
from panelcoop.numerics.honest.vertices import moments_after, vertex_process

LP = 1e-7
"""HiGHS satisfies constraints to 1e-7."""

ROUNDING = 1e-10
"""The same vertices, found in two ways."""

OPTIMISER = 1e-6
"""Nelder-Mead on a function with kinks."""

RESTRICTIONS = [
    Restriction("relative-magnitudes"),
    Restriction("relative-magnitudes", bias="positive"),
    Restriction("relative-magnitudes", monotone="decreasing"),
    Restriction("smoothness"),
    Restriction("smoothness", bias="negative"),
    Restriction("smoothness", monotone="increasing"),
    Restriction("smoothness-relative"),
    Restriction("smoothness-relative", bias="negative", monotone="decreasing"),
]
TARGETS = [[1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3], [0.5, -1.0, 0.7]]


def magnitude(restriction):
    return 0.1 if restriction.kind == "smoothness" else 1.0


def pose(study, restriction, method="Conditional"):
    return HonestProblem(study, restriction, method, 0.05, Precision(draws=2000))


@pytest.mark.parametrize("restriction", RESTRICTIONS, ids=lambda r: r.name)
@pytest.mark.parametrize("target", TARGETS, ids=["first", "average", "mixed"])
def test_rays_are_all_vertices(restriction, target):
    study = oracle.random_study(1, 3, 3, target)
    nuisance = moments_after(polyhedra(restriction, 1.0, 3, 3)[0], study).nuisance
    found = extreme_rays(nuisance)
    found = found / found.sum(axis=1, keepdims=True)
    expected = oracle.vertices(nuisance)
    assert len(found) == len(expected)
    distance = np.abs(found[:, None, :] - expected[None, :, :]).max(axis=2)
    assert distance.min(axis=0).max() < LP


@pytest.mark.parametrize("restriction", RESTRICTIONS, ids=lambda r: r.name)
def test_statistic_is_the_value_of_the_linear_programme(restriction):
    study = oracle.random_study(2, 3, 4, [0.25] * 4)
    theta = np.linspace(-0.5, 0.8, 7)
    for piece in polyhedra(restriction, magnitude(restriction), 3, 4)[:3]:
        values = vertex_process(moments_after(piece, study)).values(theta).max(axis=0)
        level, sigma, direction, nuisance = oracle.moments(piece, study)
        sd = np.sqrt(np.diag(sigma))
        expected = [oracle.largest(level - direction * t, nuisance, sd)[0] for t in theta]
        assert values == pytest.approx(expected, abs=LP)


@pytest.mark.parametrize("restriction", RESTRICTIONS[::2] + RESTRICTIONS[5:6], ids=lambda r: r.name)
def test_acceptance_by_bisection_on_linear_programmes(restriction):
    study = oracle.random_study(3, 2, 3, [1.0, 0.0, 0.0])
    theta = study.target + study.std_error * np.linspace(-4.2, 4.2, 6)
    pieces = list(pieces_with_processes(pose(study, restriction), magnitude(restriction)))[:1]
    size, most = (0.05, np.inf) if restriction.shaped else (0.045, 2.3)
    for piece, process in pieces:
        found = accepts(ConditionalTest(process, size, FirstStage(most)), theta)
        assert found.tolist() == [oracle.accepts(piece, study, t, size, most=most) for t in theta]


def test_islands_of_acceptance_belong_to_the_hull():
    study = oracle.random_study(2, 3, 2)
    restriction = Restriction(bias="positive")
    problem = HonestProblem(study, restriction, "Conditional", 0.05, Precision(refine=True))
    found = honest_set(problem, 0.5)
    assert found.pieces == 3
    last = polyhedra(restriction, 0.5, 3, 2)[-1]
    around = [oracle.accepts(last, study, found.high + by, 0.05) for by in (-1e-3, 1e-3)]
    assert around == [True, False]
    assert not any(oracle.accepts(p, study, 1.2, 0.05) for p in polyhedra(restriction, 0.5, 3, 2))


def test_acceptance_within_a_fixed_length_interval():
    study = oracle.random_study(4, 3, 2, [0.5, 0.5])
    problem = pose(study, Restriction("smoothness", bias="positive"), "C-F")
    stage = fixed_length(study, problem.path, 0.05, problem.kappa)
    theta = np.linspace(stage.estimate - 1.1 * stage.half_length, stage.estimate + 1.1 * stage.half_length, 15)
    ((piece, process),) = pieces_with_processes(problem, 0.05)
    first = FirstStage(weights=stage.weights, half_length=stage.half_length)
    found = accepts(ConditionalTest(process, problem.second_size, first, stage.estimate), theta)
    fixed = (stage.weights, stage.half_length)
    assert found.tolist() == [oracle.accepts(piece, study, t, problem.second_size, fixed=fixed) for t in theta]
    assert found.any()
    assert not found.all()


@pytest.mark.parametrize(
    ("restriction", "n_post"),
    [(Restriction(bias="positive"), 5), (Restriction("smoothness", monotone="increasing"), 6)],
    ids=["DeltaRMPB", "DeltaSDI"],
)
def test_a_pool_of_vertices_decides_as_all_of_them_do(restriction, n_post):
    study = oracle.random_study(8, 3, n_post, np.full(n_post, 1 / n_post))
    moments = moments_after(polyhedra(restriction, 0.3, 3, n_post)[0], study)
    whole, polytope = vertex_process(moments), dual_polytope(moments)
    draws = np.random.default_rng(0).standard_normal((200, 3 + n_post))
    statistics = simulated_statistics(polytope, draws)
    assert statistics == pytest.approx(largest_vertices(whole, draws), abs=ROUNDING)
    first = FirstStage(float(np.quantile(statistics, 0.995)))
    theta = np.linspace(study.target - 8 * study.std_error, study.target + 8 * study.std_error, 100)
    pool = pooled_process(polytope, theta, first.most)
    assert pool.level.size < whole.level.size / 4
    assert pool.satisfied() == pytest.approx(whole.satisfied(), abs=1e-6)
    found, expected = (accepts(ConditionalTest(p, 0.045, first), theta) for p in (pool, whole))
    assert found.tolist() == expected.tolist()
    assert 0 < found.sum() < theta.size


def test_many_programmes_at_once():
    rng = np.random.default_rng(5)
    equal = np.vstack([np.ones(9), rng.normal(size=(3, 9))])
    right = equal @ rng.dirichlet(np.ones(9))
    flip = np.sign(right)[:, None]
    equal, right = flip * equal, np.abs(right)
    costs = rng.normal(size=(20, 9))
    weights = maximise_many(costs, equal, right, feasible_basis(equal, right))
    assert (weights >= 0).all()
    assert weights @ equal.T == pytest.approx(np.tile(right, (20, 1)), abs=1e-6)
    best = [-linprog(-c, A_eq=equal, b_eq=right, method="highs").fun for c in costs]
    assert (weights * costs).sum(axis=1) == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize("kind", ["relative-magnitudes", "smoothness", "smoothness-relative"])
def test_more_vertices_than_can_be_enumerated(kind):
    study = oracle.random_study(9, 2, 13, np.full(13, 1 / 13))
    restriction = Restriction(kind, bias="positive", monotone="increasing")
    problem = HonestProblem(study, restriction, "C-LF", 0.05, Precision(draws=1000, points=100))
    assert vertex_process(moments_after(polyhedra(restriction, 0.1, 2, 13)[0], study)) is None
    low, high = identified_set(problem, 0.1)
    ends = [oracle.identified(p, study) for p in polyhedra(restriction, 0.1, 2, 13)]
    ends = [e for e in ends if e is not None]
    expected = (min(e[0] for e in ends), max(e[1] for e in ends)) if ends else (np.nan, np.nan)
    assert (low, high) == pytest.approx(expected, abs=1e-6, nan_ok=True)
    found = honest_set(problem, 0.1)
    assert found.low < found.high


def test_no_effect_is_left_to_profile_out_with_one_later_period():
    study = oracle.random_study(5, 3, 1)
    for restriction in RESTRICTIONS:
        piece, process = next(pieces_with_processes(pose(study, restriction), magnitude(restriction)))
        rows = piece.matrix[piece.matrix[:, -1] != 0]
        sd = np.sqrt(np.diag(rows @ study.covariance @ rows.T))
        moments = (rows @ study.estimates - piece.bound[piece.matrix[:, -1] != 0] - 0.1 * rows[:, -1]) / sd
        assert process.values(np.array([0.1])).max() == pytest.approx(moments.max(), abs=LP)


@pytest.mark.parametrize("restriction", RESTRICTIONS, ids=lambda r: r.name)
@pytest.mark.parametrize("target", TARGETS, ids=["first", "average", "mixed"])
def test_identified_set_is_that_of_linear_programmes(restriction, target):
    study = oracle.random_study(6, 3, 3, target)
    study = replace(study, estimates=np.array([-0.03, 0.05, 0.01, 0.2, 0.1, 0.3]))
    for m in (0.05, 0.5, 2.0):
        ends = [oracle.identified(p, study) for p in polyhedra(restriction, m, 3, 3)]
        ends = [e for e in ends if e is not None]
        low, high = identified_set(pose(study, restriction), m)
        if not ends:
            assert np.isnan([low, high]).all()
        else:
            assert (low, high) == pytest.approx((min(e[0] for e in ends), max(e[1] for e in ends)), abs=LP)


@pytest.mark.parametrize("seed", [0, 3])
@pytest.mark.parametrize("m", [0.0, 0.02, 0.2])
def test_fixed_length_interval_is_the_shortest(seed, m):
    study = oracle.random_study(seed, 3, 2, [1.0, -0.4] if seed == 3 else None)
    problem = pose(study, Restriction("smoothness"), "FLCI")
    found = fixed_length(study, problem.path, m, 0.05)
    assert found.half_length == pytest.approx(oracle.half_length(study, m, 0.05), rel=OPTIMISER)


@pytest.mark.parametrize("periods", [(1, 3), (2, 1), (8, 8), (20, 5)])
def test_frontier_satisfies_the_conditions_of_the_lasso(periods):
    study = oracle.random_study(9, *periods)
    path = bounds.bias_path(study)
    assert (np.diff(path.prices) <= 0).all()
    assert path.prices[-1] == 0
    for price in np.linspace(0, path.prices[0], 23):
        weights, _, _ = path.at(price)
        u = np.array([np.interp(-price, -path.prices, w) for w in path.weights.T])
        slope = path.free @ study.covariance @ weights
        assert (np.abs(slope) <= price + 1e-10).all()
        moving = np.abs(u) > 1e-10
        assert slope[moving] == pytest.approx(-price * np.sign(u[moving]), abs=1e-10)


def test_quantiles_of_truncated_and_folded_normals():
    low, high = np.array([-np.inf, -1.0, 0.5, 3.0, -6.0]), np.array([0.3, 1.2, np.inf, 3.5, -4.0])
    expected = stats.truncnorm.ppf(0.9548, low, high)
    assert truncated_normal_ppf(0.9548, low, high) == pytest.approx(expected, rel=1e-9)
    shifts = [0.0, 1e-8, 0.3, 1.0, 5.0, 30.0]
    assert [folded_normal_ppf(0.95, t) for t in shifts] == pytest.approx(stats.foldnorm.ppf(0.95, shifts), rel=1e-12)


def test_refined_set_is_the_limit_of_finer_grids():
    study = oracle.random_study(11, 3, 2)
    problem = HonestProblem(study, Restriction(), "C-LF", 0.05, Precision(refine=True, draws=2000))
    exact = honest_set(problem, 1.0)
    fine = honest_set(replace(problem, precision=Precision(points=60_001, draws=2000)), 1.0)
    step = (40 * study.std_error + 2) / 60_000
    assert exact.low <= fine.low <= exact.low + step
    assert exact.high - step <= fine.high <= exact.high
