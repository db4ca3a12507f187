"""Event-study rows of the table: 3,000 regions x 60 weeks x 20 cohorts, one event each, effects that grow."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from benchmarks.harness import Workload

HORIZONS = range(6)
DRAWS = 999


def staggered(units: int = 3000, periods: int = 60, cohorts: int = 20) -> pd.DataFrame:
    """Return the panel in long form; `g` is the first treated period, 0 for the sixth of units never treated."""
    rng = np.random.default_rng(20)
    starts = np.concatenate([10 + 2 * np.arange(cohorts), [0] * (cohorts // 5)])
    g = rng.permutation(np.resize(starts, units))
    t = np.arange(1, periods + 1)
    horizon = t[None, :] - g[:, None]
    y = rng.normal(size=(units, 1)) + rng.normal(size=(1, periods)) + rng.normal(size=(units, periods))
    y += np.where((horizon >= 0) & (g > 0)[:, None], 1 + 0.1 * horizon, 0)
    columns = {"unit": np.repeat(np.arange(units), periods), "t": np.tile(t, units), "g": np.repeat(g, periods)}
    return pd.DataFrame({**columns, "y": y.ravel()})


def ours(frame: pd.DataFrame, *, estimator: str, draws: int = 0):
    """Time one call of event_study, and of a multiplier bootstrap with its band where draws are asked for."""
    from panelcoop.estimate.event_study.api import event_study
    from panelcoop.estimate.event_study.events import Events
    from panelcoop.panel.record import panel_from_frame

    panel = panel_from_frame(frame, region="unit", week="t")
    events = Events.from_column(panel, "g", never=0)

    def call():
        study = event_study(panel, events, outcome="y", estimator=estimator)
        if draws:
            study.bands(method="multiplier", draws=draws, seed=1)
        return study.params[list(HORIZONS)].to_numpy()

    return call


def diff_diff(frame: pd.DataFrame, *, estimator: str, draws: int = 0):
    """Time diff-diff; its effects by horizon are part of the fit."""
    import diff_diff as dd

    seed = {"n_bootstrap": draws, "seed": 1} if draws else {}

    def call():
        model = getattr(dd, estimator)(**seed)
        names = {"outcome": "y", "unit": "unit", "time": "t", "first_treat": "g"}
        fit = model.fit(frame, **names, **({} if estimator == "SunAbraham" else {"aggregate": "event_study"}))
        return [fit.event_study_effects[h]["effect"] for h in HORIZONS]

    return call


def csdid(frame: pd.DataFrame, *, draws: int = 0):
    """Time csdid's group-time effects and their average by horizon."""
    from csdid.att_gt import ATTgt

    boot = {"bstrap": bool(draws)} | ({"biters": draws} if draws else {})

    def call():
        model = ATTgt(
            yname="y", tname="t", idname="unit", gname="g", data=frame, **({"biters": draws} if draws else {})
        )
        model.fit(est_method="dr", base_period="varying", bstrap=bool(draws))
        model.aggte(typec="dynamic", cband=bool(draws), **boot)
        found = dict(zip(model.atte["egt"], model.atte["att_egt"], strict=True))
        return [found[h] for h in HORIZONS]

    return call


def moderndid(frame: pd.DataFrame, *, draws: int = 0):
    """Time moderndid's group-time effects and their average by horizon."""
    from moderndid import aggte, att_gt

    boot = {"boot": True, "biters": draws} if draws else {}

    def call():
        fit = att_gt(data=frame, yname="y", tname="t", idname="unit", gname="g", cband=bool(draws), **boot)
        dynamic = aggte(fit, type="dynamic")
        found = dict(zip(dynamic.event_times, dynamic.att_by_event, strict=True))
        return [found[h] for h in HORIZONS]

    return call


def pyfixest_saturated(frame: pd.DataFrame):
    """Time pyfixest's fully interacted event study."""
    import pyfixest as pf

    def call():
        fit = pf.event_study(frame, yname="y", idname="unit", tname="t", gname="g", estimator="saturated")
        found = fit.aggregate(agg="period")["Estimate"]
        return [float(found.loc[h]) for h in HORIZONS]

    return call


def pyfixest_two_stage(frame: pd.DataFrame):
    """Time pyfixest's did2s with horizon dummies."""
    import pyfixest as pf

    data = frame.assign(
        treat=(frame["g"] > 0) & (frame["t"] >= frame["g"]),
        rel=np.where(frame["g"] > 0, np.maximum(frame["t"] - frame["g"], -1), -1.0),
    )

    def call():
        fit = pf.did2s(
            data,
            yname="y",
            first_stage="~ 0 | unit + t",
            second_stage="~ i(rel, ref=-1.0)",
            treatment="treat",
            cluster="unit",
        )
        found = fit.coef()
        return [float(found.filter(regex=rf"\[(T\.)?{h}(\.0)?\]$").iloc[0]) for h in HORIZONS]

    return call


LABEL = "3,000 x 60 x 20 cohorts"

WORKLOADS = [
    Workload(
        "event-callaway-santanna",
        f"Callaway-Sant'Anna, {LABEL}, analytic errors",
        staggered,
        {
            "panelcoop": partial(ours, estimator="callaway-santanna"),
            "diff-diff": partial(diff_diff, estimator="CallawaySantAnna"),
            "csdid": csdid,
            "moderndid": moderndid,
        },
        faster=15,
    ),
    Workload(
        "event-callaway-santanna-999",
        f"the same with {DRAWS} multiplier draws",
        staggered,
        {
            "panelcoop": partial(ours, estimator="callaway-santanna", draws=DRAWS),
            "diff-diff": partial(diff_diff, estimator="CallawaySantAnna", draws=DRAWS),
            "csdid": partial(csdid, draws=DRAWS),
            "moderndid": partial(moderndid, draws=DRAWS),
        },
        faster=12,
    ),
    Workload(
        "event-sun-abraham",
        f"Sun-Abraham, {LABEL}",
        staggered,
        {
            "panelcoop": partial(ours, estimator="sun-abraham"),
            "diff-diff": partial(diff_diff, estimator="SunAbraham"),
            "pyfixest": pyfixest_saturated,
        },
        faster=1000,
        memory=1.0,
        runs=1,
    ),
    Workload(
        "event-two-stage",
        f"two-stage, {LABEL}",
        staggered,
        {
            "panelcoop": partial(ours, estimator="two-stage"),
            "diff-diff": partial(diff_diff, estimator="TwoStageDiD"),
            "pyfixest": pyfixest_two_stage,
        },
        faster=50,
        runs=3,
        agree=1e-4,
    ),
    Workload(
        "event-imputation",
        f"imputation, {LABEL}",
        staggered,
        {
            "panelcoop": partial(ours, estimator="imputation"),
            "diff-diff": partial(diff_diff, estimator="ImputationDiD"),
        },
        faster=25,
        memory=1.0,
        runs=3,
    ),
]
