"""The multiverse: the same question under every combination of defensible choices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import pandas as pd

from panelcoop.errors import DataError
from panelcoop.estimate.planned import plan_of, planned_settings
from panelcoop.estimate.settings import InferenceSettings
from panelcoop.estimate.stage_results import StageInteraction
from panelcoop.panel.record import Panel
from panelcoop.sensitivity.multiverse_fit import fit_universes
from panelcoop.sensitivity.multiverse_plan import PlannedUniverses, planned_contrast, planned_universes
from panelcoop.sensitivity.multiverse_universe import Universe, fit_universe
from panelcoop.sensitivity.multiverse_waves import rising_share, wave_universes

__all__ = ["Multiverse", "multiverse"]


@dataclass(frozen=True, eq=False)
class Multiverse:
    """One contrast, and the wave test, in every universe.

    Attributes
    ----------
    table
        One row per universe: a column per axis, then outcome, `estimate`, `std_error`, `conf_low`, `conf_high`,
        `scale`, `effect` (in standard deviations within the absorbed effects) with its interval, `pvalue` (DWB-t),
        `pvalue_crv1`, `nobs`, `n_regions`, `n_weeks`, `reason`; then what `WAVE_COLUMNS` lists, if waves were asked.
    axes
        Names of the axes.
    contrast
        The combination of coefficients.
    main
        Position of the universe that the plan names.
    universes
        What each row stands for.
    settings
        Draws, seed, level and lags.
    panel
        With every column a universe needs.
    """

    table: pd.DataFrame
    axes: tuple[str, ...]
    contrast: str
    main: int
    universes: tuple[Universe, ...] = field(repr=False)
    settings: InferenceSettings = field(repr=False)
    panel: Panel = field(repr=False)

    @property
    def feasible(self) -> pd.DataFrame:
        """The universes with an estimate."""
        return self.table[self.table["estimate"].notna()]

    @property
    def infeasible(self) -> pd.Series:
        """Number of universes without an estimate, by reason."""
        return self.table.loc[self.table["estimate"].isna(), "reason"].value_counts()

    @property
    def sign(self) -> float:
        """Sign of the main universe's estimate, or of the median where the main one has none."""
        own = float(self.table["estimate"].iloc[self.main])
        return float(np.sign(own if np.isfinite(own) else self.feasible["estimate"].median()))

    @property
    def sign_share(self) -> float:
        """Share of the feasible universes whose estimate has the main one's sign."""
        return float((np.sign(self.feasible["estimate"]) == self.sign).mean())

    @property
    def significant_share(self) -> float:
        """Share of the feasible universes with the main one's sign that DWB-t also tells from zero."""
        here = self.feasible
        return float(((np.sign(here["estimate"]) == self.sign) & (here["pvalue"] <= self._alpha)).mean())

    @property
    def wave_sign_share(self) -> float | None:
        """Share of the distinct wave tests with U > 0 and a net rise: what `wave_test(sign_share=...)` takes."""
        tests = self.wave_tests
        return None if tests is None else rising_share(tests)

    @property
    def wave_tests(self) -> pd.DataFrame | None:
        """One row per distinct wave test that could be had; None when waves were not asked for."""
        if "ascent" not in self.table:
            return None
        keys = [(u.outcome, u.weights, u.without) for u in self.universes]
        first = ~pd.Index(keys, tupleize_cols=False).duplicated()
        tests = self.table[first]
        return tests[tests["ascent"].notna()]

    def share_by(self, axis: str) -> pd.DataFrame:
        """Give number, median effect, sign share and significant share by choice on one axis."""
        here = self.feasible.assign(
            same=lambda t: np.sign(t["estimate"]) == self.sign, significant=lambda t: t["pvalue"] <= self._alpha
        )
        here["significant"] &= here["same"]
        grouped = here.groupby(axis, sort=False, observed=True)
        shares = grouped.agg(
            universes=("estimate", "size"),
            median_effect=("effect", "median"),
            sign_share=("same", "mean"),
            significant_share=("significant", "mean"),
        )
        return shares.reindex([c for c in self.table[axis].unique() if c in shares.index]).rename_axis(axis)

    def summary(self) -> Mapping[str, float]:
        """Give the numbers a text quotes."""
        here = self.feasible
        numbers = {
            "universes": len(self.table),
            "feasible": len(here),
            "median_effect": float(here["effect"].median()),
            "lowest_effect": float(here["effect"].min()),
            "highest_effect": float(here["effect"].max()),
            "main_effect": float(self.table["effect"].iloc[self.main]),
            "sign_share": self.sign_share,
            "significant_share": self.significant_share,
            "significant_share_crv1": float((here["pvalue_crv1"] <= self._alpha).mean()),
        }
        waves = self.wave_tests
        if waves is not None:
            numbers |= {
                "wave_tests": len(waves),
                "wave_sign_share": self.wave_sign_share or 0.0,
                "wave_significant_share": float((waves["p_ascent"] <= self._alpha).mean()),
            }
        return MappingProxyType(numbers)

    def refit(self, universe: int) -> StageInteraction:
        """Fit one universe the ordinary way, to look at everything a regression tells."""
        return fit_universe(self.panel, self.universes[universe])

    def __str__(self) -> str:
        """Say in a few lines what the universes agree on."""
        n = self.summary()
        span = f"from {n['lowest_effect']:.3f} to {n['highest_effect']:.3f}"
        lines = [
            f"Multiverse: {self.contrast}",
            f"  {n['universes']:,} universes over {', '.join(self.axes)}; {n['feasible']:,} feasible",
            f"  effect: median {n['median_effect']:.3f}, {span}, main {n['main_effect']:.3f} (sd)",
            f"  same sign {n['sign_share']:.0%}; same sign and significant (DWB-t) {n['significant_share']:.0%}",
        ]
        if "wave_tests" in n:
            lines.append(
                f"  waves: U > 0 with a net rise in {n['wave_sign_share']:.0%} of {n['wave_tests']:,} tests, "
                f"significant in {n['wave_significant_share']:.0%}"
            )
        return "\n".join([*lines, *[f"  {count} infeasible: {why}" for why, count in self.infeasible.items()]])

    @property
    def _alpha(self) -> float:
        return 1 - self.settings.level + 1e-12


