"""Coordination read off policy indices: hand-computed values, ranges, symmetry, scaling, inaction, missing cells."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from panelcoop.errors import DataError
from panelcoop.panel.policy_measures import (
    alignment,
    co_movement,
    joint_response,
    policy_functions,
    policy_overlap,
    policy_synchrony,
)
from panelcoop.panel.policy_pairs import policy_changes, policy_dyads

EXACT = 1e-12  # sums of a few products
ROLLING = 1e-6  # correlations of departures that may be small beside the index

CHAIN = np.array([[0.0, 1.0, 0.0], [0.5, 0.0, 0.5], [0.0, 1.0, 0.0]])
"""Three regions in a row."""

policies = arrays(float, (12, 3), elements=st.floats(0, 100).map(lambda x: round(x, 2)))


def test_hand_computed_joint_overlap_alignment():
    policy = np.array([[60.0, 20.0, 80.0]])
    np.testing.assert_allclose(joint_response(policy, CHAIN), [[20, 20, 20]], atol=EXACT)
    np.testing.assert_allclose(policy_overlap(policy, CHAIN), [[1 / 3, (1 / 3 + 1 / 4) / 2, 1 / 4]], atol=EXACT)
    np.testing.assert_allclose(alignment(policy, CHAIN), [[-40, -50, -60]], atol=EXACT)


def test_inaction_is_zero_effort_perfect_alignment_and_no_overlap():
    nobody = np.zeros((4, 3))
    assert (joint_response(nobody, CHAIN) == 0).all()
    assert (alignment(nobody, CHAIN) == 0).all()
    assert np.isnan(policy_overlap(nobody, CHAIN)).all()
    assert np.isnan(policy_synchrony(nobody, CHAIN)).all()
    assert np.isnan(co_movement(nobody, CHAIN, window=3)).all()


def test_one_sided_action_shares_nothing():
    policy = np.array([[50.0, 0.0, 50.0]])
    assert (joint_response(policy, CHAIN) == 0).all()
    assert (policy_overlap(policy, CHAIN) == 0).all()


@given(policies)
def test_ranges(policy):
    joint, aligned = joint_response(policy, CHAIN), alignment(policy, CHAIN)
    assert (joint >= 0).all()
    assert (joint <= policy + EXACT).all()
    assert (aligned <= 0).all()
    overlap = policy_overlap(policy, CHAIN)
    assert ((overlap >= 0) & (overlap <= 1 + EXACT) | np.isnan(overlap)).all()
    synchrony = policy_synchrony(policy, CHAIN)
    assert ((synchrony >= 0) & (synchrony <= 1) | np.isnan(synchrony)).all()
    moves = co_movement(policy, CHAIN, window=5)
    assert ((np.abs(moves) <= 1 + EXACT) | np.isnan(moves)).all()


@given(policies, st.floats(0.1, 10))
def test_scaling(policy, factor):
    for measure in (joint_response, alignment):
        np.testing.assert_allclose(measure(factor * policy, CHAIN), factor * measure(policy, CHAIN), atol=1e-9)
    np.testing.assert_allclose(policy_overlap(factor * policy, CHAIN), policy_overlap(policy, CHAIN), atol=1e-9)


@given(policies)
def test_joint_minus_half_the_gap_is_the_mean_of_the_pair(policy):
    """min(a, b) = (a + b)/2 - |a - b|/2, summed over partners."""
    mean = (policy + policy @ CHAIN.T) / 2
    np.testing.assert_allclose(joint_response(policy, CHAIN), mean + alignment(policy, CHAIN) / 2, atol=1e-9)


@given(policies)
def test_order_of_regions_does_not_matter(policy):
    order = np.array([2, 0, 1])
    weights = CHAIN[np.ix_(order, order)]
    for measure in (joint_response, policy_overlap, alignment, policy_synchrony):
        np.testing.assert_allclose(measure(policy[:, order], weights), measure(policy, CHAIN)[:, order], atol=1e-9)
    got = co_movement(policy[:, order], weights, window=5)
    np.testing.assert_allclose(got, co_movement(policy, CHAIN, window=5)[:, order], atol=ROLLING)


@given(policies)
def test_pairs_are_symmetric(policy):
    """With two regions that are each other's only partner, both have the same value."""
    pair, both = policy[:, :2], np.array([[0.0, 1.0], [1.0, 0.0]])
    for measure in (joint_response, policy_overlap, alignment):
        values = measure(pair, both)
        np.testing.assert_allclose(values[:, 0], values[:, 1], atol=EXACT)


@pytest.mark.parametrize("measure", [joint_response, policy_overlap, alignment])
def test_missing_cell_spoils_the_region_and_its_partners_only(measure):
    policy = np.full((2, 3), 50.0)
    policy[0, 0] = np.nan
    lost = np.isnan(measure(policy, CHAIN))
    assert lost.tolist() == [[True, True, False], [False, False, False]]


@pytest.mark.parametrize("measure", [joint_response, policy_overlap, alignment, policy_synchrony])
def test_region_without_partners_is_missing(measure):
    alone = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    policy = np.vstack([np.zeros(3), np.full(3, 50.0), np.full(3, 50.0)])
    values = measure(policy, alone)
    assert np.isnan(values[:, 2]).all()
    assert np.isfinite(values[1, :2]).all()


def test_changes_of_one_sign_in_a_row_are_one_change():
    path = np.array([[0.0, 40, 60, 60, 58, 30, 35, 10]]).T
    assert policy_changes(path, 5).ravel().tolist() == [0, 1, 0, 0, 0, -1, 1, -1]
    assert policy_changes(path, 3).ravel().tolist() == [0, 1, 0, 0, 0, -1, 1, -1]
    assert policy_changes(path, 30).ravel().tolist() == [0, 1, 0, 0, 0, 0, 0, 0]


