"""Bootstraps of a fitted model, all contrasts of a table on the same draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from panelcoop.errors import PanelcoopError
from panelcoop.estimate.covariances import CovarianceChoice, cluster_codes, covariance_of
from panelcoop.estimate.fitted import FittedModel, week_numbers
from panelcoop.estimate.settings import InferenceRow, InferenceSettings, Resampling, two_dimensions
from panelcoop.hypotheses import Hypothesis
from panelcoop.numerics.resampling.dependent_wild import dependent_wild, dependent_wild_wald
from panelcoop.numerics.resampling.wild_cluster import wild_cluster, wild_cluster_wald
from panelcoop.numerics.resampling.wild_contrasts import WildTests
from panelcoop.numerics.resampling.wild_draws import WildOptions
from panelcoop.numerics.resampling.wild_regression import WildRegression, wild_from_fit
from panelcoop.numerics.resampling.wild_wald import WildWald
from panelcoop.options import Covariance, FloatArray

__all__ = ["TIES", "draw_notes", "joint_draws", "resampled_rows", "single_notes", "wild_convention"]

Restrictions: TypeAlias = tuple[FloatArray, FloatArray]
"""R, shape (q, k), and r, shape (q,)."""

TIES = {"weak": "ties count as more extreme", "strict": "ties do not count", "half": "ties count by half"}


def resampled_rows(
    model: FittedModel, hypotheses: Sequence[Hypothesis], name: Resampling, settings: InferenceSettings
) -> list[InferenceRow]:
    """Apply a bootstrap to each hypothesis: single contrasts in one go, joint ones each by its Wald statistic."""
    fit = wild_from_fit(model.linear)
    linearised = () if model.counts is None else ("score bootstrap: linearised at the Poisson estimate",)
    rows: dict[int, InferenceRow] = {}
    single = [i for i, h in enumerate(hypotheses) if len(h.matrix) == 1]
    if single:
        tests = _draw(model, fit, _stacked([hypotheses[i] for i in single]), name, settings)
        assert isinstance(tests, WildTests)
        written = wild_convention(model, tests, name, settings)
        rows |= {i: _single_row(tests, j, name, written).noting(linearised) for j, i in enumerate(single)}
    for i, hypothesis in enumerate(hypotheses):
        if i not in rows:
            rows[i] = _joint_row(model, fit, hypothesis, name, settings).noting(linearised)
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
    options = replace(_options(name, settings), impose_null=impose_null, interval=impose_null or name == "WCU")
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
        weeks = np.rint(week_numbers(model.arrays)).astype(np.int64)
        return over_weeks(
            fit,
            R,
            weeks,
            null=r,
            length=settings.dwb_length,
            lag=settings.dwb_lag,
            effects=settings.dwb_effects,
            options=options,
        )
    over_clusters = wild_cluster_wald if joint else wild_cluster
    clusters = [cluster_codes(model, one) for one in _dimensions(name, settings)]
    return over_clusters(
        fit,
        R,
        clusters if len(clusters) > 1 else clusters[0],
        null=r,
        multiplier=settings.multiplier,
        studentise="CRV3" if name == "WCR-CRV3" else "CRV1",
        factors=_factors(model, name, settings),
        boot_clusters=None if settings.boot_clusters is None else cluster_codes(model, settings.boot_clusters),
        options=options,
    )


def _options(name: Resampling, settings: InferenceSettings) -> WildOptions:
    return WildOptions(
        draws=settings.draws,
        seed=settings.seed,
        level=settings.level,
        ties=settings.ties,
        threads=settings.threads,
        impose_null=name != "WCU",
    )


def _dimensions(name: Resampling, settings: InferenceSettings) -> tuple[str, ...]:
    """Name the cluster variables of a bootstrap."""
    return two_dimensions(settings.clusters) if name == "WCR two-way" else (settings.clusters,)


def _factors(model: FittedModel, name: Resampling, settings: InferenceSettings) -> list[float] | None:
    """Give the rule's factor for each variance term; CRV3 carries its own."""
    if name == "WCR-CRV3":
        return None
    kind: Covariance = "two-way" if name == "WCR two-way" else "CRV1"
    choice = CovarianceChoice(kind, _dimensions(name, settings), small_sample=settings.small_sample)
    found = covariance_of(model, choice)
    return list(found.factors) if kind == "two-way" else [found.factor]


