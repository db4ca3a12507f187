"""How large violations must be before the conclusion is lost."""

from __future__ import annotations

import numpy as np

from panelcoop.numerics.honest.bounds import HonestProblem, set_reaches

__all__ = ["breakdown_value"]

HALVINGS = 14
DOUBLINGS = 12


def breakdown_value(problem: HonestProblem, null: float = 0.0) -> float:
    """Find the smallest magnitude at which the confidence set reaches a value.

    Parameters
    ----------
    null
        The value to be excluded, zero by default.

    Returns
    -------
    float
        Zero where it is reached without any violation; infinite where it is not within 2**12 times the first step
        (1 for relative restrictions, a standard error of the target for smoothness).

    Notes
    -----
    Doubling, then bisection to 2**-14 of the last doubling. The set reaches the null when it holds a value on the
    null's side of it, seen from the estimate; this reads the interval, not a set with gaps. Sets grow with the
    magnitude in all but contrived cases of the conditional tests; where they do not, the value found is one at which
    the null enters.
    """
    if set_reaches(problem, 0.0, null):
        return 0.0
    relative = problem.restriction.kind != "smoothness"
    low, high = 0.0, 1.0 if relative else problem.study.std_error
    for _ in range(DOUBLINGS):
        if set_reaches(problem, high, null):
            break
        low, high = high, 2 * high
    else:
        return np.inf
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if set_reaches(problem, middle, null) else (middle, high)
    return high
