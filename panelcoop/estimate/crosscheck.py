"""The same model refitted by independent engines, side by side with the largest difference."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import pandas as pd

from panelcoop.errors import DataError
from panelcoop.estimate.covariances import CovarianceChoice, covariance_of
from panelcoop.estimate.fitted import FittedModel, week_numbers
from panelcoop.estimate.stage_results import StageInteraction
from panelcoop.numerics.estimable import full_rank_columns
from panelcoop.options import FloatArray, IntArray, SmallSample

__all__ = ["CrossCheck", "crosscheck"]


@dataclass(frozen=True)
class CrossCheck:
    """What several engines say of one model.

    Attributes
    ----------
    table
        Indexed by term: ours, and per engine its coefficient, its error, and our error under its convention.
    largest
        Largest relative difference per engine of coefficients and of errors, indexed by engine.
    skipped
        Engines that could not be asked, with the reason.
    """

    table: pd.DataFrame
    largest: pd.DataFrame
    skipped: dict[str, str]

    def __str__(self) -> str:
        """Print the table and the largest differences."""
        lines = [self.table.to_string(float_format=lambda v: f"{v:.10g}")]
        lines += [
            f"{engine}: largest relative difference {row.coefficient:.1e} (coefficients), {row.std_error:.1e} (errors)"
            for engine, row in zip(self.largest.index, self.largest.itertuples(), strict=True)
        ]
        return "\n".join([*lines, *[f"{name}: skipped, {why}" for name, why in self.skipped.items()]])


def crosscheck(fit: StageInteraction) -> CrossCheck:
    """Refit with linearmodels, and with pyfixest where it is installed, errors clustered by region.

    Parameters
    ----------
    fit
        A linear stage interaction with region and/or week effects, or none.

    Returns
    -------
    CrossCheck
        Columns that are not identified are set aside in all engines alike, so all fit the same full-rank design.

    Raises
    ------
    DataError
        For a Poisson fit or region trends, which linearmodels does not absorb.

    Notes
    -----
    Standard errors are compared under each engine's own small-sample convention: n/(n-K) with all effects counted and
    no G/(G-1) for linearmodels, G/(G-1) (n-1)/(n-K) with nested region effects not counted for pyfixest.
    """
    model = fit.model
    if model.counts is not None or model.effects == "two-way+trends":
        msg = "crosscheck compares linear models without region trends; refit with effects='two-way' and family=None."
        raise DataError(msg)
    kept, ours = full_rank_columns(model.linear.solution, model.linear.null_space)
    engines: dict[str, tuple[Engine, SmallSample]] = {"linearmodels": (_linearmodels, "linearmodels")}
    skipped = {}
    if find_spec("pyfixest") is not None:
        engines["pyfixest"] = (_pyfixest, "fixest")
    else:
        skipped["pyfixest"] = "not installed (extra 'peers')"
    table = pd.DataFrame({"panelcoop": ours}, index=[model.names[j] for j in kept]).rename_axis("term")
    largest = {}
    for name, (engine, preset) in engines.items():
        own = covariance_of(model, CovarianceChoice("CRV1", small_sample=preset)).full
        with warnings.catch_warnings():  # what an engine's own code will have to change is not the reader's concern
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", FutureWarning)
            table[f"{name}"], table[f"{name} s.e."] = engine(model, model.columns[:, kept])
        table[f"panelcoop s.e. ({preset})"] = _errors(model, own, kept)
        largest[name] = {
            "coefficient": _gap(ours, table[name].to_numpy(), ours),
            "std_error": _gap(table[f"panelcoop s.e. ({preset})"].to_numpy(), table[f"{name} s.e."].to_numpy()),
        }
    return CrossCheck(table, pd.DataFrame.from_dict(largest, orient="index").rename_axis("engine"), skipped)


Engine = Callable[[FittedModel, FloatArray], tuple[FloatArray, FloatArray]]


def _linearmodels(model: FittedModel, columns: FloatArray) -> tuple[FloatArray, FloatArray]:
    from linearmodels.panel import PanelOLS

    index = pd.MultiIndex.from_arrays([model.arrays.region, np.rint(week_numbers(model.arrays)).astype(int)])
    frame = pd.DataFrame(columns, index=index, columns=[f"x{j}" for j in range(columns.shape[1])])
    outcome = pd.Series(model.arrays.numbers[model.outcome], index=index, name="y")
    weights = model.weight_values
    found = PanelOLS(
        outcome,
        frame,
        weights=None if weights is None else pd.Series(weights, index=index, name="w"),
        entity_effects=model.effects in {"region", "two-way"},
        time_effects=model.effects in {"week", "two-way"},
    ).fit(cov_type="clustered", cluster_entity=True, debiased=True)
    return found.params.to_numpy(), found.std_errors.to_numpy()


def _pyfixest(model: FittedModel, columns: FloatArray) -> tuple[FloatArray, FloatArray]:
    import pyfixest

    names = [f"x{j}" for j in range(columns.shape[1])]
    frame = pd.DataFrame(columns, columns=names).assign(
        y=model.arrays.numbers[model.outcome], region=model.arrays.region, week=model.arrays.week
    )
    if model.weight_values is not None:
        frame["w"] = model.weight_values
    absorbed = {"none": "", "region": " | region", "week": " | week", "two-way": " | region + week"}[model.effects]
    plain = " - 1" if model.effects == "none" else ""
    found = pyfixest.feols(
        f"y ~ {' + '.join(names)}{plain}{absorbed}",
        frame,
        vcov={"CRV1": "region"},
        weights="w" if model.weight_values is not None else None,
    )
    return found.coef().loc[names].to_numpy(), found.se().loc[names].to_numpy()


def _errors(model: FittedModel, full: FloatArray, kept: IntArray) -> FloatArray:
    """Move our covariance onto the columns kept, as the other engines parametrise the model."""
    null = model.linear.null_space
    move = np.eye(len(full))
    if null.size:
        aside = np.setdiff1d(np.arange(len(full)), kept)
        move -= null @ np.linalg.solve(null[aside], np.eye(len(full))[aside])
    return np.asarray(np.sqrt(np.diag(move @ full @ move.T)[kept]))


def _gap(one: FloatArray, other: FloatArray, scale: FloatArray | None = None) -> float:
    size = np.abs(one if scale is None else scale).max(initial=np.finfo(float).tiny)
    return float(np.abs(one - other).max(initial=0.0) / size)
