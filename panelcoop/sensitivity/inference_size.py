"""Size and power of every inference for a stage contrast, by simulation: which ones hold their level."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from panelcoop.numerics.covariance.covariance import covariance
from panelcoop.numerics.covariance.spatial_hac import SpatialKernel
from panelcoop.numerics.distributions import normal_sf, t_sf
from panelcoop.numerics.regression.least_squares import LinearFit, least_squares
from panelcoop.numerics.resampling.dependent_wild import DRISCOLL_KRAAY_LAG, dependent_wild
from panelcoop.numerics.resampling.jackknife_directions import jackknife_directions
from panelcoop.numerics.resampling.randomisation import randomise_paths
from panelcoop.numerics.resampling.wild_cluster import wild_cluster
from panelcoop.numerics.resampling.wild_draws import WildOptions
from panelcoop.numerics.resampling.wild_regression import WildRegression, prepare_contrasts, wild_from_fit
from panelcoop.options import Covariance, FloatArray, IntArray
from panelcoop.progress import track

__all__ = [
    "METHODS",
    "SizeDesign",
    "StageSample",
    "inference_size",
    "power_designs",
    "section_designs",
    "simulate_stage_sample",
]

SHORT_STAGES = (4, 5, 10, 81)
LONG_STAGES = (10, 20, 40, 30)
OUTBREAK, CONTINUATION = 1, 2
CORRELATION_RANGE = 0.4
DRIVER_ROOT, ERROR_ROOT = 0.7, 0.5
OUTLIER_SHIFT = 10.0
CONLEY_CUTOFF = 0.8
CONTRAST = np.array([[0.0, 1.0, -1.0, 0.0]])


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

    fields: Literal["independent", "spatial"] = "independent"
    lengths: tuple[int, int, int, int] = SHORT_STAGES
    outlier: bool = False
    effect: float = 0.0
    regions: int = 31

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
    options = WildOptions(draws=draws, seed=rng, interval=False)
    return StageSample(fit, wild_from_fit(fit), regions, weeks, distances, options)


def autoregressive_field(root: FloatArray, weeks: int, coefficient: float, rng: np.random.Generator) -> FloatArray:
    """Return a stationary AR(1) field of unit variance, shape (regions, weeks)."""
    shocks = root @ rng.standard_normal((len(root), weeks))
    shocks[:, 1:] *= np.sqrt(1 - coefficient**2)
    for week in range(1, weeks):
        shocks[:, week] += coefficient * shocks[:, week - 1]
    return shocks


def analytic_p(sample: StageSample, kind: Covariance, df: float | None = None) -> float:
    """Return the p-value of a covariance with t or normal critical values."""
    given: dict[str, object] = {}
    if kind in ("CRV1", "CRV3"):
        given = {"clusters": [sample.regions]}
    elif kind == "two-way":
        given = {"clusters": [sample.regions, sample.weeks]}
    elif kind == "driscoll-kraay":
        given = {"weeks": sample.weeks, "lag": DRISCOLL_KRAAY_LAG}
    elif kind == "conley":
        space = SpatialKernel(CONLEY_CUTOFF, distances=sample.distances)
        given = {"units": sample.regions, "weeks": sample.weeks, "lag": DRISCOLL_KRAAY_LAG, "space": space}
    found = covariance(sample.fit, kind, **given)  # type: ignore[arg-type]
    variance = float((CONTRAST @ found.full @ CONTRAST.T)[0, 0])
    if variance <= 0:
        return float("nan")
    statistic = abs(float((CONTRAST @ sample.fit.solution)[0])) / np.sqrt(variance)
    return float(2 * (normal_sf(statistic) if df is None else t_sf(statistic, df)))


def jackknife_p(sample: StageSample) -> float:
    """Return the p-value of CRV3 with t critical values, from the exact changes when each region is left out."""
    contrasts = prepare_contrasts(sample.system, CONTRAST)
    rows = jackknife_directions(sample.system, contrasts.directions, sample.regions).rows[:, 0]
    change = np.bincount(sample.regions, rows * sample.fit.resid)
    regions = change.size
    statistic = abs(float(contrasts.gaps[0])) / float(np.sqrt((regions - 1) / regions * change @ change))
    return float(2 * t_sf(statistic, regions - 1))


def dwb(sample: StageSample) -> float:
    """Return the p-value of DWB-t."""
    return float(dependent_wild(sample.system, CONTRAST, sample.weeks, options=sample.options).p_value[0])


def dwb_reestimated(sample: StageSample) -> float:
    """Return the p-value of DWB-t with region effects re-estimated in every draw."""
    found = dependent_wild(sample.system, CONTRAST, sample.weeks, effects="re-estimated", options=sample.options)
    return float(found.p_value[0])


def wcr(sample: StageSample) -> float:
    """Return the p-value of the restricted wild cluster bootstrap by region."""
    return float(wild_cluster(sample.system, CONTRAST, sample.regions, options=sample.options).p_value[0])


def wcr_two_way(sample: StageSample) -> float:
    """Return the p-value of the restricted bootstrap by region with two-way studentisation."""
    both = (sample.regions, sample.weeks)
    return float(wild_cluster(sample.system, CONTRAST, both, options=sample.options).p_value[0])


def permuted_paths(sample: StageSample) -> float:
    """Return the p-value of exchanging regions' driver paths."""
    found = randomise_paths(sample.system, CONTRAST, sample.regions, sample.weeks, options=sample.options)
    return float(found.p_value[0])


