"""A fitted panel regression with its arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from panelcoop.errors import DataError
from panelcoop.estimate.design import PanelArrays, StageCodes
from panelcoop.estimate.identification import Term
from panelcoop.numerics.regression.design import Taken
from panelcoop.numerics.regression.least_squares import LinearFit, least_squares
from panelcoop.numerics.regression.poisson import PoissonFit, poisson
from panelcoop.options import Effects, FloatArray, IntArray
from panelcoop.panel.periods import period_positions
from panelcoop.panel.record import Panel

__all__ = [
    "EFFECT_LABELS",
    "FittedModel",
    "Poisson",
    "effect_codes",
    "fit_model",
    "week_numbers",
    "week_text",
    "weeks_take_stages",
]

NAMED = 5  # rows that a note names
SOME = 4096  # rows in which most columns are seen not to be empty
EFFECT_LABELS = {
    "none": "none (an intercept)",
    "region": "region",
    "week": "week",
    "two-way": "region and week",
    "two-way+trends": "region, week and region trends",
}


@dataclass(frozen=True)
class Poisson:
    """Ask for Poisson pseudo-maximum-likelihood instead of least squares.

    Attributes
    ----------
    offset
        Column whose logarithm enters with coefficient one, such as the total number of documents; None for no offset.

    Notes
    -----
    p-values use t with the degrees of freedom of the covariance, clusters less one; other programs hold Poisson
    coefficients against the normal, which rejects more often with few clusters: see ``small_sample_rule``.
    """

    offset: str | None = None


@dataclass(frozen=True, eq=False)
class FittedModel:
    """The numbers behind an estimate.

    Attributes
    ----------
    panel
        The panel it was fitted on.
    arrays
        Complete rows.
    stored
        Design, shape (n, m), before absorption; stages that effects of weeks take whole stand behind it in ``columns``.
    linear
        The least-squares fit, or the last weighted step of the Poisson fit.
    counts
        The Poisson fit, or None.
    terms
        What each column is.
    stages
        The stage of each row.
    outcome, weights, effects
        What was asked for.
    notes
        Rows that inform nothing, sets of effects without a link, separated zeros, by their labels.
    """

    panel: Panel
    arrays: PanelArrays
    stored: FloatArray
    linear: LinearFit
    counts: PoissonFit | None
    terms: tuple[Term, ...]
    stages: StageCodes
    outcome: str
    weights: str | None
    effects: Effects
    notes: tuple[str, ...] = ()

    @cached_property
    def columns(self) -> FloatArray:
        """Design, shape (n, k), before absorption."""
        taken, door = self.linear.design.taken, self.linear.absorber
        if taken is None:
            return self.stored
        return np.hstack([self.stored, taken.levels[door.groupings[taken.effect].codes]])

    def is_empty(self, position: int) -> bool:
        """Say whether a column is zero in every row."""
        taken, stored = self.linear.design.taken, self.stored.shape[1]
        if taken is not None and position >= stored:
            return not taken.levels[:, position - stored].any()
        column = self.stored[:, position]
        return not column[:SOME].any() and not column.any()  # most end with the first rows

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the k columns."""
        return tuple(term.name for term in self.terms)

    @cached_property
    def index(self) -> pd.Index:
        """The names as an index, made once: pandas takes longer over it than a small covariance."""
        return pd.Index(self.names)

    @property
    def weight_values(self) -> FloatArray | None:
        """Weights of the rows used, shape (n,), or None."""
        return None if self.weights is None else self.arrays.numbers[self.weights]

    def r2(self, *, within: bool) -> float:
        """Share of the outcome's (weighted) variance, after or before absorption, that is explained; NaN for Poisson.

        Before absorption the effects count as explaining; after it only the columns do.
        """
        if self.counts is not None:
            return np.nan
        y, weights = self.arrays.numbers[self.outcome], self.weight_values
        left = self.linear.absorber.residualise(y) if within else y - np.average(y, weights=weights)
        total = float((left**2 if weights is None else weights * left**2).sum())
        return 1 - self.linear.rss / total if total > 0 else np.nan


