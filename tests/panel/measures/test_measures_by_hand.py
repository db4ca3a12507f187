"""Each measure on a table small enough to do by hand, and its edge at 0/0."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from panelcoop.errors import DataError
from panelcoop.panel.events.assemble import assemble_events
from panelcoop.panel.events.dyads import expand_dyads
from panelcoop.panel.events.read import read_events
from panelcoop.panel.events.settings import Assembly
from panelcoop.panel.measures.ratios import (
    centralisation,
    coupling_degree,
    density,
    ei_index,
    gini,
    jaccard,
    stock,
    vertical_share,
)
from panelcoop.panel.measures.slices import slice_names

WEEK1, WEEK2 = pd.Timestamp("2020-02-03"), pd.Timestamp("2020-02-10")
LOG = pd.DataFrame(
    [
        ("2020-02-03", "A", "B", "agreement", 6, 3, "", "policy"),
        ("2020-02-04", "B", "A", "other", 2, 1, "", "resource|policy"),
        ("2020-02-05", "A", "C", "counterpart_support", 2, "", "", "resource"),
        ("2020-02-06", "N", "A", "joint_prevention", 5, 5, "true", ""),
        ("2020-02-11", "A|B", "A|B", "agreement", 4, "", "", ""),
    ],
    columns=["start", "source", "target", "mechanism", "weight", "formality", "mandated", "contents"],
)


@pytest.fixture(scope="module")
def panel():
    return assemble_events(read_events(LOG), choices=Assembly(centre="N", half_life=1.0)).data


BY_HAND = {
    "out_intensity": 8,
    "in_intensity": 2,
    "intensity": 10,
    "intensity_vertical": 5,
    "intensity_horizontal": 8,
    "intensity_mandated": 2,
    "intensity_agreement": 6,
    "intensity_joint_prevention": 0,  # with the centre: in the vertical layer
    "intensity_policy": 8,
    "intensity_resource": 4,
    "partners": 2,
    "breadth": 2 / 2,
    "effective_partners": np.exp(-(0.8 * np.log(0.8) + 0.2 * np.log(0.2))),
    "formality": (6 * 3 + 2 * 1 + 5 * 5) / (6 + 2 + 5),
    "reciprocity": 2 * 2 / 10,
    "vertical_share": 5 / 15,
    "mandated_share": 2 / 10,
    "ei_index": 1.0,
    "stock": 10,
    "density": 3 / 6,
    "centralisation": ((2 - 2) + (2 - 1) + (2 - 1)) / (2 * 1),
    "strength_gini": (abs(10 - 8) + abs(10 - 2) + abs(8 - 2)) * 2 / (2 * 9 * 20 / 3),
    "network_reciprocity": 2 * 2 / 10,
}


@pytest.mark.parametrize("name", list(BY_HAND))
def test_region_a_in_its_first_week(panel, name):
    assert panel.loc[("A", WEEK1), name] == pytest.approx(BY_HAND[name])


def test_second_week(panel):
    second = panel.loc[("A", WEEK2)]
    assert second["intensity"] == pytest.approx(4)
    assert second["stock"] == pytest.approx(10 / 2 + 4)
    assert second["persistence"] == pytest.approx(1 / 2)  # B kept, C lost
    assert second["network_persistence"] == pytest.approx(2 / 3)  # A-B and B-A kept, A-C lost
    assert np.isnan(second["formality"])
    idle = panel.loc[("C", WEEK2)]
    assert idle["intensity"] == 0
    assert np.isnan(idle[["reciprocity", "effective_partners", "vertical_share", "ei_index"]].astype(float)).all()
    assert idle["persistence"] == 0


def test_shares_of_a_lasting_event_sum_to_its_weight():
    events = read_events(pd.DataFrame({"start": ["2020-02-07"], "end": ["2020-02-20"], "source": "A|B", "target": "C|D",
                                       "mechanism": "other", "weight": 7})).events  # fmt: skip
    dyads = expand_dyads(events)
    by_week = dyads.groupby("day")["share"].sum().tolist()
    np.testing.assert_allclose(by_week, [7 * 3 / 14, 7 * 7 / 14, 7 * 4 / 14])
    assert len(dyads) == 4 * 3
    assert len(set(expand_dyads(events, durations="start")["day"])) == 1


def test_formulas_at_their_edges():
    zero, one = np.zeros(1), np.ones(1)
    for value in (vertical_share(zero, zero), ei_index(zero, zero), jaccard(zero, zero, zero), density(zero, one)):
        assert np.isnan(value).all()
    assert np.isnan(gini(np.zeros(3)))
    assert np.isnan(centralisation(np.array([1.0, 1.0])))
    assert centralisation(np.array([2.0, 2.0, 2.0])) == 0
    assert np.isnan(stock(np.array([1.0, np.nan, 1.0])))[1]


def test_coupling_degree_by_hand():
    degree = coupling_degree(
        np.array([[50.0, 5.0], [100.0, 10.0], [0.0, 0.0]]), lowest=np.zeros(2), highest=np.array([100.0, 10.0])
    )
    np.testing.assert_allclose(degree, [np.sqrt(1 * 0.5), 1.0, np.nan])
    unequal = coupling_degree(
        np.array([0.9, 0.1]), lowest=np.zeros(2), highest=np.ones(2), shares=np.array([0.25, 0.75])
    )
    assert unequal == pytest.approx(np.sqrt(2 * np.sqrt(0.09) / 1.0 * (0.25 * 0.9 + 0.75 * 0.1)))


@pytest.mark.parametrize(
    "options",
    [
        {"lowest": np.zeros(2), "highest": np.zeros(2)},
        {"lowest": np.zeros(2), "highest": np.ones(2), "shares": np.array([0.5, 0.6])},
        {"lowest": np.array([0, np.nan]), "highest": np.ones(2)},
        {"lowest": np.zeros(3), "highest": np.ones(3)},
        {"lowest": np.zeros(2), "highest": np.ones(2), "shares": np.full(4, 0.25)},
    ],
)
def test_coupling_constants_are_checked(options):
    with pytest.raises(DataError):
        coupling_degree(np.array([0.5, 0.5]), **options)


@given(arrays(float, 6, elements=st.floats(0, 1e6)))
def test_gini_and_centralisation_stay_in_range(values):
    if values.sum() > 1e-6:
        assert -1e-9 <= gini(values) <= 1 - 1 / 6 + 1e-9
    degrees = np.floor(values % 6)
    assert centralisation(degrees) >= 0


@given(arrays(float, 5, elements=st.floats(0.001, 1e3)), st.floats(0.1, 10))
def test_gini_does_not_change_with_scale(values, scale):
    assert gini(values) == pytest.approx(gini(scale * values), abs=1e-9)


def test_slices_are_checked():
    for wrong in ([{}], [{"mechanism": "magic"}], [{"colour": "red"}]):
        with pytest.raises(DataError):
            slice_names(wrong)
