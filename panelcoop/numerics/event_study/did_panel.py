"""Two-by-two effects with covariates on panel differences (Sant'Anna and Zhao 2020)."""

from __future__ import annotations

from typing import Literal

import numpy as np

from panelcoop.numerics.event_study.did_nuisance import OutcomeModel, TwoByTwo, fit_outcome, fit_propensity, ratio_mean
from panelcoop.options import BoolArray, FloatArray

__all__ = ["did_panel"]


def did_panel(change: FloatArray, treated: BoolArray, X: FloatArray, method: Literal["dr", "reg", "ipw"]) -> TwoByTwo:
    """Estimate the effect on the treated from changes of the outcome.

    Parameters
    ----------
    change
        Outcome after less outcome before, shape (n,).
    treated
        Shape (n,).
    X
        Covariates with a constant, shape (n, P).
    method
        "reg": controls' regression carried to the treated; "ipw": normalised inverse-probability weights;
        "dr": both, with logit and least squares as working models.

    Returns
    -------
    TwoByTwo
        NaN with a reason where a design is singular or overlap fails.
    """
    n = change.size
    d = treated.astype(float)
    model = fit_outcome(change, X, ~treated) if method != "ipw" else None
    if method != "ipw" and model is None:
        return TwoByTwo(np.nan, np.zeros(n), "covariates are singular among the controls")
    if method == "reg":
        assert model is not None
        return _regression(change, d, X, model)
    logit = fit_propensity(treated, X)
    if not logit.overlap or not logit.odds.any():
        return TwoByTwo(np.nan, np.zeros(n), "overlap fails: a propensity reaches 0.999")
    fitted = model.fitted if model is not None else np.zeros(n)
    rest = change - fitted
    effect1, influence1 = ratio_mean(d, rest)
    effect0, influence0 = ratio_mean(logit.odds, rest)
    mass1, mass0 = d.mean(), logit.odds.mean()
    through_logit = logit.linear @ (((logit.odds * (rest - effect0))[:, None] * X).mean(axis=0) / mass0)
    influence = influence1 - influence0 - through_logit
    if model is not None:
        load = (d[:, None] * X).mean(axis=0) / mass1 - (logit.odds[:, None] * X).mean(axis=0) / mass0
        influence = influence - model.linear @ load
    return TwoByTwo(effect1 - effect0, influence / n)


def _regression(change: FloatArray, d: FloatArray, X: FloatArray, model: OutcomeModel) -> TwoByTwo:
    effect1, influence1 = ratio_mean(d, change)
    effect0, influence0 = ratio_mean(d, model.fitted)
    load = (d[:, None] * X).mean(axis=0) / d.mean()
    influence = influence1 - influence0 - model.linear @ load
    return TwoByTwo(effect1 - effect0, influence / change.size)
