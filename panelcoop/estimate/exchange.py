"""Randomisation inference: regions exchange their drivers' paths, interactions with stages are rebuilt each time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from panelcoop.errors import DataError
from panelcoop.estimate.fitted import CovarianceChoice, FittedModel, covariance_of
from panelcoop.estimate.settings import InferenceRow, InferenceSettings
from panelcoop.hypotheses import Hypothesis
from panelcoop.numerics.estimable import full_rank_columns
from panelcoop.numerics.regression.least_squares import LinearFit, least_squares
from panelcoop.numerics.resampling.permutations import plan_permutations
from panelcoop.numerics.resampling.randomisation import randomise_design
from panelcoop.numerics.resampling.wild_contrasts import WildTests
from panelcoop.numerics.resampling.wild_draws import WildOptions
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["exchange_rows"]


@dataclass(frozen=True, eq=False)
class Paths:
    """What is exchanged: the paths of some drivers, by region and week.

    Attributes
    ----------
    values
        Per driver a table, shape (regions, weeks); NaN where the panel has no value.
    columns
        Position of each rebuilt column, its driver and the rows of its stage, shape (n,).
    """

    values: dict[str, FloatArray]
    columns: tuple[tuple[int, str, BoolArray], ...]


def exchange_rows(
    model: FittedModel, hypotheses: Sequence[Hypothesis], settings: InferenceSettings
) -> list[InferenceRow]:
    """Test each contrast by exchanging among regions the paths of the drivers that it names.

    Parameters
    ----------
    model
        A linear model; stages, outcomes, weights and the other drivers stay with their region.
    hypotheses
        Single contrasts.
    settings
        ``permutations``, ``seed`` and ``level``.

    Raises
    ------
    DataError
        For a Poisson model, or for joint hypotheses.

    Notes
    -----
    The assignment: which region got which path of the driver is as good as random. Where the other region's path has
    no value in a week, a row keeps its own; the note counts these cells.
    """
    if model.counts is not None:
        msg = "Randomisation inference refits a linear model; refit with family=None."
        raise DataError(msg)
    if any(len(h.matrix) > 1 for h in hypotheses):
        msg = "Randomisation inference tests one contrast at a time; use DWB-t or WCR for joint hypotheses."
        raise DataError(msg)
    kept, _ = full_rank_columns(model.linear.solution, model.linear.null_space)
    fit = _full_rank(model, kept)
    choice = CovarianceChoice("CRV1", ("region",), small_sample=settings.small_sample)
    scale = float(np.sqrt(covariance_of(model, choice).factor))
    rows: dict[int, InferenceRow] = {}
    for drivers, members in _by_driver(model, hypotheses).items():
        paths = _paths(model, drivers, kept)
        R = np.vstack([hypotheses[i].matrix for i in members])[:, kept]
        r = np.concatenate([hypotheses[i].value for i in members])
        tests, note = _exchange(model, fit, paths, (R, r), settings)
        rows |= {i: _row(tests, j, drivers, (note, scale)) for j, i in enumerate(members)}
    return [rows[i] for i in range(len(hypotheses))]


def _exchange(
    model: FittedModel,
    fit: LinearFit,
    paths: Paths,
    asked: tuple[FloatArray, FloatArray],
    settings: InferenceSettings,
) -> tuple[WildTests, str]:
    plan = plan_permutations(np.arange(len(model.arrays.regions)), settings.permutations, settings.seed)
    options = WildOptions(level=settings.level)
    rebuild, filled = _rebuilder(model, fit.design.columns, paths)
    R, r = asked
    tests = randomise_design(fit, R, rebuild, model.arrays.region, plan, null=r, options=options)
    return tests, f"{filled} cells without a value anywhere else keep their own" if filled else ""


def _rebuilder(model: FittedModel, columns: FloatArray, paths: Paths) -> tuple[Callable[[IntArray], FloatArray], int]:
    """Return a function of the order of regions, and the number of cells that may lack another region's value."""
    region, week = model.arrays.region, model.arrays.week

    def rebuild(order: IntArray) -> FloatArray:
        fresh = columns.copy()
        for j, driver, inside in paths.columns:
            table = paths.values[driver]
            moved = table[order[region], week]
            fresh[:, j] = np.where(np.isnan(moved), table[region, week], moved) * inside
        return fresh

    gaps = sum(int(np.isnan(table).sum()) for table in paths.values.values())
    return rebuild, gaps


def _paths(model: FittedModel, drivers: tuple[str, ...], kept: IntArray) -> Paths:
    arrays, stages = model.arrays, model.stages
    values = {}
    for driver in drivers:
        wide = model.panel.data[driver].astype(float).unstack("week")
        values[driver] = wide.reindex(index=arrays.regions, columns=arrays.weeks).to_numpy()
    terms = [model.terms[j] for j in kept]
    columns = tuple(
        (j, term.family, stages.codes == stages.labels.index(term.stage))
        for j, term in enumerate(terms)
        if term.kind == "driver" and term.family in drivers
    )
    return Paths(values, columns)


def _by_driver(model: FittedModel, hypotheses: Sequence[Hypothesis]) -> dict[tuple[str, ...], list[int]]:
    """Group hypotheses by the drivers that they name; those that name none permute every driver."""
    groups: dict[tuple[str, ...], list[int]] = {}
    everyone = tuple(dict.fromkeys(t.family for t in model.terms if t.kind == "driver"))
    for i, hypothesis in enumerate(hypotheses):
        touched = [t for t, weight in zip(model.terms, hypothesis.matrix[0], strict=True) if weight]
        named = tuple(dict.fromkeys(t.family for t in touched if t.kind == "driver"))
        groups.setdefault(named or everyone, []).append(i)
    return groups


def _full_rank(model: FittedModel, kept: IntArray) -> LinearFit:
    door = model.linear.absorber
    if len(kept) == len(model.terms):
        return model.linear
    return least_squares(
        model.arrays.numbers[model.outcome],
        model.columns[:, kept],
        effects=[g.codes for g in door.groupings],
        weights=door.weights,
        trend=door.time,
        names=[model.names[j] for j in kept],
    )


def _row(tests: WildTests, j: int, drivers: tuple[str, ...], written: tuple[str, float]) -> InferenceRow:
    note, scale = written
    return InferenceRow(
        estimate=float(tests.estimate[j]),
        std_error=float(tests.se[j]) * scale,
        statistic=float(tests.statistic[j]) / scale,
        pvalue=float(tests.p_value[j]),
        conf_low=float(tests.lower[j]),
        conf_high=float(tests.upper[j]),
        convention=f"{tests.convention}; paths of {', '.join(drivers)} exchanged",
        note=f"Monte Carlo s.e. of p {tests.p_error[j]:.4f}" + (f"; {note}" if note else ""),
    )
