"""What an event study is: coefficients by horizon with everything needed to question them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from panelcoop.checks import name_few
from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.bands import BandDraws, simultaneous_band
from panelcoop.estimate.event_study.cells import CellEstimates, EventFit, Scores
from panelcoop.estimate.event_study.support import SupportRule
from panelcoop.numerics.event_study.clustering import Clustering, SmallSample, judged_covariance
from panelcoop.numerics.event_study.influence import cluster_sums
from panelcoop.options import BoolArray, FloatArray, IntArray
from panelcoop.results import Estimate

__all__ = ["EventStudy", "one_way"]


@dataclass(frozen=True, kw_only=True)
class EventStudy(Estimate):
    """Effects by event time (horizon 0 is the event's week), with their full covariance.

    Attributes
    ----------
    estimator
        Name of the estimator.
    reference
        Horizons fixed at zero; they have estimate 0 and no error, and are part of ``params``.
    base_period
        "universal" if all horizons compare with one reference, "varying" if leads compare neighbouring weeks.
    anticipation
        Weeks before the event that count as touched by it.
    influence
        Influence of regions on ``params`` in the sum form, without small-sample factor, shape (N, K).
    regions
        Labels of its rows.
    clustering
        Groups of regions (and weeks) whose errors may move together; every covariance here uses it.
    small, cells_small
        Small-sample factors of horizons, and of weighted sums of cells.
    wording, t_tails
        The convention with places for clusters and degrees of freedom; whether tails are t or normal.
    cells
        Effects by cohort and week behind the horizons; None for estimators that have none.
    cohort_labels, week_labels, stage_labels
        Names of cohorts, weeks and stages (or dose bins).
    split_by
        What ``stage_labels`` name: "stage", "dose" or nothing.
    reasons
        Why a horizon has no estimate.
    shown
        Horizon in which each cell is shown, NaN outside a dropped window, shape (M,).
    pooled
        Ends of the window that also average the horizons beyond them.
    rule
        Support that effects need.
    slopes
        Coefficient and influence of covariates, for regressions that report them.
    scores, no_scores
        Makes the influence of regions and weeks on ``params``, shape (N, T, K), or why there is none.
    counts
        Event weeks, events and fewest controls by horizon, shape (K, 3), where there are no cells.
    parts
        Fits of the events of one stage at a time, where there are no cells.
    rounding
        Variance of an estimate below which it is rounding.
    trend
        Answers what estimates would be if the outcome were, in regions ever treated, the weeks since their event, and
        zero elsewhere; None where estimates are not linear in the outcome.
    """

    estimator: str
    reference: tuple[int, ...]
    base_period: str
    anticipation: int
    influence: FloatArray
    regions: pd.Index
    clustering: Clustering
    small: SmallSample
    cells_small: SmallSample
    wording: str
    t_tails: bool
    cells: CellEstimates | None
    cohort_labels: tuple[object, ...]
    week_labels: pd.Index
    stage_labels: tuple[object, ...]
    reasons: dict[int, str]
    shown: FloatArray
    pooled: tuple[int, ...]
    rule: SupportRule
    slopes: Mapping[str, tuple[float, FloatArray]]
    scores: Scores | None = None
    no_scores: str = ""
    counts: FloatArray | None = None
    parts: Mapping[object, EventFit] = field(default_factory=dict)
    split_by: str = ""
    rounding: float = 0.0
    trend: Callable[[], FloatArray] | None = None

    @property
    def horizons(self) -> FloatArray:
        """Event times of the coefficients, ascending."""
        return self.params.index.to_numpy(dtype=float)

    @property
    def estimated(self) -> pd.Index:
        """Horizons with an estimate and an error: neither reference nor missing."""
        here = self.params.notna().to_numpy() & np.isfinite(np.diag(self.cov.to_numpy()))
        return self.params.index[here & ~self.params.index.isin(self.reference)]

    @property
    def leads(self) -> pd.Index:
        """Estimated horizons before the event and its anticipation."""
        return self.estimated[self.estimated < -self.anticipation]

    @property
    def lags(self) -> pd.Index:
        """Estimated horizons from the event's week on."""
        return self.estimated[self.estimated >= 0]

    @property
    def band_df(self) -> float:
        """Degrees of freedom of bands and joint tests: clusters less one, or the estimator's own if smaller."""
        return min(self.df, float(self.small.groups(self.clustering) - 1))

    @property
    def week_scores(self) -> FloatArray | None:
        """Influence of weeks on ``params``, shape (T, K); None where estimators are saturated in cohort and week."""
        return None if self.scores is None else np.asarray(self.scores().sum(axis=0))

    @property
    def support(self) -> pd.DataFrame:
        """Cohorts, treated regions, fewest controls and whether that is thin, by horizon."""
        parts = [self._counted_support(), self._cell_support()]
        found = [part for part in parts if len(part)] or parts[:1]
        return pd.concat(found).sort_index()

    def _counted_support(self) -> pd.DataFrame:
        """Give the support of horizons that do not come from cells."""
        counts = np.zeros((len(self.params), 3)) if self.counts is None else self.counts
        live = counts[:, 0] > 0
        table = pd.DataFrame(counts[live], columns=["cohorts", "treated", "controls"], index=self.params.index[live])
        return table.astype({"cohorts": int}).assign(thin=self.rule.thin(counts[live, 0], counts[live, 2]))

    def _cell_support(self) -> pd.DataFrame:
        """Give the support of horizons that average cells."""
        columns = ["cohorts", "treated", "controls", "thin"]
        if self.cells is None:
            return pd.DataFrame(columns=columns, index=pd.Index([], name="horizon"))
        use = ~np.isnan(self.shown) & self.cells.estimated
        horizons, where = np.unique(self.shown[use], return_inverse=True)
        cohort, seen = self.cells.cohort[use], self.cells.n_treated[use]
        starts = self.cells.starts[cohort]
        cohorts = np.bincount(np.unique(np.column_stack([where, starts]), axis=0)[:, 0].astype(np.int64)).astype(float)
        own, place = np.unique(np.column_stack([where, cohort]), axis=0, return_inverse=True)
        most = np.zeros(len(own))  # a region counts once, however many of its weeks an end of the window pools
        np.maximum.at(most, place.ravel(), seen)
        controls = np.full(horizons.size, np.inf)
        np.minimum.at(controls, where, self.cells.n_control[use])
        values = [cohorts.astype(int), np.bincount(own[:, 0], most), controls]
        named = dict(zip(columns, [*values, self.rule.thin(cohorts, controls)], strict=True))
        return pd.DataFrame(named, index=pd.Index(horizons.astype(int), name="horizon"))

    @property
    def covariates(self) -> pd.DataFrame:
        """Estimate and standard error of covariates, where a regression reports them; NaN where absorbed."""
        weeks = self.clustering.kind == "week"  # slopes have no influence by week
        rows = {}
        for name, (value, influence) in self.slopes.items():
            variance = np.nan if weeks else self.rows_covariance(influence[:, None], rounding=0.0)[0, 0]
            rows[name] = value, float(np.sqrt(variance))
        table = pd.DataFrame.from_dict(rows, orient="index", columns=["estimate", "std_error"])
        return table.mask(table["estimate"].isna())

    def rows_covariance(
        self, rows: FloatArray, *, fixed: BoolArray | None = None, rounding: float | None = None
    ) -> FloatArray:
        """Give the covariance of weighted sums of cells from the influence of regions on them.

        Parameters
        ----------
        rows
            Shape (N, J).
        fixed
            Sums that are zero by construction, shape (J,); none by default.
        rounding
            Variance below which nothing is left to judge by, so it is NaN; that of effects by default.
        """
        if self.clustering.kind == "week":
            msg = "Averages of cells have no influence by week: read horizons, or cluster by groups of regions."
            raise IdentificationError(msg)
        cov = float(self.cells_small.factor(self.clustering)[0]) * self.clustering.covariance(rows)
        groups = self.cells_small.groups_by_coefficient(self.clustering)[:1]
        zero = np.zeros(len(cov), dtype=bool) if fixed is None else fixed
        return judged_covariance(cov, groups, self.rounding if rounding is None else rounding, zero)

    def scaled_influence(self) -> FloatArray:
        """Give the influence of regions with the small-sample factor in it, shape (N, K)."""
        return np.asarray(np.sqrt(self.small.factor(self.clustering)) * self.influence)

    def group_time(self) -> pd.DataFrame:
        """Give the effect, error, size and controls of every cohort and week.

        Raises
        ------
        IdentificationError
            If the estimator has no group-time effects.
        """
        cells = self.needed_cells()
        here = np.flatnonzero(cells.estimated)
        pick = np.zeros((cells.effect.size, here.size))
        pick[here, np.arange(here.size)] = 1.0
        std_error = np.full(cells.effect.size, np.nan)
        std_error[here] = np.sqrt(np.diag(self.rows_covariance(cells.influence.combine(pick))))
        std_error[cells.reference] = np.nan
        return pd.DataFrame(
            {
                "cohort": [self.cohort_labels[c] for c in cells.cohort],
                "week": self.week_labels[cells.period],
                "horizon": cells.horizon.astype(int),
                "estimate": cells.effect,
                "std_error": std_error,
                "treated": cells.n_treated,
                "controls": cells.n_control,
                "reason": cells.reason,
            }
        )

    def needed_cells(self) -> CellEstimates:
        """Return the group-time effects or say that there are none."""
        if self.cells is None:
            msg = f"'{self.estimator}' has no effects by cohort and week, only by horizon."
            raise IdentificationError(msg)
        return self.cells

    def bands(
        self,
        level: float = 0.95,
        *,
        method: Literal["plug-in", "multiplier"] = "plug-in",
        draws: int = 9999,
        seed: int = 0,
        horizons: Sequence[int] | pd.Index | None = None,
    ) -> pd.DataFrame:
        """Put pointwise intervals and a simultaneous (sup-t) band side by side.

        Parameters
        ----------
        level
            Coverage of each interval, and of the whole band.
        method
            "plug-in" draws from a t vector with the estimated correlation; "multiplier" bootstraps clusters with
            Rademacher weights, whose errors are scaled interquartile ranges as in R did.
        draws, seed
            Number of draws and their seed.
        horizons
            Horizons that the band covers together, for example ``study.leads``; all by default.

        Returns
        -------
        pandas.DataFrame
            estimate, std_error, low, high, band_low, band_high by horizon; ``attrs["critical_value"]``.

        Raises
        ------
        IdentificationError
            If all observations are in one cluster, or signs are to be drawn for clusters in two dimensions or for
            dyads, where no single sign exists.

        Notes
        -----
        Both use t with ``band_df`` degrees of freedom: with 31 clusters, normal bands cover too rarely. ``conf_int``
        keeps the tails of the estimator's own convention.
        """
        how = BandDraws(method, draws, seed)
        wanted = self.params.index if horizons is None else pd.Index(horizons, name="horizon")
        unknown = wanted.difference(self.params.index)
        if len(unknown):
            msg = f"bands(horizons=...) names horizons that are not there: {name_few(unknown)}."
            raise DataError(msg)
        place = self.params.index.get_indexer(wanted)
        sums = cluster_sums(self.scaled_influence()[:, place], one_way(self.clustering)) if how.signs else None
        live = wanted.isin(self.estimated)
        cov = self.cov.iloc[place, place]
        return simultaneous_band(self.params.iloc[place], cov, self.band_df, sums, level=level, how=how, live=live)

    def summary(self) -> str:
        """Write the summary of the estimate and the support of every horizon."""
        text = super().summary().replace("EventStudy:", f"EventStudy ({self.estimator}):", 1)
        support = self.support
        lost = [f"  NA at {h}: {why}" for h, why in self.reasons.items()]
        if not len(support):
            return "\n".join([text, *lost])
        table = support.assign(thin=support["thin"].map({True: "thin", False: ""}))
        counted = table.astype(dict.fromkeys(("cohorts", "treated", "controls"), int)).to_string()
        return "\n".join([text, *lost, "  support by horizon (event weeks, events, fewest controls):", counted])


def one_way(clustering: Clustering) -> IntArray | None:
    """Return the codes of clusters that may be given one random sign each."""
    if clustering.kind != "one-way":
        msg = (
            f"A multiplier bootstrap draws one sign per cluster, and with errors that are {clustering.kind} "
            f"({clustering.name}) no single sign exists: use method='plug-in', or one dimension."
        )
        raise IdentificationError(msg)
    return clustering.first
