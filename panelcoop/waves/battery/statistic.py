"""What every test of the battery returns, and the setting they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import pandas as pd

from panelcoop.errors import DataError
from panelcoop.numerics.waves.ascent_test import AscentTest
from panelcoop.options import FloatArray, IntArray
from panelcoop.panel.weeks import week_label
from panelcoop.waves.inputs import WaveInput
from panelcoop.waves.thresholds import WaveThresholds

__all__ = ["BatterySetting", "WaveStatistic"]


@dataclass(frozen=True, kw_only=True)
class WaveStatistic:
    """One test: its statistic, what it tests, and what to beware of.

    Attributes
    ----------
    name
        Name of the test.
    statistic
        Its value.
    null
        Null hypothesis in words.
    p
        p-value; NaN for a description.
    method
        How the p-value was made.
    convention
        Covariance, lags, trimming, degrees of freedom.
    warning
        When not to believe it.
    details
        Further numbers by name.
    """

    name: str
    statistic: float
    null: str
    p: float
    method: str
    convention: str
    warning: str = ""
    details: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))

    def __str__(self) -> str:
        """Write the test in a few lines."""
        p = "description only" if np.isnan(self.p) else f"p = {self.p:.3f}"
        extra = "; ".join(f"{key} {_short(value)}" for key, value in self.details.items())
        lines = [f"{self.name}: {self.statistic:.4g}, {p} ({self.method})", f"  H0: {self.null} [{self.convention}]"]
        lines += [f"  {extra}"] if extra else []
        return "\n".join(lines + ([f"  Beware: {self.warning}"] if self.warning else []))


@dataclass(frozen=True)
class BatterySetting:
    """What the tests of the battery work on.

    Attributes
    ----------
    work
        Outcome as regions by weeks.
    path
        Common path without gaps, shape (T,): missing weeks bridged by straight lines.
    weeks
        Labels of the path; missing weeks carry the last label seen.
    test
        The primary test.
    driver, driver_name
        A driver as regions by weeks of the unbroken calendar, or None.
    thresholds
        Level and seed.
    draws, slow_draws
        Bootstrap draws of the quick tests, and of the slow ones (state space, Markov).
    """

    work: WaveInput
    path: FloatArray
    weeks: pd.Index
    test: AscentTest
    driver: FloatArray | None
    driver_name: str
    thresholds: WaveThresholds
    draws: int
    slow_draws: int

    def rng(self, stream: int) -> np.random.Generator:
        """Return the stream of random numbers of one test."""
        return np.random.default_rng([self.thresholds.seed, stream])

    def week(self, at: float) -> str:
        """Return the label of a position: ISO week, or the label as text."""
        label = self.weeks[int(np.clip(round(at), 0, len(self.weeks) - 1))]
        return week_label(label) if isinstance(label, pd.Timestamp) else str(label)

    def rows(self) -> tuple[FloatArray, IntArray, IntArray]:
        """Return outcome, region codes and week numbers of the seen cells."""
        self._fail_if_not_alike()
        seen = np.isfinite(self.work.values)
        region, week = np.nonzero(seen)
        numbers = np.rint(self.work.positions).astype(np.int64)[week]
        return self.work.values[seen], region.astype(np.int64), numbers

    def calendar(self) -> FloatArray:
        """Return the outcome on the unbroken calendar, shape (N, weeks), NaN where missing."""
        self._fail_if_not_alike()
        clock = np.rint(self.work.positions - self.work.positions[0]).astype(np.int64)
        full = np.full((len(self.work.values), int(clock[-1]) + 1), np.nan)
        full[:, clock] = self.work.values
        return full

    def bridged(self) -> FloatArray:
        """Return the outcome on the unbroken calendar, missing weeks of a region bridged by straight lines."""
        full = self.calendar()
        clock = np.arange(float(full.shape[1]))
        return np.array(
            [np.interp(clock, clock[seen], row[seen]) for row, seen in zip(full, np.isfinite(full), strict=True)]
        )

    def _fail_if_not_alike(self) -> None:
        """Raise where region-weeks do not count alike."""
        if self.work.weights is not None or self.work.exposure is not None:
            given = "weights" if self.work.weights is not None else "an offset"
            msg = f"this test runs on region-weeks that count alike and cannot take {given}; leave them out."
            raise DataError(msg)


def _short(value: object) -> str:
    if isinstance(value, float | np.floating):
        return f"{value:.4g}"
    if isinstance(value, tuple | list):
        return ", ".join(_short(v) for v in value)
    return str(value)
