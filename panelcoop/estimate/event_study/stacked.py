"""Stacked event studies: corrective weights (Wing, Freedman and Hollingsworth 2024), or plain least squares."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from panelcoop.checks import fail_if_not_one_of, fail_if_not_whole
from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.cells import EventFit
from panelcoop.estimate.event_study.design import EventDesign
from panelcoop.estimate.event_study.horizons import supported
from panelcoop.numerics.event_study.clustering import SmallSample
from panelcoop.options import FloatArray, IntArray

__all__ = ["Stacked", "stacked_fit"]


@dataclass(frozen=True)
class Stacked:
    """Options of the stacked estimator.

    Attributes
    ----------
    leads, lags
        The window of every sub-experiment, for example 3 and 2; None takes the window of the events.
    weighting
        "corrective": every sub-experiment counts as its treated regions do (Wing, Freedman and Hollingsworth 2024).
        "none": least squares with region and week effects of every sub-experiment (Cengiz, Dube, Lindner and Zipperer
        2019), which counts it by n p (1 - p), p the share of treated regions among its n.
    control
        "not-yet": regions not treated before the window (and anticipation) ends; "never": only those never treated.
    """

    leads: int | None = None
    lags: int | None = None
    weighting: Literal["corrective", "none"] = "corrective"
    control: Literal["not-yet", "never"] = "not-yet"

    def __post_init__(self) -> None:
        """Refuse options outside their vocabulary."""
        fail_if_not_one_of(self.weighting, ("corrective", "none"), "weighting")
        fail_if_not_one_of(self.control, ("not-yet", "never"), "control")
        fail_if_not_whole(self.leads, "leads", 1, optional=True)
        fail_if_not_whole(self.lags, "lags", 0, optional=True)


@dataclass(frozen=True)
class _SubExperiment:
    columns: IntArray  # weeks of the window, (E,)
    treated: IntArray
    controls: IntArray
    levels: FloatArray  # outcome of all units in the window, (N, E)
    weights: FloatArray  # of all units, (N,)

    def mass(self, own: IntArray) -> float:
        return float(self.weights[own].sum())

    def mean(self, own: IntArray) -> FloatArray:
        return np.asarray(self.weights[own] @ self.levels[own] / self.mass(own))


@dataclass(frozen=True)
class _Stacks:
    found: list[_SubExperiment]
    base: int  # place of the reference in the window
    plain: bool  # least squares, without corrective weights
    notes: tuple[str, ...]
    dropped: dict[str, int]

    @property
    def shares(self) -> FloatArray:
        """Share of each sub-experiment in the estimate, shape (S,)."""
        treated = np.array([s.mass(s.treated) for s in self.found])
        controls = np.array([s.mass(s.controls) for s in self.found])
        mass = treated * controls / (treated + controls) if self.plain else treated
        return np.asarray(mass / mass.sum())

    @property
    def estimates(self) -> FloatArray:
        """Differences of changes since the reference, averaged over sub-experiments, shape (E,)."""
        gaps = np.array([s.mean(s.treated) - s.mean(s.controls) for s in self.found])
        return np.asarray(self.shares @ (gaps - gaps[:, [self.base]]))


def stacked_fit(design: EventDesign, options: Stacked) -> tuple[EventDesign, EventFit]:
    """Stack one clean experiment per event week and compare weighted means.

    Raises
    ------
    DataError
        If covariates are given (the published estimator has none) or no window is set.
    IdentificationError
        If no event week has its whole window inside the panel and enough clean controls.

    Notes
    -----
    An event week takes part if the whole window is inside the panel. Corrective weights: treated rows weigh 1, controls
    (N_a^D / N^D) / (N_a^C / N^C), so every horizon averages the same cohorts in proportion to their treated regions;
    weights of regions multiply both, and N are their sums. Errors are those of the weighted regression on horizon
    dummies, treatment and their product. Without them: those of least squares with an effect of every region and every
    week of a sub-experiment. Both are clustered by region over all stacks, with G/(G-1) (n-1)/(n-K); K counts
    horizons, products, and (without weights) the weeks of every sub-experiment, as R fixest does.
    """
    if design.covariates.shape[2]:
        msg = "The stacked estimator has no covariates; use 'callaway-santanna', 'imputation' or 'lp-did'."
        raise DataError(msg)
    leads, lags = _window(design, options)
    horizons = np.arange(-leads, lags + 1)
    stacks = _stacks(design, horizons, options)
    rows = np.zeros((design.starts.size, horizons.size))
    for _, own, error in _errors(stacks):
        rows[own] += error - error[:, [stacks.base]]
    small = _factor(design, stacks, horizons.size)
    counts = [
        float(len(stacks.found)),
        float(sum(s.treated.size for s in stacks.found)),
        float(min(s.controls.size for s in stacks.found)),
    ]
    fit = EventFit(
        horizons=horizons.astype(float),
        estimates=stacks.estimates,
        influence=rows,
        reference=(int(horizons[stacks.base]),),
        base_period="universal",
        cells=None,
        small=small,
        cells_small=small,
        t_tails=True,
        nobs=int(small.rows[0]),
        convention=f"CRV1 by {{cluster}} over {len(stacks.found)} stacks, t({{df}})",
        notes=stacks.notes,
        dropped=stacks.dropped,
        scores=partial(_scores, design, stacks),
        counts=np.tile(counts, (horizons.size, 1)),
    )
    return design, supported(design, fit)


def _factor(design: EventDesign, stacks: _Stacks, E: int) -> SmallSample:
    """Count rows and coefficients over all sub-experiments."""
    used = np.zeros((design.starts.size, 1), dtype=bool)
    for s in stacks.found:
        used[s.treated], used[s.controls] = True, True
    n = float(sum((s.treated.size + s.controls.size) * E for s in stacks.found))
    weeks = float(np.unique(np.concatenate([s.columns for s in stacks.found])).size)
    K = E - 1.0 + E * len(stacks.found) if stacks.plain else 2.0 * E
    return SmallSample(np.array([n]), np.array([K]), used, np.array([weeks]), week_effects=False)


def _errors(stacks: _Stacks) -> list[tuple[_SubExperiment, IntArray, FloatArray]]:
    """Give weighted residuals of levels of every sub-experiment: its treated, and with a minus its controls, (n, E)."""
    shares, estimates = stacks.shares, stacks.estimates
    groups = [(s, own) for s in stacks.found for own in (s.treated, s.controls)]
    if stacks.plain:
        fitted = [path for s in stacks.found for path in _two_way_paths(s, estimates)]
    else:
        means = np.array([s.mean(own) for s, own in groups]).reshape(shares.size, 2, -1)
        fitted = [*np.einsum("s,sge->ge", shares, means)] * shares.size
    out = []
    for k, ((s, own), path) in enumerate(zip(groups, fitted, strict=True)):
        load = s.weights[own] * ((1.0 if k % 2 == 0 else -1.0) * shares[k // 2] / s.mass(own))
        rest = s.levels[own] - path
        out.append((s, own, load[:, None] * (rest - rest.mean(axis=1, keepdims=True) if stacks.plain else rest)))
    return out


def _two_way_paths(s: _SubExperiment, estimates: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Give what least squares fits to treated and controls of a sub-experiment, but for regions' own effects, (E,)."""
    treated, controls = s.mass(s.treated), s.mass(s.controls)
    share = treated / (treated + controls)
    week = share * (s.mean(s.treated) - estimates) + (1 - share) * s.mean(s.controls)
    return week + estimates, week


