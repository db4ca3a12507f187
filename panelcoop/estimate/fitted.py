"""A fitted panel regression with its arrays, and every covariance that can be taken of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing
from panelcoop.errors import DataError
from panelcoop.estimate.design import PanelArrays, StageCodes
from panelcoop.estimate.identification import Term
from panelcoop.numerics.covariance.bias_reduced import bell_mccaffrey_df
from panelcoop.numerics.covariance.covariance import CovarianceRecord, covariance
from panelcoop.numerics.covariance.small_sample import SmallSampleRule
from panelcoop.numerics.covariance.spatial_hac import SpatialKernel
from panelcoop.numerics.grouping import group_rows
from panelcoop.numerics.regression.least_squares import LinearFit, least_squares
from panelcoop.numerics.regression.poisson import PoissonFit, poisson
from panelcoop.options import Covariance, Effects, FloatArray, IntArray, SmallSample
from panelcoop.panel.periods import period_positions
from panelcoop.panel.record import Panel

__all__ = [
    "EFFECT_LABELS",
    "CovarianceChoice",
    "FittedModel",
    "Poisson",
    "cluster_codes",
    "covariance_of",
    "degrees_of_freedom",
    "fit_model",
    "week_numbers",
]

EFFECT_LABELS = {
    "none": "none (an intercept)",
    "region": "region",
    "week": "week",
    "two-way": "region and week",
    "two-way+trends": "region, week and region trends",
}


@dataclass(frozen=True)
class Poisson:
    """Ask for Poisson pseudo-maximum-likelihood instead of least squares.

    Attributes
    ----------
    offset
        Column whose logarithm enters with coefficient one, such as the total number of documents; None for no offset.
    """

    offset: str | None = None


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
        A preset or an explicit rule.
    repair
        Set negative eigenvalues to zero where the estimate is not positive semi-definite.
    """

    kind: Covariance = "CRV1"
    clusters: tuple[str, ...] = ()
    lag: int | None = None
    space: SpatialKernel | None = None
    small_sample: SmallSample | SmallSampleRule = "fixest"
    repair: bool = False


