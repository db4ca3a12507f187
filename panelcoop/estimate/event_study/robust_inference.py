"""Other covariances and bootstraps for an event study: each is another object, the study stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeVar

import numpy as np
import pandas as pd

from panelcoop.checks import name_few
from panelcoop.errors import DataError
from panelcoop.estimate.event_study.aggregate import EventAggregate
from panelcoop.estimate.event_study.make_result import with_clustering
from panelcoop.estimate.event_study.result import EventStudy
from panelcoop.numerics.covariance.hac import bartlett_sum
from panelcoop.numerics.distributions import t_sf
from panelcoop.numerics.event_study.clustering import Clustering
from panelcoop.numerics.event_study.influence import cluster_sums, multiplier_draws
from panelcoop.numerics.resampling.multipliers import multiplier_block, plan_multipliers
from panelcoop.options import FloatArray, IntArray

__all__ = ["event_inference", "recluster"]

MULTIPLIER_LENGTH = 8
LAG = 6
AVERAGED = "averages keep no influence by week: see the horizons of the study"


Study = TypeVar("Study", EventStudy, EventAggregate)


def recluster(
    study: Study,
    first: Mapping[object, object],
    second: Mapping[object, object] | Literal["week"] | None = None,
) -> Study:
    """Cluster an event study, or averages of one, by other groups of regions, in one or two dimensions.

    Parameters
    ----------
    study
        The event study, or what ``aggregate_events`` made of one.
    first, second
        Group of each region; with two, the covariance is first + second - both (Cameron, Gelbach and Miller 2011).
        ``second="week"`` clusters by weeks too, for estimators that are not saturated in cohort and week.

    Returns
    -------
    EventStudy or EventAggregate
        The same estimates; covariance, small-sample factor, degrees of freedom and every derived number as if the
        study had been estimated with these clusters. With two dimensions the smaller number of groups counts.

    Raises
    ------
    DataError
        If a region has no group.
    IdentificationError
        If weeks are asked for and the estimator has no influence by week.
    """
    if isinstance(study, EventAggregate):
        return study.of(recluster(study.study, first, second))
    one = _codes(study, first)
    groups = f"{one.max() + 1} groups"
    if isinstance(second, str):
        return with_clustering(study, Clustering("week", one, name=f"{groups} and week"))
    if second is None:
        return with_clustering(study, Clustering("one-way", one, name=groups))
    two = _codes(study, second)
    return with_clustering(study, Clustering("two-way", one, two, f"{groups} and {two.max() + 1} groups"))


def _codes(study: EventStudy, groups: Mapping[object, object]) -> IntArray:
    missing = [r for r in study.regions if r not in groups]
    if missing:
        msg = f"No group for region {name_few(missing)}; give every region of the study a group."
        raise DataError(msg)
    return np.asarray(pd.factorize(pd.Series([groups[r] for r in study.regions]))[0], dtype=np.int64)


def event_inference(study: EventStudy | EventAggregate, *, draws: int = 9999, seed: int = 0) -> pd.DataFrame:
    """Put every way of inference the study allows side by side, by horizon or by average.

    Parameters
    ----------
    study
        The event study, or what ``aggregate_events`` made of one.
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
    bootstrap over weeks exists for them. With clusters in two dimensions, or dyads, no single sign per cluster exists,
    so neither does a bootstrap over clusters. p-values count draws at least as large (weak rule) and the observed
    statistic as one draw, also where all signs are enumerated: the observed statistic is none of them.

    References
    ----------
    Kline and Santos (2012), Journal of Econometric Methods 1(1). Shao (2010), Journal of the American Statistical
    Association 105.
    """
    here = study.params.index.get_indexer(study.estimated)
    values = study.params.to_numpy()[here]
    std_error = study.std_errors.to_numpy()[here]
    columns: dict[str, FloatArray] = {
        "estimate": values,
        "std_error": std_error,
        "p_cluster": 2 * t_sf(np.abs(values / std_error), study.df),
        **dict.fromkeys(("p_wild", "se_multiplier", "p_dwb"), np.full(values.size, np.nan)),
    }
    reasons: dict[str, str] = {}
    if study.clustering.kind == "one-way":
        rows = study.influence if isinstance(study, EventAggregate) else study.scaled_influence()
        sums = cluster_sums(rows[:, here], study.clustering.first)
        boot = multiplier_draws(sums, draws, np.random.default_rng(seed))
        columns |= {"p_wild": _score_bootstrap(values, sums, draws, seed), "se_multiplier": boot.std_errors}
    else:
        why = f"errors are {study.clustering.kind} ({study.clustering.name}): no single sign per cluster exists"
        reasons |= {"p_wild": why, "se_multiplier": why}
    scores = None if isinstance(study, EventAggregate) else study.week_scores
    if scores is None:
        reasons["p_dwb"] = AVERAGED if isinstance(study, EventAggregate) else study.no_scores
    else:
        columns["p_dwb"] = _week_bootstrap(values, scores[:, here], draws, seed)
    table = pd.DataFrame(columns, index=study.estimated)
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
    return np.asarray((1 + larger) / (1 + total))


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
