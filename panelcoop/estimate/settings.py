"""What the inferences of one table share, and one line of that table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from panelcoop.checks import fail_if_not_one_of
from panelcoop.errors import DataError
from panelcoop.numerics.covariance.spatial_hac import SpatialKernel
from panelcoop.options import Covariance, Multiplier, SmallSample

__all__ = ["ANALYTIC", "RESAMPLED", "STANDARD", "InferenceRow", "InferenceSettings", "Method", "Resampling"]

Resampling: TypeAlias = Literal["DWB-t", "WCR", "WCU", "WCR-CRV3", "WCR two-way", "RI"]
Method: TypeAlias = Covariance | Resampling

ANALYTIC: tuple[Covariance, ...] = (
    "iid",
    "HC1",
    "HC2",
    "HC3",
    "CRV1",
    "CRV2",
    "CRV3",
    "two-way",
    "newey-west",
    "driscoll-kraay",
    "conley",
)
MULTIPLIERS = ("rademacher", "webb", "mammen", "gaussian")
PRESETS = ("fixest", "stata", "linearmodels", "plm", "none")
RESAMPLED: tuple[Resampling, ...] = ("DWB-t", "WCR", "WCU", "WCR-CRV3", "WCR two-way", "RI")
STANDARD: tuple[Method, ...] = ("DWB-t", "CRV1", "CRV2", "CRV3", "two-way", "driscoll-kraay", "WCR", "RI")


@dataclass(frozen=True)
class InferenceSettings:
    """How the inferences of one table are made.

    Attributes
    ----------
    level
        Of the intervals.
    draws, seed, threads
        Of bootstraps; the numbers do not depend on the threads.
    permutations
        Of randomisation inference, where every one is a refit.
    multiplier
        Of the wild cluster bootstrap.
    clusters
        "region", "week" or a column of the panel.
    small_sample
        Preset of the analytic covariances; its factor also scales the errors of the cluster bootstraps and of
        randomisation inference, whose p-values and intervals do not depend on it.
    lag
        Largest lag in weeks of the analytic covariances; None for each one's default.
    dwb_length, dwb_lag
        Bartlett length of DWB-t's weekly multipliers, and the Driscoll-Kraay lag that studentises it.
    space
        Distances for conley; without it conley is left out of the standard set.
    """

    level: float = 0.95
    draws: int = 9_999
    permutations: int = 999
    seed: int = 20200123
    threads: int = 1
    multiplier: Multiplier = "rademacher"
    clusters: str = "region"
    small_sample: SmallSample = "fixest"
    lag: int | None = None
    dwb_length: int = 8
    dwb_lag: int = 6
    space: SpatialKernel | None = None

    def __post_init__(self) -> None:
        """Refuse what no method could use."""
        fail_if_not_one_of(self.multiplier, MULTIPLIERS, "multiplier")
        fail_if_not_one_of(self.small_sample, PRESETS, "small_sample")
        if not 0 < self.level < 1:
            msg = f"level must lie between 0 and 1 (for example 0.95); got {self.level}."
            raise DataError(msg)
        least = {"draws": 1, "permutations": 1, "threads": 1, "dwb_length": 1, "dwb_lag": 0, "lag": 0}
        for name, bound in least.items():
            given = getattr(self, name)
            if given is not None and given < bound:
                msg = f"{name} must be at least {bound}; got {given}."
                raise DataError(msg)


@dataclass(frozen=True, kw_only=True)
class InferenceRow:
    """One line of the side-by-side table; NaN where a method has no such number."""

    estimate: float = np.nan
    std_error: float = np.nan
    statistic: float = np.nan
    df: float = np.nan
    pvalue: float = np.nan
    conf_low: float = np.nan
    conf_high: float = np.nan
    convention: str = ""
    note: str = ""
