"""Is inference by cluster trustworthy here: leverage, effective number of clusters, influence of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.errors import DataError
from panelcoop.numerics.grouping import group_rows, group_sums
from panelcoop.numerics.regression.least_squares import LinearFit, least_squares
from panelcoop.numerics.resampling.jackknife_directions import jackknife_directions
from panelcoop.numerics.resampling.wild_regression import prepare_contrasts, wild_from_fit
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["ClusterDiagnostics", "cluster_diagnostics", "effective_clusters", "without_cluster"]

MOST_EXACT_WORK = 2e10
FULL_LEVERAGE = 1e-8


@dataclass(frozen=True, eq=False)
class ClusterDiagnostics:
    """What each cluster contributes to m contrasts.

    Attributes
    ----------
    labels
        Cluster codes as given, shape (G,).
    rows
        Rows in each cluster, shape (G,).
    leverage
        Trace of the cluster's block of the hat matrix of the regressors, effects absorbed, shape (G,): sums
        to their rank; a cluster far above rank/G makes CRV1 too small.
    partial_leverage
        Share of each contrast's information in each cluster, shape (m, G): rows sum to one.
    effective
        Effective number of clusters G* per contrast, shape (m,).
    change
        Estimate with all clusters less estimate without each, shape (m, G); NaN where a contrast is not
        identified without the cluster.
    estimate_without
        Each contrast's estimate without each cluster, shape (m, G).
    most_influential
        Position of the cluster that changes each contrast most, shape (m,); -1 where none can be left out.
    exact
        Whether effects were re-estimated without each cluster (True) or held (False, large panels).
    """

    labels: IntArray
    rows: IntArray
    leverage: FloatArray
    partial_leverage: FloatArray
    effective: FloatArray
    change: FloatArray
    estimate_without: FloatArray
    most_influential: IntArray
    exact: bool


def cluster_diagnostics(
    fit: LinearFit, restrictions: FloatArray, clusters: IntArray, *, exact: bool | None = None
) -> ClusterDiagnostics:
    """Measure leverage, effective number of clusters and jackknife influence.

    Parameters
    ----------
    fit
        The least-squares fit.
    restrictions
        One contrast per row, shape (m, k).
    clusters
        Codes of each row, shape (n,).
    exact
        Re-estimate the effects without each cluster (time of order sum n_g^3), or hold them and use each
        cluster's Gram matrix only. Default: exact unless that would take minutes.

    Raises
    ------
    IdentificationError
        When a contrast is not identified.

    References
    ----------
    MacKinnon, Nielsen, Webb (2023), Stata Journal 23 (leverage, influence). Carter, Schnepel, Steigerwald
    (2017), Review of Economics and Statistics 99 (effective number of clusters).

    Examples
    --------
    >>> g, x = np.repeat(np.arange(4), 5), np.sin(np.arange(20.0))
    >>> fit = least_squares(x + np.cos(3 * x), np.column_stack([np.ones(20), x]))
    >>> found = cluster_diagnostics(fit, np.array([[0.0, 1.0]]), g)
    >>> round(float(found.leverage.sum()), 9), bool(1 <= found.effective[0] <= 4)
    (2.0, True)
    """
    system = wild_from_fit(fit)
    contrasts = prepare_contrasts(system, restrictions)
    groups = group_rows(clusters, "clusters")
    grams = fit.grams(groups)
    R = contrasts.rows
    information = np.einsum("km,gkl,lm->mg", contrasts.slopes, grams, contrasts.slopes)
    if exact is None:
        exact = float(np.sum(groups.counts.astype(float) ** 3)) <= MOST_EXACT_WORK
    if exact:
        without = jackknife_directions(system, contrasts.directions, groups.codes)
        lost = without.lost
        change = group_sums(without.rows * (system.weights * system.residuals)[:, None], groups.codes, groups.size).T
    else:
        change = held_changes(system.inverse, grams, fit.scores(groups), R)
        lost = lost_without(system.inverse, grams, R)
    change = np.asarray(np.where(lost, np.nan, change))
    size = np.where(np.isfinite(change), np.abs(change), -1.0)
    return ClusterDiagnostics(
        labels=groups.labels,
        rows=groups.counts,
        leverage=np.einsum("kl,glk->g", system.inverse, grams),
        partial_leverage=information / information.sum(axis=1, keepdims=True),
        effective=effective_clusters(information),
        change=change,
        estimate_without=(contrasts.gaps + contrasts.null)[:, None] - change,
        most_influential=np.where(size.max(axis=1) >= 0, size.argmax(axis=1), -1),
        exact=exact,
    )


def effective_clusters(variances: FloatArray) -> FloatArray:
    """Return G* = G / (1 + squared coefficient of variation), of each row.

    Parameters
    ----------
    variances
        Each cluster's part of the variance of each contrast, shape (m, G). `cluster_diagnostics` passes that
        of independent, equally noisy rows: with cluster effects absorbed, correlation constant within a
        cluster is absorbed too, so that no other value of it applies.

    Examples
    --------
    >>> effective_clusters(np.array([[1.0, 1.0, 1.0, 1.0], [1.0, 0.0, 0.0, 0.0]])).tolist()
    [4.0, 1.0]
    """
    mean = variances.mean(axis=1)
    return np.asarray(variances.shape[1] / (1 + variances.var(axis=1) / mean**2))


def held_changes(inverse: FloatArray, grams: FloatArray, scores: FloatArray, restrictions: FloatArray) -> FloatArray:
    """Return R (b - b without g) with the effects held, shape (m, G): A_-g^-1 s_g from Gram matrices alone."""
    total = np.linalg.pinv(inverse, hermitian=True)
    steps = np.stack([np.linalg.pinv(total - gram, hermitian=True) @ s for gram, s in zip(grams, scores, strict=True)])
    return np.asarray(restrictions @ steps.T)


def lost_without(inverse: FloatArray, grams: FloatArray, restrictions: FloatArray) -> BoolArray:
    """Tell which contrasts lose all their information with a cluster, shape (m, G)."""
    lost = np.zeros((len(restrictions), len(grams)), dtype=bool)
    total = np.linalg.pinv(inverse, hermitian=True)
    scale = np.sqrt(np.where(np.diag(total) > 0, np.diag(total), 1.0))
    for g, gram in enumerate(grams):
        values, vectors = np.linalg.eigh((total - gram) / np.outer(scale, scale))
        gone = vectors[:, values < FULL_LEVERAGE]
        along = np.linalg.norm((restrictions / scale) @ gone, axis=1)
        before = np.linalg.norm(restrictions / scale, axis=1)
        lost[:, g] = along > 1e-5 * before
    return lost


def without_cluster(fit: LinearFit, clusters: IntArray, label: int) -> LinearFit:
    """Run the whole regression without one cluster, effects and all.

    Parameters
    ----------
    fit
        The fit with all clusters.
    clusters
        Codes of each row, shape (n,).
    label
        Code of the cluster to leave out.

    Raises
    ------
    DataError
        When no row has the code, or every row has.
    """
    keep = np.asarray(clusters) != label
    if keep.all() or not keep.any():
        msg = f"Leaving out cluster {label} leaves {int(keep.sum())} of {keep.size} rows; give a code that occurs."
        raise DataError(msg)
    door = fit.absorber
    return least_squares(
        fit.design.outcome[keep],
        fit.design.columns[keep],
        effects=[grouping.codes[keep] for grouping in door.groupings],
        weights=None if door.weights is None else door.weights[keep],
        trend=None if door.time is None else door.time[keep],
        names=fit.names,
        taken=fit.design.taken,
    )
