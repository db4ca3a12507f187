"""Least squares with absorbed fixed effects: coefficients, residuals and scores in two passes over the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from panelcoop.checks import fail_if_not_finite
from panelcoop.errors import DataError
from panelcoop.numerics.block_sums import BlockSums
from panelcoop.numerics.grouping import Grouping
from panelcoop.numerics.regression.absorb import Absorber, Rows, absorber
from panelcoop.numerics.regression.design import Design, Taken
from panelcoop.numerics.regression.design_moments import Moments, design_of
from panelcoop.numerics.regression.rank import RankReport, rank_report, turned_report
from panelcoop.numerics.threads import one_thread
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["LinearFit", "fit_design", "least_squares"]

OVERFLOW = "The squares of some values overflow; rescale the outcome and the columns."
ROUNDING = 64 * np.finfo(float).eps  # residuals of a perfect fit, relative to the largest outcome


@dataclass(frozen=True, eq=False)
class LinearFit:
    """A least-squares fit and what every covariance and bootstrap needs from it.

    Attributes
    ----------
    names : (k,) names of the columns
    solution : (k,) one solution of the normal equations: equals `coef` where identified; contrasts that are
        orthogonal to `null_space` are identified and may be read from it
    bread : (k, k) generalised inverse of the weighted Gram matrix of demeaned columns (with scores and meat it is in
        the coordinates of the design's rows; `design.turn` carries coefficients to those of the columns as given)
    rank : identified dimensions of the columns
    resid : (n,) residuals, in the order of the rows given
    design : columns, outcome and effects; `design.blocks()` and `design.demeaned(rows)` give demeaned rows
    ranks : what the rank test found: `null_space` (k, m), `identified` (k,), `notes`
    level_scores : per absorbed effect (G_e, k) sums by level of w x e, demeaned x
    meat : (k, k) sum over rows of (w e)^2 x x'
    rss : weighted sum of squared residuals
    dispersion : None where the error variance is estimated (least squares), 1 for Poisson
    """

    names: tuple[str, ...]
    solution: FloatArray
    bread: FloatArray
    rank: int
    resid: FloatArray
    design: Design
    ranks: RankReport
    level_scores: tuple[FloatArray, ...]
    meat: FloatArray
    rss: float
    dispersion: float | None = None

    @cached_property
    def coef(self) -> FloatArray:
        """(k,) coefficients, NaN where not identified."""
        return np.where(self.ranks.identified, self.solution, np.nan)

    @property
    def identified(self) -> BoolArray:
        """(k,) which coefficients are identified."""
        return self.ranks.identified

    @property
    def null_space(self) -> FloatArray:
        """(k, m) combinations of columns that vanish; a contrast r is identified when r @ null_space is 0."""
        return self.ranks.null_space

    @property
    def notes(self) -> tuple[str, ...]:
        """What is not identified, by name and with the combination; then singletons and disconnected sets."""
        return self.ranks.notes + self.absorber.notes

    @property
    def absorber(self) -> Absorber:
        """The fixed effects."""
        return self.design.absorber

    @property
    def weights(self) -> FloatArray | None:
        """(n,) weights or None."""
        return self.design.absorber.weights

    @property
    def nobs(self) -> int:
        """Rows."""
        return len(self.resid)

    @property
    def parameters(self) -> int:
        """Columns plus absorbed effects, counted by rank."""
        return self.rank + self.absorber.rank

    @property
    def df_resid(self) -> int:
        """Rows less parameters."""
        return self.nobs - self.parameters

    @cached_property
    def saturated(self) -> str:
        """Why no variance can be estimated: no degree of freedom is left, or only rounding; else an empty string."""
        levels = sum(g.size for g in self.absorber.groupings) * (1 if self.absorber.time is None else 2)
        if self.nobs <= self.rank + levels and self.df_resid <= 0:
            count = f"{self.nobs} rows, {self.parameters} parameters"
            return f"The model fits every row ({count}): no variance to estimate."
        size = float(np.abs(self.design.outcome).max()) if self.dispersion is None else 0.0
        if self.rss <= self.absorber.total_weight * (ROUNDING * size) ** 2:
            return "The model fits every row up to rounding: no variance to estimate."
        return ""

    def scores(self, groups: Grouping) -> FloatArray:
        """Return (G, k) sums by group of w x e with demeaned x."""
        for own, known in zip(self.absorber.groupings, self.level_scores, strict=True):
            if own.codes is groups.codes or (own.size == groups.size and bool(np.array_equal(own.codes, groups.codes))):
                return known
        total = BlockSums(groups, len(self.solution), contiguous=False)
        for block in self.design.blocks():
            total.add(block.columns, block.rows, self.score_weights(block.rows))
        return total.total

    def score_weights(self, rows: Rows) -> FloatArray:
        """Return (b,) what demeaned rows are multiplied with to become scores: weight times residual."""
        return self.resid[rows] if self.weights is None else self.resid[rows] * self.weights[rows]

    def row_scores(self) -> FloatArray:
        """Return (n, k) rows w x e with demeaned x."""
        scores, _ = self.design.demeaned()
        scores *= self.score_weights(slice(0, self.nobs))[:, None]
        return scores

    def grams(self, groups: Grouping) -> FloatArray:
        """Return (G, k, k) weighted Gram matrices of the demeaned columns by group."""
        k = len(self.solution)
        total = np.zeros((groups.size, k, k))
        columns, _ = self.design.demeaned()
        scaled = columns if self.weights is None else columns * self.weights[:, None]
        order = np.argsort(groups.codes, kind="stable")
        ends = np.cumsum(groups.counts)
        for group, (start, stop) in enumerate(zip(ends - groups.counts, ends, strict=True)):
            rows = order[start:stop]
            total[group] = scaled[rows].T @ columns[rows]
        return total


@one_thread
def least_squares(
    outcome: FloatArray,
    columns: FloatArray,
    *,
    effects: Sequence[IntArray] = (),
    weights: FloatArray | None = None,
    trend: FloatArray | None = None,
    names: Sequence[str] | None = None,
    taken: Taken | None = None,
) -> LinearFit:
    """Fit least squares with absorbed fixed effects.

    Parameters
    ----------
    outcome : (n,)
    columns : (n, m), all k of them or all but those taken; without effects put a constant among them if one is wanted
    effects : integer codes (n,) per effect, in any order of rows; region first
    weights : (n,) positive weights of the squared residuals
    trend : (n,) variable whose slope differs by level of the first effect
    names : (k,) used in notes and errors; default x1, x2, ...
    taken : the k - m last columns, where they are one number within each level of an effect: they need no rows then

    Raises
    ------
    DataError
        When lengths differ, a value is NaN or infinite (the column is named), or weights are not positive.

    Examples
    --------
    >>> x = np.array([[0.0], [1.0], [0.0], [3.0]])
    >>> fit = least_squares(2 * x[:, 0] + [5, 5, 7, 7], x, effects=[np.array([0, 0, 1, 1])])
    >>> fit.coef.round(9).tolist()
    [2.0]
    """
    outcome, columns = np.asarray(outcome, float), np.asarray(columns, float)
    columns = columns[:, None] if columns.ndim == 1 else columns
    k = columns.shape[1] + (0 if taken is None else taken.levels.shape[1])
    labels = tuple(names) if names is not None else tuple(f"x{j + 1}" for j in range(k))
    _fail_if_shapes_differ(outcome, columns, labels, k)
    weights = None if weights is None else np.asarray(weights, float)
    door = absorber(effects, weights=weights, trend=trend, nobs=len(outcome))
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is named below
        design, moments = design_of(columns, outcome, door, taken=taken)
    if not (np.isfinite(moments.raw).all() and np.isfinite(moments.cross).all()):
        _fail_where_not_finite(outcome, columns, labels)
    return fit_design(design, moments, labels)


def fit_design(design: Design, moments: Moments, names: tuple[str, ...], dispersion: float | None = None) -> LinearFit:
    """Solve the normal equations of a prepared design and collect residuals, scores and meat in one pass."""
    k = len(names)

    ranks = rank_report(moments.gram, moments.before, moments.raw, names, design.measure)
    solution = ranks.inverse @ moments.cross
    solution += ranks.inverse @ (moments.cross - moments.gram @ solution)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is named below
        resid, scores, meat, rss = _second_pass(design, solution, _span_left(moments))
    if not (np.isfinite(rss) and np.isfinite(meat).all()):
        raise DataError(OVERFLOW)
    rank = k - ranks.null_space.shape[1]
    natural = solution
    if design.turn is not None:
        natural, ranks = design.turn @ solution, turned_report(ranks, design.turn, names)
    return LinearFit(names, natural, ranks.inverse, rank, resid, design, ranks, scores, meat, rss, dispersion)


def _span_left(moments: Moments) -> slice:
    """Return the shortest stretch of columns that holds all of which something is left after absorption."""
    left = np.flatnonzero(np.diag(moments.gram))
    return slice(int(left[0]), int(left[-1]) + 1) if left.size else slice(0, 0)


def _second_pass(
    design: Design, solution: FloatArray, span: slice
) -> tuple[FloatArray, tuple[FloatArray, ...], FloatArray, float]:
    """Return residuals, scores by level of each effect, the row-level meat and the residual sum of squares.

    Columns outside the span are nothing once absorbed: their scores are zero.
    """
    k, door, solved = len(solution), design.absorber, solution[span]
    resid = np.empty(len(design.outcome))
    scores = [BlockSums(g, len(solved), contiguous=e == door.eliminated) for e, g in enumerate(door.groupings)]
    inner, rss = np.zeros((len(solved),) * 2), 0.0
    for block in design.within(span).blocks():
        error = block.outcome - block.columns @ solved
        resid[block.rows] = error
        weighted = error if door.weights is None else error * door.weights[block.rows]
        rss += float(weighted @ error)
        for one in scores:
            one.add(block.columns, block.rows, weighted)
        np.multiply(block.columns, weighted[:, None], out=block.spare)
        inner += block.spare.T @ block.spare
    if len(solved) == k:
        return resid, tuple(s.total for s in scores), inner, rss
    meat = np.zeros((k, k))
    meat[span, span] = inner
    after = k - len(solved) - span.start
    return resid, tuple(np.pad(s.total, ((0, 0), (span.start, after))) for s in scores), meat, rss


def _fail_if_shapes_differ(outcome: FloatArray, columns: FloatArray, names: tuple[str, ...], k: int) -> None:
    if outcome.ndim != 1 or columns.ndim != 2 or len(columns) != len(outcome) or not len(outcome):
        msg = f"Outcome (n,) and columns (n, k) must have the same rows; got {outcome.shape} and {columns.shape}."
        raise DataError(msg)
    if len(names) != k:
        msg = f"{k} columns but {len(names)} names."
        raise DataError(msg)


def _fail_where_not_finite(outcome: FloatArray, columns: FloatArray, names: tuple[str, ...]) -> None:
    fail_if_not_finite(outcome, "outcome")
    for name, values in zip(names, columns.T, strict=False):  # the last may not be stored
        fail_if_not_finite(values, name)
    raise DataError(OVERFLOW)
