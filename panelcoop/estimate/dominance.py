"""Whether one stage's effect exceeds every other's: the record of an intersection-union test."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DominanceTest"]


@dataclass(frozen=True)
class DominanceTest:
    """An intersection-union test that one stage's effect exceeds every other stage's.

    Attributes
    ----------
    driver, stage
        The claim: b[driver, stage] > b[driver, s] for every other s.
    closest
        The stage with the largest one-sided p-value, which decides.
    statistic, df
        Its t statistic and degrees of freedom.
    pvalue
        The largest one-sided p-value.
    convention
        Covariance used.
    """

    driver: str
    stage: str
    closest: str
    statistic: float
    df: float
    pvalue: float
    convention: str

    def __str__(self) -> str:
        """Write the test in one line."""
        claim = f"{self.driver}:{self.stage} exceeds every other stage's"
        return f"H1: {claim}; t({self.df:g}) against {self.closest} = {self.statistic:.4f}, p = {self.pvalue:.4f}"
