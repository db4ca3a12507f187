"""Some events studied, histories exchanged, dates moved, neighbours named: what happens to the events themselves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import IdentificationError
from panelcoop.estimate.event_study.aggregate import aggregate_events
from panelcoop.estimate.event_study.api import event_study
from panelcoop.estimate.event_study.callaway_santanna import CallawaySantAnna
from panelcoop.estimate.event_study.date_randomisation import randomise_dates
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.extended_two_way import ExtendedTwoWay
from panelcoop.estimate.event_study.local_projection import Dose, LpDid
from panelcoop.estimate.event_study.placebo import fake_dates, leave_one_region_out
from panelcoop.estimate.event_study.rings import Rings
from panelcoop.estimate.event_study.stacked import Stacked
from panelcoop.panel.record import SpatialWeights

from .panels import staggered

EXACT = 1e-9
"""Noiseless panels, or the same numbers on another route."""


@pytest.mark.parametrize(
    "estimator",
    [
        "callaway-santanna",
        CallawaySantAnna("not-yet"),
        "sun-abraham",
        "imputation",
        "two-stage",
        "etwfe",
        ExtendedTwoWay("linear", "never"),
        Stacked(2, 1),
        LpDid(2, 2),
    ],
    ids=str,
)
def test_only_studied_events_are_averaged_and_the_others_are_no_controls(estimator):
    panel, events = staggered(seed=50, noise=0.0, effect=lambda h, g: {4: 1.0, 6: 10.0, 8: 100.0}[g] * (1 + h))
    panel = panel.with_columns({"y": panel.data["y"] - 0.4 * panel.data["x"]})
    focused = events.with_focus(lambda table: table["date"] == 6)
    study = event_study(panel, focused, outcome="y", estimator=estimator)
    assert study.params[[0, 1]].to_numpy() == pytest.approx([10.0, 20.0], abs=EXACT)
    if study.cells is not None:
        assert set(study.group_time()["cohort"]) == {6}


def test_one_cohort_may_be_studied_in_part():
    panel, events = staggered(seed=51)
    odd = lambda table: table["region"].str[-1].astype(int) % 2 == 1  # noqa: E731
    study = event_study(panel, events.with_focus(odd), outcome="y")
    kept = panel.data.index.get_level_values("region").str[-1].astype(int) % 2 == 1
    never = np.isinf(panel.data["start"]).to_numpy()
    alone = panel.data[kept | never]
    direct = event_study(alone, Events.from_column(alone, "start", never=np.inf), outcome="y")
    assert study.params.to_numpy() == pytest.approx(direct.params.to_numpy(), abs=EXACT)


def test_two_way_effects_refuse_a_focus():
    panel, events = staggered(seed=52)
    with pytest.raises(IdentificationError, match="mix all of them"):
        event_study(panel, events.with_focus(lambda t: t["date"] == 4), outcome="y", estimator="twfe")


def test_rings_of_studied_events_only():
    panel, events = staggered(seed=53, n=40, noise=0.0, starts=(4, 6, *[np.inf] * 6))
    panel = panel.with_columns({"y": panel.data["y"] - 0.4 * panel.data["x"]})
    near = np.zeros((40, 40))
    late = events.with_focus(lambda table: table["date"] == 6)
    study = event_study(panel, late, outcome="y", estimator=Rings(near))
    assert study.support.loc[0, "cohorts"] == 1
    assert study.params[0] == pytest.approx(1.0, abs=EXACT)


def _repeated():
    rows = [("r000", 4), ("r000", 9), ("r001", 5), ("r002", 6), ("r002", 11)]
    return Events.from_table(pd.DataFrame(rows, columns=["region", "date"]), kind="repeated")


def test_the_first_randomised_draw_is_the_study_itself():
    panel, events = staggered(seed=54, n=12, periods=12)
    cases = [
        (_repeated(), LpDid(1, 1, clean_weeks=2)),
        (events.with_focus(lambda t: t["date"] == 4), LpDid(2, 2)),
        (Events.from_table(events.table.assign(dose=np.arange(1.0, 10.0)), dose="dose"), Dose(1, 1)),
    ]
    for given, estimator in cases:
        found = randomise_dates(panel, given, draws=19, outcome="y", estimator=estimator)
        overall = aggregate_events(event_study(panel, given, outcome="y", estimator=estimator)).overall
        assert found.draws[0] == pytest.approx(overall.estimate / overall.std_error, abs=EXACT)
        assert found.statistic == pytest.approx(found.draws[0], abs=EXACT)


def test_whole_histories_change_hands():
    panel, _ = staggered(seed=55, n=4, periods=12)
    seen = []

    def summary(study):
        seen.append(study.counts.copy())
        return float(len(seen)), 1.0

    found = randomise_dates(
        panel, _repeated(), draws=99, level=None, summary=summary, outcome="y", estimator=LpDid(1, 0, clean_weeks=2)
    )
    assert found.enumerated
    assert found.draws.size == 24  # four different histories, one of them empty
    assert all(counts[-1, 1] == seen[0][-1, 1] for counts in seen)  # the same number of events in every assignment


@pytest.mark.parametrize("estimator", ["callaway-santanna", CallawaySantAnna("not-yet", "universal"), "imputation"])
def test_fake_dates_work_with_the_default_estimator(estimator):
    panel, events = staggered(n=80, seed=7, starts=(7, 8, 9, np.inf), noise=0.01)
    panel = panel.with_columns({"y": panel.data["y"] - 0.4 * panel.data["x"]})
    table = fake_dates(panel, events, shifts=(2, 3), outcome="y", estimator=estimator)
    assert table["estimate"].abs().max() < 0.02
    assert (table["reason"] == "").all()


def test_fake_dates_keep_the_other_options_of_events():
    panel, events = staggered(seed=57, starts=(7, 8, 9, np.inf))
    odd = events.with_focus(lambda t: t["date"] == 8)
    one = fake_dates(panel, odd, shifts=(2,), outcome="y", estimator="imputation")
    every = fake_dates(panel, events, shifts=(2,), outcome="y", estimator="imputation")
    assert abs(one.loc[2, "estimate"] - every.loc[2, "estimate"]) > 1e-6


def test_neighbours_are_matched_by_name():
    panel, events = staggered(seed=58, n=40, starts=(4, 6, *[np.inf] * 6))
    names = panel.data.index.unique("region")
    near = pd.DataFrame(np.eye(40, k=1) + np.eye(40, k=-1), index=names, columns=names)
    mixed = near.iloc[np.random.default_rng(1).permutation(40), np.random.default_rng(2).permutation(40)]
    weights = SpatialWeights("line", tuple(names), near.to_numpy())
    plain = event_study(panel, events, outcome="y", estimator=Rings(near.to_numpy(), show=1)).params
    for given in (near, mixed, weights):
        found = event_study(panel, events, outcome="y", estimator=Rings(given, show=1)).params
        assert found.to_numpy() == pytest.approx(plain.to_numpy(), abs=EXACT)
    table = leave_one_region_out(panel, events, outcome="y", estimator=Rings(near.to_numpy(), show=1))
    assert len(table) == 41
    assert table["estimate"].notna().all()
