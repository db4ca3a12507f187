"""Stacks: controls clean over the whole window, and means that a loop over events gives too."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import IdentificationError
from panelcoop.estimate.event_study.api import event_study
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.imputation import Imputation
from panelcoop.estimate.event_study.local_projection import LpDid
from panelcoop.estimate.event_study.stacked import Stacked
from panelcoop.panel.record import Panel
from panelcoop.sensitivity.event_spells import PLACE
from panelcoop.sensitivity.event_stacks import clean_stacks

ROUNDING = 1e-9
BEFORE, AFTER, CLEAN, EARLY = 4, 3, 4, 1
REGIONS, WEEKS = 20, 50


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(5)
    weeks = pd.date_range("2021-01-04", periods=WEEKS, freq="7D")
    names = [f"r{i:02d}" for i in range(REGIONS)]
    index = pd.MultiIndex.from_product([names, weeks], names=["region", "week"])
    panel = Panel(data=pd.DataFrame({"y": rng.normal(size=len(index))}, index=index))
    happened = rng.random((REGIONS, WEEKS)) < 0.02
    region, week = np.nonzero(happened)
    table = pd.DataFrame({"region": np.array(names)[region], "date": weeks[week]})
    return panel, Events.from_table(table, kind="repeated"), happened


def stacks(panel, events):
    found = clean_stacks(panel, events, window=(BEFORE, AFTER), clean_weeks=CLEAN, anticipation=EARLY)
    return found[0], found[1].with_options(anticipation=EARLY, window=(BEFORE, AFTER), ends="dropped")


def by_hand(panel, happened):
    """Average event minus mean of controls over all events with a clean comparison."""
    y = panel.data["y"].to_numpy().reshape(REGIONS, WEEKS)
    out = []
    for i, t in zip(*np.nonzero(happened), strict=True):
        if t < BEFORE or t + AFTER >= WEEKS or happened[i, t - CLEAN : t].any():
            continue
        clean = ~happened[:, t - CLEAN : t + AFTER + EARLY + 1].any(axis=1)
        change = y[:, t - BEFORE : t + AFTER + 1] - y[:, [t - 1 - EARLY]]
        out.append(change[i] - change[clean].mean(axis=0))
    return np.mean(out, axis=0), len(out)


def test_stacked_means_are_those_of_a_loop_over_events(drawn):
    panel, events, happened = drawn
    expected, count = by_hand(panel, happened)
    stacked, starts = stacks(panel, events)
    study = event_study(stacked, starts, outcome="y", estimator=Stacked(BEFORE, AFTER), cluster=PLACE)
    np.testing.assert_allclose(study.params, expected, atol=ROUNDING)
    assert len(starts.table) == count == study.support.loc[0, "treated"]
    assert study.clustering.name == PLACE


def test_last_horizon_agrees_with_local_projections(drawn):
    """At the end of the window both ask the same of controls."""
    panel, events, _ = drawn
    stacked, starts = stacks(panel, events)
    one = event_study(stacked, starts, outcome="y", estimator=Stacked(BEFORE, AFTER), cluster=PLACE)
    many = events.with_options(anticipation=EARLY, window=(BEFORE, AFTER))
    two = event_study(panel, many, outcome="y", estimator=LpDid(BEFORE, AFTER, clean_weeks=CLEAN))
    assert one.params[AFTER] == pytest.approx(two.params[AFTER], abs=ROUNDING)


def test_imputation_in_stacks_has_one_reference_week(drawn):
    panel, events, _ = drawn
    stacked, starts = stacks(panel, events)
    study = event_study(stacked, starts, outcome="y", estimator=Imputation(reference=-1 - EARLY), cluster=PLACE)
    assert study.reference == (-1 - EARLY,)


def test_only_events_in_focus_are_studied_and_all_make_unclean(drawn):
    panel, events, happened = drawn
    some = events.with_focus(lambda table: table["region"] < "r10")
    stacked, starts = stacks(panel, some)
    assert set(starts.table["region"].str[:3]) <= {f"r{i:02d}" for i in range(10)}
    row = stacked.data.reset_index().groupby("region").agg(place=(PLACE, "first"), week=("week", "min"))
    treated = row.index.isin(starts.table["region"])
    for name in row.index[~treated]:
        place, week = name.split(", ")
        t = list(panel.data.index.unique("week").strftime("%G-W%V")).index(week)
        i = int(place[1:])
        assert not happened[i, t - CLEAN : t + AFTER + EARLY + 1].any()


def test_no_clean_comparison_is_refused(drawn):
    panel, events, _ = drawn
    with pytest.raises(IdentificationError, match="shorten the window"):
        clean_stacks(panel, events, window=(BEFORE, WEEKS), clean_weeks=CLEAN, anticipation=EARLY)
