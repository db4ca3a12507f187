"""What every estimate is: labelled coefficients with their covariance, convention and account of what was lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_not_level
from panelcoop.errors import DataError, IdentificationError
from panelcoop.hypotheses import Contrast, Hypothesis, HypothesisLike, WaldTest, parse_hypothesis
from panelcoop.numerics.distributions import t_ppf, t_sf
from panelcoop.numerics.estimable import combination_covariance, estimable_rows
from panelcoop.numerics.wald import WaldRecord, wald_statistic
from panelcoop.options import BoolArray, FloatArray

__all__ = ["Contrast", "Estimate", "WaldTest"]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Labelled coefficients and everything needed to read them.

    Standard errors are ``std_errors`` and not also ``bse``, by which table packages know results of statsmodels: they
    would then read those attributes instead of what this class gives them.

    Attributes
    ----------
    params
        Coefficients, shape (k,); NaN where not identified.
    cov
        Covariance of the solution, shape (k, k); zero or NaN where a column was set aside. Errors and tests read
        only estimable combinations of it.
    df
        Degrees of freedom of t statistics; ``numpy.inf`` for the normal.
    nobs
        Observations used.
    outcome
        Name of the dependent variable.
    convention
        Covariance, clusters, small-sample factor and degrees of freedom, written out.
    effects
        Absorbed effects, written out.
    n_regions, n_weeks
        Regions and weeks used.
    dropped
        Rows left out, by reason.
    notes
        What is not identified and why; warnings of the fit.
    labels
        Readable names of coefficients.
    statistics
        Further fit statistics by name (for example ``r2_within``).
    solution
        One solution of the normal equations, shape (k,), zero where a column was set aside; None means ``params``.
    null_space
        Directions that leave the fit unchanged, shape (k, d): a combination R b is estimable when R N = 0
        (Searle 1971). None means that each coefficient that is NaN stands alone.
    df_of
        Degrees of freedom of one combination (k,), where they differ between combinations (Bell-McCaffrey).
    wald_of
        Joint test of R b = r given R (q, k) and r (q,), where F with ``df`` will not do (approximate Hotelling).
    provenance
        Hash of the plan the panel was assembled from, if any.
    """

    params: pd.Series
    cov: pd.DataFrame
    df: float
    nobs: int
    outcome: str
    convention: str
    effects: str = ""
    n_regions: int = 0
    n_weeks: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    statistics: Mapping[str, float] = field(default_factory=dict)
    solution: FloatArray | None = None
    null_space: FloatArray | None = None
    df_of: Callable[[FloatArray], float] | None = None
    wald_of: Callable[[FloatArray, FloatArray], WaldRecord] | None = None
    provenance: Mapping[str, str] = field(default_factory=dict)

    @property
    def std_errors(self) -> pd.Series:
        """Standard errors, the square roots of the diagonal of the covariance."""
        variance = np.diag(self.cov.to_numpy()).copy()
        variance[(variance < 0) | self.params.isna().to_numpy()] = np.nan
        return pd.Series(np.sqrt(variance), index=self.params.index, name="std_error")

    @property
    def tstats(self) -> pd.Series:
        """Coefficients over standard errors."""
        return (self.params / self.std_errors).rename("statistic")

    @property
    def pvalues(self) -> pd.Series:
        """Two-sided p-values of t(df)."""
        tails = t_sf(np.abs(self.tstats.to_numpy()), self._df_by_term())
        return pd.Series(2 * tails, index=self.params.index, name="pvalue")

    @property
    def tvalues(self) -> pd.Series:
        """Coefficients over standard errors, under the name of statsmodels."""
        return self.tstats

    @property
    def vcov(self) -> pd.DataFrame:
        """Covariance of the coefficients, under the name of R; NaN where one is not identified."""
        lost = self.params.index[self.params.isna()]
        cov = self.cov.copy()
        cov.loc[lost, :] = np.nan
        cov.loc[:, lost] = np.nan
        return cov

    def cov_params(self) -> pd.DataFrame:
        """Give ``vcov``, under the name of statsmodels."""
        return self.vcov

    def conf_int(self, level: float = 0.95, *, alpha: float | None = None) -> pd.DataFrame:
        """Give symmetric intervals, estimate -+ t quantile times standard error.

        Parameters
        ----------
        level
            Confidence, from 0.5 to below 1.
        alpha
            One less the level, as statsmodels asks for it; takes the place of ``level``.

        Returns
        -------
        pandas.DataFrame
            Columns conf_low and conf_high, indexed by coefficient.
        """
        if alpha is not None:
            level = 1 - alpha
        elif 0 < level < 0.5:
            msg = f"level is the confidence, such as 0.95; for an interval of {1 - level:g} write alpha={level:g}."
            raise DataError(msg)
        fail_if_not_level(level)
        half = t_ppf(0.5 + level / 2, self._df_by_term()) * self.std_errors
        return pd.DataFrame({"conf_low": self.params - half, "conf_high": self.params + half})

    def tidy(self, level: float = 0.95) -> pd.DataFrame:
        """Put coefficients, errors, statistics, p-values and intervals into one frame, one row per coefficient."""
        columns = {"estimate": self.params, "std_error": self.std_errors, "statistic": self.tstats}
        return pd.DataFrame({**columns, "pvalue": self.pvalues}).join(self.conf_int(level)).rename_axis("term")

    def hypothesis(self, hypothesis: HypothesisLike, value: FloatArray | float | None = None) -> Hypothesis:
        """Read a hypothesis on these coefficients and make sure it is identified.

        Raises
        ------
        DataError
            If a name is unknown.
        IdentificationError
            If it involves a coefficient that is not identified; the notes say why.
        """
        parsed = parse_hypothesis(hypothesis, [str(n) for n in self.params.index], value)
        if not self.is_estimable(parsed.matrix).all():
            lost = self.params.isna().to_numpy() & (parsed.matrix != 0).any(axis=0)
            names = [str(n) for n in self.params.index[lost]]
            why = next((note for note in self.notes if any(n in note for n in names)), "see notes")
            msg = f"'{parsed.text}' is not identified: it involves {', '.join(names)} ({why})."
            raise IdentificationError(msg)
        return parsed

    def is_estimable(self, matrix: FloatArray) -> BoolArray:
        """Say of each row of a matrix (q, k) whether that combination of coefficients is estimable."""
        lost = np.eye(len(self.params))[:, self.params.isna().to_numpy()]
        null = lost if self.null_space is None else self.null_space
        return estimable_rows(matrix, null)

    def combine(self, matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Estimate R b and its covariance, shapes (q,) and (q, q); NaN where a row is not estimable."""
        lost = ~self.is_estimable(matrix)
        value = matrix @ self._solved()
        cov = combination_covariance(matrix, self.cov.to_numpy(dtype=float))
        value[lost], cov[lost], cov[:, lost] = np.nan, np.nan, np.nan
        return value, cov

    def wald(self, hypothesis: HypothesisLike, value: FloatArray | float | None = None) -> WaldTest:
        """Test linear restrictions R b = r jointly: F(q, df) when df is finite, chi2(q) otherwise.

        Parameters
        ----------
        hypothesis
            Text, texts, weights by name, or a matrix: see ``parse_hypothesis``.
        value
            Right-hand side for a matrix or weights.
        """
        parsed = self.hypothesis(hypothesis, value)
        if self.wald_of is not None:
            found = self.wald_of(parsed.matrix, parsed.value)
        else:
            cov = self.cov.to_numpy(dtype=float)
            found = wald_statistic(self._solved(), cov, parsed.matrix, parsed.value, self.df)
        return WaldTest(found.statistic, found.df, found.df_denominator, found.pvalue, parsed.text, self.convention)

    def contrast(self, hypothesis: HypothesisLike, *, name: str | None = None, level: float = 0.95) -> Contrast:
        """Estimate one linear combination, for example ``"risk:outbreak - risk:recovery"``.

        Estimate and interval are those of the combination R b; a right-hand side r, as in ``"risk:outbreak = 0.5"``,
        enters the statistic (R b - r) / se and its p-value only.

        Raises
        ------
        DataError
            If the text holds more than one combination.
        """
        fail_if_not_level(level)
        parsed = self.hypothesis(hypothesis)
        if len(parsed.matrix) != 1:
            msg = (
                f"A contrast is one combination; '{parsed.text}' has {len(parsed.matrix)}. Use wald() for joint tests."
            )
            raise DataError(msg)
        value, cov = self.combine(parsed.matrix)
        estimate = float(value[0])
        std_error = float(np.sqrt(cov[0, 0])) if cov[0, 0] >= 0 else np.nan
        t = (estimate - float(parsed.value[0])) / std_error if std_error > 0 else np.nan
        df = self.df if self.df_of is None else self.df_of(parsed.matrix[0])
        half = float(t_ppf(0.5 + level / 2, df)) * std_error
        pvalue = float(2 * t_sf(abs(t), df))
        bounds = (estimate - half, estimate + half)
        return Contrast(name or parsed.text, estimate, std_error, t, pvalue, *bounds, df, level, self.convention)

    def contrasts(self, hypotheses: Sequence[HypothesisLike], *, level: float = 0.95) -> pd.DataFrame:
        """Estimate several combinations, one row each, in the order given."""
        rows = [self.contrast(h, level=level) for h in hypotheses]
        return pd.DataFrame([vars(r) for r in rows]).set_index("name")

    def summary(self) -> str:
        """Write a readable summary: what was estimated, how, and what could not be."""
        head = [
            f"{type(self).__name__}: {self.outcome}",
            f"  observations {self.nobs:,}, regions {self.n_regions:,}, weeks {self.n_weeks:,}",
            f"  effects: {self.effects}",
            f"  errors: {self.convention}",
            *[f"  dropped {count:,} rows: {reason}" for reason, count in self.dropped.items() if count],
        ]
        table = self.tidy().rename(index=dict(self.labels)).to_string(float_format=lambda v: f"{v:.4f}", na_rep="NA")
        return "\n".join([*head, table, *[f"  note: {note}" for note in self._remarks()]])

    def _remarks(self) -> tuple[str, ...]:
        """Return what a reader of the summary should know."""
        return self.notes

    def _repr_html_(self) -> str:
        """Show the summary as HTML, as notebooks do."""
        size = f"{self.nobs:,} observations, {self.n_regions:,} regions, {self.n_weeks:,} weeks"
        head = [
            f"{type(self).__name__}: {self.outcome}",
            size,
            f"effects: {self.effects}",
            f"errors: {self.convention}",
        ]
        table = self.tidy().rename(index=dict(self.labels)).to_html(float_format=lambda v: f"{v:.4f}", na_rep="NA")
        notes = "".join(f"<li>{escape(note)}</li>" for note in self._remarks())
        return f"<p>{'<br>'.join(map(escape, head))}</p>{table}" + (f"<ul>{notes}</ul>" if notes else "")

    def __str__(self) -> str:
        """Return the summary."""
        return self.summary()

    def _solved(self) -> FloatArray:
        known = self.params.fillna(0.0).to_numpy(dtype=float) if self.solution is None else self.solution
        return np.asarray(known, dtype=float)

    def _df_by_term(self) -> FloatArray:
        if self.df_of is None:
            return np.full(len(self.params), self.df)
        return np.array([self.df_of(row) for row in np.eye(len(self.params))])

    @property
    def __maketables_coef_table__(self) -> pd.DataFrame:
        """Coefficients as table packages read them: b, se, t, p and a 95% interval."""
        tidy = self.tidy()
        tidy.columns = pd.Index(["b", "se", "t", "p", "ci95l", "ci95u"])
        return tidy.rename_axis("Coefficient")

    @property
    def __maketables_depvar__(self) -> str:
        return self.outcome

    @property
    def __maketables_fixef_string__(self) -> str | None:
        """Effects as table packages read them, one row each: joined by a plus sign."""
        return None if self.effects.startswith("none") else self.effects.replace(", ", "+").replace(" and ", "+")

    @property
    def __maketables_default_stat_keys__(self) -> list[str]:
        wanted = ("N", "r2", "r2_within", "se_type")
        return [key for key in wanted if self.__maketables_stat__(key) is not None]

    @property
    def __maketables_var_labels__(self) -> dict[str, str]:
        return dict(self.labels)

    @property
    def __maketables_vcov_info__(self) -> dict[str, Any]:
        return {"vcov_type": self.convention, "clustervar": None}

    def __maketables_stat__(self, key: str) -> float | int | str | None:
        known: dict[str, Any] = {
            "N": self.nobs,
            "regions": self.n_regions,
            "weeks": self.n_weeks,
            "se_type": self.convention.split(";")[0],
        }
        return known.get(key, self.statistics.get(key))
