"""How much support an effect needs: cohorts and clean controls."""

from __future__ import annotations

from dataclasses import dataclass

from panelcoop.options import BoolArray, FloatArray

__all__ = ["SupportRule"]


@dataclass(frozen=True)
class SupportRule:
    """How much support a horizon needs.

    Attributes
    ----------
    min_cohorts, min_controls
        Cohorts (event weeks) behind a horizon and clean controls behind a comparison.
    require
        False marks thin horizons and shows them. True leaves comparisons with fewer controls out and shows horizons
        with fewer cohorts as NaN, each with its reason.

    Examples
    --------
    >>> SupportRule(min_cohorts=2).require
    False
    """

    min_cohorts: int = 3
    min_controls: int = 5
    require: bool = False

    def thin(self, cohorts: FloatArray, controls: FloatArray) -> BoolArray:
        """Say which horizons have fewer."""
        out: BoolArray = (cohorts < self.min_cohorts) | (controls < self.min_controls)
        return out
