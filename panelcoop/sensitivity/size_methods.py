"""Every inference of the size table: a function from a simulated panel to a p-value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from panelcoop.errors import IdentificationError
from panelcoop.numerics.covariance.covariance import CovarianceRecord, covariance
from panelcoop.numerics.covariance.satterthwaite import hotelling_test, satterthwaite_df, total_variance_df
from panelcoop.numerics.covariance.spatial_hac import SpatialKernel
from panelcoop.numerics.distributions import t_sf
from panelcoop.numerics.resampling.dependent_wild import DRISCOLL_KRAAY_LAG, dependent_wild, dependent_wild_wald
from panelcoop.numerics.resampling.exchanged_paths import randomise_paths
from panelcoop.numerics.resampling.jackknife_directions import jackknife_directions
from panelcoop.numerics.resampling.wild_cluster import wild_cluster, wild_cluster_wald
from panelcoop.numerics.resampling.wild_regression import prepare_contrasts
from panelcoop.numerics.wald import wald_statistic
from panelcoop.options import Covariance
from panelcoop.sensitivity.stage_samples import StageSample

__all__ = ["JOINT", "METHODS", "analytic_p"]

CONTRAST = np.array([[0.0, 1.0, -1.0, 0.0]])
SAME_AT_ALL_STAGES = np.array([[1.0, -1.0, 0.0, 0.0], [1.0, 0.0, -1.0, 0.0], [1.0, 0.0, 0.0, -1.0]])
BARTLETT_TO, UNIFORM_TO = 0.8, 0.4
LAG = DRISCOLL_KRAAY_LAG


def analytic_p(sample: StageSample, kind: Covariance, df: float = np.inf, **given: Any) -> float:  # noqa: ANN401
    """Return the p-value of a covariance, held against t with some degrees of freedom or the normal."""
    return contrast_p(sample, covariance(sample.fit, kind, **given), df)


def contrast_p(sample: StageSample, found: CovarianceRecord, df: float) -> float:
    """Return the two-sided p-value of the contrast; NaN where its variance is not positive."""
    variance = float((CONTRAST @ found.full @ CONTRAST.T)[0, 0])
    if not variance > 0:
        return float("nan")
    statistic = abs(float((CONTRAST @ sample.fit.solution)[0])) / np.sqrt(variance)
    return float(2 * t_sf(statistic, df))


def conley(sample: StageSample, *, product: bool) -> float:
    """Return the p-value of Conley's covariance with normal critical values.

    Notes
    -----
    Either a region's own lags beside the regions near it in the same week (Bartlett kernel to .8), or one kernel in
    both: all regions within .4, weighed by Bartlett weights of the weeks between them.
    """
    if product:
        space = SpatialKernel(UNIFORM_TO, distances=sample.distances, kernel="uniform", serial="product")
    else:
        space = SpatialKernel(BARTLETT_TO, distances=sample.distances)
    return analytic_p(sample, "conley", units=sample.regions, weeks=sample.weeks, lag=LAG, space=space)


def crv2(sample: StageSample) -> float:
    """Return the p-value of CRV2 with Bell-McCaffrey degrees of freedom."""
    correction = sample.crv2.correction
    assert correction is not None
    return contrast_p(sample, sample.crv2, satterthwaite_df(correction.moments, sample.fit.bread @ CONTRAST.T))


def jackknife(sample: StageSample) -> float:
    """Return the p-value of CRV3 with t critical values, from the exact changes when each region is left out."""
    contrasts = prepare_contrasts(sample.system, CONTRAST)
    rows = jackknife_directions(sample.system, contrasts.directions, sample.regions).rows[:, 0]
    change = np.bincount(sample.regions, rows * sample.fit.resid)
    regions = change.size
    statistic = abs(float(contrasts.gaps[0])) / float(np.sqrt((regions - 1) / regions * change @ change))
    return float(2 * t_sf(statistic, regions - 1))


def by_cluster(sample: StageSample, **given: Any) -> float:  # noqa: ANN401
    """Return the p-value of a wild cluster bootstrap by region."""
    chosen: dict[str, Any] = {"clusters": sample.regions, "options": sample.options, **given}
    return float(wild_cluster(sample.system, CONTRAST, **chosen).p_value[0])


def by_week(sample: StageSample, **given: Any) -> float:  # noqa: ANN401
    """Return the p-value of DWB-t."""
    return float(dependent_wild(sample.system, CONTRAST, sample.weeks, options=sample.options, **given).p_value[0])


def permuted_paths(sample: StageSample) -> float:
    """Return the p-value of exchanging regions' driver paths."""
    found = randomise_paths(sample.system, CONTRAST, sample.regions, sample.weeks, options=sample.options)
    return float(found.p_value[0])


