"""Honest bounds as a table with everything needed to question them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from panelcoop.numerics.honest.bounds import HonestProblem
from panelcoop.numerics.honest.breakdown import breakdown_value

__all__ = ["HonestBounds"]


@dataclass(frozen=True)
class HonestBounds:
    """Intervals of an effect that hold although parallel trends may fail by up to M.

    Attributes
    ----------
    table
        One row per M: low, high, excludes_zero, identified_low, identified_high (the identified set if the estimated
        pre-trends were true), pieces (more than one means a set with gaps whose hull is shown).
    estimate, std_error
        The target under parallel trends.
    original
        Its usual interval, (low, high).
    restriction, method
        Name of the restriction, and the kind of interval.
    level
        Confidence level.
    target
        The effect that is bounded, in words.
    convention
        Critical values, first stage, grid and seed, written out.
    notes
        What a careful reader should know.
    problem
        The arrays behind the table.
    """

    table: pd.DataFrame
    estimate: float
    std_error: float
    original: tuple[float, float]
    restriction: str
    method: str
    level: float
    target: str
    convention: str
    notes: tuple[str, ...]
    problem: HonestProblem

    @cached_property
    def breakdown(self) -> float:
        """The smallest M at which the interval reaches zero, by bisection; infinite if it never does."""
        return breakdown_value(self.problem)

    def tidy(self) -> pd.DataFrame:
        """Put the original interval and the bounds into one frame, one row each; M is missing in the first."""
        first = {"M": float("nan"), "method": "original", "restriction": "parallel trends"}
        low, high = self.original
        start = pd.DataFrame([{**first, "low": low, "high": high, "excludes_zero": bool(low > 0 or high < 0)}])
        rest = self.table.reset_index().assign(method=self.method, restriction=self.restriction)
        columns = ["restriction", "method", "M", "low", "high", "excludes_zero"]
        return pd.concat([start[columns], rest[columns]], ignore_index=True)

    def summary(self) -> str:
        """Write the bounds, the breakdown value and the notes."""
        low, high = self.original
        head = [
            f"Honest bounds on {self.target}: {self.restriction}, {self.method}, level {self.level:g}",
            f"  under parallel trends: {self.estimate:.4f} [{low:.4f}, {high:.4f}]",
        ]
        shown = self.table[["low", "high", "excludes_zero"]].to_string(float_format=lambda v: f"{v:.4f}")
        tail = [f"  breakdown value: {self.breakdown:.3f}", f"  {self.convention}"]
        return "\n".join([*head, shown, *tail, *[f"  note: {note}" for note in self.notes]])

    def __str__(self) -> str:
        """Return the summary."""
        return self.summary()
