"""Common and idiosyncratic: the factor behind the regions, and waves of single regions after it is removed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Unpack

import numpy as np
import pandas as pd

from panelcoop.checks import name_few
from panelcoop.numerics.waves.ascent_test import noise_threshold
from panelcoop.numerics.waves.autoregression import ar1_paths, at_root, fit_noise
from panelcoop.numerics.waves.cross_dependence import CrossDependence, first_factor, pesaran_cd
from panelcoop.numerics.waves.interrupted_ascent import ascent_of, up_down_up_of
from panelcoop.numerics.waves.pooled_root import region_roots
from panelcoop.numerics.waves.smoothing import gaussian_smoother
from panelcoop.options import BoolArray, FloatArray
from panelcoop.panel.record import Panel, as_panel
from panelcoop.waves.inputs import NO_RATE, InputOptions, WaveInput, fail_if_given, wave_input
from panelcoop.waves.primary import thresholds_for
from panelcoop.waves.thresholds import WaveThresholds

__all__ = ["RegionWaves", "region_waves", "step_down"]


@dataclass(frozen=True)
class RegionWaves:
    """Waves of single regions beside the common path.

    Attributes
    ----------
    table
        One row per region: loading on the first factor, U and A3 of what the region does on its own, AR root of its
        noise, noise range c, p-value of A3, and the same adjusted for all regions (Romano-Wolf); both NaN where the
        noise is too persistent or the region is seen in fewer than ``minimum_weeks`` weeks.
    factor_share
        Share of the within-region variance that the first factor explains.
    mean_and_factor
        Correlation of the common mean path with the first factor.
    common
        By week: mean path and first factor.
    dependence, remaining_dependence
        Pesaran's CD before and after the first factor is removed; the second is biased downward.
    pooled_root
        AR root of the noise that all regions share.
    notes
        What was done to missing cells; why p-values are missing.
    """

    table: pd.DataFrame
    factor_share: float
    mean_and_factor: float
    common: pd.DataFrame
    dependence: CrossDependence
    remaining_dependence: CrossDependence
    pooled_root: float
    notes: tuple[str, ...]


def region_waves(
    panel: Panel | pd.DataFrame,
    *,
    outcome: str,
    thresholds: WaveThresholds | None = None,
    **how: Unpack[InputOptions],
) -> RegionWaves:
    """Test each region for waves of its own, after the first common factor is removed.

    Parameters
    ----------
    panel
        A panel, or a frame with region and week as index or columns.
    outcome
        Column to test.
    thresholds
        As for `wave_test`.
    **how
        bounds, as for `wave_test`; weights and offset are refused.

    Returns
    -------
    RegionWaves

    Raises
    ------
    DataError
        If weights or an offset are given, or as for `wave_test`.

    Notes
    -----
    v_it = y_it - a_i - l_i f_t. Each region has its own AR(1) noise around linear plus half-cosines; draws resample
    whole *week vectors* of innovations, so that what is left of dependence between regions is kept. Adjusted p-values
    follow the step-down of Romano and Wolf (2005) on A3_i divided by region i's noise range c_i. A3 (up, down, up)
    rather than U, because the factor takes the drift away.

    One region's own root is too noisy to rest on: by itself it makes a fifth, more than half and two thirds of
    panels of 31 regions and 100 weeks without any wave reject somewhere at 5%, with idiosyncratic roots of .8, .9
    and .95. Each region therefore uses the larger of its own root and the pooled root of all, both by
    `region_roots`, and where the pooled root exceeds ``maximum_root`` nothing is concluded: p-values are NaN.
    Simulated (300 panels), some region then rejects in .00 of panels with roots of .4, .8 and
    .9, in .01 with .95 and in .04 with random walks (no conclusion in 0, 0, 33, 43 and 35 percent of panels).
    Regions that differ much are harder: .07 with 3 of 31 regions at .95 and the others at .4, but .17 with 10 of
    them; look at the column ``root``. Regions seen in fewer than ``minimum_weeks`` weeks are left out of the step-down,
    as the primary test concludes nothing from so few.
    """
    fail_if_given(how, {"weights": "every region is tested by itself", "offset": NO_RATE}, "A test region by region")
    record = as_panel(panel)
    agreed = thresholds_for(record, thresholds)
    work = wave_input(record, outcome, **how)
    factor = first_factor(work.values)
    own = work.values - np.nanmean(work.values, axis=1, keepdims=True) - np.outer(factor.loadings, factor.path)
    filled, notes = _fill(own, work)
    roots = region_roots(own, work.positions, cosines=agreed.cosines, cap=agreed.root_cap)
    used = np.fmax(roots.own, roots.pooled)
    ranges, smooth = _ranges(filled, work.positions, used, agreed)
    critical = np.array([noise_threshold(np.sort(column), agreed.level) for column in ranges.T])
    scale = np.where(critical > 0, critical, np.inf)
    waves = np.array([up_down_up_of(path) for path in smooth.T])
    long, why = _testable(work, roots.pooled, agreed)
    p, p_adjusted = np.full_like(waves, np.nan), np.full_like(waves, np.nan)
    if long.any():
        p[long] = _p_values(ranges[:, long], waves[long])
        p_adjusted[long] = step_down((waves / scale)[long], (ranges / scale)[:, long])
    columns = {
        "loading": factor.loadings,
        "ascent": ascent_of(smooth),
        "up_down_up": waves,
        "root": used,
        "threshold": critical,
        "p": p,
        "p_adjusted": p_adjusted,
    }
    mean = work.common().path
    return RegionWaves(
        table=pd.DataFrame(columns, index=work.regions.rename("region")),
        factor_share=factor.share,
        mean_and_factor=float(np.corrcoef(mean, factor.path)[0, 1]),
        common=pd.DataFrame({"mean": mean, "first_factor": factor.path}, index=work.weeks.rename("week")),
        dependence=pesaran_cd(work.values),
        remaining_dependence=pesaran_cd(own),
        pooled_root=roots.pooled,
        notes=work.notes + notes + why,
    )


def step_down(statistics: FloatArray, draws: FloatArray) -> FloatArray:
    """Return Romano-Wolf adjusted p-values of one-sided statistics.

    Parameters
    ----------
    statistics
        Shape (m,), large against the null.
    draws
        Joint null draws, shape (B, m).

    Examples
    --------
    >>> draws = np.arange(1.0, 20.0)[:, None] * np.ones((1, 2))
    >>> step_down(np.array([30.0, 10.0]), draws).tolist()
    [0.05, 0.55]
    """
    order = np.argsort(-statistics, kind="stable")
    adjusted = np.empty(statistics.size)
    worst = 0.0
    for step, one in enumerate(order):
        largest = draws[:, order[step:]].max(axis=1)
        worst = max(worst, float((1 + (largest >= statistics[one]).sum()) / (1 + len(draws))))
        adjusted[one] = worst
    return adjusted


def _testable(work: WaveInput, pooled: float, agreed: WaveThresholds) -> tuple[BoolArray, tuple[str, ...]]:
    """Regions that get a p-value, shape (N,), and why others do not."""
    weeks = np.isfinite(work.values).sum(axis=1)
    if pooled > agreed.maximum_root:
        why = f"pooled AR root {pooled:.2f} exceeds {agreed.maximum_root:g}"
        return np.zeros(weeks.size, dtype=bool), (f"No p-values: the noise of regions is too persistent ({why}).",)
    long: BoolArray = np.asarray(weeks >= agreed.minimum_weeks)
    if long.all():
        return long, ()
    few = f"fewer than {agreed.minimum_weeks} weeks seen"
    if not long.any():
        return long, (f"No p-values: {few}.",)
    return long, (f"No p-value for region {name_few(work.regions[~long])}: {few}.",)


def _fill(own: FloatArray, work: WaveInput) -> tuple[FloatArray, tuple[str, ...]]:
    """Bridge missing cells of a region by straight lines."""
    seen = np.isfinite(own)
    if seen.all():
        return own, ()
    filled = np.array([np.interp(work.positions, work.positions[s], row[s]) for row, s in zip(own, seen, strict=True)])
    return filled, (f"{(~seen).mean():.1%} of cells bridged by straight lines for the region-by-region tests.",)


def _ranges(
    values: FloatArray, positions: FloatArray, roots: FloatArray, agreed: WaveThresholds
) -> tuple[FloatArray, FloatArray]:
    """Noise ranges (draws, N) from joint week vectors with the given roots, and smooth paths (T, N)."""
    smoother = gaussian_smoother(positions, agreed.bandwidth * (positions[-1] - positions[0] + 1))
    innovations = np.column_stack(
        [
            at_root(fit_noise(row, positions, cosines=agreed.cosines), positions, float(root)).innovations
            for row, root in zip(values, roots, strict=True)
        ]
    )
    rng = np.random.default_rng(agreed.seed)
    span = int(positions[-1] - positions[0]) + 1
    seen = np.rint(positions - positions[0]).astype(np.int64)
    ranges = np.empty((agreed.draws, len(values)))
    for draw in range(agreed.draws):
        noise = ar1_paths(innovations[rng.integers(0, len(innovations), span)], roots)
        ranges[draw] = np.ptp(smoother @ noise[seen], axis=0)
    return ranges, np.asarray(smoother @ values.T)


def _p_values(ranges: FloatArray, ascent: FloatArray) -> FloatArray:
    p = (1 + (ranges >= ascent).sum(axis=0)) / (1 + len(ranges))
    return np.asarray(np.where(ascent > 0, p, 1.0))