def joint_crv1(sample: StageSample) -> float:
    """Return the p-value of F(3, 30) by CRV1 that the effect is the same at all stages."""
    found = covariance(sample.fit, "CRV1", clusters=[sample.regions])
    df = float(sample.regions.max())
    return wald_statistic(sample.fit.solution, found.full, SAME_AT_ALL_STAGES, 0.0, df).pvalue


def joint_crv2(sample: StageSample) -> float:
    """Return the p-value of the approximate Hotelling test by CRV2 of the same; NaN where it does not exist."""
    correction = sample.crv2.correction
    assert correction is not None
    _, eta = total_variance_df(correction.moments, sample.fit.bread @ SAME_AT_ALL_STAGES.T)
    try:
        return hotelling_test(sample.fit.solution, sample.crv2.full, SAME_AT_ALL_STAGES, np.zeros(3), eta).pvalue
    except IdentificationError:
        return float("nan")


def joint_wcr(sample: StageSample) -> float:
    """Return the p-value of the restricted wild cluster bootstrap of the Wald statistic."""
    return wild_cluster_wald(sample.system, SAME_AT_ALL_STAGES, sample.regions, options=sample.options).p_value


def joint_dwb(sample: StageSample) -> float:
    """Return the p-value of DWB-t's Wald statistic."""
    return dependent_wild_wald(sample.system, SAME_AT_ALL_STAGES, sample.weeks, options=sample.options).p_value


METHODS: Mapping[str, Callable[[StageSample], float]] = {
    "iid normal": lambda s: analytic_p(s, "iid"),
    "HC1 normal": lambda s: analytic_p(s, "HC1"),
    "CRV1 t(30)": lambda s: analytic_p(s, "CRV1", s.regions.max(), clusters=[s.regions]),
    "CRV2 Bell-McCaffrey": crv2,
    "CRV3 t(30)": jackknife,
    "two-way t(30)": lambda s: analytic_p(s, "two-way", s.regions.max(), clusters=[s.regions, s.weeks]),
    "Newey-West normal": lambda s: analytic_p(s, "newey-west", units=s.regions, weeks=s.weeks, lag=LAG),
    "Driscoll-Kraay normal": lambda s: analytic_p(s, "driscoll-kraay", weeks=s.weeks, lag=LAG),
    "Conley-HAC normal": lambda s: conley(s, product=False),
    "Conley-HAC, product kernel": lambda s: conley(s, product=True),
    "WCR region": by_cluster,
    "WCU region": lambda s: by_cluster(s, options=replace(s.options, impose_null=False)),
    "WCR-CRV3 region": lambda s: by_cluster(s, studentise="CRV3"),
    "WCR two-way": lambda s: by_cluster(s, clusters=(s.regions, s.weeks)),
    "randomisation": permuted_paths,
    "DWB-t re-estimated": lambda s: by_week(s, effects="re-estimated"),
    "DWB-t": by_week,
}
"""Inferences of the contrast outbreak less continuation."""

JOINT: Mapping[str, Callable[[StageSample], float]] = {
    "CRV1 F(3, 30)": joint_crv1,
    "CRV2 Hotelling": joint_crv2,
    "WCR region": joint_wcr,
    "DWB-t": joint_dwb,
}
"""Inferences of the joint hypothesis that the effect is the same at all four stages."""
