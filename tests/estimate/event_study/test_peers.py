"""Live agreement with csdid, diff-diff and pyfixest on one staggered panel."""

from __future__ import annotations

import contextlib
import io
import warnings

import numpy as np
import pandas as pd
import pytest

from panelcoop.estimate.event_study.aggregate import aggregate_events
from panelcoop.estimate.event_study.api import event_study
from panelcoop.estimate.event_study.callaway_santanna import CallawaySantAnna
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.imputation import Imputation
from panelcoop.estimate.event_study.local_projection import LpDid
from panelcoop.estimate.event_study.stacked import Stacked
from panelcoop.estimate.event_study.two_way import TwoWay
from panelcoop.panel.record import panel_from_frame

pytestmark = pytest.mark.peers

POINTS = 1e-8
"""Every engine solves the same least squares; iterative first stages stop near 1e-9."""

DIRECT = 1e-12
"""Both programs solve small systems directly; what is left is rounding."""

ITERATED = 1e-10
"""diff-diff's first stages demean by turns until changes stop near 1e-11."""

FIRST_STAGE = 1e-4
"""pyfixest's did2s iterates its first stage and stops 3e-5 away from least squares with dummies, which ours equals."""


def _panel(keep=1.0):
    rng = np.random.default_rng(1)
    n, periods = 240, 9
    start = rng.choice([4, 6, 7, 0], n, p=[0.25, 0.25, 0.2, 0.3])
    t = np.arange(1, periods + 1)
    x = rng.normal(size=n) + 0.3 * (start == 4)
    treated = (start[:, None] > 0) & (t >= start[:, None])
    y = x[:, None] * np.sin(t) + rng.normal(size=(n, 1)) + rng.normal(size=(n, periods))
    y += np.where(treated, 1 + 0.2 * (t - start[:, None]), 0)
    columns = {"id": np.repeat(np.arange(n), periods), "t": np.tile(t, n), "g": np.repeat(start, periods)}
    frame = pd.DataFrame({**columns, "x": np.repeat(x, periods) + 0.2 * rng.normal(size=n * periods), "y": y.ravel()})
    frame = frame if keep == 1 else frame.sample(frac=keep, random_state=2).sort_values(["id", "t"])
    panel = panel_from_frame(frame, region="id", week="t")
    return frame, panel, Events.from_column(panel, "g", never=0)


