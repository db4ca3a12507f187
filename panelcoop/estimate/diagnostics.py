"""Which regions carry a result: leverage, effective number of clusters, influence, and the run without a region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from panelcoop.errors import DataError
from panelcoop.estimate.covariances import cluster_codes
from panelcoop.estimate.fitted import FittedModel
from panelcoop.estimate.stage_interaction import stage_interaction
from panelcoop.estimate.stage_results import StageInteraction
from panelcoop.hypotheses import Hypothesis, HypothesisLike
from panelcoop.numerics.covariance.cluster_diagnostics import ClusterDiagnostics, cluster_diagnostics
from panelcoop.numerics.covariance.poisson_jackknife import is_affordable, poisson_jackknife
from panelcoop.options import FloatArray

__all__ = ["RegionDiagnostics", "region_diagnostics", "without_region"]


@dataclass(frozen=True)
class RegionDiagnostics:
    """What each region contributes to chosen contrasts.

    Attributes
    ----------
    regions
        Indexed by region: rows and leverage (sums to the rank of the design).
    influence
        Regions by contrasts: the estimate with all regions less the estimate without this one.
    partial_leverage
        Regions by contrasts: share of the contrast's information; columns sum to one.
    contrasts
        Indexed by contrast: estimate, effective number of clusters, most influential region, estimate without it.
    exact
        Whether everything was estimated anew without each region.
    convention
        How regions were left out, in words.
    """

    regions: pd.DataFrame
    influence: pd.DataFrame
    partial_leverage: pd.DataFrame
    contrasts: pd.DataFrame
    exact: bool
    convention: str

    def __str__(self) -> str:
        """Print contrasts and the five regions of largest leverage."""
        top = self.regions.sort_values("leverage", ascending=False).head()
        return f"{self.contrasts.to_string()}\n\nLargest leverage\n{top.to_string()}"


def region_diagnostics(
    fit: StageInteraction,
    hypotheses: Sequence[HypothesisLike] | Mapping[str, HypothesisLike] | None = None,
) -> RegionDiagnostics:
    """Measure leverage, effective number of clusters and jackknife influence of every region.

    Parameters
    ----------
    fit
        A stage interaction.
    hypotheses
        Single contrasts as in ``fit.inference``; None for every identified driver-by-stage coefficient.

    Raises
    ------
    DataError
        For a joint hypothesis.
    IdentificationError
        When a contrast is not identified.

    Notes
    -----
    Least squares without a region is exact. A Poisson model is refitted without each region where that takes seconds
    and otherwise approximated by one step from the estimate; its leverage is that of the last weighted step.

    References
    ----------
    MacKinnon, J. G., Nielsen, M. O., Webb, M. D. (2023). Leverage, influence, and the jackknife in clustered
    regression models. Stata Journal 23. Carter, A. V., Schnepel, K. T., Steigerwald, D. G. (2017). Asymptotic behavior
    of a t-test robust to cluster heterogeneity. Review of Economics and Statistics 99.
    """
    asked = fit.parse(hypotheses)
    model = fit.model
    _fail_if_joint(asked)
    R = np.vstack([h.matrix for h in asked])
    found = cluster_diagnostics(model.linear, R, cluster_codes(model, "region"))
    change, exact, convention = _influence(model, R, found)
    labels = pd.Index(model.arrays.regions[found.labels], name="region")
    names = [h.text for h in asked]
    estimate = R @ model.linear.solution
    size = np.where(np.isfinite(change), np.abs(change), -1.0)
    most = [int(row.argmax()) if row.max() >= 0 else -1 for row in size]
    contrasts = pd.DataFrame(
        {
            "estimate": estimate,
            "effective_clusters": found.effective,
            "most_influential": [labels[at] if at >= 0 else None for at in most],
            "estimate_without": [b - row[at] for b, row, at in zip(estimate, change, most, strict=True)],
        },
        index=pd.Index(names, name="contrast"),
    )
    return RegionDiagnostics(
        regions=pd.DataFrame({"rows": found.rows, "leverage": found.leverage}, index=labels),
        influence=pd.DataFrame(change.T, index=labels, columns=names),
        partial_leverage=pd.DataFrame(found.partial_leverage.T, index=labels, columns=names),
        contrasts=contrasts,
        exact=exact,
        convention=convention,
    )


def _influence(model: FittedModel, matrix: FloatArray, found: ClusterDiagnostics) -> tuple[FloatArray, bool, str]:
    """Return the changes (m, G) when each region is left out, whether they are exact, and how they were had."""
    if model.counts is None:
        how = "Effects are estimated anew without the region." if found.exact else "Week effects are held."
        return found.change, found.exact, how
    if not is_affordable(model.counts, len(found.labels)):
        return found.change, False, "One step from the Poisson estimate, without the region."
    refits = poisson_jackknife(model.counts, cluster_codes(model, "region"))
    lost = np.abs(matrix) @ refits.undefined.T > 0
    change = matrix @ (model.linear.solution - refits.solutions).T
    return np.where(lost, np.nan, change), True, "The Poisson model is refitted without the region."


def _fail_if_joint(asked: Sequence[Hypothesis]) -> None:
    joint = [h.text for h in asked if len(h.matrix) > 1]
    if joint:
        msg = f"Influence is of single contrasts; '{joint[0]}' is joint. Name its contrasts one by one."
        raise DataError(msg)


def without_region(fit: StageInteraction, region: object) -> StageInteraction:
    """Ask the same of the panel without one region, for example the most influential.

    Raises
    ------
    DataError
        If the panel has no such region.
    """
    return stage_interaction(fit.model.panel.without_regions([region]), **fit.asked)
