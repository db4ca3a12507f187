"""Two-by-two effects with covariates on repeated cross-sections (Sant'Anna and Zhao 2020)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

import numpy as np

from panelcoop.numerics.event_study.did_nuisance import (
    Method,
    OutcomeModel,
    TwoByTwo,
    fit_outcome,
    fit_propensity,
    tilted_propensity,
    why_no_odds,
)
from panelcoop.numerics.event_study.did_nuisance import ratio_mean as ratio
from panelcoop.options import BoolArray, FloatArray

__all__ = ["Errors", "did_cross_section"]

SINGULAR = "covariates are singular in one of the four groups"

Errors: TypeAlias = Literal["delta-method", "DRDID"]
"""How the influence of controls' outcome regressions before the event enters."""


def did_cross_section(
    y: FloatArray,
    groups: tuple[BoolArray, BoolArray],
    X: FloatArray,
    method: Method,
    weight: FloatArray,
    *,
    errors: Errors = "delta-method",
) -> TwoByTwo:
    """Estimate the effect on the treated from rows observed before or after.

    Parameters
    ----------
    y
        Outcome, shape (n,).
    groups
        Whether a row is observed after, and whether it is treated, shape (n,) each.
    X
        Covariates with a constant, shape (n, P).
    method
        As in ``did_panel``; "dr" is the locally efficient estimator (R DRDID's ``drdid_rc``), "dr-improved" its form
        with balancing odds (``drdid_imp_rc``).
    weight
        How much each row counts, shape (n,).
    errors
        "delta-method", or "DRDID", which gives "dr" the influence of R's DRDID (to 1.3.0), and so what R did prints.

    Notes
    -----
    Every estimator is a signed sum of weighted means; the influence adds, for each working model, its linear form
    times the derivative of that sum. DRDID's ``drdid_rc`` adds the linear form of the controls' regression before the
    event with the sign of the one after it (``inf.treat.or.post + inf.treat.or.pre``, and likewise for controls),
    where the estimate takes the difference of the two. Both agree if controls have, before the event, the covariate
    means of the treated once weighted; where the propensity model is wrong they do not.
    """
    post, treated = groups
    empty = TwoByTwo(np.nan, np.zeros(y.size), "a group has no row before or after")
    cells = [treated & post, treated & ~post, ~treated & post, ~treated & ~post]
    if any(not cell.any() for cell in cells):
        return empty
    if method == "reg":
        outcomes = _outcome_models(y, X, cells, (weight, weight), (2, 3))
        return (
            TwoByTwo(np.nan, np.zeros(y.size), SINGULAR)
            if outcomes is None
            else _regression(y, post, weight * treated, X, outcomes)
        )
    improved = method == "dr-improved"
    logit = (tilted_propensity if improved else fit_propensity)(treated, X, weight)
    if not logit.overlap:
        return TwoByTwo(np.nan, np.zeros(y.size), why_no_odds(X, improved=improved))
    odds = weight * logit.odds
    models = _outcome_models(y, X, cells, (weight, odds if improved else weight), () if method == "ipw" else range(4))
    if models is None:
        return TwoByTwo(np.nan, np.zeros(y.size), SINGULAR)
    if improved:
        models = [m.as_known() for m in models if m is not None]
    before = -1.0 if errors == "DRDID" else 1.0
    return _weighted((y, post, weight * treated, X), models, odds, logit.linear, before)


def _outcome_models(
    y: FloatArray, X: FloatArray, cells: list[BoolArray], weights: tuple[FloatArray, FloatArray], wanted: Iterable[int]
) -> list[OutcomeModel | None] | None:
    """Regress in the wanted of four groups, treated first, with weights of treated and controls; None if singular."""
    models: list[OutcomeModel | None] = [None] * 4
    for j in wanted:
        models[j] = fit_outcome(y, X, cells[j], weights[j // 2])
        if models[j] is None:
            return None
    return models


def _regression(
    y: FloatArray, post: BoolArray, d: FloatArray, X: FloatArray, models: list[OutcomeModel | None]
) -> TwoByTwo:
    after, before = models[2], models[3]
    assert after is not None
    assert before is not None
    e1, i1 = ratio(d * post, y)
    e0, i0 = ratio(d * ~post, y)
    ec, ic = ratio(d, after.fitted - before.fitted)
    load = (d[:, None] * X).mean(axis=0) / d.mean()
    influence = i1 - i0 - ic - (after.linear - before.linear) @ load
    return TwoByTwo(e1 - e0 - ec, influence / y.size)


def _weighted(
    data: tuple[FloatArray, BoolArray, FloatArray, FloatArray],
    models: list[OutcomeModel | None],
    odds: FloatArray,
    logit: FloatArray,
    before: float,
) -> TwoByTwo:
    """Add up weighted means; ``before`` is the sign of the linear form of controls before the event."""
    y, post, d, X = data
    t1, t0, c1, c0 = models
    doubly = t1 is not None and t0 is not None and c1 is not None and c0 is not None
    own = np.where(post, c1.fitted, c0.fitted) if c1 is not None and c0 is not None else np.zeros(y.size)
    terms = [(1.0, d * post, 0), (-1.0, d * ~post, 0), (-1.0, odds * post, 1), (1.0, odds * ~post, 1)]
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
            influence += sign * (logit @ (score.mean(axis=0) / weight.mean()))
    if doubly:
        assert t1 is not None
        assert t0 is not None
        assert c1 is not None
        assert c0 is not None
        influence += c1.linear @ load[True] + before * (c0.linear @ load[False])
        for sign, treat, control, spell in ((1.0, t1, c1, d * post), (-1.0, t0, c0, d * ~post)):
            gap = treat.fitted - control.fitted
            for side, weight in ((1.0, d), (-1.0, spell)):
                centre, rows = ratio(weight, gap)
                effect += sign * side * centre
                influence += sign * side * rows
                mean_x = (weight[:, None] * X).mean(axis=0) / weight.mean()
                influence += sign * side * ((treat.linear - control.linear) @ mean_x)
    return TwoByTwo(effect, influence / y.size)
