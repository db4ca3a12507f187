"""Coverage and bias of every event-study estimator on simulated panels with known effects."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from panelcoop.errors import PanelcoopWarning
from panelcoop.estimate.event_study.api import EstimatorName, EstimatorOptions, event_study
from panelcoop.estimate.event_study.callaway_santanna import CallawaySantAnna
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.extended_two_way import ExtendedTwoWay
from panelcoop.estimate.event_study.imputation import Imputation
from panelcoop.estimate.event_study.local_projection import LpDid
from panelcoop.estimate.event_study.result import EventStudy
from panelcoop.estimate.event_study.rings import Rings
from panelcoop.estimate.event_study.stacked import Stacked
from panelcoop.options import FloatArray
from panelcoop.panel.record import Panel
from panelcoop.progress import track

__all__ = ["COVERAGE_ESTIMATORS", "CoverageDesign", "event_coverage"]

CoverageDesign: TypeAlias = Literal["same effects", "effects differ by cohort", "spillovers"]
"""What the simulated effects are like."""

REGIONS, WEEKS = 31, 10
INDEX = pd.MultiIndex.from_product([range(REGIONS), range(1, WEEKS + 1)], names=["region", "week"])
STARTS = (4.0, 5.0, 6.0, np.inf, np.inf)
WINDOW = (3, 2)
DRAWS = 999
DIRECT, NEAR = 2.0, 0.5
"""Effects on the region of the event and on its neighbours in the spillover design."""

COVERAGE_ESTIMATORS: Mapping[str, EstimatorName | EstimatorOptions] = MappingProxyType(
    {
        "Callaway-Sant'Anna, never": CallawaySantAnna("never", "universal"),
        "Callaway-Sant'Anna, not yet": CallawaySantAnna("not-yet", "universal"),
        "Sun-Abraham": "sun-abraham",
        "imputation": "imputation",
        "imputation, no leave-out": Imputation(leave_out=False),
        "imputation, path from -1": Imputation(reference=-1),
        "two-stage": "two-stage",
        "extended two-way": ExtendedTwoWay(),
        "stacked": Stacked(*WINDOW),
        "LP-DiD": LpDid(*WINDOW),
        "LP-DiD, least squares": LpDid(*WINDOW, weighting="variance"),
        "two-way": "twfe",
    }
)
"""Estimators by name, as the table shows them."""


@dataclass(frozen=True)
class _Drawn:
    panel: Panel
    events: Events
    truth: Mapping[int, float]  # by horizon from the event on; leads are zero
    estimators: Mapping[str, EstimatorName | EstimatorOptions]
    own: Mapping[str, Mapping[int, float]]  # truth of single estimators that differ


def event_coverage(
    *,
    replications: int,
    seed: int,
    design: CoverageDesign | None = None,
    estimators: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Simulate how often intervals and bands hold the truth, and how far estimates are from it on average.

    Parameters
    ----------
    replications
        Panels per design.
    seed
        Seed.
    design, estimators
        One design, and estimators by their names in the table; all by default.

    Returns
    -------
    pandas.DataFrame
        By design and estimator: bias (mean error over horizons 0 to 2), its Monte Carlo error, the mean standard error
        over the standard deviation of estimates at horizon 0, coverage of pointwise 95% intervals over horizons 0 to
        2, and of the simultaneous band over all horizons shown, replications.

    Notes
    -----
    31 regions over 10 weeks, three cohorts of six or seven and twelve regions never treated, independent errors. In the
    first design the effect is 1 + 0.3 h for all; in the second (g - 3)^2 for the cohort of week g, where two-way
    effects are biased. In the third, regions lie on a line; events change their region by 2 and its two neighbours by
    0.5, and the ring estimator is asked for both.
    """
    rows = []
    for number, (name, draw) in enumerate(DESIGNS.items()):
        if design not in (None, name):
            continue
        found: dict[str, list[tuple[float, ...]]] = {}
        for run in track(range(replications), name):
            drawn = draw(np.random.default_rng([seed, number, run]))
            for label, estimator in drawn.estimators.items():
                if estimators is not None and label not in estimators:
                    continue
                found.setdefault(label, []).append(_one(drawn, label, estimator))
        rows += [{"design": name, "estimator": label, **_summary(np.array(runs))} for label, runs in found.items()]
    return pd.DataFrame(rows)


