"""Whether a column that should show no waves falls in the same weeks as the outcome."""

from __future__ import annotations

import numpy as np

from panelcoop.numerics.waves.ascent_test import AscentTest
from panelcoop.waves.inputs import WaveInput
from panelcoop.waves.spiral import reversals
from panelcoop.waves.thresholds import WaveThresholds
from panelcoop.waves.wave_verdict import PlaceboWaves

__all__ = ["never_changes", "placebo_waves"]

LEAST_SEEN = 0.5
"""Share of the weeks of a fall that the placebo must be seen in."""
SAME = 1e-12
"""Within-region sd, as a share of the largest value, that is rounding."""


def placebo_waves(
    name: str,
    outcome: tuple[WaveInput, AscentTest],
    placebo: tuple[WaveInput, AscentTest],
    thresholds: WaveThresholds,
) -> PlaceboWaves:
    """Hold the falls of a placebo against those of the outcome.

    Parameters
    ----------
    name
        Column of the placebo.
    outcome, placebo
        Input and test of either.
    thresholds
        Level of the test, and what a panel needs to be tested at all.

    Notes
    -----
    A denominator that swings without rising manufactures falls as one that rises does: the placebo counts as
    interrupted where U *or* A3 is significant. Falls are read off either smooth between reversals of at least its own
    noise range; one that overlaps is enough, which errs on the side of doubt. A placebo that is not interrupted clears
    the outcome only if its test could have found waves: enough weeks, no root or detectable drawdown beyond what rule 0
    allows the outcome, and most weeks of every fall seen.
    """
    (work, test), (shadow, other) = outcome, placebo
    own, theirs = _falls(test, work), _falls(other, shadow)
    shared = sum(any(peak <= end and start <= trough for start, end in theirs) for peak, trough in own)
    interrupted = bool(min(other.p_ascent, other.p_up_down_up) <= thresholds.level)
    matches = interrupted and shared > 0
    why = "" if matches else _untestable(shadow, other, thresholds) or _unseen(own, work, shadow)
    return PlaceboWaves(
        name=name,
        ascent=other.ascent,
        p_ascent=other.p_ascent,
        p_up_down_up=other.p_up_down_up,
        waves=other.waves,
        shared_falls=int(shared),
        matches=None if why else matches,
        untestable=why,
    )


def never_changes(work: WaveInput, sd: float) -> bool:
    """Whether a within-region standard deviation is zero up to rounding."""
    return not sd > SAME * float(np.nanmax(np.abs(work.values)))


def _falls(test: AscentTest, work: WaveInput) -> list[tuple[float, float]]:
    """Week numbers of peak and trough of every fall of at least the noise range, the first and the last included."""
    if not test.threshold >= 0:
        return []
    least = max(test.threshold, SAME * float(np.ptp(test.smooth)), np.finfo(float).tiny)
    peaks, troughs = reversals(-test.smooth, least)
    return list(zip(work.positions[peaks], work.positions[troughs], strict=True))


def _untestable(shadow: WaveInput, other: AscentTest, thresholds: WaveThresholds) -> str:
    """Say why a placebo without waves says nothing; empty where it says something."""
    if shadow.weeks.size < thresholds.minimum_weeks:
        return f"{shadow.weeks.size} weeks"
    sd = shadow.scales(shadow.common(), other.noise.trend)[0]
    if never_changes(shadow, sd):
        return "it never changes within a region"
    if other.noise.root > thresholds.maximum_root:
        return f"its noise has an AR root of {other.noise.root:.2f}"
    if other.detectable / sd > thresholds.minimum_effect:
        return f"it can detect drawdowns of {other.detectable / sd:.2f} sd or more only"
    return ""


def _unseen(falls: list[tuple[float, float]], work: WaveInput, shadow: WaveInput) -> str:
    """Count the falls of the outcome whose weeks the placebo hardly covers."""
    weeks, seen = work.positions, np.isin(work.positions, shadow.positions)
    shares = [seen[(weeks >= peak) & (weeks <= trough)].mean() for peak, trough in falls]
    hidden = sum(share < LEAST_SEEN for share in shares)
    return f"unseen in {hidden} of {len(falls)} falls of the outcome" if hidden else ""
