"""The thresholds of the verdict: fixed in the plan; a later change leaves a trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from math import inf

from panelcoop.checks import fail_if_not_one_of, fail_if_not_whole
from panelcoop.errors import PlanError

__all__ = ["WaveThresholds"]

NO_PLAN = " (default, no plan)"
"""How a revision says that it departs from the defaults and not from a plan."""
LEAST = {"draws": 1, "cosines": 0, "minimum_weeks": 10, "seed": 0}
"""Smallest value of each whole number; below ten weeks neither noise nor drift can be fitted."""


@dataclass(frozen=True)
class WaveThresholds:
    """What counts as a wave, fixed before the data are seen.

    Parameters
    ----------
    level
        Nominal size of every test of the verdict; 1 - level is the quantile of the noise range that makes an episode.
    minimum_effect
        Smallest drawdown of interest, in within-region standard deviations of the outcome, trend included.
    maximum_root
        AR root of the noise above which nothing is concluded.
    bandwidth
        Bandwidth of the smooth as a share of the weeks.
    cosines
        Half-cosines, beside the linear trend, around which the noise is fitted: eight hold four waves. More waves than
        that are read as persistent noise and leave the verdict INCONCLUSIVE; its reason then says what twice as many
        half-cosines would find.
    root_cap
        Largest AR root used for draws.
    minimum_weeks
        Below this the root of the noise cannot be told and the verdict is inconclusive; ten or more.
    sign_share
        Share of the multiverse that must agree in sign before waves are claimed.
    power
        Power at which the minimum detectable drawdown is stated.
    draws, seed
        Noise paths drawn, and the seed that makes them repeatable.
    revisions
        What was changed after the plan was fixed, in words; filled by `revise` and `compared_with`.

    Examples
    --------
    >>> WaveThresholds().revise(minimum_effect=0.3).revisions
    ('minimum_effect changed from 0.5 to 0.3',)
    """

    level: float = 0.05
    minimum_effect: float = 0.5
    maximum_root: float = 0.9
    bandwidth: float = 0.04
    cosines: int = 8
    root_cap: float = 0.98
    minimum_weeks: int = 30
    sign_share: float = 0.8
    power: float = 0.8
    draws: int = 999
    seed: int = 20200123
    revisions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse values that have no meaning."""
        for name in ("level", "maximum_root", "bandwidth", "root_cap", "sign_share", "power"):
            if not 0 < getattr(self, name) <= 1:
                msg = f"[waves] {name} must lie in (0, 1]; got {getattr(self, name)}."
                raise PlanError(msg)
        for name, least in LEAST.items():
            _fail_if_not_whole(getattr(self, name), name, least)
        if self.root_cap >= 1 or not 0 < self.minimum_effect < inf:
            msg = (
                "[waves] needs root_cap < 1 and a finite minimum_effect > 0; "
                f"got {self.root_cap} and {self.minimum_effect}."
            )
            raise PlanError(msg)
        if self.draws < 19 / min(1.0, 20 * self.level):
            msg = f"[waves] draws = {self.draws} cannot reach level {self.level}; use 99 or more."
            raise PlanError(msg)

    @classmethod
    def from_plan(cls, section: object) -> WaveThresholds:
        """Take the thresholds from a plan's [waves] section: a mapping, or any object with fields of these names.

        The section's outcome is no threshold and is left aside.

        Raises
        ------
        PlanError
            If a mapping has a key that is no threshold.
        """
        names = [f.name for f in fields(cls) if f.name != "revisions"]
        if isinstance(section, Mapping):
            own = {str(key): value for key, value in section.items() if key != "outcome"}
            for key in own:
                _fail_if_unknown(key, names)
            return cls(**own)
        return cls(**{name: getattr(section, name) for name in names if hasattr(section, name)})

    def revise(self, **changes: float) -> WaveThresholds:
        """Return changed thresholds that say what was changed."""
        names = [f.name for f in fields(self) if f.name != "revisions"]
        for key in changes:
            _fail_if_unknown(key, names)
        revised: WaveThresholds = replace(self, **changes)  # type: ignore[arg-type]
        return revised.compared_with(self)

    def compared_with(self, planned: WaveThresholds | None) -> WaveThresholds:
        """Return these thresholds with every difference written down: from the plan or, without one, the defaults."""
        base, origin = (WaveThresholds(), NO_PLAN) if planned is None else (planned, "")
        changed = tuple(
            f"{name} changed from {getattr(base, name)}{origin} to {value}"
            for name, value in self.values().items()
            if value != getattr(base, name)
        )
        return replace(self, revisions=tuple(dict.fromkeys(self.revisions + base.revisions + changed)))

    def told_revisions(self) -> list[str]:
        """Return a sentence for every revision; what departs from the defaults was not changed after any plan."""
        return [f"Changed{'' if NO_PLAN in change else ' after the plan'}: {change}." for change in self.revisions]

    def values(self) -> dict[str, float]:
        """Return every threshold by name, revisions aside."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "revisions"}


def _fail_if_not_whole(value: object, name: str, least: int) -> None:
    try:
        fail_if_not_whole(value, f"[waves] {name}", least)
    except ValueError as error:
        raise PlanError(str(error)) from error


def _fail_if_unknown(name: str, names: list[str]) -> None:
    try:
        fail_if_not_one_of(name, names, "a threshold in [waves]")
    except ValueError as error:
        raise PlanError(str(error)) from error
