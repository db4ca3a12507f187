"""The stage-interaction regression: what each driver does at each stage, under region and week effects."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_not_one_of
from panelcoop.errors import DataError
from panelcoop.estimate.covariances import CovarianceChoice, covariance_of
from panelcoop.estimate.design import PanelArrays, StageCodes, panel_arrays, stage_codes
from panelcoop.estimate.fitted import FittedModel, Poisson, fit_model, weeks_take_stages
from panelcoop.estimate.identification import Term, TermStatus, identify_terms, variation_of
from panelcoop.estimate.stage_record import record_of
from panelcoop.estimate.stage_results import StageInteraction
from panelcoop.options import Covariance, Effects, FloatArray, IntArray
from panelcoop.panel.record import Panel, as_panel

__all__ = ["stage_interaction"]

BLOCK = 16_384  # rows of the design that are written together
EFFECTS = ("none", "region", "week", "two-way", "two-way+trends")


def stage_interaction(
    panel: Panel | pd.DataFrame,
    *,
    outcome: str,
    drivers: Sequence[str],
    stage: str = "stage",
    controls: Sequence[str] = (),
    effects: Effects = "two-way",
    weights: str | None = None,
    family: Poisson | None = None,
    covariance: CovarianceChoice | Covariance = "CRV1",
) -> StageInteraction:
    """Estimate driver-by-stage effects with absorbed region and week effects.

    Parameters
    ----------
    panel
        A panel, or a frame whose index or columns hold region and week.
    outcome
        Numeric column y.
    drivers
        Numeric columns D_k, as they shall enter (lag them first; the shipped panel's are lagged one week).
    stage
        Column of stage labels, national or region-specific.
    controls
        Numeric columns that enter without interaction.
    effects
        What is absorbed: "two-way" is region and week; "two-way+trends" adds a linear trend per region.
    weights
        Column of weights of the squared residuals; rows with weight zero are left out.
    family
        None for least squares; ``Poisson(offset=...)`` for counts.
    covariance
        Covariance of the result's errors: a name or a ``CovarianceChoice``. ``with_covariance`` gives others.

    Returns
    -------
    StageInteraction
        Coefficients named "driver:stage" and "stage:label"; NaN where not identified, with the reason in
        ``identification``.

    Raises
    ------
    DataError
        If a column is missing, not numeric or infinite, a name stands twice, or no row is complete.

    Notes
    -----
    y_it = a_i + g_t + sum_s theta_s S_s,it + sum_k sum_s beta_ks D_k,it S_s,it + X'd + e_it. Rows with a missing cell
    are left out and counted in ``dropped``. Rank is checked after absorption; a combination R b is estimated if
    it is estimable (R N = 0 for the null space N of the absorbed design), so contrasts between stages of a
    time-invariant driver are reported although no single one of its coefficients is identified.

    References
    ----------
    Searle, S. R. (1971). Linear Models. Wiley, section 5.4 (estimable functions).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> index = pd.MultiIndex.from_product([list("abcdef"), range(40)], names=["region", "week"])
    >>> own = pd.DataFrame({"risk": rng.normal(size=240)}, index=index)
    >>> own["stage"] = np.where(index.get_level_values("week") < 20, "outbreak", "recovery")
    >>> own["y"] = np.where(own["stage"] == "outbreak", 2.0, 0.5) * own["risk"]
    >>> stage_interaction(own, outcome="y", drivers=["risk"]).params.round(6).dropna().to_dict()
    {'risk:outbreak': 2.0, 'risk:recovery': 0.5}
    """
    panel = as_panel(panel)
    _fail_if_asked_wrongly(outcome, drivers, controls, effects, family)
    choice = covariance if isinstance(covariance, CovarianceChoice) else CovarianceChoice(covariance)
    arrays = panel_arrays(panel, _columns_needed(outcome, drivers, controls, family), stage=stage, weights=weights)
    stages = stage_codes(panel, stage, arrays)
    terms = _terms(stages, drivers, controls, intercept=effects == "none")
    lean = family is None and weeks_take_stages(terms, stages, effects)
    columns = _interact(arrays, stages, terms[: -len(stages.labels)] if lean else terms)
    model = fit_model(
        panel, arrays, columns, terms, stages=stages, outcome=outcome, effects=effects, weights=weights, family=family
    )
    statuses = _identify(model, terms, stages)
    found = covariance_of(model, choice)
    asked = {
        "outcome": outcome,
        "drivers": tuple(drivers),
        "stage": stage,
        "controls": tuple(controls),
        "effects": effects,
        "weights": weights,
        "family": family,
        "covariance": choice,
    }
    return record_of(model, found, choice, drivers=tuple(drivers), statuses=statuses, asked=asked)


def _terms(stages: StageCodes, drivers: Sequence[str], controls: Sequence[str], *, intercept: bool) -> list[Term]:
    """Name the design's columns: drivers by stage, controls, an intercept where asked, stages."""
    terms = [Term(f"{d}:{s}", "driver", d, s) for d in drivers for s in stages.labels]
    terms += [Term(f"stage:{s}", "stage", "stage", s) for s in stages.labels] if len(stages.labels) > 1 else []
    terms += [Term(c, "control", c) for c in controls]
    terms += [Term("Intercept", "control", "Intercept")] if intercept else []
    _fail_if_terms_read_alike(terms)
    return terms


def _interact(arrays: PanelArrays, stages: StageCodes, terms: Sequence[Term]) -> FloatArray:
    """Lay out the design column by column."""
    columns = np.zeros((len(stages.codes), len(terms)))
    families = []
    for j, term in enumerate(terms):
        values = arrays.numbers.get(term.family) if term.kind != "stage" else None
        if not term.stage:
            columns[:, j] = 1.0 if values is None else values
        elif term.stage == stages.labels[0]:  # the family's columns, one per stage, begin here
            families.append((j, values))
    _scatter(columns, stages.codes, families)
    return columns


def _scatter(columns: FloatArray, codes: IntArray, families: Sequence[tuple[int, FloatArray | None]]) -> None:
    """Write each family's values (n,), or ones, to the column of the row's stage, a block of rows at a time."""
    width = columns.shape[1]
    steps = np.arange(min(BLOCK, len(columns))) * width
    for start in range(0, len(columns), BLOCK):
        rows = slice(start, min(start + BLOCK, len(columns)))
        cells, own = columns[rows].reshape(-1), steps[: rows.stop - start] + codes[rows]
        for first, values in families:
            cells[own + first] = 1.0 if values is None else values[rows]


def _fail_if_terms_read_alike(terms: Sequence[Term]) -> None:
    names = [term.name for term in terms]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        msg = f"Two terms would be called '{twice[0]}'; rename a driver, a control or a stage."
        raise DataError(msg)


def _identify(model: FittedModel, terms: Sequence[Term], stages: StageCodes) -> tuple[TermStatus, ...]:
    arrays, null = model.arrays, model.linear.null_space
    lost = (null != 0).any(axis=1)
    named = [t.family for t, gone in zip(terms, lost, strict=True) if gone and t.family in arrays.numbers]
    variation = {name: variation_of(arrays.numbers[name], arrays) for name in dict.fromkeys(named)}
    return identify_terms(
        terms,
        null_space=null,
        empty=np.array([gone and model.is_empty(j) for j, gone in enumerate(lost)]),
        variation=variation,
        stages=stages,
        effects=model.effects,
    )


def _columns_needed(outcome: str, drivers: Sequence[str], controls: Sequence[str], family: Poisson | None) -> list[str]:
    offset = [family.offset] if family is not None and family.offset else []
    return [outcome, *drivers, *controls, *offset]


def _fail_if_asked_wrongly(
    outcome: str, drivers: Sequence[str], controls: Sequence[str], effects: str, family: object
) -> None:
    fail_if_not_one_of(effects, EFFECTS, "effects")
    if isinstance(drivers, str) or isinstance(controls, str):
        msg = "drivers and controls are lists of column names; write ['risk'] for one."
        raise DataError(msg)
    if not drivers:
        msg = "Name at least one driver column."
        raise DataError(msg)
    if family is not None and not isinstance(family, Poisson):
        msg = f"family is None or Poisson(offset=...); got {family!r}."
        raise DataError(msg)
    named = [outcome, *drivers, *controls]
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        msg = f"Column {', '.join(map(repr, twice))} stands twice among outcome, drivers and controls."
        raise DataError(msg)
    if "stage" in named:
        msg = "'stage' names the stage terms; rename that column before it is used as outcome, driver or control."
        raise DataError(msg)
