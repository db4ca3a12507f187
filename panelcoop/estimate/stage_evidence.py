"""What a reader is shown of a stage-interaction regression: effects, homogeneity and averages under one inference."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from panelcoop.estimate.settings import InferenceSettings, Method
from panelcoop.estimate.stage_results import StageInteraction
from panelcoop.hypotheses import HypothesisLike
from panelcoop.numerics.multiple_testing import holm

__all__ = ["StageEvidence", "stage_evidence"]

TAKEN = ("statistic", "pvalue", "conf_low", "conf_high")
"""What the chosen inference replaces in the frames of the fit."""


@dataclass(frozen=True, eq=False)
class StageEvidence:
    """Driver-by-stage effects with the p-values and intervals of one method of inference.

    Attributes
    ----------
    fit
        The regression.
    effects
        Indexed by (driver, stage): estimate, statistic, pvalue, conf_low, conf_high, relative_to, status, reason.
    homogeneity
        Indexed by driver: statistic, df, pvalue, pvalue_holm, null, reason.
    average
        Indexed by driver: estimate, statistic, pvalue, conf_low, conf_high; stages weigh with their sample shares.
    method
        Name of the inference.
    convention
        The same, written out.
    draws
        Draws behind each p-value, NaN for a method that draws none: a p-value of 0 is below one over them.
    empty_slots
        Drivers the study asked for without data, with the reason.
    """

    fit: StageInteraction
    effects: pd.DataFrame
    homogeneity: pd.DataFrame
    average: pd.DataFrame
    method: str
    convention: str
    draws: float = np.nan
    empty_slots: Mapping[str, str] = field(default_factory=dict)


def stage_evidence(
    fit: StageInteraction,
    *,
    method: Method = "DWB-t",
    settings: InferenceSettings | None = None,
    empty_slots: Mapping[str, str] | None = None,
) -> StageEvidence:
    """Collect effects by stage, tests of homogeneity and average effects under one method of inference.

    Parameters
    ----------
    fit
        The regression.
    method
        Inference behind every p-value and interval.
    settings
        Draws, seed, lags and level.
    empty_slots
        Drivers without data: tables name them.

    Returns
    -------
    StageEvidence
        What is not identified keeps its NaN and its reason. Holm's adjustment runs over the drivers.

    Raises
    ------
    DataError
        If the method is unknown.
    """
    effects, average, same = fit.stage_effects(), fit.average_marginal_effects(), fit.homogeneity()
    asked: dict[str, dict[Hashable, HypothesisLike]] = {
        "effects": {key: _effect(key, row) for key, row in effects[effects["estimate"].notna()].iterrows()},
        "average": {d: _average(fit, str(d)) for d in average.index[average["estimate"].notna()]},
        "same": {d: _equalities(fit, str(d)) for d in same.index[same["pvalue"].notna()]},
    }
    found = fit.inference([method], [h for group in asked.values() for h in group.values()], settings)
    cuts = np.cumsum([len(group) for group in asked.values()])[:-1]
    parts = [found.iloc[rows] for rows in np.split(np.arange(len(found)), cuts)]
    frames = [_replaced(f, list(g), p) for f, g, p in zip((effects, average, same), asked.values(), parts, strict=True)]
    return StageEvidence(
        fit=fit,
        effects=frames[0],
        average=frames[1],
        homogeneity=_adjusted(frames[2]),
        method=method,
        convention=next((str(text) for text in found["convention"] if text), ""),
        draws=float(found["draws"].max()),
        empty_slots=dict(empty_slots or {}),
    )


def _effect(key: Hashable, row: pd.Series) -> dict[str, float]:
    """One effect, or its difference from the stage it is measured against."""
    assert isinstance(key, tuple)
    driver, stage = key
    base = {f"{driver}:{row['relative_to']}": -1.0} if row["relative_to"] not in ("", stage) else {}
    return {f"{driver}:{stage}": 1.0, **base}


def _average(fit: StageInteraction, driver: str) -> dict[str, float]:
    return {f"{driver}:{s}": float(p) for s, p in zip(fit.stages, fit.stage_shares, strict=True)}


def _equalities(fit: StageInteraction, driver: str) -> HypothesisLike:
    first, *rest = fit.stages
    return [f"{driver}:{first} - {driver}:{stage} = 0" for stage in rest]


def _replaced(frame: pd.DataFrame, keys: list[Hashable], found: pd.DataFrame) -> pd.DataFrame:
    """Put the chosen inference where the covariance's own stood; the old errors go, to mix no two methods."""
    out = frame.drop(columns=["std_error", "df_denominator"], errors="ignore").copy()
    for column in (c for c in TAKEN if c in found and (c in out or c == "statistic")):
        out[column] = np.nan
        for key, value in zip(keys, found[column], strict=True):
            out.loc[[key], column] = value
    return out


def _adjusted(same: pd.DataFrame) -> pd.DataFrame:
    known = same["pvalue"].notna()
    adjusted = pd.Series(np.nan, index=same.index)
    adjusted[known] = holm(same.loc[known, "pvalue"].to_numpy(dtype=float))
    return same.assign(pvalue_holm=adjusted)
