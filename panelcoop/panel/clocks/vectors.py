"""Sets of stage dates with their probabilities: what an estimate is refitted under."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from panelcoop.options import FloatArray

__all__ = ["DateVector", "DateVectors"]


@dataclass(frozen=True, eq=False)
class DateVector:
    """One set of stage dates.

    Attributes
    ----------
    name
        What differs from the first dates.
    stage
        Stage of each row of the panel.
    probability
        How plausible it is beside the others; they add up to one.
    """

    name: str
    stage: pd.Series
    probability: float


@dataclass(frozen=True, eq=False)
class DateVectors:
    """Several sets of stage dates.

    Attributes
    ----------
    vectors
        The dates of the plan or of the clock first.
    imputations
        How many times dates were drawn; infinite where every set stands with its own probability.
    """

    vectors: tuple[DateVector, ...]
    imputations: float

    @property
    def probabilities(self) -> FloatArray:
        """Probability of each vector, shape (M,)."""
        return np.array([one.probability for one in self.vectors])
