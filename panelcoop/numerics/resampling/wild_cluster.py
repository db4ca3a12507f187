"""Wild cluster bootstrap: one- and two-way clusters, subclusters, CRV1 and CRV3, any absorbed effects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from panelcoop.checks import fail_if_not_one_of
from panelcoop.errors import DataError
from panelcoop.numerics.grouping import group_rows
from panelcoop.numerics.resampling.jackknife_directions import jackknife_directions
from panelcoop.numerics.resampling.multipliers import plan_multipliers
from panelcoop.numerics.resampling.wild_contrasts import WildDesign, WildTests, wild_contrasts
from panelcoop.numerics.resampling.wild_draws import WildOptions
from panelcoop.numerics.resampling.wild_forms import Boot, VarianceTerm
from panelcoop.numerics.resampling.wild_regression import Contrasts, WildRegression, prepare_contrasts
from panelcoop.numerics.resampling.wild_wald import WildWald, wild_joint
from panelcoop.options import FloatArray, IntArray, Multiplier

__all__ = ["ClusterCovariance", "cluster_terms", "wild_cluster", "wild_cluster_wald"]

ClusterCovariance = Literal["CRV1", "CRV3"]


def wild_cluster(
    fit: WildRegression,
    restrictions: FloatArray,
    clusters: IntArray | Sequence[IntArray],
    *,
    null: FloatArray | float = 0.0,
    multiplier: Multiplier = "rademacher",
    studentise: ClusterCovariance = "CRV1",
    factors: Sequence[float] | None = None,
    boot_clusters: IntArray | None = None,
    options: WildOptions | None = None,
) -> WildTests:
    """Test contrasts one by one with the wild cluster bootstrap.

    Parameters
    ----------
    fit
        The regression.
    restrictions
        One contrast per row, shape (m, k).
    clusters
        Cluster codes of each row, shape (n,); two arrays for two-way clusters.
    null
        Value under the null, a number or shape (m,).
    multiplier
        "rademacher" (default), "webb", "mammen" or "gaussian".
    studentise
        "CRV1", or "CRV3" (delete-one-cluster jackknife, one-way only).
    factors
        Small-sample factor of each variance term: one for one-way; first, second and intersection for
        two-way. Default 1 (CRV1, two-way) and (G - 1)/G (CRV3). A common factor changes the reported
        statistic, never the p-value.
    boot_clusters
        Groups that share a multiplier, shape (n,): subclusters, or one dimension of two-way clusters.
        Default: the clusters themselves; of two dimensions the one with fewer clusters.
    options
        Draws, seed, ties, restricted or unrestricted, interval.

    Returns
    -------
    Estimates, statistics, p-values, inverted intervals and the draws.

    Raises
    ------
    DataError
        When there are fewer than two clusters, or more than two dimensions.

    Notes
    -----
    With `options.impose_null` (WCR) the bootstrap's residuals are those under the null and t* is centred
    at it; without (WCU) they are those of the fit and t* is centred at the estimate. All 2^G sign vectors
    are taken when 2^G is at most `options.draws`. Effects that are not nested in the clusters (weeks,
    with regions as clusters) are absorbed anew in every draw, exactly.

    References
    ----------
    Cameron, Gelbach, Miller (2008), Review of Economics and Statistics 90. Roodman, Nielsen, MacKinnon,
    Webb (2019), Stata Journal 19. MacKinnon, Webb (2018), Econometrics Journal 21 (subclusters).
    MacKinnon, Nielsen, Webb (2021), Journal of Business & Economic Statistics 39 (two-way);
    (2023), Journal of Applied Econometrics 38 (CRV3).

    Examples
    --------
    >>> from panelcoop.numerics.resampling.wild_regression import wild_regression
    >>> x, g = np.arange(12.0) - 5.5, np.repeat(np.arange(4), 3)
    >>> y = 0.5 * x + np.sin(7 * x)
    >>> b = np.array([x @ y / (x @ x)])
    >>> fit = wild_regression(x[:, None], y - x * b, b)
    >>> found = wild_cluster(fit, np.eye(1), g)
    >>> found.draws, float(found.p_value[0])
    (16, 0.125)
    """
    options = options or WildOptions()
    contrasts = prepare_contrasts(fit, restrictions, null)
    terms = studentising_terms(fit, contrasts, clusters, studentise, factors)
    design = cluster_design(terms, boot_clusters, multiplier, options)
    return wild_contrasts(fit, contrasts, design, options)


def wild_cluster_wald(
    fit: WildRegression,
    restrictions: FloatArray,
    clusters: IntArray | Sequence[IntArray],
    *,
    null: FloatArray | float = 0.0,
    multiplier: Multiplier = "rademacher",
    studentise: ClusterCovariance = "CRV1",
    factors: Sequence[float] | None = None,
    boot_clusters: IntArray | None = None,
    options: WildOptions | None = None,
) -> WildWald:
    """Test all restrictions jointly with the wild cluster bootstrap of the Wald statistic.

    Parameters
    ----------
    fit, restrictions, clusters, null, multiplier, studentise, factors, boot_clusters, options
        As for `wild_cluster`; `options.interval` and `options.alternative` are not used.

    Returns
    -------
    The statistic (R b - r)' V^-1 (R b - r), its p-value and draws.

    Raises
    ------
    DataError
        When there are fewer than two clusters, or the restrictions are not of full rank.
    """
    options = options or WildOptions()
    contrasts = prepare_contrasts(fit, restrictions, null)
    terms = studentising_terms(fit, contrasts, clusters, studentise, factors)
    design = cluster_design(terms, boot_clusters, multiplier, options)
    return wild_joint(fit, contrasts, design, options)


def studentising_terms(
    fit: WildRegression,
    contrasts: Contrasts,
    clusters: IntArray | Sequence[IntArray],
    studentise: ClusterCovariance,
    factors: Sequence[float] | None,
) -> list[VarianceTerm]:
    """Return the variance terms of the chosen covariance."""
    fail_if_not_one_of(studentise, ("CRV1", "CRV3"), "studentise")
    dimensions = [clusters] if isinstance(clusters, np.ndarray) else list(clusters)
    terms = cluster_terms(dimensions, factors)
    if studentise == "CRV1":
        return terms
    if len(dimensions) > 1:
        msg = "CRV3 is defined here for one-way clusters; pass one array of clusters or studentise by CRV1."
        raise DataError(msg)
    groups, size = terms[0].groups, terms[0].size
    scale = (size - 1) / size if factors is None else factors[0]
    changed = jackknife_directions(fit, contrasts.directions, groups).rows
    return [VarianceTerm(groups, size, scale, None, changed)]


def cluster_design(
    terms: Sequence[VarianceTerm], boot_clusters: IntArray | None, multiplier: Multiplier, options: WildOptions
) -> WildDesign:
    """Choose the multipliers' groups and name the convention."""
    dimensions = terms[:2]
    sizes = " x ".join(str(term.size) for term in dimensions)
    name = f"{'WCR' if options.impose_null else 'WCU'} {'CRV1' if terms[0].directions is None else 'CRV3'}"
    if boot_clusters is None:
        fewest = min(dimensions, key=lambda term: term.size)
        boot, by = Boot(fewest.groups, fewest.size), ""
    else:
        grouped = group_rows(boot_clusters, "boot_clusters")
        boot, by = Boot(grouped.codes, grouped.size), f", {grouped.size} multipliers"
        terms = [share_groups(term, grouped.codes) for term in terms]
    plan = plan_multipliers(multiplier, boot.size, options.draws, options.seed)
    drawn = f"all {plan.draws}" if plan.enumerated else f"{plan.draws}"
    return WildDesign(boot, terms, plan, f"{name} ({sizes} clusters{by}), {multiplier}, {drawn} draws")


