"""What the static two-way estimate is made of: its two-by-two comparisons and the weights of its cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from panelcoop.errors import IdentificationError
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.make_design import Columns, event_design
from panelcoop.numerics.event_study.bacon import bacon_parts
from panelcoop.numerics.event_study.two_way_cells import cell_system, residual
from panelcoop.panel.record import Panel, as_panel

__all__ = ["Bacon", "bacon_decomposition", "two_way_weights"]

KINDS = ("earlier_vs_later", "later_vs_earlier", "treated_vs_untreated", "later_vs_always")


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
        Absorbing events; regions treated from the first week on are one more group of controls.
    outcome
        Column to explain.

    Raises
    ------
    IdentificationError
        If events are repeated or switching, the panel is not balanced (as R bacondecomp refuses) or no cohort changes
        status.

    Examples
    --------
    >>> from panelcoop.estimate.event_study.teaching import staggered_example
    >>> panel, events = staggered_example()
    >>> bacon = bacon_decomposition(panel, events, outcome="y")
    >>> sorted(bacon.kinds.index), round(float(bacon.pairs["weight"].sum()), 6)
    (['earlier_vs_later', 'later_vs_earlier', 'treated_vs_untreated'], 1.0)
    """
    _fail_if_not_absorbing(events)
    design = event_design(as_panel(panel), events, Columns(outcome))
    if not design.balanced:
        short = int((~design.observed.all(axis=1)).sum())
        msg = (
            f"The decomposition needs a balanced panel: its weights are shares of regions and weeks, and {short} "
            "regions are not observed in every week. Drop them first, or see two_way_weights, which takes any balance."
        )
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

    Raises
    ------
    IdentificationError
        If events are repeated or switching, or no region-week is treated or none is untreated.

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
    _fail_if_not_absorbing(events)
    design = event_design(as_panel(panel), events, Columns(outcome))
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


def _fail_if_not_absorbing(events: Events) -> None:
    if events.kind != "absorbing":
        msg = f"The static two-way estimate is of absorbing events; for {events.kind} events use estimator='lp-did'."
        raise IdentificationError(msg)
