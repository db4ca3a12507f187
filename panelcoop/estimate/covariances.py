"""Every covariance that can be taken of a fitted panel regression, with its clusters and regions by name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, get_args

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing, fail_if_not_one_of, fail_if_not_whole
from panelcoop.errors import DataError
from panelcoop.estimate.design import PanelArrays
from panelcoop.estimate.fitted import FittedModel
from panelcoop.estimate.places import kernel_of_regions
from panelcoop.numerics.covariance.covariance import CovarianceRecord, covariance, jackknife_notes
from panelcoop.numerics.covariance.poisson_jackknife import is_affordable, poisson_crv3
from panelcoop.numerics.covariance.satterthwaite import hotelling_test, satterthwaite_df, total_variance_df
from panelcoop.numerics.covariance.small_sample import SmallSampleRule
from panelcoop.numerics.covariance.spatial_hac import SpatialKernel
from panelcoop.numerics.wald import WaldRecord, wald_statistic
from panelcoop.options import Covariance, FloatArray, IntArray, SmallSample
from panelcoop.panel.periods import period_positions

__all__ = [
    "CovarianceChoice",
    "cluster_codes",
    "cluster_labels",
    "covariance_of",
    "degrees_of_freedom",
    "estimate_fields",
    "joint_test",
]

CLUSTERED = ("CRV1", "CRV2", "CRV3", "two-way")
IN_TIME = ("newey-west", "driscoll-kraay", "conley")


@dataclass(frozen=True)
class CovarianceChoice:
    """Which covariance, with all that it needs.

    Attributes
    ----------
    kind
        See ``panelcoop.options.Covariance``.
    clusters
        "region", "week" or columns of the panel; by default region, and region and week for "two-way".
    lag
        Largest lag in weeks of newey-west, driscoll-kraay and conley; None for each method's default.
    space
        Distances, kernel and cutoff for conley.
    small_sample
        A preset, or an explicit rule that gives factor and degrees of freedom whatever the kind.
    repair
        Set negative eigenvalues to zero where the estimate is not positive semi-definite.

    Raises
    ------
    DataError
        Names the option that is unknown.
    """

    kind: Covariance = "CRV1"
    clusters: tuple[str, ...] = ()
    lag: int | None = None
    space: SpatialKernel | None = None
    small_sample: SmallSample | SmallSampleRule = "fixest"
    repair: bool = False

    def __post_init__(self) -> None:
        """Refuse what no covariance knows."""
        fail_if_not_one_of(self.kind, get_args(Covariance), "covariance")
        named: object = self.clusters
        if isinstance(named, str):
            msg = f"clusters is a tuple of names; write ('{named}',) for one."
            raise DataError(msg)
        fail_if_not_whole(self.lag, "lag", 0, optional=True)
        if not isinstance(self.small_sample, SmallSampleRule):
            fail_if_not_one_of(self.small_sample, get_args(SmallSample), "small_sample")

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Names of the cluster variables; none for a covariance without clusters."""
        if self.kind not in CLUSTERED:
            return ()
        return tuple(self.clusters) or (("region", "week") if self.kind == "two-way" else ("region",))


def covariance_of(model: FittedModel, choice: CovarianceChoice) -> CovarianceRecord:
    """Take one covariance of a fitted model.

    Raises
    ------
    DataError
        If a cluster column does not exist, there are too few clusters, or conley has no distances or distances that do
        not match the regions used.

    Notes
    -----
    Lags count calendar weeks, so that a week missing for all regions keeps its distance. Under the presets
    "linearmodels" and "plm" the weeks that occur are taken as consecutive, as these programs do. CRV3 of a Poisson
    model refits without each cluster where that takes seconds, and says "one-step" where it does not.
    """
    names = choice.dimensions
    clusters = [cluster_codes(model, name) for name in names]
    if choice.kind == "CRV3" and model.counts is not None and is_affordable(model.counts, int(clusters[0].max()) + 1):
        found = poisson_crv3(model.counts, clusters[0], small_sample=choice.small_sample)
    else:
        found = _from_arrays(model, choice, clusters)
    if names:
        found = replace(found, convention=f"{found.convention}; clusters: {' and '.join(names)}")
    if found.undefined is not None and found.undefined.any():
        present = np.unique(clusters[0])
        coded, named = (
            jackknife_notes(model.names, labels, found.undefined)
            for labels in (present.tolist(), list(cluster_labels(model, names[0])[present]))
        )
        found = replace(found, notes=(*named, *(note for note in found.notes if note not in coded)))
    return found


