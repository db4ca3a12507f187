"""What the inferences of one table share, and one line of that table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

import numpy as np

from panelcoop.checks import fail_if_not_level, fail_if_not_one_of, fail_if_not_whole
from panelcoop.errors import DataError
from panelcoop.numerics.covariance.small_sample import SmallSampleRule
from panelcoop.numerics.covariance.spatial_hac import SpatialKernel
from panelcoop.numerics.resampling.dependent_wild import EffectsInDraws
from panelcoop.numerics.resampling.wild_draws import Ties
from panelcoop.options import Covariance, Multiplier, SmallSample

__all__ = [
    "ANALYTIC",
    "BOOTSTRAPS",
    "RESAMPLED",
    "STANDARD",
    "InferenceRow",
    "InferenceSettings",
    "Method",
    "Resampling",
    "two_dimensions",
]

Resampling: TypeAlias = Literal["DWB-t", "WCR", "WCU", "WCR-CRV3", "WCR two-way", "RI"]
Method: TypeAlias = Covariance | Resampling

ANALYTIC: tuple[Covariance, ...] = get_args(Covariance)
RESAMPLED: tuple[Resampling, ...] = get_args(Resampling)
BOOTSTRAPS: tuple[Resampling, ...] = tuple(name for name in RESAMPLED if name != "RI")
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
        Of randomisation inference: exchanged paths on balanced panels, refits elsewhere.
    multiplier
        Of the wild cluster bootstrap.
    clusters
        "region", "week" or a column of the panel; the two-way methods add the week (or, for "week", the region).
    small_sample
        Preset of the analytic covariances, or an explicit rule for all of them; its CRV1 or two-way factor also scales
        the errors of the cluster bootstraps and of randomisation inference, whose p-values and intervals do not depend
        on it.
    lag
        Largest lag in weeks of the analytic covariances; None for each one's default.
    dwb_length, dwb_lag
        Bartlett length of DWB-t's weekly multipliers, and the Driscoll-Kraay lag that studentises it.
    space
        Distances for conley; without it conley is left out of the standard set.
    boot_clusters
        "region", "week" or a column whose levels share a multiplier of the wild cluster bootstrap, such as regions
        within larger clusters (subclusters); None for the clusters, of two dimensions the one with fewer.
    strata
        Column, constant within a region, whose levels are the strata of randomisation inference; None for none.
    ties
        How a draw as extreme as the data counts in a p-value: "weak" as more extreme, "strict" not at all, "half" by
        half. A p-value is the share of the draws; of the 256 sign vectors of eight clusters the data and their mirror
        image are two, so that one case has 20/256, 18/256 and 19/256.
    dwb_effects
        Whether DWB-t's draws hold the region effects ("kept") or take them out anew ("re-estimated"), which rejects
        less often: see ``dependent_wild``.
    repair
        Set negative eigenvalues of an analytic covariance that is not positive semi-definite to zero; a note says so.

    Raises
    ------
    DataError
        Names the setting that no method could use.
    """

    level: float = 0.95
    draws: int = 9_999
    permutations: int = 999
    seed: int = 20200123
    threads: int = 1
    multiplier: Multiplier = "rademacher"
    clusters: str = "region"
    small_sample: SmallSample | SmallSampleRule = "fixest"
    lag: int | None = None
    dwb_length: int = 8
    dwb_lag: int = 6
    space: SpatialKernel | None = None
    boot_clusters: str | None = None
    strata: str | None = None
    ties: Ties = "weak"
    dwb_effects: EffectsInDraws = "kept"
    repair: bool = False

    def __post_init__(self) -> None:
        """Refuse what no method could use."""
        fail_if_not_one_of(self.multiplier, get_args(Multiplier), "multiplier")
        fail_if_not_one_of(self.ties, get_args(Ties), "ties")
        fail_if_not_one_of(self.dwb_effects, get_args(EffectsInDraws), "dwb_effects")
        if not isinstance(self.small_sample, SmallSampleRule):
            fail_if_not_one_of(self.small_sample, get_args(SmallSample), "small_sample")
        fail_if_not_level(self.level)
        least = {"draws": 1, "permutations": 1, "seed": 0, "threads": 1, "dwb_length": 1, "dwb_lag": 0, "lag": 0}
        for name, bound in least.items():
            fail_if_not_whole(getattr(self, name), name, bound, optional=name == "lag")
        for name in ("clusters", "boot_clusters", "strata"):
            given: object = getattr(self, name)
            if not isinstance(given, str) and not (given is None and name != "clusters"):
                msg = f"{name} is one name: 'region', 'week' or a column; got {given!r}. Two-way methods add the week."
                raise DataError(msg)
        mended: object = self.repair
        if not isinstance(mended, bool):
            msg = f"repair is True or False; got {mended!r}."
            raise DataError(msg)
        place: object = self.space
        if place is not None and not isinstance(place, SpatialKernel):
            msg = f"space is a SpatialKernel(cutoff=..., coordinates=... or distances=...); got {place!r}."
            raise DataError(msg)


def two_dimensions(clusters: str) -> tuple[str, str]:
    """Return the cluster variables of two-way methods: the one asked for and the week.

    Examples
    --------
    >>> two_dimensions("zone"), two_dimensions("week")
    (('zone', 'week'), ('region', 'week'))
    """
    return ("region", "week") if clusters == "week" else (clusters, "week")


@dataclass(frozen=True, kw_only=True)
class InferenceRow:
    """One line of the side-by-side table; NaN where a method has no such number, ``draws`` where it draws none."""

    estimate: float = np.nan
    std_error: float = np.nan
    statistic: float = np.nan
    df: float = np.nan
    pvalue: float = np.nan
    conf_low: float = np.nan
    conf_high: float = np.nan
    draws: float = np.nan
    convention: str = ""
    note: str = ""

    def noting(self, notes: Sequence[str]) -> InferenceRow:
        """Return the line with further notes, each once."""
        said = list(dict.fromkeys(note.rstrip(".") for note in (self.note, *notes) if note))
        return replace(self, note="; ".join(said))
