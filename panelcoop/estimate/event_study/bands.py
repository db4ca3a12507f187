"""Pointwise intervals and simultaneous (sup-t) bands around effects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_not_level, fail_if_not_one_of
from panelcoop.errors import IdentificationError
from panelcoop.numerics.distributions import t_ppf
from panelcoop.numerics.event_study.influence import multiplier_draws
from panelcoop.options import BoolArray, FloatArray

__all__ = ["BandDraws", "fail_if_one_cluster", "simultaneous_band", "sup_t_draws"]


@dataclass(frozen=True)
class BandDraws:
    """How the largest deviation is simulated.

    Attributes
    ----------
    method
        "plug-in" (t vector with the estimated correlation) or "multiplier" (clusters times random signs).
    draws, seed
        Number of draws and seed.
    """

    method: Literal["plug-in", "multiplier"] = "plug-in"
    draws: int = 9999
    seed: int = 0

    @property
    def signs(self) -> bool:
        """Whether clusters are given random signs."""
        return self.method == "multiplier"

    def __post_init__(self) -> None:
        """Refuse an unknown method."""
        fail_if_not_one_of(self.method, ("plug-in", "multiplier"), "method")


def simultaneous_band(
    params: pd.Series,
    cov: pd.DataFrame,
    df: float,
    sums: FloatArray | None,
    *,
    level: float,
    how: BandDraws,
    live: BoolArray | None = None,
) -> pd.DataFrame:
    """Build both intervals for every coefficient.

    Parameters
    ----------
    params, cov, df
        Estimates, covariance and degrees of freedom.
    sums
        Influence by cluster including the small-sample factor, shape (G, K); needed for "multiplier" only.
    level
        Coverage.
    how
        Simulation.
    live
        Coefficients that vary, shape (K,); those with a positive error by default.

    Raises
    ------
    IdentificationError
        If all regions are in one cluster.

    Notes
    -----
    The band is estimate -+ c times standard error, c the ``level`` quantile of the largest studentised deviation
    (Montiel Olea and Plagborg-Moller 2019): of B draws the one with floor((B + 1)(1 - level)) - 1 above it, so the band
    of a set of coefficients leaves zero out exactly when their sup-t p-value is at most 1 - level. It never is
    narrower than the pointwise interval.
    """
    fail_if_not_level(level)
    fail_if_one_cluster(df)
    std_error = np.sqrt(np.clip(np.diag(cov.to_numpy()), 0, None))
    moving = np.isfinite(std_error) & (std_error > 0)
    live = moving if live is None else moving & live
    pointwise = float(t_ppf(0.5 + level / 2, df))
    critical = np.nan
    if live.any():
        if how.signs:
            assert sums is not None
            boot = multiplier_draws(sums[:, live], how.draws, np.random.default_rng(how.seed))
            std_error = std_error.copy()
            std_error[live] = boot.std_errors
            critical = boot.critical_value(level)
        else:
            largest = sup_t_draws(cov.to_numpy()[np.ix_(live, live)], df, how.draws, how.seed)
            critical = _quantile(largest, level)
        critical = max(critical, pointwise)
    std_error = np.where(live, std_error, np.nan)
    table = pd.DataFrame(
        {
            "estimate": params,
            "std_error": std_error,
            "low": params - pointwise * std_error,
            "high": params + pointwise * std_error,
            "band_low": params - critical * std_error,
            "band_high": params + critical * std_error,
        }
    )
    table.attrs["critical_value"] = critical
    return table


def fail_if_one_cluster(df: float) -> None:
    """Refuse bands and joint tests without degrees of freedom.

    Raises
    ------
    IdentificationError
        If there are none.
    """
    if df < 1:
        msg = "All observations are in one cluster, so nothing shows how clusters vary: choose finer clusters."
        raise IdentificationError(msg)


def _quantile(draws: FloatArray, level: float) -> float:
    above = max(int(np.floor((draws.size + 1) * (1 - level) + 1e-9)), 1)
    return float(np.partition(draws, draws.size - above)[draws.size - above])


def sup_t_draws(cov: FloatArray, df: float, draws: int, seed: int) -> FloatArray:
    """Draw the largest absolute entry of a t vector with the correlation of a covariance, shape (draws,)."""
    scale = np.sqrt(np.diag(cov))
    values, vectors = np.linalg.eigh(cov / np.outer(scale, scale))
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    rng = np.random.default_rng(seed)
    largest: FloatArray = np.abs(rng.standard_normal((draws, len(cov))) @ root.T).max(axis=1)
    if np.isfinite(df):
        largest = largest / np.sqrt(rng.chisquare(df, draws) / df)
    return largest
