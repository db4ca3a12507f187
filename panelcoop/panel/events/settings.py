"""What can be chosen when a log becomes a panel, in one frozen record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from panelcoop.panel.events.dyads import Durations
from panelcoop.panel.measures.engine import Engine
from panelcoop.panel.measures.slices import DEFAULT_SLICES, Slice

__all__ = ["Assembly"]


@dataclass(frozen=True)
class Assembly:
    """Choices of the assembly.

    Attributes
    ----------
    level
        Level of government of the panel's regions; actors below are lifted to it.
    centre
        Code of the centre C, where the region system has no level "nation".
    slices
        Mechanisms, contents, layers and crossings whose intensity is measured apart.
    by_slice
        Further measures taken apart for each slice (`partners_agreement`, `formality_policy`, ...): any of
        ``panelcoop.panel.measures.names.SLICED_MEASURES``, or "all".
    durations
        An event of several periods is spread over them by days, or counted at its start.
    half_life
        Half-life of the stock of cooperation, in periods.
    persistence
        Whether to compare each period's ties with those of the period before (the dearest query).
    engine
        "duckdb" or "spark".
    """

    level: str = "province"
    centre: str | None = None
    slices: Sequence[Slice] = DEFAULT_SLICES
    by_slice: Sequence[str] | Literal["all"] = ()
    durations: Durations = "spread"
    half_life: float = 4.0
    persistence: bool = True
    engine: Engine = "duckdb"
