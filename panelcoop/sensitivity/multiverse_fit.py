"""All universes fitted at once: effects are absorbed and draws prepared once for every design they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing
from panelcoop.errors import DataError, IdentificationError, PanelcoopError
from panelcoop.estimate.design import PanelArrays, StageCodes, panel_arrays, stage_codes
from panelcoop.estimate.fitted import week_numbers
from panelcoop.estimate.settings import InferenceSettings
from panelcoop.hypotheses import parse_hypothesis
from panelcoop.numerics.covariance import covariance
from panelcoop.numerics.dependent_wild_many import ContrastDraws, contrast_draws
from panelcoop.numerics.distributions import t_sf
from panelcoop.numerics.estimable import estimable_rows
from panelcoop.numerics.grouping import group_sums
from panelcoop.numerics.least_squares import LinearFit, least_squares
from panelcoop.numerics.wild_draws import WildOptions
from panelcoop.options import FloatArray, IntArray
from panelcoop.panel.record import Panel
from panelcoop.progress import track
from panelcoop.sensitivity.multiverse_universe import Universe, columns_of

__all__ = ["SharedDesign", "UniverseRow", "fit_universes", "shared_design"]

DESIGNS_KEPT = 64


@dataclass(frozen=True)
class UniverseRow:
    """What one universe says about the contrast; NaN and a reason where it says nothing.

    Attributes
    ----------
    estimate, std_error
        In the units of the outcome; the error is Driscoll-Kraay's, which studentises DWB-t.
    conf_low, conf_high
        Inverted DWB-t interval.
    scale
        Turns the estimate into standard deviations of the outcome within the absorbed effects (per standard deviation
        of the driver, where the contrast is about one driver).
    effect, effect_low, effect_high
        Estimate and interval times the scale.
    pvalue, pvalue_crv1
        Of DWB-t, and of CRV1 by region with t(G - 1).
    nobs, n_regions, n_weeks
        Size of the sample.
    reason
        Why there is no estimate; empty where there is one.
    """

    estimate: float = np.nan
    std_error: float = np.nan
    conf_low: float = np.nan
    conf_high: float = np.nan
    scale: float = np.nan
    effect: float = np.nan
    effect_low: float = np.nan
    effect_high: float = np.nan
    pvalue: float = np.nan
    pvalue_crv1: float = np.nan
    nobs: int = 0
    n_regions: int = 0
    n_weeks: int = 0
    reason: str = ""


@dataclass(frozen=True, eq=False)
class SharedDesign:
    """Everything of a regression but its outcome.

    Attributes
    ----------
    fit
        Least squares of the first outcome.
    columns
        Residualised regressors, shape (n, k).
    contrast
        R, shape (k,).
    draws
        DWB-t of the contrast, ready for any outcome.
    factor, df
        Small-sample factor and degrees of freedom of CRV1.
    region
        Codes, shape (n,).
    driver_sd
        Within-effects standard deviation of the contrast's driver; 1 where it is about several.
    n_weeks
        Weeks in the sample.
    """

    fit: LinearFit
    columns: FloatArray
    contrast: FloatArray
    draws: ContrastDraws
    factor: float
    df: float
    region: IntArray
    driver_sd: float
    n_weeks: int

    @property
    def score_direction(self) -> FloatArray:
        """Weighted z with R (b - beta) = z' e, shape (n,)."""
        return self.draws.direction

    def solve(self, outcomes: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Estimate the contrast for outcomes (n, m): estimates (m,), residuals (n, m), residualised outcomes (n, m)."""
        own = self.fit.absorber.residualise(outcomes)
        weighted = self.columns if self.fit.weights is None else self.columns * self.fit.weights[:, None]
        solution = self.fit.bread @ (weighted.T @ own)
        residuals = own - self.columns @ solution
        step = self.fit.bread @ (weighted.T @ residuals)
        return self.contrast @ (solution + step), residuals - self.columns @ step, own

    def crv1_p(self, estimate: float, residuals: FloatArray) -> float:
        """Return the p-value of CRV1 by region."""
        scores = group_sums(self.score_direction * residuals, self.region, int(self.region.max()) + 1)
        variance = self.factor * float(scores @ scores)
        return float(2 * t_sf(abs(estimate) / np.sqrt(variance), self.df)) if variance > 0 else float("nan")


def fit_universes(
    panel: Panel, universes: Sequence[Universe], contrast: str, settings: InferenceSettings
) -> pd.DataFrame:
    """Fit every universe and test one contrast in each.

    Parameters
    ----------
    panel
        A panel with the columns of every universe.
    universes
        What to fit.
    contrast
        One combination of coefficients, such as "own_risk:outbreak - own_risk:continuation".
    settings
        Draws, seed, level and lags.

    Returns
    -------
    pandas.DataFrame
        One row per universe, in order, with the columns of `UniverseRow`.

    Raises
    ------
    DataError
        If a column that a universe names is not in the panel.

    Notes
    -----
    Universes that differ in their outcome alone share rows (where the same cells are missing), absorbed effects,
    normal equations and the prepared draws. Each row equals `fit_universe` and its ``inference`` to rounding.
    """
    wanted = {c for u in universes for c in (*columns_of(u), u.stage)}
    fail_if_columns_missing(sorted(wanted), [str(c) for c in panel.data.columns], "The panel")
    groups = _groups(panel, universes)
    slim = replace(panel, data=panel.data[sorted(wanted)])
    panels = {gone: slim.without_regions(gone) if gone else slim for gone in {u.without for u in universes}}
    rows: dict[int, UniverseRow] = {}
    for members in track(list(groups.values()), "universes"):
        kept = panels[universes[members[0]].without]
        rows |= _fit_group(kept, {at: universes[at] for at in members}, contrast, settings)
    return pd.DataFrame([asdict(rows[at]) for at in range(len(universes))])


def shared_design(
    arrays: PanelArrays, stages: StageCodes, universe: Universe, contrast: str, settings: InferenceSettings
) -> SharedDesign:
    """Lay out a universe's design, fit its first outcome and prepare the draws.

    Raises
    ------
    DataError
        If the contrast names a coefficient the design does not have.
    IdentificationError
        If the contrast is not identified.
    """
    names, columns = _design(arrays, stages, universe)
    row = _contrast_row(contrast, tuple(names))
    weights = None if universe.weights is None else arrays.numbers[universe.weights]
    fit = least_squares(
        arrays.numbers[universe.outcome],
        columns,
        effects=_effects(arrays, universe),
        weights=weights,
        trend=week_numbers(arrays) if universe.effects == "two-way+trends" else None,
        names=names,
    )
    _fail_if_not_identified(fit, row, contrast)
    residualised = fit.design.demeaned()[0]
    draws = contrast_draws(
        residualised,
        fit.bread,
        row,
        np.rint(week_numbers(arrays)).astype(np.int64),
        weights=weights,
        length=settings.dwb_length,
        lag=settings.dwb_lag,
        options=WildOptions(draws=settings.draws, seed=settings.seed),
    )
    crv1 = covariance(fit, "CRV1", clusters=[arrays.region], small_sample=settings.small_sample)
    sd, df = _driver_sd(fit, arrays, universe, names, row), float(np.nanmin(crv1.df))
    return SharedDesign(fit, residualised, row, draws, crv1.factor, df, arrays.region, sd, len(arrays.weeks))


def _groups(panel: Panel, universes: Sequence[Universe]) -> dict[object, list[int]]:
    """Put universes together that differ in their outcome alone and miss the same cells."""
    missing = {u.outcome: panel.data[u.outcome].isna().to_numpy().tobytes() for u in universes}
    groups: dict[object, list[int]] = {}
    for at, u in enumerate(universes):
        key = (tuple(u.drivers.items()), u.stage, u.controls, u.effects, u.weights, u.without, missing[u.outcome])
        groups.setdefault(key, []).append(at)
    return groups


def _fit_group(
    panel: Panel, members: Mapping[int, Universe], contrast: str, settings: InferenceSettings
) -> dict[int, UniverseRow]:
    first = next(iter(members.values()))
    outcomes = [u.outcome for u in members.values()]
    try:
        arrays, stages = _sample(panel, first, outcomes)
        design = shared_design(arrays, stages, first, contrast, settings)
    except PanelcoopError as error:
        return dict.fromkeys(members, UniverseRow(reason=str(error)))
    solved = design.solve(np.column_stack([arrays.numbers[name] for name in outcomes]))
    return {at: _row(design, [part[..., j] for part in solved], settings) for j, at in enumerate(members)}


def _sample(panel: Panel, universe: Universe, outcomes: Sequence[str]) -> tuple[PanelArrays, StageCodes]:
    """Take the complete rows of a panel without the universe's regions; all outcomes miss the same cells."""
    _fail_if_no_effects(universe)
    names = list(dict.fromkeys([*outcomes, *columns_of(universe)]))
    numeric = [name for name in names if name != universe.weights]
    arrays = panel_arrays(panel, numeric, stage=universe.stage, weights=universe.weights)
    return arrays, stage_codes(panel, universe.stage, arrays)


def _row(design: SharedDesign, solved: Sequence[FloatArray], settings: InferenceSettings) -> UniverseRow:
    estimate, residuals, own = float(solved[0]), solved[1], solved[2]
    draws = design.draws.polynomials(residuals)
    low, high = design.draws.interval(draws, estimate, settings.level)
    spread = float(np.sqrt(np.mean(own**2)))
    scale = design.driver_sd / spread if spread > 0 else np.nan
    return UniverseRow(
        estimate=estimate,
        std_error=float(np.sqrt(draws.variance)),
        conf_low=low,
        conf_high=high,
        scale=scale,
        effect=estimate * scale,
        effect_low=low * scale,
        effect_high=high * scale,
        pvalue=design.draws.p_value(draws, estimate),
        pvalue_crv1=design.crv1_p(estimate, residuals),
        nobs=len(residuals),
        n_regions=int(design.region.max()) + 1,
        n_weeks=design.n_weeks,
    )


def _design(arrays: PanelArrays, stages: StageCodes, universe: Universe) -> tuple[list[str], FloatArray]:
    """Lay out names and columns as `stage_interaction` does: drivers by stage, stages, controls."""
    inside = [stages.codes == s for s in range(len(stages.labels))]
    parts = {
        f"{name}:{label}": arrays.numbers[column] * inside[s]
        for name, column in universe.drivers.items()
        for s, label in enumerate(stages.labels)
    }
    if len(stages.labels) > 1:
        parts |= {f"stage:{label}": inside[s].astype(float) for s, label in enumerate(stages.labels)}
    parts |= {name: arrays.numbers[name] for name in universe.controls}
    return list(parts), np.column_stack(list(parts.values()))


@lru_cache(maxsize=DESIGNS_KEPT)
def _contrast_row(contrast: str, names: tuple[str, ...]) -> FloatArray:
    """Read a contrast, once for all designs with the same names."""
    parsed = parse_hypothesis(contrast, names)
    if len(parsed.matrix) != 1 or parsed.value.any():
        msg = f"A multiverse asks for one combination that is zero under the null; got '{contrast}'."
        raise DataError(msg)
    return np.asarray(parsed.matrix[0])


def _effects(arrays: PanelArrays, universe: Universe) -> list[IntArray]:
    alone = {"region": [arrays.region], "week": [arrays.week]}
    return alone.get(universe.effects, [arrays.region, arrays.week])


def _driver_sd(fit: LinearFit, arrays: PanelArrays, universe: Universe, names: Sequence[str], row: FloatArray) -> float:
    asked = {name.split(":")[0] for name, weight in zip(names, row, strict=True) if weight}
    if len(asked) != 1 or not asked <= set(universe.drivers):
        return 1.0
    column = arrays.numbers[universe.drivers[asked.pop()]]
    return float(np.sqrt(np.mean(fit.absorber.residualise(column[:, None]) ** 2)))


def _fail_if_no_effects(universe: Universe) -> None:
    if universe.effects == "none":
        msg = "A universe absorbs region or week effects; effects='none' has no within variation to compare."
        raise DataError(msg)


def _fail_if_not_identified(fit: LinearFit, row: FloatArray, contrast: str) -> None:
    if not estimable_rows(row[None, :], fit.null_space)[0]:
        lost = [
            name for name, known, weight in zip(fit.names, fit.identified, row, strict=True) if weight and not known
        ]
        msg = f"'{contrast}' is not identified: it moves with {', '.join(lost)} under these effects and stages."
        raise IdentificationError(msg)
