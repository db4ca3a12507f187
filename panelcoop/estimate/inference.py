"""Every inference for the same hypotheses, side by side, each with its convention named."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing, fail_if_not_one_of
from panelcoop.errors import PanelcoopError
from panelcoop.estimate.exchange import exchange_rows
from panelcoop.estimate.fitted import CovarianceChoice, FittedModel, covariance_of, degrees_of_freedom
from panelcoop.estimate.resampling import resampled_rows
from panelcoop.estimate.settings import (
    ANALYTIC,
    RESAMPLED,
    STANDARD,
    InferenceRow,
    InferenceSettings,
    Method,
)
from panelcoop.hypotheses import Hypothesis
from panelcoop.numerics.covariance.covariance import CovarianceRecord
from panelcoop.numerics.distributions import t_ppf, t_sf
from panelcoop.numerics.estimable import combination_covariance
from panelcoop.numerics.wald import wald_statistic
from panelcoop.options import Covariance

__all__ = ["inference_table"]


def inference_table(
    model: FittedModel,
    hypotheses: Sequence[Hypothesis],
    methods: Sequence[Method] | None,
    settings: InferenceSettings,
) -> pd.DataFrame:
    """Apply each method to each hypothesis.

    Parameters
    ----------
    model
        A fitted model.
    hypotheses
        Estimable hypotheses; joint ones get a Wald statistic and no interval.
    methods
        None for the standard set, with conley where ``settings.space`` is given.
    settings
        Shared by all methods.

    Returns
    -------
    pandas.DataFrame
        Indexed by (hypothesis, method): estimate, std_error, statistic, df, pvalue, conf_low, conf_high, convention,
        note. A method that cannot be had for this model has NaN and says why in ``note``.

    Raises
    ------
    DataError
        If a method's name or the cluster column is unknown.
    """
    chosen: list[Method] = list(methods if methods is not None else STANDARD)
    if methods is None and settings.space is not None:
        chosen.append("conley")
    for name in chosen:
        fail_if_not_one_of(name, (*ANALYTIC, *RESAMPLED), "method")
    if settings.clusters not in {"region", "week"}:
        fail_if_columns_missing([settings.clusters], list(model.panel.data.columns), "The panel")
    rows = {name: _rows(model, hypotheses, name, settings) for name in chosen}
    keys = [(h.text, name) for h in hypotheses for name in chosen]
    flat = [vars(rows[name][i]) for i in range(len(hypotheses)) for name in chosen]
    return pd.DataFrame(flat, index=pd.MultiIndex.from_tuples(keys, names=["hypothesis", "method"]))


def _rows(
    model: FittedModel, hypotheses: Sequence[Hypothesis], name: Method, settings: InferenceSettings
) -> list[InferenceRow]:
    """Apply one method; where it cannot be had it says why instead of stopping the table."""
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


def _analytic_rows(
    model: FittedModel, hypotheses: Sequence[Hypothesis], kind: Covariance, settings: InferenceSettings
) -> list[InferenceRow]:
    clusters = ("region", "week") if kind == "two-way" else (settings.clusters,)
    choice = CovarianceChoice(kind, clusters, settings.lag, settings.space, settings.small_sample)
    found = covariance_of(model, choice)
    return [_analytic_row(model, found, choice, h, settings.level) for h in hypotheses]


def _analytic_row(
    model: FittedModel, found: CovarianceRecord, choice: CovarianceChoice, hypothesis: Hypothesis, level: float
) -> InferenceRow:
    R, r, solution = hypothesis.matrix, hypothesis.value, model.linear.solution
    df = degrees_of_freedom(model, found, choice, R[0])
    note = "; ".join(found.notes)
    if len(R) > 1:
        test = wald_statistic(solution, found.full, R, r, df)
        return InferenceRow(statistic=test.statistic, df=df, pvalue=test.pvalue, convention=found.convention, note=note)
    variance = float(combination_covariance(R[:1], found.full)[0, 0])
    value, se = float(R[0] @ solution), float(np.sqrt(variance)) if variance > 0 else np.nan
    t, half = (value - r[0]) / se, float(t_ppf(0.5 + level / 2, df)) * se
    return InferenceRow(
        estimate=value,
        std_error=se,
        statistic=t,
        df=df,
        pvalue=float(2 * t_sf(abs(t), df)),
        conf_low=value - half,
        conf_high=value + half,
        convention=found.convention,
        note=note,
    )
