"""A simulated log of every mechanism becomes a panel that equals an independent slow computation."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slow_measures import measures

from panelcoop.errors import DataError
from panelcoop.panel.events.assemble import assemble_events
from panelcoop.panel.events.read import read_events
from panelcoop.panel.events.settings import Assembly
from panelcoop.panel.weeks import DAYS
from panelcoop.simulate import simulate_events

ROUNDING = 1e-12  # sums of a few hundred shares in another order


@pytest.fixture(scope="module")
def drawn():
    return simulate_events(regions=6, weeks=12, per_week=12, seed=7)


@pytest.fixture(scope="module")
def panel(drawn):
    return assemble_events(read_events(drawn.events, regions=drawn.regions))


def test_every_measure_equals_brute_force(drawn, panel):
    regions = [code for code in drawn.regions["code"] if code != "C"]
    weeks = [week.date() for week in panel.data.index.unique("week")]
    expected = pd.DataFrame(measures(drawn.events.to_dict("records"), regions, weeks)).T
    expected.index = pd.MultiIndex.from_tuples([(r, pd.Timestamp(w)) for r, w in expected.index])
    found = panel.data.loc[expected.index]
    for name in expected:
        np.testing.assert_allclose(
            found[name], expected[name].astype(float), rtol=ROUNDING, atol=ROUNDING, err_msg=name
        )


def test_mechanisms_and_layers_add_up(panel):
    data = panel.data
    mechanisms = ["agreement", "joint_departmental", "joint_prevention", "counterpart_support", "other"]
    np.testing.assert_allclose(
        data[[f"intensity_{m}" for m in mechanisms]].sum(axis=1), data["intensity"], rtol=ROUNDING
    )
    layers = data["intensity_horizontal"] + data["intensity_mandated"]
    np.testing.assert_allclose(layers, data["intensity"], rtol=ROUNDING)
    sent, received = (data[f"{way}_intensity"].groupby("week").sum() for way in ("out", "in"))
    np.testing.assert_allclose(sent, received, rtol=ROUNDING)


def test_measures_stay_in_their_range(panel):
    unit = ["breadth", "reciprocity", "vertical_share", "mandated_share", "persistence", "density", "centralisation"]
    values = panel.data[[*unit, "network_reciprocity", "network_persistence"]]
    assert ((values >= 0) & (values <= 1 + ROUNDING) | values.isna()).all().all()
    partners = panel.data["effective_partners"].dropna()
    assert (partners >= 1 - ROUNDING).all()
    assert (partners <= panel.data["partners"].loc[partners.index] + ROUNDING).all()


def test_zero_records_are_not_no_records():
    log = read_events(
        pd.DataFrame({"date": ["2020-01-13", "2020-01-27"], "source": "A", "target": "B", "mechanism": "agreement"})
    )
    coverage = pd.DataFrame({"region": ["A", "B"], "first": ["2020-01-06", "2020-01-15"], "last": ["2020-02-09", None]})
    panel = assemble_events(log, window=("2019-12-30", "2020-02-16"), coverage=coverage)
    intensity = {region: panel.data.loc[region, "intensity"] for region in ("A", "B")}
    np.testing.assert_array_equal(intensity["A"], [np.nan, 0, 1, 0, 1, 0, np.nan])
    np.testing.assert_array_equal(intensity["B"], [np.nan, np.nan, 1, 0, 1, 0, 0])
    assert panel.data.loc["A", "reciprocity"].isna().tolist() == [True, True, False, True, False, True, True]
    assert panel.data.loc["A", "density"].notna().tolist() == [False, False, True, True, True, True, False]


def test_events_where_there_are_no_records_are_in_the_ledger():
    log = read_events(
        pd.DataFrame({"date": ["2020-01-13", "2020-01-27"], "source": "A", "target": "B", "mechanism": "other"})
    )
    panel = assemble_events(log, coverage=pd.DataFrame({"first": ["2020-01-20"]}))
    assert panel.data["intensity"].isna().sum() == 2
    assert panel.ledger.rows["count"].tolist() == [2]


def test_documents_become_the_offset_and_their_gaps_missing(drawn):
    documents = drawn.documents.drop(index=0)
    panel = assemble_events(read_events(drawn.events, regions=drawn.regions), documents=documents)
    assert panel.columns_of("offset") == ["documents"]
    first = panel.data.index[0]
    assert np.isnan(panel.data.loc[first, "intensity"])
    assert panel.data["intensity"].isna().sum() == 1
    later = panel.data.iloc[1:]
    np.testing.assert_array_equal(later["documents"], drawn.documents["documents"].iloc[1:])


def test_days_and_weeks_share_the_code_path(drawn):
    log = read_events(drawn.events, regions=drawn.regions)
    weekly, daily = assemble_events(log), assemble_events(log, calendar=DAYS)
    by_day = daily.data["out_intensity"].reset_index()
    monday = by_day["week"] - pd.to_timedelta(by_day["week"].dt.day_of_week, unit="D")
    summed = by_day.groupby(["region", monday])["out_intensity"].sum()
    pd.testing.assert_series_equal(summed, weekly.data["out_intensity"], rtol=ROUNDING)


def test_cities_are_lifted_to_their_province():
    provinces = [(name, name, "province", "N") for name in "PQR"]
    cities = [(name, name, "city", name[0].upper()) for name in ("p1", "p2", "q1")]
    rows = [("N", "Nation", "nation", ""), *provinces, *cities, ("X", "Abroad", "outside", "")]
    regions = pd.DataFrame(rows, columns=["code", "name", "level", "parent"])
    table = pd.DataFrame({"source": ["p1", "p1", "P", "N", "P"], "target": ["p2", "q1", "R", "p1", "X"]})
    log = read_events(table.assign(date="2020-02-03", mechanism="agreement"), regions=regions)
    row = assemble_events(log).data.xs("P", level="region").iloc[0]
    assert row["out_intensity"] == 3  # to Q by its city, to R, and abroad
    assert row["ei_index"] == pytest.approx((3 - 1) / (3 + 1))
    assert row["intensity_vertical"] == 1
    assert row["breadth"] == pytest.approx(3 / 3)
    assert row["density"] == pytest.approx(2 / 6)


def test_slices_cross_mechanism_content_and_layer(drawn):
    chosen = Assembly(slices=[{"mechanism": "joint_prevention", "layer": "vertical", "content": "policy"}])
    panel = assemble_events(read_events(drawn.events, regions=drawn.regions), choices=chosen)
    rows = drawn.events
    hit = (rows["mechanism"] == "joint_prevention") & rows["contents"].str.contains("policy")
    hit &= (rows["source"] == "C") | (rows["target"] == "C")
    total = rows.loc[hit, "weight"].astype(float).sum()
    assert panel.data["intensity_joint_prevention_policy_vertical"].sum() == pytest.approx(total)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.randoms(use_true_random=False))
def test_row_order_does_not_matter(drawn, panel, order):
    rows = list(range(len(drawn.events)))
    order.shuffle(rows)
    shuffled = assemble_events(read_events(drawn.events.iloc[rows], regions=drawn.regions))
    pd.testing.assert_frame_equal(shuffled.data, panel.data, rtol=ROUNDING, atol=ROUNDING)


def test_scaling_the_weights_scales_intensity_only(drawn, panel):
    doubled = drawn.events.assign(weight=(2 * drawn.events["weight"].astype(int)).astype(str))
    other = assemble_events(read_events(doubled, regions=drawn.regions))
    np.testing.assert_allclose(other.data["intensity"], 2 * panel.data["intensity"], rtol=ROUNDING)
    for name in ("breadth", "formality", "vertical_share", "strength_gini"):
        np.testing.assert_allclose(other.data[name], panel.data[name], rtol=1e-11, err_msg=name)


def test_parquet_on_disk_gives_the_same_panel(drawn, panel, tmp_path):
    from panelcoop.panel.events.dyads import expand_dyads

    log = read_events(drawn.events, regions=drawn.regions)
    expand_dyads(log.events).to_parquet(tmp_path / "dyads.parquet")
    found = assemble_events(tmp_path / "dyads.parquet", drawn.regions)
    pd.testing.assert_frame_equal(found.data, panel.data, rtol=ROUNDING, atol=ROUNDING)


def test_a_log_without_good_rows_says_so():
    log = read_events(pd.DataFrame({"date": ["never"], "source": "A", "target": "B", "mechanism": "other"}))
    with pytest.raises(DataError, match="no accepted event"):
        assemble_events(log)
