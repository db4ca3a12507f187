"""Randomisation inference: regions exchange the paths that a contrast names; interactions are rebuilt each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from panelcoop.errors import DataError, PanelcoopError
from panelcoop.estimate.covariances import CovarianceChoice, cluster_codes, covariance_of
from panelcoop.estimate.exchange_plan import Exchange, Rebuild, exchange_of, permutations_of, rebuilder
from panelcoop.estimate.fitted import FittedModel
from panelcoop.estimate.resampling import TIES, single_notes
from panelcoop.estimate.settings import InferenceRow, InferenceSettings
from panelcoop.hypotheses import Hypothesis
from panelcoop.numerics.estimable import full_rank_columns
from panelcoop.numerics.regression.least_squares import LinearFit, least_squares
from panelcoop.numerics.regression.poisson import PoissonFit, poisson_again
from panelcoop.numerics.resampling.effect_overlap import is_nested
from panelcoop.numerics.resampling.exchanged_counts import VALUES_OF_AN_INTERVAL, randomise_counts
from panelcoop.numerics.resampling.exchanged_paths import is_exchangeable, randomise_paths
from panelcoop.numerics.resampling.permutations import PermutationPlan
from panelcoop.numerics.resampling.randomisation import randomise_design
from panelcoop.numerics.resampling.wild_contrasts import WildTests
from panelcoop.numerics.resampling.wild_draws import WildOptions
from panelcoop.numerics.resampling.wild_regression import wild_from_fit
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["exchange_rows"]

MOST_ROW_FITS = 40_000_000  # rows times Poisson refits: about a minute
LEAST_ROWS = 5_000  # rows as many as which any refit costs


def exchange_rows(
    model: FittedModel, hypotheses: Sequence[Hypothesis], settings: InferenceSettings
) -> list[InferenceRow]:
    """Test each contrast by exchanging among regions the paths that it names.

    Parameters
    ----------
    model
        Outcomes, weights and everything that a contrast does not name stay with their region.
    hypotheses
        Single contrasts; a joint one gets a line that says so.
    settings
        ``permutations``, ``seed``, ``level``, ``clusters``, ``strata`` and ``ties``.

    Returns
    -------
    One line per hypothesis; NaN with the reason where nothing can be exchanged.

    Notes
    -----
    The assignment: which region got which path is as good as random, within strata if there are any. A contrast of
    drivers or controls exchanges their paths, one of stages exchanges regions' stages and rebuilds every interaction
    with them. Balanced, unweighted panels with national stages need no refits (`randomise_paths`); elsewhere every
    assignment is a refit. Poisson models are refitted as long as that takes about a minute,
    for an interval too where seventeen times as many refits do.
    """
    rows: dict[int, InferenceRow] = {}
    groups: dict[Exchange, list[int]] = {}
    for i, hypothesis in enumerate(hypotheses):
        try:
            groups.setdefault(exchange_of(model, hypothesis), []).append(i)
        except PanelcoopError as error:
            rows[i] = InferenceRow(note=str(error))
    for exchange, members in groups.items():
        try:
            task = _task(model, exchange, settings)
            found = _rows(task, [hypotheses[i] for i in members])
        except PanelcoopError as error:
            found = [InferenceRow(note=str(error)) for _ in members]
        rows |= dict(zip(members, found, strict=True))
    return [rows[i] for i in range(len(hypotheses))]


@dataclass(frozen=True, eq=False)
class _Task:
    """One exchange: what moves, on which assignments, with the model's columns of full rank and cluster codes (n,)."""

    model: FittedModel
    exchange: Exchange
    settings: InferenceSettings
    plan: PermutationPlan
    kept: IntArray
    clusters: IntArray

    @property
    def options(self) -> WildOptions:
        """Options of the tests; the draws are those of the plan."""
        asked = self.settings
        return WildOptions(draws=asked.permutations, seed=asked.seed, level=asked.level, ties=asked.ties)

    @property
    def columns(self) -> FloatArray:
        """Columns of full rank, shape (n, k)."""
        columns = self.model.columns
        return columns if len(self.kept) == columns.shape[1] else columns[:, self.kept]

    @property
    def moved(self) -> BoolArray:
        """Which of them move, shape (k,)."""
        terms = self.model.terms
        return np.array([terms[j].family in self.exchange.names for j in self.kept])

    @property
    def by_paths(self) -> bool:
        """Whether exchanged columns are exchanged paths: a balanced panel, and stages that stay are national."""
        model = self.model
        still = model.stages.national or not any(model.terms[j].stage for j in self.kept[self.moved])
        whole = is_exchangeable(model.arrays.region, model.arrays.week, model.weight_values)
        return still and whole and not self.exchange.stages and is_nested(model.arrays.region, self.clusters)


def _task(model: FittedModel, exchange: Exchange, settings: InferenceSettings) -> _Task:
    kept, _ = full_rank_columns(model.linear.solution, model.linear.null_space)
    plan = permutations_of(model, settings)
    return _Task(model, exchange, settings, plan, kept, cluster_codes(model, settings.clusters))


