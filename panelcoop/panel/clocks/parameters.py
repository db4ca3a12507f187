"""Other parameters that the epidemic clock might have had, and how plausible each is."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np

from panelcoop.panel.plan_measures import EpidemicClock

__all__ = ["clock_ranges", "difference", "likely_clocks"]

PRIOR_OF_PLAN = 0.5


def clock_ranges(clock: EpidemicClock) -> dict[str, dict[int, float]]:
    """Give other values of the epidemic clock's parameters with their plausibility: the plan's has one half.

    Examples
    --------
    >>> clock_ranges(EpidemicClock())["quiet_weeks"]
    {2: 0.5, 1: 0.25, 3: 0.25}
    """
    around = {
        "gestation_weeks": [clock.gestation_weeks - 1, clock.gestation_weeks + 1],
        "growth_weeks": [clock.growth_weeks - 1, clock.growth_weeks + 1],
        "quiet_weeks": [clock.quiet_weeks - 1, clock.quiet_weeks + 1],
        "onset_cases": [round(0.6 * clock.onset_cases), 2 * clock.onset_cases],
    }
    ranges = {}
    for name, others in around.items():
        own, least = getattr(clock, name), 0 if name in {"gestation_weeks", "onset_cases"} else 1
        allowed = [value for value in others if value >= least and value != own]
        share = (1 - PRIOR_OF_PLAN) / len(allowed) if allowed else 0.0
        ranges[name] = {own: PRIOR_OF_PLAN if allowed else 1.0, **dict.fromkeys(allowed, share)}
    return ranges


def likely_clocks(
    clock: EpidemicClock,
    *,
    ranges: Mapping[str, Mapping[int, float]] | None = None,
    draws: int | None = None,
    rng: np.random.Generator | None = None,
) -> tuple[list[tuple[EpidemicClock, float]], float]:
    """List clocks with other parameters and their probabilities.

    Parameters
    ----------
    clock
        The plan's.
    ranges
        Values of each parameter with their probabilities; by default those of `clock_ranges`.
    draws
        Clocks drawn, the plan's always among them; all are taken with their own probabilities where there are no more,
        or no number is given.
    rng
        Source of randomness.

    Returns
    -------
    clocks, imputations
        The plan's clock first, then by falling probability; probabilities add up to one. The number of draws, infinite
        where all are taken.
    """
    known = ranges or clock_ranges(clock)
    combinations = _combinations(known)
    plan = tuple(getattr(clock, name) for name in known)
    imputations = np.inf
    if draws is not None and len(combinations) > draws:
        combinations, imputations = _drawn(combinations, plan, draws, rng or np.random.default_rng())
    ordered = sorted(combinations.items(), key=lambda item: (item[0] != plan, -item[1]))
    made = [(clock.model_copy(update=dict(zip(known, values, strict=True))), share) for values, share in ordered]
    return made, imputations


def difference(one: EpidemicClock, other: EpidemicClock) -> str:
    """Write what one clock has that another has not.

    Examples
    --------
    >>> difference(EpidemicClock(quiet_weeks=3), EpidemicClock())
    'quiet_weeks = 3'
    """
    theirs = other.model_dump()
    return ", ".join(f"{name} = {value}" for name, value in one.model_dump().items() if value != theirs[name])


def _combinations(ranges: Mapping[str, Mapping[int, float]]) -> dict[tuple[int, ...], float]:
    values = product(*[list(options.items()) for options in ranges.values()])
    return {tuple(v for v, _ in one): float(np.prod([p for _, p in one])) for one in values}


def _drawn(
    combinations: Mapping[tuple[int, ...], float], plan: tuple[int, ...], draws: int, rng: np.random.Generator
) -> tuple[dict[tuple[int, ...], float], float]:
    keys, probabilities = list(combinations), np.array(list(combinations.values()))
    taken = rng.multinomial(draws, probabilities / probabilities.sum())
    taken[keys.index(plan)] = max(taken[keys.index(plan)], 1)
    shares = {key: float(count / taken.sum()) for key, count in zip(keys, taken, strict=True) if count}
    return shares, float(taken.sum())