def _one(drawn: _Drawn, label: str, estimator: EstimatorName | EstimatorOptions) -> tuple[float, ...]:
    """Estimate once: error, estimate and standard error at 0, coverage of intervals and of the band."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PanelcoopWarning)
        study = event_study(drawn.panel, drawn.events, outcome="y", estimator=estimator)
    truth = drawn.own.get(label, drawn.truth)
    table = study.bands(draws=DRAWS)
    lags = np.array([truth[h] for h in truth])
    here = table.loc[list(truth)]
    inside = (here["low"] <= lags) & (lags <= here["high"])
    error = float((here["estimate"] - lags).mean())
    return error, here["estimate"].iloc[0], here["std_error"].iloc[0], float(inside.mean()), _band(study, table, truth)


def _band(study: EventStudy, table: pd.DataFrame, truth: Mapping[int, float]) -> float:
    shown = table.loc[study.estimated]
    target = np.array([truth.get(int(h), 0.0) for h in shown.index])
    return float(((shown["band_low"] <= target) & (target <= shown["band_high"])).all())


def _summary(runs: FloatArray) -> dict[str, float]:
    error, estimate, std_error, inside, band = runs.T
    return {
        "bias": float(error.mean()),
        "bias_error": float(error.std() / np.sqrt(len(runs))),
        "error_ratio": float(std_error.mean() / estimate.std()),
        "pointwise": float(inside.mean()),
        "simultaneous": float(band.mean()),
        "replications": len(runs),
    }


def _staggered(rng: np.random.Generator, effect: Callable[[FloatArray, FloatArray], FloatArray]) -> _Drawn:
    start = rng.permutation(np.resize(np.array(STARTS), REGIONS))
    times = np.arange(1.0, WEEKS + 1)
    horizon = times[None, :] - start[:, None]
    known = np.where(np.isfinite(start), start, 0.0)[:, None]
    y = rng.normal(size=(REGIONS, 1)) + np.sin(times) + rng.normal(size=(REGIONS, WEEKS))
    y += np.where(horizon >= 0, effect(np.maximum(horizon, 0.0), known), 0.0)
    treated = start[np.isfinite(start)]
    truth = {h: float(np.mean(effect(np.full(treated.size, float(h)), treated))) for h in range(WINDOW[1] + 1)}
    return _Drawn(_panel(y), _events(start), truth, COVERAGE_ESTIMATORS, {})


def _line(rng: np.random.Generator) -> _Drawn:
    place = np.arange(REGIONS)
    near = (np.abs(np.subtract.outer(place, place)) == 1).astype(float)
    start = np.full(REGIONS, np.inf)
    start[2::4] = rng.permutation(np.resize([4.0, 5.0, 6.0], place[2::4].size))
    first = np.where(near > 0, start[None, :], np.inf).min(axis=1)
    times = np.arange(1.0, WEEKS + 1)
    y = rng.normal(size=(REGIONS, 1)) + np.sin(times) + rng.normal(size=(REGIONS, WEEKS))
    y += DIRECT * (times >= start[:, None]) + NEAR * (times >= first[:, None])
    horizons = range(WINDOW[1] + 1)
    estimators: dict[str, EstimatorName | EstimatorOptions] = {
        "rings, own region": Rings(near),
        "rings, neighbours": Rings(near, show=1),
        "imputation": "imputation",
    }
    ring = {"rings, neighbours": dict.fromkeys(horizons, NEAR)}
    return _Drawn(_panel(y), _events(start), dict.fromkeys(horizons, DIRECT), estimators, ring)


DESIGNS: Mapping[CoverageDesign, Callable[[np.random.Generator], _Drawn]] = MappingProxyType(
    {
        "same effects": lambda rng: _staggered(rng, lambda h, _: 1 + 0.3 * h),
        "effects differ by cohort": lambda rng: _staggered(rng, lambda _, g: (g - 3) ** 2),
        "spillovers": _line,
    }
)


def _panel(y: FloatArray) -> Panel:
    return Panel(data=pd.DataFrame({"y": y.ravel()}, index=INDEX))


def _events(start: FloatArray) -> Events:
    here = np.flatnonzero(np.isfinite(start))
    table = pd.DataFrame({"region": here, "date": start[here].astype(int)})
    return Events(table, window=WINDOW, ends="dropped")
