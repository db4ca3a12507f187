"""The result of a wave test: the verdict, its reason and every intermediate number."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from panelcoop.numerics.waves.ascent_test import AscentTest
from panelcoop.waves.thresholds import WaveThresholds
from panelcoop.waves.verdict import UNIT, Decision, Evidence, Verdict

__all__ = ["PlaceboWaves", "WaveVerdict"]


@dataclass(frozen=True)
class PlaceboWaves:
    """The same test on an outcome that should not show the same waves.

    Attributes
    ----------
    name
        Column tested.
    ascent, p_ascent, waves
        U, its p-value and W of the placebo.
    p_up_down_up
        p-value of its A3: interruptions without a new record.
    shared_falls
        Falls of the outcome, peak to trough, that overlap a fall of the placebo in time.
    matches
        Whether the placebo is interrupted significantly (by U or A3) and a fall is shared; None where it is not, but
        the test would not have shown it.
    untestable
        Why the test would not have shown it; empty where ``matches`` is known.
    """

    name: str
    ascent: float
    p_ascent: float
    p_up_down_up: float
    waves: int
    shared_falls: int
    matches: bool | None
    untestable: str = ""

    def __str__(self) -> str:
        """Say in one sentence what the placebo shows."""
        verdict = {True: "matches", False: "does not match", None: f"is not testable ({self.untestable})"}
        return (
            f"Placebo {self.name} {verdict[self.matches]}: U p = {self.p_ascent:.3f}, W = {self.waves}, "
            f"A3 p = {self.p_up_down_up:.3f}, shared falls {self.shared_falls}."
        )


@dataclass(frozen=True)
class WaveVerdict:
    """One verdict and what it rests on.

    Attributes
    ----------
    outcome
        Column tested.
    decision
        Verdict, number of its rule, reason in one sentence.
    evidence
        The numbers the rule read; drawdowns in within-region standard deviations, trend included.
    test
        The test of the common path in the outcome's own units.
    path
        By week: common path, smooth, simultaneous band (low, high), regions observed.
    episodes
        One row per episode: weeks of peak, trough and new record; rise before it, drawdown and rise, in own units.
    region_sd, noise_sd
        Within-region standard deviation of the outcome, and around the common trend.
    n_regions
        Regions used.
    path_method
        How the common path was taken.
    placebo
        Result of the placebo, or None.
    thresholds
        What was fixed in advance; ``thresholds.revisions`` lists what was changed since.
    notes
        What was done to the data and should be known.
    """

    outcome: str
    decision: Decision
    evidence: Evidence
    test: AscentTest
    path: pd.DataFrame
    episodes: pd.DataFrame
    region_sd: float
    noise_sd: float
    n_regions: int
    path_method: str
    placebo: PlaceboWaves | None
    thresholds: WaveThresholds
    notes: tuple[str, ...] = field(default=())

    @property
    def verdict(self) -> Verdict:
        """The verdict's name."""
        return self.decision.verdict

    @property
    def reason(self) -> str:
        """Why, in one sentence."""
        return self.decision.reason

    @property
    def ascent(self) -> float:
        """Interrupted-ascent statistic U, in the outcome's units."""
        return self.test.ascent

    @property
    def waves(self) -> int:
        """Number W of disjoint episodes: a lower bound on the waves."""
        return self.test.waves

    @property
    def n_weeks(self) -> int:
        """Weeks observed."""
        return len(self.path)

    @property
    def drawdown_band(self) -> tuple[float, float]:
        """Largest drawdown minus and plus the noise range, not below zero, in the outcome's units."""
        return max(self.test.drawdown - self.test.threshold, 0.0), self.test.drawdown + self.test.threshold

    @property
    def drawdown_weeks(self) -> tuple[object, object]:
        """Weeks in which the largest drawdown begins and ends."""
        return self.path.index[self.test.peak], self.path.index[self.test.trough]

    def tidy(self) -> pd.DataFrame:
        """List every statistic with its p-value, in the outcome's units and in within-region sd."""
        t, unit = self.test, self.region_sd if self.region_sd > 0 else np.nan
        low, high = self.drawdown_band
        limit, p_net = self.thresholds.maximum_root, min(t.p_rise_persistent, t.p_fall_persistent)
        rows = [
            ("U", "interrupted ascent", t.ascent, t.p_ascent, True),
            ("W", "disjoint episodes; p of two or more", float(t.waves), t.p_waves, False),
            ("A3", "up, down, up", t.up_down_up, t.p_up_down_up, True),
            ("drawdown", "largest drawdown", t.drawdown, t.p_drawdown, True),
            ("drawdown, persistent", f"the same, p at root {limit:g}", t.drawdown, t.p_drawdown_persistent, True),
            ("drawdown low", "largest drawdown minus c", low, np.nan, True),
            ("drawdown high", "largest drawdown plus c", high, np.nan, True),
            ("c", "noise range at 1 - level", t.threshold, np.nan, True),
            ("detectable", "minimum detectable drawdown", t.detectable, np.nan, True),
            ("linearity", "range of the smoothed departure from a line", t.departure, t.p_linear, True),
            ("net rise", f"last minus first value of the smooth; p at root {limit:g}", t.net_rise, p_net, True),
            ("drift", "drift per week, upward: net rise and slope", t.drift.slope, t.p_up, True),
            *(
                (f"drift, {d.method.split(' (')[0]}", f"drift per week, upward; {use}", d.slope, d.p_up, True)
                for d, use in ((t.drift, "used"), *((check, "for the record") for check in t.drift_checks))
            ),
            ("AR", "bias-corrected root of the noise", t.noise.root, np.nan, False),
            ("AR raw", "least-squares root of the noise", t.noise.root_raw, np.nan, False),
        ]
        frame = pd.DataFrame(rows, columns=["statistic", "what", "value", "p", "scaled"]).set_index("statistic")
        in_sd = np.where(frame["scaled"], frame["value"] / unit, np.nan)
        return frame.assign(in_sd=in_sd)[["what", "value", "in_sd", "p"]]

    def summary(self) -> str:
        """Write verdict, reason, numbers, episodes and notes as text."""
        lines = [
            f"Wave test of {self.outcome}: {self.verdict} (rule {self.decision.rule})",
            self.reason,
            self._setting(),
            self.tidy().to_string(float_format=lambda x: f"{x:.4g}", na_rep=""),
        ]
        if len(self.episodes):
            lines.append(self.episodes.to_string(float_format=lambda x: f"{x:.4g}"))
        if self.placebo is not None:
            lines.append(str(self.placebo))
        lines += [self._fixed(), *self.thresholds.told_revisions(), *(f"Note: {note}" for note in self.notes)]
        return "\n".join(lines)

    def _fixed(self) -> str:
        named = ", ".join(f"{name} {value:.12g}" for name, value in self.thresholds.values().items())
        return f"Thresholds: {named}; the smallest effect in {UNIT}."

    def _setting(self) -> str:
        return (
            f"{self.n_regions} regions, {self.n_weeks} weeks; common path: {self.path_method}; "
            f"within-region sd {self.region_sd:.4g} (trend included), around the common trend {self.noise_sd:.4g}"
        )

    def __str__(self) -> str:
        """Return the summary."""
        return self.summary()
