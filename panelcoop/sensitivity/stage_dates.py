"""What uncertain stage dates do to an estimate: draw date vectors, refit, combine by Rubin's rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from panelcoop.errors import DataError, PanelcoopError, PlanError
from panelcoop.estimate.planned import plan_of, planned_regression, planned_settings
from panelcoop.estimate.settings import InferenceSettings
from panelcoop.estimate.stage_results import StageInteraction
from panelcoop.hypotheses import HypothesisLike
from panelcoop.numerics.distributions import t_ppf, t_sf
from panelcoop.options import BoolArray, FloatArray
from panelcoop.panel.plan_analysis import ModelPlan
from panelcoop.panel.record import Panel
from panelcoop.progress import track
from panelcoop.sensitivity.multiverse_plan import planned_contrast
from panelcoop.sensitivity.multiverse_universe import Universe, fit_universe
from panelcoop.sensitivity.stage_date_vectors import (
    DateVector,
    DateVectors,
    epidemic_vectors,
    likely_set,
    recorded_cases,
    white_paper_vectors,
)

__all__ = ["RubinEstimate", "StageDateUncertainty", "rubin", "stage_date_uncertainty"]

LIKELY = 0.9


@dataclass(frozen=True)
class RubinEstimate:
    """Estimates over date vectors, combined.

    Attributes
    ----------
    estimate
        Mean over vectors.
    std_error, df
        Its standard error and degrees of freedom (Barnard and Rubin 1999).
    within, between
        Mean variance given the dates, and variance of the estimates over the dates.
    missing_information
        Share of the variance that is due to the dates.
    """

    estimate: float
    std_error: float
    df: float
    within: float
    between: float
    missing_information: float

    @property
    def pvalue(self) -> float:
        """Two-sided p-value of t(df)."""
        return float(2 * t_sf(abs(self.estimate) / self.std_error, self.df)) if self.std_error > 0 else np.nan

    def conf_int(self, level: float) -> tuple[float, float]:
        """Return the interval of t(df)."""
        half = float(t_ppf(0.5 + level / 2, self.df)) * self.std_error
        return self.estimate - half, self.estimate + half


@dataclass(frozen=True, eq=False)
class StageDateUncertainty:
    """Hypotheses with the dates of stages left open.

    Attributes
    ----------
    table
        Indexed by hypothesis: `plan_estimate`, `plan_pvalue` (DWB-t, the plan's dates); `estimate`, `std_error`, `df`,
        `pvalue`, `conf_low`, `conf_high`, `within`, `between`, `missing_information` (Rubin; NaN for joint hypotheses);
        `worst_pvalue` (largest DWB-t p-value over the likely set) and `worst_vector`; `undefined` (probability of the
        vectors that give no estimate).
    vectors
        One row per hypothesis and date vector: `probability`, `likely` (in the 90% set), `estimate`, `std_error`,
        `pvalue`, `reason`.
    convention
        How vectors were made and combined.
    """

    table: pd.DataFrame
    vectors: pd.DataFrame
    convention: str

    def __str__(self) -> str:
        """Show the table and the convention."""
        return f"{self.table.T.to_string(float_format=lambda v: f'{v:.4f}')}\n{self.convention}"


def stage_date_uncertainty(
    panel: Panel,
    hypotheses: Sequence[HypothesisLike] | Mapping[str, HypothesisLike] | None = None,
    *,
    model: ModelPlan | Universe | None = None,
    vectors: DateVectors | None = None,
    cases: pd.DataFrame | None = None,
    draws: int = 40,
    settings: InferenceSettings | None = None,
    seed: int | None = None,
) -> StageDateUncertainty:
    """Refit under other dates of the stages and combine.

    Parameters
    ----------
    panel
        A panel with its plan, or any panel with `model` (a `Universe`) and `vectors`.
    hypotheses
        As in ``StageInteraction.inference``; by default the plan's contrast.
    model
        The plan's main model by default.
    vectors
        Dates with their probabilities, the plan's first: those of any clock by ``StageDates.vectors``. By default the
        official dates moved by a week either way, or other parameters of the epidemic clock, whichever dates the
        model's stages.
    cases
        New cases, weeks by regions, for the epidemic clock; by default the plan's data, which reach beyond the panel.
    draws
        Most vectors of the epidemic clock.
    settings
        Inference; by default the plan's, or for a panel without a plan those of ``InferenceSettings``.
    seed
        Of the draws of vectors; by default the plan's.

    Returns
    -------
    StageDateUncertainty

    Raises
    ------
    PlanError
        If a panel without a plan comes without model, vectors or hypotheses.
    DataError
        If the plan's own dates give no estimate.

    Notes
    -----
    Rubin's rules over the vectors with their probabilities p_v: mean Q = sum p_v q_v, within U = sum p_v u_v, between
    B = sum p_v (q_v - Q)^2 M/(M - 1), total U + (1 + 1/M) B, with M draws (infinite where all vectors are taken). The
    variance u_v is that of DWB-t: the half length of its inverted interval over the t quantile, so that the
    combination keeps its size. Dates are never drawn from the outcome.

    References
    ----------
    Rubin (1987), Multiple Imputation for Nonresponse in Surveys. Barnard, Rubin (1999), Biometrika 86.
    """
    agreed = settings or (InferenceSettings() if panel.plan is None else planned_settings(panel))
    refit, column = _refitter(panel, model)
    asked = hypotheses or [planned_contrast(plan_of(panel))]
    dated = vectors if vectors is not None else _planned_vectors(panel, column, cases, draws, seed)
    rows = [
        _with_dates(panel, column, one, refit=refit, asked=asked, settings=agreed)
        for one in track(dated.vectors, "refitting")
    ]
    flat = pd.concat(rows, keys=range(len(rows)), names=["vector"])
    likely = likely_set(dated.probabilities, LIKELY)
    by_name = dict(list(flat.groupby(level="hypothesis", sort=False)))
    table = {name: _combined(by_name[name], dated, likely, agreed.level) for name in rows[0].index}
    frame = pd.DataFrame.from_dict(table, orient="index").rename_axis("hypothesis")
    return StageDateUncertainty(frame, _vector_rows(flat, dated, likely), _convention(dated, likely, agreed))


def rubin(
    estimates: FloatArray,
    variances: FloatArray,
    weights: FloatArray,
    complete_df: float,
    *,
    imputations: float | None = None,
) -> RubinEstimate:
    """Combine estimates over imputations with weights.

    Parameters
    ----------
    estimates, variances
        Shape (M,).
    weights
        Probabilities of the imputations, shape (M,); equal ones give Rubin's own rules.
    complete_df
        Degrees of freedom were the dates known.
    imputations
        Number of imputations drawn, M by default; infinite where the weights are exact probabilities, so that no
        simulation error is left.

    Examples
    --------
    >>> found = rubin(np.array([1.0, 2.0, 3.0]), np.full(3, 0.5), np.ones(3), 30.0)
    >>> found.estimate, round(found.std_error**2, 6)
    (2.0, 1.833333)
    """
    share = weights / weights.sum()
    count = len(estimates) if imputations is None else imputations
    mean, within = float(share @ estimates), float(share @ variances)
    correction = 1.0 if np.isinf(count) else count / (count - 1) if count > 1 else 0.0
    between = float(share @ (estimates - mean) ** 2) * correction
    extra = (1 + 1 / count) * between
    total = within + extra
    lam = extra / total if total > 0 else 0.0
    observed = (complete_df + 1) / (complete_df + 3) * complete_df * (1 - lam)
    drawn = (count - 1) / lam**2 if lam > 0 else np.inf
    df = 1 / (1 / drawn + 1 / observed) if observed > 0 else 0.0
    return RubinEstimate(mean, float(np.sqrt(total)), df, within, between, lam)


def _refitter(panel: Panel, model: ModelPlan | Universe | None) -> tuple[Callable[[Panel], StageInteraction], str]:
    if isinstance(model, Universe):
        return partial(fit_universe, universe=model), model.stage
    asked = model or plan_of(panel).model
    return partial(planned_regression, model=asked), asked.stage


def _planned_vectors(
    panel: Panel, column: str, cases: pd.DataFrame | None, draws: int, seed: int | None
) -> DateVectors:
    """Draw the vectors of the clock that dates the model's stages."""
    plan = plan_of(panel)
    clocks = {"stage": plan.stages.clock, "stage_white_paper": "white_paper", "stage_epidemic": "epidemic"}
    if column not in clocks:
        msg = f"No clock of the plan dates the column '{column}'; pass vectors of dates."
        raise PlanError(msg)
    if clocks[column] == "white_paper":
        return white_paper_vectors(panel, plan.stages.mapping)
    rng = np.random.default_rng(plan.seeds.simulation if seed is None else seed)
    known = recorded_cases(plan, list(panel.regions.index)) if cases is None else cases
    people = panel.regions["population"].astype(float)
    return epidemic_vectors(panel, known, people, plan.stages.epidemic, draws=draws, rng=rng)


def _with_dates(
    panel: Panel,
    column: str,
    vector: DateVector,
    *,
    refit: Callable[[Panel], StageInteraction],
    asked: Sequence[HypothesisLike] | Mapping[str, HypothesisLike],
    settings: InferenceSettings,
) -> pd.DataFrame:
    """Estimate every hypothesis under one set of dates; one that is not identified has its reason."""
    named = dict(asked) if isinstance(asked, Mapping) else {str(h): h for h in asked}
    moved = replace(panel, data=panel.data.assign(**{column: vector.stage}))
    rows = {}
    try:
        fit = refit(moved)
    except PanelcoopError as error:
        return _empty(dict.fromkeys(named, str(error)))
    for name, hypothesis in named.items():
        try:
            row = fit.inference(["DWB-t"], {name: hypothesis}, settings).iloc[0].to_dict()
            rows[name] = row | {"df": fit.n_regions - 1.0, "reason": row["note"]}
        except PanelcoopError as error:
            rows[name] = _empty({name: str(error)}).iloc[0].to_dict()
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("hypothesis")


def _empty(reasons: Mapping[str, str]) -> pd.DataFrame:
    columns = ("estimate", "std_error", "pvalue", "conf_low", "conf_high", "df")
    rows = {name: dict.fromkeys(columns, np.nan) | {"reason": why} for name, why in reasons.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("hypothesis")


def _combined(rows: pd.DataFrame, dated: DateVectors, likely: BoolArray, level: float) -> dict[str, float | str]:
    p = rows["pvalue"].to_numpy(dtype=float)
    if np.isnan(p[0]):
        msg = f"The plan's own dates give no estimate: {rows['reason'].iloc[0]}"
        raise DataError(msg)
    estimate, df = (rows[name].to_numpy(dtype=float) for name in ("estimate", "df"))
    inside = likely & np.isfinite(p)
    worst = int(np.flatnonzero(inside)[np.argmax(p[inside])])
    half = (rows["conf_high"] - rows["conf_low"]).to_numpy(dtype=float) / 2
    variance = (half / t_ppf(0.5 + level / 2, df)) ** 2
    known = np.isfinite(estimate) & np.isfinite(variance)
    found: dict[str, float | str] = {"plan_estimate": float(estimate[0]), "plan_pvalue": float(p[0])}
    if known.any():
        chances = dated.probabilities[known]
        r = rubin(estimate[known], variance[known], chances, float(df[known].min()), imputations=dated.imputations)
        low, high = r.conf_int(level)
        found |= {**vars(r), "pvalue": r.pvalue, "conf_low": low, "conf_high": high}
    undefined = float(dated.probabilities[~np.isfinite(p)].sum())
    return {**found, "worst_pvalue": float(p[worst]), "worst_vector": dated.vectors[worst].name, "undefined": undefined}


def _vector_rows(flat: pd.DataFrame, dated: DateVectors, likely: BoolArray) -> pd.DataFrame:
    at = flat.index.get_level_values("vector").to_numpy(dtype=int)
    shown = flat.reset_index()[["hypothesis", "estimate", "std_error", "pvalue", "conf_low", "conf_high", "reason"]]
    shown.insert(1, "vector", [dated.vectors[i].name for i in at])
    shown.insert(2, "probability", dated.probabilities[at])
    shown.insert(3, "likely", likely[at])
    return shown


def _convention(dated: DateVectors, likely: BoolArray, settings: InferenceSettings) -> str:
    how = "all taken" if np.isinf(dated.imputations) else f"from {dated.imputations:.0f} draws"
    likeliest = f"the {int(likely.sum())} most probable hold {LIKELY:.0%}"
    return (
        f"{len(dated.vectors)} sets of dates ({how}), {likeliest}; Rubin's rules with the variance of DWB-t "
        f"({settings.draws:,} draws); worst p-value over the {LIKELY:.0%} set"
    )
