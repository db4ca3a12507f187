"""Contiguity: numbers by brute force, isolates named, islands joined only by decision."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import DataError
from panelcoop.panel.plan import read_plan
from panelcoop.panel.sources.facts import read_contiguity
from panelcoop.panel.weights import contiguity_weights, spatial_lag, spatial_weights

EXACT = 1e-15


@pytest.fixture(scope="module")
def edges(root):
    return read_contiguity(root / "data/facts/china_province_contiguity.csv")


def test_equals_brute_force(edges):
    regions = sorted({*edges["a"], *edges["b"]})
    pairs = {frozenset(pair) for pair in edges[["a", "b"]].itertuples(index=False)}
    matrix = contiguity_weights(edges, regions).matrix
    for i, one in enumerate(regions):
        beside = [float({one, other} in pairs and one != other) for other in regions]
        np.testing.assert_allclose(matrix[i], np.array(beside) / sum(beside), atol=EXACT)


def test_unstandardised_weights_keep_their_size():
    raw = np.array([[0.0, 2.0, 1.0], [0.5, 0.0, 0.0], [0.0, 0.0, 0.0]])
    kept = spatial_weights("own", ["A", "B", "C"], raw, "", row_standardised=False)
    np.testing.assert_array_equal(kept.matrix, raw)
    assert kept.isolates == ("C",)


def test_contiguity_may_count_neighbours(edges):
    regions = sorted({*edges["a"], *edges["b"]})
    plain = contiguity_weights(edges, regions, row_standardised=False)
    standard = contiguity_weights(edges, regions)
    assert set(np.unique(plain.matrix)) == {0.0, 1.0}
    assert not plain.row_standardised
    np.testing.assert_allclose(plain.matrix / plain.matrix.sum(axis=1, keepdims=True), standard.matrix, atol=EXACT)


def test_hainan_is_an_isolate_until_the_plan_joins_it(edges, root):
    regions = sorted({*edges["a"], *edges["b"], "CN-HI"})
    assert contiguity_weights(edges, regions).isolates == ("CN-HI",)
    joined = contiguity_weights(edges, regions, joined=read_plan(root / "study.toml").weights.joined)
    assert joined.isolates == ()
    assert "CN-HI-CN-GD joined by the plan" in joined.note
    frame = joined.frame()
    assert frame.loc["CN-HI", "CN-GD"] == 1
    assert frame.loc["CN-GD", "CN-HI"] > 0


def test_order_and_direction_of_pairs_do_not_matter(edges):
    regions = sorted({*edges["a"], *edges["b"]})
    turned = edges.rename(columns={"a": "b", "b": "a"}).sample(frac=1, random_state=1)
    twice = pd.concat([edges, turned])
    assert (contiguity_weights(twice, regions).matrix == contiguity_weights(edges, regions).matrix).all()


def test_region_beside_itself_is_an_error():
    with pytest.raises(DataError, match="borders itself"):
        contiguity_weights(pd.DataFrame({"a": ["A"], "b": ["A"]}), ["A", "B"])


def test_lag_is_missing_for_isolates_and_beside_missing_partners():
    weights = np.array([[0, 1.0, 0], [0.5, 0, 0.5], [0, 0, 0]])
    lag = spatial_lag(np.array([[1.0, 2.0, 3.0], [np.nan, 2.0, 3.0]]), weights)
    np.testing.assert_array_equal(lag, [[2.0, 2.0, np.nan], [2.0, np.nan, np.nan]])


def test_pairs_outside_are_counted_and_a_foreign_table_is_refused():
    pairs = pd.DataFrame({"a": ["A", "B", "Z"], "b": ["B", "Z", "B"]})
    assert "1 pairs with a region outside left out" in contiguity_weights(pairs, ["A", "B"]).note
    with pytest.raises(DataError, match="names none of the regions"):
        contiguity_weights(pairs, ["CN-HB", "CN-HN"])
