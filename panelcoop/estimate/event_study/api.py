"""The one entrance to event studies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeAlias

import pandas as pd

from panelcoop.checks import fail_if_not_one_of
from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.event_study.callaway_santanna import CallawaySantAnna, callaway_santanna_fit
from panelcoop.estimate.event_study.cells import EventFit
from panelcoop.estimate.event_study.design import EventDesign, event_design
from panelcoop.estimate.event_study.dyadic import Dyadic, dyadic_fit
from panelcoop.estimate.event_study.events import Events
from panelcoop.estimate.event_study.extended_two_way import ExtendedTwoWay, extended_two_way_fit
from panelcoop.estimate.event_study.imputation import Imputation, imputation_fit
from panelcoop.estimate.event_study.local_projection import Dose, LpDid, dose_fit, local_projection_fit
from panelcoop.estimate.event_study.result import EventStudy, event_study_result
from panelcoop.estimate.event_study.rings import Rings, rings_fit
from panelcoop.estimate.event_study.stacked import Stacked, stacked_fit
from panelcoop.estimate.event_study.sun_abraham import SunAbraham, sun_abraham_fit
from panelcoop.estimate.event_study.support import SupportRule
from panelcoop.estimate.event_study.two_stage import TwoStage, two_stage_fit
from panelcoop.estimate.event_study.two_way import TwoWay, two_way_fit
from panelcoop.numerics.resampling.wild_draws import blas_controller
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


WITH_CELLS = ("callaway-santanna", "sun-abraham", "imputation", "two-stage", "etwfe")
"""Estimators with effects by cohort and week, which can be averaged by stage."""


def event_study(
    panel: Panel | pd.DataFrame,
    events: Events,
    *,
    outcome: str,
    estimator: EstimatorName | EstimatorOptions = "callaway-santanna",
    covariates: Sequence[str] = (),
    cluster: str | None = None,
    stage: str | None = None,
    support: SupportRule | None = None,
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
        Column of clusters that hold whole regions; regions themselves by default.
    stage
        Column with the stage of each region-week: effects can then be averaged by the stage in which the event
        happened.
    support
        Cohorts and controls a horizon needs, and whether a thinner one is marked or left out.

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
    design = event_design(
        as_panel(panel),
        events,
        outcome=outcome,
        covariates=covariates,
        cluster=cluster,
        stage=stage,
        effects=getattr(options, "effects", None),
    )
    design = replace(design, support=support or SupportRule())
    if events.kind != "absorbing" and name not in ("lp-did", "dose"):
        msg = f"'{name}' needs absorbing events; for {events.kind} events use estimator='lp-did'."
        raise IdentificationError(msg)
    if stage is not None and name not in WITH_CELLS:
        msg = f"'{name}' has no effects by cohort, so stage= has no use here; study events of one stage with focus."
        raise IdentificationError(msg)
    with blas_controller().limit(limits=1):
        used, fit = fit_function(design, options)
        return event_study_result(used, fit, name)


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