def multiverse(
    panel: Panel,
    *,
    universes: Sequence[Universe] | None = None,
    contrast: str | None = None,
    settings: InferenceSettings | None = None,
    waves: bool = True,
    main: int | None = None,
) -> Multiverse:
    """Ask one question in every universe.

    Parameters
    ----------
    panel
        From `panel_with_choices` for the plan's universes; any panel for universes of one's own.
    universes
        Universes of one's own (see `cross_universes`); by default those of the plan's ``[multiverse]`` section:
        measure x index x stages x weights x lag x estimator x with and without the outlier region.
    contrast
        One combination of coefficients; by default the plan's (`planned_contrast`).
    settings
        Inference; by default the plan's.
    waves
        Whether to run the wave test too.
    main
        Position of the main universe; the plan's model, or the first.

    Returns
    -------
    Multiverse
        One row per universe; one that has no estimate is a row with its reason, never dropped.

    Raises
    ------
    DataError
        If a column is missing or no universe has an estimate.
    PlanError
        If a panel without a plan comes without universes, contrast or settings, or lacks the plan's choices.

    References
    ----------
    Steegen, Tuerlinckx, Gelman, Vanpaemel (2016), Perspectives on Psychological Science 11. Simonsohn, Simmons, Nelson
    (2020), Nature Human Behaviour 4.

    Examples
    --------
    >>> from panelcoop.panel.record import panel_from_frame
    >>> from panelcoop.sensitivity.multiverse_universe import cross_universes
    >>> rng = np.random.default_rng(1)
    >>> index = pd.MultiIndex.from_product([list("abcdef"), range(40)], names=["region", "week"])
    >>> own = pd.DataFrame({"risk": rng.normal(size=240), "y": 0.1 * rng.normal(size=240)}, index=index)
    >>> own["stage"] = np.where(index.get_level_values("week") < 20, "outbreak", "recovery")
    >>> own["y"] += np.where(own["stage"] == "outbreak", 2.0, 0.5) * own["risk"]
    >>> axes = {"effects": {e: {"effects": e} for e in ("two-way", "region")}}
    >>> chosen = cross_universes(Universe("y", {"risk": "risk"}, "stage"), axes)
    >>> asked = {"contrast": "risk:outbreak - risk:recovery", "settings": InferenceSettings(draws=199), "waves": False}
    >>> found = multiverse(panel_from_frame(own), universes=chosen, **asked)
    >>> found.table["estimate"].round(1).tolist(), found.sign_share
    ([1.5, 1.5], 1.0)
    """
    planned = planned_universes(panel) if universes is None else PlannedUniverses(tuple(universes), 0)
    chosen = planned.universes
    asked = contrast or planned_contrast(plan_of(panel))
    agreed = settings or planned_settings(panel)
    axes = tuple(dict.fromkeys(axis for u in chosen for axis in u.choices))
    labels = pd.DataFrame([{axis: u.choices.get(axis, "") for axis in axes} | {"outcome": u.outcome} for u in chosen])
    parts = [labels, fit_universes(panel, chosen, asked, agreed)]
    parts += [wave_universes(panel, chosen)] if waves else []
    table = pd.concat(parts, axis=1).rename_axis("universe")
    _fail_if_nothing(table, asked)
    return Multiverse(table, axes, asked, planned.main if main is None else main, chosen, agreed, panel)


def _fail_if_nothing(table: pd.DataFrame, contrast: str) -> None:
    if table["estimate"].isna().all():
        msg = f"No universe gives '{contrast}'. First reason: {table['reason'].iloc[0]}"
        raise DataError(msg)
