"""Leave one region, week, episode, source or index out, and see what becomes of a contrast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing
from panelcoop.errors import DataError, PanelcoopError
from panelcoop.estimate.design import PanelArrays
from panelcoop.estimate.fitted import week_numbers
from panelcoop.estimate.settings import InferenceSettings
from panelcoop.estimate.stage_results import StageInteraction
from panelcoop.numerics.regression.least_squares import LinearFit, least_squares
from panelcoop.options import BoolArray, FloatArray, IntArray
from panelcoop.panel.record import Panel
from panelcoop.progress import track
from panelcoop.sensitivity.multiverse_fit import fit_universes
from panelcoop.sensitivity.multiverse_universe import Universe
from panelcoop.sensitivity.shared_design import shared_design

__all__ = ["LeaveOneOut", "leave_one_index_out", "leave_one_out"]

EVERYTHING = "nothing left out"


@dataclass(frozen=True)
class LeftOut:
    """The contrast without one part; NaN and a reason where it cannot be had."""

    estimate: float = np.nan
    std_error: float = np.nan
    conf_low: float = np.nan
    conf_high: float = np.nan
    pvalue: float = np.nan
    pvalue_crv1: float = np.nan
    nobs: int = 0
    reason: str = ""


@dataclass(frozen=True, eq=False)
class LeaveOneOut:
    """What a contrast owes to each part of the data.

    Attributes
    ----------
    table
        Indexed by the part left out, the most influential first: `estimate`, `std_error` (Driscoll-Kraay), `conf_low`,
        `conf_high`, `pvalue` (DWB-t), `pvalue_crv1`, `nobs`, `change` (estimate with all less estimate without),
        `influence` (change in standard errors of the whole fit), `sign_changes`, `reason`.
    whole
        The same with nothing left out.
    by
        What was left out one at a time.
    contrast
        The combination of coefficients.
    """

    table: pd.DataFrame
    whole: pd.Series
    by: str
    contrast: str

    @property
    def span(self) -> tuple[float, float]:
        """Lowest and highest estimate without any one part."""
        known = self.table["estimate"].dropna()
        return float(known.min()), float(known.max())

    @property
    def worst_p(self) -> float:
        """Largest DWB-t p-value without any one part."""
        return float(self.table["pvalue"].max())

    def __str__(self) -> str:
        """Say what the most influential part does."""
        low, high = self.span
        first = self.table.iloc[0]
        lost = int(self.table["estimate"].isna().sum())
        text = (
            f"{self.contrast} = {self.whole['estimate']:.3f}; without one {self.by} between {low:.3f} and {high:.3f}, "
            f"largest p {self.worst_p:.3f}; most influential {self.table.index[0]} ({first['influence']:+.2f} se)"
        )
        return text + (f"; {lost} cannot be left out" if lost else "")


def leave_one_out(
    fit: StageInteraction, contrast: str, *, by: str = "region", settings: InferenceSettings | None = None
) -> LeaveOneOut:
    """Refit without each region, week or level of a column in turn.

    Parameters
    ----------
    fit
        A least-squares stage-interaction regression.
    contrast
        One combination of coefficients.
    by
        "region", "week", or a column of the panel whose levels are left out one at a time: a source, an episode, a
        year, a stage. Rows where it is missing are never left out.
    settings
        Draws, seed, level and lags.

    Returns
    -------
    LeaveOneOut
        Every row is a full refit: effects are estimated anew, nothing is approximated.

    Raises
    ------
    DataError
        If the fit is Poisson or absorbs no effects, the column does not exist or has one level only, or the contrast is
        joint or has a value other than zero.

    Examples
    --------
    >>> from panelcoop.estimate.stage_interaction import stage_interaction
    >>> rng = np.random.default_rng(1)
    >>> index = pd.MultiIndex.from_product([list("abcdef"), range(40)], names=["region", "week"])
    >>> own = pd.DataFrame({"risk": rng.normal(size=240), "y": 0.1 * rng.normal(size=240)}, index=index)
    >>> own["stage"] = np.where(index.get_level_values("week") < 20, "outbreak", "recovery")
    >>> odd = (index.get_level_values("region") == "c") & (own["stage"] == "outbreak")
    >>> own["y"] += 3.0 * odd * own["risk"]
    >>> fit = stage_interaction(own, outcome="y", drivers=["risk"])
    >>> leave_one_out(fit, "risk:outbreak - risk:recovery", settings=InferenceSettings(draws=99)).table.index[0]
    'c'
    """
    agreed = settings or InferenceSettings()
    _fail_if_not_supported(fit)
    row = _one_row(fit, contrast)
    codes, labels = _parts(fit, by)
    everything = np.ones(len(codes), dtype=bool)
    whole = _without(fit, row, everything, agreed)
    found = {
        labels[part]: _without(fit, row, codes != part, agreed)
        for part in track(range(len(labels)), f"leaving one {by} out")
    }
    return _record(found, whole, by, contrast)


def leave_one_index_out(
    panel: Panel,
    outcomes: Sequence[str],
    universe: Universe,
    contrast: str,
    *,
    settings: InferenceSettings | None = None,
) -> LeaveOneOut:
    """Average several outcomes and leave one of them out at a time.

    Parameters
    ----------
    panel
        The panel.
    outcomes
        Columns that measure the same in other ways: one policy index or one source each.
    universe
        Drivers, stages, effects and regions; its outcome is not read.
    contrast
        One combination of coefficients.
    settings
        Draws, seed, level and lags.

    Returns
    -------
    LeaveOneOut
        The outcome is the mean of the standardised columns; rows where one of them is missing have none, so every
        line has the same rows.

    Raises
    ------
    DataError
        If fewer than two outcomes are named or a column is missing.
    """
    if len(outcomes) < 2:
        raise DataError("Leaving one index out needs at least two outcomes.")
    fail_if_columns_missing(outcomes, [str(c) for c in panel.data.columns], "The panel")
    wide = panel.data[list(outcomes)]
    complete = wide.where(wide.notna().all(axis=1))
    scores = (complete - complete.mean()) / complete.std()
    averages = {"mean of all": scores.mean(axis=1, skipna=False)}
    averages |= {f"mean without {name}": scores.drop(columns=name).mean(axis=1, skipna=False) for name in outcomes}
    chosen = [replace(universe, outcome=name) for name in averages]
    rows = fit_universes(panel.with_columns(averages), chosen, contrast, settings or InferenceSettings())
    kept = [LeftOut(**{name: row[name] for name in LeftOut.__dataclass_fields__}) for row in rows.to_dict("records")]
    return _record(dict(zip(outcomes, kept[1:], strict=True)), kept[0], "index", contrast)


def _one_row(fit: StageInteraction, contrast: str) -> FloatArray:
    """Read one combination of coefficients, held against zero."""
    parsed = fit.hypothesis(contrast)
    if len(parsed.matrix) > 1 or parsed.value[0] != 0:
        msg = f"Leave one out follows one combination against zero; '{parsed.text}' is not one: write 'a' or 'a - b'."
        raise DataError(msg)
    return np.asarray(parsed.matrix[0])


def _without(fit: StageInteraction, row: FloatArray, keep: BoolArray, settings: InferenceSettings) -> LeftOut:
    """Refit on some rows."""
    arrays, positions = fit.model.arrays, np.flatnonzero(keep)
    if not positions.size:
        return LeftOut(reason="no row is left")
    try:
        linear = _refit(fit, positions)
        weeks = np.rint(week_numbers(arrays)).astype(np.int64)[positions]
        design = shared_design(linear, row, arrays.region[positions], weeks, settings)
    except PanelcoopError as error:
        return LeftOut(reason=str(error), nobs=len(positions))
    estimate = float(row @ linear.solution)
    draws = design.draws.polynomials(linear.resid)
    low, high = design.draws.interval(draws, estimate, settings.level)
    p = design.draws.p_value(draws, estimate), design.crv1_p(estimate, linear.resid)
    return LeftOut(estimate, float(np.sqrt(draws.variance)), low, high, *p, nobs=len(positions))


def _refit(fit: StageInteraction, positions: IntArray) -> LinearFit:
    model, arrays = fit.model, fit.model.arrays
    weights = model.weight_values
    effects = {"region": [arrays.region], "week": [arrays.week]}.get(model.effects, [arrays.region, arrays.week])
    return least_squares(
        arrays.numbers[model.outcome][positions],
        model.columns[positions],
        effects=[codes[positions] for codes in effects],
        weights=None if weights is None else weights[positions],
        trend=week_numbers(arrays)[positions] if model.effects == "two-way+trends" else None,
        names=list(model.names),
    )


def _parts(fit: StageInteraction, by: str) -> tuple[IntArray, list[str]]:
    """Give each row the number of its part, -1 where it has none, and the parts' labels."""
    arrays: PanelArrays = fit.model.arrays
    if by in {"region", "week"}:
        codes, labels = (arrays.region, arrays.regions) if by == "region" else (arrays.week, arrays.weeks)
    else:
        fail_if_columns_missing([by], [str(c) for c in fit.model.panel.data.columns], "The panel")
        codes, labels = pd.factorize(fit.model.panel.data[by][arrays.rows], sort=True)
    if len(labels) < 2:
        msg = f"'{by}' has {len(labels)} level in the rows used; leaving one out needs two or more."
        raise DataError(msg)
    return np.asarray(codes, dtype=np.int64), [f"{x:%G-W%V}" if isinstance(x, pd.Timestamp) else str(x) for x in labels]


def _record(found: dict[str, LeftOut], whole: LeftOut, by: str, contrast: str) -> LeaveOneOut:
    table = pd.DataFrame.from_dict({label: asdict(one) for label, one in found.items()}, orient="index")
    change = whole.estimate - table["estimate"]
    table.insert(7, "change", change)
    table.insert(8, "influence", change / whole.std_error)
    table.insert(9, "sign_changes", np.sign(table["estimate"]) * np.sign(whole.estimate) < 0)
    order = table["influence"].abs().sort_values(ascending=False, kind="stable", na_position="last").index
    series = pd.Series(asdict(whole), name=EVERYTHING)
    return LeaveOneOut(table.loc[order].rename_axis(by), series, by, contrast)


def _fail_if_not_supported(fit: StageInteraction) -> None:
    if fit.model.counts is not None or fit.model.effects == "none":
        raise DataError(
            "Leave one out refits least squares with absorbed effects; this fit is Poisson or absorbs none."
        )
