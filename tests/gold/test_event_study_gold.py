"""Event studies against numbers printed by R's did, fixest, did2s, bacondecomp and etwfe."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from panelcoop.estimate.event_study.aggregate import aggregate_events
from panelcoop.estimate.event_study.api import event_study
from panelcoop.estimate.event_study.callaway_santanna import CallawaySantAnna
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.extended_two_way import ExtendedTwoWay
from panelcoop.estimate.event_study.pretrends import pretrend_tests
from panelcoop.estimate.event_study.two_stage import TwoStage
from panelcoop.estimate.event_study.two_way_weights import bacon_decomposition
from panelcoop.panel.record import panel_from_frame

EXACT = 1e-9
"""Numbers printed to 15 digits; both programs solve the same small systems in double precision."""

NUMERICAL_DERIVATIVE = 5e-6
"""R's marginaleffects takes numerical derivatives: five digits of its errors are firm."""


def _number(case, *path):
    found = case["numbers"]
    for key in path:
        found = found[key]
    return found


@pytest.fixture(scope="module")
def county(gold_folder):
    frame = pd.read_csv(gold_folder / "mpdta.csv")
    panel = panel_from_frame(frame.assign(emp=np.exp(frame["lemp"])), region="countyreal", week="year")
    return panel, Events.from_column(panel, "first.treat", never=0)


@pytest.fixture(scope="module")
def county_case(gold):
    return gold["mpdta-callaway-santanna"]


@pytest.mark.parametrize("by", ["group", "dynamic"])
def test_county_aggregates_match_r_did(county, county_case, by):
    study = event_study(*county, outcome="lemp")
    ours = aggregate_events(study, {"group": "cohort", "dynamic": "horizon"}[by])
    for label, (estimate, error) in _number(county_case, by).items():
        assert ours.params[int(label)] == pytest.approx(estimate, abs=EXACT)
        assert ours.std_errors[int(label)] == pytest.approx(error, abs=EXACT)
    overall = _number(county_case, f"{by}_overall")
    assert (ours.overall.estimate, ours.overall.std_error) == pytest.approx(overall, abs=EXACT)


@pytest.mark.parametrize(
    ("key", "options", "covariates"),
    [
        ("simple", CallawaySantAnna(), []),
        ("not_yet_treated_simple", CallawaySantAnna(control="not-yet"), []),
        ("reg_with_lpop_simple", CallawaySantAnna(method="reg"), ["lpop"]),
    ],
)
def test_county_overall_effect_matches_r_did(county, county_case, key, options, covariates):
    study = event_study(*county, outcome="lemp", estimator=options, covariates=covariates)
    overall = aggregate_events(study).overall
    assert (overall.estimate, overall.std_error) == pytest.approx(_number(county_case, key), abs=EXACT)


def test_county_pretrend_wald_matches_r_did(county, county_case):
    wald = pretrend_tests(event_study(*county, outcome="lemp"), by="cell").wald
    statistic, pvalue = _number(county_case, "pretest_wald")
    assert wald.df == 5
    assert wald.statistic == pytest.approx(statistic, abs=1e-7)
    assert wald.pvalue == pytest.approx(pvalue, abs=5e-6)


def test_base_stagg_matches_fixest_sunab(gold, gold_folder):
    case = gold["base_stagg-sun-abraham"]
    panel = panel_from_frame(pd.read_csv(gold_folder / "base_stagg.csv"), region="id", week="year")
    events = Events.from_column(panel, "year_treated", never=10000)
    study = event_study(panel, events, outcome="y", estimator="sun-abraham", covariates=["x1"])
    overall = aggregate_events(study).overall
    assert (overall.estimate, overall.std_error) == pytest.approx(_number(case, "att"), abs=5e-6)
    assert study.covariates.loc["x1"].tolist() == pytest.approx(_number(case, "x1"), abs=5e-7)
    for horizon, (estimate, error) in _number(case, "event").items():
        assert study.params[int(horizon)] == pytest.approx(estimate, abs=5e-4)
        assert study.std_errors[int(horizon)] == pytest.approx(error, abs=5e-5)


