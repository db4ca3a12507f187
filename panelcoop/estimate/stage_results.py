"""What a stage-interaction regression answers: effects by stage, homogeneity, contrasts, average effects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_not_one_of
from panelcoop.errors import IdentificationError
from panelcoop.estimate.fitted import EFFECT_LABELS, CovarianceChoice, FittedModel, covariance_of, degrees_of_freedom
from panelcoop.estimate.identification import TermStatus, identification_frame, identification_notes
from panelcoop.estimate.inference import inference_table
from panelcoop.estimate.settings import InferenceSettings, Method, Resampling
from panelcoop.estimate.simultaneous import simultaneous_table
from panelcoop.hypotheses import Hypothesis, HypothesisLike
from panelcoop.numerics.covariance.covariance import CovarianceRecord
from panelcoop.numerics.distributions import t_sf
from panelcoop.numerics.multiple_testing import holm
from panelcoop.options import Covariance, FloatArray
from panelcoop.results import Estimate

__all__ = ["DominanceTest", "StageInteraction", "record_of"]


@dataclass(frozen=True)
class DominanceTest:
    """An intersection-union test that one stage's effect exceeds every other stage's.

    Attributes
    ----------
    driver, stage
        The claim: b[driver, stage] > b[driver, s] for every other s.
    closest
        The stage with the largest one-sided p-value, which decides.
    statistic, df
        Its t statistic and degrees of freedom.
    pvalue
        The largest one-sided p-value.
    convention
        Covariance used.
    """

    driver: str
    stage: str
    closest: str
    statistic: float
    df: float
    pvalue: float
    convention: str

    def __str__(self) -> str:
        """Write the test in one line."""
        claim = f"{self.driver}:{self.stage} exceeds every other stage's"
        return f"H1: {claim}; t({self.df:g}) against {self.closest} = {self.statistic:.4f}, p = {self.pvalue:.4f}"


@dataclass(frozen=True, kw_only=True, eq=False)
class StageInteraction(Estimate):
    """Driver-by-stage effects; methods only derive.

    Attributes
    ----------
    model
        The numbers behind the estimate.
    covariance
        The covariance in use.
    choice
        How it was asked for.
    drivers, stages
        Names, in order.
    stage_shares
        Share of the (weighted) rows in each stage, shape (S,).
    statuses
        Which terms are identified, and why the others are not; ``identification`` lays them out.
    asked
        What ``stage_interaction`` was asked for, so that the same can be asked of another panel.
    """

    model: FittedModel = field(repr=False)
    covariance: CovarianceRecord = field(repr=False)
    choice: CovarianceChoice
    drivers: tuple[str, ...]
    stages: tuple[str, ...]
    stage_shares: FloatArray
    statuses: tuple[TermStatus, ...] = field(repr=False)
    asked: Mapping[str, Any] = field(repr=False)

    @cached_property
    def identification(self) -> pd.DataFrame:
        """Status of each term ("identified", "contrasts only", "not identified") and the reason, indexed by term."""
        return identification_frame(self.statuses)

    @property
    def r2_within(self) -> float:
        """Share of the outcome's (weighted) variance, after absorption, that the columns explain; NaN for Poisson."""
        if self.model.counts is not None:
            return np.nan
        left = self.model.linear.absorber.residualise(self.model.arrays.numbers[self.outcome])
        weights = self.model.weight_values
        total = float((left**2 if weights is None else weights * left**2).sum())
        return 1 - self.model.linear.rss / total if total > 0 else np.nan

    def __maketables_stat__(self, key: str) -> float | int | str | None:
        return self.r2_within if key in {"r2_within", "r2"} else super().__maketables_stat__(key)

    def with_covariance(self, covariance: CovarianceChoice | Covariance) -> StageInteraction:
        """Return the same coefficients with another covariance."""
        choice = covariance if isinstance(covariance, CovarianceChoice) else CovarianceChoice(covariance)
        found = covariance_of(self.model, choice)
        return replace(self, covariance=found, choice=choice, **_fields_of(self.model, found, choice))

    def homogeneity(self, drivers: Sequence[str] | None = None) -> pd.DataFrame:
        """Test for each driver that its effect is the same at all stages (Wald), adjusted over drivers (Holm).

        Returns
        -------
        pandas.DataFrame
            Indexed by driver: statistic, df, df_denominator, pvalue, pvalue_holm, null, reason (where not testable).
        """
        rows = {driver: self._homogeneity_of(driver) for driver in drivers or self.drivers}
        table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("driver")
        known = table["pvalue"].notna()
        adjusted = pd.Series(np.nan, index=table.index)
        adjusted[known] = holm(table.loc[known, "pvalue"].to_numpy(dtype=float))
        table.insert(4, "pvalue_holm", adjusted)
        return table

    def stage_effects(self, level: float = 0.95) -> pd.DataFrame:
        """List driver-by-stage effects: as levels where identified, else as contrasts with the first stage.

        Returns
        -------
        pandas.DataFrame
            Indexed by (driver, stage): estimate, std_error, statistic, pvalue, conf_low, conf_high, df, relative_to,
            status, reason. Families are the drivers and, where they vary within a week, the stages themselves.
        """
        families = [*self.drivers, *(["stage"] if "stage" in set(self.identification["family"]) else [])]
        rows = [self._stage_effect(family, s, level) for family in families for s in self.stages]
        return pd.DataFrame(rows).set_index(["driver", "stage"])

    def stage_contrasts(self, driver: str, level: float = 0.95) -> pd.DataFrame:
        """Contrast each pair of stages of one driver, one row each; pairs that are not estimable are left NaN."""
        self._fail_if_unknown(driver)
        rows = {}
        for one, other in combinations(self.stages, 2):
            text = f"{driver}:{one} - {driver}:{other}"
            rows[text] = self._try_contrast({f"{driver}:{one}": 1.0, f"{driver}:{other}": -1.0}, level)
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("contrast")

    def average_marginal_effects(self, level: float = 0.95) -> pd.DataFrame:
        """Average each driver's effect over stages with the stages' shares of the sample: sum_s pi_s b_ks."""
        rows = {driver: self._try_contrast(self.average_weights(driver), level) for driver in self.drivers}
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("driver")

    def dominance(self, driver: str, stage: str) -> DominanceTest:
        """Test that a pre-registered stage has the largest effect: intersection-union, p is the largest of one-sided p.

        Parameters
        ----------
        driver, stage
            H1: b[driver, stage] > b[driver, s] for every other stage s.

        References
        ----------
        Berger, R. L. (1982). Multiparameter hypothesis testing and acceptance sampling. Technometrics 24.
        """
        self._fail_if_unknown(driver)
        fail_if_not_one_of(stage, self.stages, "stage")
        others = [s for s in self.stages if s != stage]
        gaps = [self.contrast({f"{driver}:{stage}": 1.0, f"{driver}:{s}": -1.0}) for s in others]
        tails = [float(t_sf(gap.statistic, gap.df)) for gap in gaps]
        last = int(np.argmax(tails))
        worst = gaps[last]
        return DominanceTest(driver, stage, others[last], worst.statistic, worst.df, tails[last], self.convention)

    def inference(
        self,
        methods: Sequence[Method] | None = None,
        hypotheses: Sequence[HypothesisLike] | Mapping[str, HypothesisLike] | None = None,
        settings: InferenceSettings | None = None,
    ) -> pd.DataFrame:
        """Put every inference side by side for chosen coefficients, contrasts or joint hypotheses.

        Parameters
        ----------
        methods
            Names such as "CRV1", "driscoll-kraay", "DWB-t", "WCR", "RI"; None for the standard set.
        hypotheses
            As in ``wald``, several; a mapping gives them names, for example
            ``{"average": fit.average_weights("risk")}``. None for every identified driver-by-stage coefficient.
        settings
            Level, draws, seed, lags and small-sample convention.

        Returns
        -------
        pandas.DataFrame
            One row per hypothesis and method: estimate, statistic, df, pvalue, conf_low, conf_high, convention.
        """
        return inference_table(self.model, self.parse(hypotheses), methods, settings or InferenceSettings())

    def simultaneous(
        self,
        hypotheses: Sequence[HypothesisLike] | Mapping[str, HypothesisLike] | None = None,
        *,
        method: Resampling = "DWB-t",
        settings: InferenceSettings | None = None,
    ) -> pd.DataFrame:
        """Test and cover a set of single contrasts together: Holm, Romano-Wolf and a sup-t band.

        Returns
        -------
        pandas.DataFrame
            Indexed by hypothesis: estimate, std_error, statistic, pvalue, pvalue_holm, pvalue_romano_wolf, pointwise
            conf_low and conf_high, and band_low and band_high, which cover all of them at once.

        Raises
        ------
        DataError
            For a joint hypothesis, or for a method that is not a bootstrap.
        """
        return simultaneous_table(self.model, self.parse(hypotheses), method, settings or InferenceSettings())

    def average_weights(self, driver: str) -> dict[str, float]:
        """Give the stages' shares of the sample as weights of a driver's coefficients: its average marginal effect."""
        self._fail_if_unknown(driver)
        return {f"{driver}:{s}": float(p) for s, p in zip(self.stages, self.stage_shares, strict=True)}

    def parse(self, hypotheses: Sequence[HypothesisLike] | Mapping[str, HypothesisLike] | None) -> list[Hypothesis]:
        """Read hypotheses, named where a mapping names them; None means every identified driver coefficient."""
        if hypotheses is None:
            return [self.hypothesis({s.term.name: 1.0}) for s in self.statuses if _is_known_driver(s)]
        if isinstance(hypotheses, str):
            return [self.hypothesis(hypotheses)]
        if isinstance(hypotheses, Mapping):
            return [replace(self.hypothesis(h), text=name) for name, h in hypotheses.items()]
        return [self.hypothesis(h) for h in hypotheses]

    def _homogeneity_of(self, driver: str) -> dict[str, object]:
        self._fail_if_unknown(driver)
        first, *rest = self.stages
        null = " = ".join(f"{driver}:{s}" for s in self.stages)
        empty = {"statistic": np.nan, "df": 0, "df_denominator": np.nan, "pvalue": np.nan, "null": null}
        if not rest:
            return {**empty, "reason": "one stage only"}
        rows = np.zeros((len(rest), len(self.params)))
        for q, stage in enumerate(rest):
            rows[q, [self._at(driver, first), self._at(driver, stage)]] = 1.0, -1.0
        known = self.is_estimable(rows)
        if not known.all():
            return {**empty, "reason": self._reason(driver)}
        try:
            test = self.wald(rows)
        except IdentificationError as error:
            return {**empty, "reason": str(error)}
        found = {"statistic": test.statistic, "df": test.df, "df_denominator": test.df_denominator}
        return {**found, "pvalue": test.pvalue, "null": null, "reason": ""}

    def _stage_effect(self, family: str, stage: str, level: float) -> dict[str, object]:
        name = f"{family}:{stage}"
        status, reason = self.identification.loc[name, ["status", "reason"]]
        relative = "" if status != "contrasts only" else self.stages[0]
        weights = {name: 1.0}
        if relative and stage != relative:
            weights[f"{family}:{relative}"] = -1.0
        row = self._try_contrast(weights, level)
        return {"driver": family, "stage": stage, **row, "relative_to": relative, "status": status, "reason": reason}

    def _try_contrast(self, weights: dict[str, float], level: float) -> dict[str, float]:
        keys = ("estimate", "std_error", "statistic", "pvalue", "conf_low", "conf_high", "df")
        try:
            found = self.contrast(weights, level=level)
        except IdentificationError:
            return dict.fromkeys(keys, np.nan)
        return {key: float(getattr(found, key)) for key in keys}

    def _at(self, driver: str, stage: str) -> int:
        return self.model.names.index(f"{driver}:{stage}")

    def _reason(self, driver: str) -> str:
        reasons = self.identification.loc[self.identification["family"] == driver, "reason"]
        return next((str(r) for r in reasons if r), "")

    def _fail_if_unknown(self, driver: str) -> None:
        fail_if_not_one_of(driver, self.drivers, "driver")


