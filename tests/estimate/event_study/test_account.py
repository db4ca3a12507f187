"""Nothing is left out without a word: rows and events by reason, support for every estimator, pooled ends, notes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from panelcoop.errors import IdentificationError
from panelcoop.estimate.event_study.api import event_study
from panelcoop.estimate.event_study.callaway_santanna import CallawaySantAnna
from panelcoop.estimate.event_study.dyadic import Dyadic
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.extended_two_way import ExtendedTwoWay
from panelcoop.estimate.event_study.local_projection import LpDid
from panelcoop.estimate.event_study.rings import Rings
from panelcoop.estimate.event_study.stacked import Stacked
from panelcoop.estimate.event_study.support import SupportRule
from panelcoop.panel.record import panel_from_frame

from .panels import staggered

EXACT = 1e-9
"""The same numbers on another route."""

pytestmark = pytest.mark.filterwarnings("ignore:two-way fixed effects")

FEW_NEIGHBOURS = np.eye(60, k=1) * (np.arange(60) % 15 == 0)[:, None]
CELL_FREE = ["twfe", Stacked(2, 1), LpDid(2, 2), Rings(FEW_NEIGHBOURS)]


def test_every_studied_event_is_used_or_counted_by_its_reason():
    panel, _ = staggered(seed=60, n=30, periods=20)
    rows = [("r000", 5), ("r000", 8), ("r001", 12), ("r002", 2), ("r003", 14), ("r004", 99), ("r005", 14)]
    events = Events.from_table(pd.DataFrame(rows, columns=["region", "date"]), kind="repeated")
    hidden = panel.data["y"].mask(panel.data.index.get_level_values("region") == "r003")
    study = event_study(panel.with_columns({"y": hidden}), events, outcome="y", estimator=LpDid(2, 2, clean_weeks=4))
    assert study.dropped == {
        "'y' missing": 20,
        "never observed: r003": 0,
        "events outside the panel's weeks": 2,  # r003 has no row left, r004's date lies beyond
        "events too near the start of the panel": 1,
        "events of regions with another in the 4 weeks before": 1,
    }
    assert study.support.loc[0, "treated"] == 3
    assert "events of regions with another" in study.summary()


def test_events_without_enough_controls_are_counted():
    panel, events = staggered(seed=61, n=12, starts=(4, 6, np.inf))
    rule = SupportRule(1, 7, require=True)
    study = event_study(panel, events, outcome="y", estimator=LpDid(2, 1), support=rule)
    assert study.dropped["events in weeks with too few clean controls"] == 4
    with pytest.raises(
        IdentificationError, match="0 of the 1 event weeks that the support rule asks for; 2 others have"
    ):
        event_study(panel, events, outcome="y", estimator=LpDid(2, 1), support=SupportRule(1, 50, require=True))


def test_regions_that_a_stack_leaves_out_are_counted():
    panel, events = staggered(seed=62, keep=0.85)
    study = event_study(panel, events, outcome="y", estimator=Stacked(2, 1))
    assert study.dropped["regions not observed in the whole window of a stack"] > 0
    early = event_study(panel, events, outcome="y", estimator=Stacked(4, 1))
    assert early.dropped["event weeks without their whole window in the panel"] > 0


@pytest.mark.parametrize(
    "estimator",
    ["imputation", "two-stage", "sun-abraham", "twfe", "etwfe", LpDid(2, 2), Rings(FEW_NEIGHBOURS)],
    ids=str,
)
def test_a_constant_covariate_is_named(estimator):
    panel, events = staggered(seed=63)
    panel = panel.with_columns({"flat": 1.0 + 0.0 * panel.data["x"]})
    plain = event_study(panel, events, outcome="y", estimator=estimator, covariates=["x"])
    both = event_study(panel, events, outcome="y", estimator=estimator, covariates=["x", "flat"])
    assert both.params.to_numpy() == pytest.approx(plain.params.to_numpy(), abs=1e-7, nan_ok=True)
    assert any("'flat'" in note and "left out" in note for note in both.notes)


def test_poisson_names_cohorts_without_a_count_and_flat_covariates():
    panel, events = staggered(seed=64)
    counts = np.round(np.exp(panel.data["y"] / 4) * 3)
    zero = counts.where(~((panel.data["start"] == 4) & (panel.data.index.get_level_values("week") < 4)), 0.0)
    study = event_study(panel.with_columns({"y": zero}), events, outcome="y", estimator=ExtendedTwoWay("poisson"))
    assert any("without a single count before their event: 4" in note for note in study.notes)


@pytest.mark.parametrize("estimator", CELL_FREE, ids=str)
def test_support_is_counted_printed_and_required_without_cells(estimator):
    panel, events = staggered(seed=65)
    study = event_study(panel, events, outcome="y", estimator=estimator)
    assert study.support.loc[0, ["cohorts", "controls"]].min() > 0
    assert "support by horizon" in study.summary()
    with pytest.raises(IdentificationError, match="support rule"):
        event_study(panel, events, outcome="y", estimator=estimator, support=SupportRule(50, 1, require=True))


def test_two_way_support_counts_cohorts_regions_and_those_that_wait():
    panel, events = staggered(seed=65)
    support = event_study(panel, events, outcome="y", estimator="twfe").support
    assert support.loc[0].tolist() == [3, 45, 15, False]  # week 8: only the 15 never treated wait
    assert support.loc[6].tolist() == [1, 15, 15, True]
    rule = SupportRule(3, 1, require=True)
    study = event_study(panel, events, outcome="y", estimator="twfe", support=rule)
    assert np.isnan(study.params[6])
    assert study.reasons[6] == "fewer than 3 cohorts (1)"


def test_dyads_have_support():
    names = [f"a{i}|b{j}" for i in range(4) for j in range(4)]
    index = pd.MultiIndex.from_product([names, range(6)], names=["region", "week"])
    panel = panel_from_frame(pd.DataFrame({"y": np.random.default_rng(1).normal(size=96)}, index=index))
    events = Events.from_table(pd.DataFrame({"region": names[:5], "date": 3})).with_options(window=(1, 1))
    flat = panel.with_columns({"flat": 1.0 + 0.0 * panel.data["y"]})
    study = event_study(flat, events, outcome="y", estimator=Dyadic(), covariates=["flat"])
    assert any("'flat' left out" in note for note in study.notes)
    assert study.support.loc[0].tolist() == [1, 5, 11, True]
    assert study.params.index.tolist() == [-1, 0, 1]
    assert study.pooled == (1,)


def test_cross_sections_count_rows_of_the_week_with_fewer():
    panel, events = staggered(seed=66, starts=(4, 6, np.inf))
    week, never = panel.data.index.get_level_values("week"), np.isinf(panel.data["start"]).to_numpy()
    first = panel.data.index.get_level_values("region") == panel.data.index[never][0][0]
    thinner = panel_from_frame(panel.data[~(never & (week == 5) & ~first)].reset_index())
    estimator = CallawaySantAnna(unbalanced="cross-section")
    cells = event_study(thinner, events, outcome="y", estimator=estimator).group_time().set_index(["cohort", "week"])
    assert cells.loc[(4, 5), "controls"] == 1
    assert cells.loc[(4, 7), "controls"] == 20


@pytest.mark.parametrize("estimator", ["imputation", "twfe", Rings(FEW_NEIGHBOURS)], ids=str)
def test_pooled_ends_are_named_by_every_estimator(estimator):
    panel, events = staggered(seed=67)
    study = event_study(panel, events.with_options(window=(2, 2)), outcome="y", estimator=estimator)
    assert 2 in study.pooled
    assert any("pooled into its ends" in note for note in study.notes)


def test_two_way_rows_outside_a_dropped_window_count_nowhere():
    panel, events = staggered(seed=68, keep=0.9)
    window = events.with_options(window=(2, 2), ends="dropped")
    study = event_study(panel, window, outcome="y", estimator="twfe")
    horizon = panel.data.index.get_level_values("week") - panel.data["start"]
    inside = panel_from_frame(panel.data[~((horizon < -2) & np.isfinite(horizon)) & ~(horizon > 2)].reset_index())
    direct = event_study(inside, Events.from_column(inside, "start", never=np.inf), outcome="y", estimator="twfe")
    assert study.params.to_numpy() == pytest.approx(direct.params.to_numpy(), abs=EXACT)
    assert study.cov.to_numpy() == pytest.approx(direct.cov.to_numpy(), rel=1e-8, abs=1e-12)
    assert study.nobs == direct.nobs
    assert study.dropped["outside the window, whose ends are dropped"] == len(panel.data) - len(inside.data)


def test_leads_that_effects_fit_exactly_are_missing_with_the_reason():
    panel, events = staggered(seed=69, starts=(5,), n=20)
    with pytest.raises(IdentificationError, match="no untreated observation"):
        event_study(panel, events, outcome="y", estimator="two-stage")
    mixed, events = staggered(seed=69, starts=(5, np.inf))
    assert event_study(mixed, events, outcome="y", estimator="two-stage").params.notna().all()


def test_single_regions_are_noted():
    panel, _ = staggered(seed=70, n=31)
    events = Events.from_table(pd.DataFrame({"region": ["r000"], "date": [5]}))
    study = event_study(panel, events, outcome="y", estimator="imputation")
    assert any("cohorts of one region" in note and note.endswith(": 5") for note in study.notes)
    assert any("one treated region" in note for note in study.notes)
    assert study.std_errors[0] > 0