def _from_arrays(model: FittedModel, choice: CovarianceChoice, clusters: list[IntArray]) -> CovarianceRecord:
    in_time = choice.kind in IN_TIME
    consecutive = in_time and choice.small_sample in ("linearmodels", "plm")
    weeks = None
    if in_time:
        weeks = model.arrays.week if consecutive else _calendar_weeks(model.arrays)
    units, space = model.arrays.region, None
    if choice.kind == "conley":
        units, space = _placed(model, choice)
    found = covariance(
        model.linear,
        choice.kind,
        clusters=clusters,
        units=units if in_time else None,
        weeks=weeks,
        lag=choice.lag,
        space=space,
        small_sample=choice.small_sample,
        repair=choice.repair,
    )
    if not in_time or (space is not None and space.serial == "all"):
        return found
    written = "; missing weeks closed up" if consecutive else "; a missing week keeps its distance"
    return replace(found, convention=found.convention + written)


def _calendar_weeks(arrays: PanelArrays) -> IntArray:
    """Return the week of each row counted from the first; the codes themselves, which effects share, without gaps."""
    positions = np.rint(period_positions(arrays.weeks)).astype(np.int64)
    return arrays.week if np.array_equal(positions, np.arange(len(positions))) else positions[arrays.week]


def _placed(model: FittedModel, choice: CovarianceChoice) -> tuple[IntArray, SpatialKernel]:
    """Return codes of the regions that have rows, and the kernel in their order."""
    if choice.space is None:
        msg = "conley needs distances: give space=SpatialKernel(cutoff=..., coordinates=... or distances=...)."
        raise DataError(msg)
    present, codes = np.unique(model.arrays.region, return_inverse=True)
    used = model.arrays.regions[present]
    lost = list(model.panel.data.index.unique("region").difference(used, sort=False))
    return codes.astype(np.int64), kernel_of_regions(choice.space, used, lost)


def estimate_fields(model: FittedModel, found: CovarianceRecord) -> dict[str, Any]:
    """Give the fields of an estimate that change with the covariance."""
    known = found.df[~np.isnan(found.df)]
    own = found.correction is not None
    return {
        "cov": pd.DataFrame(found.full, index=model.index, columns=model.index),
        "df": float(known.min()) if known.size else np.inf,
        "df_of": partial(degrees_of_freedom, model, found) if own else None,
        "wald_of": partial(joint_test, model, found) if own else None,
        "convention": found.convention,
    }


def degrees_of_freedom(model: FittedModel, found: CovarianceRecord, contrast: FloatArray) -> float:
    """Give the degrees of freedom of one contrast (k,): Bell-McCaffrey's for CRV2, the convention's otherwise."""
    if found.correction is not None:
        return satterthwaite_df(found.correction.moments, _scores_of(model, contrast[None, :]))
    known = found.df[~np.isnan(found.df)]
    return float(known.min()) if known.size else np.inf


def joint_test(model: FittedModel, found: CovarianceRecord, matrix: FloatArray, value: FloatArray) -> WaldRecord:
    """Test R b = r with R (q, k): F(q, df), or for CRV2 approximate Hotelling, whatever the order of restrictions.

    Raises
    ------
    IdentificationError
        If the covariance cannot carry so many restrictions.
    """
    solution = model.linear.solution
    if found.correction is None:
        return wald_statistic(solution, found.full, matrix, value, degrees_of_freedom(model, found, matrix[0]))
    _, eta = total_variance_df(found.correction.moments, _scores_of(model, matrix))
    return hotelling_test(solution, found.full, matrix, value, eta)


def _scores_of(model: FittedModel, matrix: FloatArray) -> FloatArray:
    """Return (k, q) what scores are multiplied with to become the errors of R b."""
    turn = model.linear.design.turn
    return np.asarray(model.linear.bread @ (matrix if turn is None else matrix @ turn).T)


def cluster_codes(model: FittedModel, name: str) -> IntArray:
    """Give codes (n,) of a cluster dimension: "region", "week" or a column of the panel.

    Raises
    ------
    DataError
        If the column does not exist or is missing in rows that the model uses.
    """
    if name in {"region", "week"}:
        return model.arrays.region if name == "region" else model.arrays.week
    return _factorized(model, name)[0]


def cluster_labels(model: FittedModel, name: str) -> pd.Index:
    """Give the labels behind the codes of ``cluster_codes``."""
    if name in {"region", "week"}:
        return model.arrays.regions if name == "region" else model.arrays.weeks
    return _factorized(model, name)[1]


def _factorized(model: FittedModel, name: str) -> tuple[IntArray, pd.Index]:
    fail_if_columns_missing([name], list(model.panel.data.columns), "The panel")
    values = model.panel.data[name][model.arrays.rows]
    if values.isna().any():
        msg = f"Cluster column '{name}' is missing in {int(values.isna().sum())} rows that the model uses; fill them."
        raise DataError(msg)
    codes, labels = pd.factorize(values)
    return np.asarray(codes, dtype=np.int64), pd.Index(labels)
