"""A simulated log of every mechanism becomes a panel that equals an independent slow computation."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slow_measures import measures

from panelcoop.errors import DataError
from panelcoop.panel.events.assemble import assemble_events
from panelcoop.panel.events.dyad_panel import assemble_dyads
from panelcoop.panel.events.read import read_events
from panelcoop.panel.events.settings import Assembly
from panelcoop.panel.measures.names import INTENSITIES, MEASURE_NOTES, sliced_measures
from panelcoop.panel.measures.slices import DEFAULT_SLICES, slice_names
from panelcoop.panel.weeks import DAYS, WEEKS
from panelcoop.simulate import simulate_events

ROUNDING = 1e-12  # sums of a few hundred shares in another order


@pytest.fixture(scope="module")
def drawn():
    return simulate_events(regions=6, weeks=12, per_week=12, seed=7)


@pytest.fixture(scope="module")
def panel(drawn):
    return assemble_events(read_events(drawn.events, regions=drawn.regions))


def equals_brute_force(found, rows, regions, *, suffix="", names=None, **options):
    """Compare every column that both sides have, under the suffix of its slice."""
    weeks = [week.date() for week in found.index.unique("week")]
    expected = pd.DataFrame(measures(rows, regions, weeks, **options)).T.astype(float)
    expected.index = pd.MultiIndex.from_tuples([(region, pd.Timestamp(week)) for region, week in expected.index])
    for name in expected.columns if names is None else names:
        column = found.loc[expected.index, f"{name}{suffix}"]
        np.testing.assert_allclose(column, expected[name], rtol=ROUNDING, atol=ROUNDING, err_msg=f"{name}{suffix}")
    return set(expected)


def test_every_measure_equals_brute_force(drawn, panel):
    regions = [code for code in drawn.regions["code"] if code != "C"]
    assert equals_brute_force(panel.data, drawn.events.to_dict("records"), regions) == set(MEASURE_NOTES)


CROSSING = {"mechanism": "joint_prevention", "content": "policy", "layer": "horizontal"}


def test_every_slice_equals_brute_force(drawn):
    slices = (*DEFAULT_SLICES, CROSSING)
    log = read_events(drawn.events, regions=drawn.regions)
    found = assemble_events(log, choices=Assembly(slices=slices, by_slice="all")).data
    regions = [code for code in drawn.regions["code"] if code != "C"]
    for suffix, chosen in slice_names(slices).items():
        names = [*INTENSITIES, *sliced_measures(chosen, "all")]
        rows = drawn.events.to_dict("records")
        equals_brute_force(found, rows, regions, suffix=f"_{suffix}", names=names, chosen=chosen)


def test_cooperation_within_regions_equals_brute_force(drawn):
    rng = np.random.default_rng(3)
    regions = [code for code in drawn.regions["code"] if code != "C"]
    cities = [
        {"code": f"{code}.{k}", "name": f"{code}.{k}", "level": "city", "parent": code}
        for code in regions
        for k in (1, 2)
    ]
    table = pd.concat([drawn.regions, pd.DataFrame(cities)], ignore_index=True)
    events = drawn.events.copy()
    single = ~(events["source"] + events["target"]).str.contains("[|C]")
    events.loc[single, "source"] += rng.choice(["", ".1", ".2"], single.sum())
    within = events[single].sample(60, random_state=1)
    home = within["source"].str.split(".").str[0]
    within = within.assign(source=home + ".1", target=home + ".2", document=[f"within {k}" for k in range(60)])
    rows = pd.concat([events, within], ignore_index=True)
    panel = assemble_events(read_events(rows, regions=table))
    assert panel.data["ei_index"].between(-1, 1, inclusive="left").any()
    equals_brute_force(panel.data, rows.to_dict("records"), regions, place=lambda code: code.split(".")[0])


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


def test_a_panel_by_day_says_days(drawn):
    window = ("2020-01-06", "2020-03-29")
    log = read_events(drawn.events, regions=drawn.regions)
    daily = assemble_events(log, calendar=DAYS, window=window)
    assert "6 regions x 84 days = 504 rows" in str(daily)
    assert "  days      2020-01-06 to 2020-03-29" in str(daily)
    assert daily.describe().loc["intensity", "last_week"] == "2020-03-29"
    weekly = assemble_events(log, window=window)
    assert "  weeks     2020-W02 to 2020-W13" in str(weekly)


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


def test_events_at_the_edges_of_a_window_count_with_their_days_inside(drawn, panel):
    window = ("2020-W04", "2020-W08")
    log = read_events(drawn.events, regions=drawn.regions, window=window)
    inside = assemble_events(log)
    weeks = inside.data.index.unique("week")
    assert (weeks[0], weeks[-1]) == (pd.Timestamp("2020-01-20"), pd.Timestamp("2020-02-17"))
    whole = panel.data[panel.data.index.get_level_values("week").isin(weeks)]
    assert (log.events["start"] < weeks[0]).any()
    for name in ("intensity", "partners", "formality", "vertical_share"):
        np.testing.assert_allclose(inside.data[name], whole[name], rtol=ROUNDING, err_msg=name)
    cut = inside.ledger.rows.set_index("reason").loc["region-period outside the window of the panel"]
    kept = inside.data[["intensity", "intensity_vertical"]].sum().sum()
    assert cut["after"] == pytest.approx(kept)
    assert cut["before"] > cut["after"]


def test_periods_a_log_was_not_read_for_have_no_records(drawn):
    log = read_events(drawn.events, regions=drawn.regions, window=("2020-W04", "2020-W08"))
    coverage = pd.DataFrame({"first": ["2020-01-06"]})
    panel = assemble_events(log, window=("2020-W02", "2020-W13"), coverage=coverage)
    seen = panel.data["intensity"].notna().groupby("week").all()
    assert seen.tolist() == [week in pd.date_range("2020-01-20", "2020-02-17", freq="7D") for week in seen.index]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            {"region": ["C", "R1"], "documents": [3, 4]},
            r"table of documents, column 'region': 'C' \(row 1\).*leave the row out",
        ),
        ({"region": ["R1", "Rx"], "documents": [3, 4]}, r"'Rx' \(row 2\)"),
        ({"region": ["R1", "R2"], "documents": [3, -1]}, r"no count of zero or more in row 2"),
    ],
)
def test_faults_of_the_documents_name_table_row_and_remedy(drawn, table, message):
    log = read_events(drawn.events, regions=drawn.regions)
    with pytest.raises(DataError, match=message):
        assemble_events(log, documents=pd.DataFrame(table).assign(date="2020-01-06"))


def test_an_empty_first_day_of_the_coverage_is_named(drawn):
    log = read_events(drawn.events, regions=drawn.regions)
    with pytest.raises(DataError, match=r"coverage table, column 'first': the day is missing \(row 2\)"):
        assemble_events(log, coverage=pd.DataFrame({"region": ["R1", "R2"], "first": ["2020-01-06", ""]}))


def test_a_log_without_good_rows_says_so():
    log = read_events(pd.DataFrame({"date": ["never"], "source": "A", "target": "B", "mechanism": "other"}))
    with pytest.raises(DataError, match="no accepted event"):
        assemble_events(log)


def test_where_documents_were_read_a_week_without_an_event_is_zero():
    events = pd.DataFrame(
        {"date": ["2020-02-03", "2020-02-10"], "source": "A", "target": "B", "mechanism": "agreement"}
    )
    window = ("2020-W01", "2020-W11")
    weeks = WEEKS.labels(WEEKS.range(*window))
    table = pd.DataFrame([(region, week, 10) for region in "AB" for week in weeks])
    table.columns = ["region", "date", "documents"]
    log = read_events(events, window=window)
    panel = assemble_events(log, documents=table)
    assert panel.data.loc["A", "intensity"].tolist() == [0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0]
    assert assemble_dyads(log, documents=table)["flow"].notna().all()
    assert panel.ledger.rows.empty


def test_weeks_without_a_table_of_records_are_in_the_ledger():
    events = pd.DataFrame({"date": ["2020-02-03"], "source": "A", "target": "B", "mechanism": "agreement"})
    panel = assemble_events(read_events(events, window=("2020-W05", "2020-W08")))
    assert panel.data["intensity"].isna().sum() == 6
    (entry,) = panel.ledger.rows.to_dict("records")
    assert (entry["action"], entry["count"]) == ("missing", 6)
    assert "before the first or after the last event" in entry["reason"]


def test_numbers_as_codes_make_a_panel():
    regions = pd.DataFrame(
        {"code": [9, 11, 12, 111], "name": list("nxyz"), "level": ["nation", "province", "province", "city"]}
    ).assign(parent=[np.nan, 9, 9, 11])
    events = pd.DataFrame({"date": ["2020-02-03"], "source": ["z"], "target": ["y"], "mechanism": "agreement"})
    panel = assemble_events(read_events(events, regions=regions))
    assert panel.data["out_intensity"].droplevel("week").to_dict() == {"11": 1.0, "12": 0.0}
    log = read_events(events.assign(target="yy"), regions=regions[["code", "name"]])
    assert "unknown region 'yy'" in log.report()


def test_an_unknown_centre_is_refused(drawn):
    with pytest.raises(DataError, match="centre 'ZZ' is no code of"):
        assemble_events(read_events(drawn.events, regions=drawn.regions), choices=Assembly(centre="ZZ"))
