"""What a stage-interaction regression answers: effects by stage, homogeneity, contrasts, average effects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations
from typing import Any, cast

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_not_one_of
from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.cluster_weight import leverage_notes, summed_over
from panelcoop.estimate.covariances import CovarianceChoice, covariance_of, estimate_fields
from panelcoop.estimate.dominance import DominanceTest
from panelcoop.estimate.fitted import FittedModel
from panelcoop.estimate.identification import TermStatus, identification_frame, identification_notes
from panelcoop.estimate.inference import inference_table
from panelcoop.estimate.prediction import fitted_values, predicted, residuals
from panelcoop.estimate.settings import InferenceSettings, Method, Resampling
from panelcoop.estimate.simultaneous import simultaneous_table
from panelcoop.hypotheses import Hypothesis, HypothesisLike, is_one
from panelcoop.numerics.covariance.covariance import CovarianceRecord
from panelcoop.numerics.distributions import t_sf
from panelcoop.numerics.multiple_testing import holm
from panelcoop.options import Covariance, FloatArray
from panelcoop.panel.record import Panel, as_panel
from panelcoop.results import Estimate

__all__ = ["DominanceTest", "StageInteraction", "notes_of"]


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
        return self.model.r2(within=True)

    @property
    def rsquared(self) -> float:
        """Share of the outcome's (weighted) variance that columns and effects explain; NaN for Poisson."""
        return self.model.r2(within=False)

    @property
    def df_resid(self) -> int:
        """Rows less columns and effects, counted by rank; t statistics use ``df``."""
        return self.model.linear.df_resid

    def __maketables_stat__(self, key: str) -> float | int | str | None:
        if key in {"r2_within", "r2"} and self.model.counts is None:
            return self.r2_within if key == "r2_within" else self.rsquared
        return super().__maketables_stat__(key)

    @property
    def __maketables_vcov_info__(self) -> dict[str, Any]:
        return {"vcov_type": self.convention, "clustervar": "+".join(self.choice.dimensions) or None}

    @property
    def resid(self) -> pd.Series:
        """Outcome less fitted value, indexed by (region, week)."""
        return residuals(self.model)

    @property
    def fittedvalues(self) -> pd.Series:
        """Fitted values, effects included, indexed by (region, week); means for Poisson."""
        return fitted_values(self.model)

    def predict(self, data: Panel | pd.DataFrame | None = None) -> pd.Series:
        """Predict the outcome for rows of regions and weeks that the fit has seen; fitted values without data.

        Parameters
        ----------
        data
            Drivers, stage and controls (and the offset), as they were fitted, for example with a driver set to zero.

        Returns
        -------
        pandas.Series
            Indexed by (region, week); NaN where region, week or stage are new, a cell is missing, or the prediction
            is not identified: it would move with a coefficient or an effect that the data do not pin down.

        Raises
        ------
        DataError
            If a column is missing, or the fit has region trends.
        """
        return self.fittedvalues if data is None else predicted(self.model, as_panel(data), self.asked)

    def with_covariance(self, covariance: CovarianceChoice | Covariance) -> StageInteraction:
        """Return the same coefficients with another covariance."""
        choice = covariance if isinstance(covariance, CovarianceChoice) else CovarianceChoice(covariance)
        found = covariance_of(self.model, choice)
        notes = notes_of(self.model, self.statuses, found)
        return replace(self, covariance=found, choice=choice, notes=notes, **estimate_fields(self.model, found))

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
        methods: Method | Sequence[Method] | None = None,
        hypotheses: HypothesisLike | Sequence[HypothesisLike] | Mapping[str, HypothesisLike] | None = None,
        settings: InferenceSettings | None = None,
    ) -> pd.DataFrame:
        """Put every inference side by side for chosen coefficients, contrasts or joint hypotheses.

        Parameters
        ----------
        methods
            One name or several, such as "CRV1", "driscoll-kraay", "DWB-t", "WCR", "RI"; None for the standard set.
        hypotheses
            One as in ``wald`` (a text, weights, a matrix: a joint test), a list of such, or a mapping that names them,
            ``{"average": fit.average_weights("risk")}``. None for every identified driver-by-stage coefficient.
        settings
            Level, draws, seed, lags and small-sample convention.

        Returns
        -------
        pandas.DataFrame
            One row per hypothesis and method: estimate, std_error, statistic, df, pvalue, conf_low, conf_high, draws,
            convention, note. A bootstrap p-value is a share of ``draws``; where it is 0 the note says below what.
        """
        return inference_table(self.model, self.parse(hypotheses), methods, _settings_or_default(settings))

    def simultaneous(
        self,
        hypotheses: HypothesisLike | Sequence[HypothesisLike] | Mapping[str, HypothesisLike] | None = None,
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
        return simultaneous_table(self.model, self.parse(hypotheses), method, _settings_or_default(settings))

    def average_weights(self, driver: str) -> dict[str, float]:
        """Give the stages' shares of the sample as weights of a driver's coefficients: its average marginal effect."""
        self._fail_if_unknown(driver)
        return {f"{driver}:{s}": float(p) for s, p in zip(self.stages, self.stage_shares, strict=True)}

    def parse(
        self, hypotheses: HypothesisLike | Sequence[HypothesisLike] | Mapping[str, HypothesisLike] | None
    ) -> list[Hypothesis]:
        """Read hypotheses, named where a mapping names them; None means every identified driver coefficient."""
        if hypotheses is None:
            known = zip(np.eye(len(self.statuses)), self.statuses, strict=True)
            return [
                Hypothesis(matrix=row[None, :], value=np.zeros(1), names=self.model.names, text=s.term.name)
                for row, s in known
                if _is_known_driver(s)
            ]
        if is_one(hypotheses):
            return [self.hypothesis(cast("HypothesisLike", hypotheses))]
        if isinstance(hypotheses, Mapping):
            if all(isinstance(h, int | float | np.number) for h in hypotheses.values()):
                return [self.hypothesis(cast("Mapping[str, float]", hypotheses))]
            named = cast("Mapping[str, HypothesisLike]", hypotheses)
            return [replace(self.hypothesis(h), text=name) for name, h in named.items()]
        return [self.hypothesis(h) for h in cast("Sequence[HypothesisLike]", hypotheses)]

    def _remarks(self) -> tuple[str, ...]:
        """Add to the notes which coefficients rest on one cluster or week."""
        return (*self.notes, *self._carried)

    @cached_property
    def _carried(self) -> tuple[str, ...]:
        known = [s.term.name for s in self.statuses if s.status == "identified"]
        variables = self.choice.dimensions or summed_over(self.choice.kind, InferenceSettings())
        if not known:
            return ()
        carried = leverage_notes(self.model, [self.hypothesis({name: 1.0}) for name in known], variables)
        by_note: dict[str, list[str]] = {}
        for name, said in ((name, said) for notes in carried.values() for name, said in zip(known, notes, strict=True)):
            for note in said:
                by_note.setdefault(note, []).append(name)
        return tuple(f"{', '.join(names)}: {note}" for note, names in by_note.items())

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


def notes_of(model: FittedModel, statuses: Sequence[TermStatus], covariance: CovarianceRecord) -> tuple[str, ...]:
    """Collect what is not identified, what stages and effects leave out, and what the covariance says."""
    return identification_notes(statuses) + model.stages.notes + model.notes + covariance.notes


def _settings_or_default(settings: object) -> InferenceSettings:
    if settings is not None and not isinstance(settings, InferenceSettings):
        msg = f"settings is an InferenceSettings(...), such as InferenceSettings(draws=999); got {settings!r}."
        raise DataError(msg)
    return settings or InferenceSettings()


def _is_known_driver(status: TermStatus) -> bool:
    return status.term.kind == "driver" and status.status == "identified"
