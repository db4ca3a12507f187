"""Honest bounds at one magnitude: which interval, from which restriction, by which method."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Literal, TypeAlias

import numpy as np

from panelcoop.checks import fail_if_not_whole
from panelcoop.numerics.honest.bias_path import BiasPath, bias_path
from panelcoop.numerics.honest.conditional import ConditionalTest, FirstStage, largest_vertices
from panelcoop.numerics.honest.confidence_set import ConfidenceSet, Scan, accepted_by_any, confidence_set
from panelcoop.numerics.honest.fixed_length import FixedLength, fixed_length
from panelcoop.numerics.honest.restrictions import Polyhedron, Restriction, polyhedra, second_differences
from panelcoop.numerics.honest.study import StudyArrays
from panelcoop.numerics.honest.vertex_pool import dual_polytope, pooled_process, simulated_statistics
from panelcoop.numerics.honest.vertices import Moments, VertexProcess, moments_after, vertex_process
from panelcoop.options import FloatArray

__all__ = ["HonestMethod", "HonestProblem", "Precision", "honest_set", "pieces_with_processes", "set_reaches"]

HonestMethod: TypeAlias = Literal["FLCI", "Conditional", "C-F", "C-LF"]
WINDOW = 20.0  # standard errors of the target on either side of the largest bias, as in the authors' software
FIRST_STAGE = 0.1  # share of alpha spent on the first stage of a hybrid, as Rambachan and Roth recommend
FEWEST_DRAWS = 1_000  # draws behind a least favourable critical value where each needs a linear programme, as in R
DRAWN_CELLS = 2_000_000  # where there are hundreds of vertices, draws times vertices, and at least FEWEST_DRAWS draws
POOL_POINTS = 250  # targets at which a pool of vertices is complete; stretches on which a vertex leads are far longer
FEW_POINTS = 50  # the same for an identified set


@dataclass(frozen=True)
class Precision:
    """How finely to compute.

    Attributes
    ----------
    points
        Grid points of the scan of targets.
    refine
        Refine endpoints beyond the grid; False reports the outermost accepted grid points.
    draws, seed
        Simulated draws behind least favourable critical values, and their seed. Where there are hundreds of dual
        vertices, the first 2 million / vertices draws are used, and at least 1,000.
    """

    points: int = 1000
    refine: bool = False
    draws: int = 10_000
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a grid without two ends, or no draws."""
        fail_if_not_whole(self.points, "points", 2)
        fail_if_not_whole(self.draws, "draws", 1)


@dataclass(frozen=True)
class HonestProblem:
    """An event study, a restriction, a method, and a size.

    Attributes
    ----------
    study, restriction, method
        What is bounded, under what, and how.
    alpha
        One minus the level.
    precision
        Grid and draws.
    """

    study: StudyArrays
    restriction: Restriction
    method: HonestMethod
    alpha: float
    precision: Precision

    @cached_property
    def normals(self) -> FloatArray:
        """Standard normals for least favourable critical values, the same for all magnitudes; shape (n, P + T)."""
        rng = np.random.default_rng(self.precision.seed)
        return rng.standard_normal((self.precision.draws, self.study.estimates.size))

    @cached_property
    def path(self) -> BiasPath:
        """The frontier of affine estimators, the same for all magnitudes."""
        return bias_path(self.study)

    @property
    def kappa(self) -> float:
        """Size of a hybrid's first stage."""
        return FIRST_STAGE * self.alpha

    @property
    def second_size(self) -> float:
        """Size of a hybrid's second stage."""
        return (self.alpha - self.kappa) / (1 - self.kappa)


def honest_set(problem: HonestProblem, magnitude: float) -> ConfidenceSet:
    """Return the confidence set of the target at one magnitude of the restriction.

    Notes
    -----
    FLCI: the shortest fixed-length interval; it knows of no sign or shape. Conditional: the test of Andrews, Roth and
    Pakes at size alpha. C-LF and C-F: a first stage at kappa = alpha / 10 (least favourable critical value;
    fixed-length interval) and the conditional test at (alpha - kappa) / (1 - kappa) given that it passed.
    """
    if problem.method == "FLCI":
        found = fixed_length(problem.study, problem.path, magnitude, problem.alpha)
        return ConfidenceSet(found.estimate - found.half_length, found.estimate + found.half_length, 1)
    first, tests = _tests(problem, magnitude)
    return confidence_set(tests, _scan(problem, magnitude, first))


