"""The path of imputed effects from one reference week: what honest bounds need."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from panelcoop.checks import name_few
from panelcoop.errors import IdentificationError
from panelcoop.estimate.event_study.cells import CellEstimates, EventFit, shown_horizons
from panelcoop.estimate.event_study.design import EventDesign
from panelcoop.estimate.event_study.horizons import supported
from panelcoop.estimate.event_study.untreated_fit import UntreatedFit, lead_counts, lead_horizon, lead_sample, unit_rows
from panelcoop.numerics.event_study.cell_aggregation import group_cells
from panelcoop.numerics.event_study.clustering import no_factor
from panelcoop.numerics.event_study.imputation import carried_over, masked_regression
from panelcoop.options import FloatArray

__all__ = ["reference_path"]


def reference_path(design: EventDesign, first: UntreatedFit, fit: EventFit, reference: int) -> EventFit:
    """Put leads before imputed effects and refer both to one horizon, with joint covariance.

    Parameters
    ----------
    design, first
        The panel and its untreated fit.
    fit
        Imputed effects by horizon, without leads.
    reference
        Horizon to be zero, before the event and its anticipation.

    Raises
    ------
    IdentificationError
        If the reference is not observed before the event, or leads are not identified: where every region is treated
        at some time, effects absorb a linear trend in event time and no path from a single week exists.

    Notes
    -----
    Leads g_k are coefficients of dummies for all horizons before the event but the reference, on untreated cells, with
    region and week effects: a violation d of parallel trends moves g_k by d_k - d_ref. The imputed effect of horizon h
    moves by d_h - sum_k A_hk d_k, where A_hk, which sums to one over k, is what the untreated fit carries from lead k
    to horizon h. So b_h = t_h + sum_k A_hk g_k moves by d_h - d_ref, as honest bounds need. Mean residuals of the
    untreated fit would not do: they show a violation before the event reduced, one after it in full (Roth 2024).
    There is no small-sample factor. Where the support rule leaves effects with too few controls out, it does so with
    untreated cells in the regression on leads. Leads beyond the window enter the regression and are not shown.
    """
    horizon, sample = lead_horizon(design, first), lead_sample(design, first)
    before = (first.system.mask > 0) & np.isfinite(horizon)
    every = np.unique(horizon[before])
    if reference not in every:
        known = name_few(every.astype(int), 12)
        msg = f"Horizon {reference} is not observed before the event; horizons that are: {known}."
        raise IdentificationError(msg)
    leads = every[every != reference]
    dummies = ((horizon[:, :, None] == leads) & before[:, :, None]).astype(float)
    found = masked_regression(sample.system, first.outcome, np.concatenate([dummies, first.covariates], axis=2))
    lead, lead_rows = found.coefficients[: leads.size], _rows(sample, found.slope[:, :, : leads.size], found.fitted)
    if np.isnan(lead).any():
        msg = (
            "Imputed effects have no path from one reference week here: some leads are not identified, because every "
            "region is treated at some time or too few weeks lie before the event. Use 'callaway-santanna' with "
            "base='universal'."
        )
        raise IdentificationError(msg)
    assert fit.cells is not None
    load = _carried(design, first, dummies, fit.cells, fit.horizons)
    window = design.events.window
    shown = leads >= (-np.inf if window is None else -window[0])
    horizons = np.concatenate([leads[shown], [reference], fit.horizons])
    order = np.argsort(horizons)
    rows = np.column_stack([lead_rows[:, shown], np.zeros(len(lead_rows)), fit.influence + lead_rows @ load.T])
    estimates = np.concatenate([lead[shown], [0.0], fit.estimates + load @ lead])
    rows[:, np.isnan(estimates)] = 0.0
    path = replace(
        fit,
        horizons=horizons[order],
        estimates=estimates[order],
        influence=rows[:, order],
        reference=(int(reference),),
        small=no_factor(*design.outcome.shape),
        scores=None,
        no_scores="a path from one reference joins two regressions",
        notes=(*fit.notes, f"horizons are relative to {reference}; averages of cells to all untreated weeks"),
        counts=lead_counts(design, sample, every, horizons[order]),
    )
    return supported(design, path)


def _rows(first: UntreatedFit, slope: FloatArray, fitted: FloatArray) -> FloatArray:
    inside = np.where(first.system.mask > 0, fitted, 0.0)
    return unit_rows(first, slope, inside, np.zeros((len(inside), slope.shape[2])))


def _carried(
    design: EventDesign, first: UntreatedFit, dummies: FloatArray, cells: CellEstimates, horizons: FloatArray
) -> FloatArray:
    """Say how much of each lead the untreated fit carries into each horizon, shape (K, L)."""
    fitted = carried_over(first.system, dummies, first.covariates)
    touched = first.usable & (design.times[None, :] >= first.starts[first.row_cohort][:, None] - design.anticipation)
    means = np.stack([first.cell_means(fitted[:, :, k], touched) for k in range(dummies.shape[2])], axis=2)
    label, keep = shown_horizons(cells, design.events.window, design.events.ends)
    grouping = group_cells(label, cells.mass, keep & cells.estimated)
    out = np.zeros((horizons.size, dummies.shape[2]))
    out[np.searchsorted(horizons, grouping.labels)] = grouping.weights.T @ np.nan_to_num(
        means[cells.cohort, cells.period]
    )
    return out
