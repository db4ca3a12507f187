"""Group-time average effects of Callaway and Sant'Anna (2021), with the conventions of the R package did."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from panelcoop.checks import fail_if_not_one_of, name_few
from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.cells import CellEstimates, CellInfluence, EventFit
from panelcoop.estimate.event_study.covariate_cells import covariate_cells, without_absorbed
from panelcoop.estimate.event_study.design import EventDesign, keep_units, keep_weeks
from panelcoop.estimate.event_study.horizons import fit_from_cells
from panelcoop.numerics.event_study.cohort_cells import CohortMap, CohortPanel, cohort_panel, influence_rows
from panelcoop.numerics.event_study.did_cells import CellPlan, cell_effects, cell_map, plan_cells
from panelcoop.numerics.event_study.did_cross_section import Errors
from panelcoop.numerics.event_study.did_nuisance import Method
from panelcoop.options import FloatArray

__all__ = ["CallawaySantAnna", "callaway_santanna_fit", "mean_cells"]


@dataclass(frozen=True)
class CallawaySantAnna:
    """Options of the Callaway-Sant'Anna estimator.

    Attributes
    ----------
    control
        "never" or "not-yet" treated regions.
    base
        "varying" (leads compare neighbouring weeks) or "universal" (all horizons compare with the same week).
    method
        With covariates: "dr" (doubly robust), "dr-improved" (doubly robust with odds that balance the covariates,
        DRDID's ``drdid_imp_panel`` and ``drdid_imp_rc``, csdid's drimp), "reg" (outcome regression) or "ipw" (inverse
        probability weights).
    unbalanced
        "drop" leaves incomplete regions out, as R did does by default; "cross-section" keeps every row and treats
        them as repeated cross-sections, as ``allow_unbalanced_panel = TRUE`` does. Rows without region identity
        (``panel = FALSE``) come from ``repeated_cross_sections``.
    errors
        "delta-method", or "DRDID": what R did prints for "dr" with covariates on cross-sections and unbalanced panels,
        where R's DRDID (to 1.3.0; not csdid for Python) gives one term of the influence function the opposite sign. On
        did's county employment as cross-sections, given log population, the error of the overall effect is 0.04605
        (delta) and 0.04603 (DRDID); where the propensity model is wrong DRDID's can be a third too small.

    Examples
    --------
    >>> CallawaySantAnna(control="not-yet").base
    'varying'
    """

    control: Literal["never", "not-yet"] = "never"
    base: Literal["varying", "universal"] = "varying"
    method: Method = "dr"
    unbalanced: Literal["drop", "cross-section"] = "drop"
    errors: Errors = "delta-method"

    def __post_init__(self) -> None:
        """Refuse options outside their vocabulary."""
        fail_if_not_one_of(self.control, ("never", "not-yet"), "control")
        fail_if_not_one_of(self.base, ("varying", "universal"), "base")
        fail_if_not_one_of(self.method, ("dr", "dr-improved", "reg", "ipw"), "method")
        fail_if_not_one_of(self.unbalanced, ("drop", "cross-section"), "unbalanced")
        fail_if_not_one_of(self.errors, ("delta-method", "DRDID"), "errors")


@dataclass(frozen=True)
class _MeanCells:
    panel: CohortPanel
    plan: CellPlan

    def combine(self, weights: FloatArray, constant: FloatArray | None = None) -> FloatArray:
        affine = cell_map(self.panel, self.plan, weights)
        shift = affine.shift if constant is None else affine.shift - constant
        return influence_rows(self.panel, CohortMap(affine.slope, shift))


def callaway_santanna_fit(design: EventDesign, options: CallawaySantAnna) -> tuple[EventDesign, EventFit]:
    """Estimate group-time effects and average them by horizon.

    Parameters
    ----------
    design
        The panel as arrays.
    options
        Control group, base period, method and rule for unbalanced panels.

    Returns
    -------
    The design actually used (always-treated and, if asked, incomplete regions left out) and the fit.

    Raises
    ------
    IdentificationError
        If never-treated controls are asked for and none exist, or no cohort has a week before its event.
    DataError
        If incomplete regions are to be left out and no region is complete.

    Notes
    -----
    Influence functions carry the estimation of cohort shares; standard errors have no small-sample factor and
    tails are normal. Clusters sum influence functions and divide by the number of regions, without G/(G-1). Weights
    enter as in R did's ``weightsname``: cohort means, working models and cohort shares are weighted. Covariates that
    are constant within every week, or that earlier ones span there, are left out with a note.
    """
    design, notes = without_absorbed(_prepared(design, options))
    plan = plan_cells(
        design.cohorts.starts,
        design.times,
        control=options.control,
        base_period=options.base,
        anticipation=design.anticipation,
    )
    if design.simple:
        cells = mean_cells(design, plan)
    else:
        cells = covariate_cells(design, plan, options.method, errors=options.errors)
    how = f"influence functions, {options.control}-treated controls, {options.base} base period"
    if design.covariates.shape[2]:
        how += f", {options.method} with {', '.join(design.covariate_names)}"
        how += ", errors as DRDID's" if options.errors == "DRDID" and not design.balanced else ""
    words = f"{how}, clusters: {{cluster}}, normal"
    fit = fit_from_cells(design, cells, base_period=options.base, convention=words)
    return design, replace(fit, notes=(*fit.notes, *notes))


def mean_cells(design: EventDesign, plan: CellPlan) -> CellEstimates:
    """Estimate group-time effects from cohort means: balanced panel, no covariates."""
    cohorts = design.cohorts
    panel = cohort_panel(design.outcome, cohorts.of_unit, cohorts.starts, design.times, design.weights)
    effect, n_control, _ = cell_effects(panel, plan)
    lost = np.isnan(effect)
    why = "no control region that is still untreated"
    reason = tuple(why if gone else "" for gone in lost) if lost.any() else ("",) * lost.size
    size = panel.counts if design.weights is None else np.bincount(cohorts.of_unit).astype(float)
    influence: CellInfluence = _MeanCells(panel, plan)
    return CellEstimates(
        cohort=plan.cohort,
        period=plan.period,
        starts=panel.starts,
        times=panel.times,
        effect=effect,
        reason=reason,
        mass=panel.counts[plan.cohort],
        n_treated=size[plan.cohort],
        n_control=n_control if design.weights is None else plan.controls @ size,
        reference=plan.reference,
        unit_cohort=cohorts.of_unit,
        cohort_split=cohorts.split,
        influence=influence,
        estimated_shares=True,
        mass_is_units=True,
    )


def _prepared(design: EventDesign, options: CallawaySantAnna) -> EventDesign:
    """Leave out what R did leaves out, each with its reason."""
    a = design.anticipation
    if options.unbalanced == "drop" and not design.balanced:
        complete = np.asarray(design.observed.all(axis=1))
        if not complete.any():
            msg = "No region is observed in every week: CallawaySantAnna(unbalanced='cross-section') keeps all rows."
            raise DataError(msg)
        design = keep_units(design, complete, "not observed in every week")
    design = keep_units(design, design.starts > design.times[0] + a, "treated from the first week on")
    if not np.isinf(design.starts).any():
        if options.control == "never":
            msg = "No region is never treated: use control='not-yet', which stops when the last cohort enters."
            raise IdentificationError(msg)
        last = design.starts.max()
        design = keep_weeks(design, design.times < last - a, "weeks after the last cohort enters, no control left")
        design = replace(design, starts=np.where(design.starts == last, np.inf, design.starts))
    if not np.isfinite(design.starts).any():
        msg = f"No region is treated inside the panel; events: {name_few(design.events.table['date'])}."
        raise IdentificationError(msg)
    if design.times.size < 2:
        msg = "A difference needs at least two weeks."
        raise DataError(msg)
    return design
