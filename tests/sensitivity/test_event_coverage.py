"""Short seeded version of the simulated coverage: what holds with 31 regions, and what is found to be biased."""

from __future__ import annotations

import numpy as np
import pytest

from panelcoop.sensitivity.event_coverage import event_coverage

pytestmark = pytest.mark.montecarlo

REPETITIONS = 400
LOW, HIGH = 0.92, 0.98
NOISE = 1.3 * np.sqrt(0.95 * 0.05 / REPETITIONS)
"""Half of the 99% Monte Carlo error: a true coverage of .89 or .995 fails nearly always."""

MONTE_CARLO = 4.0
"""Errors of a simulated mean beyond which a bias is told apart from none."""

PLAIN = "imputation, no leave-out"


def _simulate(design, estimators, replications=REPETITIONS):
    found = event_coverage(replications=replications, seed=7, design=design, estimators=estimators)
    return found.set_index("estimator").drop(columns="design")


def _holds(found):
    inside = found[["pointwise", "simultaneous"]].apply(lambda c: c.between(LOW - NOISE, HIGH + NOISE))
    return inside.all(axis=None) and (found["bias"].abs() < MONTE_CARLO * found["bias_error"]).all()


def test_pointwise_and_simultaneous_coverage_with_31_regions():
    found = _simulate("same effects", ["Callaway-Sant'Anna, not yet", "imputation", PLAIN])
    assert _holds(found.drop(PLAIN)), found
    assert found.loc["imputation", "error_ratio"] == pytest.approx(1.0, abs=0.08)
    assert found.loc[PLAIN, "error_ratio"] < found.loc["imputation", "error_ratio"] - 0.08


def test_effects_that_differ_by_cohort_bias_two_way_effects_only():
    found = _simulate("effects differ by cohort", ["imputation", "two-way"], 100)
    assert abs(found.loc["imputation", "bias"]) < MONTE_CARLO * found.loc["imputation", "bias_error"]
    assert found.loc["two-way", "bias"] < -0.4
    assert found.loc["two-way", "simultaneous"] < 0.8


def test_rings_recover_both_effects_where_the_plain_estimate_is_biased():
    found = _simulate("spillovers", None, 200)
    assert _holds(found.drop("imputation")), found
    assert found.loc["imputation", "bias"] < -0.1
