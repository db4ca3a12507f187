"""Poisson pseudo-maximum likelihood with absorbed fixed effects, an offset and weights."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import special

from panelcoop.checks import fail_if_not_finite
from panelcoop.errors import DataError
from panelcoop.numerics.grouping import Grouping, group_rows
from panelcoop.numerics.regression.absorb import Absorber, absorber, loosened, reweighed
from panelcoop.numerics.regression.design_moments import Moments, design_of
from panelcoop.numerics.regression.iterative import IterativeSolver
from panelcoop.numerics.regression.least_squares import LinearFit, fit_design
from panelcoop.numerics.regression.poisson_steps import (
    FAILURES,
    PoissonData,
    coefficients_of_a_part,
    settled,
    weighted_sum,
)
from panelcoop.numerics.regression.separation import all_zero_levels, separated_rows
from panelcoop.numerics.threads import one_thread
from panelcoop.options import FloatArray, IntArray

__all__ = ["PoissonFit", "poisson", "poisson_again"]

LAST_STEP = 1e-7  # precision of effects that are solved iteratively, in the step that gives scores and covariance
NEARLY = 1e-6  # share of squared norm below which a loose solution cannot tell absorbed from identified
AGREE = 1e-6  # how nearly fitted means must add up to the outcome, relatively, at a maximum
SUSPICIOUS = 1e-7  # fitted mean of a zero, relative to the mean outcome, below which separation is tested


@dataclass(frozen=True, eq=False)
class PoissonFit:
    """A Poisson fit.

    Attributes
    ----------
    linear : the last weighted least-squares step: coefficients, bread, scores; hand it to `covariance`
    outcome : (m,) outcomes of the rows used
    mean : (m,) their fitted means
    weights : (m,) or None
    offset : (m,) or None
    rows : (m,) positions of the rows used; subset cluster codes with it
    separated : positions of rows left out because their zeros are fitted perfectly
    iterations : reweighted steps
    notes : what was left out and what is not identified
    """

    linear: LinearFit
    outcome: FloatArray
    mean: FloatArray
    weights: FloatArray | None
    offset: FloatArray | None
    rows: IntArray
    separated: IntArray
    iterations: int
    notes: tuple[str, ...]

    @cached_property
    def deviance(self) -> float:
        """Twice the distance from the saturated log-likelihood."""
        return 2 * weighted_sum(special.kl_div(self.outcome, self.mean), self.weights)

    @cached_property
    def log_likelihood(self) -> float:
        """Log-likelihood, factorial term included."""
        return self._likelihood_of(self.mean)

    @cached_property
    def pseudo_r2(self) -> float:
        """McFadden's 1 - L / L0 against a constant alone, with the same rows, weights and offset."""
        exposure = np.ones_like(self.mean) if self.offset is None else np.exp(self.offset)
        rate = weighted_sum(self.outcome, self.weights) / weighted_sum(exposure, self.weights)
        return 1.0 - self.log_likelihood / self._likelihood_of(rate * exposure)

    def _likelihood_of(self, mean: FloatArray) -> float:
        y = self.outcome
        return weighted_sum(special.xlogy(y, mean) - mean - special.gammaln(y + 1), self.weights)

    @property
    def coef(self) -> FloatArray:
        """(k,) coefficients, NaN where not identified."""
        return self.linear.coef


@one_thread
def poisson(
    outcome: FloatArray,
    columns: FloatArray,
    *,
    effects: Sequence[IntArray | Grouping] = (),
    offset: FloatArray | None = None,
    weights: FloatArray | None = None,
    trend: FloatArray | None = None,
    names: Sequence[str] | None = None,
    start: FloatArray | None = None,
) -> PoissonFit:
    """Fit E[y] = exp(offset + x b + effects) by Poisson pseudo-maximum likelihood.

    Parameters
    ----------
    outcome : (n,) non-negative; need not be whole numbers
    columns : (n, k)
    effects : integer codes (n,) per effect, region first
    offset : (n,) added to the linear index with coefficient one, e.g. the log of total documents
    weights : (n,) positive
    trend : (n,) variable whose slope differs by level of the first effect
    names : (k,)
    start : (n,) positive means to begin from, such as those of a nearby fit

    Notes
    -----
    Iteratively reweighted least squares on the exact fixed-effects solver, until no level of an effect and no
    coefficient moves by more than the last, exact step puts right; large panels begin from the coefficients of a part
    of the levels of the largest effect, which changes nothing but the time. Levels whose outcomes are all zero are
    left out first; where a fitted mean runs towards zero, separation by combinations of columns and effects is tested
    by the iterative rectifier (Correia, Guimaraes and Zylkin, 2019), those rows are left out, reported, and the fit
    is repeated. Estimates are consistent whenever the mean is right, whatever the variance (Gourieroux, Monfort and
    Trognon, 1984).

    Raises
    ------
    DataError
        When outcomes are negative, all zero, or anything is NaN or infinite.
    PanelcoopError
        When 60 steps do not converge.

    Examples
    --------
    >>> group = np.repeat([0, 1], 3)
    >>> x = np.array([0.0, 1, 2, 0, 1, 2])
    >>> fit = poisson(np.exp(1 + 0.5 * x + group), x[:, None], effects=[group])
    >>> fit.coef.round(8).tolist()
    [0.5]
    """
    columns = np.asarray(columns, float)
    columns = columns[:, None] if columns.ndim == 1 else columns
    labels = tuple(names) if names is not None else tuple(f"x{j + 1}" for j in range(columns.shape[1]))
    groupings = tuple(group_rows(e, f"effect {j + 1}") for j, e in enumerate(effects))
    data = PoissonData(np.asarray(outcome, float), columns, groupings, offset, weights, trend, start)
    _fail_if_unusable(data, labels)
    lost = all_zero_levels(data.outcome, groupings)
    rows = np.flatnonzero(~lost)
    used = data.rows(rows) if lost.any() else data
    fit, mean, steps = _fit(used, labels)
    zeros = mean[used.outcome == 0]
    if zeros.size and zeros.min() < SUSPICIOUS * used.outcome.mean():
        gone = separated_rows(used.outcome, used.columns, [g.codes for g in used.effects])
        if gone.any():
            rows, used = rows[~gone], used.rows(np.flatnonzero(~gone))
            fit, mean, more = _fit(used, labels)
            steps += more
    left = np.ones(len(data.outcome), dtype=bool)
    left[rows] = False
    separated = np.flatnonzero(left)
    notes = fit.notes
    if separated.size:
        notes = (f"{separated.size} rows are separated (their zeros are fitted perfectly) and left out.", *notes)
    return PoissonFit(fit, used.outcome, mean, used.weights, used.offset, rows, separated, steps, notes)