def share_groups(term: VarianceTerm, codes: IntArray) -> VarianceTerm:
    """Let a term use the multipliers' own codes when they are the same, so that its map stays slim."""
    if np.array_equal(term.groups, codes):
        return VarianceTerm(codes, term.size, term.scale, term.kernel_root, term.directions)
    return term


def cluster_terms(dimensions: Sequence[IntArray], factors: Sequence[float] | None = None) -> list[VarianceTerm]:
    """Return the variance terms of one- or two-way clusters: V1, or V1 + V2 - V12.

    Raises
    ------
    DataError
        When there are more than two dimensions, or a dimension has fewer than two clusters.
    """
    if len(dimensions) not in {1, 2}:
        msg = f"Clusters may have one or two dimensions; got {len(dimensions)}."
        raise DataError(msg)
    grouped = [group_rows(codes, f"clusters[{i}]") for i, codes in enumerate(dimensions)]
    for i, dimension in enumerate(grouped):
        if dimension.size < 2:
            msg = f"clusters[{i}] has a single cluster; inference over clusters needs at least two."
            raise DataError(msg)
    scale = list(factors) if factors is not None else [1.0] * (2 * len(grouped) - 1)
    if len(scale) != 2 * len(grouped) - 1:
        msg = f"factors needs {2 * len(grouped) - 1} numbers for {len(grouped)}-way clusters; got {len(scale)}."
        raise DataError(msg)
    terms = [VarianceTerm(d.codes, d.size, f) for d, f in zip(grouped, scale, strict=False)]
    if len(grouped) == 2:
        both = group_rows(grouped[0].codes * grouped[1].size + grouped[1].codes, "clusters")
        terms.append(VarianceTerm(both.codes, both.size, -scale[2]))
    return terms
