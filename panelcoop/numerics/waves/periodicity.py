"""Hidden periods: Fisher's g against red noise, and the largest likelihood ratio of a harmonic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.errors import DataError
from panelcoop.numerics.waves.autoregression import ar1_paths, correct_root
from panelcoop.options import FloatArray

__all__ = ["PeriodicTest", "fisher_g", "fisher_g_white", "harmonic_lr", "red_noise"]

FEWEST_CYCLES, SHORTEST_PERIOD = 1.5, 8.0
ROOT_CAP = 0.98


@dataclass(frozen=True)
class PeriodicTest:
    """Statistic, bootstrap p-value and period (weeks) at the maximum; root of the red noise under the null."""

    statistic: float
    p: float
    period: float
    root: float


def fisher_g(path: FloatArray, *, draws: int = 999, rng: np.random.Generator) -> PeriodicTest:
    """Test for a hidden period by the largest share of the periodogram, against AR(1) noise.

    Parameters
    ----------
    path
        Shape (T,); a straight line is taken out.
    draws
        Bootstrap paths.
    rng
        Source of randomness.

    Notes
    -----
    g = max I_j / sum I_j over the Fourier frequencies (Fisher 1929). Its tabulated distribution holds for white
    noise only and
    rejects most persistent series; here AR(1) paths (bias-corrected root, Gaussian) are detrended and measured alike.
    """
    g, at = _largest_share(_detrend(path[:, None]))
    null, root = red_noise(path, draws, rng)
    drawn, _ = _largest_share(_detrend(null))
    p = (1 + int((drawn >= g[0]).sum())) / (1 + draws)
    return PeriodicTest(float(g[0]), p, path.size / (int(at[0]) + 1), root)


def fisher_g_white(g: float, ordinates: int) -> float:
    """Return Fisher's exact p-value under white noise: sum_j (-1)^(j-1) C(m, j) (1 - j g)_+^(m-1).

    Examples
    --------
    >>> round(fisher_g_white(0.5, 5), 4)
    0.3125
    """
    j = np.arange(1, int(1 / g) + 1)
    log_choose = np.cumsum(np.log((ordinates - j + 1) / j))
    terms = (-1.0) ** (j - 1) * np.exp(log_choose) * np.maximum(1 - j * g, 0.0) ** (ordinates - 1)
    return float(np.clip(terms.sum(), 0.0, 1.0))


def harmonic_lr(path: FloatArray, *, draws: int = 999, rng: np.random.Generator) -> PeriodicTest:
    """Test a straight line against a line plus one sine wave of unknown period.

    Notes
    -----
    sup over periods from 8 weeks to T / 1.5 of T log(SSR_line / SSR_line+wave); p from AR(1) paths around the
    line. The period is
    not identified under the null (Davies 1977), which the bootstrap takes into account.

    Raises
    ------
    DataError
        If the shortest period does not fit one and a half times (fewer than 12 weeks).
    """
    weeks = path.size
    cycles = np.arange(FEWEST_CYCLES, weeks / SHORTEST_PERIOD + 1e-9, 0.25)
    if cycles.size == 0:
        msg = (
            f"{weeks} weeks hold no period of {SHORTEST_PERIOD:g} weeks one and a half times; at least "
            f"{FEWEST_CYCLES * SHORTEST_PERIOD:g} are needed."
        )
        raise DataError(msg)
    bases = np.stack([_wave_basis(weeks, c) for c in cycles])
    observed = _likelihood_ratios(_detrend(path[:, None]), bases)[:, 0]
    null, root = red_noise(path, draws, rng)
    drawn = _likelihood_ratios(_detrend(null), bases).max(axis=0, initial=0.0)
    best = int(observed.argmax())
    p = (1 + int((drawn >= observed[best]).sum())) / (1 + draws)
    return PeriodicTest(float(observed[best]), p, weeks / float(cycles[best]), root)


def _line(weeks: int) -> FloatArray:
    clock = np.arange(float(weeks))
    return np.column_stack([np.full(weeks, weeks**-0.5), (clock - clock.mean()) / np.linalg.norm(clock - clock.mean())])


def _detrend(paths: FloatArray) -> FloatArray:
    line = _line(len(paths))
    return np.asarray(paths - line @ (line.T @ paths))


def _largest_share(paths: FloatArray) -> tuple[FloatArray, FloatArray]:
    power = np.abs(np.fft.rfft(paths, axis=0)[1 : (len(paths) - 1) // 2 + 1]) ** 2
    return power.max(axis=0) / power.sum(axis=0), np.asarray(power.argmax(axis=0), dtype=np.float64)


def _wave_basis(weeks: int, cycles: float) -> FloatArray:
    """Orthonormal sine and cosine off the straight line, shape (T, 2)."""
    angle = 2 * np.pi * cycles * np.arange(weeks) / weeks
    return np.asarray(np.linalg.qr(_detrend(np.column_stack([np.sin(angle), np.cos(angle)])))[0])


def _likelihood_ratios(paths: FloatArray, bases: FloatArray) -> FloatArray:
    total = (paths * paths).sum(axis=0)
    explained = np.einsum("ftk,tb->fkb", bases, paths)
    return np.asarray(-len(paths) * np.log1p(-(explained**2).sum(axis=1) / total))


def red_noise(path: FloatArray, draws: int, rng: np.random.Generator) -> tuple[FloatArray, float]:
    """Draw AR(1) paths with the bias-corrected root of a path around its straight line, shape (T, draws), and the root.

    Notes
    -----
    Innovations have unit variance: for statistics that do not depend on scale.
    """
    rest = _detrend(path[:, None])[:, 0]
    root = correct_root(float(rest[1:] @ rest[:-1] / (rest[:-1] @ rest[:-1])), 2, path.size, ROOT_CAP)
    return ar1_paths(rng.standard_normal((path.size, draws)), root), root