def poisson_again(
    fit: PoissonFit,
    *,
    keep: IntArray | None = None,
    columns: FloatArray | None = None,
    offset: FloatArray | None = None,
) -> PoissonFit:
    """Fit once more with rows left out, other columns or another offset, beginning from the means found.

    Parameters
    ----------
    fit : the fit of m rows
    keep : positions of the rows to keep, among the m; default all
    columns : (m, k) that replace the fit's
    offset : (m,) that replaces the fit's
    """
    door, design = fit.linear.absorber, fit.linear.design
    X = design.columns if columns is None else columns
    shift = fit.offset if offset is None else offset
    whole = PoissonData(fit.outcome, X, door.groupings, shift, fit.weights, door.time, fit.mean)
    data = whole if keep is None else whole.rows(keep)
    return poisson(
        data.outcome,
        data.columns,
        effects=data.effects,
        offset=data.offset,
        weights=data.weights,
        trend=data.trend,
        names=fit.linear.names if X.shape[1] == len(fit.linear.names) else None,
        start=data.start,
    )


def _fit(data: PoissonData, names: tuple[str, ...]) -> tuple[LinearFit, FloatArray, int]:
    """Return the last step, the fitted means and the number of steps before it.

    Where the coefficients of a part of the rows lead nowhere, begin anew without them.
    """
    door = absorber(data.effects, weights=data.weights, trend=data.trend, nobs=len(data.outcome))
    coef = coefficients_of_a_part(data, door, names)
    if coef is not None:
        with suppress(*FAILURES), np.errstate(over="ignore", invalid="ignore"):
            found = _fit_from(data, door, names, coef)
            total = weighted_sum(data.outcome, data.weights)
            if abs(weighted_sum(found[1], data.weights) - total) < AGREE * total:
                return found
    return _fit_from(data, door, names, None)


def _fit_from(
    data: PoissonData, door: Absorber, names: tuple[str, ...], coef: FloatArray | None
) -> tuple[LinearFit, FloatArray, int]:
    state = settled(data, door, names, coef)
    last = _last_step(data, state.mean, door, state.coef, names)
    return last, _moved(data, state.mean, last), state.steps


def _last_step(
    data: PoissonData, mean: FloatArray, door: Absorber, coef: FloatArray, names: tuple[str, ...]
) -> LinearFit:
    """Fit the working residual plus the columns' part at the final weights: one more step, with scores."""
    weights = mean if data.weights is None else mean * data.weights
    working = data.columns @ coef
    working += (data.outcome - mean) / mean
    strict = reweighed(door, weights, reuse=True)
    design, moments = design_of(data.columns, working, loosened(strict, LAST_STEP), coef)
    if isinstance(strict.solver, IterativeSolver) and _rank_is_close(moments):
        design, moments = design_of(data.columns, working, strict, coef)
    return fit_design(design, moments, names, dispersion=1.0)


def _moved(data: PoissonData, mean: FloatArray, last: LinearFit) -> FloatArray:
    """Return the means after the last step: what it left of the working residual tells how far the index moved."""
    step = (data.outcome - mean) / mean
    step -= last.resid
    np.exp(step, out=step)
    step *= mean
    return step


def _rank_is_close(moments: Moments) -> bool:
    """Say whether something is so nearly absorbed that effects must be taken out to full precision."""
    left = np.diag(moments.gram)
    if bool(np.any(left <= NEARLY * moments.before)):
        return True
    unit = 1.0 / np.sqrt(left)
    return bool(np.linalg.eigvalsh(unit[:, None] * moments.gram * unit)[0] < NEARLY)


def _fail_if_unusable(data: PoissonData, names: tuple[str, ...]) -> None:
    fail_if_not_finite(data.outcome, "outcome")
    for j, name in enumerate(names):
        fail_if_not_finite(data.columns[:, j], name)
    if data.offset is not None:
        fail_if_not_finite(data.offset, "offset", "a log of zero documents? leave those rows out")
    if (data.outcome < 0).any():
        msg = f"Poisson outcomes must not be negative; {int((data.outcome < 0).sum())} rows are."
        raise DataError(msg)
    if not data.outcome.any():
        raise DataError("Every outcome is zero; there is nothing to fit.")