def _rows(task: _Task, asked: Sequence[Hypothesis]) -> list[InferenceRow]:
    """Test the contrasts that exchange the same paths, on the same assignments."""
    settings = task.settings
    choice = CovarianceChoice("CRV1", (settings.clusters,), small_sample=settings.small_sample)
    scale = float(np.sqrt(covariance_of(task.model, choice).factor))
    rebuild, filled = rebuilder(task.model, task.columns, task.kept, task.exchange)
    if task.model.counts is None:
        found = _linear_rows(task, asked, rebuild)
    else:
        found = _count_rows(task, task.model.counts, asked, rebuild)
    written = (
        f"randomisation inference, paths of what a contrast names exchanged among regions ({task.plan.taken}), CRV1; "
        f"clusters: {settings.clusters}; {TIES[settings.ties]}"
    )
    notes = [str(task.exchange)] + ([f"{filled} cells without a value anywhere else keep their own"] if filled else [])
    return [
        replace(row, std_error=row.std_error * scale, statistic=row.statistic / scale, convention=written).noting(notes)
        for row in found
    ]


def _linear_rows(task: _Task, asked: Sequence[Hypothesis], rebuild: Rebuild) -> list[InferenceRow]:
    """Exchange paths where that is refitting, and refit elsewhere."""
    R, r = np.vstack([h.matrix for h in asked])[:, task.kept], np.concatenate([h.value for h in asked])
    fit, arrays = _full_rank(task), task.model.arrays
    if task.by_paths:
        tests = randomise_paths(
            wild_from_fit(fit),
            R,
            arrays.region,
            arrays.week,
            permuted=task.moved,
            null=r,
            strata=task.plan.strata,
            clusters=first_codes(task.clusters, arrays.region),
            options=task.options,
        )
    else:
        tests = randomise_design(fit, R, rebuild, task.clusters, task.plan, null=r, options=task.options)
    return [_linear_row(tests, j) for j in range(len(asked))]


def first_codes(values: IntArray, groups: IntArray) -> IntArray:
    """Return the value that all rows of each group share, by group.

    Examples
    --------
    >>> first_codes(np.array([7, 7, 9]), np.array([0, 0, 1])).tolist()
    [7, 9]
    """
    found = np.empty(int(groups.max()) + 1, dtype=np.int64)
    found[groups] = values
    return found


def _full_rank(task: _Task) -> LinearFit:
    model, door = task.model, task.model.linear.absorber
    if len(task.kept) == len(model.terms):
        return model.linear
    return least_squares(
        model.arrays.numbers[model.outcome],
        task.columns,
        effects=[g.codes for g in door.groupings],
        weights=door.weights,
        trend=door.time,
        names=[model.names[j] for j in task.kept],
    )


def _linear_row(tests: WildTests, j: int) -> InferenceRow:
    known = [] if np.isnan(tests.se[j]) else [f"Monte Carlo s.e. of p {tests.p_error[j]:.4f}"]
    return InferenceRow(
        estimate=float(tests.estimate[j]),
        std_error=float(tests.se[j]),
        statistic=float(tests.statistic[j]),
        pvalue=float(tests.p_value[j]),
        conf_low=float(tests.lower[j]),
        conf_high=float(tests.upper[j]),
        draws=tests.draws,
        note="; ".join([*known, *single_notes(tests, j, "RI")]),
    )


def _count_rows(task: _Task, counts: PoissonFit, asked: Sequence[Hypothesis], rebuild: Rebuild) -> list[InferenceRow]:
    """Refit the Poisson model for every contrast and assignment, where that is affordable."""
    each = max(len(counts.mean), LEAST_ROWS)
    work = each * task.plan.draws * len(asked)
    if work > MOST_ROW_FITS:
        msg = (
            f"{task.plan.draws:,} assignments of {len(asked)} contrasts are as many Poisson refits of "
            f"{len(counts.mean):,} rows: more than a minute; ask for fewer contrasts or permutations."
        )
        raise DataError(msg)
    fit = poisson_again(counts, columns=task.columns)
    level = task.settings.level if work * (1 + VALUES_OF_AN_INTERVAL) <= MOST_ROW_FITS else None
    return [_count_row(task, fit, hypothesis, rebuild, level) for hypothesis in asked]


def _count_row(
    task: _Task, fit: PoissonFit, hypothesis: Hypothesis, rebuild: Rebuild, level: float | None
) -> InferenceRow:
    R, r, plan = hypothesis.matrix[0, task.kept], float(hypothesis.value[0]), task.plan
    test = randomise_counts(fit, R, rebuild, task.clusters, plan, null=r, ties=task.settings.ties, level=level)
    said = [f"Monte Carlo s.e. of p {test.p_error:.4f}"]
    if level is None:
        most = MOST_ROW_FITS // (1 + VALUES_OF_AN_INTERVAL) // max(len(fit.mean), LEAST_ROWS)
        said.append(f"no interval, which would take minutes: ask for one contrast and at most {most:,} permutations")
    lost = [f"{test.invalid:,} of {plan.draws:,} assignments could not be fitted"] if test.invalid else []
    return InferenceRow(
        estimate=float(hypothesis.matrix[0] @ task.model.linear.solution),
        std_error=test.se,
        statistic=test.statistic,
        pvalue=test.p_value,
        conf_low=test.lower,
        conf_high=test.upper,
        draws=plan.draws,
    ).noting([*said, *lost])
