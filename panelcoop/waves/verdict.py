"""The eight verdicts and the rule that picks one: first match, in a fixed order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from panelcoop.waves.thresholds import WaveThresholds

__all__ = ["UNIT", "VERDICTS", "Decision", "Evidence", "Verdict", "decide"]

Verdict: TypeAlias = Literal[
    "INCONCLUSIVE",
    "CONTRADICTED",
    "WAVE_AND_SPIRAL",
    "SINGLE_INTERRUPTED_RISE",
    "WAVES_WITHOUT_RISE",
    "LIFE_CYCLE_HUMP",
    "MONOTONE_NONLINEAR",
    "LINEAR_COMPATIBLE",
]
"""What a wave test may conclude; numbered 0 to 7 in this order."""

VERDICTS: tuple[Verdict, ...] = (
    "INCONCLUSIVE",
    "CONTRADICTED",
    "WAVE_AND_SPIRAL",
    "SINGLE_INTERRUPTED_RISE",
    "WAVES_WITHOUT_RISE",
    "LIFE_CYCLE_HUMP",
    "MONOTONE_NONLINEAR",
    "LINEAR_COMPATIBLE",
)

UNIT = "within-region standard deviations, trend included"


@dataclass(frozen=True)
class Evidence:
    """The numbers a verdict rests on; drawdowns in within-region standard deviations of the outcome, trend included.

    Attributes
    ----------
    weeks
        Weeks observed.
    root
        Bias-corrected AR root of the noise.
    p_ascent, p_waves, p_up_down_up, p_drawdown, p_linear
        p-values of U, of two or more episodes, of A3, of the largest drawdown, and of linearity.
    p_up, p_down
        One-sided p-values of the drift tests.
    p_rise_persistent, p_fall_persistent, p_drawdown_persistent
        p-values of net rise, net fall and drawdown, were the root of the noise the largest at which anything is
        concluded.
    waves
        Number W of disjoint episodes.
    drawdown, threshold, detectable
        Largest drawdown, the noise range c, and the minimum detectable drawdown.
    net_rise
        Last minus first value of the smooth.
    placebo_matches
        Whether the placebo shows a wave in the same weeks; None when no placebo was run or it could not be tested.
    placebo_untestable
        Why the placebo could not be tested; empty where it could, or where none was run.
    sign_share
        Share of the multiverse with the same sign; None when it was not run.
    finer_cosines, finer_root
        Half-cosines of a finer trend and the root around it, where the root is above the largest at which anything is
        concluded; told in the reason, never used to decide.
    """

    weeks: int
    root: float
    p_ascent: float
    p_waves: float
    p_up_down_up: float
    p_drawdown: float
    p_linear: float
    p_up: float
    p_down: float
    p_rise_persistent: float
    p_fall_persistent: float
    p_drawdown_persistent: float
    waves: int
    drawdown: float
    threshold: float
    detectable: float
    net_rise: float
    placebo_matches: bool | None = None
    sign_share: float | None = None
    placebo_untestable: str = ""
    finer_cosines: int = 0
    finer_root: float | None = None


@dataclass(frozen=True)
class Decision:
    """A verdict, the number of its rule, and the reason in one sentence."""

    verdict: Verdict
    rule: int
    reason: str


def decide(evidence: Evidence, thresholds: WaveThresholds) -> Decision:
    """Pick the first verdict whose rule matches.

    Notes
    -----
    Too few weeks: INCONCLUSIVE, whatever else. Then rule 1 (CONTRADICTED: drawdown + c below the smallest effect of
    interest, or significant negative drift with a net fall of at least that effect), rule 0 (INCONCLUSIVE: root too
    high, or the minimum detectable drawdown above the smallest effect), then rules 2 to 7. Cases that the plain list
    leaves open are settled here: waves and rise that the placebo shares or the multiverse does not support are
    INCONCLUSIVE; a significant U without significant drift counts as waves whose rise is not shown
    (WAVES_WITHOUT_RISE).

    The first half of rule 1 is a test of equivalence: even at the upper end of their band interruptions are smaller
    than the smallest effect of interest. They may be shown all the same (U or the drawdown significant); the reason
    then says so. The unit is the standard deviation of y_it - a_i over all region-weeks, *trend included*: the same
    drawdown counts for less beside a larger rise.

    Rules 6 and 7 are hardly ever reached from data. A panel that passes rule 0 detects drawdowns of the smallest
    effect; as the detectable drawdown is about 1.6 c, its c is below two thirds of that effect. The drawdown of a
    monotone path hardly ever comes near c, so that rule 1 has matched: steps, staircases and lines are as a rule
    CONTRADICTED or INCONCLUSIVE; the table of verdicts that `make validate` writes counts them. Whether a monotone
    path is a straight line is read off ``p_linear``.

    Rule 0 reaches further than the fitted root: in a hundred weeks or so a root of .95 can hardly be told from one of
    .8 around the smooth trend (weekly changes of the mean path are mostly averaged regional noise). A rise or a fall
    that a verdict rests on must therefore also exceed the range of noise whose root is ``maximum_root``, the largest at
    which anything is concluded; where it does not, the verdict is INCONCLUSIVE. `make validate` tabulates the verdicts
    under roots up to one.

    Examples
    --------
    >>> small = "p_ascent p_waves p_up_down_up p_drawdown p_linear p_up p_rise_persistent p_drawdown_persistent".split()
    >>> sizes = {"weeks": 150, "root": 0.4, "waves": 3, "drawdown": 1.4, "threshold": 0.3, "detectable": 0.4}
    >>> fall = {"p_down": 0.999, "p_fall_persistent": 1.0}
    >>> waves = Evidence(**dict.fromkeys(small, 0.001), **sizes, **fall, net_rise=2.0)
    >>> decide(waves, WaveThresholds()).verdict
    'WAVE_AND_SPIRAL'
    """
    if evidence.weeks < thresholds.minimum_weeks:
        return Decision(
            "INCONCLUSIVE",
            0,
            f"{evidence.weeks} weeks are too few to tell waves from persistent noise "
            f"(at least {thresholds.minimum_weeks} are needed).",
        )
    return (
        _contradicted(evidence, thresholds)
        or _undecidable(evidence, thresholds)
        or _rising(evidence, thresholds)
        or _not_rising(evidence, thresholds)
    )


def _contradicted(e: Evidence, t: WaveThresholds) -> Decision | None:
    if _falls(e, t) and e.p_fall_persistent <= t.level:
        reason = (
            f"The path drifts down (p = {e.p_down:.3f}) and falls by {-e.net_rise:.2f} sd from first to last, at least "
            f"the smallest effect of interest ({t.minimum_effect:g} sd)."
        )
        return Decision("CONTRADICTED", 1, reason)
    if e.drawdown + e.threshold < t.minimum_effect:
        return Decision("CONTRADICTED", 1, _too_small(e, t))
    return None


def _too_small(e: Evidence, t: WaveThresholds) -> str:
    """Say that no interruption reaches the smallest effect, and whether one is shown nevertheless."""
    size = (
        f"the largest drawdown plus the noise range, {e.drawdown + e.threshold:.2f} sd, stays below the smallest "
        f"effect of interest ({t.minimum_effect:g} {UNIT})"
    )
    if e.p_ascent <= t.level:
        shown = f"Interruptions are shown (p = {e.p_ascent:.3f}; W = {e.waves})"
    elif e.p_drawdown <= t.level:
        shown = f"A fall is shown (p = {e.p_drawdown:.3f})"
    else:
        return f"Even {size}: evidence for monotonicity."
    return f"{shown}, but even {size}: too small to count."


def _falls(e: Evidence, t: WaveThresholds) -> bool:
    return e.p_down <= t.level and -e.net_rise >= t.minimum_effect


def _undecidable(e: Evidence, t: WaveThresholds) -> Decision | None:
    if e.root > t.maximum_root:
        reason = f"The noise is too persistent: AR root {e.root:.2f} exceeds {t.maximum_root:g}{_finer(e, t)}."
        return Decision("INCONCLUSIVE", 0, reason)
    if e.detectable > t.minimum_effect:
        reason = (
            f"This panel can detect drawdowns of {e.detectable:.2f} sd or more only, above the smallest effect "
            f"of interest ({t.minimum_effect:g} sd)."
        )
        return Decision("INCONCLUSIVE", 0, reason)
    if _falls(e, t):
        return _persistent("net fall", -e.net_rise, e.p_fall_persistent, t)
    return None


def _finer(e: Evidence, t: WaveThresholds) -> str:
    """Say where the root may be high because the trend is too stiff for the waves; noise alone can do the same."""
    if e.finer_root is None or e.finer_root > t.maximum_root:
        return ""
    held = min(t.cosines, e.weeks // 6)
    return (
        f". With {e.finer_cosines} half-cosines the root is {e.finer_root:.2f}: either there are more than {held // 2} "
        f"waves, the most that {held} can follow, or {e.finer_cosines} take noise for waves"
    )


def _persistent(what: str, size: float, p: float, t: WaveThresholds) -> Decision:
    reason = (
        f"The {what} of {size:.2f} sd could be persistent noise (p = {p:.3f} were its root {t.maximum_root:g}, which "
        "a path of this length cannot exclude)."
    )
    return Decision("INCONCLUSIVE", 0, reason)


def _rising(e: Evidence, t: WaveThresholds) -> Decision | None:
    if e.p_ascent > t.level or e.p_up > t.level:
        return None
    if e.p_rise_persistent > t.level:
        return _persistent("net rise", e.net_rise, e.p_rise_persistent, t)
    if e.waves >= 2 and e.p_waves <= t.level:
        return _waves_and_spiral(e, t)
    return Decision(
        "SINGLE_INTERRUPTED_RISE",
        3,
        f"One interrupted ascent (p = {e.p_ascent:.3f}) on a rising path (p = {e.p_up:.3f}): a life cycle, "
        f"not a wave-like advance{_placebo_doubt(e)}{_sign_doubt(e, t)}.",
    )


def _placebo_doubt(e: Evidence) -> str:
    if e.placebo_matches:
        return "; the placebo shows waves in the same weeks"
    return f"; placebo not testable ({e.placebo_untestable})" if e.placebo_untestable else ""


def _sign_doubt(e: Evidence, t: WaveThresholds) -> str:
    if e.sign_share is None or e.sign_share >= t.sign_share:
        return ""
    return f"; only {e.sign_share:.0%} of the multiverse agree in sign ({t.sign_share:.0%} are required of waves)"


def _waves_and_spiral(e: Evidence, t: WaveThresholds) -> Decision:
    if e.placebo_matches:
        return Decision(
            "INCONCLUSIVE", 0, "The placebo shows waves in the same weeks: records, not cooperation, may rise."
        )
    if e.sign_share is not None and e.sign_share < t.sign_share:
        reason = f"Only {e.sign_share:.0%} of the multiverse agree in sign ({t.sign_share:.0%} are required)."
        return Decision("INCONCLUSIVE", 0, reason)
    given = {"placebo": e.placebo_matches is not None or e.placebo_untestable, "multiverse": e.sign_share is not None}
    missing = " and ".join(what for what, here in given.items() if not here)
    proviso = _placebo_doubt(e) + (f"; {missing} not supplied" if missing else "")
    worst = max(e.p_ascent, e.p_waves, e.p_up)
    return Decision(
        "WAVE_AND_SPIRAL",
        2,
        f"{e.waves} disjoint interrupted ascents on a rising path (largest p = {worst:.3f}{proviso}).",
    )


def _not_rising(e: Evidence, t: WaveThresholds) -> Decision:
    if e.p_up_down_up <= t.level:
        why = "no higher record" if e.p_ascent > t.level else "no significant drift"
        reason = f"Up, down and up again (p = {e.p_up_down_up:.3f}), but {why}{_placebo_doubt(e)}."
        return Decision("WAVES_WITHOUT_RISE", 4, reason)
    if e.p_drawdown <= t.level and e.p_drawdown_persistent > t.level:
        return _persistent("fall", e.drawdown, e.p_drawdown_persistent, t)
    if e.p_drawdown <= t.level:
        reason = f"One significant fall (p = {e.p_drawdown:.3f}) without a second rise (p = {e.p_up_down_up:.3f})."
        return Decision("LIFE_CYCLE_HUMP", 5, reason)
    if e.p_linear <= t.level:
        reason = f"No significant fall (p = {e.p_drawdown:.3f}), but not a straight line (p = {e.p_linear:.3f})."
        return Decision("MONOTONE_NONLINEAR", 6, reason)
    return Decision(
        "LINEAR_COMPATIBLE",
        7,
        f"Neither a fall (p = {e.p_drawdown:.3f}) nor a bend (p = {e.p_linear:.3f}) is shown.",
    )
