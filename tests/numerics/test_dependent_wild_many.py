"""DWB-t for many outcomes of one design: the same numbers as the test of one outcome, draw for draw."""

from __future__ import annotations

import numpy as np
import pytest

from panelcoop.errors import DataError
from panelcoop.numerics.regression.least_squares import least_squares
from panelcoop.numerics.resampling.dependent_wild import bartlett_root, dependent_wild
from panelcoop.numerics.resampling.dependent_wild_many import contrast_draws, window_sums
from panelcoop.numerics.resampling.wild_draws import WildOptions
from panelcoop.numerics.resampling.wild_regression import wild_from_fit

ROUNDING = 1e-10  # two routes to the same sums
DRAWS = 299


def sample(*, weighted: bool, gap: bool, seed: int = 4):
    rng = np.random.default_rng(seed)
    region, week = np.divmod(np.arange(9 * 40), 40)
    if gap:
        keep = (rng.random(360) > 0.2) & (week != 17)
        region, week = region[keep], week[keep]
    X = rng.normal(size=(len(week), 3))
    y = rng.normal(size=(len(week), 4)) + X[:, [0]]
    weights = rng.uniform(0.5, 3, size=len(week)) if weighted else None
    return region, week, X, y, weights


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("gap", [False, True])
def test_every_outcome_equals_its_own_test(weighted: bool, gap: bool):
    region, week, X, y, weights = sample(weighted=weighted, gap=gap)
    R = np.array([1.0, -1.0, 0.0])
    options = WildOptions(draws=DRAWS, seed=11, level=0.9)
    prepared = None
    for outcome in y.T:
        fit = least_squares(outcome, X, effects=[region, week], weights=weights)
        if prepared is None:
            columns = fit.design.demeaned()[0]
            prepared = contrast_draws(columns, fit.bread, R, week, weights=weights, length=5, lag=3, options=options)
        alone = dependent_wild(wild_from_fit(fit), R, week, length=5, lag=3, options=options)
        draws = prepared.polynomials(fit.resid)
        estimate = float(R @ fit.solution)
        assert np.sqrt(draws.variance) == pytest.approx(alone.se[0], rel=ROUNDING)
        assert prepared.p_value(draws, estimate) == alone.p_value[0]
        ends = prepared.interval(draws, estimate, 0.9)
        assert ends == pytest.approx((alone.lower[0], alone.upper[0]), rel=1e-7)


def test_moving_sums_give_the_bartlett_form():
    scores = np.random.default_rng(2).normal(size=(5, 12))
    for lag in (0, 1, 4):
        root = bartlett_root(12, lag)
        wanted = ((scores @ root) ** 2).sum(axis=1)
        assert np.allclose((window_sums(scores, lag) ** 2).sum(axis=1) / (lag + 1), wanted, rtol=ROUNDING)


def test_another_seed_gives_other_draws_and_too_few_weeks_are_refused():
    region, week, X, y, _ = sample(weighted=False, gap=False)
    fit = least_squares(y[:, 0], X, effects=[region, week])
    columns, R = fit.design.demeaned()[0], np.array([1.0, 0.0, 0.0])
    one, two = (contrast_draws(columns, fit.bread, R, week, options=WildOptions(draws=99, seed=s)) for s in (1, 2))
    assert not np.array_equal(one.multipliers, two.multipliers)
    with pytest.raises(DataError, match="needs more than 6 weeks"):
        contrast_draws(columns[:8], fit.bread, R, week[:8] % 2)
