"""Honest event studies: intervals that hold although parallel trends may fail (Rambachan and Roth 2023)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_not_level, fail_if_not_one_of, fail_if_not_whole
from panelcoop.errors import DataError
from panelcoop.estimate.event_study.aggregate import EventAggregate
from panelcoop.estimate.event_study.result import EventStudy
from panelcoop.numerics.distributions import normal_ppf
from panelcoop.numerics.honest.bounds import HonestMethod, HonestProblem, Precision, honest_set
from panelcoop.numerics.honest.identified import identified_set
from panelcoop.numerics.honest.restrictions import Restriction, RestrictionKind, second_differences
from panelcoop.numerics.honest.study import StudyArrays, original_interval
from panelcoop.sensitivity.honest_inputs import EventCoefficients, Target, coefficients_of, study_arrays
from panelcoop.sensitivity.honest_result import HonestBounds

__all__ = ["EventCoefficients", "HonestBounds", "Precision", "Restriction", "honest_did"]

METHODS = ("FLCI", "Conditional", "C-F", "C-LF")
RELATIVE_VALUES = (0.5, 1.0, 1.5, 2.0)
SMOOTH_VALUES = 10  # how many values of M are shown by default


def honest_did(
    study: EventStudy | EventAggregate | EventCoefficients,
    *,
    restriction: RestrictionKind | Restriction = "relative-magnitudes",
    values: Sequence[float] | None = None,
    target: Target = "first",
    method: HonestMethod | None = None,
    level: float = 0.95,
    grid_points: int = 1000,
    precision: Precision | None = None,
) -> HonestBounds:
    """Bound an effect when violations of parallel trends are limited by what was seen before the event.

    Parameters
    ----------
    study
        An event study with a universal reference period, its averages by horizon, or plain coefficients.
    restriction
        "relative-magnitudes" (M times the largest change before the event), "smoothness" (slopes change by at most M),
        "smoothness-relative", or a `Restriction` that adds a sign or a direction.
    values
        Values of M. By default 0.5, 1, 1.5, 2 for relative restrictions; for smoothness ten values from zero to the
        upper bound of the largest change of slope before the event.
    target
        "first" (horizon 0), "average" (all horizons from 0 on), a horizon, or weights.
    method
        "FLCI", "Conditional", "C-F" or "C-LF"; by default FLCI for smoothness alone, C-F for smoothness with a sign or
        direction, C-LF otherwise.
    level
        Confidence level.
    grid_points
        Points of the grid on which tests are inverted.
    precision
        Grid, refinement, draws and seed in one record; it overrides `grid_points`.

    Returns
    -------
    HonestBounds
        Table by M, original interval, breakdown value, conventions.

    Raises
    ------
    IdentificationError
        If the base period varies, or a relative smoothness restriction has fewer than two periods before the event.
    DataError
        If shapes, horizons, values or options do not fit.

    Notes
    -----
    Violations d of parallel trends lie in a union of polyhedra; the effect is l'(beta - d) after the event. FLCI is
    the shortest interval of fixed length around an affine estimator. The conditional test of Andrews, Roth and Pakes
    (2023) takes the largest violated moment as its statistic and compares it with a normal truncated by what lost;
    C-LF and C-F first reject at kappa = alpha / 10 against a least favourable critical value or a fixed-length
    interval. Inference is normal, as in the authors' software, also where the study reports t intervals. The interval
    is the hull of accepted grid points, like theirs: its ends lie at most one step (40 / 999 standard errors and the
    bias' share) inside the exact ends, which ``Precision(refine=True)`` finds. Least favourable critical values are
    simulated (10,000 draws, fixed seed). Moments that involve earlier periods only never enter the tests; with a
    single later period the authors' software keeps them under smoothness, and its conditional intervals are wider.

    References
    ----------
    Rambachan, A. and Roth, J. (2023), A More Credible Approach to Parallel Trends, Review of Economic Studies 90.
    Andrews, I., Roth, J. and Pakes, A. (2023), Inference for Linear Conditional Moment Inequalities, Review of
    Economic Studies 90. Armstrong, T. and Kolesar, M. (2018), Optimal Inference in a Class of Regression Models,
    Econometrica 86.

    Examples
    --------
    >>> plain = EventCoefficients([0.01, -0.02, 0.5, 0.6], 0.01 * np.eye(4), n_pre=2, n_post=2)
    >>> honest_did(plain, restriction="smoothness", values=[0.0, 0.1]).table[["low", "high"]].round(3)
           low   high
    M
    0.0  0.285  0.715
    0.1  0.180  0.807
    """
    rule = restriction if isinstance(restriction, Restriction) else Restriction(restriction)
    chosen = _method(rule, method)
    fail_if_not_level(level)
    fail_if_not_whole(grid_points, "grid_points", 2)
    coefficients, notes = coefficients_of(study)
    arrays = study_arrays(coefficients, target)
    problem = HonestProblem(arrays, rule, chosen, 1 - level, precision or Precision(grid_points))
    table = _table(problem, _values(problem, values))
    return HonestBounds(
        table=table,
        estimate=arrays.target,
        std_error=arrays.std_error,
        original=original_interval(arrays, 1 - level),
        restriction=rule.name,
        method=chosen,
        level=level,
        target=_in_words(arrays, coefficients.later_horizons),
        convention=_convention(problem),
        notes=(*notes, *_notes(problem, table)),
        problem=problem,
    )


def _method(rule: Restriction, method: HonestMethod | None) -> HonestMethod:
    """Choose the interval, as Rambachan and Roth recommend, or check the one asked for."""
    smooth = rule.kind == "smoothness"
    if method is None:
        return "C-LF" if not smooth else "C-F" if rule.shaped else "FLCI"
    fail_if_not_one_of(method, METHODS, "method")
    if not smooth and method in ("FLCI", "C-F"):
        msg = f"'{method}' rests on an interval that exists for smoothness only; use 'C-LF' or 'Conditional'."
        raise DataError(msg)
    return method


def _values(problem: HonestProblem, values: Sequence[float] | None) -> list[float]:
    if values is not None:
        chosen = sorted({float(v) for v in np.ravel(values)})
        if not chosen or not np.isfinite(chosen).all() or chosen[0] < 0:
            msg = f"values must be finite numbers from zero upwards; got {list(np.ravel(values))}."
            raise DataError(msg)
        return chosen
    if problem.restriction.kind != "smoothness":
        return list(RELATIVE_VALUES)
    return [float(v) for v in np.linspace(0.0, _largest_change_of_slope(problem.study), SMOOTH_VALUES)]


def _largest_change_of_slope(study: StudyArrays) -> float:
    """Bound the largest change of slope before the event from above, at 95% for each; one error with one period."""
    if study.n_pre == 1:
        return float(np.sqrt(study.covariance[0, 0]))
    rows = second_differences(study.n_pre, study.n_post)[: study.n_pre - 1]
    error = np.sqrt(np.einsum("ij,jk,ik->i", rows, study.covariance, rows))
    return float((np.abs(rows @ study.estimates) + normal_ppf(0.95) * error).max())


def _table(problem: HonestProblem, values: list[float]) -> pd.DataFrame:
    rows = []
    for value in values:
        found = honest_set(problem, value)
        low, high = identified_set(problem, value)
        outside = bool(found.low > 0 or found.high < 0)
        rows.append((found.low, found.high, outside, low, high, found.pieces))
    columns = ["low", "high", "excludes_zero", "identified_low", "identified_high", "pieces"]
    return pd.DataFrame(rows, columns=columns, index=pd.Index(values, name="M"))


def _in_words(arrays: StudyArrays, horizons: list[int]) -> str:
    """Name the target by its horizons and weights."""
    used = np.flatnonzero(arrays.weights)
    if used.size == 1 and arrays.weights[used[0]] == 1:
        return f"the effect at horizon {horizons[used[0]]}"
    if np.ptp(arrays.weights[used]) == 0 and np.isclose(arrays.weights.sum(), 1):
        return f"the mean effect over horizons {horizons[used[0]]} to {horizons[used[-1]]}"
    terms = [f"{arrays.weights[i]:g} at horizon {horizons[i]}" for i in used]
    return "the combination of effects " + ", ".join(terms)


def _convention(problem: HonestProblem) -> str:
    how = problem.precision
    if problem.method == "FLCI":
        return "shortest fixed-length interval, exact folded normal quantiles; normal inference"
    ends = "endpoints refined" if how.refine else "outermost accepted grid points"
    first = {"C-LF": "least favourable", "C-F": "fixed-length"}.get(problem.method)
    stage = f"first stage {first} at {problem.kappa:g}, " if first else ""
    draws = f", {how.draws:,} draws, seed {how.seed}" if problem.method == "C-LF" else ""
    return f"{stage}moments of later periods only, {how.points:,} grid points, {ends}{draws}; normal inference"


def _notes(problem: HonestProblem, table: pd.DataFrame) -> list[str]:
    notes = []
    if problem.method == "FLCI" and problem.restriction.shaped:
        notes.append("the fixed-length interval makes no use of the sign or direction; C-F does")
    unbounded = table["low"].eq(-np.inf) | table["high"].eq(np.inf)
    for where, text in (
        (table["pieces"] > 1, "accepted values have gaps, the hull is shown"),
        (table["pieces"] == 0, "no value is accepted, the restriction is rejected"),
        (unbounded, "the end of the widest window is still accepted"),
        (
            table["identified_low"].isna(),
            "estimated pre-trends break the restriction, so nothing is identified at them",
        ),
    ):
        shown = [f"{m:g}" for m in table.index[where.to_numpy(dtype=bool)]]
        if shown:
            notes.append(f"at M = {', '.join(shown)}: {text}")
    return notes
