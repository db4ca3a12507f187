"""Dual vertices of the moment inequalities: the test statistic is the largest of finitely many normals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.errors import IdentificationError
from panelcoop.numerics.honest.rays import extreme_rays
from panelcoop.numerics.honest.restrictions import Polyhedron
from panelcoop.numerics.honest.study import StudyArrays
from panelcoop.options import FloatArray

__all__ = ["Moments", "VertexProcess", "moments_after", "vertex_process"]

NO_VARIANCE = 1e-12  # relative to the largest variance of a moment
FLAT = 1e-10  # slope of a vertex that does not move with the target, relative to the steepest
ROUNDING = 1e-9  # of a moment in units of its standard error


@dataclass(frozen=True)
class VertexProcess:
    """The values of all dual vertices as functions of the target theta, and how they vary together.

    Attributes
    ----------
    level, slope
        The vertices' values are ``level - slope * theta``; shape (v,) each.
    covariance
        Of those values, shape (v, v); zero for vertices that are not random.
    loading
        Covariance of the values with the coefficients, shape (v, P + T).
    root
        Values under the least favourable null are ``draws @ root`` with standard normal draws; shape (P + T, v).
    """

    level: FloatArray
    slope: FloatArray
    covariance: FloatArray
    loading: FloatArray
    root: FloatArray

    def values(self, theta: FloatArray) -> FloatArray:
        """Evaluate all vertices, shape (v, n)."""
        return np.asarray(self.level[:, None] - self.slope[:, None] * theta)

    def satisfied(self) -> tuple[float, float]:
        """Return the targets at which no sample moment is violated; low > high where there are none."""
        flat = np.abs(self.slope) <= FLAT * np.abs(self.slope).max()
        if (self.level[flat] > ROUNDING).any():
            return np.inf, -np.inf
        with np.errstate(divide="ignore", invalid="ignore"):
            at = self.level / self.slope
        up, down = ~flat & (self.slope > 0), ~flat & (self.slope < 0)
        return float(at[up].max(initial=-np.inf)), float(at[down].min(initial=np.inf))


@dataclass(frozen=True)
class Moments:
    """Inequalities E[A beta - b - a theta - X tau] <= 0 of one polyhedron.

    Attributes
    ----------
    matrix, bound, direction, nuisance
        A (m, P + T), b (m,), a (m,), X (m, T - 1).
    sd
        Standard deviations of A beta, shape (m,).
    study
        The coefficients.
    """

    matrix: FloatArray
    bound: FloatArray
    direction: FloatArray
    nuisance: FloatArray
    sd: FloatArray
    study: StudyArrays

    def process(self, weights: FloatArray) -> VertexProcess:
        """Follow given dual vertices, one per row, scaled so that sd'w = 1."""
        weights = weights / (weights @ self.sd)[:, None]
        rows = weights @ self.matrix
        loading = rows @ self.study.covariance
        covariance = loading @ rows.T
        still = np.diag(covariance) <= NO_VARIANCE
        covariance[still, :] = 0.0
        covariance[:, still] = 0.0
        root = self.study.root @ rows.T
        root[:, still] = 0.0
        level = rows @ self.study.estimates - weights @ self.bound
        return VertexProcess(level, weights @ self.direction, covariance, loading, root)


def moments_after(piece: Polyhedron, study: StudyArrays) -> Moments:
    """Keep the inequalities that involve later periods and profile out all effects but the target.

    Notes
    -----
    Inequalities among earlier periods alone do not bound the target and are left out, as the authors' software does
    by default. The nuisance directions are a basis of {tau: l'tau = 0}; the answer does not depend on which.

    Raises
    ------
    IdentificationError
        If the covariance leaves a moment without variance.
    """
    after = piece.matrix[:, study.n_pre :]
    rows = (after != 0).any(axis=1)
    pivot = int(np.flatnonzero(study.weights)[-1])
    others = np.delete(np.arange(study.n_post), pivot)
    basis = np.delete(np.eye(study.n_post), pivot, axis=1)
    basis[pivot] = -study.weights[others] / study.weights[pivot]
    matrix = piece.matrix[rows]
    sd = np.sqrt(np.einsum("ij,jk,ik->i", matrix, study.covariance, matrix))
    if not (sd > np.sqrt(NO_VARIANCE) * sd.max()).all():
        raise IdentificationError(
            "A change between two periods is estimated without error: the covariance is singular."
        )
    return Moments(matrix, piece.bound[rows], after[rows, pivot] / study.weights[pivot], after[rows] @ basis, sd, study)


def vertex_process(moments: Moments) -> VertexProcess | None:
    """Enumerate the dual vertices; None where there are too many.

    Notes
    -----
    The statistic of Andrews, Roth and Pakes (2023) is min eta s.t. y(theta) - X tau <= eta sd, whose dual is
    max w'y(theta) over {w >= 0, X'w = 0, sd'w = 1}. Its vertices are the extreme rays of {w >= 0, X'w = 0}, scaled;
    they do not depend on the data, and the rays not even on the covariance or the magnitude.
    """
    weights = extreme_rays(moments.nuisance)
    return None if weights is None else moments.process(weights)
