"""The two-way fixed-effects event study, with the warning it deserves and the weights that explain it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from panelcoop.errors import IdentificationError, PanelcoopWarning
from panelcoop.estimate.event_study.cells import EventFit, absorbed_notes
from panelcoop.estimate.event_study.design import EventDesign, event_design
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.sun_abraham import clustered_factor
from panelcoop.numerics.event_study.bacon import bacon_parts
from panelcoop.numerics.event_study.cohort_cells import CohortMap, cohort_panel, influence_rows
from panelcoop.numerics.event_study.imputation import masked_regression
from panelcoop.numerics.event_study.two_way_cells import cell_system, residual
from panelcoop.options import BoolArray, FloatArray
from panelcoop.panel.record import Panel, as_panel

__all__ = ["Bacon", "TwoWay", "bacon_decomposition", "two_way_fit", "two_way_weights"]

KINDS = ("earlier_vs_later", "later_vs_earlier", "treated_vs_untreated", "later_vs_always")


@dataclass(frozen=True)
class TwoWay:
    """Options of the two-way fixed-effects event study.

    Attributes
    ----------
    small_sample
        Whether covariances carry fixest's factor.
    """

    small_sample: bool = True


def two_way_fit(design: EventDesign, options: TwoWay) -> tuple[EventDesign, EventFit]:
    """Regress on horizon dummies with region and week effects.

    Warns
    -----
    PanelcoopWarning
        With several cohorts: each coefficient then mixes effects of other cohorts and horizons, some with negative
        weight (Sun and Abraham 2021).

    Notes
    -----
    The reference is the last week before the event and its anticipation; without never-treated regions the earliest
    horizon is fixed at zero too, because a linear trend in event time is not identified otherwise. Horizons outside
    the window are pooled into its ends, or their rows left out.
    """
    if np.unique(design.starts[np.isfinite(design.starts)]).size > 1:
        warnings.warn(
            "two-way fixed effects with staggered events mix cohorts, some with negative weight: compare with "
            "'callaway-santanna', 'sun-abraham' or 'imputation', and see bacon_decomposition and two_way_weights",
            PanelcoopWarning,
            stacklevel=4,
        )
    horizon = np.where(np.isfinite(design.starts)[:, None], design.horizons, np.nan)
    mask = design.observed
    window = design.events.window
    if window is not None and design.events.ends == "dropped":
        mask = mask & ~((horizon < -window[0]) | (horizon > window[1]))
    elif window is not None:
        horizon = np.clip(horizon, -window[0], window[1])
    every = np.unique(horizon[mask & ~np.isnan(horizon)])
    reference = _references(design, every)
    shown = every[~np.isin(every, reference)]
    estimates, rows, by_week, extra, rank = _regress(design, horizon, mask, shown)
    horizons = np.sort(np.concatenate([shown, reference]))
    place = np.searchsorted(horizons, shown)
    full, influence = np.zeros(horizons.size), np.zeros((len(rows), horizons.size))
    full[place], influence[:, place] = estimates, rows
    week_scores = np.zeros((design.times.size, horizons.size))
    week_scores[:, place] = by_week
    factor, df = clustered_factor(design, rank, small_sample=options.small_sample)
    lost = horizons[np.isnan(full)]
    return design, EventFit(
        horizons=horizons,
        estimates=full,
        influence=influence,
        reference=tuple(int(h) for h in reference),
        base_period="universal",
        cells=None,
        factor=factor,
        df=df,
        nobs=int(mask.sum()),
        convention=f"CRV1 by {design.cluster_name}, t({df:g})",
        notes=absorbed_notes(extra),
        extra=extra,
        week_scores=week_scores,
        reasons={int(h): "collinear with the effects and other horizons" for h in lost},
    )


def _references(design: EventDesign, every: FloatArray) -> FloatArray:
    before = every[every < -design.anticipation]
    if not before.size:
        msg = "No week before an event is observed, so no horizon can serve as reference."
        raise IdentificationError(msg)
    fixed = {float(before[-1])}
    if np.isfinite(design.starts).all():
        fixed.add(float(every[0]))
    return np.array(sorted(fixed))


def _regress(
    design: EventDesign, horizon: FloatArray, mask: BoolArray, shown: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, dict[str, tuple[float, FloatArray]], int]:
    if design.simple and mask.all():
        return _regress_means(design, horizon, shown)
    dummies = (horizon[:, :, None] == shown).astype(float)
    columns = np.concatenate([dummies, design.covariates], axis=2)
    outcome = np.where(mask, np.nan_to_num(design.outcome), 0.0)
    system = cell_system(np.ones(len(outcome)), mask)
    fit = masked_regression(system, outcome, columns)
    error = np.where(mask, outcome - fit.fitted, 0.0)
    rows = np.matmul(error[:, None, :], fit.slope)[:, 0, :]
    K = shown.size
    extra = {name: (float(fit.coefficients[K + p]), rows[:, K + p]) for p, name in enumerate(design.covariate_names)}
    by_week = np.einsum("nt,ntk->tk", error, fit.slope[:, :, :K])
    return fit.coefficients[:K], rows[:, :K], by_week, extra, fit.rank


def _regress_means(
    design: EventDesign, horizon: FloatArray, shown: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, dict[str, tuple[float, FloatArray]], int]:
    """Do the same on cohort means: the dummies are constant within cohort and week."""
    cohorts = design.cohorts
    panel = cohort_panel(design.outcome, cohorts.of_unit, cohorts.starts, design.times)
    first = np.unique(cohorts.of_unit, return_index=True)[1]
    dummies = (horizon[first][:, :, None] == shown).astype(float)
    system = cell_system(panel.counts, np.ones(panel.means.shape, dtype=bool))
    fit = masked_regression(system, panel.means, dummies)
    shift = np.matmul(fit.fitted[:, None, :], fit.slope)[:, 0, :]
    error = (panel.means - fit.fitted) * panel.counts[:, None]
    by_week = np.einsum("ct,ctk->tk", error, fit.slope)
    return fit.coefficients, influence_rows(panel, CohortMap(fit.slope, shift)), by_week, {}, fit.rank


@dataclass(frozen=True)
class Bacon:
    """The two-way estimate taken apart.

    Attributes
    ----------
    pairs
        Every two-by-two comparison: treated and control cohort, kind, weight, estimate.
    kinds
        Weight and average estimate by kind.
    estimate
        The two-way estimate: the weighted sum.
    """

    pairs: pd.DataFrame
    kinds: pd.DataFrame
    estimate: float


def bacon_decomposition(panel: Panel | pd.DataFrame, events: Events, *, outcome: str) -> Bacon:
    """Decompose the static two-way estimate into its two-by-two comparisons (Goodman-Bacon 2021).

    Parameters
    ----------
    panel
        A balanced panel.
    events
        Absorbing events.
    outcome
        Column to explain.

    Raises
    ------
    IdentificationError
        If the panel is not balanced or no cohort changes status.

    Examples
    --------
    >>> from panelcoop.estimate.event_study.teaching import staggered_example
    >>> panel, events = staggered_example()
    >>> bacon = bacon_decomposition(panel, events, outcome="y")
    >>> sorted(bacon.kinds.index), round(float(bacon.pairs["weight"].sum()), 6)
    (['earlier_vs_later', 'later_vs_earlier', 'treated_vs_untreated'], 1.0)
    """
    design = event_design(as_panel(panel), events, outcome=outcome)
    if not design.balanced:
        msg = "The decomposition needs a balanced panel; drop incomplete regions first."
        raise IdentificationError(msg)
    starts = np.where(design.starts > design.times[-1], np.inf, design.starts)
    starts = np.where(starts <= design.times[0], design.times[0], starts)
    levels, cohort = np.unique(starts, return_inverse=True)
    counts = np.bincount(cohort).astype(float)
    means = np.array([design.outcome[cohort == c].mean(axis=0) for c in range(levels.size)])
    if not ((levels > design.times[0]) & np.isfinite(levels)).any():
        msg = "No region changes status inside the panel."
        raise IdentificationError(msg)
    parts = bacon_parts(counts, means, levels, design.times)
    labels = [design.label(s) for s in levels]
    pairs = pd.DataFrame(
        {
            "treated": [labels[k] for k in parts.treated],
            "control": [labels[k] for k in parts.control],
            "kind": [KINDS[k] for k in parts.kind],
            "weight": parts.weight,
            "estimate": parts.estimate,
        }
    )
    product = (pairs["weight"] * pairs["estimate"]).groupby(pairs["kind"]).sum()
    weight = pairs.groupby("kind")["weight"].sum()
    kinds = pd.DataFrame({"weight": weight, "estimate": product / weight})
    return Bacon(pairs, kinds, float(product.sum()))


def two_way_weights(panel: Panel | pd.DataFrame, events: Events, *, outcome: str) -> pd.DataFrame:
    """Report the weight that the static two-way estimate gives each treated cohort and week.

    Returns
    -------
    pandas.DataFrame
        cohort, week, treated, weight (sums to one; negative ones can flip the sign of the estimate);
        ``attrs["negative"]`` is the sum of negative weights, ``attrs["share_negative"]`` the share of cells.

    Notes
    -----
    Weights are residuals of the treatment dummy on region and week effects (de Chaisemartin and D'Haultfoeuille 2020).

    Examples
    --------
    >>> from panelcoop.estimate.event_study.teaching import staggered_example
    >>> panel, events = staggered_example()
    >>> round(float(two_way_weights(panel, events, outcome="y")["weight"].sum()), 6)
    1.0
    """
    design = event_design(as_panel(panel), events, outcome=outcome)
    treated = (design.times[None, :] >= design.starts[:, None]) & design.observed
    if not treated.any() or treated[design.observed].all():
        msg = "Weights need treated and untreated region-weeks."
        raise IdentificationError(msg)
    system = cell_system(np.ones(len(treated)), design.observed)
    left = residual(system, treated.astype(float)[:, :, None])[:, :, 0]
    unit, week = np.nonzero(treated)
    table = pd.DataFrame(
        {
            "cohort": [design.label(s) for s in design.starts[unit]],
            "week": design.weeks[week],
            "treated": 1,
            "weight": left[unit, week] / left[unit, week].sum(),
        }
    )
    out = table.groupby(["cohort", "week"], as_index=False, sort=False)[["treated", "weight"]].sum()
    negative = out["weight"] < 0
    out.attrs = {"negative": float(out.loc[negative, "weight"].sum()), "share_negative": float(negative.mean())}
    return out
