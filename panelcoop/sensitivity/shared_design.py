"""A fitted design whose contrast can be asked of many outcomes: estimate, DWB-t and CRV1 without a refit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.errors import IdentificationError
from panelcoop.estimate.settings import InferenceSettings
from panelcoop.numerics.covariance.covariance import covariance
from panelcoop.numerics.distributions import t_sf
from panelcoop.numerics.estimable import estimable_rows
from panelcoop.numerics.grouping import group_sums
from panelcoop.numerics.regression.least_squares import LinearFit
from panelcoop.numerics.resampling.dependent_wild_many import ContrastDraws, contrast_draws
from panelcoop.numerics.resampling.wild_draws import WildOptions
from panelcoop.options import FloatArray, IntArray

__all__ = ["SharedDesign", "Solved", "shared_design"]


@dataclass(frozen=True, eq=False)
class Solved:
    """The contrast for m outcomes.

    Attributes
    ----------
    estimates
        Shape (m,).
    residuals
        Shape (m, n).
    within
        Standard deviation of each outcome within the absorbed effects, shape (m,).
    """

    estimates: FloatArray
    residuals: FloatArray
    within: FloatArray


@dataclass(frozen=True, eq=False)
class SharedDesign:
    """Everything of a regression but its outcome, for one contrast; `shared_design` makes it.

    Attributes
    ----------
    fit
        Least squares of any outcome on the design.
    columns
        Residualised regressors, shape (n, k).
    contrast
        R, shape (k,).
    draws
        DWB-t of the contrast, ready for any outcome.
    factor, df
        Small-sample factor and degrees of freedom of CRV1.
    region
        Codes, shape (n,).
    """

    fit: LinearFit
    columns: FloatArray
    contrast: FloatArray
    draws: ContrastDraws
    factor: float
    df: float
    region: IntArray

    def solve(self, outcomes: FloatArray) -> Solved:
        """Estimate the contrast for outcomes (n, m)."""
        own = self.fit.absorber.residualise(np.ascontiguousarray(outcomes))
        weighted = self.columns if self.fit.weights is None else self.columns * self.fit.weights[:, None]
        solution = self.fit.bread @ (weighted.T @ own)
        residuals = own - self.columns @ solution
        step = self.fit.bread @ (weighted.T @ residuals)
        residuals -= self.columns @ step
        within = np.sqrt(np.mean(own**2, axis=0))
        return Solved(self.contrast @ (solution + step), np.ascontiguousarray(residuals.T), within)

    def crv1_error(self, residuals: FloatArray) -> float:
        """Return the CRV1 standard error of the contrast by region, from residuals (n,)."""
        scores = group_sums(self.draws.direction * residuals, self.region, int(self.region.max()) + 1)
        return float(np.sqrt(self.factor * float(scores @ scores)))

    def crv1_p(self, estimate: float, residuals: FloatArray) -> float:
        """Return the two-sided p-value of CRV1; NaN where the error is zero."""
        error = self.crv1_error(residuals)
        return float(2 * t_sf(abs(estimate) / error, self.df)) if error > 0 else float("nan")


def shared_design(
    fit: LinearFit,
    contrast: FloatArray,
    region: IntArray,
    weeks: IntArray,
    settings: InferenceSettings,
    *,
    multipliers: FloatArray | None = None,
) -> SharedDesign:
    """Prepare a fitted design for a contrast.

    Parameters
    ----------
    fit
        With absorbed effects.
    contrast
        R, shape (k,).
    region, weeks
        Region and calendar week of each row, shape (n,).
    settings
        Draws, seed, lags and small-sample convention.
    multipliers
        See `contrast_draws`.

    Raises
    ------
    IdentificationError
        If the contrast is not identified.
    DataError
        If there are too few weeks or regions.
    """
    if not estimable_rows(contrast[None, :], fit.null_space)[0]:
        pairs = zip(fit.names, fit.identified, contrast, strict=True)
        lost = [name for name, known, weight in pairs if weight and not known]
        msg = f"The contrast is not identified: it moves with {', '.join(lost)} under these effects and stages."
        raise IdentificationError(msg)
    columns = fit.design.demeaned()[0]
    draws = contrast_draws(
        columns,
        fit.bread,
        contrast,
        weeks,
        weights=fit.weights,
        length=settings.dwb_length,
        lag=settings.dwb_lag,
        options=WildOptions(draws=settings.draws, seed=settings.seed),
        multipliers=multipliers,
    )
    crv1 = covariance(fit, "CRV1", clusters=[region], small_sample=settings.small_sample)
    known = crv1.df[np.isfinite(crv1.df)]
    return SharedDesign(
        fit, columns, contrast, draws, crv1.factor, float(known.min()) if known.size else np.inf, region
    )
