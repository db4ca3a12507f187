"""The one entrance to event studies."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_not_one_of
from panelcoop.errors import DataError, IdentificationError, PanelcoopWarning
from panelcoop.estimate.event_study.callaway_santanna import CallawaySantAnna, callaway_santanna_fit
from panelcoop.estimate.event_study.cells import EventFit
from panelcoop.estimate.event_study.design import EventDesign
from panelcoop.estimate.event_study.dyadic import Dyadic, dyadic_fit
from panelcoop.estimate.event_study.event_groups import EventStage
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.extended_two_way import ExtendedTwoWay, extended_two_way_fit
from panelcoop.estimate.event_study.imputation import Imputation, imputation_fit
from panelcoop.estimate.event_study.local_projection import Dose, LpDid, dose_fit, local_projection_fit
from panelcoop.estimate.event_study.make_design import Columns, event_design
from panelcoop.estimate.event_study.make_result import event_study_result
from panelcoop.estimate.event_study.result import EventStudy
from panelcoop.estimate.event_study.rings import Rings, rings_fit
from panelcoop.estimate.event_study.stacked import Stacked, stacked_fit
from panelcoop.estimate.event_study.sun_abraham import SunAbraham, sun_abraham_fit
from panelcoop.estimate.event_study.support import SupportRule
from panelcoop.estimate.event_study.two_stage import TwoStage, two_stage_fit
from panelcoop.estimate.event_study.two_way import TwoWay, two_way_fit
from panelcoop.numerics.resampling.wild_draws import blas_controller
from panelcoop.options import FloatArray
from panelcoop.panel.record import Panel, as_panel

__all__ = ["EstimatorName", "EstimatorOptions", "event_study"]

EstimatorName: TypeAlias = Literal[
    "callaway-santanna",
    "sun-abraham",
    "imputation",
    "two-stage",
    "etwfe",
    "stacked",
    "lp-did",
    "dose",
    "dyadic",
    "twfe",
]
"""Estimators by name, with their default options."""

EstimatorOptions: TypeAlias = (
    CallawaySantAnna
    | SunAbraham
    | Imputation
    | TwoStage
    | ExtendedTwoWay
    | Stacked
    | LpDid
    | Dose
    | Rings
    | Dyadic
    | TwoWay
)
"""Estimators with chosen options."""

ESTIMATORS: dict[str, tuple[type[Any], Callable[[EventDesign, Any], tuple[EventDesign, EventFit]]]] = {
    "callaway-santanna": (CallawaySantAnna, callaway_santanna_fit),
    "sun-abraham": (SunAbraham, sun_abraham_fit),
    "imputation": (Imputation, imputation_fit),
    "two-stage": (TwoStage, two_stage_fit),
    "etwfe": (ExtendedTwoWay, extended_two_way_fit),
    "stacked": (Stacked, stacked_fit),
    "lp-did": (LpDid, local_projection_fit),
    "dose": (Dose, dose_fit),
    "rings": (Rings, rings_fit),
    "dyadic": (Dyadic, dyadic_fit),
    "twfe": (TwoWay, two_way_fit),
}


BY_STAGE = ("callaway-santanna", "sun-abraham", "imputation", "two-stage", "etwfe", "lp-did", "dose")
"""Estimators whose effects can be averaged by the stage of the event."""

WEIGHTED = ("callaway-santanna", "sun-abraham", "imputation", "two-stage", "etwfe", "stacked", "twfe")
"""Estimators with weights of regions."""

BY_FOCUS = (
    "callaway-santanna",
    "sun-abraham",
    "imputation",
    "two-stage",
    "etwfe",
    "stacked",
    "lp-did",
    "dose",
    "rings",
)
"""Estimators that can study some events while the others only make regions unclean."""


def event_study(
    panel: Panel | pd.DataFrame,
    events: Events,
    *,
    outcome: str,
    estimator: EstimatorName | EstimatorOptions = "callaway-santanna",
    covariates: Sequence[str] = (),
    cluster: str | Sequence[str] | None = None,
    stage: str | EventStage | None = None,
    support: SupportRule | None = None,
    weights: str | None = None,
) -> EventStudy:
    """Estimate the effects of dated events by event time.

    Parameters
    ----------
    panel
        A panel, or a frame with region and week as index or columns; any balance, any labels that sort.
    events
        When each region's event happens; its window, anticipation.
    outcome
        Column to explain.
    estimator
        A name, or a record of options such as ``CallawaySantAnna(control="not-yet")``.
    covariates
        Columns to condition on; how depends on the estimator and is written in ``convention``. Never ignored.
    cluster
        Column of clusters that hold whole regions; regions themselves by default. Two columns, or ("region", "week"),
        cluster in two dimensions.
    stage
        Column with the stage of each region-week: effects can then be averaged by the stage in which the event
        happened, read in the week before the event and its anticipation. ``EventStage`` chooses another week.
    support
        Cohorts and controls a horizon needs, and whether a thinner one is marked or left out.
    weights
        Column of positive weights, constant within regions, for example population: a region of weight two counts as
        two regions that move together. Errors stay clustered by region.

    Returns
    -------
    EventStudy
        ``params`` by horizon; what is not estimable is NaN with its reason in ``reasons``.

    Raises
    ------
    DataError
        If columns are missing or not numeric, or events do not fit the panel.
    IdentificationError
        If no comparison exists at all.

    Examples
    --------
    >>> from panelcoop.estimate.event_study.teaching import staggered_example
    >>> panel, events = staggered_example()
    >>> study = event_study(panel, events, outcome="y", estimator="imputation")
    >>> round(float(study.params[0]), 6)
    1.0
    """
    name, fit_function, options = _estimator(estimator)
    _fail_if_not_possible(name, options, events, stage=stage, weights=weights, cluster=cluster)
    clusters = (cluster,) if isinstance(cluster, str) else tuple(cluster or ())
    columns = Columns(
        outcome,
        tuple(covariates),
        clusters,
        EventStage(stage) if isinstance(stage, str) else stage,
        getattr(options, "effects", None),
        weights,
    )
    design = replace(event_design(as_panel(panel), events, columns), support=support or SupportRule())
    with blas_controller().limit(limits=1):
        used, fit = fit_function(design, options)
        return event_study_result(used, fit, name, partial(_trend_response, design, fit_function, options))


def _trend_response(
    design: EventDesign, fit_function: Callable[[EventDesign, Any], tuple[EventDesign, EventFit]], options: object
) -> FloatArray:
    """Estimate with the weeks since the event as outcome of treated regions, zero elsewhere."""
    trend = np.where(np.isfinite(design.starts)[:, None], np.nan_to_num(design.horizons, neginf=0.0), 0.0)
    moved = replace(design, outcome=np.where(design.observed, trend, np.nan), split=None, event_split=None)
    with warnings.catch_warnings(), blas_controller().limit(limits=1):
        warnings.simplefilter("ignore", PanelcoopWarning)
        return fit_function(moved, options)[1].estimates


def _fail_if_not_possible(
    name: str, options: object, events: Events, *, stage: object | None, weights: str | None, cluster: object | None
) -> None:
    """Refuse what an estimator could only ignore."""
    if events.kind != "absorbing" and name not in ("lp-did", "dose"):
        msg = f"'{name}' needs absorbing events; for {events.kind} events use estimator='lp-did'."
        raise IdentificationError(msg)
    if stage is not None and name not in BY_STAGE:
        msg = f"'{name}' mixes events of different stages, so stage= has no use here; use one of {', '.join(BY_STAGE)}."
        raise IdentificationError(msg)
    if weights is not None and (name not in WEIGHTED or getattr(options, "family", "") == "poisson"):
        msg = f"Weights are not defined for '{name}'; estimators that have them: {', '.join(WEIGHTED)} (linear)."
        raise IdentificationError(msg)
    if cluster is not None and name == "dyadic":
        msg = "Dyadic errors already allow dyads to share members: leave cluster= out, or recluster the study."
        raise IdentificationError(msg)
    focused = "focus" in events.table and not events.table["focus"].astype(bool).all()
    if focused and name not in BY_FOCUS:
        msg = (
            f"'{name}' cannot study some events only: its coefficients mix all of them. Use one of "
            f"{', '.join(BY_FOCUS)}, or leave those regions out of the panel."
        )
        raise IdentificationError(msg)


def _estimator(
    estimator: EstimatorName | EstimatorOptions,
) -> tuple[str, Callable[[EventDesign, Any], tuple[EventDesign, EventFit]], Any]:
    if isinstance(estimator, str):
        fail_if_not_one_of(estimator, tuple(ESTIMATORS), "estimator")
        options, function = ESTIMATORS[estimator]
        if options is Rings:
            msg = "Spillover rings need to know who borders whom: estimator=Rings(neighbours=matrix)."
            raise DataError(msg)
        return estimator, function, options()
    name = next((n for n, (kind, _) in ESTIMATORS.items() if isinstance(estimator, kind)), None)
    if name is None:
        msg = f"estimator must be a name or a record of options; got {type(estimator).__name__}."
        raise TypeError(msg)
    return name, ESTIMATORS[name][1], estimator