def test_castle_matches_bacondecomp(gold, gold_folder):
    case = gold["castle-bacon"]
    frame = pd.read_csv(gold_folder / "castle.csv")
    first = frame[frame["post"] > 0].groupby("state")["year"].min()
    panel = panel_from_frame(frame.assign(first=frame["state"].map(first)), region="state", week="year")
    bacon = bacon_decomposition(panel, Events.from_column(panel, "first"), outcome="l_homicide")
    for kind, weight in _number(case, "weights").items():
        assert bacon.kinds.loc[kind, "weight"] == pytest.approx(weight, abs=5e-4)
        assert bacon.kinds.loc[kind, "estimate"] == pytest.approx(_number(case, "estimates", kind), abs=5e-4)
    assert bacon.estimate == pytest.approx(_number(case, "twfe"), abs=5e-5)


def test_df_het_matches_did2s(gold, gold_folder):
    case = gold["did2s-df_het"]
    panel = panel_from_frame(pd.read_csv(gold_folder / "did2s_df_het.csv.xz"), region="unit", week="year")
    events = Events.from_column(panel, "g", never=0)
    study = event_study(panel, events, outcome="dep_var", estimator=TwoStage(effects="state"), cluster="state")
    overall = aggregate_events(study).overall
    assert overall.estimate == pytest.approx(_number(case, "att", 0), abs=5e-4)
    assert overall.std_error == pytest.approx(_number(case, "att", 1), abs=5e-5)
    assert (overall.estimate, overall.std_error) == pytest.approx((2.152214, 0.047607), abs=1e-6)


# R etwfe 0.6, inst/tinytest/test_emfx.R:
# etwfe(lemp ~ lpop, tvar = year, gvar = first.treat, vcov = ~countyreal) |> emfx(type = ...)
ETWFE = {
    "overall": {"overall": (-0.0506270331228907, 0.0124972546529842)},
    "calendar": {
        2004: (-0.0212480022225509, 0.0217240109737018),
        2005: (-0.0818499992698648, 0.0273693827216135),
        2006: (-0.0442655912990223, 0.0173733625406716),
        2007: (-0.0524323095862384, 0.015015825012757),
    },
    "cohort": {
        2004: (-0.0876269608795944, 0.0230474099815232),
        2006: (-0.0212783329358987, 0.0185912208081438),
        2007: (-0.0459545277368072, 0.0179714452432232),
    },
    "horizon": {
        0: (-0.0332122037837542, 0.0133659635774059),
        1: (-0.0573456479257483, 0.0171496442892364),
        2: (-0.137870386660852, 0.0307883597041053),
        3: (-0.10953945536511, 0.0323152785480507),
    },
}


@pytest.mark.parametrize("by", list(ETWFE))
def test_county_matches_r_etwfe(county, by):
    options = ExtendedTwoWay(counted_effects="cohort")
    study = event_study(*county, outcome="lemp", estimator=options, covariates=["lpop"])
    ours = aggregate_events(study, by)
    for label, (estimate, error) in ETWFE[by].items():
        assert ours.params[label] == pytest.approx(estimate, abs=EXACT)
        assert ours.std_errors[label] == pytest.approx(error, rel=NUMERICAL_DERIVATIVE)


# The same with cgroup = "never", window = c(2, 3), and with family = "poisson" on exp(lemp).
NEVER = {-2: (0.0234649547538384, 0.0145314904277398), 0: (-0.0211467366918433, 0.0113935648352396)}
POISSON = {
    0: (-25.3497484355494, 15.8862762958862),
    1: (1.09175116997388, 40.2952222352926),
    2: (-75.1246321552693, 23.1541376499351),
    3: (-101.823979344829, 27.0877431076141),
}


@pytest.mark.parametrize(
    ("options", "outcome", "printed"),
    [
        (ExtendedTwoWay("linear", "never", "cohort"), "lemp", NEVER),
        (ExtendedTwoWay("poisson"), "emp", POISSON),
    ],
)
def test_county_matches_r_etwfe_variants(county, options, outcome, printed):
    study = event_study(*county, outcome=outcome, estimator=options, covariates=["lpop"])
    for horizon, (estimate, error) in printed.items():
        assert study.params[horizon] == pytest.approx(estimate, rel=1e-7)
        assert study.std_errors[horizon] == pytest.approx(error, rel=NUMERICAL_DERIVATIVE)
