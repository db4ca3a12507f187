"""Short seeded simulations: unbiased where two-way effects are not, and coverage with 31 regions."""

from __future__ import annotations

import numpy as np
import pytest

from panelcoop.estimate.event_study.aggregate import aggregate_events
from panelcoop.estimate.event_study.api import event_study
from panelcoop.estimate.event_study.callaway_santanna import CallawaySantAnna
from panelcoop.estimate.event_study.imputation import Imputation

from .panels import staggered

REPETITIONS = 200
TRUTH = {0: 1.0, 1: 1.3, 2: 1.6}


def _draws(estimator, n=31, repetitions=REPETITIONS):
    for seed in range(repetitions):
        panel, events = staggered(seed=1000 + seed, n=n, starts=(4, 5, 6, np.inf, np.inf), periods=8)
        yield event_study(panel, events.with_options(window=(3, 2), ends="dropped"), outcome="y", estimator=estimator)


@pytest.mark.montecarlo
@pytest.mark.parametrize(
    "estimator",
    [CallawaySantAnna("not-yet", "universal"), "sun-abraham", Imputation(leave_out=True)],
    ids=["callaway-santanna", "sun-abraham", "imputation"],
)
def test_pointwise_and_simultaneous_coverage_with_31_regions(estimator):
    pointwise, whole = [], []
    for study in _draws(estimator):
        table = study.bands(draws=999)
        lags = list(TRUTH)
        truth = np.array([TRUTH[h] for h in lags])
        pointwise.append((table.loc[lags, "low"] <= truth) & (truth <= table.loc[lags, "high"]))
        every = table.loc[study.estimated]
        target = np.array([TRUTH.get(int(h), 0.0) for h in study.estimated])
        whole.append(bool(((every["band_low"] <= target) & (target <= every["band_high"])).all()))
    noise = 2.6 * np.sqrt(0.95 * 0.05 / REPETITIONS)
    assert 0.92 - noise < np.mean(pointwise) < 0.98 + noise
    assert 0.92 - noise < np.mean(whole) < 0.98 + noise


@pytest.mark.montecarlo
def test_heterogeneous_effects_bias_two_way_effects_only():
    def effect(h, g):
        return g / 2 + h

    found = {"imputation": [], "sun-abraham": []}
    for seed in range(60):
        panel, events = staggered(seed=seed, n=60, effect=effect)
        for estimator, values in found.items():
            values.append(
                aggregate_events(event_study(panel, events, outcome="y", estimator=estimator)).overall.estimate
            )
    weeks = {4: 7, 6: 5, 8: 3}
    truth = sum(sum(g / 2 + h for h in range(k)) for g, k in weeks.items()) / sum(weeks.values())
    for values in found.values():
        assert np.mean(values) == pytest.approx(truth, abs=3.5 * np.std(values) / np.sqrt(60))
