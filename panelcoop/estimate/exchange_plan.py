"""What regions exchange in randomisation inference: the paths a contrast names, or why nothing can move."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from panelcoop.checks import fail_if_columns_missing, name_few
from panelcoop.errors import DataError
from panelcoop.estimate.fitted import FittedModel
from panelcoop.estimate.identification import variation_of
from panelcoop.estimate.settings import InferenceSettings
from panelcoop.hypotheses import Hypothesis
from panelcoop.numerics.resampling.permutations import PermutationPlan, plan_permutations
from panelcoop.options import FloatArray, IntArray

__all__ = ["Exchange", "Rebuild", "exchange_of", "permutations_of", "rebuilder"]

Rebuild = Callable[[IntArray], FloatArray]
"""Takes an order of regions, returns the columns (n, k) that go with it."""


@dataclass(frozen=True)
class Exchange:
    """Whose paths move among regions.

    Attributes
    ----------
    names
        Drivers and controls, by column.
    stages
        Whether regions exchange their stages too.
    """

    names: tuple[str, ...]
    stages: bool

    def __str__(self) -> str:
        """Say what is exchanged."""
        paths = [f"paths of {', '.join(self.names)}"] if self.names else []
        return " and ".join([*paths, *(["stages"] if self.stages else [])]) + " exchanged"


def exchange_of(model: FittedModel, hypothesis: Hypothesis) -> Exchange:
    """Read from the terms that a contrast names what has to move.

    Raises
    ------
    DataError
        For a joint hypothesis, or where every path that it names is the same in all regions.
    """
    if len(hypothesis.matrix) > 1:
        msg = "Randomisation inference tests one contrast at a time; use DWB-t or WCR for joint hypotheses."
        raise DataError(msg)
    touched = [t for t, weight in zip(model.terms, hypothesis.matrix[0], strict=True) if weight]
    values = dict.fromkeys(t.family for t in touched if t.kind != "stage" and t.family in model.arrays.numbers)
    moving = tuple(name for name in values if _differs_between_regions(model, name))
    staged = any(t.kind == "stage" for t in touched)
    if moving or (staged and not model.stages.national):
        return Exchange(moving, staged and not model.stages.national)
    still = ", ".join([*(f"'{name}'" for name in values), *(["the stages"] if staged else [])]) or "the intercept"
    msg = f"Nothing can be exchanged among regions: {still} is the same in every region."
    raise DataError(msg.replace("the stages is", "the stages are"))


def permutations_of(model: FittedModel, settings: InferenceSettings) -> PermutationPlan:
    """Plan the exchange of regions, within strata where the settings name a column.

    Raises
    ------
    DataError
        If the column of strata does not exist, is missing or varies within a region, or leaves nothing to exchange.
    """
    count = len(model.arrays.regions)
    strata = None if settings.strata is None else _strata(model, settings.strata)
    return plan_permutations(np.arange(count), settings.permutations, settings.seed, strata=strata)


def rebuilder(model: FittedModel, columns: FloatArray, kept: IntArray, exchange: Exchange) -> tuple[Rebuild, int]:
    """Return a function from the order of regions to the columns, and how many cells may lack another region's value.

    Parameters
    ----------
    model
        The model.
    columns
        The columns kept, shape (n, k).
    kept
        Their positions among the model's terms, shape (k,).
    exchange
        What moves.

    Notes
    -----
    Where the other region's path has no value in a week, a row keeps its own.
    """
    region, week, stages = model.arrays.region, model.arrays.week, model.stages
    tables = {name: _path_table(model, name) for name in exchange.names}
    clock = _stage_table(model) if exchange.stages else None

    def taken(table: FloatArray, order: IntArray) -> FloatArray:
        moved = table[order[region], week]
        return np.where(np.isnan(moved), table[region, week], moved)

    def rebuild(order: IntArray) -> FloatArray:
        fresh = columns.copy()
        values = {name: taken(table, order) for name, table in tables.items()}
        codes = stages.codes if clock is None else taken(clock, order).astype(np.int64)
        for j, term in enumerate(model.terms[at] for at in kept):
            if term.family in values or (clock is not None and term.stage):
                one = values.get(term.family, model.arrays.numbers.get(term.family, 1.0))
                fresh[:, j] = one * (codes == stages.labels.index(term.stage)) if term.stage else one
        return fresh

    every = [*tables.values(), *([] if clock is None else [clock])]
    return rebuild, sum(int(np.isnan(table).sum()) for table in every)


def _differs_between_regions(model: FittedModel, name: str) -> bool:
    return variation_of(model.arrays.numbers[name], model.arrays) in {"region and week", "region only"}


def _path_table(model: FittedModel, name: str) -> FloatArray:
    """Lay a column out as regions by weeks; NaN where the panel has no value."""
    wide = model.panel.data[name].astype(float).unstack("week")
    return np.asarray(wide.reindex(index=model.arrays.regions, columns=model.arrays.weeks), dtype=float)


def _stage_table(model: FittedModel) -> FloatArray:
    """Lay the codes of the stages out as regions by weeks; NaN where the panel has none."""
    written = {label: code for code, label in enumerate(model.stages.labels)}
    codes = model.panel.data[model.stages.column].map(lambda label: written.get(str(label), np.nan), na_action="ignore")
    wide = codes.astype(float).unstack("week")
    return np.asarray(wide.reindex(index=model.arrays.regions, columns=model.arrays.weeks), dtype=float)


def _strata(model: FittedModel, name: str) -> IntArray:
    """Give each region the code of its stratum."""
    regions, data = model.arrays.regions, model.panel.data
    if name in model.panel.regions.columns and name not in data.columns:
        found = model.panel.regions[name].reindex(regions)
    else:
        fail_if_columns_missing([name], list(data.columns), "The panel")
        inside = data.loc[data.index.get_level_values("region").isin(regions), name].groupby("region")
        moving = inside.nunique()[inside.nunique() > 1]
        if len(moving):
            msg = f"Strata '{name}' change within region {name_few(moving.index)}; give each region one stratum."
            raise DataError(msg)
        found = inside.first().reindex(regions)
    if found.isna().any():
        msg = f"Strata '{name}' are missing for region {name_few(regions[found.isna()])}; fill them."
        raise DataError(msg)
    return np.unique(found.astype(str).to_numpy(), return_inverse=True)[1].astype(np.int64)
