"""The path that all regions share: week effects of a two-way fit, on levels or on log rates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from panelcoop.checks import name_few
from panelcoop.errors import DataError, IdentificationError
from panelcoop.options import BoolArray, FloatArray

__all__ = ["CommonPath", "poisson_path", "region_scale", "two_way_path"]

MOST_STEPS, MOST_HALVINGS = 100, 40
SETTLED = 1e-9
"""Largest Newton step, in log points, at which the path has settled."""
ROUNDING = 1e-12
"""Share of the terms of the log-likelihood below which a difference is rounding."""


@dataclass(frozen=True)
class CommonPath:
    """The common path and what it was taken from.

    Attributes
    ----------
    path
        Week effects, shape (T,), mean zero over the weeks.
    region_effects
        Shape (N,); NaN for a region without any observation.
    regions
        Number of regions observed in each week, shape (T,).
    method
        "mean over regions", "two-way fit" or "two-way Poisson".
    """

    path: FloatArray
    region_effects: FloatArray
    regions: FloatArray
    method: str


def two_way_path(values: FloatArray, weights: FloatArray | None = None) -> CommonPath:
    """Take the common path as the week effects of a two-way fit.

    Parameters
    ----------
    values
        Shape (N, T): regions by weeks, NaN where missing.
    weights
        None, one per region (N,) or one per cell (N, T); not negative.

    Returns
    -------
    CommonPath

    Raises
    ------
    DataError
        If a week has no observation (drop such weeks first, keeping their position).
    IdentificationError
        If the region-by-week graph falls apart: week effects of different parts cannot be compared.

    Notes
    -----
    Balanced with equal weights: ybar_t = mean_i (y_it - mean_t y_it). Otherwise the normal equations of the week
    effects, (diag(w_.t) - sum_i w_i w_i' / w_i.) d = sum_i w_it (y_it - ybar_i), solved exactly under sum_t d_t = 0.

    Examples
    --------
    >>> two_way_path(np.array([[0.0, 1.0, 2.0], [5.0, 6.0, 7.0]])).path.tolist()
    [-1.0, 0.0, 1.0]
    """
    seen = np.isfinite(values)
    if weights is None and seen.all():
        means = values.mean(axis=1)
        path = values.mean(axis=0) - means.mean()
        return CommonPath(path, means, np.full(values.shape[1], float(len(values))), "mean over regions")
    weight = _cell_weights(seen, weights)
    fail_if_unlinked(weight > 0)
    filled = np.where(weight > 0, values, 0.0)
    total = weight.sum(axis=1)
    share = np.divide(weight, total[:, None], out=np.zeros_like(weight), where=total[:, None] > 0)
    means = (share * filled).sum(axis=1)
    system = np.diag(weight.sum(axis=0)) - weight.T @ share + weight.sum() / weight.shape[1] ** 2
    path = cho_solve(cho_factor(system), (weight * (filled - means[:, None])).sum(axis=0))
    path -= path.mean()
    effects = np.where(total > 0, means - share @ path, np.nan)
    return CommonPath(path, effects, (weight > 0).sum(axis=0).astype(np.float64), "two-way fit")


def poisson_path(counts: FloatArray, exposure: FloatArray | None = None) -> CommonPath:
    """Take the common log-rate path of counts: week effects of a two-way Poisson fit.

    Parameters
    ----------
    counts
        Shape (N, T), not negative, NaN where missing.
    exposure
        Shape (N, T): what the count is a rate of (for example total documents); None for one.

    Returns
    -------
    CommonPath
        ``path`` and ``region_effects`` on the log scale.

    Raises
    ------
    DataError
        If a count is negative, an exposure is not positive where the count is seen, a week has no event at all
        (its log rate is minus infinity), or the fit does not settle.

    Notes
    -----
    E y_it = n_it exp(a_i + d_t) by maximum likelihood; the score equations are the two margins. Region effects are
    solved out, exp(a_i) = y_i. / sum_t n_it exp(d_t), and the concave likelihood of d is climbed by Newton steps,
    halved where they overshoot by more than rounding: with m_it the fitted counts,
    (diag(m_.t) - sum_i m_i m_i' / m_i.) step = y_.t - m_.t.
    Regions without any event carry no information on the path.
    """
    seen = np.isfinite(counts)
    at_risk = np.where(seen, 1.0 if exposure is None else exposure, 0.0)
    _fail_if_not_counts(counts, at_risk, seen)
    fail_if_unlinked(np.where(seen, counts, 0.0) > 0, "positive counts")
    events = np.where(seen, counts, 0.0)
    active = events.sum(axis=1) > 0
    weekly, regional = events.sum(axis=0), events[active].sum(axis=1)
    path = _climb(weekly, regional, at_risk[active])
    effects = np.full(len(counts), -np.inf)
    effects[active] = np.log(regional / (at_risk[active] @ np.exp(path)))
    return CommonPath(path, effects, seen.sum(axis=0).astype(np.float64), "two-way Poisson")


def _climb(weekly: FloatArray, regional: FloatArray, at_risk: FloatArray) -> FloatArray:
    """Return the week effects of the two-way Poisson fit, mean zero over the weeks."""

    def likelihood(d: FloatArray) -> float:
        return float(weekly @ d - regional @ np.log(at_risk @ np.exp(d)))

    path = np.log(weekly / at_risk.sum(axis=0))
    path -= path.mean()
    reached = likelihood(path)
    slack = ROUNDING * float(weekly @ np.abs(path) + regional @ np.abs(np.log(at_risk @ np.exp(path))))
    for _ in range(MOST_STEPS):
        share = at_risk * np.exp(path)
        share /= share.sum(axis=1, keepdims=True)
        fitted = regional @ share
        system = np.diag(fitted) - share.T @ (regional[:, None] * share) + weekly.sum() / weekly.size**2
        step = cho_solve(cho_factor(system), weekly - fitted)
        size = float(np.abs(step).max())
        for _ in range(MOST_HALVINGS):
            ahead = likelihood(path + step)
            if ahead >= reached - slack or size < SETTLED:
                break
            step = step / 2
        path = path + step - step.mean()
        reached = ahead
        if size < SETTLED:
            return np.asarray(path)
    msg = (
        f"The two-way Poisson fit did not settle in {MOST_STEPS} Newton steps; leave out regions or weeks that share "
        "hardly any events with the others."
    )
    raise DataError(msg)


def region_scale(values: FloatArray, common: CommonPath, trend: FloatArray, weights: FloatArray | None = None) -> float:
    """Return the region-sd: how far a region-week strays from its own level and the common trend.

    Parameters
    ----------
    values
        Shape (N, T), as given to the path's function.
    common
        The common path.
    trend
        Smooth trend of the common path, shape (T,): common *noise* counts as straying.
    weights
        As given to `two_way_path`.

    Notes
    -----
    sqrt of the (weighted) mean over seen cells of (y_it - a_i - trend_t)^2.
    """
    weight = _cell_weights(np.isfinite(values), weights)
    stray = np.where(weight > 0, values - common.region_effects[:, None] - trend[None, :], 0.0)
    return float(np.sqrt((weight * stray * stray).sum() / weight.sum()))


def fail_if_unlinked(seen: BoolArray, what: str = "observations") -> None:
    """Raise when a week has none of what is counted, or regions and weeks fall into parts that share nothing."""
    empty = ~seen.any(axis=0)
    if empty.any():
        weeks = name_few(np.flatnonzero(empty))
        msg = f"Week {weeks} (counted from 0) has no {what} with weight: no common path there; drop the week."
        raise DataError(msg)
    shared = csr_array(seen.astype(np.float64).T @ seen.astype(np.float64) > 0)
    parts, labels = connected_components(shared, directed=False)
    if parts > 1:
        sizes = name_few(f"{int((labels == part).sum())} weeks" for part in range(parts))
        msg = f"Regions and weeks fall into {parts} parts that share nothing ({sizes}); test each part alone."
        raise IdentificationError(msg)


def _cell_weights(seen: BoolArray, weights: FloatArray | None) -> FloatArray:
    if weights is None:
        return seen.astype(np.float64)
    wide = weights[:, None] if weights.ndim == 1 else weights
    full = np.where(seen, wide, 0.0)
    if not np.isfinite(full).all() or (full < 0).any():
        regions = name_few(np.flatnonzero((~np.isfinite(full) | (full < 0)).any(axis=1)))
        msg = f"Weights must be finite and not negative; region {regions} (counted from 0) breaks this."
        raise DataError(msg)
    return full


def _fail_if_not_counts(counts: FloatArray, at_risk: FloatArray, seen: BoolArray) -> None:
    if (counts[seen] < 0).any():
        msg = f"{int((counts[seen] < 0).sum())} counts are negative; a log rate needs counts of zero or more."
        raise DataError(msg)
    if not (at_risk[seen] > 0).all():
        rows = name_few(np.flatnonzero((seen & ~(at_risk > 0)).any(axis=1)))
        msg = (
            f"The offset is zero, negative or missing where a count is seen (region {rows}, counted from 0); "
            "set those cells missing."
        )
        raise DataError(msg)