METHODS: dict[str, Callable[[StageSample], float]] = {
    "CRV1 t(30)": lambda sample: analytic_p(sample, "CRV1", sample.regions.max()),
    "CRV3 t(30)": jackknife_p,
    "two-way t(30)": lambda sample: analytic_p(sample, "two-way", sample.regions.max()),
    "Driscoll-Kraay normal": lambda sample: analytic_p(sample, "driscoll-kraay"),
    "Conley-HAC normal": lambda sample: analytic_p(sample, "conley"),
    "WCR region": wcr,
    "WCR two-way": wcr_two_way,
    "randomisation": permuted_paths,
    "DWB-t re-estimated": dwb_reestimated,
    "DWB-t": dwb,
}
"""Every inference of the table: a function from a simulated panel to a p-value."""


def inference_size(
    designs: Sequence[SizeDesign],
    *,
    methods: Sequence[str] = tuple(METHODS),
    replications: int = 2_000,
    draws: int = 399,
    seed: int = 1,
    level: float = 0.05,
) -> pd.DataFrame:
    """Simulate how often each inference rejects, one row per design and method.

    Parameters
    ----------
    designs
        Panel designs.
    methods
        Keys of `METHODS`.
    replications
        Simulated panels per design.
    draws
        Bootstrap draws per panel.
    seed
        Every panel has its own stream: results do not depend on which other designs or methods run.
    level
        Nominal level.

    Returns
    -------
    pandas.DataFrame
        The fields of `SizeDesign`, `design` and `method` in words, `rejects`, its Monte Carlo standard error
        `error`, `undefined` (share of panels without a p-value, which do not reject), `replications` and `draws`.

    Examples
    --------
    >>> table = inference_size([SizeDesign()], methods=["CRV1 t(30)"], replications=20)
    >>> table.shape[0], bool(table["rejects"].between(0, 0.3).all())
    (1, True)
    """
    rows = []
    for design in designs:
        p = np.empty((replications, len(methods)))
        for replication in track(range(replications), design.name):
            rng = np.random.default_rng([seed, replication, *design.name.encode()])
            sample = simulate_stage_sample(design, rng, draws)
            p[replication] = [METHODS[method](sample) for method in methods]
        for method, column in zip(methods, p.T, strict=True):
            share = float(np.mean(column <= level))
            rows.append(
                {
                    "design": design.name,
                    "method": method,
                    "rejects": share,
                    "error": float(np.sqrt(share * (1 - share) / replications)),
                    "undefined": float(np.mean(np.isnan(column))),
                    "replications": replications,
                    "draws": draws,
                    **asdict(design),
                }
            )
    return pd.DataFrame(rows)
