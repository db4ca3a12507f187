"""The wave tests of a plan: its outcome, its other measures, without the outlier, after removing risk."""

from __future__ import annotations

from dataclasses import replace

from panelcoop.errors import PlanError
from panelcoop.panel.outcomes import outcome_name
from panelcoop.panel.plan import Plan
from panelcoop.panel.record import Panel
from panelcoop.waves.checks import WaveChecks, wave_checks
from panelcoop.waves.companions import WaveCompanions, wave_companions
from panelcoop.waves.removal import Removal

__all__ = ["MEASURE_BOUNDS", "NO_DENOMINATOR", "planned_checks", "planned_removal", "planned_waves"]

NO_DENOMINATOR = (
    "No placebo: policy indices grade what is in force and count no records, so that there is no total of documents "
    "whose growth could make their waves."
)
"""Why the table of a panel of indices has no placebo row."""

MEASURE_BOUNDS: dict[str, tuple[float, float]] = {
    "joint_response": (0.0, 100.0),
    "policy_overlap": (0.0, 1.0),
    "alignment": (-100.0, 0.0),
    "policy_synchrony": (0.0, 1.0),
    "co_movement": (-1.0, 1.0),
}
"""Smallest and largest value of each measure of indices from 0 to 100."""


def planned_waves(panel: Panel, *, sign_share: float | None = None) -> WaveCompanions:
    """Run the primary test and its companions as the panel's plan says.

    Parameters
    ----------
    panel
        A panel with a plan.
    sign_share
        Share of the multiverse that agrees in sign, for the verdict of the main run: see
        `panelcoop.sensitivity.multiverse_waves.wave_sign_share`.

    Raises
    ------
    PlanError
        If the panel was not assembled from a plan.

    Notes
    -----
    Outcomes: the one of [waves] first, then every other measure of the same index. Policy indices have no
    denominator: no placebo is run, and a note says why, unless the panel has a column of role "offset". Every measure
    is bounded: its result notes the share of cells at a bound, where a flat top may be the scale's and not a wave's.
    """
    main = _plan(panel).waves.outcome
    others = [name for name in panel.columns_of("outcome") if name != main and _same_index(name, main)]
    placebos = panel.columns_of("offset")
    found = wave_companions(
        panel,
        outcomes=[main, *others],
        remove=planned_removal(panel),
        outlier=_plan(panel).inference.outlier_region,
        placebos=placebos,
        sign_share=sign_share,
        bounds_of=_bounds(_plan(panel)),
    )
    return found if placebos else replace(found, notes=(NO_DENOMINATOR,))


def planned_checks(panel: Panel) -> WaveChecks:
    """Run the checks of the plan's outcome: see `wave_checks`.

    Raises
    ------
    PlanError
        If the panel was not assembled from a plan.
    """
    plan = _plan(panel)
    main = plan.waves.outcome
    return wave_checks(panel, outcome=main, remove=planned_removal(panel), bounds=_bounds(plan).get(main))


def planned_removal(panel: Panel) -> Removal:
    """Return the removal of own risk and of its spread by the plan's weights."""
    wanted = panel.plan.outcomes.weights if panel.plan is not None else ""
    name = wanted if wanted in panel.weights else next(iter(panel.weights), None)
    return Removal(("own_risk",), name)


def _plan(panel: Panel) -> Plan:
    if panel.plan is None:
        msg = "The panel has no plan; call wave_companions or wave_checks with the outcomes to test."
        raise PlanError(msg)
    return panel.plan


def _bounds(plan: Plan) -> dict[str, tuple[float, float]]:
    """Bounds by column of the plan's measures of its indices."""
    return {outcome_name(m, i): MEASURE_BOUNDS[m] for m in plan.outcomes.measures for i in plan.outcomes.indices}


def _same_index(one: str, other: str) -> bool:
    """Whether two outcomes are measured on the same index: they end alike."""
    return any(other.endswith("_" + "_".join(one.split("_")[-words:])) for words in (1, 2))
