"""Staggered panels with known truth, drawn from a seed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from panelcoop.estimate.event_study.events import Events
from panelcoop.panel.record import panel_from_frame


def staggered(
    seed=0, *, n=60, periods=10, starts=(4, 6, 8, np.inf), effect=lambda h, g: 1 + 0.3 * h, noise=1.0, keep=1.0
):
    """Draw a panel whose effect at horizon h of the cohort that starts in g is effect(h, g)."""
    rng = np.random.default_rng(seed)
    start = rng.permutation(np.resize(np.array(starts, dtype=float), n))
    times = np.arange(1.0, periods + 1)
    horizon = times[None, :] - start[:, None]
    x = rng.normal(size=(n, periods)) + 0.5 * np.isfinite(start)[:, None]
    y = rng.normal(size=(n, 1)) + np.sin(times)[None, :] + noise * rng.normal(size=(n, periods)) + 0.4 * x
    treated = horizon >= 0
    y[treated] += np.array(
        [effect(h, g) for h, g in zip(horizon[treated], np.broadcast_to(start[:, None], y.shape)[treated], strict=True)]
    )
    frame = pd.DataFrame(
        {
            "region": np.repeat([f"r{i:03d}" for i in range(n)], periods),
            "week": np.tile(times.astype(int), n),
            "y": y.ravel(),
            "x": x.ravel(),
            "start": np.repeat(start, periods),
            "group": np.repeat(np.arange(n) % 12, periods),
        }
    )
    if keep < 1:
        frame = frame[rng.random(len(frame)) < keep]
    panel = panel_from_frame(frame)
    return panel, Events.from_column(panel, "start", never=np.inf)


def dummies(codes):
    """Code integers as a matrix of dummies."""
    levels, code = np.unique(codes, return_inverse=True)
    return np.eye(levels.size)[code]