@dataclass(frozen=True, eq=False)
class FittedModel:
    """The numbers behind an estimate.

    Attributes
    ----------
    panel
        The panel it was fitted on.
    arrays
        Complete rows.
    columns
        Design, shape (n, k), before absorption.
    linear
        The least-squares fit, or the last weighted step of the Poisson fit.
    counts
        The Poisson fit, or None.
    terms
        What each column is.
    stages
        The stage of each row.
    outcome, weights, effects
        What was asked for.
    """

    panel: Panel
    arrays: PanelArrays
    columns: FloatArray
    linear: LinearFit
    counts: PoissonFit | None
    terms: tuple[Term, ...]
    stages: StageCodes
    outcome: str
    weights: str | None
    effects: Effects

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the k columns."""
        return tuple(term.name for term in self.terms)

    @property
    def weight_values(self) -> FloatArray | None:
        """Weights of the rows used, shape (n,), or None."""
        return None if self.weights is None else self.arrays.numbers[self.weights]


def fit_model(
    panel: Panel,
    arrays: PanelArrays,
    columns: FloatArray,
    terms: Sequence[Term],
    *,
    stages: StageCodes,
    outcome: str,
    effects: Effects,
    weights: str | None = None,
    family: Poisson | None = None,
) -> FittedModel:
    """Fit least squares, or Poisson when a family is given, with absorbed effects.

    Parameters
    ----------
    panel, arrays
        The panel and its complete rows.
    columns, terms
        Design, shape (n, k), and what each column is.
    stages
        The stage of each row.
    outcome, weights
        Columns in ``arrays.numbers``.
    effects
        What is absorbed.
    family
        None for least squares.
    """
    names = [term.name for term in terms]
    trend = week_numbers(arrays) if effects == "two-way+trends" else None
    given: dict[str, Any] = {
        "effects": _effect_codes(arrays, effects),
        "weights": None if weights is None else arrays.numbers[weights],
        "trend": trend,
        "names": names,
    }
    y, asked = arrays.numbers[outcome], (outcome, weights, effects)
    if family is None:
        fit = least_squares(y, columns, **given)
        return FittedModel(panel, arrays, columns, fit, None, tuple(terms), stages, *asked)
    offset = None if family.offset is None else _log_offset(arrays, family.offset)
    counts = poisson(y, columns, offset=offset, **given)
    if len(counts.rows) < len(y):
        arrays = arrays.take(counts.rows, "separated: zeros that the effects fit perfectly")
        columns, stages = columns[counts.rows], replace(stages, codes=stages.codes[counts.rows])
    return FittedModel(panel, arrays, columns, counts.linear, counts, tuple(terms), stages, *asked)


def covariance_of(model: FittedModel, choice: CovarianceChoice) -> CovarianceRecord:
    """Take one covariance of a fitted model.

    Raises
    ------
    DataError
        If a cluster column does not exist, there are too few clusters, or conley has no distances.

    Notes
    -----
    Lags count calendar weeks, so that a week missing for all regions keeps its distance. Under the presets
    "linearmodels" and "plm" the weeks that occur are taken as consecutive, as these programs do.
    """
    default = ("region", "week") if choice.kind == "two-way" else ("region",)
    clustered = choice.kind in {"CRV1", "CRV2", "CRV3", "two-way"}
    clusters = [cluster_codes(model, name) for name in choice.clusters or default] if clustered else []
    in_time = choice.kind in {"newey-west", "driscoll-kraay", "conley"}
    if choice.kind == "conley" and choice.space is None:
        msg = "conley needs distances: give space=SpatialKernel(cutoff=..., coordinates=... or distances=...)."
        raise DataError(msg)
    consecutive = in_time and choice.small_sample in {"linearmodels", "plm"}
    found = covariance(
        model.linear,
        choice.kind,
        clusters=clusters,
        units=model.arrays.region if in_time else None,
        weeks=_weeks(model, consecutive=consecutive) if in_time else None,
        lag=choice.lag,
        space=choice.space,
        small_sample=choice.small_sample,
        repair=choice.repair,
    )
    written = "; missing weeks closed up" if consecutive else "; a missing week keeps its distance"
    return replace(found, convention=found.convention + written) if in_time else found


def _weeks(model: FittedModel, *, consecutive: bool) -> IntArray:
    return model.arrays.week if consecutive else np.rint(week_numbers(model.arrays)).astype(np.int64)


def degrees_of_freedom(
    model: FittedModel, found: CovarianceRecord, choice: CovarianceChoice, contrast: FloatArray
) -> float:
    """Give the degrees of freedom of one contrast (k,): Bell-McCaffrey's for CRV2, the convention's otherwise."""
    if found.kind == "CRV2":
        codes = cluster_codes(model, (choice.clusters or ("region",))[0])
        return bell_mccaffrey_df(model.linear, group_rows(codes), contrast)
    known = found.df[~np.isnan(found.df)]
    return float(known.min()) if known.size else np.inf


def cluster_codes(model: FittedModel, name: str) -> IntArray:
    """Give codes (n,) of a cluster dimension: "region", "week" or a column of the panel."""
    if name in {"region", "week"}:
        return model.arrays.region if name == "region" else model.arrays.week
    fail_if_columns_missing([name], list(model.panel.data.columns), "The panel")
    values = model.panel.data[name][model.arrays.rows]
    if values.isna().any():
        msg = f"Cluster column '{name}' is missing in {int(values.isna().sum())} rows that the model uses; fill them."
        raise DataError(msg)
    return np.asarray(pd.factorize(values)[0], dtype=np.int64)


def week_numbers(arrays: PanelArrays) -> FloatArray:
    """Give each row its week as a number of periods since the first, so that a missing week leaves a gap."""
    return np.asarray(period_positions(arrays.weeks)[arrays.week])


def _effect_codes(arrays: PanelArrays, effects: Effects) -> list[IntArray]:
    wanted = {"none": (), "region": (arrays.region,), "week": (arrays.week,)}
    return list(wanted.get(effects, (arrays.region, arrays.week)))


def _log_offset(arrays: PanelArrays, name: str) -> FloatArray:
    total = arrays.numbers[name]
    if (total <= 0).any():
        msg = f"Offset '{name}' is zero or negative in {int((total <= 0).sum())} rows; set those weeks missing."
        raise DataError(msg)
    return np.asarray(np.log(total))
