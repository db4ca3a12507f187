"""The interaction-weighted estimator of Sun and Abraham (2021), with the conventions of R fixest's `sunab`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from panelcoop.checks import fail_if_not_one_of, name_few
from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.callaway_santanna import mean_cells
from panelcoop.estimate.event_study.cells import CellEstimates, EventFit, absorbed_notes, with_estimated_shares
from panelcoop.estimate.event_study.design import EventDesign, keep_units, keep_weeks
from panelcoop.estimate.event_study.horizons import fit_from_cells
from panelcoop.estimate.event_study.regression_cells import RegressionCells, last_before, regression_cells
from panelcoop.numerics.event_study.clustering import SmallSample
from panelcoop.numerics.event_study.did_cells import CellPlan, plan_cells
from panelcoop.numerics.event_study.saturated import CellContrast, Saturated, saturated_combine, saturated_fit
from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["SunAbraham", "clustered_factor", "never_treated_controls", "saturated_cells", "sun_abraham_fit"]


@dataclass(frozen=True)
class SunAbraham:
    """Options of the Sun-Abraham estimator.

    Attributes
    ----------
    small_sample
        Whether covariances carry fixest's factor G/(G-1) (n-1)/(n-K), region effects not counted in K.
    shares
        "fixed": cohort shares in the averages are taken as known, as fixest does. "estimated": their sampling error
        counts (Sun and Abraham 2021, Proposition 3; Stata's eventstudyinteract), without the small-sample factor.
    reference
        Horizons without dummies, for example (-1, -5), ``ref.p`` of fixest's ``sunab``; the last week before the event
        and its anticipation by default. A cohort that is observed at none of them has no effects. A horizon after the
        event may be among them: its effect is then taken to be zero.
    bins
        Horizons that share one effect by cohort, by the one of them under which they are shown, for example
        ``{-6: (-9, -8, -7, -6)}``; ``bin.rel`` of ``sunab``. All lie before the event, in its anticipation or after it.

    Examples
    --------
    >>> SunAbraham(reference=(-1, -4), bins={3: (3, 4, 5)}).shares
    'fixed'
    """

    small_sample: bool = True
    shares: Literal["fixed", "estimated"] = "fixed"
    reference: tuple[int, ...] | None = None
    bins: Mapping[int, Sequence[int]] | None = None

    def __post_init__(self) -> None:
        """Refuse options outside their vocabulary."""
        fail_if_not_one_of(self.shares, ("fixed", "estimated"), "shares")


@dataclass(frozen=True)
class _SaturatedCells:
    fit: Saturated
    cells: CellContrast
    unit_cohort: IntArray

    def combine(self, weights: FloatArray, constant: FloatArray | None = None) -> FloatArray:
        out = saturated_combine(self.fit, self.cells, weights)
        return out if constant is None else out + constant[self.unit_cohort] * self.fit.weight[:, None]


def sun_abraham_fit(design: EventDesign, options: SunAbraham) -> tuple[EventDesign, EventFit]:
    """Regress on cohort-by-horizon dummies and average by the observations in each.

    Raises
    ------
    DataError
        If no reference lies before the event, or bins overlap, hold a reference, lack the horizon that names them, or
        mix horizons before the event, of its anticipation and after it.
    IdentificationError
        If no region is treated while others are not, or shares are to be estimated on an unbalanced panel.

    Notes
    -----
    Every cohort is compared with never-treated regions (without any, with the last cohort, up to the week before
    it enters) relative to its last week before the event and its anticipation, or to the ``reference`` horizons.
    Weights of regions weigh the regression and the averages. Rows may be missing: the regression is solved exactly
    cohort by cohort.
    """
    design = never_treated_controls(design)
    _fail_if_bins_unfit(options, design.anticipation)
    if options.reference is None and not options.bins:
        found = saturated_cells(design)
    else:
        found = _binned_cells(design, options)
    small = clustered_factor(design.observed, found.rank, small_sample=options.small_sample)
    cells = found.cells
    if options.shares == "estimated":
        cells = with_estimated_shares(cells, float(np.sqrt(small.factor(design.clustering)[0])))
    convention = f"CRV1 by {{cluster}}, t({{df}}), shares taken as {options.shares}"
    fit = fit_from_cells(design, cells, base_period="universal", convention=convention, small=small, t_tails=True)
    return design, replace(fit, extra=found.slopes, notes=(*fit.notes, *absorbed_notes(found.slopes)))


def saturated_cells(design: EventDesign) -> RegressionCells:
    """Estimate an effect for every cohort and week but the reference, against regions never treated."""
    plan = plan_cells(
        design.cohorts.starts, design.times, control="never", base_period="universal", anticipation=design.anticipation
    )
    slopes: dict[str, tuple[float, FloatArray]] = {}
    if design.simple:
        cells = replace(mean_cells(design, plan), estimated_shares=False, mass_is_units=False)
    else:
        cells, slopes = _saturated_cells(design, plan)
    identified = int(np.isfinite([value for value, _ in slopes.values()]).sum())
    return RegressionCells(cells, slopes, int((cells.estimated & ~cells.reference).sum()) + identified)


def _binned_cells(design: EventDesign, options: SunAbraham) -> RegressionCells:
    """Give cells at a reference no dummy, and those of one cohort and bin the same."""
    starts = design.cohorts.starts
    horizon = design.times[None, :] - starts[:, None]
    treated = np.isfinite(starts)[:, None]
    if options.reference is None:
        reference = (np.arange(design.times.size) == last_before(design)[:, None]) & treated
    else:
        reference = np.isin(horizon, options.reference) & treated
    label = horizon.copy()
    for name, members in (options.bins or {}).items():
        label[np.isin(horizon, list(members)) & ~reference] = name
    free = np.argwhere(treated & ~reference)
    column = np.full(horizon.shape, -1, dtype=np.int64)
    kinds = np.column_stack([free[:, 0], label[free[:, 0], free[:, 1]]])
    column[free[:, 0], free[:, 1]] = np.unique(kinds, axis=0, return_inverse=True)[1].ravel()
    found = regression_cells(design, column, reference)
    cells = found.cells
    return replace(found, cells=replace(cells, shown_at=label[cells.cohort, cells.period]))


def _fail_if_bins_unfit(options: SunAbraham, anticipation: int) -> None:
    """Refuse references after the event, and bins that are no set of horizons on one side of it."""
    reference, bins = options.reference, options.bins or {}
    if reference is not None and not any(h < 0 for h in reference):
        msg = f"reference needs a horizon before the event, for example (-1, -5); got {tuple(reference)}."
        raise DataError(msg)
    members = [int(h) for group in bins.values() for h in group]
    twice = sorted({h for h in members if members.count(h) > 1})
    fixed = sorted(set(members) & set(reference or (-1 - anticipation,)))
    if twice or fixed:
        what = f"horizons {name_few(twice)} lie in two bins" if twice else f"a bin holds the reference {fixed[0]}"
        msg = f"SunAbraham(bins=...): {what}; every horizon belongs to one bin and references to none."
        raise DataError(msg)
    for name, group in bins.items():
        if name not in group:
            msg = f"SunAbraham(bins=...): bin {name} holds {name_few(group)}; name it by one of these horizons."
            raise DataError(msg)
        if np.unique(np.digitize(list(group), [-anticipation, 0])).size > 1:
            sides = (
                "the weeks before the event" + (", its anticipation" if anticipation else "") + " and those after it"
            )
            msg = f"SunAbraham(bins=...): bin {name} holds {name_few(group)}; it mixes {sides}: split it."
            raise DataError(msg)


def clustered_factor(rows: BoolArray, n_coefficients: int, *, small_sample: bool) -> SmallSample:
    """Give fixest's factor G/(G-1) (n-1)/(n-K) of a regression on some region-weeks, shape (N, T) of truth.

    Notes
    -----
    K counts the coefficients and the week effects; region effects are nested in the cluster. Regions and weeks without
    a row count nowhere.
    """
    every = bool(rows.all())
    units = np.ones((len(rows), 1), dtype=bool) if every else np.asarray(rows.any(axis=1))[:, None]
    weeks = rows.shape[1] if every else int(rows.any(axis=0).sum())
    n = float(rows.sum()) if small_sample else np.nan
    return SmallSample(np.array([n]), np.array([float(n_coefficients + weeks)]), units, np.array([float(weeks)]))


def _saturated_cells(design: EventDesign, plan: CellPlan) -> tuple[CellEstimates, dict[str, tuple[float, FloatArray]]]:
    cohorts = design.cohorts
    starts, cohort = cohorts.starts, cohorts.of_unit
    contrast = CellContrast(plan.cohort, plan.period, plan.base)
    fit = saturated_fit(design.outcome, design.observed, (cohort, design.unit_weights), design.covariates, contrast)
    counts = np.array([design.observed[cohort == c].sum(axis=0) for c in range(starts.size)], dtype=float)
    seen = counts[plan.cohort, plan.period]
    heavy = design.observed * design.unit_weights[:, None]
    mass = np.array([heavy[cohort == c].sum(axis=0) for c in range(starts.size)])
    effect = np.where((seen == 0) & ~plan.reference, np.nan, fit.effect)
    cells = CellEstimates(
        cohort=plan.cohort,
        period=plan.period,
        starts=starts,
        times=design.times,
        effect=effect,
        reason=tuple("no observation links this cell to its reference" if np.isnan(e) else "" for e in effect),
        mass=np.maximum(mass[plan.cohort, plan.period], 1e-300),
        n_treated=seen,
        n_control=counts[-1, plan.period],
        reference=plan.reference,
        unit_cohort=cohort,
        cohort_split=cohorts.split,
        influence=_SaturatedCells(fit, contrast, cohort),
        estimated_shares=False,
    )
    extra = {name: (float(fit.beta[p]), fit.score[:, p]) for p, name in enumerate(design.covariate_names)}
    return cells, extra


def never_treated_controls(design: EventDesign) -> EventDesign:
    """Leave out regions treated from the first week on; without never-treated ones the last cohort is the control."""
    a = design.anticipation
    design = keep_units(design, design.starts > design.times[0] + a, "treated from the first week on")
    if not np.isinf(design.starts).any():
        last = design.starts.max()
        design = keep_weeks(design, design.times < last - a, "weeks after the last cohort enters, no control left")
        design = replace(design, starts=np.where(design.starts == last, np.inf, design.starts))
    if not np.isfinite(design.starts).any():
        msg = "No region is treated inside the panel while others are not."
        raise IdentificationError(msg)
    return design
