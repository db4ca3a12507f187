"""Other covariances and bootstraps for an event study: each is another object, the study stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from panelcoop.checks import name_few
from panelcoop.errors import DataError
from panelcoop.estimate.event_study.result import EventStudy
from panelcoop.numerics.covariance.hac import bartlett_sum
from panelcoop.numerics.distributions import t_sf
from panelcoop.numerics.event_study.influence import (
    cluster_sums,
    influence_covariance,
    multiplier_draws,
    two_way_covariance,
)
from panelcoop.numerics.resampling.multipliers import multiplier_block, plan_multipliers
from panelcoop.options import FloatArray, IntArray

__all__ = ["event_inference", "recluster"]

MULTIPLIER_LENGTH = 8
LAG = 6


def recluster(
    study: EventStudy, first: Mapping[object, object], second: Mapping[object, object] | None = None
) -> EventStudy:
    """Cluster an event study by other groups of regions, in one or two dimensions.

    Parameters
    ----------
    study
        The event study.
    first, second
        Group of each region; with two, the covariance is first + second - both (Cameron, Gelbach and Miller 2011).

    Returns
    -------
    EventStudy
        The same estimates with another covariance; no small-sample factor beyond the study's own.

    Raises
    ------
    DataError
        If a region has no group.
    """
    one = _codes(study, first)
    rows = np.nan_to_num(study.influence)
    if second is None:
        cov, words = influence_covariance(cluster_sums(rows, one)), f"{one.max() + 1} groups"
        clusters: IntArray | None = one
    else:
        two = _codes(study, second)
        cov, words = two_way_covariance(rows, one, two), f"{one.max() + 1} and {two.max() + 1} groups"
        clusters = study.clusters
    cov = study.factor * cov
    blank = study.params.isna().to_numpy()
    cov[blank, :] = np.nan
    cov[:, blank] = np.nan
    frame = pd.DataFrame(cov, index=study.params.index, columns=study.params.index)
    return replace(study, cov=frame, clusters=clusters, convention=f"{study.convention}; reclustered by {words}")


def _codes(study: EventStudy, groups: Mapping[object, object]) -> IntArray:
    missing = [r for r in study.regions if r not in groups]
    if missing:
        msg = f"No group for region {name_few(missing)}; give every region of the study a group."
        raise DataError(msg)
    return np.asarray(pd.factorize(pd.Series([groups[r] for r in study.regions]))[0], dtype=np.int64)


def event_inference(study: EventStudy, *, draws: int = 9999, seed: int = 0) -> pd.DataFrame:
    """Put every way of inference the study allows side by side, by horizon.

    Parameters
    ----------
    study
        The event study.
    draws, seed
        Bootstrap draws and seed.

    Returns
    -------
    pandas.DataFrame
        estimate; std_error and p_cluster (analytic); p_wild (score wild cluster bootstrap, Rademacher, studentised);
        se_multiplier (scaled interquartile range, as R did); p_dwb (dependent wild bootstrap over weeks, Bartlett
        length 8, studentised with lag 6). ``attrs["reasons"]`` says why a column is NaN.

    Notes
    -----
    For local projections a week is the week of the event. Estimators saturated in cohort and week leave week sums
    of treated residuals at exactly zero: a shock common to a cohort's week cannot be told from its effect, so no
    bootstrap over weeks exists for them. p-values count draws at least as large (weak rule) and the observed
    statistic as one draw.

    References
    ----------
    Kline and Santos (2012), Journal of Econometric Methods 1(1). Shao (2010), Journal of the American Statistical
    Association 105.
    """
    here = study.params.index.get_indexer(study.estimated)
    sums = study.cluster_influence()[:, here]
    values = study.params.to_numpy()[here]
    std_error = study.std_errors.to_numpy()[here]
    boot = multiplier_draws(sums, draws, np.random.default_rng(seed))
    table = pd.DataFrame(
        {
            "estimate": values,
            "std_error": std_error,
            "p_cluster": 2 * t_sf(np.abs(values / std_error), study.df),
            "p_wild": _score_bootstrap(values, sums, draws, seed),
            "se_multiplier": np.sqrt(study.factor) * boot.std_errors,
            "p_dwb": np.nan,
        },
        index=study.estimated,
    )
    reasons = {}
    if study.week_scores is None:
        reasons["p_dwb"] = "saturated in cohort and week: week shocks of a cohort cannot be told from its effect"
    else:
        table["p_dwb"] = _week_bootstrap(values, study.week_scores[:, here], draws, seed)
    table.attrs["reasons"] = reasons
    return table


def _score_bootstrap(values: FloatArray, sums: FloatArray, draws: int, seed: int) -> FloatArray:
    G = len(sums)
    plan = plan_multipliers("rademacher", G, draws, seed)
    observed = np.abs(values) / np.sqrt((sums**2).sum(axis=0) - sums.sum(axis=0) ** 2 / G)
    larger, total = np.zeros(values.size), 0
    for block in range(plan.blocks):
        move = multiplier_block(plan, block) @ sums
        spread = np.sqrt(np.maximum((sums**2).sum(axis=0) - move**2 / G, 1e-300))
        larger += (np.abs(move) / spread >= observed * (1 - 1e-12)).sum(axis=0)
        total += len(move)
    return np.asarray(larger / total if plan.enumerated else (1 + larger) / (1 + total))


def _week_bootstrap(values: FloatArray, scores: FloatArray, draws: int, seed: int) -> FloatArray:
    scores = scores - scores.mean(axis=0)
    observed = np.abs(values) / np.sqrt(np.diag(bartlett_sum(scores, LAG)))
    plan = plan_multipliers("gaussian", len(scores), draws, seed, length=MULTIPLIER_LENGTH)
    larger, total = np.zeros(values.size), 0
    for block in range(plan.blocks):
        drawn = multiplier_block(plan, block)
        move = drawn @ scores
        for row, eta in zip(move, drawn, strict=True):
            own = eta[:, None] * scores
            spread = np.sqrt(np.maximum(np.diag(bartlett_sum(own - own.mean(axis=0), LAG)), 1e-300))
            larger += np.abs(row) / spread >= observed
        total += len(move)
    return np.asarray((1 + larger) / (1 + total))
