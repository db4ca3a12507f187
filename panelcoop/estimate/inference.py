"""Every inference for the same hypotheses, side by side, each with its convention named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing, fail_if_not_one_of
from panelcoop.errors import DataError, PanelcoopError
from panelcoop.estimate.cluster_weight import leverage_notes, summed_over
from panelcoop.estimate.covariances import CovarianceChoice, covariance_of, degrees_of_freedom, joint_test
from panelcoop.estimate.design import single_week_note
from panelcoop.estimate.exchange import exchange_rows
from panelcoop.estimate.fitted import FittedModel
from panelcoop.estimate.resampling import resampled_rows
from panelcoop.estimate.settings import (
    ANALYTIC,
    RESAMPLED,
    STANDARD,
    InferenceRow,
    InferenceSettings,
    Method,
    two_dimensions,
)
from panelcoop.hypotheses import Hypothesis
from panelcoop.numerics.covariance.covariance import CovarianceRecord
from panelcoop.numerics.distributions import t_ppf, t_sf
from panelcoop.numerics.estimable import combination_covariance
from panelcoop.options import Covariance

__all__ = ["inference_table"]

ANALYTIC_FIELDS = ("estimate", "std_error", "statistic", "df", "pvalue", "conf_low", "conf_high")


def inference_table(
    model: FittedModel,
    hypotheses: Sequence[Hypothesis],
    methods: Method | Sequence[Method] | None,
    settings: InferenceSettings,
) -> pd.DataFrame:
    """Apply each method to each hypothesis.

    Parameters
    ----------
    model
        A fitted model.
    hypotheses
        Estimable hypotheses; joint ones of q restrictions get the Wald statistic over q and no interval.
    methods
        One name or several; None for the standard set, with conley where ``settings.space`` is given.
    settings
        Shared by all methods.

    Returns
    -------
    pandas.DataFrame
        Indexed by (hypothesis, method): estimate, std_error, statistic, df, pvalue, conf_low, conf_high, draws,
        convention, note. A method that cannot be had for a hypothesis has NaN and says why in ``note``, which also
        says what a careful reader should know: draws left out, stages of one week, contrasts that one cluster carries.

    Raises
    ------
    DataError
        If a method's name, a cluster column or the column of strata is unknown.
    """
    chosen = _chosen(model, methods, settings)
    table = {name: _rows(model, hypotheses, name, settings) for name in chosen} if hypotheses else {}
    table = _with_notes(model, hypotheses, table, settings)
    keys = [(h.text, name) for h in hypotheses for name in chosen]
    flat = [vars(table[name][i]) for i in range(len(hypotheses)) for name in chosen]
    index = pd.MultiIndex.from_tuples(keys, names=["hypothesis", "method"]) if keys else _empty_index()
    return pd.DataFrame(flat, index=index, columns=[f.name for f in fields(InferenceRow)])


def _empty_index() -> pd.MultiIndex:
    return pd.MultiIndex.from_arrays([[], []], names=["hypothesis", "method"])


def _chosen(model: FittedModel, methods: Method | Sequence[Method] | None, settings: InferenceSettings) -> list[Method]:
    """List the methods asked for, after names of methods and columns are checked."""
    chosen: list[Method] = [methods] if isinstance(methods, str) else list(STANDARD if methods is None else methods)
    if methods is None and settings.space is not None:
        chosen.append("conley")
    for name in chosen:
        fail_if_not_one_of(name, (*ANALYTIC, *RESAMPLED), "method")
    if not chosen:
        raise DataError("Name at least one method, for example 'DWB-t'; None takes the standard set.")
    wanted = [name for name in (settings.clusters, settings.boot_clusters) if name not in {None, "region", "week"}]
    fail_if_columns_missing([str(name) for name in wanted], list(model.panel.data.columns), "The panel")
    return chosen


def _rows(
    model: FittedModel, hypotheses: Sequence[Hypothesis], name: Method, settings: InferenceSettings
) -> list[InferenceRow]:
    """Apply one method; where it cannot be had it says why instead of stopping the table."""
    if model.linear.saturated:
        return [replace(_estimate_row(model, h), note=model.linear.saturated) for h in hypotheses]
    try:
        for kind in ANALYTIC:
            if name == kind:
                return _analytic_rows(model, hypotheses, kind, settings)
        if name == "RI":
            return exchange_rows(model, hypotheses, settings)
        for variant in RESAMPLED:
            if name == variant:
                return resampled_rows(model, hypotheses, variant, settings)
    except PanelcoopError as error:
        return [InferenceRow(note=str(error)) for _ in hypotheses]
    return []


def _with_notes(
    model: FittedModel,
    hypotheses: Sequence[Hypothesis],
    table: dict[Method, list[InferenceRow]],
    settings: InferenceSettings,
) -> dict[Method, list[InferenceRow]]:
    """Add to each line what its hypothesis and its clusters call for."""
    if not hypotheses:
        return table
    variables = {method: summed_over(method, settings) for method in table}
    carried = leverage_notes(model, hypotheses, [name for names in variables.values() for name in names])
    short = [_short_stages(model, h) for h in hypotheses]
    return {
        method: [
            row.noting(said)
            if (said := [*short[i], *(note for name in variables[method] for note in carried[name][i])])
            else row
            for i, row in enumerate(rows)
        ]
        for method, rows in table.items()
    }


def _short_stages(model: FittedModel, hypothesis: Hypothesis) -> list[str]:
    """Note the stages of one week that a hypothesis touches."""
    touched = (hypothesis.matrix != 0).any(axis=0)
    stages = {term.stage for term, used in zip(model.terms, touched, strict=True) if used}
    return [single_week_note(label) for label in model.stages.single_week if label in stages]


def _analytic_rows(
    model: FittedModel, hypotheses: Sequence[Hypothesis], kind: Covariance, settings: InferenceSettings
) -> list[InferenceRow]:
    clusters = two_dimensions(settings.clusters) if kind == "two-way" else (settings.clusters,)
    timeless = kind == "conley" and settings.space is not None and settings.space.serial == "all"
    lag = None if timeless else settings.lag  # the lag is meant for the other methods then
    choice = CovarianceChoice(kind, clusters, lag, settings.space, settings.small_sample, settings.repair)
    found = covariance_of(model, choice)
    single = [h for h in hypotheses if len(h.matrix) == 1]
    alone = iter(_single_rows(model, found, single, settings.level) if single else [])
    rows = [next(alone) if len(h.matrix) == 1 else _joint_row(model, found, h) for h in hypotheses]
    return [row.noting(found.notes) for row in rows] if found.notes else rows


def _joint_row(model: FittedModel, found: CovarianceRecord, hypothesis: Hypothesis) -> InferenceRow:
    """Test one joint hypothesis; where it cannot be had the line says why."""
    try:
        test = joint_test(model, found, hypothesis.matrix, hypothesis.value)
    except PanelcoopError as error:
        return InferenceRow(convention=found.convention, note=str(error))
    plain = found.correction is None
    which = "Wald F" if plain else "approximate Hotelling test (Pustejovsky and Tipton 2018)"
    return InferenceRow(
        statistic=test.chi2 / test.df if plain else test.statistic,
        df=test.df_denominator,
        pvalue=test.pvalue,
        convention=f"{found.convention}; {which}, q = {test.df} restrictions",
    )


def _estimate_row(model: FittedModel, hypothesis: Hypothesis) -> InferenceRow:
    single = len(hypothesis.matrix) == 1
    return InferenceRow(estimate=float(hypothesis.matrix[0] @ model.linear.solution) if single else np.nan)


def _single_rows(
    model: FittedModel, found: CovarianceRecord, hypotheses: Sequence[Hypothesis], level: float
) -> list[InferenceRow]:
    """Test single restrictions, all at once."""
    matrix = np.vstack([h.matrix for h in hypotheses])
    estimate, null = matrix @ model.linear.solution, np.array([h.value[0] for h in hypotheses])
    variance = np.array([combination_covariance(row[None, :], found.full)[0, 0] for row in matrix])
    df = np.array(
        [degrees_of_freedom(model, found, row) if v > 0 else np.nan for row, v in zip(matrix, variance, strict=True)]
    )
    se = np.sqrt(np.where(variance > 0, variance, np.nan))
    t, half = (estimate - null) / se, t_ppf(0.5 + level / 2, df) * se
    numbers = np.column_stack([estimate, se, t, df, 2 * t_sf(np.abs(t), df), estimate - half, estimate + half]).tolist()
    return [
        InferenceRow(
            **dict(zip(ANALYTIC_FIELDS, row, strict=True)),
            convention=found.convention,
            note="" if v > 0 else _why_no_variance(float(v), found.kind),
        )
        for row, v in zip(numbers, variance, strict=True)
    ]


def _why_no_variance(variance: float, kind: str) -> str:
    why = "negative or zero" if np.isfinite(variance) else "not estimable"
    return f"the variance of this contrast is {why} under {kind}"
