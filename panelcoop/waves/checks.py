"""What stands beside the verdict: size in this panel, random neighbours, single regions, dependence, phases, leads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Unpack

import pandas as pd

from panelcoop.panel.record import Panel, as_panel
from panelcoop.waves.companions import fake_outcomes, permuted_weights
from panelcoop.waves.inputs import InputOptions
from panelcoop.waves.phases import PhaseConcordance, lead_and_lag, phase_concordance
from panelcoop.waves.primary import thresholds_for
from panelcoop.waves.regional import RegionWaves, region_waves
from panelcoop.waves.removal import Removal, as_removal
from panelcoop.waves.thresholds import WaveThresholds

__all__ = ["WaveChecks", "wave_checks"]


@dataclass(frozen=True)
class WaveChecks:
    """Checks of one outcome.

    Attributes
    ----------
    outcome
        Column tested.
    level
        Nominal size of the tests.
    fake
        Size in this panel: `fake_outcomes`.
    permuted
        U after removing drivers with true and with random neighbours: `permuted_weights`; None without spatial weights.
    regions
        Waves of single regions, and dependence between them: `region_waves`.
    phases
        Concordance of phases: `phase_concordance`.
    leads
        Leads and lags with intervals: `lead_and_lag`.
    """

    outcome: str
    level: float
    fake: pd.Series
    permuted: pd.DataFrame | None
    regions: RegionWaves
    phases: PhaseConcordance
    leads: pd.DataFrame

    @property
    def own_waves(self) -> int | None:
        """Number of regions with waves of their own (Romano-Wolf); None with noise too persistent or too few weeks."""
        p = self.regions.table["p_adjusted"]
        return None if p.isna().all() else int((p <= self.level).sum())

    @property
    def leaders(self) -> list[str]:
        """Regions whose interval of lead lies above or below zero."""
        apart = (self.leads["low"] > 0) | (self.leads["high"] < 0)
        return [str(region) for region in self.leads.index[apart]]


def wave_checks(
    panel: Panel | pd.DataFrame,
    *,
    outcome: str,
    remove: Removal | Sequence[str] | str | None = None,
    thresholds: WaveThresholds | None = None,
    **how: Unpack[InputOptions],
) -> WaveChecks:
    """Run every check of one outcome.

    Parameters
    ----------
    panel
        A panel, or a frame with region and week as index or columns.
    outcome
        Column to test.
    remove
        Drivers to take out with random neighbours; None leaves that check out.
    thresholds
        As for `wave_test`.
    **how
        bounds, as for `wave_test`; tests of single regions take neither weights nor an offset.

    Raises
    ------
    DataError
        As for `region_waves` and `lead_and_lag`.
    """
    record = as_panel(panel)
    agreed = thresholds_for(record, thresholds)
    removal = None if remove is None else as_removal(remove, record)
    spatial = removal is not None and removal.weights is not None
    return WaveChecks(
        outcome=outcome,
        level=agreed.level,
        fake=fake_outcomes(record, outcome=outcome, thresholds=agreed, **how),
        permuted=permuted_weights(record, outcome=outcome, remove=removal, thresholds=agreed, **how)
        if removal is not None and spatial
        else None,
        regions=region_waves(record, outcome=outcome, thresholds=agreed, **how),
        phases=phase_concordance(record, outcome=outcome, thresholds=agreed, **how),
        leads=lead_and_lag(record, outcome=outcome, thresholds=agreed, **how),
    )
