"""From an event study, or plain arrays, to what honest bounds need; what cannot be bounded is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from panelcoop.checks import fail_if_not_one_of, name_few
from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.aggregate import EventAggregate
from panelcoop.estimate.event_study.result import EventStudy
from panelcoop.numerics.honest.study import StudyArrays
from panelcoop.options import FloatArray

__all__ = ["EventCoefficients", "Target", "coefficients_of", "study_arrays"]

Target: TypeAlias = Literal["first", "average"] | int | Sequence[float] | Mapping[int, float]
"""What is bounded: the effect at horizon 0, the mean of effects from horizon 0 on, one horizon, or weights."""


@dataclass(frozen=True)
class EventCoefficients:
    """Event-study coefficients around one reference period, from any program.

    Attributes
    ----------
    estimates
        Earliest period first, the reference period left out; shape (P + T,).
    covariance
        Shape (P + T, P + T).
    n_pre, n_post
        Coefficients before and after the reference period.
    first_horizon
        Event time of the first coefficient after the reference period; below zero where effects may be anticipated.
    base_period
        "universal" if all coefficients compare with the reference period, as they must.
    """

    estimates: ArrayLike
    covariance: ArrayLike
    n_pre: int
    n_post: int
    first_horizon: int = 0
    base_period: str = "universal"

    def __post_init__(self) -> None:
        """Refuse an unknown base period."""
        fail_if_not_one_of(self.base_period, ("universal", "varying"), "base_period")

    @property
    def later_horizons(self) -> list[int]:
        """Event times of the coefficients after the reference period."""
        return list(range(self.first_horizon, self.first_horizon + self.n_post))


def coefficients_of(
    study: EventStudy | EventAggregate | EventCoefficients,
) -> tuple[EventCoefficients, tuple[str, ...]]:
    """Take the unbroken run of horizons around the reference period, and say what lies beyond it.

    Raises
    ------
    IdentificationError
        If the base period varies, not exactly one reference horizon is fixed at zero, or averages are not by horizon.
    DataError
        If no horizon is estimated next to the reference on either side.
    """
    _fail_if_varying(study.base_period)
    if isinstance(study, EventCoefficients):
        return study, ()
    if isinstance(study, EventAggregate) and study.by != "horizon":
        msg = (
            f"Honest bounds need leads and lags, and averages by {study.by} have none: use by='horizon', or the study."
        )
        raise IdentificationError(msg)
    if len(study.reference) != 1:
        msg = (
            f"Honest bounds compare all horizons with one reference period; '{study.estimator}' fixes "
            f"{len(study.reference)} horizons at zero ({name_few(study.reference) or 'none'}). Use an estimator with "
            "one universal reference, for example Callaway-Sant'Anna with base='universal', Sun-Abraham, or "
            "Imputation(reference=-1)."
        )
        raise IdentificationError(msg)
    reference, pooled = int(study.reference[0]), set(study.pooled)
    known = {int(h) for h in study.estimated} - pooled
    before, after = _run(reference, -1, known)[::-1], _run(reference, 1, known)
    if not before or not after:
        side = "before" if not before else "after"
        msg = f"No horizon {side} the reference {reference} is estimated next to it."
        raise DataError(msg)
    kept = [*before, *after]
    lost = sorted(known - set(kept))
    notes: tuple[str, ...] = (f"horizons beyond a gap are left out: {name_few(lost, 12)}",) if lost else ()
    notes += (f"pooled ends of the window are left out: {name_few(sorted(pooled))}",) if pooled else ()
    estimates = study.params.loc[kept].to_numpy(dtype=float)
    covariance = study.cov.loc[kept, kept].to_numpy(dtype=float)
    return EventCoefficients(estimates, covariance, len(before), len(after), after[0]), notes


def study_arrays(coefficients: EventCoefficients, target: Target) -> StudyArrays:
    """Put coefficients and target into arrays.

    Raises
    ------
    DataError
        If shapes disagree, or the target names a horizon that is not there.
    """
    estimates = np.asarray(coefficients.estimates, dtype=float).ravel()
    covariance = np.asarray(coefficients.covariance, dtype=float)
    return StudyArrays(estimates, covariance, coefficients.n_pre, _weights(coefficients.later_horizons, target))


def _weights(horizons: list[int], target: Target) -> FloatArray:
    """Turn a target into weights on later horizons."""
    if isinstance(target, str):
        if target not in ("first", "average"):
            msg = f"target must be 'first', 'average', a horizon, or weights; got '{target}'."
            raise DataError(msg)
        from_event = [h for h in horizons if h >= 0] or horizons
        chosen = from_event[:1] if target == "first" else from_event
        target = {h: 1.0 / len(chosen) for h in chosen}
    elif isinstance(target, int | np.integer):
        target = {int(target): 1.0}
    elif not isinstance(target, Mapping):
        if len(target) != len(horizons):
            msg = f"target needs one weight for each of the {len(horizons)} later horizons; got {len(target)}."
            raise DataError(msg)
        return np.asarray(target, dtype=float)
    unknown = [h for h in target if h not in horizons]
    if unknown:
        msg = f"target names horizon {name_few(unknown)}, which has no estimate after the reference: {horizons}."
        raise DataError(msg)
    return np.array([float(target.get(h, 0.0)) for h in horizons])


def _fail_if_varying(base_period: str) -> None:
    if base_period == "varying":
        msg = (
            "Honest bounds need coefficients that all compare with one reference period; these have a varying base "
            "period, whose leads are changes from one week to the next. Estimate again with base='universal'."
        )
        raise IdentificationError(msg)


def _run(reference: int, step: int, known: set[int]) -> list[int]:
    """List horizons from the reference outwards until one is missing."""
    found = []
    at = reference + step
    while at in known:
        found.append(at)
        at += step
    return found