def test_change_beside_a_missing_week_is_not_dated():
    path = np.array([[0.0, np.nan, 60, 60]]).T
    assert (policy_changes(path, 5) == 0).all()


def test_hand_computed_synchrony():
    weeks = np.arange(8)
    policy = np.column_stack([50.0 * (weeks >= 2), 50.0 * (weeks >= 3), 50.0 * (weeks >= 6)])
    values = policy_synchrony(policy, CHAIN, smallest=5, bandwidth=2, window=2)
    np.testing.assert_allclose(values[2:4, 0], np.exp(-1 / 2), atol=EXACT)
    np.testing.assert_allclose(values[3, 1], (np.exp(-1 / 2) + np.exp(-3 / 2)) / 2, atol=EXACT)
    assert np.isnan(values[4:, 0]).all()
    assert np.isnan(values[:2]).all()


def test_simultaneous_changes_have_synchrony_one_and_opposite_ones_zero():
    weeks = np.arange(6)
    up, down = 50.0 * (weeks >= 3), 50.0 - 50.0 * (weeks >= 3)
    together = policy_synchrony(np.column_stack([up, up, up]), CHAIN, window=3)
    assert (together[3:] == 1).all()
    against = policy_synchrony(np.column_stack([up, down, up]), CHAIN, window=3)
    assert (against[3:] == 0).all()


def test_region_never_observed_makes_its_partners_synchrony_missing():
    weeks = np.arange(6)
    up = 50.0 * (weeks >= 3)
    values = policy_synchrony(np.column_stack([up, np.full(6, np.nan), up]), CHAIN, window=3)
    assert np.isnan(values).all()


def test_co_movement_equals_correlations_one_by_one():
    rng = np.random.default_rng(20200123)
    policy = rng.uniform(0, 100, (20, 3))
    departures = policy - policy.mean(axis=1, keepdims=True)
    values = co_movement(policy, CHAIN, window=7)
    for week in range(6, 20):
        pairs = np.corrcoef(departures[week - 6 : week + 1].T)
        np.testing.assert_allclose(values[week], (CHAIN * pairs).sum(axis=1), atol=ROLLING)
    assert np.isnan(values[:6]).all()


def test_co_movement_does_not_see_a_common_path():
    rng = np.random.default_rng(20200124)
    policy, common = rng.uniform(0, 50, (20, 3)), rng.uniform(0, 50, (20, 1))
    np.testing.assert_allclose(
        co_movement(policy + common, CHAIN, window=7), co_movement(policy, CHAIN, window=7), atol=ROLLING
    )


PARAMETERS = {"smallest": 5.0, "bandwidth": 2.0, "window": 4, "comovement_window": 5}


@given(policies)
def test_averaged_over_partners_dyads_are_the_measures_of_regions(policy):
    """With one partner each the region's measure is the pair's; with several it is their weighted mean."""
    weeks = pd.date_range("2020-01-06", periods=12, freq="7D")
    pairs = policy_dyads(pd.DataFrame(policy, index=weeks, columns=list("ABC")), **PARAMETERS)
    for name, measure in policy_functions(**PARAMETERS).items():
        cube = np.full((12, 3, 3), 0.0)
        for (i, j), values in pairs[name].groupby(["source", "target"]):
            cube[:, "ABC".index(i), "ABC".index(j)] = values
        expected = np.einsum("tij,ij->ti", np.where(CHAIN > 0, cube, 0.0), CHAIN)
        found = measure(policy, CHAIN)
        known = np.isfinite(expected)
        np.testing.assert_allclose(found[known], expected[known], atol=ROLLING, err_msg=name)


def test_dyads_of_policies_by_hand():
    weeks = pd.date_range("2020-01-06", periods=4, freq="7D")
    index = pd.DataFrame({"A": [0.0, 50, 50, 50], "B": [0.0, 0, 0, 40]}, index=weeks)
    found = policy_dyads(index, window=2, comovement_window=4)
    assert found.loc[("A", "B"), "joint_response"].tolist() == [0, 0, 0, 40]
    np.testing.assert_array_equal(found.loc[("A", "B"), "policy_overlap"], [np.nan, 0, 0, 0.8])
    assert found.loc[("A", "B"), "alignment"].tolist() == [0, -50, -50, -10]
    np.testing.assert_allclose(found.loc[("A", "B"), "policy_synchrony"], [np.nan, np.exp(-1), np.exp(-1), np.nan])
    np.testing.assert_allclose(found.loc[("B", "A"), "policy_synchrony"], [np.nan, np.nan, np.nan, np.exp(-1)])
    assert found.loc[("A", "B"), "co_movement"].iloc[-1] == pytest.approx(-1)  # two regions mirror each other
    assert ("A", "A") not in found.index.droplevel("period")
    with pytest.raises(DataError, match="negative somewhere"):
        policy_dyads(-index)
    with pytest.raises(DataError, match="a measure of policy must be one of"):
        policy_dyads(index, measures=["joint"])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda policy: policy_overlap(-policy, CHAIN), "negative somewhere"),
        (lambda policy: policy_synchrony(policy, CHAIN, bandwidth=0), "bandwidth above zero"),
        (lambda policy: policy_synchrony(policy, CHAIN, window=0), "a week or more"),
        (lambda policy: policy_synchrony(policy, CHAIN, smallest=0), "smallest change"),
        (lambda policy: co_movement(policy, CHAIN, window=1), "window of 3 weeks"),
    ],
)
def test_options_that_would_leave_nothing_are_refused(make, message):
    with pytest.raises(DataError, match=message):
        make(np.arange(1.0, 13.0).reshape(4, 3))