def _weighted(keep=1.0):
    frame, _, _ = _panel(keep)
    frame = frame.assign(w=1.0 + frame["id"] % 4, group=frame["id"] // 8)
    panel = panel_from_frame(frame, region="id", week="t")
    return frame, panel, Events.from_column(panel, "g", never=0)


@contextlib.contextmanager
def _quiet():
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("keep", [1.0, 0.9])
@pytest.mark.parametrize("anticipation", [0, 1])
@pytest.mark.parametrize("base", ["varying", "universal"])
@pytest.mark.parametrize("control", ["never", "not-yet"])
@pytest.mark.parametrize("method", ["none", "dr", "reg", "ipw"])
def test_csdid(keep, anticipation, base, control, method):
    csdid = pytest.importorskip("csdid.att_gt")
    frame, panel, events = _panel(keep)
    with _quiet():
        model = csdid.ATTgt(
            yname="y",
            tname="t",
            idname="id",
            gname="g",
            data=frame.copy(),
            control_group={"never": "nevertreated", "not-yet": "notyettreated"}[control],
            xformla=None if method == "none" else "y~x",
            anticipation=anticipation,
            allow_unbalanced_panel=keep < 1,
        )
        model.fit(est_method="dr" if method == "none" else method, base_period=base, bstrap=False)
        model.aggte(typec="dynamic", bstrap=False, cband=False)
    options = CallawaySantAnna(control, base, "dr" if method == "none" else method, "cross-section")
    study = event_study(
        panel,
        events.with_options(anticipation=anticipation),
        outcome="y",
        estimator=options,
        covariates=[] if method == "none" else ["x"],
    )
    assert study.params.index.tolist() == [int(e) for e in model.atte["egt"]]
    assert study.params.to_numpy() == pytest.approx(np.array(model.atte["att_egt"], dtype=float), abs=POINTS)
    errors = np.nan_to_num(np.ravel(model.atte["se_egt"]).astype(float))
    assert study.std_errors.to_numpy() == pytest.approx(errors, abs=POINTS)


@pytest.mark.parametrize("keep", [1.0, 0.9])
@pytest.mark.parametrize("method", ["none", "dr", "reg", "ipw"])
def test_csdid_with_weights(keep, method):
    csdid = pytest.importorskip("csdid.att_gt")
    frame, panel, events = _weighted(keep)
    with _quiet():
        model = csdid.ATTgt(
            yname="y",
            tname="t",
            idname="id",
            gname="g",
            data=frame.copy(),
            control_group="nevertreated",
            xformla=None if method == "none" else "y~x",
            weights_name="w",
            allow_unbalanced_panel=keep < 1,
        )
        model.fit(est_method="dr" if method == "none" else method, base_period="universal", bstrap=False)
        model.aggte(typec="dynamic", bstrap=False, cband=False)
    options = CallawaySantAnna("never", "universal", "dr" if method == "none" else method, "cross-section")
    covariates = [] if method == "none" else ["x"]
    study = event_study(panel, events, outcome="y", estimator=options, covariates=covariates, weights="w")
    errors = np.nan_to_num(np.ravel(model.atte["se_egt"]).astype(float))
    assert study.params.to_numpy() == pytest.approx(np.array(model.atte["att_egt"], dtype=float), abs=POINTS)
    assert study.std_errors.to_numpy() == pytest.approx(errors, abs=POINTS)


DIFF_DIFF = [
    ("ImputationDiD", {}, Imputation(leave_out=False), ITERATED),
    ("ImputationDiD", {"leave_one_out": True}, "imputation", ITERATED),
    ("TwoStageDiD", {}, "two-stage", ITERATED),
    ("SunAbraham", {}, "sun-abraham", DIRECT),
    ("StackedDiD", {"kappa_pre": 3, "kappa_post": 2}, Stacked(3, 2), DIRECT),
]


@pytest.mark.parametrize(("name", "options", "ours", "tolerance"), DIFF_DIFF, ids=lambda value: str(value)[:20])
def test_diff_diff(name, options, ours, tolerance):
    diff_diff = pytest.importorskip("diff_diff")
    frame, panel, events = _panel()
    with _quiet():
        more = {} if name == "SunAbraham" else {"aggregate": "event_study"}
        named = {"outcome": "y", "unit": "id", "time": "t", "first_treat": "g"}
        theirs = getattr(diff_diff, name)(**options).fit(frame, **named, **more).event_study_effects
    study = event_study(panel, events, outcome="y", estimator=ours)
    for h in (0, 1, 2):
        assert study.params[h] == pytest.approx(theirs[h]["effect"], abs=tolerance)
        assert study.std_errors[h] == pytest.approx(theirs[h]["se"], rel=tolerance)


def test_pyfixest_saturated():
    pyfixest = pytest.importorskip("pyfixest")
    frame, panel, events = _panel()
    with _quiet():
        fit = pyfixest.event_study(frame, yname="y", idname="id", tname="t", gname="g", estimator="saturated")
        theirs = fit.aggregate(agg="period")
    study = event_study(panel, events, outcome="y", estimator="sun-abraham")
    for h in (-3, 0, 2):
        assert study.params[h] == pytest.approx(float(theirs.loc[h, "Estimate"]), abs=DIRECT)


@pytest.mark.parametrize("weights", [None, "w"])
def test_pyfixest_did2s(weights):
    pyfixest = pytest.importorskip("pyfixest")
    frame, panel, events = _weighted()
    data = frame.assign(treat=(frame["g"] > 0) & (frame["t"] >= frame["g"]))
    with _quiet():
        fit = pyfixest.did2s(
            data,
            yname="y",
            first_stage="~ 0 | id + t",
            second_stage="~ treat",
            treatment="treat",
            cluster="id",
            weights=weights,
        )
    overall = aggregate_events(event_study(panel, events, outcome="y", estimator="two-stage", weights=weights)).overall
    assert overall.estimate == pytest.approx(float(fit.coef().filter(like="treat").iloc[0]), abs=FIRST_STAGE)
    assert overall.std_error == pytest.approx(float(fit.se().filter(like="treat").iloc[0]), rel=FIRST_STAGE)


@pytest.mark.filterwarnings("ignore:two-way fixed effects")
@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize("window", [None, "binned", "dropped"])
@pytest.mark.parametrize("cluster", ["id", "group"])
def test_pyfixest_two_way(weights, window, cluster):
    """Without small-sample factors: pyfixest 0.60 leaves G / (G - 1) out in some runs and not in others."""
    pyfixest = pytest.importorskip("pyfixest")
    frame, panel, events = _weighted(0.9)
    horizon = np.where(frame["g"] > 0, frame["t"] - frame["g"], -1)
    inside = (frame["g"] == 0) | ((horizon >= -3) & (horizon <= 2)) if window == "dropped" else frame["g"] >= 0
    data = frame.assign(rel=np.clip(horizon, -3, 2) if window == "binned" else horizon)[inside]
    with _quiet():
        rule = pyfixest.ssc(k_adj=False, G_adj=False)
        formula = "y ~ i(rel, ref=-1) + x | id + t"
        options = {"vcov": {"CRV1": cluster}, "ssc": rule, "fixef_tol": 1e-13, "weights": weights}
        theirs = pyfixest.feols(formula, data=data, **options).tidy()
    given = events if window is None else events.with_options(window=(3, 2), ends=window)
    study = event_study(
        panel,
        given,
        outcome="y",
        estimator=TwoWay(small_sample=False),
        covariates=["x"],
        cluster="region" if cluster == "id" else cluster,
        weights=weights,
    )
    for name, row in theirs.iterrows():
        where = study.covariates.loc["x"].tolist() if name == "x" else _at(study, int(float(str(name).split("::")[1])))
        assert where == pytest.approx([row["Estimate"], row["Std. Error"]], abs=POINTS)


def _at(study, horizon):
    return [study.params[horizon], study.std_errors[horizon]]


def test_pyfixest_lpdid():
    pyfixest = pytest.importorskip("pyfixest")
    frame, panel, events = _panel()
    with _quiet():
        fit = pyfixest.lpdid(
            frame,
            yname="y",
            idname="id",
            tname="t",
            gname="g",
            vcov={"CRV1": "id"},
            pre_window=-3,
            post_window=2,
            att=False,
        ).tidy()
    study = event_study(panel, events, outcome="y", estimator=LpDid(3, 2, "variance"))
    names = [int(str(i).split("::")[-1]) for i in fit.index]
    for h, (_, row) in zip(names, fit.iterrows(), strict=True):
        assert study.params[h] == pytest.approx(row["Estimate"], abs=DIRECT)
        if h != -1:
            assert study.std_errors[h] == pytest.approx(row["Std. Error"], rel=DIRECT)


@pytest.mark.parametrize("base", ["varying", "universal"])
@pytest.mark.parametrize(("by", "kind"), [("overall", "simple"), ("cohort", "group"), ("horizon", "dynamic")])
@pytest.mark.parametrize("chosen", [{"window": (-2, 1)}, {"balance": 2}, {"balance": 3, "window": (-1, 2)}], ids=str)
def test_csdid_windows(base, by, kind, chosen):
    csdid = pytest.importorskip("csdid.att_gt")
    if "balance" in chosen and by != "horizon":
        pytest.skip("csdid ignores balance_e except by horizon, ours refuses it")
    frame, panel, events = _panel()
    asked = {"balance_e": chosen["balance"]} if "balance" in chosen else {}
    if "window" in chosen:
        asked |= {"min_e": chosen["window"][0], "max_e": chosen["window"][1]}
    with _quiet():
        model = csdid.ATTgt(yname="y", tname="t", idname="id", gname="g", data=frame.copy())
        model.fit(est_method="dr", base_period=base, bstrap=False)
        model.aggte(typec=kind, bstrap=False, cband=False, **asked)
    study = event_study(panel, events, outcome="y", estimator=CallawaySantAnna(base=base))
    ours = aggregate_events(study, by, **chosen)
    theirs = [float(np.ravel(model.atte[name])[0]) for name in ("overall_att", "overall_se")]
    assert [ours.overall.estimate, ours.overall.std_error] == pytest.approx(theirs, abs=POINTS)
    if kind != "simple":
        assert ours.params.index.tolist() == [int(e) for e in model.atte["egt"]]
        assert ours.params.to_numpy() == pytest.approx(np.array(model.atte["att_egt"], dtype=float), abs=POINTS)
        errors = np.nan_to_num(np.ravel(model.atte["se_egt"]).astype(float))
        assert ours.std_errors.to_numpy() == pytest.approx(errors, abs=POINTS)
