"""The wave tests of a plan: its outcome, its other measures, without the outlier, after removing risk."""

from __future__ import annotations

from panelcoop.errors import PlanError
from panelcoop.panel.record import Panel
from panelcoop.waves.companions import WaveCompanions, wave_companions
from panelcoop.waves.removal import Removal

__all__ = ["planned_removal", "planned_waves"]


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
    denominator: no placebo
    is run unless the panel has a column of role "offset".
    """
    plan = panel.plan
    if plan is None:
        msg = "The panel has no plan; call wave_companions with the outcomes to test."
        raise PlanError(msg)
    main = plan.waves.outcome
    others = [name for name in panel.columns_of("outcome") if name != main and _same_index(name, main)]
    return wave_companions(
        panel,
        outcomes=[main, *others],
        remove=planned_removal(panel),
        outlier=plan.inference.outlier_region,
        placebos=panel.columns_of("offset"),
        sign_share=sign_share,
    )


def planned_removal(panel: Panel) -> Removal:
    """Return the removal of own risk and of its spread by the plan's weights."""
    wanted = panel.plan.outcomes.weights if panel.plan is not None else ""
    name = wanted if wanted in panel.weights else next(iter(panel.weights), None)
    return Removal(("own_risk",), name)


def _same_index(one: str, other: str) -> bool:
    """Whether two outcomes are measured on the same index: they end alike."""
    return any(other.endswith("_" + "_".join(one.split("_")[-words:])) for words in (1, 2))
