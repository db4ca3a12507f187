"""All universes fitted at once: effects are absorbed and draws prepared once for every design they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing
from panelcoop.errors import DataError, PanelcoopError
from panelcoop.estimate.design import PanelArrays, StageCodes, panel_arrays, stage_codes
from panelcoop.estimate.fitted import week_numbers
from panelcoop.estimate.settings import InferenceSettings
from panelcoop.hypotheses import parse_hypothesis
from panelcoop.numerics.regression.least_squares import LinearFit, least_squares
from panelcoop.options import FloatArray, IntArray
from panelcoop.panel.record import Panel
from panelcoop.progress import track
from panelcoop.sensitivity.multiverse_universe import Universe, columns_of
from panelcoop.sensitivity.shared_design import SharedDesign, Solved, shared_design

__all__ = ["UniverseRow", "driver_sd", "first_fit", "fit_universes", "group_universes", "sample_of"]

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
    groups = group_universes(panel, universes)
    slim = replace(panel, data=panel.data[sorted(wanted)])
    panels = {gone: slim.without_regions(gone) if gone else slim for gone in {u.without for u in universes}}
    rows: dict[int, UniverseRow] = {}
    for members in track(list(groups.values()), "universes"):
        kept = panels[universes[members[0]].without]
        rows |= _fit_group(kept, {at: universes[at] for at in members}, contrast, settings)
    return pd.DataFrame([asdict(rows[at]) for at in range(len(universes))])


def group_universes(panel: Panel, universes: Sequence[Universe]) -> dict[object, list[int]]:
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
        arrays, stages = sample_of(panel, first, outcomes)
        fit, row = first_fit(arrays, stages, first, contrast)
        weeks = np.rint(week_numbers(arrays)).astype(np.int64)
        design = shared_design(fit, row, arrays.region, weeks, settings)
    except PanelcoopError as error:
        return dict.fromkeys(members, UniverseRow(reason=str(error)))
    solved = design.solve(np.column_stack([arrays.numbers[name] for name in outcomes]))
    unit = driver_sd(fit, arrays, first, row)
    sizes = (len(arrays.regions), len(arrays.weeks))
    return {at: _row(design, solved, j, unit=unit, sizes=sizes, settings=settings) for j, at in enumerate(members)}


def first_fit(
    arrays: PanelArrays, stages: StageCodes, universe: Universe, contrast: str
) -> tuple[LinearFit, FloatArray]:
    """Fit the first outcome of a group; also read the contrast, shape (k,)."""
    names, columns = _design(arrays, stages, universe)
    row = _contrast_row(contrast, tuple(names))
    fit = least_squares(
        arrays.numbers[universe.outcome],
        columns,
        effects=_effects(arrays, universe),
        weights=None if universe.weights is None else arrays.numbers[universe.weights],
        trend=week_numbers(arrays) if universe.effects == "two-way+trends" else None,
        names=names,
    )
    return fit, row


def sample_of(panel: Panel, universe: Universe, outcomes: Sequence[str]) -> tuple[PanelArrays, StageCodes]:
    """Take the complete rows of a panel without the universe's regions; all outcomes miss the same cells."""
    _fail_if_no_effects(universe)
    names = list(dict.fromkeys([*outcomes, *columns_of(universe)]))
    numeric = [name for name in names if name != universe.weights]
    arrays = panel_arrays(panel, numeric, stage=universe.stage, weights=universe.weights)
    return arrays, stage_codes(panel, universe.stage, arrays)


def _row(
    design: SharedDesign, solved: Solved, j: int, *, unit: float, sizes: tuple[int, int], settings: InferenceSettings
) -> UniverseRow:
    estimate, residuals = float(solved.estimates[j]), solved.residuals[j]
    draws = design.draws.polynomials(residuals)
    low, high = design.draws.interval(draws, estimate, settings.level)
    scale = unit / float(solved.within[j]) if solved.within[j] > 0 else np.nan
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
        n_regions=sizes[0],
        n_weeks=sizes[1],
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


def driver_sd(fit: LinearFit, arrays: PanelArrays, universe: Universe, row: FloatArray) -> float:
    """Within-effects standard deviation of the contrast's driver; one where it is about several."""
    asked = {name.split(":")[0] for name, weight in zip(fit.names, row, strict=True) if weight}
    if len(asked) != 1 or not asked <= set(universe.drivers):
        return 1.0
    column = arrays.numbers[universe.drivers[asked.pop()]]
    return float(np.sqrt(np.mean(fit.absorber.residualise(column[:, None]) ** 2)))


def _fail_if_no_effects(universe: Universe) -> None:
    if universe.effects == "none":
        msg = "A universe absorbs region or week effects; effects='none' has no within variation to compare."
        raise DataError(msg)
