"""Honest bounds printed by R's HonestDiD and Stata's honestdid, end by end.

``honest.json`` holds coefficient paths and what the programs print for them. R tests values on a grid and prints the
outermost ones it keeps; ours are exact, so they are first brought to the last point of R's grid inside. Least
favourable and hybrid tests simulate their critical values there: an end may lie a few steps off, as each case says.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from panelcoop.sensitivity.honest import EventCoefficients, Precision, Restriction, honest_did

GOLD = json.loads(Path(__file__).with_name("honest.json").read_text(encoding="utf-8"))
CASES = {case["id"]: case for case in GOLD["cases"]}

ROUNDING = 1e-9
"""Ends on the same point of a grid."""


def _on_grid(low: float, high: float, grid: tuple[float, float, int]) -> tuple[np.ndarray, float]:
    """Bring an interval to the outermost points of a grid inside it; also the grid's step."""
    points = np.linspace(*grid)
    inside = points[(points >= low - 1e-12) & (points <= high + 1e-12)]
    return (inside[[0, -1]] if inside.size else np.full(2, np.nan)), points[1] - points[0]


@pytest.mark.parametrize("name", list(CASES))
def test_printed_bounds(name):
    case = CASES[name]
    path = GOLD["paths"][case["input"]]
    n_pre, estimates = path["n_pre"], np.array(path["estimates"])
    found = honest_did(
        EventCoefficients(estimates, np.array(path["covariance"]), n_pre, estimates.size - n_pre),
        restriction=Restriction(**case["restriction"]),
        values=case["values"],
        target=tuple(case["target"]),
        method=case["method"],
        level=case["level"],
        precision=Precision(refine=True),
    ).table[["low", "high"]]
    printed = np.array([case["low"], case["high"]], dtype=float).T
    for k, (ours, theirs) in enumerate(zip(found.to_numpy(), printed, strict=True)):
        if "grid" not in case:
            np.testing.assert_allclose(ours, theirs, atol=case["atol"], rtol=0)
            continue
        on_grid, step = _on_grid(*ours, case["grid"][min(k, len(case["grid"]) - 1)])
        limit = max(ROUNDING, 1.01 * case["steps"] * step)
        np.testing.assert_allclose(on_grid, theirs, atol=limit, rtol=0, err_msg=f"at {case['values'][k]}")
