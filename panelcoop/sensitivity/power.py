"""Power calibrated on a panel's own residuals: which effects this design could have found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from panelcoop.errors import DataError
from panelcoop.estimate.fitted import week_numbers
from panelcoop.estimate.stage_results import StageInteraction
from panelcoop.numerics.covariance import covariance
from panelcoop.numerics.dependent_wild_many import ContrastDraws, contrast_draws
from panelcoop.numerics.distributions import t_ppf
from panelcoop.numerics.grouping import group_sums
from panelcoop.numerics.wild_draws import WildOptions
from panelcoop.options import FloatArray, IntArray
from panelcoop.progress import track
from panelcoop.sensitivity.power_errors import ErrorScheme, pooled_root, resampled_errors

__all__ = ["PowerCurve", "PowerSettings", "power"]

EFFECTS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
MOST_VALUES = 5_000_000  # errors in memory at once


@dataclass(frozen=True)
class PowerSettings:
    """How power is simulated.

    Attributes
    ----------
    replications
        Panels of errors.
    draws
        Bootstrap draws per panel.
    scheme
        How errors are drawn from the residuals: "ar", "blocks" or "wild" (see `resampled_errors`).
    length
        Weeks of a block, or of the multipliers' dependence.
    level
        Of the tests.
    target
        Power at which the minimum detectable effect is stated.
    dwb_length, dwb_lag
        Of DWB-t.
    seed
        Makes everything repeatable.
    """

    replications: int = 400
    draws: int = 399
    scheme: ErrorScheme = "ar"
    length: int = 8
    level: float = 0.05
    target: float = 0.8
    dwb_length: int = 8
    dwb_lag: int = 6
    seed: int = 20200429


@dataclass(frozen=True, eq=False)
class PowerCurve:
    """Share of simulated panels in which a contrast is found.

    Attributes
    ----------
    table
        Indexed by effect (standard deviations of the outcome within the absorbed effects per standard deviation of the
        driver): `effect_raw` in units of the outcome, `dwb`, `dwb_error`, `crv1`, `crv1_error` (shares that reject, and
        their Monte Carlo standard errors). The first line, effect zero, is the size.
    minimum_detectable
        Smallest effect found with the target power, by test ("dwb", "crv1"), in standard deviations; infinite where
        the largest effect tried is not enough.
    contrast
        The combination of coefficients.
    unit
        What one standard deviation is, in units of the outcome per unit of the driver.
    root
        AR(1) root of the residuals.
    settings
        How it was simulated.
    """

    table: pd.DataFrame
    minimum_detectable: dict[str, float]
    contrast: str
    unit: float
    root: float
    settings: PowerSettings

    def __str__(self) -> str:
        """Say what could have been found."""
        found = {name: f"{value:.2f}" if np.isfinite(value) else "none tried" for name, value in self._detectable()}
        size = self.table.iloc[0]
        return (
            f"Power of {self.contrast} on this panel's residuals (root {self.root:.2f}, {self.settings.scheme}): "
            f"detectable with {self.settings.target:.0%} power {found['dwb']} sd by DWB-t, {found['crv1']} sd by CRV1; "
            f"size {size['dwb']:.3f} and {size['crv1']:.3f}"
        )

    def _detectable(self) -> list[tuple[str, float]]:
        return list(self.minimum_detectable.items())


def power(
    fit: StageInteraction,
    contrast: str,
    *,
    effects: Sequence[float] = EFFECTS,
    settings: PowerSettings | None = None,
) -> PowerCurve:
    """Simulate how often a contrast of a given size would be found in this panel.

    Parameters
    ----------
    fit
        A least-squares stage-interaction regression: its design stays, its residuals give the errors.
    contrast
        One combination of coefficients of one driver, such as "own_risk:outbreak - own_risk:continuation".
    effects
        Sizes of the contrast, in standard deviations of the outcome within the absorbed effects per standard deviation
        of the driver within them; zero is always added.
    settings
        Replications, draws and error scheme.

    Returns
    -------
    PowerCurve

    Raises
    ------
    DataError
        If the fit is Poisson, absorbs no effects, or the contrast is not one combination.
    IdentificationError
        If the contrast is not identified.

    Notes
    -----
    Residuals are inflated by (n/(n - K))^(1/2). An effect added to the driver's column of one stage moves the
    estimate and leaves the residuals, so one panel of errors gives the whole curve: every draw of DWB-t is a polynomial
    in the gap between estimate and null. Power after the fact *at the estimate* says nothing; at sizes fixed beforehand
    it says what the design can find.

    References
    ----------
    Hoenig, Heisey (2001), The American Statistician 55. Burlig, Preonas, Woerman (2020), Journal of Development
    Economics 144.
    """
    agreed = settings or PowerSettings()
    _fail_if_not_least_squares(fit)
    row = fit.hypothesis(contrast).matrix
    if len(row) != 1:
        msg = f"Power is of one combination; '{contrast}' has {len(row)}."
        raise DataError(msg)
    prepared = _prepare(fit, row[0], agreed)
    sizes = np.array(sorted({0.0, *map(float, effects)}))
    unit = _unit(fit, row[0])
    rejects = {"dwb": np.zeros(len(sizes)), "crv1": np.zeros(len(sizes))}
    residuals = _residual_matrix(fit)
    rng = np.random.default_rng([agreed.seed, 1])
    for count in track(_batches(fit, agreed.replications), "power"):
        errors = resampled_errors(residuals, agreed.scheme, count, rng, length=agreed.length)
        rows = errors[:, fit.model.arrays.region, _positions(fit)]
        for estimate, residual in prepared.solve(rows.T):
            rejects["dwb"] += prepared.dwb_rejects(estimate + sizes * unit, residual, agreed.level)
            rejects["crv1"] += prepared.crv1_rejects(estimate + sizes * unit, residual, agreed.level)
    shares = {name: count / agreed.replications for name, count in rejects.items()}
    detectable = {name: _reach(sizes, share, agreed.target) for name, share in shares.items()}
    return PowerCurve(_table(sizes, unit, shares, agreed), detectable, contrast, unit, pooled_root(residuals), agreed)


@dataclass(frozen=True, eq=False)
class _Prepared:
    """The design with everything both tests need."""

    fit: StageInteraction
    columns: FloatArray
    row: FloatArray
    draws: ContrastDraws
    factor: float
    df: float

    def solve(self, outcomes: FloatArray) -> list[tuple[float, FloatArray]]:
        """Estimate and residuals of each outcome, from (n, m)."""
        linear = self.fit.model.linear
        own = linear.absorber.residualise(np.ascontiguousarray(outcomes))
        weighted = self.columns if linear.weights is None else self.columns * linear.weights[:, None]
        solution = linear.bread @ (weighted.T @ own)
        residuals = np.ascontiguousarray((own - self.columns @ solution).T)
        return list(zip((self.row @ solution).tolist(), residuals, strict=True))

    def dwb_rejects(self, gaps: FloatArray, residuals: FloatArray, level: float) -> FloatArray:
        """Say for each gap whether DWB-t rejects, shape (effects,)."""
        draws = self.draws.polynomials(residuals)
        return np.array([self.draws.p_value(draws, float(gap)) <= level for gap in gaps], dtype=float)

    def crv1_rejects(self, gaps: FloatArray, residuals: FloatArray, level: float) -> FloatArray:
        """Say for each gap whether CRV1 with t(G - 1) rejects, shape (effects,)."""
        region = self.fit.model.arrays.region
        scores = group_sums(self.draws.direction * residuals, region, int(region.max()) + 1)
        error = np.sqrt(self.factor * float(scores @ scores))
        return np.asarray(np.abs(gaps) > float(t_ppf(1 - level / 2, self.df)) * error, dtype=float)


def _prepare(fit: StageInteraction, row: FloatArray, settings: PowerSettings) -> _Prepared:
    linear = fit.model.linear
    columns = linear.design.demeaned()[0]
    draws = contrast_draws(
        columns,
        linear.bread,
        row,
        _positions(fit),
        weights=linear.weights,
        length=settings.dwb_length,
        lag=settings.dwb_lag,
        options=WildOptions(draws=settings.draws, seed=settings.seed),
    )
    crv1 = covariance(linear, "CRV1", clusters=[fit.model.arrays.region])
    return _Prepared(fit, columns, row, draws, crv1.factor, float(np.nanmin(crv1.df)))


def _positions(fit: StageInteraction) -> IntArray:
    """Calendar week of each row, shape (n,), from zero."""
    return np.rint(week_numbers(fit.model.arrays)).astype(np.int64)


def _residual_matrix(fit: StageInteraction) -> FloatArray:
    """Lay residuals out by region and calendar week, inflated for the parameters fitted."""
    linear, arrays = fit.model.linear, fit.model.arrays
    week = _positions(fit)
    matrix = np.full((len(arrays.regions), int(week.max()) + 1), np.nan)
    matrix[arrays.region, week] = linear.resid * np.sqrt(linear.nobs / max(linear.df_resid, 1))
    return matrix


def _unit(fit: StageInteraction, row: FloatArray) -> float:
    """Give what one standard deviation of the outcome per one of the driver is, both within the absorbed effects."""
    arrays, door = fit.model.arrays, fit.model.linear.absorber
    asked = {t.family for t, weight in zip(fit.model.terms, row, strict=True) if weight}
    driver = asked.pop() if len(asked) == 1 else ""
    pair = [arrays.numbers[fit.outcome], arrays.numbers.get(driver, np.zeros(fit.nobs))]
    spread = np.sqrt(np.mean(door.residualise(np.column_stack(pair)) ** 2, axis=0))
    return float(spread[0] / spread[1]) if spread[1] > 1e-12 * max(spread[0], 1e-300) else float(spread[0])


def _batches(fit: StageInteraction, replications: int) -> list[int]:
    most = max(1, MOST_VALUES // fit.nobs)
    return [min(most, replications - start) for start in range(0, replications, most)]


def _table(sizes: FloatArray, unit: float, shares: dict[str, FloatArray], settings: PowerSettings) -> pd.DataFrame:
    columns: dict[str, Any] = {"effect_raw": sizes * unit}
    for name, share in shares.items():
        columns |= {name: share, f"{name}_error": np.sqrt(share * (1 - share) / settings.replications)}
    return pd.DataFrame(columns, index=pd.Index(sizes, name="effect"))


def _reach(sizes: FloatArray, share: FloatArray, target: float) -> float:
    """Interpolate the smallest effect at which power reaches the target and stays there."""
    rising = np.maximum.accumulate(share)
    if rising[-1] < target:
        return float("inf")
    at = int(np.argmax(rising >= target))
    if at == 0:
        return float(sizes[0])
    part = (target - rising[at - 1]) / (rising[at] - rising[at - 1])
    return float(sizes[at - 1] + part * (sizes[at] - sizes[at - 1]))


def _fail_if_not_least_squares(fit: StageInteraction) -> None:
    if fit.model.counts is not None:
        raise DataError("Power is simulated for least squares; this fit is Poisson.")
    if fit.model.effects == "none":
        raise DataError("Power needs absorbed effects; this fit absorbs none.")
