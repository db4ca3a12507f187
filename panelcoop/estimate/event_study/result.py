"""What an event study is: coefficients by horizon with everything needed to question them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from panelcoop.checks import name_few
from panelcoop.errors import IdentificationError
from panelcoop.estimate.event_study.bands import BandDraws, simultaneous_band
from panelcoop.estimate.event_study.cells import CellEstimates, EventFit, clip_horizons
from panelcoop.estimate.event_study.design import EventDesign
from panelcoop.estimate.event_study.support import SupportRule
from panelcoop.numerics.event_study.influence import cluster_sums, dyadic_covariance, influence_covariance
from panelcoop.options import FloatArray, IntArray
from panelcoop.results import Estimate

__all__ = ["EventStudy", "event_study_result"]


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
        Influence of regions on ``params`` in the sum form, shape (N, K).
    regions
        Labels of its rows.
    clusters
        Cluster codes of regions, or None for regions themselves.
    factor
        Small-sample factor contained in ``cov``.
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
    rule
        Support that effects need.
    slopes
        Coefficient and influence of covariates, for regressions that report them.
    week_scores
        Influence of weeks on ``params``, shape (T, K); None where estimators are saturated in cohort and week.
    counts
        Event weeks, events and fewest controls by horizon, shape (K, 3), where there are no cells.
    """

    estimator: str
    reference: tuple[int, ...]
    base_period: str
    anticipation: int
    influence: FloatArray
    regions: pd.Index
    clusters: IntArray | None
    factor: float
    cells: CellEstimates | None
    cohort_labels: tuple[object, ...]
    week_labels: pd.Index
    stage_labels: tuple[object, ...]
    reasons: dict[int, str]
    shown: FloatArray
    rule: SupportRule
    slopes: Mapping[str, tuple[float, FloatArray]]
    week_scores: FloatArray | None = None
    counts: FloatArray | None = None
    split_by: str = ""

    @property
    def horizons(self) -> FloatArray:
        """Event times of the coefficients, ascending."""
        return self.params.index.to_numpy(dtype=float)

    @property
    def estimated(self) -> pd.Index:
        """Horizons with an estimate and an error: neither reference nor missing."""
        here = self.params.notna() & ~self.params.index.isin(self.reference)
        return self.params.index[here]

    @property
    def pooled(self) -> tuple[int, ...]:
        """Ends of the window that also average the horizons beyond them."""
        return () if self.cells is None else pooled_ends(self.cells, self.shown)

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
        G = len(self.influence) if self.clusters is None else int(np.unique(self.clusters).size)
        return min(self.df, float(G - 1))

    @property
    def support(self) -> pd.DataFrame:
        """Cohorts, treated regions, fewest controls and whether that is thin, by horizon."""
        columns = ["cohorts", "treated", "controls", "thin"]
        if self.cells is None:
            if self.counts is None:
                return pd.DataFrame(columns=columns, index=pd.Index([], name="horizon"))
            live = self.counts[:, 0] > 0
            table = pd.DataFrame(self.counts[live], columns=columns[:3], index=self.params.index[live])
            return table.assign(thin=self.rule.thin(self.counts[live, 0], self.counts[live, 2]))
        use = ~np.isnan(self.shown) & self.cells.estimated
        horizons, where = np.unique(self.shown[use], return_inverse=True)
        cohorts = np.bincount(where).astype(float)
        controls = np.full(horizons.size, np.inf)
        np.minimum.at(controls, where, self.cells.n_control[use])
        values = [cohorts.astype(int), np.bincount(where, self.cells.n_treated[use]), controls]
        named = dict(zip(columns, [*values, self.rule.thin(cohorts, controls)], strict=True))
        return pd.DataFrame(named, index=pd.Index(horizons.astype(int), name="horizon"))

    @property
    def covariates(self) -> pd.DataFrame:
        """Estimate and standard error of covariates, where a regression reports them; NaN where absorbed."""
        rows = {
            name: (value, np.sqrt(self.factor * (cluster_sums(influence[:, None], self.clusters) ** 2).sum()))
            for name, (value, influence) in self.slopes.items()
        }
        table = pd.DataFrame.from_dict(rows, orient="index", columns=["estimate", "std_error"])
        return table.mask(table["estimate"].isna())

    def cluster_influence(self) -> FloatArray:
        """Sum the influence of regions by cluster, shape (G, K)."""
        return cluster_sums(self.influence, self.clusters)

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
        sums = cluster_sums(cells.influence.combine(pick), self.clusters)
        std_error = np.full(cells.effect.size, np.nan)
        std_error[here] = np.sqrt(self.factor * (sums**2).sum(axis=0))
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

        Returns
        -------
        pandas.DataFrame
            estimate, std_error, low, high, band_low, band_high by horizon; ``attrs["critical_value"]``.

        Notes
        -----
        Both use t with ``band_df`` degrees of freedom: with 31 clusters, normal bands cover too rarely. ``conf_int``
        keeps the tails of the estimator's own convention.
        """
        sums = np.sqrt(self.factor) * self.cluster_influence()
        return simultaneous_band(
            self.params, self.cov, self.band_df, sums, level=level, how=BandDraws(method, draws, seed)
        )

    def summary(self) -> str:
        """Write the summary of the estimate and the support of every horizon."""
        text = super().summary()
        support = self.support
        thin = list(support.index[support["thin"].astype(bool)]) if len(support) else []
        more = [f"  thin support at horizons {', '.join(map(str, thin))}; see support"] if len(thin) else []
        lost = [f"  NA at {h}: {why}" for h, why in self.reasons.items()]
        return "\n".join([text.replace("EventStudy:", f"EventStudy ({self.estimator}):", 1), *lost, *more])


def event_study_result(design: EventDesign, fit: EventFit, estimator: str) -> EventStudy:
    """Label a fit."""
    names = [int(h) for h in fit.horizons]
    index = pd.Index(names, name="horizon")
    rows = fit.influence
    cov = _covariance(design, fit)
    shown = np.zeros(0)
    if fit.cells is not None:
        label, keep = clip_horizons(fit.cells.horizon, design.events.window, design.events.ends)
        shown = np.where(keep, label, np.nan)
    starts = fit.cells.starts if fit.cells is not None else design.cohorts.starts
    return EventStudy(
        params=pd.Series(fit.estimates, index=index, name="estimate"),
        cov=pd.DataFrame(cov, index=index, columns=index),
        df=fit.df,
        nobs=fit.nobs,
        outcome=design.outcome_name,
        convention=fit.convention,
        effects="region, week",
        n_regions=len(design.regions),
        n_weeks=len(design.weeks),
        dropped=design.dropped,
        notes=fit.notes + _pooled_note(fit.cells, shown),
        estimator=estimator,
        reference=fit.reference,
        base_period=fit.base_period,
        anticipation=design.anticipation,
        influence=rows,
        regions=design.regions,
        clusters=design.cluster,
        factor=fit.factor,
        cells=fit.cells,
        cohort_labels=tuple(design.label(s) for s in starts),
        week_labels=design.weeks,
        stage_labels=design.split_labels,
        reasons=fit.reasons,
        shown=shown,
        rule=design.support,
        slopes=fit.extra,
        week_scores=fit.week_scores,
        counts=fit.counts,
        split_by=design.split_by,
    )


def pooled_ends(cells: CellEstimates, shown: FloatArray) -> tuple[int, ...]:
    """List the horizons in which cells of other horizons are shown."""
    beyond = (shown != cells.horizon) & ~np.isnan(shown) & cells.estimated
    return tuple(sorted({int(h) for h in shown[beyond]}))


def _pooled_note(cells: CellEstimates | None, shown: FloatArray) -> tuple[str, ...]:
    ends = () if cells is None else pooled_ends(cells, shown)
    return (f"horizons beyond the window are pooled into its ends: {name_few(ends)}",) if ends else ()


def _covariance(design: EventDesign, fit: EventFit) -> FloatArray:
    if fit.dyads is not None:
        cov = fit.factor * dyadic_covariance(fit.influence, *fit.dyads)
    else:
        cov = fit.factor * influence_covariance(cluster_sums(fit.influence, design.cluster))
    blank = np.isnan(fit.estimates)
    cov[blank, :] = np.nan
    cov[:, blank] = np.nan
    return cov
