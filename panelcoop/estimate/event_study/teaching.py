"""A tiny staggered panel with known effects, for examples and tests."""

from __future__ import annotations

import numpy as np
import pandas as pd

from panelcoop.estimate.event_study.events import Events
from panelcoop.panel.record import Panel, panel_from_frame

__all__ = ["staggered_example"]


def staggered_example() -> tuple[Panel, Events]:
    """Make 8 regions over 8 periods, treated in 4, 6 or never; the effect at horizon h is exactly 1 + h / 2.

    Examples
    --------
    >>> panel, events = staggered_example()
    >>> len(panel.data), len(events.table)
    (64, 6)
    """
    starts = np.array([4.0, 4, 4, 6, 6, 6, np.inf, np.inf])
    times = np.arange(1.0, 9.0)
    horizon = times[None, :] - starts[:, None]
    effect = np.where(horizon >= 0, 1 + np.where(np.isfinite(horizon), horizon, 0) / 2, 0.0)
    outcome = np.arange(8.0)[:, None] + np.sin(times)[None, :] + effect
    names = [f"r{i}" for i in range(8)]
    frame = pd.DataFrame(
        {
            "region": np.repeat(names, 8),
            "week": np.tile(times.astype(int), 8),
            "y": outcome.ravel(),
        }
    )
    table = pd.DataFrame({"region": names[:6], "date": starts[:6].astype(int)})
    return panel_from_frame(frame), Events.from_table(table)
