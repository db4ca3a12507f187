"""From a fitted model and its first covariance to the frozen record that users hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from panelcoop.estimate.covariances import CovarianceChoice, estimate_fields
from panelcoop.estimate.fitted import EFFECT_LABELS, FittedModel
from panelcoop.estimate.identification import TermStatus
from panelcoop.estimate.stage_results import StageInteraction, notes_of
from panelcoop.numerics.covariance.covariance import CovarianceRecord

__all__ = ["record_of"]


def record_of(
    model: FittedModel,
    covariance: CovarianceRecord,
    choice: CovarianceChoice,
    *,
    drivers: tuple[str, ...],
    statuses: tuple[TermStatus, ...],
    asked: Mapping[str, Any],
) -> StageInteraction:
    """Put a fitted model and its first covariance into the frozen record that users hold."""
    arrays, linear = model.arrays, model.linear
    stages = model.stages
    shares = np.bincount(stages.codes, weights=model.weight_values, minlength=len(stages.labels))
    return StageInteraction(
        params=pd.Series(linear.coef, index=model.index, name="estimate"),
        **estimate_fields(model, covariance),
        nobs=linear.nobs,
        outcome=model.outcome,
        effects=EFFECT_LABELS[model.effects],
        n_regions=int(np.count_nonzero(np.bincount(arrays.region))),
        n_weeks=int(np.count_nonzero(np.bincount(arrays.week))),
        dropped=arrays.dropped,
        notes=notes_of(model, statuses, covariance),
        statistics=_statistics(model),
        solution=linear.solution,
        null_space=linear.null_space,
        provenance={} if model.panel.plan is None else {"plan": model.panel.plan.hash},
        model=model,
        covariance=covariance,
        choice=choice,
        drivers=drivers,
        stages=stages.labels,
        stage_shares=shares / shares.sum(),
        statuses=statuses,
        asked=asked,
    )


def _statistics(model: FittedModel) -> dict[str, float]:
    """Rank and residual degrees of freedom; deviance, log-likelihood and pseudo R2 of Poisson."""
    known: dict[str, float] = {"rank": model.linear.rank, "df_resid": model.linear.df_resid}
    counts = model.counts
    if counts is None:
        return known
    return {
        **known,
        "deviance": counts.deviance,
        "log_likelihood": counts.log_likelihood,
        "pseudo_r2": counts.pseudo_r2,
    }
