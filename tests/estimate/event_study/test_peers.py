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
from panelcoop.panel.record import panel_from_frame

pytestmark = pytest.mark.peers

POINTS = 1e-8
"""Every engine solves the same least squares; iterative first stages stop near 1e-9."""

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


@pytest.mark.parametrize(
    ("name", "ours", "same_errors"),
    [("ImputationDiD", "imputation", True), ("TwoStageDiD", "two-stage", False), ("SunAbraham", "sun-abraham", False)],
)
def test_diff_diff(name, ours, same_errors):
    diff_diff = pytest.importorskip("diff_diff")
    frame, panel, events = _panel()
    with _quiet():
        model = getattr(diff_diff, name)()
        more = {} if name == "SunAbraham" else {"aggregate": "event_study"}
        fit = model.fit(frame, outcome="y", unit="id", time="t", first_treat="g", **more)
    study = event_study(panel, events, outcome="y", estimator=ours)
    for h in (0, 1, 2):
        assert study.params[h] == pytest.approx(fit.event_study_effects[h]["effect"], abs=POINTS)
        if same_errors:
            assert study.std_errors[h] == pytest.approx(fit.event_study_effects[h]["se"], rel=1e-6)


def test_pyfixest_saturated():
    pyfixest = pytest.importorskip("pyfixest")
    frame, panel, events = _panel()
    with _quiet():
        fit = pyfixest.event_study(frame, yname="y", idname="id", tname="t", gname="g", estimator="saturated")
        theirs = fit.aggregate(agg="period")
    study = event_study(panel, events, outcome="y", estimator="sun-abraham")
    for h in (-3, 0, 2):
        assert study.params[h] == pytest.approx(float(theirs.loc[h, "Estimate"]), abs=1e-7)


def test_pyfixest_did2s():
    pyfixest = pytest.importorskip("pyfixest")
    frame, panel, events = _panel()
    data = frame.assign(treat=(frame["g"] > 0) & (frame["t"] >= frame["g"]))
    with _quiet():
        fit = pyfixest.did2s(
            data,
            yname="y",
            first_stage="~ 0 | id + t",
            second_stage="~ treat",
            treatment="treat",
            cluster="id",
        )
    overall = aggregate_events(event_study(panel, events, outcome="y", estimator="two-stage")).overall
    assert overall.estimate == pytest.approx(float(fit.coef().filter(like="treat").iloc[0]), abs=FIRST_STAGE)


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
    theirs = dict(zip([int(str(i).split("::")[-1]) for i in fit.index], fit["Estimate"], strict=True))
    for h in (0, 1, 2):
        assert study.params[h] == pytest.approx(theirs[h], abs=1e-7)


def test_leave_one_out_imputation_matches_diff_diff():
    diff_diff = pytest.importorskip("diff_diff")
    frame, panel, events = _panel()
    with _quiet():
        fit = diff_diff.ImputationDiD(leave_one_out=True).fit(
            frame, outcome="y", unit="id", time="t", first_treat="g", aggregate="event_study"
        )
    study = event_study(panel, events, outcome="y", estimator=Imputation(leave_out=True))
    for h in (0, 2):
        assert study.std_errors[h] == pytest.approx(fit.event_study_effects[h]["se"], rel=1e-6)