def fit_model(
    panel: Panel,
    arrays: PanelArrays,
    columns: FloatArray,
    terms: Sequence[Term],
    *,
    stages: StageCodes,
    outcome: str,
    effects: Effects,
    weights: str | None = None,
    family: Poisson | None = None,
) -> FittedModel:
    """Fit least squares, or Poisson when a family is given, with absorbed effects.

    Parameters
    ----------
    panel, arrays
        The panel and its complete rows.
    columns, terms
        Design, shape (n, k), and what each column is; for least squares columns may leave out the last stages, where
        ``weeks_take_stages``.
    stages
        The stage of each row.
    outcome, weights
        Columns in ``arrays.numbers``.
    effects
        What is absorbed.
    family
        None for least squares.
    """
    names = [term.name for term in terms]
    trend = week_numbers(arrays) if effects == "two-way+trends" else None
    given: dict[str, Any] = {
        "effects": effect_codes(arrays, effects),
        "weights": None if weights is None else arrays.numbers[weights],
        "trend": trend,
        "names": names,
    }
    y, asked = arrays.numbers[outcome], (outcome, weights, effects)
    if family is None:
        taken = _taken(stages, arrays, effects) if columns.shape[1] < len(terms) else None
        fit = least_squares(y, columns, **given, taken=taken)
        notes = _effect_notes(fit, arrays)
        return FittedModel(panel, arrays, columns, fit, None, tuple(terms), stages, *asked, notes)
    offset = None if family.offset is None else _log_offset(arrays, family.offset)
    counts = poisson(y, columns, offset=offset, **given)
    notes = _separation_notes(counts, arrays)
    if len(counts.rows) < len(y):
        arrays = arrays.take(counts.rows, "separated: zeros that the effects fit perfectly")
        columns, stages = columns[counts.rows], replace(stages, codes=stages.codes[counts.rows])
    notes += _effect_notes(counts.linear, arrays)
    return FittedModel(panel, arrays, columns, counts.linear, counts, tuple(terms), stages, *asked, notes)


def weeks_take_stages(terms: Sequence[Term], stages: StageCodes, effects: Effects) -> bool:
    """Say whether the last columns are stages of a national clock, which effects of weeks take whole."""
    return effects not in {"none", "region"} and stages.national and terms[-1].kind == "stage"


def _taken(stages: StageCodes, arrays: PanelArrays, effects: Effects) -> Taken:
    """Lay the stages of a national clock out by week."""
    of_week = np.empty(len(arrays.weeks), dtype=np.int64)
    of_week[arrays.week] = stages.codes
    return Taken(np.eye(len(stages.labels))[of_week], effect=0 if effects == "week" else 1)


def _effect_notes(fit: LinearFit, arrays: PanelArrays) -> tuple[str, ...]:
    """Say by label which rows inform nothing, and into how many sets the effects fall."""
    said, door = [], fit.absorber
    if door.singletons.size:
        where = _name_rows(arrays, door.singletons)
        said.append(f"alone in a region or week, informing no coefficient, counted as row and as parameter: {where}")
    if len(door.groupings) == 2 and door.components > 1:
        said.append(f"regions and weeks fall into {door.components} sets without a link; each has its own base")
    return tuple(said)


def _separation_notes(counts: PoissonFit, arrays: PanelArrays) -> tuple[str, ...]:
    if not counts.separated.size:
        return ()
    where = _name_rows(arrays, counts.separated)
    return (f"separated zeros left out, which columns or effects predict perfectly: {where}",)


def _name_rows(arrays: PanelArrays, positions: IntArray) -> str:
    """Name the first few rows by region and week, and say how many more there are."""
    shown = [f"{region} in {week_text(week)}" for region, week in arrays.index[positions[:NAMED]]]
    more = positions.size - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")


def week_text(week: object) -> str:
    """Write the label of a week: dates without a time of day."""
    return f"{week:%Y-%m-%d}" if isinstance(week, pd.Timestamp) else str(week)


def week_numbers(arrays: PanelArrays) -> FloatArray:
    """Give each row its week as a number of periods since the first, so that a missing week leaves a gap."""
    return np.asarray(period_positions(arrays.weeks)[arrays.week])


def effect_codes(arrays: PanelArrays, effects: Effects) -> list[IntArray]:
    """Give the codes of each absorbed effect, region first."""
    wanted = {"none": (), "region": (arrays.region,), "week": (arrays.week,)}
    return list(wanted.get(effects, (arrays.region, arrays.week)))


def _log_offset(arrays: PanelArrays, name: str) -> FloatArray:
    total = arrays.numbers[name]
    if (total <= 0).any():
        msg = f"Offset '{name}' is zero or negative in {int((total <= 0).sum())} rows; set those weeks missing."
        raise DataError(msg)
    return np.asarray(np.log(total))
