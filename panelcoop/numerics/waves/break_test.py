"""One break that all regions share, against straight lines with persistent common and regional noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.numerics.waves.autoregression import ar1_paths
from panelcoop.numerics.waves.common_breaks import break_statistics
from panelcoop.numerics.waves.pooled_root import region_roots
from panelcoop.options import FloatArray

__all__ = ["BreakTest", "break_test", "straight_line"]

CELLS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class BreakTest:
    """Sup-F of a common break, its bootstrap p-value, the last position before it, and the roots of the noise drawn."""

    statistic: float
    p: float
    at: int
    common_root: float
    own_root: float


def break_test(
    paths: FloatArray, *, draws: int = 499, rng: np.random.Generator, cap: float = 0.98, trim: float = 0.15
) -> BreakTest:
    """Test for one break of all regions' levels and slopes at one unknown date.

    Parameters
    ----------
    paths
        Shape (T, N), without gaps.
    draws
        Bootstrap draws.
    rng
        Source of randomness.
    cap
        Largest AR root used for draws.
    trim
        Share of the weeks left out at both ends.

    Returns
    -------
    BreakTest

    Notes
    -----
    The statistic is `sup_f` with a constant and the week. No table of critical values fits: Andrews's (1993) holds for
    regressors without a trend and noise without serial correlation. The null draws keep every region's straight line
    (which drops out) and add AR(1) noise of the mean over regions and of the regions around it, with roots from
    `region_roots`; innovations are resampled as whole weeks, so that dependence between regions is kept.
    p = (1 + #{F* >= F}) / (1 + draws).
    """
    weeks, regions = paths.shape
    columns = straight_line(weeks)
    candidates, profile = break_statistics(paths[:, :, None], columns, trim=trim)
    statistic = float(profile.max())
    frame = np.linalg.qr(columns)[0]
    rest = paths - frame @ (frame.T @ paths)
    common = rest.mean(axis=1, keepdims=True)
    parts, roots = (common, rest - common), []
    for part in parts:
        found = region_roots(part.T, np.arange(float(weeks)), cosines=0, cap=cap).pooled
        roots.append(0.0 if np.isnan(found) else found)
    innovations = [_centred(part[1:] - root * part[:-1]) for part, root in zip(parts, roots, strict=True)]
    above, step = 0, max(1, CELLS_AT_ONCE // (weeks * regions))
    for start in range(0, draws, step):
        picks = rng.integers(0, weeks - 1, size=(min(step, draws - start), weeks)).T
        drawn = sum(ar1_paths(e[picks], root) for e, root in zip(innovations, roots, strict=True))
        null = break_statistics(np.asarray(drawn).transpose(0, 2, 1), columns, trim=trim)[1]
        above += int((null.max(axis=0) >= statistic).sum())
    at = int(candidates[profile[:, 0].argmax()])
    return BreakTest(statistic, (1 + above) / (1 + draws), at, roots[0], roots[1])


def straight_line(weeks: int) -> FloatArray:
    """Return a constant and the week from 0 to nearly 1, shape (T, 2)."""
    return np.column_stack([np.ones(weeks), np.arange(float(weeks)) / weeks])


def _centred(innovations: FloatArray) -> FloatArray:
    return np.asarray(innovations - innovations.mean(axis=0))