def _single_row(tests: WildTests, j: int, name: Resampling, written: str) -> InferenceRow:
    return InferenceRow(
        estimate=float(tests.estimate[j]),
        std_error=float(tests.se[j]),
        statistic=float(tests.statistic[j]),
        pvalue=float(tests.p_value[j]),
        conf_low=float(tests.lower[j]),
        conf_high=float(tests.upper[j]),
        draws=tests.draws,
        convention=written,
        note="; ".join(single_notes(tests, j, name)),
    )


def single_notes(tests: WildTests, j: int, name: Resampling) -> list[str]:
    """Say of one contrast why it has no error, how many draws do not count, what p = 0 and an open interval mean."""
    if np.isnan(tests.se[j]):
        return [_no_variance(name)]
    ends = (float(tests.lower[j]), float(tests.upper[j]))
    return draw_notes(float(tests.p_value[j]), tests.draws, int(tests.invalid[j]), ends)


def _joint_row(
    model: FittedModel, fit: WildRegression, hypothesis: Hypothesis, name: Resampling, settings: InferenceSettings
) -> InferenceRow:
    """Test one joint hypothesis by W / q, as the analytic methods do; where it cannot be had the line says why."""
    try:
        test = _draw(model, fit, (hypothesis.matrix, hypothesis.value), name, settings, joint=True)
    except PanelcoopError as error:
        return InferenceRow(note=str(error))
    assert isinstance(test, WildWald)
    row = InferenceRow(
        statistic=test.statistic / test.restrictions,
        pvalue=test.p_value,
        draws=test.draws,
        convention=f"{wild_convention(model, test, name, settings)}; Wald F, q = {test.restrictions} restrictions",
    )
    if np.isnan(row.statistic):
        return row.noting(["the restrictions' covariance is not positive definite: no joint statistic"])
    return row.noting(draw_notes(test.p_value, test.draws, test.invalid))


def _no_variance(name: Resampling) -> str:
    if name == "WCR two-way":
        return "no variance to estimate: two-way variances can be negative"
    return "no variance to estimate: summed over clusters or weeks the scores cancel, as where a single one carries all"


def draw_notes(pvalue: float, draws: int, invalid: int, ends: tuple[float, float] = (0.0, 0.0)) -> list[str]:
    """Say how many draws do not count, what a p-value of zero means and why an interval has no end."""
    said = []
    if invalid:
        said.append(f"{invalid:,} of {draws:,} draws have no positive variance and are left out")
    if np.isnan(pvalue):
        said.append("no draw is left: no p-value")
    if pvalue == 0:
        said.append(f"no draw is as extreme as the data: p < 1/{draws - invalid:,}")
    if np.isinf(ends).any():
        said.append("interval without an end: no value on that side is rejected")
    return said


def wild_convention(
    model: FittedModel, found: WildTests | WildWald, name: Resampling, settings: InferenceSettings
) -> str:
    """Write the method with its cluster variables, what shares a multiplier, the draws and the tie rule."""
    draws = f", {found.draws:,} draws" if name == "DWB-t" else ""
    return f"{found.convention}{draws}{_variables(model, name, settings)}; {TIES[settings.ties]}"


def _variables(model: FittedModel, name: Resampling, settings: InferenceSettings) -> str:
    if name == "DWB-t":
        return ""
    names = _dimensions(name, settings)
    sizes: dict[str, int] = {one: np.unique(cluster_codes(model, one)).size for one in names}
    drawn = settings.boot_clusters or min(names, key=lambda one: sizes[one])
    return f"; clusters: {' and '.join(names)}; one multiplier per {drawn}"