def _scores(design: EventDesign, stacks: _Stacks) -> FloatArray:
    """Give the influence of every region and week: residuals of a horizon, and those of the reference week less."""
    E = stacks.found[0].columns.size
    out = np.zeros((*design.outcome.shape, E))
    for s, own, error in _errors(stacks):
        for e in np.flatnonzero(np.arange(E) != stacks.base):
            out[own, s.columns[e], e] += error[:, e]
            out[own, s.columns[stacks.base], e] -= error[:, stacks.base]
    return out


def _window(design: EventDesign, options: Stacked) -> tuple[int, int]:
    window = design.events.window or (None, None)
    leads = options.leads if options.leads is not None else window[0]
    lags = options.lags if options.lags is not None else window[1]
    if leads is None or lags is None:
        msg = "The stacked estimator needs a window: Stacked(leads=3, lags=2) or events.with_options(window=(3, 2))."
        raise DataError(msg)
    if leads < 1 + design.anticipation:
        msg = f"leads must reach the reference week {-1 - design.anticipation}; got {leads}."
        raise DataError(msg)
    return leads, lags


def _stacks(design: EventDesign, horizons: IntArray, options: Stacked) -> _Stacks:
    reference = -1 - design.anticipation
    place = {time: t for t, time in enumerate(design.times)}
    studied = np.isfinite(design.starts) & (True if design.studied is None else design.studied)
    needed = design.support.min_controls if design.support.require else 1
    found, lost, incomplete = [], [], 0
    outside, thin = "event weeks without their whole window in the panel", "event weeks with too few clean controls"
    dropped = {outside: 0, thin: 0}
    for start in np.unique(design.starts[studied]):
        weeks, own = start + horizons, studied & (design.starts == start)
        missing = _missing_window(design, weeks)
        if missing:
            lost.append(f"{design.scale.name(start)}: {missing}")
            dropped[outside] += int(design.observed[own].sum())
            continue
        columns = np.array([place[w] for w in weeks])
        levels = design.outcome[:, columns]
        complete = np.asarray(~np.isnan(levels).any(axis=1))
        clean = np.isinf(design.starts)
        if options.control == "not-yet":
            clean = design.starts > weeks[-1] + design.anticipation
        treated, controls = np.flatnonzero(own & complete), np.flatnonzero(clean & complete)
        incomplete += int(design.observed[:, columns][(own | clean) & ~complete].sum())
        if not treated.size or controls.size < needed:
            few = "no clean control" if needed == 1 else f"fewer than {needed} clean controls ({controls.size})"
            lost.append(
                f"{design.scale.name(start)}: {few if treated.size else 'no region observed in its whole window'}"
            )
            dropped[thin] += int(design.observed[np.ix_(treated, columns)].sum())
            continue
        found.append(_SubExperiment(columns, treated, controls, levels, design.unit_weights))
    if not found:
        msg = f"No event week can be stacked ({'; '.join(lost) or 'no events'}). Shorten the window."
        raise IdentificationError(msg)
    notes = (f"event weeks left out: {'; '.join(lost)}",) if lost else ()
    dropped["regions not observed in the whole window of a stack"] = incomplete
    base = int(np.flatnonzero(horizons == reference)[0])
    lost_rows = {why: rows for why, rows in dropped.items() if rows}
    return _Stacks(found, base, options.weighting == "none", notes, lost_rows)


def _missing_window(design: EventDesign, weeks: FloatArray) -> str:
    """Say why a sub-experiment has no complete window, if it has none."""
    if weeks[0] < design.times[0] or weeks[-1] > design.times[-1]:
        return "window not inside the panel"
    return "" if np.isin(weeks, design.times).all() else "a week of the window is not observed"
