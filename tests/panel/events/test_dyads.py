"""Events become dyads by one expression for every engine; it equals fractional counting written with pandas."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas_dyads import expand_with_pandas

from panelcoop.errors import DataError
from panelcoop.panel.events.dyads import DYAD_COLUMNS, expand_dyads
from panelcoop.panel.events.read import read_events
from panelcoop.panel.weeks import DAYS, WEEKS
from panelcoop.simulate import simulate_events

ROUNDING = 1e-12  # the same few products and quotients
KEYS = ["event", "source", "target", "day"]


def same(events, **options):
    found, expected = expand_dyads(events, **options), expand_with_pandas(events, **options)
    expected = expected.sort_values(KEYS, ignore_index=True)
    assert list(found.columns) == list(DYAD_COLUMNS)
    pd.testing.assert_frame_equal(found, expected, rtol=ROUNDING, atol=ROUNDING, check_dtype=False)


@pytest.mark.parametrize("calendar", [WEEKS, DAYS])
@pytest.mark.parametrize("durations", ["spread", "start"])
def test_the_expression_equals_pandas(calendar, durations):
    drawn = simulate_events(regions=6, weeks=8, seed=4)
    log = read_events(drawn.events, regions=drawn.regions)
    assert log.events["source"].str.contains("|", regex=False).any()
    same(log.events, calendar=calendar, durations=durations)


days = st.dates(min_value=date(1965, 1, 1), max_value=date(2030, 1, 1))
actors = st.lists(st.sampled_from("ABCDE"), min_size=1, max_size=4, unique=True)
event = st.tuples(days, st.integers(0, 40), actors, actors, st.booleans(), st.floats(0, 9))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=st.lists(event, min_size=1, max_size=6))
def test_shares_add_up_to_the_weight(drawn):
    rows = [
        {
            "start": str(first),
            "end": str(first + timedelta(days=lasting)),
            "source": "|".join(sources),
            "target": "|".join(sources if mutual else targets),
            "mechanism": "agreement",
            "weight": weight,
        }
        for first, lasting, sources, targets, mutual, weight in drawn
    ]
    events = read_events(pd.DataFrame(rows)).events
    if events.empty:
        return
    same(events)
    shares = expand_dyads(events).groupby("event")["share"].sum()
    np.testing.assert_allclose(shares, events["weight"], rtol=ROUNDING, atol=ROUNDING)


def test_days_before_1970_have_their_monday():
    log = read_events(pd.DataFrame({"date": ["1918-11-11"], "source": "A", "target": "B", "mechanism": "other"}))
    assert expand_dyads(log.events)["day"].tolist() == [pd.Timestamp("1918-11-11")]  # a Monday


def test_durations_are_named():
    log = read_events(pd.DataFrame({"date": ["2020-01-01"], "source": "A", "target": "B", "mechanism": "other"}))
    with pytest.raises(DataError, match="durations"):
        expand_dyads(log.events, durations="end")
