"""Bootstraps and permutations of a fitted model, all contrasts of a table on the same draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from panelcoop.estimate.fitted import CovarianceChoice, FittedModel, cluster_codes, covariance_of, week_numbers
from panelcoop.estimate.settings import InferenceRow, InferenceSettings, Resampling
from panelcoop.hypotheses import Hypothesis
from panelcoop.numerics.resampling.dependent_wild import dependent_wild, dependent_wild_wald
from panelcoop.numerics.resampling.wild_cluster import wild_cluster, wild_cluster_wald
from panelcoop.numerics.resampling.wild_contrasts import WildTests
from panelcoop.numerics.resampling.wild_draws import WildOptions
from panelcoop.numerics.resampling.wild_regression import WildRegression, wild_from_fit
from panelcoop.numerics.resampling.wild_wald import WildWald
from panelcoop.options import Covariance, FloatArray, IntArray

__all__ = ["joint_draws", "resampled_rows"]

Restrictions: TypeAlias = tuple[FloatArray, FloatArray]
"""R, shape (q, k), and r, shape (q,)."""


def resampled_rows(
    model: FittedModel, hypotheses: Sequence[Hypothesis], name: Resampling, settings: InferenceSettings
) -> list[InferenceRow]:
    """Apply a bootstrap to each hypothesis: single contrasts in one go, joint ones each by its Wald statistic."""
    fit = wild_from_fit(model.linear)
    note = "" if model.counts is None else "score bootstrap: linearised at the Poisson estimate"
    rows: dict[int, InferenceRow] = {}
    single = [i for i, h in enumerate(hypotheses) if len(h.matrix) == 1]
    if single:
        tests = _draw(model, fit, _stacked([hypotheses[i] for i in single]), name, settings)
        assert isinstance(tests, WildTests)
        rows |= {i: _single_row(tests, j, note) for j, i in enumerate(single)}
    for i, hypothesis in enumerate(hypotheses):
        if i not in rows:
            joint = _draw(model, fit, (hypothesis.matrix, hypothesis.value), name, settings, joint=True)
            assert isinstance(joint, WildWald)
            rows[i] = _joint_row(joint, note)
    return [rows[i] for i in range(len(hypotheses))]


def joint_draws(
    model: FittedModel,
    hypotheses: Sequence[Hypothesis],
    name: Resampling,
    settings: InferenceSettings,
    *,
    impose_null: bool,
) -> WildTests:
    """Draw all single contrasts together, the same draw in the same column, under the null or around the estimate."""
    options = replace(_options(name, settings), impose_null=impose_null, interval=impose_null)
    tests = _draw(model, wild_from_fit(model.linear), _stacked(hypotheses), name, settings, options=options)
    assert isinstance(tests, WildTests)
    return tests


def _stacked(hypotheses: Sequence[Hypothesis]) -> Restrictions:
    return np.vstack([h.matrix for h in hypotheses]), np.concatenate([h.value for h in hypotheses])


def _draw(
    model: FittedModel,
    fit: WildRegression,
    asked: Restrictions,
    name: Resampling,
    settings: InferenceSettings,
    *,
    joint: bool = False,
    options: WildOptions | None = None,
) -> WildTests | WildWald:
    """Bootstrap each row of R on its own, or all of them jointly."""
    R, r = asked
    options = options or _options(name, settings)
    if name == "DWB-t":
        over_weeks = dependent_wild_wald if joint else dependent_wild
        length, lag = settings.dwb_length, settings.dwb_lag
        return over_weeks(fit, R, _weeks(model), null=r, length=length, lag=lag, options=options)
    over_clusters = wild_cluster_wald if joint else wild_cluster
    return over_clusters(
        fit,
        R,
        _clusters(model, name, settings),
        null=r,
        multiplier=settings.multiplier,
        studentise="CRV3" if name == "WCR-CRV3" else "CRV1",
        factors=_factors(model, name, settings),
        options=options,
    )


def _options(name: Resampling, settings: InferenceSettings) -> WildOptions:
    return WildOptions(
        draws=settings.draws,
        seed=settings.seed,
        level=settings.level,
        threads=settings.threads,
        impose_null=name != "WCU",
    )


def _factors(model: FittedModel, name: Resampling, settings: InferenceSettings) -> list[float] | None:
    """Give the preset's small-sample factor for each variance term; CRV3 carries its own."""
    if name == "WCR-CRV3":
        return None
    kind: Covariance = "two-way" if name == "WCR two-way" else "CRV1"
    clusters = (settings.clusters, "week") if kind == "two-way" else (settings.clusters,)
    factor = covariance_of(model, CovarianceChoice(kind, clusters, small_sample=settings.small_sample)).factor
    return [factor] * (3 if kind == "two-way" else 1)


def _weeks(model: FittedModel) -> IntArray:
    return np.rint(week_numbers(model.arrays)).astype(np.int64)


def _clusters(model: FittedModel, name: Resampling, settings: InferenceSettings) -> IntArray | list[IntArray]:
    codes = cluster_codes(model, settings.clusters)
    return [codes, model.arrays.week] if name == "WCR two-way" else codes


def _single_row(tests: WildTests, j: int, note: str) -> InferenceRow:
    return InferenceRow(
        estimate=float(tests.estimate[j]),
        std_error=float(tests.se[j]),
        statistic=float(tests.statistic[j]),
        pvalue=float(tests.p_value[j]),
        conf_low=float(tests.lower[j]),
        conf_high=float(tests.upper[j]),
        convention=_convention(tests),
        note=note,
    )


def _joint_row(test: WildWald, note: str) -> InferenceRow:
    return InferenceRow(statistic=test.statistic, pvalue=test.p_value, convention=_convention(test), note=note)


def _convention(found: WildTests | WildWald) -> str:
    draws = "" if "draws" in found.convention else f", {found.draws:,} draws"
    return f"{found.convention}{draws}; ties count as more extreme"
