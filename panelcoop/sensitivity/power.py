"""Power calibrated on a panel's own residuals: which effects this design could have found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from panelcoop.errors import DataError
from panelcoop.estimate.fitted import week_numbers
from panelcoop.estimate.settings import InferenceSettings
from panelcoop.estimate.stage_results import StageInteraction
from panelcoop.numerics.distributions import t_ppf
from panelcoop.options import FloatArray, IntArray
from panelcoop.progress import track
from panelcoop.sensitivity.power_errors import ErrorScheme, pooled_root, resampled_errors
from panelcoop.sensitivity.shared_design import SharedDesign, shared_design

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
    asked = InferenceSettings(
        draws=agreed.draws, seed=agreed.seed, dwb_length=agreed.dwb_length, dwb_lag=agreed.dwb_lag
    )
    design = shared_design(fit.model.linear, row[0], fit.model.arrays.region, _positions(fit), asked)
    sizes = np.array(sorted({0.0, *map(float, effects)}))
    unit = _unit(fit, row[0])
    rejects = {"dwb": np.zeros(len(sizes)), "crv1": np.zeros(len(sizes))}
    residuals = _residual_matrix(fit)
    rng = np.random.default_rng([agreed.seed, 1])
    for count in track(_batches(fit, agreed.replications), "power"):
        errors = resampled_errors(residuals, agreed.scheme, count, rng, length=agreed.length)
        solved = design.solve(errors[:, fit.model.arrays.region, _positions(fit)].T)
        for estimate, residual in zip(solved.estimates, solved.residuals, strict=True):
            gaps = estimate + sizes * unit
            rejects["dwb"] += _dwb_rejects(design, gaps, residual, agreed.level)
            rejects["crv1"] += _crv1_rejects(design, gaps, residual, agreed.level)
    shares = {name: count / agreed.replications for name, count in rejects.items()}
    detectable = {name: _reach(sizes, share, agreed.target) for name, share in shares.items()}
    return PowerCurve(_table(sizes, unit, shares, agreed), detectable, contrast, unit, pooled_root(residuals), agreed)


def _dwb_rejects(design: SharedDesign, gaps: FloatArray, residuals: FloatArray, level: float) -> FloatArray:
    """Say for each gap whether DWB-t rejects, shape (effects,)."""
    draws = design.draws.polynomials(residuals)
    return np.array([design.draws.p_value(draws, float(gap)) <= level for gap in gaps], dtype=float)


def _crv1_rejects(design: SharedDesign, gaps: FloatArray, residuals: FloatArray, level: float) -> FloatArray:
    """Say for each gap whether CRV1 with t(G - 1) rejects, shape (effects,)."""
    critical = float(t_ppf(1 - level / 2, design.df)) * design.crv1_error(residuals)
    return np.asarray(np.abs(gaps) > critical, dtype=float)


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
