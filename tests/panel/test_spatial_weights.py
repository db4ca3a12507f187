"""Weights by hand on a line of four places, and what must be refused."""

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import DataError
from panelcoop.panel.spatial import (
    distance_weights,
    gravity_weights,
    matrix_weights,
    mobility_weights,
    nearest_weights,
    unbalanced_lag,
)

LINE = pd.DataFrame({"x": [0.0, 1.0, 3.0, 7.0], "y": 0.0}, index=list("ABCD"))


def test_nearest():
    found = nearest_weights(LINE, k=2)
    np.testing.assert_allclose(found.matrix, [[0, 0.5, 0.5, 0], [0.5, 0, 0.5, 0], [0.5, 0.5, 0, 0], [0, 0.5, 0.5, 0]])
    assert found.isolates == ()


def test_distance_with_exponent_and_cutoff():
    plain = distance_weights(LINE, exponent=2, row_standardised=False)
    assert plain.matrix[0].tolist() == pytest.approx([0, 1, 1 / 9, 1 / 49])
    assert not plain.row_standardised
    cut = distance_weights(LINE, cutoff=3)
    assert cut.isolates == ("D",)
    np.testing.assert_allclose(cut.matrix.sum(axis=1), [1, 1, 1, 0])


def test_distance_on_the_sphere():
    places = pd.DataFrame({"x": [114.3, 116.4], "y": [30.6, 39.9]}, index=["Wuhan", "Beijing"])
    kilometres = 1 / distance_weights(places, metric="sphere", row_standardised=False).matrix[0, 1]
    assert kilometres == pytest.approx(1052, abs=6)


def test_gravity_cancels_own_mass_when_standardised():
    mass = pd.Series({"A": 1.0, "B": 2.0, "C": 4.0, "D": 8.0})
    found = gravity_weights(LINE, mass, exponent=1)
    raw = np.array([0, 2 / 1, 4 / 3, 8 / 7])
    np.testing.assert_allclose(found.matrix[0], raw / raw.sum())


def test_mobility_takes_the_base_period_only():
    flows = pd.DataFrame(
        {
            "source": ["A", "B", "A"],
            "target": ["B", "A", "B"],
            "flow": [10, 5, 99],
            "date": ["2019-12-01", "2019-12-02", "2020-03-01"],
        }
    )
    found = mobility_weights(flows, ["A", "B", "C"], base=("2019-12-01", "2019-12-31"), row_standardised=False)
    assert found.matrix[1, 0] == 10
    assert found.matrix[0, 1] == 5
    assert found.isolates == ("C",)
    assert "2019-12-01" in found.note


FLOWS = pd.DataFrame(
    {"source": ["A", "Z"], "target": ["B", "B"], "flow": ["10", "2"], "date": ["2019-W49", "20191202"]}
)


def test_the_base_period_ends_before_the_study():
    base = ("2019-W49", "2019-W52")
    found = mobility_weights(FLOWS, ["A", "B"], base=base, begins="2019-12-30", row_standardised=False)
    assert found.matrix[1, 0] == 10
    with pytest.raises(DataError, match="from 2019-12-02 to 2019-12-29 and the study begins on 2019-12-29"):
        mobility_weights(FLOWS, ["A", "B"], base=base, begins="2019-12-29")
    with pytest.raises(DataError, match="begin before it ends"):
        mobility_weights(FLOWS, ["A", "B"], base=base[::-1])
    with pytest.raises(DataError, match="'1/12/2019' is no day"):
        mobility_weights(FLOWS.assign(date="1/12/2019"), ["A", "B"], base=base)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nearest_weights(LINE, k=4), "between 1 and 3"),
        (lambda: nearest_weights(LINE.assign(y=91.0), k=1, metric="sphere"), "A does not lie on the earth"),
        (lambda: distance_weights(LINE, exponent=float("nan")), "zero or more, and finite"),
        (lambda: distance_weights(LINE.assign(x=1.0)), "one place"),
        (lambda: distance_weights(LINE.assign(x=[0, 1, np.nan, 2])), "NaN"),
        (lambda: gravity_weights(LINE, pd.Series({"A": 1.0})), "mass is missing"),
        (lambda: matrix_weights(pd.DataFrame([[1.0]], ["A"], ["A"])), "zero diagonal"),
        (lambda: matrix_weights(pd.DataFrame([[0.0]], ["A"], ["B"])), "same labels"),
        (lambda: mobility_weights(pd.DataFrame({"source": [], "target": [], "flow": []}), ["A"]), "no flow"),
        (lambda: mobility_weights(FLOWS, ["X", "Y"]), "No flow joins two of the regions"),
        (lambda: distance_weights(LINE, cutoff=-2.0), "cutoff must be above zero"),
        (lambda: distance_weights(LINE * 1e6, exponent=80.0), "leave the range of numbers"),
        (lambda: nearest_weights(LINE.rename(index={"B": "A"}), k=1), "holds A more than once"),
    ],
)
def test_bad_input_is_refused(make, message):
    with pytest.raises(DataError, match=message):
        make()


def test_lag_over_observed_partners():
    weights = nearest_weights(LINE, k=2)
    values = np.array([[1.0, 2.0, np.nan, 4.0], [1.0, 2.0, 3.0, 4.0]])
    np.testing.assert_allclose(unbalanced_lag(values, weights), [[2, 1, 1.5, 2], [2.5, 2, 1.5, 2.5]])
    assert np.isnan(unbalanced_lag(values, weights, least=1.0)[0, 0])


def test_flows_of_other_regions_are_counted():
    assert (
        "1 flows from or to other regions"
        in mobility_weights(
            pd.DataFrame({"source": ["A", "A"], "target": ["B", "Z"], "flow": [1.0, 2.0]}), ["A", "B"]
        ).note
    )


def test_with_exponent_zero_distance_does_not_matter():
    flat = distance_weights(LINE.assign(x=1.0, y=1.0), exponent=0, row_standardised=False)
    np.testing.assert_array_equal(flat.matrix, 1 - np.eye(len(LINE)))
