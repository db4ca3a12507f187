"""Size and power of the wave test by simulation: the tables that show what a verdict is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from panelcoop.numerics.waves.ascent_test import AscentSettings, exceedance, noise_threshold
from panelcoop.numerics.waves.autoregression import (
    VARIANCE_LEVEL,
    NoiseDraws,
    ar1_paths,
    constant_variance,
    cosine_basis,
    draw_noise,
    fit_noise,
)
from panelcoop.numerics.waves.common_path import poisson_path, two_way_path
from panelcoop.numerics.waves.interrupted_ascent import ascent_of, count_episodes
from panelcoop.numerics.waves.smoothing import gaussian_smoother
from panelcoop.options import FloatArray
from panelcoop.progress import track
from panelcoop.sensitivity.wave_designs import COUNTED, Design, common_noise, exposure_of, mean_path, simulate_panel

__all__ = ["Rejections", "panel_rejections", "path_rejections", "wave_size"]

REPLICATIONS_AT_ONCE = 50
FROM_PANELS = ("missing", *COUNTED)


@dataclass(frozen=True)
class Rejections:
    """Shares of replications, with the mean threshold and root.

    Attributes
    ----------
    ascent
        Share in which U rejects at the level.
    two_waves
        Share with W >= 2.
    threshold, fitted_root
        Mean noise range c and mean bias-corrected AR root.
    replications
        Number of simulated panels.
    """

    ascent: float
    two_waves: float
    threshold: float
    fitted_root: float
    replications: int


def wave_size(
    designs: Sequence[Design],
    *,
    replications: int = 1000,
    draws: int = 199,
    seed: int = 1,
    noise_draws: NoiseDraws = "auto",
) -> pd.DataFrame:
    """Simulate the rejection rates of the wave test, one row per design.

    Parameters
    ----------
    designs
        Cells of the table.
    replications
        Simulated panels per cell.
    draws
        Bootstrap draws per panel.
    seed
        Each cell has its own stream: a cell's figure does not depend on the others.
    noise_draws
        How noise is drawn: see `panelcoop.numerics.waves.autoregression.draw_noise`.

    Returns
    -------
    pandas.DataFrame
        The fields of `Design` and of `Rejections`.

    Notes
    -----
    Designs whose common path has a known law are simulated as paths (see `common_noise`), the others as panels.

    Examples
    --------
    >>> table = wave_size([Design("linear", weeks=52)], replications=20, draws=99)
    >>> float(table["ascent"].iloc[0])
    0.0
    """
    settings = AscentSettings(draws=draws, noise_draws=noise_draws)
    rows = []
    for design in track(designs, "simulating wave tests"):
        rng = np.random.default_rng([seed, *_stream(design)])
        run = panel_rejections if design.noise in FROM_PANELS else path_rejections
        rows.append({**asdict(design), **asdict(run(design, replications, settings, rng))})
    return pd.DataFrame(rows)


def path_rejections(
    design: Design, replications: int, settings: AscentSettings, rng: np.random.Generator
) -> Rejections:
    """Run the test on many simulated common paths at once.

    Notes
    -----
    The same steps as `ascent_test`, in matrices: within a block of replications the draws share the picked weeks (each
    replication resamples its own innovations), which changes nothing in law for any one of them.
    """
    clock = np.arange(float(design.weeks))
    noise = common_noise(design, replications, rng)
    paths = mean_path(design.truth, design.weeks, design.amplitude)[:, None] + noise
    smoother = gaussian_smoother(clock, settings.bandwidth * design.weeks)
    smooth = smoother @ paths
    roots, innovations = _fit_many(paths, clock, settings)
    ranges = np.empty((settings.draws, replications))
    for start in range(0, replications, REPLICATIONS_AT_ONCE):
        block = slice(start, start + REPLICATIONS_AT_ONCE)
        drawn = ar1_paths(_draw_many(innovations[:, block], settings, rng), roots[block])
        spread = np.ptp(smoother @ drawn.reshape(design.weeks, -1), axis=0)
        ranges[:, block] = spread.reshape(settings.draws, -1)
    ranges.sort(axis=0)
    rank = int(np.ceil((settings.draws + 1) * (1 - settings.level) - 1e-9)) - 1
    threshold = ranges[rank]
    return Rejections(
        ascent=float(np.mean(ascent_of(smooth) > threshold)),
        two_waves=float(np.mean(count_episodes(smooth, threshold) >= 2)),
        threshold=float(threshold.mean()),
        fitted_root=float(roots.mean()),
        replications=replications,
    )


def panel_rejections(
    design: Design, replications: int, settings: AscentSettings, rng: np.random.Generator
) -> Rejections:
    """Run the test on simulated panels, one by one: missing cells and weeks, counts and their volume."""
    found = []
    for _ in range(replications):
        values = simulate_panel(design, rng)
        seen = np.isfinite(values).any(axis=0)
        values, clock = values[:, seen], np.flatnonzero(seen).astype(np.float64)
        rate = poisson_path(values, exposure_of(design)[:, seen]) if design.noise in COUNTED else two_way_path(values)
        path = rate.path
        fit = fit_noise(path, clock, cosines=settings.cosines, cap=settings.root_cap)
        smoother = gaussian_smoother(clock, settings.bandwidth * design.weeks)
        drawn = draw_noise(fit, clock, settings.draws, rng, settings.noise_draws)
        ranges = np.sort(np.ptp(smoother @ drawn, axis=0))
        threshold, smooth = noise_threshold(ranges, settings.level), smoother @ path
        rejected = exceedance(ranges, float(ascent_of(smooth))) <= settings.level
        found.append((rejected, int(count_episodes(smooth, threshold)) >= 2, threshold, fit.root))
    ascent, two_waves, threshold, root = np.mean(np.array(found, dtype=np.float64), axis=0)
    return Rejections(float(ascent), float(two_waves), float(threshold), float(root), replications)


def _fit_many(paths: FloatArray, clock: FloatArray, settings: AscentSettings) -> tuple[FloatArray, FloatArray]:
    """Roots (R,) and innovations (T - 1, R) of many complete paths: `fit_noise` in matrices."""
    weeks = len(paths)
    basis = cosine_basis(clock, min(settings.cosines, weeks // 6))
    residuals = paths - basis @ np.linalg.lstsq(basis, paths, rcond=None)[0]
    now, before = residuals[1:], residuals[:-1]
    raw = (now * before).sum(axis=0) / (before * before).sum(axis=0)
    k = basis.shape[1]
    roots = np.clip(raw + (k + (k + 1) * raw) / weeks, -settings.root_cap, settings.root_cap)
    innovations = now - roots * before
    innovations = (innovations - innovations.mean(axis=0)) * np.sqrt(weeks / (weeks - k))
    return np.asarray(roots), np.asarray(innovations)


def _draw_many(innovations: FloatArray, settings: AscentSettings, rng: np.random.Generator) -> FloatArray:
    """Innovations of drawn paths, shape (T, draws, R): resampled, or with random signs where their size varies."""
    weeks = len(innovations) + 1
    drawn = innovations[rng.integers(0, weeks - 1, size=(weeks, settings.draws))]
    unsteady = constant_variance(innovations, np.arange(1.0, weeks) / (weeks - 1)) <= VARIANCE_LEVEL
    wild = unsteady if settings.noise_draws == "auto" else np.full(unsteady.shape, settings.noise_draws == "wild")
    if wild.any():
        placed = np.vstack([innovations[:1], innovations])[:, None, wild]
        drawn[:, :, wild] = placed * rng.choice([-1.0, 1.0], size=(weeks, settings.draws))[:, :, None]
    return np.asarray(drawn)


def _stream(design: Design) -> list[int]:
    """Whole numbers that name a design, for its own random stream."""
    text = "|".join(str(value) for value in asdict(design).values())
    return [int(byte) for byte in text.encode()]
