"""Uncertain stage dates: vectors that can be checked by eye, Rubin's rules by hand, refits by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from panelcoop.errors import DataError, PlanError
from panelcoop.estimate.settings import InferenceSettings
from panelcoop.estimate.stage_interaction import stage_interaction
from panelcoop.panel.assemble import assemble
from panelcoop.panel.plan import change_plan, plan_from_mapping
from panelcoop.panel.plan_measures import EpidemicClock
from panelcoop.panel.record import panel_from_frame
from panelcoop.sensitivity.multiverse_universe import Universe
from panelcoop.sensitivity.stage_date_vectors import (
    DateVector,
    DateVectors,
    clock_ranges,
    epidemic_vectors,
    likely_set,
    recorded_cases,
    white_paper_vectors,
)
from panelcoop.sensitivity.stage_dates import rubin, stage_date_uncertainty

FAST = InferenceSettings(draws=199, seed=4)
CONTRAST = "risk:outbreak - risk:recovery"


@pytest.fixture(scope="module")
def panel(root):
    return assemble(change_plan(plan_from_mapping({}), {"data.folder": str(root / "data")}))


def own_frame(seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_product([list("abcdefgh"), range(30)], names=["region", "week"])
    frame = pd.DataFrame({"risk": rng.normal(size=len(index)), "y": rng.normal(size=len(index))}, index=index)
    frame["stage"] = stage_with(index, 10)
    frame["y"] += frame["risk"] * np.where(frame["stage"] == "outbreak", 1.0, 0.2)
    return frame


def stage_with(index: pd.MultiIndex, turn: int) -> pd.Series:
    return pd.Series(np.where(index.get_level_values("week") < turn, "outbreak", "recovery"), index=index)


def dates(index: pd.MultiIndex, turns: dict[int, float], imputations: float = np.inf) -> DateVectors:
    return DateVectors(tuple(DateVector(f"turn {t}", stage_with(index, t), p) for t, p in turns.items()), imputations)


def test_rubins_rules_by_hand():
    q, u = np.array([1.0, 1.4, 0.7, 1.1, 0.9]), np.array([0.2, 0.25, 0.18, 0.22, 0.2])
    found = rubin(q, u, np.ones(5), 30.0)
    between, within = q.var(ddof=1), u.mean()
    total = within + 1.2 * between
    lam = 1.2 * between / total
    observed = 31 / 33 * 30 * (1 - lam)
    df = 1 / (lam**2 / 4 + 1 / observed)
    assert (found.estimate, found.between, found.within) == pytest.approx((q.mean(), between, within))
    assert (found.std_error, found.df, found.missing_information) == pytest.approx((np.sqrt(total), df, lam))
    assert found.pvalue == pytest.approx(2 * stats.t.sf(q.mean() / np.sqrt(total), df))
    assert found.conf_int(0.9) == pytest.approx(stats.t.interval(0.9, df, q.mean(), np.sqrt(total)))
    doubled = rubin(np.repeat(q, 2), np.repeat(u, 2), np.ones(10), 30.0, imputations=5)
    weighted = rubin(q, u, np.full(5, 2.0), 30.0)
    assert doubled.std_error == pytest.approx(weighted.std_error)
    exact = rubin(q, u, np.ones(5), 30.0, imputations=np.inf)
    assert exact.std_error**2 == pytest.approx(within + q.var())
    same = rubin(np.ones(4), u[:4], np.ones(4), 30.0)
    assert (same.between, same.missing_information) == (0.0, 0.0)


def test_official_dates_move_by_a_week_either_way(panel):
    found = white_paper_vectors(panel, panel.plan.stages.mapping)
    assert len(found.vectors) == 27
    assert found.probabilities.sum() == pytest.approx(1)
    assert found.vectors[0].name == "official"
    assert found.vectors[0].probability == 0.125
    assert found.vectors[0].stage.astype(object).equals(panel.data["stage_white_paper"].astype(object))
    by_name = {v.name: v.stage.xs("CN-BJ", level="region").astype(object) for v in found.vectors}
    official = by_name["official"]
    starts = {s: official[official == s].index[0] for s in ("outbreak", "continuation", "recovery")}
    late = by_name["II +1"]
    assert late[starts["outbreak"]] == "gestation"
    assert (late != official).sum() - (late.isna() & official.isna()).sum() == 1
    early = by_name["V -1"]
    assert early[starts["recovery"] - pd.Timedelta(weeks=1)] == "recovery"
    both = by_name["II -1, III +1"]
    assert both[starts["outbreak"] - pd.Timedelta(weeks=1)] == "outbreak"
    assert both[starts["continuation"]] == "outbreak"


def test_the_epidemic_clock_of_the_plan_comes_first_and_is_the_panels_own(panel):
    cases = recorded_cases(panel.plan, list(panel.regions.index))
    ranges = {"gestation_weeks": {2: 0.5, 3: 0.5}, "growth_weeks": {1: 0.75, 2: 0.25}}
    clock = panel.plan.stages.epidemic
    found = epidemic_vectors(panel, cases, panel.regions["population"], clock, ranges=ranges)
    assert [v.name for v in found.vectors] == [
        "plan",
        "gestation_weeks = 3",
        "growth_weeks = 2",
        "gestation_weeks = 3, growth_weeks = 2",
    ]
    assert found.probabilities.tolist() == [0.375, 0.375, 0.125, 0.125]
    assert np.isinf(found.imputations)
    assert found.vectors[0].stage.astype(object).equals(panel.data["stage_epidemic"].astype(object))
    more = (found.vectors[1].stage == "gestation").sum()
    assert more > (found.vectors[0].stage == "gestation").sum()


def test_many_combinations_are_drawn():
    weeks = pd.date_range("2020-01-06", periods=40, freq="7D")
    cases = pd.DataFrame({"A": np.maximum(0, 90 * np.sin(np.arange(40) / 4)).round()}, index=weeks)
    index = pd.MultiIndex.from_product([["A"], weeks], names=["region", "week"])
    panel = panel_from_frame(pd.DataFrame({"y": 1.0}, index=index))
    people = pd.Series({"A": 1e6})
    one, two = (
        epidemic_vectors(panel, cases, people, EpidemicClock(), draws=12, rng=np.random.default_rng(3))
        for _ in range(2)
    )
    assert one.vectors[0].name == "plan"
    assert [v.name for v in one.vectors] == [v.name for v in two.vectors]
    assert one.probabilities.sum() == pytest.approx(1)
    assert 12 <= one.imputations <= 13
    assert len(one.vectors) <= 13


def test_ranges_stay_possible():
    low = clock_ranges(EpidemicClock(gestation_weeks=0, growth_weeks=1, quiet_weeks=1, onset_cases=0))
    assert set(low["gestation_weeks"]) == {0, 1}
    assert set(low["quiet_weeks"]) == {1, 2}
    assert low["onset_cases"] == {0: 1.0}
    for options in low.values():
        assert sum(options.values()) == pytest.approx(1)


def test_the_likely_set_is_the_smallest_that_holds_the_mass():
    rng = np.random.default_rng(1)
    for _ in range(20):
        p = rng.dirichlet(np.ones(9))
        inside = likely_set(p, 0.9)
        assert p[inside].sum() >= 0.9 - 1e-12
        assert p[inside].sum() - p[inside].min() < 0.9
        assert p[inside].min() >= p[~inside].max(initial=0)


def test_the_table_equals_refits_combined_by_hand():
    frame = own_frame()
    turns = {10: 0.5, 8: 0.3, 13: 0.15, 16: 0.05}
    universe = Universe("y", {"risk": "risk"}, "stage")
    asked = {"gap": CONTRAST, "joint": "risk:outbreak = 0, risk:recovery = 0"}
    found = stage_date_uncertainty(
        panel_from_frame(frame), asked, model=universe, vectors=dates(frame.index, turns), settings=FAST
    )
    estimates, variances, p, joint = [], [], [], []
    for turn in turns:
        fit = stage_interaction(frame.assign(stage=stage_with(frame.index, turn)), outcome="y", drivers=["risk"])
        rows = fit.inference(["DWB-t"], asked, FAST).droplevel("method")
        estimates.append(rows.loc["gap", "estimate"])
        half = (rows.loc["gap", "conf_high"] - rows.loc["gap", "conf_low"]) / 2
        variances.append((half / stats.t.ppf(0.975, 7)) ** 2)
        p.append(rows.loc["gap", "pvalue"])
        joint.append(rows.loc["joint", "pvalue"])
    weights = np.array(list(turns.values()))
    hand = rubin(np.array(estimates), np.array(variances), weights, 7.0, imputations=np.inf)
    row = found.table.loc["gap"]
    assert (row["estimate"], row["std_error"], row["df"]) == pytest.approx((hand.estimate, hand.std_error, hand.df))
    assert (row["plan_estimate"], row["plan_pvalue"]) == pytest.approx((estimates[0], p[0]))
    assert row["worst_pvalue"] == max(p[:3])  # the fourth vector lies outside the 90% set
    assert found.table.loc["joint", "worst_pvalue"] == max(joint[:3])
    assert np.isnan(found.table.loc["joint", "estimate"])
    assert found.vectors["likely"].tolist() == [True] * 6 + [False] * 2
    assert "4 sets of dates (all taken)" in str(found)


def test_dates_that_give_no_estimate_are_reported_not_dropped():
    frame = own_frame()
    universe = Universe("y", {"risk": "risk"}, "stage")
    vectors = dates(frame.index, {10: 0.9, 0: 0.1}, imputations=10)
    found = stage_date_uncertainty(panel_from_frame(frame), [CONTRAST], model=universe, vectors=vectors, settings=FAST)
    assert found.table["undefined"].iloc[0] == pytest.approx(0.1)
    assert found.vectors["reason"].iloc[1]
    assert found.table["between"].iloc[0] == 0
    with pytest.raises(DataError, match="own dates give no estimate"):
        stage_date_uncertainty(
            panel_from_frame(frame),
            [CONTRAST],
            model=universe,
            vectors=dates(frame.index, {0: 0.5, 10: 0.5}),
            settings=FAST,
        )


def test_a_panel_without_a_plan_needs_vectors():
    frame = own_frame()
    universe = Universe("y", {"risk": "risk"}, "stage")
    with pytest.raises(PlanError, match="without a plan"):
        stage_date_uncertainty(panel_from_frame(frame), [CONTRAST], model=universe, settings=FAST)


def test_the_plans_white_paper_model(panel):
    model = panel.plan.model.model_copy(update={"stage": "stage_white_paper", "last_week": "2020-W53"})
    found = stage_date_uncertainty(panel, model=model, settings=FAST)
    assert len(found.vectors) == 27
    assert found.table["undefined"].iloc[0] == 0
    assert found.table["worst_pvalue"].iloc[0] >= found.table["plan_pvalue"].iloc[0]
