"""Two-by-two effects with covariates on panel differences (Sant'Anna and Zhao 2020)."""

from __future__ import annotations

import numpy as np

from panelcoop.numerics.event_study.did_nuisance import (
    Method,
    OutcomeModel,
    TwoByTwo,
    fit_outcome,
    fit_propensity,
    ratio_mean,
    tilted_propensity,
    why_no_odds,
)
from panelcoop.options import BoolArray, FloatArray

__all__ = ["did_panel"]

SINGULAR = "covariates are singular among the controls"


def did_panel(change: FloatArray, treated: BoolArray, X: FloatArray, method: Method, weight: FloatArray) -> TwoByTwo:
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
        "dr": both, with logit and least squares as working models; "dr-improved": both, with odds that balance the
        covariates and least squares weighted by them (R DRDID's ``drdid_imp_panel``).
    weight
        How much each unit counts, shape (n,).

    Returns
    -------
    TwoByTwo
        NaN with a reason where a design is singular or overlap fails.
    """
    n = change.size
    d = weight * treated
    if method == "reg":
        outcome = fit_outcome(change, X, ~treated, weight)
        return TwoByTwo(np.nan, np.zeros(n), SINGULAR) if outcome is None else _regression(change, d, X, outcome)
    improved = method == "dr-improved"
    logit = (tilted_propensity if improved else fit_propensity)(treated, X, weight)
    odds = weight * logit.odds
    model = None if method == "ipw" else fit_outcome(change, X, ~treated, odds if improved else weight)
    if method != "ipw" and model is None and (odds.any() or not improved):
        return TwoByTwo(np.nan, np.zeros(n), SINGULAR)
    if not logit.overlap or not odds.any():
        return TwoByTwo(np.nan, np.zeros(n), why_no_odds(X, improved=improved))
    if model is not None and improved:
        model = model.as_known()
    fitted = model.fitted if model is not None else np.zeros(n)
    rest = change - fitted
    effect1, influence1 = ratio_mean(d, rest)
    effect0, influence0 = ratio_mean(odds, rest)
    mass1, mass0 = d.mean(), odds.mean()
    through_logit = logit.linear @ (((odds * (rest - effect0))[:, None] * X).mean(axis=0) / mass0)
    influence = influence1 - influence0 - through_logit
    if model is not None:
        load = (d[:, None] * X).mean(axis=0) / mass1 - (odds[:, None] * X).mean(axis=0) / mass0
        influence = influence - model.linear @ load
    return TwoByTwo(effect1 - effect0, influence / n)


def _regression(change: FloatArray, d: FloatArray, X: FloatArray, model: OutcomeModel) -> TwoByTwo:
    effect1, influence1 = ratio_mean(d, change)
    effect0, influence0 = ratio_mean(d, model.fitted)
    load = (d[:, None] * X).mean(axis=0) / d.mean()
    influence = influence1 - influence0 - model.linear @ load
    return TwoByTwo(effect1 - effect0, influence / change.size)
