"""The cluster jackknife of a Poisson fit by refits: nothing is linearised."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from panelcoop.numerics.covariance.covariance import CovarianceRecord, covariance, jackknife_notes
from panelcoop.numerics.covariance.small_sample import SmallSampleRule
from panelcoop.numerics.grouping import Grouping, group_rows
from panelcoop.numerics.regression.poisson import PoissonFit, poisson_again
from panelcoop.options import BoolArray, FloatArray, IntArray, SmallSample
from panelcoop.progress import track

__all__ = ["PoissonJackknife", "is_affordable", "poisson_crv3", "poisson_jackknife"]

MOST_CLUSTERS = 200
MOST_ROW_FITS = 5_000_000  # rows times refits: ten seconds


@dataclass(frozen=True, eq=False)
class PoissonJackknife:
    """Coefficients without each cluster.

    Attributes
    ----------
    groups : the clusters of the m rows used
    solutions : (G, k) one solution without each cluster; contrasts that are identified may be read from it
    undefined : (G, k) coefficients that are not identified without the cluster, though they are with it
    """

    groups: Grouping
    solutions: FloatArray
    undefined: BoolArray


def is_affordable(fit: PoissonFit, clusters: int) -> bool:
    """Say whether a refit per cluster takes seconds."""
    return clusters <= MOST_CLUSTERS and clusters * len(fit.mean) <= MOST_ROW_FITS


def poisson_jackknife(fit: PoissonFit, clusters: IntArray) -> PoissonJackknife:
    """Refit without each cluster, effects and all.

    Parameters
    ----------
    fit : the fit of m rows
    clusters : (m,) codes
    """
    groups = group_rows(clusters, "clusters")
    solutions, undefined = [], []
    for group in track(range(groups.size), "leaving one cluster out"):
        rest = poisson_again(fit, keep=np.flatnonzero(groups.codes != group)).linear
        solutions.append(rest.solution)
        undefined.append(fit.linear.identified & ~rest.identified)
    return PoissonJackknife(groups, np.array(solutions), np.array(undefined))


def poisson_crv3(
    fit: PoissonFit, clusters: IntArray, *, small_sample: SmallSample | SmallSampleRule = "fixest"
) -> CovarianceRecord:
    """Return the jackknife covariance sum_g (b_g - b)(b_g - b)', b_g refitted without cluster g, times a factor.

    Parameters
    ----------
    fit : the fit of m rows
    clusters : (m,) codes
    small_sample : a preset, whose factor is (G - 1)/G, or an explicit rule

    Raises
    ------
    DataError
        When there is one cluster only.
    """
    one_step = covariance(fit.linear, "CRV3", clusters=[clusters], small_sample=small_sample)
    if fit.linear.saturated:
        return one_step
    found = poisson_jackknife(fit, clusters)
    gaps = found.solutions - fit.linear.solution
    full = one_step.factor * gaps.T @ gaps
    lost = found.undefined.any(axis=0)
    full[lost, :] = full[:, lost] = np.nan
    cov = np.where(np.isnan(one_step.cov) & ~np.isnan(one_step.full), np.nan, full)
    return replace(
        one_step,
        cov=cov,
        full=full,
        undefined=found.undefined,
        notes=jackknife_notes(fit.linear.names, found.groups.labels.tolist(), found.undefined),
        convention=one_step.convention.replace("one-step jackknife at the estimate", "jackknife by refits"),
    )
