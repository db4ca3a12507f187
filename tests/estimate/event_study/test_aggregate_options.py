"""Chosen windows, balanced cohorts, fixed and estimated shares, missing cells, and tests of anticipated leads."""

from __future__ import annotations

import numpy as np
import pytest

from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.aggregate import aggregate_events
from panelcoop.estimate.event_study.api import event_study
from panelcoop.estimate.event_study.callaway_santanna import CallawaySantAnna
from panelcoop.estimate.event_study.local_projection import LpDid
from panelcoop.estimate.event_study.pretrends import pretrend_tests

from .panels import staggered

EXACT = 1e-9
"""The same sums on another route."""

pytestmark = pytest.mark.filterwarnings("ignore:two-way fixed effects")


@pytest.mark.parametrize("estimator", ["callaway-santanna", "sun-abraham", "imputation"])
def test_a_window_chooses_what_is_averaged(estimator):
    panel, events = staggered(seed=90)
    study = event_study(panel, events, outcome="y", estimator=estimator)
    cells = study.group_time()
    chosen = cells[cells["horizon"].between(1, 3)]
    by_hand = np.average(chosen["estimate"], weights=chosen["treated"])
    assert aggregate_events(study, window=(1, 3)).overall.estimate == pytest.approx(by_hand, abs=EXACT)
    horizons = aggregate_events(study, "horizon", window=(-2, 3))
    assert horizons.params.equals(study.params[study.params.index.isin(range(-2, 4))])
    assert horizons.overall.estimate == pytest.approx(study.params[[0, 1, 2, 3]].mean(), abs=EXACT)
    by_cohort = aggregate_events(study, "cohort", window=(0, 1)).params
    assert by_cohort[4] == pytest.approx(cells.query("cohort == 4 and horizon in (0, 1)")["estimate"].mean(), abs=EXACT)
    with pytest.raises(IdentificationError, match="chosen"):
        aggregate_events(study, "cohort", window=(20, 30))


def test_a_window_also_chooses_horizons_without_cells():
    panel, events = staggered(seed=91)
    study = event_study(panel, events, outcome="y", estimator=LpDid(2, 4))
    found = aggregate_events(study, window=(1, 2)).overall.estimate
    assert found == pytest.approx(study.params[[1, 2]].mean(), abs=EXACT)


@pytest.mark.parametrize("base", ["varying", "universal"])
def test_balanced_horizons_average_the_same_cohorts(base):
    panel, events = staggered(seed=92)
    study = event_study(panel, events, outcome="y", estimator=CallawaySantAnna(base=base))
    cells = study.group_time()
    found = aggregate_events(study, "horizon", balance=4)
    own = cells[cells["cohort"].isin([4, 6])]
    for h in found.params.index:
        at = own[own["horizon"] == h]
        assert found.params[h] == pytest.approx(np.average(at["estimate"], weights=at["treated"]), abs=EXACT)
    assert found.params.index.max() == 4
    assert found.overall.estimate == pytest.approx(found.params[found.params.index >= 0].mean(), abs=EXACT)
    with pytest.raises(IdentificationError, match="every horizon from 0 to 30"):
        aggregate_events(study, "horizon", balance=30)
    with pytest.raises(DataError, match="by='horizon'"):
        aggregate_events(study, "cohort", balance=2)


def test_a_cohort_without_one_of_the_effects_is_not_balanced():
    panel, events = staggered(seed=93, starts=(4, 8, np.inf))
    never = panel.data["start"] == np.inf
    gone = never & (panel.data.index.get_level_values("week") == 6)
    study = event_study(
        panel.with_columns({"y": panel.data["y"].mask(gone)}),
        events,
        outcome="y",
        estimator=CallawaySantAnna("not-yet", unbalanced="cross-section"),
    )
    assert aggregate_events(study, "horizon", balance=2).params[0] == study.params[0]
    study = event_study(panel, events, outcome="y", estimator="imputation")
    assert aggregate_events(study, "horizon", balance=3).params.index.tolist() == [0, 1, 2, 3]


def test_fixed_shares_leave_their_sampling_error_out():
    panel, events = staggered(seed=94, effect=lambda h, g: g / 2.0)
    study = event_study(panel, events, outcome="y")
    fixed, estimated = (aggregate_events(study, "cohort", shares=s).overall for s in ("fixed", "estimated"))
    assert estimated.std_error == aggregate_events(study, "cohort").overall.std_error
    by_cohort = aggregate_events(study, "cohort").params
    n = np.array([15, 15, 15])
    p = n / n.sum()
    spread = (p * (by_cohort - p @ by_cohort) ** 2).sum() / n.sum()
    assert estimated.std_error**2 - fixed.std_error**2 == pytest.approx(spread, abs=EXACT)
    horizon = aggregate_events(study, "horizon", shares="fixed")
    assert (horizon.std_errors[0] < study.std_errors[0]) & (horizon.params[0] == study.params[0])


def test_missing_cells_are_left_out_or_refused():
    panel, events = staggered(seed=95)
    study = event_study(panel, events, outcome="y", estimator="imputation")
    assert aggregate_events(study, missing="refused").overall == aggregate_events(study).overall
    data = panel.data.reset_index()
    short = panel.with_columns({"y": panel.data["y"].mask(((data["week"] == 9) & ~(data["start"] < 9)).to_numpy())})
    study = event_study(short, events, outcome="y", estimator="imputation")
    assert np.isfinite(aggregate_events(study).overall.estimate)
    with pytest.raises(IdentificationError, match="3 effects are not estimable"):
        aggregate_events(study, missing="refused")


def test_anticipated_cells_are_tested_only_where_asked_for():
    panel, events = staggered(seed=96)
    study = event_study(panel, events.with_options(anticipation=2), outcome="y")
    plain, more = (pretrend_tests(study, by="cell", anticipated=a).wald for a in (False, True))
    cells = study.group_time()
    assert plain.df == (cells["horizon"] < -2).sum()
    assert more.df == (cells["horizon"] < 0).sum()
    pick = np.eye(len(cells))[:, (cells["horizon"] < 0).to_numpy()]
    V = study.rows_covariance(study.cells.influence.combine(pick))
    b = cells.loc[cells["horizon"] < 0, "estimate"].to_numpy()
    assert more.statistic == pytest.approx(b @ np.linalg.solve(V, b), rel=1e-8)
    with pytest.raises(DataError, match="by='cell'"):
        pretrend_tests(study, anticipated=True)
