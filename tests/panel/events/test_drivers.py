"""Drivers by hand; guards that warn; halves of a log that share no document."""

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import DataError, PanelcoopWarning
from panelcoop.panel.events.drivers import (
    base_year_score,
    decayed_authority,
    imported_risk,
    opinion_score,
    shift_periods,
)
from panelcoop.panel.events.guards import split_by_document, warn_of_bad_controls, warn_of_same_documents
from panelcoop.panel.events.read import read_events
from panelcoop.panel.record import panel_from_frame
from panelcoop.simulate import simulate_events

WEEKS = pd.date_range("2020-01-06", periods=4, freq="7D", unit="us")


def test_authority_by_hand():
    directives = pd.DataFrame({"date": ["2020-01-08", "2020-01-20"], "rank": [4, 2], "region": ["", "B"]})
    found = decayed_authority(directives, WEEKS, ["A", "B"], exposure=pd.Series({"A": 1.0, "B": 0.5}), half_life=2)
    decay = 4 * 2.0 ** (-np.arange(4) / 2)
    np.testing.assert_allclose(found["A"], decay)
    np.testing.assert_allclose(found["B"], 0.5 * (decay + np.array([0, 0, 2, 2 * 2**-0.5])))


def test_imported_risk_by_hand():
    incidence = pd.DataFrame({"A": [10.0, 20.0, np.nan], "B": [1.0, 2.0, 3.0]})
    flows = pd.DataFrame([[7, 6], [2, 9]], index=["A", "B"], columns=["A", "B"])
    found = imported_risk(incidence, flows, pd.Series({"A": 3.0, "B": 4.0}))
    np.testing.assert_allclose(found["B"], [np.nan, 6 / 3 * 10, 6 / 3 * 20])
    np.testing.assert_allclose(found["A"], [np.nan, 2 / 4 * 1, 2 / 4 * 2])
    with pytest.raises(DataError, match="lag of one"):
        imported_risk(incidence, flows, pd.Series({"A": 3.0, "B": 4.0}), lag=0)


def test_base_year_uses_the_same_weeks():
    base = pd.date_range("2018-12-31", periods=10, freq="7D")  # 2019-W01 to W10
    study = pd.date_range("2019-12-30", periods=3, freq="7D")  # 2020-W01 to W03
    values = pd.DataFrame({"A": [1.0, 2.0, 3.0, *[100.0] * 7, 4.0, 5.0, 6.0]}, index=[*base, *study])
    np.testing.assert_allclose(base_year_score(values, 2019)["A"], [2, 3, 4])  # mean 2, sd 1 over W01 to W03


def test_a_base_year_that_does_not_move_has_no_score():
    index = pd.date_range("2019-01-07", periods=104, freq="7D")
    values = pd.DataFrame({"A": np.where(index.year == 2019, 0.1, 5.0), "B": 0.0}, index=index)
    values["C"] = np.arange(104.0)
    assert base_year_score(values, 2019).isna().all().tolist() == [True, True, False]


def test_lags_and_leads_keep_gaps():
    frame = pd.DataFrame({"region": "A", "week": WEEKS[[0, 1, 3]], "x": [1.0, 2.0, 4.0]})
    panel = panel_from_frame(frame)
    assert shift_periods(panel, "x", 1).tolist()[1:2] == [1.0]
    assert np.isnan(shift_periods(panel, "x", 1).iloc[2])
    lead = shift_periods(panel, "x", -1)
    assert lead.name == "x_lead1"
    assert lead.iloc[0] == 2.0


def test_bad_controls_are_named():
    with pytest.warns(PanelcoopWarning, match="'trips' is a bad control"):
        warn_of_bad_controls({"trips": "mobility", "rain": "other"}, {})
    warn_of_bad_controls({"trips": "mobility"}, {"trips": 1})


def test_same_documents_are_named():
    with pytest.warns(PanelcoopWarning, match="50% of the documents of authority"):
        assert warn_of_same_documents({"a", "b"}, {"b", "c"}, name="authority") == 0.5
    assert warn_of_same_documents({"a"}, {"c"}) == 0


def test_halves_share_no_document():
    drawn = simulate_events(regions=4, weeks=4, seed=1)
    log = read_events(drawn.events, regions=drawn.regions)
    first, second = split_by_document(log, seed=2)
    assert len(first) + len(second) == len(log)
    assert not set(first.events["document"]) & set(second.events["document"])
    assert len(first) + len(first.rejected) == len(log)


def test_directives_are_read_year_first_and_by_known_regions():
    week = pd.DataFrame({"date": [20200108, "2020-W04"], "rank": ["4", "2"]})
    np.testing.assert_allclose(decayed_authority(week, WEEKS, ["A"], half_life=1)["A"], [4, 2, 1 + 2, 0.5 + 1])
    with pytest.raises(DataError, match="'08/01/2020' is no day"):
        decayed_authority(week.assign(date="08/01/2020"), WEEKS, ["A"])
    with pytest.raises(DataError, match=r"'Alpha' \(row 1, 2\) is no region"):
        decayed_authority(week.assign(region="Alpha"), WEEKS, ["A"])


@pytest.mark.parametrize(("flow", "message"), [(np.nan, "negative or missing"), (-5, "negative or missing")])
def test_impossible_flows_are_refused(flow, message):
    incidence = pd.DataFrame({"A": [10.0, 20.0], "B": [1.0, 2.0]})
    flows = pd.DataFrame([[np.nan, flow], [2, np.nan]], index=["A", "B"], columns=["A", "B"])
    with pytest.raises(DataError, match=message):
        imported_risk(incidence, flows, pd.Series({"A": 3.0, "B": 4.0}))


def test_imported_risk_refuses_to_lag_over_a_gap():
    incidence = pd.DataFrame({"A": [10.0, 20.0, 30.0], "B": [1.0, 2.0, 3.0]}, index=WEEKS[[0, 1, 3]])
    flows = pd.DataFrame([[0, 1], [1, 0]], index=["A", "B"], columns=["A", "B"])
    with pytest.raises(DataError, match="leaves out a period"):
        imported_risk(incidence, flows, pd.Series({"A": 3.0, "B": 4.0}))


def test_shares_of_opinion_are_shares():
    posts = pd.DataFrame({"A": np.arange(20.0)}, index=pd.date_range("2019-12-02", periods=20, freq="7D"))
    with pytest.raises(DataError, match=r"write 0\.25 for 25%"):
        opinion_score(posts, 2019, negative_share=posts)


def test_a_misspelt_control_is_refused():
    with pytest.raises(DataError, match="did you mean 'mobility'"):
        warn_of_bad_controls({"trips": "mobilty"}, {"trips": 0})
