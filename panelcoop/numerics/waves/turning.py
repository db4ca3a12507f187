"""Shape of a path: the U test, two lines, turning points, persistence of peaks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.numerics.distributions import t_ppf, t_sf
from panelcoop.numerics.waves.path_regression import path_regression
from panelcoop.options import FloatArray, IntArray

__all__ = ["LindMehlum", "TwoLines", "lind_mehlum", "peak_persistence", "turning_points", "two_lines"]


@dataclass(frozen=True)
class LindMehlum:
    """The U test of Lind and Mehlum (2010).

    Attributes
    ----------
    shape
        "inverse U" or "U": which of them the sign of the square suggests.
    slope_low, slope_high, t_low, t_high
        Slopes at the ends of the interval and their t ratios.
    statistic, p
        Smaller of the two signed t ratios and its one-sided p-value.
    turning, fieller
        Turning point and its Fieller interval, (-inf, inf) where the square is not significant.
    delta_error
        Standard error of the turning point by the delta method.
    """

    shape: str
    slope_low: float
    slope_high: float
    t_low: float
    t_high: float
    statistic: float
    p: float
    turning: float
    fieller: tuple[float, float]
    delta_error: float


@dataclass(frozen=True)
class TwoLines:
    """Slopes and p-values on both sides of the breakpoint; p is the larger of the two if the signs differ, else 1."""

    breakpoint: float
    slopes: tuple[float, float]
    p_values: tuple[float, float]
    p: float


def lind_mehlum(
    coef: FloatArray, cov: FloatArray, low: float, high: float, *, df: float = np.inf, level: float = 0.95
) -> LindMehlum:
    """Test for a (inverse) U within an interval.

    Parameters
    ----------
    coef
        Coefficients of x and x^2, shape (2,).
    cov
        Their covariance, shape (2, 2).
    low, high
        Ends of the interval of x.
    df
        Degrees of freedom of t.
    level
        Coverage of the Fieller interval.

    Notes
    -----
    H0: the curve is monotone on the interval or bends the other way. Inverse U: min(t_low, -t_high), t at the ends
    of the slope
    b + 2 c x, one-sided (Sasabuchi 1980). Turning point -b / (2c); Fieller: all x with
    (b + 2cx)^2 <= q^2 (V_bb + 4x V_bc + 4x^2 V_cc).

    References
    ----------
    Lind, J. T. and H. Mehlum (2010), With or without U?, *Oxford Bulletin of Economics and Statistics* 72, 109-118.

    Examples
    --------
    >>> found = lind_mehlum(np.array([4.0, -0.5]), np.diag([0.25, 0.0025]), 0.0, 10.0)
    >>> found.shape, round(found.turning, 6), round(found.t_low, 6)
    ('inverse U', 4.0, 8.0)
    """
    b, c = float(coef[0]), float(coef[1])
    sign = 1.0 if c < 0 else -1.0

    def slope(x: float) -> tuple[float, float]:
        value = b + 2 * c * x
        return value, value / float(np.sqrt(cov[0, 0] + 4 * x * cov[0, 1] + 4 * x * x * cov[1, 1]))

    (slope_low, t_low), (slope_high, t_high) = slope(low), slope(high)
    statistic = min(sign * t_low, -sign * t_high)
    turning = -b / (2 * c) if c else float("nan")
    gradient = np.array([-1 / (2 * c), b / (2 * c * c)]) if c else np.full(2, np.nan)
    return LindMehlum(
        shape="inverse U" if c < 0 else "U",
        slope_low=slope_low,
        slope_high=slope_high,
        t_low=t_low,
        t_high=t_high,
        statistic=statistic,
        p=float(t_sf(statistic, df)),
        turning=turning,
        fieller=_fieller(b, c, cov, float(t_ppf(0.5 + level / 2, df))),
        delta_error=float(np.sqrt(gradient @ cov @ gradient)),
    )


def two_lines(path: FloatArray, smooth: FloatArray, *, bandwidth: float) -> TwoLines:
    """Test for a sign change of the slope with two lines on either side of a breakpoint.

    Parameters
    ----------
    path
        Shape (T,), equally spaced.
    smooth
        Smooth of the path, shape (T,): finds the first breakpoint.
    bandwidth
        Standard deviation in weeks of the Gaussian kernel behind the smooth: it averages over 2 sqrt(pi) times as many
        weeks, which makes its standard error.

    Notes
    -----
    Start at the middle of the weeks whose smooth lies within one standard error of the most extreme interior
    value; move the breakpoint within them towards the weaker line, to the quantile |z2| / (|z1| + |z2|) ("Robin
    Hood"). Newey-West errors.

    References
    ----------
    Simonsohn, U. (2018), Two lines, *Advances in Methods and Practices in Psychological Science* 1, 538-555.
    """
    weeks = path.size
    clock = np.arange(float(weeks))
    quadratic = path_regression(path, np.column_stack([np.ones(weeks), clock, clock**2]))
    bend = -1.0 if quadratic.coef[2] < 0 else 1.0
    error = float(np.std(path - smooth)) / np.sqrt(max(2 * np.sqrt(np.pi) * bandwidth, 1.0))
    inside = slice(int(0.1 * weeks), weeks - int(0.1 * weeks))
    extreme = float((-bend * smooth[inside]).max())
    flat = np.flatnonzero(-bend * smooth >= extreme - error)
    flat = flat[(flat >= 3) & (flat < weeks - 3)]
    flat = flat if flat.size else np.array([weeks // 2])
    first = _lines(path, clock, float(np.median(flat)))
    strength = abs(first[2][1]) / (abs(first[2][0]) + abs(first[2][1]))
    at = float(np.quantile(flat, strength))
    slopes, p_values, _ = _lines(path, clock, at)
    opposite = slopes[0] * slopes[1] < 0
    return TwoLines(at, slopes, p_values, max(p_values) if opposite else 1.0)


def turning_points(path: FloatArray, *, window: int = 3, phase: int = 4, cycle: int = 10) -> tuple[IntArray, IntArray]:
    """Date peaks and troughs: extreme within a window, alternating, phases and cycles of a minimum length.

    Parameters
    ----------
    path
        Shape (T,).
    window
        A peak is the largest value within so many weeks on both sides; no point that close to an end is dated.
    phase, cycle
        Fewest weeks from peak to trough, and from peak to peak.

    Returns
    -------
    (peaks, troughs)
        Positions. A description, not a test: noise has turning points too.

    Notes
    -----
    After Bry and Boschan (1971) and Harding and Pagan (2002): of two peaks in a row the higher stays; a phase or
    cycle that is
    too short loses its less extreme point.

    Examples
    --------
    >>> peaks, troughs = turning_points(np.sin(np.arange(60) / 4.0))
    >>> peaks.tolist(), troughs.tolist()
    ([6, 31], [19, 44])
    """
    dated = range(window, path.size - window)
    points = [(t, kind) for t in dated for kind in (1, -1) if _extreme(kind * path, t, window)]
    points = _alternate(points, path)
    changed = True
    while changed:
        changed = False
        for i in range(len(points) - 1):
            short_phase = points[i + 1][0] - points[i][0] < phase
            short_cycle = i + 2 < len(points) and points[i + 2][0] - points[i][0] < cycle
            if short_phase or short_cycle:
                points = _alternate(points[:i] + points[i + 2 :] if short_phase else _weaker_out(points, path, i), path)
                changed = True
                break
    peaks = np.array([t for t, kind in points if kind == 1], dtype=np.int64)
    return peaks, np.array([t for t, kind in points if kind == -1], dtype=np.int64)


def peak_persistence(path: FloatArray) -> FloatArray:
    """Return the persistence of every peak, largest first: how far one must descend from it to reach a higher peak.

    Notes
    -----
    Zero-dimensional persistent homology of the superlevel sets; the highest peak persists over the whole range.

    Examples
    --------
    >>> peak_persistence(np.array([0.0, 3.0, 1.0, 2.0, 0.5])).tolist()
    [3.0, 1.0]
    """
    parent: dict[int, int] = {}
    found = []
    for t in np.argsort(-path, kind="stable").tolist():
        roots = sorted({_root(parent, s) for s in (t - 1, t + 1) if s in parent}, key=lambda r: -path[r])
        parent[t] = roots[0] if roots else t
        for lower in roots[1:]:
            found.append(float(path[lower] - path[t]))
            parent[lower] = roots[0]
    found.append(float(path.max() - path.min()))
    return np.sort(np.array([f for f in found if f > 0]))[::-1]


def _root(parent: dict[int, int], t: int) -> int:
    while parent[t] != t:
        t = parent[t]
    return t


def _fieller(b: float, c: float, cov: FloatArray, q: float) -> tuple[float, float]:
    square = 4 * (c * c - q * q * float(cov[1, 1]))
    middle = 4 * (b * c - q * q * float(cov[0, 1]))
    rest = b * b - q * q * float(cov[0, 0])
    discriminant = middle * middle - 4 * square * rest
    if square <= 0 or discriminant < 0:
        return -np.inf, np.inf
    half = float(np.sqrt(discriminant))
    return (-middle - half) / (2 * square), (-middle + half) / (2 * square)


def _lines(
    path: FloatArray, clock: FloatArray, at: float
) -> tuple[tuple[float, float], tuple[float, float], tuple[float, float]]:
    """Slopes, two-sided p-values and t ratios of lines that end and begin at the breakpoint, jump allowed."""
    after = (clock > at).astype(np.float64)
    columns = np.column_stack([np.ones_like(clock), (clock - at) * (1 - after), (clock - at) * after, after])
    fit = path_regression(path, columns)
    t = fit.coef / np.sqrt(np.maximum(np.diag(fit.cov), 1e-300))
    p = 2 * t_sf(np.abs(t), fit.df)
    return (float(fit.coef[1]), float(fit.coef[2])), (float(p[1]), float(p[2])), (float(t[1]), float(t[2]))


def _extreme(path: FloatArray, t: int, window: int) -> bool:
    around = path[max(t - window, 0) : t + window + 1]
    return bool(path[t] >= around.max() and path[t] > path[t - 1] and path[t] >= path[t + 1])


def _alternate(points: list[tuple[int, int]], path: FloatArray) -> list[tuple[int, int]]:
    kept: list[tuple[int, int]] = []
    for t, kind in points:
        if kept and kept[-1][1] == kind:
            if kind * path[t] > kind * path[kept[-1][0]]:
                kept[-1] = (t, kind)
        else:
            kept.append((t, kind))
    return kept


def _weaker_out(points: list[tuple[int, int]], path: FloatArray, i: int) -> list[tuple[int, int]]:
    """Drop the less extreme of points i and i + 2, which are of one kind."""
    kind = points[i][1]
    drop = i if kind * path[points[i][0]] < kind * path[points[i + 2][0]] else i + 2
    return points[:drop] + points[drop + 1 :]
