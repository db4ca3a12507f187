"""What leads can and cannot show: joint tests consistent with the bands, and the power of such tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_not_level, fail_if_not_one_of
from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.bands import fail_if_one_cluster, sup_t_draws
from panelcoop.estimate.event_study.result import EventStudy
from panelcoop.numerics.distributions import chi2_sf, f_sf, t_ppf, t_sf
from panelcoop.options import FloatArray
from panelcoop.results import WaldTest

__all__ = ["PretrendPower", "PretrendTest", "pretrend_power", "pretrend_tests"]

ABSORBED = 1e-8
"""Response of a lead to a slope of one that is rounding."""


@dataclass(frozen=True)
class PretrendTest:
    """Joint tests that all leads are zero. Leads are reported, never used as a gate.

    Attributes
    ----------
    pvalue
        p-value of the largest studentised lead against the sup-t distribution of the leads: at most 0.05 exactly when
        the 95% band ``study.bands(horizons=study.leads)``, with the same draws and seed, leaves zero out somewhere.
    largest
        Largest studentised lead.
    wald
        Joint Wald test, which looks at combinations of leads too and may decide otherwise than the band.
    """

    wald: WaldTest
    largest: float
    pvalue: float

    def __str__(self) -> str:
        """Write both tests."""
        return f"{self.wald}\nlargest |t| of the leads {self.largest:.3f}, sup-t p = {self.pvalue:.4f}"


def pretrend_tests(
    study: EventStudy,
    *,
    by: Literal["horizon", "cell"] = "horizon",
    anticipated: bool = False,
    draws: int = 9999,
    seed: int = 0,
) -> PretrendTest:
    """Test that all leads are jointly zero.

    Parameters
    ----------
    study
        An event study with at least one estimated lead.
    by
        "horizon": the averaged leads that are drawn, with the degrees of freedom of the bands; "cell": every cohort
        and week before the event, as the Wald test printed by R did where there is no anticipation.
    anticipated
        Whether cells in the weeks of anticipation are tested too, by "cell" only. R did's W does so; but an effect is
        allowed for in these weeks, so rejecting says nothing of parallel trends.
    draws, seed
        Simulation of the sup-t distribution.

    Raises
    ------
    IdentificationError
        If there is no lead with a standard error, or all regions are in one cluster.
    DataError
        If horizons of anticipation are asked for by horizon.
    """
    fail_if_not_one_of(by, ("horizon", "cell"), "by")
    if anticipated and by == "horizon":
        msg = "anticipated=True is R did's W, a test of cells: add by='cell'."
        raise DataError(msg)
    fail_if_one_cluster(study.band_df)
    values, cov = _leads_by_horizon(study) if by == "horizon" else _leads_by_cell(study, anticipated=anticipated)
    if not values.size:
        msg = (
            "There is no lead with an estimate and an error to test: the event comes too early, the window has no "
            "leads, or no variation is left to judge their errors by (see notes)."
        )
        raise IdentificationError(msg)
    rank = int(np.linalg.matrix_rank(cov, hermitian=True))
    chi2 = float(values @ np.linalg.pinv(cov, hermitian=True, rcond=1e-12) @ values)
    df = study.band_df if by == "horizon" else study.df
    finite = bool(np.isfinite(df))
    pvalue = float(f_sf(chi2 / rank, rank, df) if finite else chi2_sf(chi2, rank))
    wald = WaldTest(chi2 / rank if finite else chi2, rank, df, pvalue, f"all leads by {by} = 0", study.convention)
    largest = float(np.max(np.abs(values) / np.sqrt(np.diag(cov))))
    simulated = sup_t_draws(cov, study.band_df, draws, seed)
    joint = float((1 + (simulated >= largest).sum()) / (1 + draws))
    return PretrendTest(wald, largest, max(joint, float(2 * t_sf(largest, study.band_df))))


def _leads_by_horizon(study: EventStudy) -> tuple[FloatArray, FloatArray]:
    leads = study.leads
    return study.params[leads].to_numpy(), study.cov.loc[leads, leads].to_numpy()


def _leads_by_cell(study: EventStudy, *, anticipated: bool) -> tuple[FloatArray, FloatArray]:
    cells = study.needed_cells()
    before = (cells.horizon < (0 if anticipated else -study.anticipation)) & ~np.isnan(study.shown)
    here = np.flatnonzero(before & cells.estimated & ~cells.reference)
    pick = np.zeros((cells.effect.size, here.size))
    pick[here, np.arange(here.size)] = 1.0
    cov = study.rows_covariance(cells.influence.combine(pick))
    judged = np.isfinite(np.diag(cov))
    return cells.effect[here][judged], cov[np.ix_(judged, judged)]


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

    Raises
    ------
    IdentificationError
        If there is no lead, no lead would show the trend (region and week effects absorb it where every region is
        treated at some time), or the estimator is not linear in the outcome.

    Notes
    -----
    The trend: regions ever treated drift by ``slope`` a week against those never treated. What each coefficient makes
    of it is found by estimating again with the weeks since the event as outcome, so the trend column is exact for every
    linear estimator, whatever its reference or controls. Conditional means average simulated estimates in which no
    lead was significant.

    References
    ----------
    Roth (2022), "Pretest with Caution", American Economic Review: Insights 4(3).
    """
    fail_if_not_level(level)
    if not len(study.leads):
        msg = "There is no lead with an estimate and an error, so nothing could have detected a trend."
        raise IdentificationError(msg)
    if not 0 < power < 1:
        msg = f"power must lie between 0 and 1; got {power}."
        raise DataError(msg)
    index = study.estimated
    lead = np.isin(index, study.leads)
    unit = _unit_trend(study)[study.params.index.get_indexer(index)]
    if not np.abs(unit[lead]).max() > ABSORBED:
        msg = (
            "No lead shows a linear trend of treated regions: every region is treated at some time, effects absorb it."
        )
        raise IdentificationError(msg)
    cov = study.cov.loc[index, index].to_numpy()
    values, vectors = np.linalg.eigh(cov)
    noise = np.random.default_rng(seed).standard_normal((draws, len(index)))
    noise = noise @ (vectors * np.sqrt(np.maximum(values, 0.0))).T
    limit = float(t_ppf(0.5 + level / 2, study.df)) * np.sqrt(np.diag(cov))[lead]

    def passed(size: float) -> FloatArray:
        return np.asarray((np.abs(noise[:, lead] + size * unit[lead]) <= limit).all(axis=1))

    chosen = _slope_for(power, passed, limit, unit[lead]) if slope is None else float(slope)
    ok = passed(chosen)
    given = (noise[ok].mean(axis=0) if ok.any() else np.full(len(index), np.nan)) + chosen * unit
    table = pd.DataFrame({"trend": chosen * unit, "mean_if_passed": given}, index=index)
    return PretrendPower(chosen, float(1 - ok.mean()), table)


def _unit_trend(study: EventStudy) -> FloatArray:
    if study.trend is None:
        msg = f"'{study.estimator}' is not linear in the outcome here, so what a trend does to it has no closed form."
        raise IdentificationError(msg)
    return study.trend()


def _slope_for(power: float, passed: object, limit: FloatArray, unit: FloatArray) -> float:
    """Bisect the slope; rejection grows with it."""
    assert callable(passed)
    high = 10.0 * float(np.max(limit)) / float(np.abs(unit).max())
    low = 0.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if 1 - passed(middle).mean() < power else (low, middle)
    return 0.5 * (low + high)
