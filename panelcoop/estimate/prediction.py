"""Fitted values, residuals and predictions for regions and weeks that a fit has seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing
from panelcoop.errors import DataError
from panelcoop.estimate.fitted import FittedModel
from panelcoop.numerics.regression.effect_rank import connected_sets
from panelcoop.options import BoolArray, FloatArray, IntArray
from panelcoop.panel.record import Panel

__all__ = ["fitted_values", "predicted", "residuals"]

PINNED = 1e-7  # relative part of a prediction along directions that the data leave free which rounding explains


def fitted_values(model: FittedModel) -> pd.Series:
    """Give fitted values of the rows used, effects included; means for Poisson."""
    values = _outcome(model) - model.linear.resid if model.counts is None else model.counts.mean
    return pd.Series(values, index=model.arrays.index, name=model.outcome)


def residuals(model: FittedModel) -> pd.Series:
    """Give outcome less fitted value of the rows used."""
    return pd.Series(_outcome(model) - fitted_values(model).to_numpy(), index=model.arrays.index, name="resid")


def _outcome(model: FittedModel) -> FloatArray:
    return model.arrays.numbers[model.outcome]


def predicted(model: FittedModel, panel: Panel, asked: Mapping[str, Any]) -> pd.Series:
    """Predict rows of regions and weeks that the fit has seen.

    Parameters
    ----------
    model
        The fit.
    panel
        Drivers, stage, controls and offset of the rows to predict.
    asked
        What ``stage_interaction`` was asked for.

    Returns
    -------
    pandas.Series
        NaN where a region, week or stage is new, a cell is missing, or the prediction is not identified.

    Raises
    ------
    DataError
        If a column is missing, or the fit has region trends.
    """
    if model.effects == "two-way+trends":
        raise DataError("Predictions with region trends are not offered; refit with effects='two-way', or see resid.")
    family = asked["family"]
    offset = family.offset if family is not None else None
    names = [*asked["drivers"], *asked["controls"], *([offset] if offset else [])]
    fail_if_columns_missing([*names, asked["stage"]], [str(c) for c in panel.data.columns], "The data")
    rows = _Rows(model, panel, asked["stage"])
    index = rows.columns @ model.linear.solution + rows.effects(_left_over(model))
    index[~rows.pinned()] = np.nan
    if model.counts is not None:
        index = np.exp(index + (np.log(panel.data[offset].to_numpy(dtype=float)) if offset else 0.0))
    return pd.Series(index, index=panel.data.index, name=model.outcome)


def _left_over(model: FittedModel) -> FloatArray:
    """Return (n,) what columns leave of the linear index: the effects, row by row."""
    counts = model.counts
    if counts is None:
        index = _outcome(model) - model.linear.resid
    else:
        index = np.log(counts.mean) - (0.0 if counts.offset is None else counts.offset)
    return np.asarray(index - model.columns @ model.linear.solution)


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows to predict, by the codes of a fit: -1 where it has not seen a label."""

    model: FittedModel
    panel: Panel
    stage: str

    @property
    def codes(self) -> list[IntArray]:
        """Codes of the absorbed effects, region first, shape (m,) each."""
        arrays, levels = self.model.arrays, self.panel.data.index
        both = {
            "region": arrays.regions.get_indexer(levels.get_level_values("region")),
            "week": arrays.weeks.get_indexer(levels.get_level_values("week")),
        }
        wanted = {"none": (), "region": ("region",), "week": ("week",)}.get(self.model.effects, ("region", "week"))
        return [np.asarray(both[name], dtype=np.int64) for name in wanted]

    @property
    def columns(self) -> FloatArray:
        """Columns of the design, shape (m, k); NaN where a cell is missing or a stage is new."""
        data, stages = self.panel.data, self.model.stages
        written = {label: code for code, label in enumerate(stages.labels)}
        inside = np.array([written.get(str(label), -1) for label in data[self.stage]])
        out = np.empty((len(data), len(self.model.terms)))
        for j, term in enumerate(self.model.terms):
            given = term.family in data.columns and term.kind != "stage"
            values = data[term.family].to_numpy(dtype=float, na_value=np.nan) if given else np.ones(len(data))
            out[:, j] = values * (inside == stages.labels.index(term.stage)) if term.stage else values
        out[inside < 0] = np.nan
        return out

    def effects(self, values: FloatArray) -> FloatArray:
        """Return (m,) the sum of the effects of the rows, given what they add up to in the rows of the fit (n,)."""
        door = self.model.linear.absorber
        return _summed([table[:, 0] for table in door.tables(values[:, None]).levels], self.codes, len(self.panel.data))

    def pinned(self) -> BoolArray:
        """Say which predictions no direction moves that the data leave free."""
        linear, columns = self.model.linear, self.columns
        free = linear.null_space / np.maximum(np.abs(linear.null_space).max(axis=0, initial=0.0), 1e-300)
        absorbed = linear.absorber.tables(self.model.columns @ free).levels
        along = np.column_stack(
            [
                columns @ free[:, d] - _summed([table[:, d] for table in absorbed], self.codes, len(columns))
                for d in range(free.shape[1])
            ]
            or [np.zeros(len(columns))]
        )
        size = 1.0 + np.abs(columns) @ np.abs(free).sum(axis=1, initial=0.0)
        return np.asarray((np.abs(along) <= PINNED * size[:, None]).all(axis=1) & self._linked())

    def _linked(self) -> BoolArray:
        """Say of which rows region and week belong to one set: between sets effects cannot be compared."""
        door = self.model.linear.absorber
        if len(door.groupings) < 2 or door.components < 2:
            return np.ones(len(self.panel.data), dtype=bool)
        sets = [connected_sets(other, one)[0] for one, other in (door.groupings, door.groupings[::-1])]
        first, second = (np.where(code >= 0, s[code], -1) for s, code in zip(sets, self.codes, strict=True))
        return np.asarray(first == second)


def _summed(levels: list[FloatArray], codes: list[IntArray], rows: int) -> FloatArray:
    """Add up the effects of rows; NaN for levels that were not seen."""
    total = np.zeros(rows)
    for table, code in zip(levels, codes, strict=True):
        total += np.where(code >= 0, table[code], np.nan)
    return total
