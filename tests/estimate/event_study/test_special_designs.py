"""Repeated events, doses, spillover rings and dyads: the truth comes back."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.aggregate import aggregate_events
from panelcoop.estimate.event_study.api import event_study
from panelcoop.estimate.event_study.date_randomisation import randomise_dates
from panelcoop.estimate.event_study.dyadic import Dyadic
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.local_projection import Dose, LpDid
from panelcoop.estimate.event_study.placebo import fake_dates, leave_one_region_out
from panelcoop.estimate.event_study.rings import Rings
from panelcoop.numerics.event_study.influence import dyadic_covariance
from panelcoop.panel.record import panel_from_frame

from .panels import staggered


def _frame(y, **columns):
    n, T = y.shape
    index = {"region": np.repeat([f"r{i:02d}" for i in range(n)], T), "week": np.tile(np.arange(T), n)}
    return panel_from_frame(pd.DataFrame({**index, "y": y.ravel(), **columns}))


def test_repeated_events_with_clean_controls_recover_a_passing_effect():
    rng = np.random.default_rng(1)
    n, T, shape = 40, 120, np.array([1.0, 2.0, 1.0])
    y = rng.normal(size=(n, 1)) + np.cos(np.arange(T) / 5)[None, :]
    rows = []
    for i in range(n):
        week = int(rng.integers(10, 20))
        while week < T - 5:
            y[i, week : week + 3] += shape
            rows.append((f"r{i:02d}", week))
            week += int(rng.integers(10, 40))
    events = Events.from_table(pd.DataFrame(rows, columns=["region", "date"]), kind="repeated")
    study = event_study(_frame(y), events, outcome="y", estimator=LpDid(leads=3, lags=4, clean_weeks=6))
    assert study.params[[0, 1, 2, 3, 4]].to_numpy() == pytest.approx([1, 2, 1, 0, 0], abs=1e-8)
    assert study.params[[-3, -2]].to_numpy() == pytest.approx([0, 0], abs=1e-8)
    with pytest.raises(IdentificationError, match="lp-did"):
        event_study(_frame(y), events, outcome="y", estimator="imputation")


def _dated(y, weeks, drop=(), **columns):
    kept = [t for t in range(y.shape[1]) if t not in drop]
    rows = [(f"r{i:02d}", weeks[t], y[i, t]) for i in range(len(y)) for t in kept]
    return panel_from_frame(pd.DataFrame(rows, columns=["region", "week", "y"]))


CALENDARS = [
    pd.date_range("2020-01-06", periods=40, freq="W-MON"),
    pd.date_range("2018-01-31", periods=40, freq="ME"),
    pd.Index(range(100, 180, 2)),
]


@pytest.mark.parametrize("weeks", CALENDARS, ids=["weeks", "months", "numbers"])
@pytest.mark.parametrize("estimator", [LpDid(4, 6), Dose(4, 6)], ids=["lp-did", "dose"])
def test_weeks_nobody_observed_keep_their_place(weeks, estimator):
    t, start = np.arange(40), np.array([15, 16, 17, 18, 19, 20, *[99] * 14])
    y = np.sin(t)[None, :] + np.arange(20)[:, None] + np.where(t >= start[:, None], t - start[:, None] + 1.0, 0.0)
    table = pd.DataFrame({"region": [f"r{i:02d}" for i in range(6)], "date": weeks[start[:6]], "dose": 1.0})
    events = Events.from_table(table, dose="dose").with_options(anticipation=0)
    study = event_study(_dated(y, weeks, drop=(21, 22)), events, outcome="y", estimator=estimator)
    assert study.params[range(7)].to_numpy() == pytest.approx(np.arange(1.0, 8.0), abs=1e-9)
    assert study.params[[-4, -3, -2]].to_numpy() == pytest.approx(0.0, abs=1e-9)
    assert any("keep their place" in note for note in study.notes)


def test_an_event_in_a_week_nobody_observed_makes_its_region_unclean():
    t = np.arange(40)
    y = np.tile(np.sin(t), (20, 1))
    y[:3, 25:] += 1.0
    y[3:13, 22:27] += 5.0
    table = pd.DataFrame({"region": [f"r{i:02d}" for i in range(13)], "date": [25] * 3 + [22] * 10})
    events = Events.from_table(table, kind="repeated").with_options(window=(2, 4))
    late = events.with_focus(lambda table: table["date"] == 25)
    study = event_study(_dated(y, t, drop=(22,)), late, outcome="y", estimator=LpDid(2, 4))
    assert study.params[range(5)].to_numpy() == pytest.approx(1.0, abs=1e-9)
    every = event_study(_dated(y, t, drop=(22,)), events, outcome="y", estimator=LpDid(2, 4))
    assert every.params[1] == pytest.approx((3 * 1.0 + 10 * 5.0) / 13, abs=1e-9)


def test_regions_inside_a_long_spell_are_neither_controls_nor_newly_treated():
    t = np.arange(40)
    y = np.tile(np.sin(t), (20, 1))
    y[:10, 10:35] += 5.0 + np.arange(25.0)
    y[10:14, 24:27] += 5.0
    rows = [(f"r{i:02d}", 10, 34) for i in range(10)] + [(f"r{i:02d}", 24, 26) for i in range(10, 14)]
    rows += [("r00", 30, 33), ("r19", -50, np.nan)]
    y[19] += t**2.0
    table = pd.DataFrame(rows, columns=["region", "date", "end"])
    events = Events.from_table(table, end="end", kind="switching").with_options(window=(3, 2), anticipation=0)
    late = events.with_focus(lambda table: table["date"] >= 24)
    study = event_study(_frame(y), late, outcome="y", estimator=LpDid(clean_weeks=8))
    assert study.params[[0, 1, 2]].to_numpy() == pytest.approx(5.0, abs=1e-9)
    assert study.params[[-3, -2]].to_numpy() == pytest.approx(0.0, abs=1e-9)
    endless = Events.from_table(table[["region", "date"]], kind="switching").with_options(window=(3, 2))
    with pytest.raises(DataError, match="last week"):
        event_study(_frame(y), endless, outcome="y", estimator=LpDid())
    with pytest.raises(IdentificationError, match="lp-did"):
        event_study(_frame(y), late, outcome="y", estimator="imputation")


def test_dose_recovers_the_effect_per_unit():
    rng = np.random.default_rng(2)
    n, T = 30, 20
    dose = np.where(np.arange(n) < 15, rng.uniform(1, 3, n), 0)
    y = rng.normal(size=(n, 1)) + rng.normal(size=(1, T)) + 0.7 * dose[:, None] * (np.arange(T) >= 10)
    table = pd.DataFrame({"region": [f"r{i:02d}" for i in range(15)], "date": 10, "dose": dose[:15]})
    events = Events.from_table(table, dose="dose")
    study = event_study(_frame(y), events, outcome="y", estimator=Dose(leads=3, lags=4))
    assert study.params[[0, 4]].to_numpy() == pytest.approx([0.7, 0.7], abs=1e-9)
    with pytest.raises(DataError, match="need a dose"):
        event_study(_frame(y), Events.from_table(table[["region", "date"]]), outcome="y", estimator=Dose(3, 4))


def test_rings_recover_direct_and_neighbour_effects():
    rng = np.random.default_rng(3)
    n, T = 36, 24
    line = np.abs(np.subtract.outer(np.arange(n), np.arange(n))) == 1
    start = np.full(n, np.inf)
    start[[6, 18]] = [10, 14]
    distance = np.abs(np.subtract.outer(np.arange(n), [6, 18]))
    first = np.where(distance == 1, start[[6, 18]], np.inf).min(axis=1)
    weeks = np.arange(T)
    y = rng.normal(size=(n, 1)) + rng.normal(size=(1, T))
    y = y + 2.0 * (weeks >= start[:, None]) + 0.5 * (weeks >= first[:, None])
    table = pd.DataFrame({"region": ["r06", "r18"], "date": [10, 14]})
    events = Events.from_table(table)
    own = event_study(_frame(y), events, outcome="y", estimator=Rings(line.astype(float)))
    ring = event_study(_frame(y), events, outcome="y", estimator=Rings(line.astype(float), show=1))
    assert own.params[own.params.index >= 0].to_numpy() == pytest.approx(2.0, abs=1e-9)
    assert ring.params[ring.params.index >= 0].to_numpy() == pytest.approx(0.5, abs=1e-9)
    naive = event_study(_frame(y), events, outcome="y", estimator="imputation")
    assert abs(naive.params[3] - 2.0) > 1e-3


def _dyads(seed, effect):
    rng = np.random.default_rng(seed)
    members = [f"m{i}" for i in range(8)]
    pairs = list(permutations(members, 2))
    sender = {m: rng.normal(size=12) for m in members}
    receiver = {m: rng.normal(size=12) for m in members}
    rows = []
    for i, (a, b) in enumerate(pairs):
        paired = i % 5 == 0
        y = sender[a] + receiver[b] + effect * paired * (np.arange(12) >= 6)
        rows += [(f"{a}|{b}", t, y[t], 6.0 if paired else np.nan) for t in range(12)]
    panel = panel_from_frame(pd.DataFrame(rows, columns=["region", "week", "y", "date"]))
    return panel, Events.from_column(panel, "date")


def test_dyads_with_member_week_effects_recover_the_pairing():
    panel, events = _dyads(4, 1.5)
    study = event_study(panel, events, outcome="y", estimator=Dyadic(members="member-week"))
    assert study.params[[0, 5]].to_numpy() == pytest.approx([1.5, 1.5], abs=1e-8)
    assert study.params[-3] == pytest.approx(0, abs=1e-8)


def test_dyadic_covariance_is_the_double_sum_over_shared_members():
    pairs = np.array(list(permutations(range(7), 2)))
    for seed in range(5):
        rows = np.random.default_rng(seed).normal(size=(len(pairs), 1)) + 0.5 * pairs[:, :1]
        members = [set(pair) for pair in pairs]
        total = sum(
            rows[i, 0] * rows[j, 0] for i in range(len(rows)) for j in range(len(rows)) if members[i] & members[j]
        )
        found = dyadic_covariance(rows, pairs[:, 0], pairs[:, 1])[0, 0]
        assert found == pytest.approx(max(total, 0.0), abs=1e-9)


def test_leaving_regions_out_covers_every_region():
    panel, events = staggered(n=12, seed=6)
    table = leave_one_region_out(panel, events, outcome="y", estimator="imputation")
    assert len(table) == 13
    assert table.loc["none", "change"] == 0
    assert table["estimate"].notna().all()


def test_fake_dates_find_nothing_where_nothing_happened():
    panel, events = staggered(n=80, seed=7, starts=(7, 8, 9, np.inf), noise=0.01)
    panel = panel.with_columns({"y": panel.data["y"] - 0.4 * panel.data["x"]})
    table = fake_dates(panel, events, shifts=(2, 3), outcome="y", estimator="imputation")
    assert table["estimate"].abs().max() < 0.02


def test_randomised_dates_enumerate_small_designs():
    panel, events = staggered(n=5, seed=8, starts=(5, np.inf, np.inf, np.inf, np.inf))
    found = randomise_dates(panel, events, draws=99, outcome="y", estimator="imputation")
    expected = 0.0 if found.enumerated else np.sqrt(found.pvalue * (1 - found.pvalue) / found.draws.size)
    assert found.p_error == pytest.approx(expected)
    assert found.enumerated
    assert found.draws.size == 5
    assert found.pvalue in [i / 5 for i in range(1, 6)]


def test_effects_by_dose_bin_add_up():
    rng = np.random.default_rng(9)
    n, T = 30, 16
    dose = np.where(np.arange(n) < 16, np.resize([0.5, 1.5], n), 0.0)
    y = rng.normal(size=(n, 1)) + rng.normal(size=(1, T)) + dose[:, None] ** 2 * (np.arange(T) >= 8)
    table = pd.DataFrame({"region": [f"r{i:02d}" for i in range(16)], "date": 8, "dose": dose[:16]})
    events = Events.from_table(table, dose="dose")
    study = event_study(_frame(y), events.with_dose_bins([0, 1, 2]), outcome="y", estimator="callaway-santanna")
    by_dose = aggregate_events(study, "dose")
    assert by_dose.params.to_dict() == pytest.approx({"(0, 1]": 0.25, "(1, 2]": 2.25})
    assert by_dose.overall.estimate == pytest.approx(1.25)
    with pytest.raises(DataError, match="hold every dose"):
        events.with_dose_bins([0, 1])
    with pytest.raises(IdentificationError, match="stage='column'"):
        aggregate_events(study, "stage")
    staged = _frame(y, stage="early")
    by_stage = event_study(staged, events, outcome="y", stage="stage")
    assert list(aggregate_events(by_stage, "stage").params.index) == ["early"]
    with pytest.raises(IdentificationError, match="with_dose_bins"):
        aggregate_events(by_stage, "dose")
    with pytest.raises(DataError, match="by stage or by dose"):
        event_study(staged, events.with_dose_bins([0, 1, 2]), outcome="y", stage="stage")
    with pytest.raises(IdentificationError, match="with_dose_bins"):
        aggregate_events(event_study(_frame(y), events, outcome="y"), "dose")


@pytest.mark.parametrize("column", ["date", "end"])
def test_dates_of_several_types_are_refused_by_row(column):
    table = pd.DataFrame({"region": ["a", "b", "c"], "date": [3, 4, 5], "end": [6, 7, 8]}, index=[10, 11, 12])
    table[column] = [3, "2020-03-01", 9]
    with pytest.raises(DataError, match=f"'{column}' mixes types .*others: 11"):
        Events.from_table(table, end="end", kind="switching")
