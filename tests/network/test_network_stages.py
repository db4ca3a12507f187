"""Networks of two stages by hand, and pictures that hold what they should."""

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import DataError
from panelcoop.network.picture import network_picture
from panelcoop.network.stages import network_measures, networks_by_stage
from panelcoop.panel.events.dyad_panel import assemble_dyads, flow_table
from panelcoop.panel.events.read import read_events
from panelcoop.simulate import simulate_events

WEEKS = pd.to_datetime(["2020-01-06", "2020-01-13", "2020-01-20"])
FLOWS = pd.DataFrame(
    [
        (WEEKS[0], "A", "B", "horizontal", 4.0),
        (WEEKS[1], "B", "A", "mandated-horizontal", 2.0),
        (WEEKS[1], "C", "A", "vertical", 6.0),
        (WEEKS[1], "B", "C", "vertical", 2.0),
        (WEEKS[2], "A", "D", "horizontal", 1.0),
    ],
    columns=["period", "source", "target", "layer", "flow"],
)
STAGE = {WEEKS[0]: "outbreak", WEEKS[1]: "outbreak", WEEKS[2]: "recovery"}


def measures():
    return network_measures(networks_by_stage(FLOWS, STAGE, ["A", "B", "D"], centre="C"))


def test_stages_by_hand():
    outbreak = measures().loc["outbreak"]
    expected = {
        "periods": 2,
        "volume": 3,  # (4 + 2) / 2 weeks
        "vertical_volume": 4,
        "density": 2 / 6,
        "reciprocity": (1 + 1) / 3,  # min(2, 1) both ways over 3
        "centralisation": 1.0 * ((1 - 1) + (1 - 1) + (1 - 0)) / 2,
        "vertical_density": 2 / 3,
        "edge_correlation": 1.0,  # only A-B have both
        "closed_triangles": 1 - 1 / 3,
    }
    for name, value in expected.items():
        assert outbreak[name] == pytest.approx(value), name


def test_what_is_not_defined_is_missing():
    recovery = measures().loc["recovery"]
    assert np.isnan(recovery["edge_correlation"])
    assert recovery["vertical_volume"] == 0
    assert recovery["reciprocity"] == 0


def test_modularity_of_two_cliques():
    names = list("abcdef")
    rows = [(WEEKS[0], i, j, "horizontal", 1.0) for part in ("abc", "def") for i in part for j in part if i < j]
    flows = pd.DataFrame(rows, columns=FLOWS.columns)
    found = network_measures(networks_by_stage(flows, {WEEKS[0]: "s"}, names))
    assert found.loc["s", "modularity"] == pytest.approx(0.5)


def test_no_stage_is_an_error():
    with pytest.raises(DataError, match="No period"):
        networks_by_stage(FLOWS, {}, ["A"])


@pytest.fixture(scope="module")
def log():
    drawn = simulate_events(regions=5, weeks=6, seed=4)
    return read_events(drawn.events, regions=drawn.regions)


def test_flow_table_keeps_the_weight(log):
    flows = flow_table(log)
    assert flows["flow"].sum() == pytest.approx(log.events["weight"].sum())
    assert set(flows["layer"]) == {"vertical", "horizontal", "mandated-horizontal"}


def test_dyads_agree_with_the_flow_table(log):
    dyads, flows = assemble_dyads(log), flow_table(log)
    between = flows[flows["layer"] != "vertical"]
    assert dyads["flow"].sum() == pytest.approx(between["flow"].sum())
    np.testing.assert_allclose(dyads["flow_horizontal"] + dyads["flow_mandated"], dyads["flow"])
    mirrored = dyads.swaplevel("source", "target").reindex(dyads.index.rename(["target", "source", "period"]))
    np.testing.assert_allclose(mirrored["flow"], dyads["back"])
    np.testing.assert_allclose(mirrored["mutual"], dyads["mutual"])


def test_picture_names_layers_and_nodes():
    figure = network_picture(FLOWS, centre="C", names={"A": "Alpha"}, title="Flows")
    axes = figure.axes[0]
    assert axes.get_title() == "Flows"
    assert {text.get_text() for text in axes.texts} == {"Alpha", "B", "C", "D"}
    words = [text.get_text() for text in axes.get_legend().get_texts()]
    assert words == ["vertical", "horizontal", "mandated-horizontal"]


def test_a_crowded_picture_shows_the_strongest_of_every_layer():
    pairs = [(f"r{i}", f"r{j}") for i in range(9) for j in range(9) if i != j]
    rows = [(i, j, "horizontal", 100.0 + k) for k, (i, j) in enumerate(pairs)]
    rows += [(i, j, "mandated-horizontal", 1.0 + k) for k, (i, j) in enumerate(pairs)]
    table = pd.DataFrame(rows, columns=["source", "target", "layer", "flow"])
    axes = network_picture(table, most=20).axes[0]
    (told,) = [text.get_text() for text in axes.texts if "strongest" in text.get_text()]
    assert told.startswith("the 20 strongest of 144 ties: ")
    colours = [arrow.get_edgecolor() for arrow in axes.patches]
    assert len(colours) == 20
    assert len(set(colours)) == 2  # the weak layer is not crowded out
    bends = {
        type(arrow.get_connectionstyle()).__name__ + str(arrow.get_connectionstyle().rad) for arrow in axes.patches
    }
    assert len(bends) == 2
    with pytest.raises(DataError, match="most must be one or more"):
        network_picture(table, most=0)


def test_an_empty_picture_is_an_error():
    with pytest.raises(DataError, match="no flow"):
        network_picture(FLOWS.iloc[:0])
