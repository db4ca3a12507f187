"""Groups of events: the stage in which they happen, their dose, and which of them are studied."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pandas as pd

from panelcoop.errors import DataError
from panelcoop.estimate.event_study.design import EventDesign
from panelcoop.estimate.event_study.panel_grid import PanelGrid
from panelcoop.options import FloatArray, IntArray

__all__ = ["EventStage", "with_doses", "with_focus", "with_stages"]


@dataclass(frozen=True)
class EventStage:
    """The stage in which an event happens.

    Attributes
    ----------
    column
        Stage of each region-week.
    weeks_before
        Read so many weeks before the event; None reads the week before the event and its anticipation. An event often
        is what begins a stage: read in its own week (0), most events would be in the stage they begin.
    """

    column: str
    weeks_before: int | None = None

    def __post_init__(self) -> None:
        """Refuse weeks after the event."""
        if self.weeks_before is not None and self.weeks_before < 0:
            msg = f"weeks_before counts weeks before the event and cannot be negative; got {self.weeks_before}."
            raise DataError(msg)


def with_stages(design: EventDesign, grid: PanelGrid, column: pd.Series, stage: EventStage) -> EventDesign:
    """Read the stage of every event; one without a stage is a group of its own, "no stage"."""
    wide = np.full(grid.shape, None, dtype=object)
    wide[grid.row, grid.column] = column.astype(object).to_numpy()
    back = 1 + design.anticipation if stage.weeks_before is None else stage.weeks_before
    table = design.events.table
    unit = design.regions.get_indexer(pd.Index(table["region"]))
    number = design.scale.numbers(table["date"]) - back
    week = np.minimum(np.searchsorted(design.times, number), design.times.size - 1)
    known = design.times[week] == number
    found = [v if here and not pd.isna(v) else "no stage" for v, here in zip(wide[unit, week], known, strict=True)]
    codes, labels = pd.factorize(pd.Series(found, dtype=object))
    of_unit = _of_units(design, unit, codes.astype(np.int64))
    return replace(
        design, split=of_unit, event_split=codes.astype(np.int64), split_labels=tuple(labels), split_by="stage"
    )


def with_doses(design: EventDesign, bins: tuple[float, ...]) -> EventDesign:
    """Read the dose bin of each region's event.

    Raises
    ------
    DataError
        If doses of one week add up to more than the bins hold.
    """
    dose: FloatArray = design.events.table["dose"].to_numpy(dtype=float)
    code = np.where(np.isnan(dose), -1, np.searchsorted(bins, dose) - 1).astype(np.int64)
    if (code >= len(bins) - 1).any():
        msg = f"Doses of one week add up to {dose.max():g}, beyond the last edge {bins[-1]:g}: widen the bins."
        raise DataError(msg)
    unit = design.regions.get_indexer(pd.Index(design.events.table["region"]))
    labels = tuple(f"({low:g}, {high:g}]" for low, high in pairwise(bins))
    return replace(design, split=_of_units(design, unit, code), split_labels=labels, split_by="dose")


def with_focus(design: EventDesign) -> EventDesign:
    """Read which regions' events are studied (absorbing events)."""
    table = design.events.table
    if "focus" not in table or design.events.kind != "absorbing" or table["focus"].astype(bool).all():
        return design
    unit = design.regions.get_indexer(pd.Index(table["region"]))
    studied = np.ones(len(design.regions), dtype=bool)
    studied[unit] = table["focus"].to_numpy(dtype=bool)
    return replace(design, studied=studied)


def _of_units(design: EventDesign, unit: IntArray, code: IntArray) -> IntArray:
    """Give every region the code of its first event; -1 without one."""
    out = np.full(len(design.regions), -1, dtype=np.int64)
    out[unit[::-1]] = code[::-1]
    return out
