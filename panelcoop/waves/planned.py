"""The wave tests of a plan: its outcome, its other measures, without the outlier, after removing risk."""

from __future__ import annotations

from dataclasses import replace

from panelcoop.errors import PlanError
from panelcoop.panel.plan import Plan
from panelcoop.panel.record import Panel
from panelcoop.waves.checks import WaveChecks, wave_checks
from panelcoop.waves.companions import WaveCompanions, wave_companions
from panelcoop.waves.removal import Removal

__all__ = ["NO_DENOMINATOR", "planned_checks", "planned_removal", "planned_waves"]

NO_DENOMINATOR = (
    "No placebo: policy indices grade what is in force and count no records, so that there is no total of documents "
    "whose growth could make their waves."
)
"""Why the table of a panel of indices has no placebo row."""


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
    denominator: no placebo is run, and a note says why, unless the panel has a column of role "offset".
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
    )
    return found if placebos else replace(found, notes=(NO_DENOMINATOR,))


def planned_checks(panel: Panel) -> WaveChecks:
    """Run the checks of the plan's outcome: see `wave_checks`.

    Raises
    ------
    PlanError
        If the panel was not assembled from a plan.
    """
    return wave_checks(panel, outcome=_plan(panel).waves.outcome, remove=planned_removal(panel))


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


def _same_index(one: str, other: str) -> bool:
    """Whether two outcomes are measured on the same index: they end alike."""
    return any(other.endswith("_" + "_".join(one.split("_")[-words:])) for words in (1, 2))
