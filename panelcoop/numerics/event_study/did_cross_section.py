"""Two-by-two effects with covariates on repeated cross-sections (Sant'Anna and Zhao 2020)."""

from __future__ import annotations

from typing import Literal

import numpy as np

from panelcoop.numerics.event_study.did_nuisance import (
    OutcomeModel,
    PropensityModel,
    TwoByTwo,
    fit_outcome,
    fit_propensity,
)
from panelcoop.numerics.event_study.did_nuisance import ratio_mean as ratio
from panelcoop.options import BoolArray, FloatArray

__all__ = ["did_cross_section"]


def did_cross_section(
    y: FloatArray, post: BoolArray, treated: BoolArray, X: FloatArray, method: Literal["dr", "reg", "ipw"]
) -> TwoByTwo:
    """Estimate the effect on the treated from rows observed before or after.

    Parameters
    ----------
    y, post, treated
        Outcome, whether observed after, whether treated, shape (n,).
    X
        Covariates with a constant, shape (n, P).
    method
        As in ``did_panel``; "dr" is the locally efficient estimator (R DRDID's ``drdid_rc``).

    Notes
    -----
    Every estimator is a signed sum of weighted means; the influence adds, for each working model, its linear form
    times the derivative of that sum.
    """
    empty = TwoByTwo(np.nan, np.zeros(y.size), "a group has no row before or after")
    cells = [treated & post, treated & ~post, ~treated & post, ~treated & ~post]
    if any(not cell.any() for cell in cells):
        return empty
    models: list[OutcomeModel | None] = [None] * 4
    if method != "ipw":
        wanted = range(4) if method == "dr" else (2, 3)
        for j in wanted:
            models[j] = fit_outcome(y, X, cells[j])
            if models[j] is None:
                return TwoByTwo(np.nan, np.zeros(y.size), "covariates are singular in one of the four groups")
    if method == "reg":
        return _regression(y, post, treated, X, models)
    logit = fit_propensity(treated, X)
    if not logit.overlap:
        return TwoByTwo(np.nan, np.zeros(y.size), "overlap fails: a propensity reaches 0.999")
    return _weighted((y, post, treated, X), models, logit)


def _regression(
    y: FloatArray, post: BoolArray, treated: BoolArray, X: FloatArray, models: list[OutcomeModel | None]
) -> TwoByTwo:
    after, before = models[2], models[3]
    assert after is not None
    assert before is not None
    d = treated.astype(float)
    e1, i1 = ratio(d * post, y)
    e0, i0 = ratio(d * ~post, y)
    ec, ic = ratio(d, after.fitted - before.fitted)
    load = (d[:, None] * X).mean(axis=0) / d.mean()
    influence = i1 - i0 - ic - (after.linear - before.linear) @ load
    return TwoByTwo(e1 - e0 - ec, influence / y.size)


def _weighted(
    data: tuple[FloatArray, BoolArray, BoolArray, FloatArray],
    models: list[OutcomeModel | None],
    logit: PropensityModel,
) -> TwoByTwo:
    y, post, treated, X = data
    d = treated.astype(float)
    t1, t0, c1, c0 = models
    doubly = t1 is not None and t0 is not None and c1 is not None and c0 is not None
    own = np.where(post, c1.fitted, c0.fitted) if c1 is not None and c0 is not None else np.zeros(y.size)
    terms = [(1.0, d * post, 0), (-1.0, d * ~post, 0), (-1.0, logit.odds * post, 1), (1.0, logit.odds * ~post, 1)]
    effect, influence = 0.0, np.zeros(y.size)
    load = {True: np.zeros(X.shape[1]), False: np.zeros(X.shape[1])}
    for sign, weight, weighted in terms:
        centre, rows = ratio(weight, y - own)
        effect += sign * centre
        influence += sign * rows
        mean_x = (weight[:, None] * X).mean(axis=0) / weight.mean()
        load[bool((weight * post).any())] -= sign * mean_x
        if weighted:
            score = (weight * (y - own - centre))[:, None] * X
            influence += sign * (logit.linear @ (score.mean(axis=0) / weight.mean()))
    if doubly:
        assert t1 is not None
        assert t0 is not None
        assert c1 is not None
        assert c0 is not None
        influence += c1.linear @ load[True] + c0.linear @ load[False]
        for sign, treat, control, spell in ((1.0, t1, c1, d * post), (-1.0, t0, c0, d * ~post)):
            gap = treat.fitted - control.fitted
            for side, weight in ((1.0, d), (-1.0, spell)):
                centre, rows = ratio(weight, gap)
                effect += sign * side * centre
                influence += sign * side * rows
                mean_x = (weight[:, None] * X).mean(axis=0) / weight.mean()
                influence += sign * side * ((treat.linear - control.linear) @ mean_x)
    return TwoByTwo(effect, influence / y.size)
