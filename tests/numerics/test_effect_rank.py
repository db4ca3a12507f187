"""Columns that effects span: the same on the direct and the iterative path, and never fewer than there are."""

from __future__ import annotations

import numpy as np
import pytest
from dummy_oracle import dummies, sample

from panelcoop.numerics.covariance.covariance import covariance
from panelcoop.numerics.grouping import group_rows
from panelcoop.numerics.regression.effect_rank import added_ranks
from panelcoop.numerics.regression.iterative import IterativeSolver
from panelcoop.numerics.regression.least_squares import least_squares

PATHS = 1e-9  # two solvers of one system, one of them iterated to 1e-12


def true_rank(effects):
    return int(np.linalg.matrix_rank(dummies(effects)))


def on_both_paths(monkeypatch, s, effects):
    direct = least_squares(s.outcome, s.columns, effects=effects)
    monkeypatch.setattr("panelcoop.numerics.regression.absorb.DIRECT_LEVELS", 2)
    iterative = least_squares(s.outcome, s.columns, effects=effects)
    assert isinstance(iterative.absorber.solver, IterativeSolver)
    return direct, iterative


def dyads(places=7, weeks=6, seed=0):
    rng = np.random.default_rng(seed)
    origin, destination, week = (a.ravel() for a in np.indices((places, places, weeks)))
    apart = origin != destination
    origin, destination, week = origin[apart], destination[apart], week[apart]
    columns = rng.standard_normal((origin.size, 2))
    outcome = columns @ [1.0, -0.5] + rng.standard_normal(origin.size)
    return outcome, columns, [origin * places + destination, origin * weeks + week, destination * weeks + week]


@pytest.mark.parametrize("pieces", [1, 2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_two_effects_count_alike_on_both_paths(monkeypatch, pieces, seed):
    s = sample(seed, regions=15, weeks=9, missing=0.4, pieces=pieces)
    direct, iterative = on_both_paths(monkeypatch, s, s.effects)
    assert direct.absorber.rank == iterative.absorber.rank == true_rank(s.effects)
    assert direct.absorber.components == iterative.absorber.components >= pieces
    assert direct.notes == iterative.notes
    assert direct.df_resid == iterative.df_resid
    for preset in ("fixest", "stata", "linearmodels"):
        for kind, clusters in (("iid", ()), ("CRV1", s.effects[:1]), ("two-way", s.effects)):
            one, two = (covariance(f, kind, clusters=clusters, small_sample=preset) for f in (direct, iterative))
            assert one.factor == pytest.approx(two.factor, rel=1e-12)
            np.testing.assert_allclose(one.cov, two.cov, rtol=PATHS)
            assert one.notes == two.notes


def test_dyadic_effects_are_counted_exactly(monkeypatch):
    outcome, columns, effects = dyads()
    direct = least_squares(outcome, columns, effects=effects)
    monkeypatch.setattr("panelcoop.numerics.regression.absorb.DIRECT_LEVELS", 2)
    iterative = least_squares(outcome, columns, effects=effects)
    assert direct.absorber.rank == iterative.absorber.rank == true_rank(effects)
    one, two = (covariance(f, "HC1", small_sample="stata") for f in (direct, iterative))
    assert one.factor == two.factor
    assert one.notes == ()
    assert "upper bound in general" in two.notes[0]
    assert covariance(iterative, "CRV1", clusters=effects[:1]).notes == ()  # counts levels, not the rank


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("count", [3, 4])
def test_more_effects_are_never_counted_too_few(seed, count):
    rng = np.random.default_rng(seed)
    effects = [rng.integers(0, rng.integers(2, 7), 25) for _ in range(count)]
    ranks = added_ranks([group_rows(e) for e in effects])
    assert true_rank(effects) <= sum(ranks) <= sum(np.unique(e).size for e in effects) - count + 1
    assert all(r >= 0 for r in ranks)


def test_sets_without_a_link_are_named_under_region_trends():
    s = sample(4, regions=12, weeks=10, missing=0.1, pieces=2, trends=True)
    fit = least_squares(s.outcome, s.columns, effects=s.effects, trend=s.trend)
    assert fit.absorber.components == 2
    assert any("2 sets" in note for note in fit.notes)