def set_reaches(problem: HonestProblem, magnitude: float, null: float) -> bool:
    """Say whether the confidence set holds the null or a value beyond it, seen from the estimate."""
    if problem.method == "FLCI":
        found = honest_set(problem, magnitude)
        return found.low <= null <= found.high
    first, tests = _tests(problem, magnitude)
    scan = _scan(problem, magnitude, first)
    ends = np.array([scan.centre - scan.half, scan.centre + scan.half])
    far = ends[0] if problem.study.target >= null else ends[1]
    return bool(accepted_by_any(tests, np.linspace(null, far, scan.points // 2)).any())


def pieces_with_processes(problem: HonestProblem, magnitude: float) -> Iterator[tuple[Polyhedron, VertexProcess]]:
    """Walk through the polyhedra of the restriction with their dual vertices, whatever the method."""
    study = problem.study
    for piece in polyhedra(problem.restriction, magnitude, study.n_pre, study.n_post):
        moments = moments_after(piece, study)
        process = vertex_process(moments)
        if process is None:
            process = pooled_process(dual_polytope(moments), _window(problem, magnitude, FEW_POINTS), -np.inf)
        yield piece, process


def _tests(problem: HonestProblem, magnitude: float) -> tuple[FixedLength | None, list[ConditionalTest]]:
    """Set up one test per polyhedron; polyhedra that ask the same of later periods are tested once."""
    first = fixed_length(problem.study, problem.path, magnitude, problem.kappa) if problem.method == "C-F" else None
    found = {}
    for piece in polyhedra(problem.restriction, magnitude, problem.study.n_pre, problem.study.n_post):
        moments = moments_after(piece, problem.study)
        key = moments.matrix.tobytes() + moments.bound.tobytes()
        if key not in found:
            found[key] = _test(problem, moments, magnitude, first)
    return first, list(found.values())


def _test(problem: HonestProblem, moments: Moments, magnitude: float, first: FixedLength | None) -> ConditionalTest:
    """Find the dual vertices and the first stage of one polyhedron."""
    process = vertex_process(moments)
    if process is None:
        polytope = dual_polytope(moments)
        most = _critical(problem, partial(simulated_statistics, polytope), FEWEST_DRAWS)
        process = pooled_process(polytope, _window(problem, magnitude, POOL_POINTS), most)
    else:
        draws = max(FEWEST_DRAWS, DRAWN_CELLS // process.level.size)
        most = _critical(problem, partial(largest_vertices, process), draws)
    if problem.method == "Conditional":
        return ConditionalTest(process, problem.alpha, FirstStage())
    if first is None:
        return ConditionalTest(process, problem.second_size, FirstStage(most=most))
    stage = FirstStage(weights=first.weights, half_length=first.half_length)
    return ConditionalTest(process, problem.second_size, stage, first.estimate)


def _critical(problem: HonestProblem, statistics: Callable[[FloatArray], FloatArray], draws: int) -> float:
    """Take the 1 - kappa quantile of simulated statistics, of type 7 as in R; infinite without such a first stage."""
    if problem.method != "C-LF":
        return np.inf
    return float(np.quantile(statistics(problem.normals[:draws]), 1 - problem.kappa))


def _window(problem: HonestProblem, magnitude: float, points: int) -> FloatArray:
    """Lay out targets at which a pool of vertices is complete: the first window, and ends of a window twice as wide."""
    scan = _scan(problem, magnitude, None)
    inner = np.linspace(scan.centre - scan.half, scan.centre + scan.half, points)
    return np.concatenate([[scan.centre - 2 * scan.half], inner, [scan.centre + 2 * scan.half]])


def _scan(problem: HonestProblem, magnitude: float, first: FixedLength | None) -> Scan:
    """Choose the first window: the fixed-length interval, or 20 standard errors around the largest plausible bias."""
    study, how = problem.study, problem.precision
    if first is not None:
        return Scan(first.estimate, first.half_length, how.points, how.refine, widen=False)
    before = np.append(study.estimates[: study.n_pre], 0.0)
    after = np.abs(study.weights)
    if problem.restriction.kind == "relative-magnitudes":
        bias = magnitude * np.abs(np.diff(before)).max() * float(np.arange(1, study.n_post + 1) @ after)
    else:
        late = np.linalg.solve(second_differences(study.n_pre, study.n_post)[study.n_pre - 1 :, study.n_pre :].T, after)
        relative = problem.restriction.kind == "smoothness-relative"
        unit = np.abs(np.diff(before, n=2)).max(initial=0.0) if relative else 1.0
        bias = magnitude * unit * float(np.abs(late).sum())
    return Scan(study.target, float(bias) + WINDOW * study.std_error, how.points, how.refine)
