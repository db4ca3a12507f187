"""Which regions carry a result: leverage, effective number of clusters, influence, and the run without a region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from panelcoop.estimate.fitted import cluster_codes
from panelcoop.estimate.stage_interaction import stage_interaction
from panelcoop.estimate.stage_results import StageInteraction
from panelcoop.hypotheses import HypothesisLike
from panelcoop.numerics.covariance.cluster_diagnostics import cluster_diagnostics

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
        Whether effects were estimated anew without each region, or held.
    """

    regions: pd.DataFrame
    influence: pd.DataFrame
    partial_leverage: pd.DataFrame
    contrasts: pd.DataFrame
    exact: bool

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
    IdentificationError
        When a contrast is not identified.

    References
    ----------
    MacKinnon, J. G., Nielsen, M. O., Webb, M. D. (2023). Leverage, influence, and the jackknife in clustered
    regression models. Stata Journal 23. Carter, A. V., Schnepel, K. T., Steigerwald, D. G. (2017). Asymptotic behavior
    of a t-test robust to cluster heterogeneity. Review of Economics and Statistics 99.
    """
    asked = fit.parse(hypotheses)
    model = fit.model
    found = cluster_diagnostics(model.linear, np.vstack([h.matrix for h in asked]), cluster_codes(model, "region"))
    labels = pd.Index(model.arrays.regions[found.labels], name="region")
    names = [h.text for h in asked]
    worst = [labels[at] if at >= 0 else None for at in found.most_influential]
    without = [
        row[at] if at >= 0 else np.nan for row, at in zip(found.estimate_without, found.most_influential, strict=True)
    ]
    contrasts = pd.DataFrame(
        {
            "estimate": [float(h.matrix[0] @ model.linear.solution) for h in asked],
            "effective_clusters": found.effective,
            "most_influential": worst,
            "estimate_without": without,
        },
        index=pd.Index(names, name="contrast"),
    )
    return RegionDiagnostics(
        regions=pd.DataFrame({"rows": found.rows, "leverage": found.leverage}, index=labels),
        influence=pd.DataFrame(found.change.T, index=labels, columns=names),
        partial_leverage=pd.DataFrame(found.partial_leverage.T, index=labels, columns=names),
        contrasts=contrasts,
        exact=found.exact,
    )


def without_region(fit: StageInteraction, region: object) -> StageInteraction:
    """Ask the same of the panel without one region, for example the most influential.

    Raises
    ------
    DataError
        If the panel has no such region.
    """
    return stage_interaction(fit.model.panel.without_regions([region]), **fit.asked)
