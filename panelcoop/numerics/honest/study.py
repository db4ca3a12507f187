"""What honest inference needs of an event study: coefficients, covariance, periods, and the target."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from panelcoop.checks import fail_if_not_finite
from panelcoop.errors import DataError
from panelcoop.numerics.distributions import normal_ppf
from panelcoop.options import FloatArray

__all__ = ["StudyArrays", "original_interval"]

SYMMETRY = 1e-8  # relative asymmetry of a covariance that rounding explains


@dataclass(frozen=True)
class StudyArrays:
    """Coefficients of an event study around one reference period, and a linear combination of later ones.

    Attributes
    ----------
    estimates
        Coefficients, earliest period first, the reference period left out; shape (P + T,).
    covariance
        Their covariance, shape (P + T, P + T).
    n_pre
        Periods before the reference, P.
    weights
        Weights l of the target l'tau on the T later effects, shape (T,).

    Raises
    ------
    DataError
        If shapes disagree, numbers are missing, the covariance is asymmetric or not positive definite, or no weight
        differs from zero.
    """

    estimates: FloatArray
    covariance: FloatArray
    n_pre: int
    weights: FloatArray

    def __post_init__(self) -> None:
        p = self.estimates.size
        if self.covariance.shape != (p, p) or self.n_pre + self.weights.size != p:
            msg = (
                f"{p} coefficients need a {p} by {p} covariance and periods that add up; got covariance "
                f"{self.covariance.shape}, {self.n_pre} periods before and {self.weights.size} after the reference."
            )
            raise DataError(msg)
        if self.n_pre < 1 or self.weights.size < 1:
            raise DataError("Honest bounds need at least one period before and one after the reference period.")
        fail_if_not_finite(self.estimates, "estimates", "leave periods without an estimate out of the window")
        fail_if_not_finite(self.covariance, "covariance", "leave periods without a variance out of the window")
        if not np.any(self.weights) or not np.isfinite(self.weights).all():
            raise DataError("The target needs a finite weight that is not zero on at least one effect.")
        _fail_if_not_covariance(self.covariance)

    @property
    def n_post(self) -> int:
        """Periods after the reference, T."""
        return int(self.weights.size)

    @property
    def target(self) -> float:
        """The estimate of the target when trends are parallel."""
        return float(self.weights @ self.estimates[self.n_pre :])

    @property
    def std_error(self) -> float:
        """Its standard error."""
        return float(np.sqrt(self.weights @ self.covariance[self.n_pre :, self.n_pre :] @ self.weights))

    @cached_property
    def root(self) -> FloatArray:
        """A square root R of the covariance, R'R, also where it is singular; shape (P + T, P + T)."""
        values, vectors = np.linalg.eigh(self.covariance)
        return np.asarray((vectors * np.sqrt(values.clip(0.0))).T)


def original_interval(study: StudyArrays, alpha: float) -> tuple[float, float]:
    """Return the usual interval under parallel trends, estimate -+ normal quantile times standard error."""
    half = float(normal_ppf(1 - alpha / 2)) * study.std_error
    return study.target - half, study.target + half


def _fail_if_not_covariance(covariance: FloatArray) -> None:
    scale = np.sqrt(np.diag(covariance)) if (np.diag(covariance) > 0).all() else None
    if scale is None:
        raise DataError("A coefficient has no variance: leave the reference period out, and periods without an error.")
    correlation = covariance / np.outer(scale, scale)
    if np.abs(correlation - correlation.T).max() > SYMMETRY:
        raise DataError("The covariance is not symmetric; check the order of its rows and columns.")
    if np.linalg.eigvalsh(correlation).min() < -SYMMETRY:
        raise DataError("The covariance is not positive semi-definite; check that it belongs to these coefficients.")
