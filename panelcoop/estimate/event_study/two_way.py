"""The two-way fixed-effects event study, with the warning it deserves."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import partial

import numpy as np

from panelcoop.checks import name_few
from panelcoop.errors import DataError, IdentificationError, PanelcoopWarning
from panelcoop.estimate.event_study.cells import EventFit, absorbed_notes, clip_horizons
from panelcoop.estimate.event_study.design import EventDesign
from panelcoop.estimate.event_study.horizons import supported
from panelcoop.estimate.event_study.sun_abraham import clustered_factor
from panelcoop.estimate.event_study.support import count_support
from panelcoop.numerics.event_study.clustering import SmallSample
from panelcoop.numerics.event_study.cohort_cells import CohortMap, cohort_panel, influence_rows
from panelcoop.numerics.event_study.imputation import MaskedRegression, masked_regression
from panelcoop.numerics.event_study.two_way_cells import cell_system
from panelcoop.options import BoolArray, FloatArray

__all__ = ["TwoWay", "two_way_fit"]


@dataclass(frozen=True)
class TwoWay:
    """Options of the two-way fixed-effects event study.

    Attributes
    ----------
    small_sample
        Whether covariances carry fixest's factor.
    reference
        Horizons fixed at zero, for example (-1, -2, -3); the last week before the event and its anticipation by
        default. Ends of the window that pool others may be among them.
    """

    small_sample: bool = True
    reference: tuple[int, ...] | None = None


def two_way_fit(design: EventDesign, options: TwoWay) -> tuple[EventDesign, EventFit]:
    """Regress on horizon dummies with region and week effects.

    Raises
    ------
    IdentificationError
        If no week before an event is observed.
    DataError
        If a chosen reference is not observed.

    Warns
    -----
    PanelcoopWarning
        With several cohorts: each coefficient then mixes effects of other cohorts and horizons, some with negative
        weight (Sun and Abraham 2021).

    Notes
    -----
    The reference is the last week before the event and its anticipation, unless others are chosen; without
    never-treated regions a second horizon, the earliest by default, is fixed at zero too, because a linear trend in
    event time is not identified otherwise. Horizons outside
    the window are pooled into its ends, or their rows left out. Support counts, by horizon, event weeks, treated
    regions and fewest regions not yet treated.
    """
    if np.unique(design.starts[np.isfinite(design.starts)]).size > 1:
        warnings.warn(
            "two-way fixed effects with staggered events mix cohorts, some with negative weight: compare with "
            "'callaway-santanna', 'sun-abraham' or 'imputation', and see bacon_decomposition and two_way_weights",
            PanelcoopWarning,
            stacklevel=4,
        )
    raw = np.where(np.isfinite(design.starts)[:, None], design.horizons, np.nan)
    horizon, inside = clip_horizons(raw, design.events.window, design.events.ends)
    mask = design.observed & (inside | np.isnan(raw))
    every = np.unique(horizon[mask & ~np.isnan(horizon)])
    reference = _references(design, every, options.reference)
    shown = every[~np.isin(every, reference)]
    found = _regress(design, horizon, mask, shown)
    place = np.searchsorted(every, shown)
    estimates, influence = np.zeros(every.size), np.zeros((len(found.rows), every.size))
    estimates[place], influence[:, place] = found.estimates, found.rows
    lost = every[np.isnan(estimates)]
    fit = EventFit(
        horizons=every,
        estimates=estimates,
        influence=influence,
        reference=tuple(int(h) for h in reference),
        base_period="universal",
        cells=None,
        small=found.factor(options),
        cells_small=found.factor(options),
        t_tails=True,
        nobs=int(mask.sum()),
        convention="CRV1 by {cluster}, t({df})",
        notes=absorbed_notes(found.extra),
        extra=found.extra,
        scores=partial(_scores, design, horizon, mask, (every, shown)),
        reasons={int(h): "collinear with the effects and other horizons" for h in lost},
        counts=_support(design, np.where(mask, horizon, np.nan), every),
        pooled=tuple(int(h) for h in np.unique(horizon[mask & (horizon != raw) & ~np.isnan(raw)])),
        dropped=_outside(design, mask),
    )
    return design, supported(design, fit)


def _outside(design: EventDesign, mask: BoolArray) -> dict[str, int]:
    gone = int((design.observed & ~mask).sum())
    return {"outside the window, whose ends are dropped": gone} if gone else {}


def _support(design: EventDesign, label: FloatArray, horizons: FloatArray) -> FloatArray:
    waiting = ~np.isnan(design.outcome) & (design.times[None, :] < design.starts[:, None] - design.anticipation)
    return count_support(label, design.starts, waiting, horizons)


def _references(design: EventDesign, every: FloatArray, asked: tuple[int, ...] | None) -> FloatArray:
    """Give the horizons fixed at zero."""
    before = every[every < -design.anticipation]
    if not before.size:
        msg = "No week before an event is observed, so no horizon can serve as reference."
        raise IdentificationError(msg)
    fixed = {float(before[-1])} if asked is None else {float(h) for h in asked}
    unseen = sorted(int(h) for h in fixed if h not in every)
    if unseen or not fixed:
        msg = f"TwoWay(reference=...) names no observed horizon in {name_few(unseen)}; horizons are {name_few(every)}."
        raise DataError(msg)
    if np.isfinite(design.starts).all() and len(fixed) == 1:
        fixed.add(float(every[0] if every[0] not in fixed else every[-1]))
    return np.array(sorted(fixed))


@dataclass(frozen=True)
class _Regression:
    estimates: FloatArray
    rows: FloatArray
    extra: dict[str, tuple[float, FloatArray]]
    rank: int
    mask: BoolArray

    def factor(self, options: TwoWay) -> SmallSample:
        return clustered_factor(self.mask, self.rank, small_sample=options.small_sample)


def _regress(design: EventDesign, horizon: FloatArray, mask: BoolArray, shown: FloatArray) -> _Regression:
    if design.simple and mask.all():
        return _regress_means(design, horizon, mask, shown)
    fit, error = _by_region(design, horizon, mask, shown)
    rows = design.unit_weights[:, None] * np.matmul(error[:, None, :], fit.slope)[:, 0, :]
    K = shown.size
    extra = {name: (float(fit.coefficients[K + p]), rows[:, K + p]) for p, name in enumerate(design.covariate_names)}
    return _Regression(fit.coefficients[:K], rows[:, :K], extra, fit.rank, mask)


def _by_region(
    design: EventDesign, horizon: FloatArray, mask: BoolArray, shown: FloatArray
) -> tuple[MaskedRegression, FloatArray]:
    dummies = (horizon[:, :, None] == shown).astype(float)
    columns = np.concatenate([dummies, design.covariates], axis=2)
    outcome = np.where(mask, np.nan_to_num(design.outcome), 0.0)
    fit = masked_regression(cell_system(design.unit_weights, mask), outcome, columns)
    return fit, np.where(mask, outcome - fit.fitted, 0.0)


def _scores(
    design: EventDesign, horizon: FloatArray, mask: BoolArray, horizons: tuple[FloatArray, FloatArray]
) -> FloatArray:
    """Give the influence of every region and week, shape (N, T, K)."""
    every, shown = horizons
    fit, error = _by_region(design, horizon, mask, shown)
    out = np.zeros((*mask.shape, every.size))
    heavy = error * design.unit_weights[:, None]
    out[:, :, np.searchsorted(every, shown)] = heavy[:, :, None] * fit.slope[:, :, : shown.size]
    return out


def _regress_means(design: EventDesign, horizon: FloatArray, mask: BoolArray, shown: FloatArray) -> _Regression:
    """Do the same on cohort means: the dummies are constant within cohort and week."""
    cohorts = design.cohorts
    panel = cohort_panel(design.outcome, cohorts.of_unit, cohorts.starts, design.times, design.weights)
    first = np.unique(cohorts.of_unit, return_index=True)[1]
    dummies = (horizon[first][:, :, None] == shown).astype(float)
    system = cell_system(panel.counts, np.ones(panel.means.shape, dtype=bool))
    fit = masked_regression(system, panel.means, dummies)
    shift = np.matmul(fit.fitted[:, None, :], fit.slope)[:, 0, :]
    return _Regression(fit.coefficients, influence_rows(panel, CohortMap(fit.slope, shift)), {}, fit.rank, mask)
