"""Simulated panels of a stage-interaction regression: three worlds by two lengths of stages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, get_args

import numpy as np

from panelcoop.checks import fail_if_not_one_of
from panelcoop.numerics.covariance.covariance import CovarianceRecord, covariance
from panelcoop.numerics.regression.least_squares import LinearFit, least_squares
from panelcoop.numerics.resampling.wild_draws import WildOptions
from panelcoop.numerics.resampling.wild_regression import WildRegression, wild_from_fit
from panelcoop.options import FloatArray, IntArray

__all__ = ["SizeDesign", "StageSample", "power_designs", "section_designs", "simulate_stage_sample"]

SHORT_STAGES = (4, 5, 10, 81)
LONG_STAGES = (10, 20, 40, 30)
OUTBREAK = 1
CORRELATION_RANGE = 0.4
DRIVER_ROOT, ERROR_ROOT = 0.7, 0.5
OUTLIER_SHIFT = 10.0
Fields = Literal["independent", "spatial"]


@dataclass(frozen=True)
class SizeDesign:
    """One simulated panel design.

    Attributes
    ----------
    fields
        Driver and errors "independent" across regions, or "spatial": correlation exp(-distance/.4).
    lengths
        Weeks of the four national stages.
    outlier
        Whether one region's driver is shifted by 10 during the outbreak stage.
    effect
        Effect of the driver in the outbreak stage, in standard deviations; 0 for size.
    regions
        Number of regions.
    """

    fields: Fields = "independent"
    lengths: tuple[int, int, int, int] = SHORT_STAGES
    outlier: bool = False
    effect: float = 0.0
    regions: int = 31

    def __post_init__(self) -> None:
        """Refuse a world that is not known."""
        fail_if_not_one_of(self.fields, get_args(Fields), "fields")

    @property
    def name(self) -> str:
        """The design in words."""
        text = (
            f"{self.fields}{' + one outlier region' if self.outlier else ''}, stages {'/'.join(map(str, self.lengths))}"
        )
        return f"{text}, effect {self.effect:g}" if self.effect else text


@dataclass(frozen=True, eq=False)
class StageSample:
    """One simulated panel, fitted.

    Attributes
    ----------
    fit
        Driver-by-stage regression with region and week effects.
    system
        The same for the bootstrap.
    regions, weeks
        Codes of each row, shape (n,).
    distances
        Between regions, shape (regions, regions).
    options
        Draws and seed of resampling.
    """

    fit: LinearFit
    system: WildRegression
    regions: IntArray
    weeks: IntArray
    distances: FloatArray
    options: WildOptions

    @cached_property
    def crv2(self) -> CovarianceRecord:
        """CRV2 by region, which a single contrast and a joint test share."""
        return covariance(self.fit, "CRV2", clusters=[self.regions])


def section_designs() -> tuple[SizeDesign, ...]:
    """Return the designs of the size table: three worlds by two lengths of stages."""
    worlds = (SizeDesign(), SizeDesign("spatial"), SizeDesign("spatial", outlier=True))
    return tuple(replace(world, lengths=lengths) for world in worlds for lengths in (SHORT_STAGES, LONG_STAGES))


def power_designs() -> tuple[SizeDesign, ...]:
    """Return the designs of the power table: spatial correlation, both lengths of stages, effects .3 and .5 sd."""
    return tuple(
        SizeDesign("spatial", lengths, effect=effect)
        for lengths in (SHORT_STAGES, LONG_STAGES)
        for effect in (0.3, 0.5)
    )


def simulate_stage_sample(design: SizeDesign, rng: np.random.Generator, draws: int = 399) -> StageSample:
    """Draw one panel and fit the stage interactions.

    Notes
    -----
    Positions are uniform on the unit square; driver and errors are AR(1) fields with roots .7 and .5 and unit
    variance. The regression is y on driver x stage (four columns) with region and week effects.
    """
    N, T = design.regions, sum(design.lengths)
    places = rng.random((N, 2))
    distances = np.sqrt(((places[:, None] - places) ** 2).sum(axis=2))
    near = np.eye(N) if design.fields == "independent" else np.exp(-distances / CORRELATION_RANGE)
    root = np.linalg.cholesky(near + 1e-10 * np.eye(N))
    stage = np.repeat(np.arange(4), design.lengths)
    driver = autoregressive_field(root, T, DRIVER_ROOT, rng)
    errors = autoregressive_field(root, T, ERROR_ROOT, rng)
    if design.outlier:
        driver[0, stage == OUTBREAK] += OUTLIER_SHIFT
    outcome = errors + design.effect * driver * (stage == OUTBREAK)
    columns = (driver[:, :, None] * (stage[:, None] == np.arange(4))).reshape(N * T, 4)
    regions, weeks = np.divmod(np.arange(N * T), T)
    fit = least_squares(outcome.ravel(), columns, effects=[regions, weeks])
    options = WildOptions(draws=draws, seed=int(rng.integers(2**63)), interval=False)
    return StageSample(fit, wild_from_fit(fit), regions, weeks, distances, options)


def autoregressive_field(root: FloatArray, weeks: int, coefficient: float, rng: np.random.Generator) -> FloatArray:
    """Return a stationary AR(1) field of unit variance, shape (regions, weeks)."""
    shocks = root @ rng.standard_normal((len(root), weeks))
    shocks[:, 1:] *= np.sqrt(1 - coefficient**2)
    for week in range(1, weeks):
        shocks[:, week] += coefficient * shocks[:, week - 1]
    return shocks