def record_of(
    model: FittedModel,
    covariance: CovarianceRecord,
    choice: CovarianceChoice,
    *,
    drivers: tuple[str, ...],
    statuses: tuple[TermStatus, ...],
    asked: Mapping[str, Any],
) -> StageInteraction:
    """Put a fitted model and its first covariance into the frozen record that users hold."""
    arrays, linear = model.arrays, model.linear
    stages = model.stages
    shares = np.bincount(stages.codes, weights=model.weight_values, minlength=len(stages.labels))
    return StageInteraction(
        params=pd.Series(linear.coef, index=list(model.names), name="estimate"),
        **_fields_of(model, covariance, choice),
        nobs=linear.nobs,
        outcome=model.outcome,
        effects=EFFECT_LABELS[model.effects],
        n_regions=len(np.unique(arrays.region)),
        n_weeks=len(np.unique(arrays.week)),
        dropped=arrays.dropped,
        notes=identification_notes(statuses) + stages.notes + covariance.notes,
        statistics={"rank": linear.rank, "df_resid": linear.df_resid},
        solution=linear.solution,
        null_space=linear.null_space,
        provenance={} if model.panel.plan is None else {"plan": model.panel.plan.hash},
        model=model,
        covariance=covariance,
        choice=choice,
        drivers=drivers,
        stages=stages.labels,
        stage_shares=shares / shares.sum(),
        statuses=statuses,
        asked=asked,
    )


def _is_known_driver(status: TermStatus) -> bool:
    return status.term.kind == "driver" and status.status == "identified"


def _fields_of(model: FittedModel, covariance: CovarianceRecord, choice: CovarianceChoice) -> dict[str, Any]:
    """Give the fields of an estimate that change with the covariance."""
    index = list(model.names)
    known = covariance.df[~np.isnan(covariance.df)]
    return {
        "cov": pd.DataFrame(covariance.full, index=index, columns=index),
        "df": float(known.min()) if known.size else np.inf,
        "df_of": partial(degrees_of_freedom, model, covariance, choice) if covariance.kind == "CRV2" else None,
        "convention": covariance.convention,
    }
