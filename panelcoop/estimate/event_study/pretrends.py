"""What leads can and cannot show: joint tests consistent with the bands, and the power of such tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_not_one_of
from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.bands import sup_t_draws
from panelcoop.estimate.event_study.result import EventStudy
from panelcoop.numerics.distributions import chi2_sf, f_sf, t_ppf
from panelcoop.numerics.event_study.influence import cluster_sums, influence_covariance
from panelcoop.options import FloatArray
from panelcoop.results import WaldTest

__all__ = ["PretrendPower", "PretrendTest", "pretrend_power", "pretrend_tests"]


@dataclass(frozen=True)
class PretrendTest:
    """Joint tests that all leads are zero. Leads are reported, never used as a gate.

    Attributes
    ----------
    wald
        Joint Wald test.
    largest
        Largest studentised lead.
    pvalue
        Its p-value against the sup-t distribution of the leads: below 0.05 exactly when the 95% simultaneous band of
        the leads alone leaves zero out.
    """

    wald: WaldTest
    largest: float
    pvalue: float

    def __str__(self) -> str:
        """Write both tests."""
        return f"{self.wald}\nlargest |t| of the leads {self.largest:.3f}, sup-t p = {self.pvalue:.4f}"


def pretrend_tests(
    study: EventStudy, *, by: Literal["horizon", "cell"] = "horizon", draws: int = 9999, seed: int = 0
) -> PretrendTest:
    """Test that all leads are jointly zero.

    Parameters
    ----------
    study
        An event study with at least one estimated lead.
    by
        "horizon": the averaged leads that are drawn, with the degrees of freedom of the bands; "cell": every cohort
        and week before the event, as the Wald test printed by R did.
    draws, seed
        Simulation of the sup-t distribution.

    Raises
    ------
    IdentificationError
        If there is no lead.
    """
    fail_if_not_one_of(by, ("horizon", "cell"), "by")
    values, cov = _leads_by_horizon(study) if by == "horizon" else _leads_by_cell(study)
    if not values.size:
        msg = "There is no estimated lead to test; the event comes too early or the window has no leads."
        raise IdentificationError(msg)
    rank = int(np.linalg.matrix_rank(cov, hermitian=True))
    chi2 = float(values @ np.linalg.pinv(cov, hermitian=True, rcond=1e-12) @ values)
    df = study.band_df if by == "horizon" else study.df
    finite = bool(np.isfinite(df))
    pvalue = float(f_sf(chi2 / rank, rank, df) if finite else chi2_sf(chi2, rank))
    wald = WaldTest(chi2 / rank if finite else chi2, rank, df, pvalue, f"all leads by {by} = 0", study.convention)
    largest = float(np.max(np.abs(values) / np.sqrt(np.diag(cov))))
    simulated = sup_t_draws(cov, study.band_df, draws, seed)
    return PretrendTest(wald, largest, float((1 + (simulated >= largest).sum()) / (1 + draws)))


def _leads_by_horizon(study: EventStudy) -> tuple[FloatArray, FloatArray]:
    leads = study.leads
    return study.params[leads].to_numpy(), study.cov.loc[leads, leads].to_numpy()


def _leads_by_cell(study: EventStudy) -> tuple[FloatArray, FloatArray]:
    cells = study.needed_cells()
    before = cells.horizon < -study.anticipation
    here = np.flatnonzero(before & cells.estimated & ~cells.reference)
    pick = np.zeros((cells.effect.size, here.size))
    pick[here, np.arange(here.size)] = 1.0
    sums = cluster_sums(cells.influence.combine(pick), study.clusters)
    return cells.effect[here], study.factor * influence_covariance(sums)


@dataclass(frozen=True)
class PretrendPower:
    """What a linear trend of a given slope would do to this event study.

    Attributes
    ----------
    slope
        Change of the trend per week.
    power
        Probability that at least one lead is significant by itself.
    table
        By horizon: the trend, and the mean of the estimate given that no lead was significant.
    """

    slope: float
    power: float
    table: pd.DataFrame


def pretrend_power(
    study: EventStudy,
    *,
    slope: float | None = None,
    power: float = 0.5,
    level: float = 0.95,
    draws: int = 20_000,
    seed: int = 0,
) -> PretrendPower:
    """Ask which linear trend the leads would miss, and what bias it would bring (Roth 2022).

    Parameters
    ----------
    study
        An event study with leads and lags.
    slope
        Slope of the trend per week; None finds the slope that is detected with probability ``power``.
    power
        Detection probability to solve for.
    level
        Level of the test of each lead.
    draws, seed
        Simulation.

    Returns
    -------
    PretrendPower

    Notes
    -----
    With a universal base the trend at horizon h is slope times the distance to the reference; with a varying base
    every lead shows the slope itself. Conditional means average simulated estimates in which no lead was significant.

    References
    ----------
    Roth (2022), "Pretest with Caution", American Economic Review: Insights 4(3).
    """
    if not len(study.leads):
        msg = "There is no estimated lead, so nothing could have detected a trend."
        raise IdentificationError(msg)
    if not 0 < power < 1:
        msg = f"power must lie between 0 and 1; got {power}."
        raise DataError(msg)
    index = study.estimated
    unit = _unit_trend(study, index)
    cov = study.cov.loc[index, index].to_numpy()
    values, vectors = np.linalg.eigh(cov)
    noise = np.random.default_rng(seed).standard_normal((draws, len(index)))
    noise = noise @ (vectors * np.sqrt(np.maximum(values, 0.0))).T
    lead = np.isin(index, study.leads)
    limit = float(t_ppf(0.5 + level / 2, study.df)) * np.sqrt(np.diag(cov))[lead]

    def passed(size: float) -> FloatArray:
        return np.asarray((np.abs(noise[:, lead] + size * unit[lead]) <= limit).all(axis=1))

    chosen = _slope_for(power, passed, limit, unit[lead]) if slope is None else float(slope)
    ok = passed(chosen)
    given = (noise[ok].mean(axis=0) if ok.any() else np.full(len(index), np.nan)) + chosen * unit
    table = pd.DataFrame({"trend": chosen * unit, "mean_if_passed": given}, index=index)
    return PretrendPower(chosen, float(1 - ok.mean()), table)


def _unit_trend(study: EventStudy, index: pd.Index) -> FloatArray:
    reference = max(study.reference) if study.reference else -1 - study.anticipation
    distance = index.to_numpy(dtype=float) - reference
    if study.base_period == "varying":
        distance = np.where(index.to_numpy() < -study.anticipation, 1.0, distance)
    return distance


def _slope_for(power: float, passed: object, limit: FloatArray, unit: FloatArray) -> float:
    """Bisect the slope; rejection grows with it."""
    assert callable(passed)
    high = 10.0 * float(np.max(limit)) / float(np.abs(unit[unit != 0]).min())
    low = 0.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if 1 - passed(middle).mean() < power else (low, middle)
    return 0.5 * (low + high)
