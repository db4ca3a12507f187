"""Size and power of every inference for a stage contrast, by simulation: which ones hold their level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_not_one_of
from panelcoop.progress import track
from panelcoop.sensitivity.size_methods import JOINT, METHODS
from panelcoop.sensitivity.stage_samples import SizeDesign, simulate_stage_sample

__all__ = ["inference_size"]


def inference_size(
    designs: Sequence[SizeDesign],
    *,
    methods: Sequence[str] | None = None,
    joint: bool = False,
    replications: int = 2_000,
    draws: int = 399,
    seed: int = 1,
    level: float = 0.05,
) -> pd.DataFrame:
    """Simulate how often each inference rejects, one row per design and method.

    Parameters
    ----------
    designs
        Panel designs.
    methods
        Keys of `METHODS` (of `JOINT` with `joint`); None for all of them.
    joint
        Test that the effect is the same at all stages instead of the contrast outbreak less continuation.
    replications
        Simulated panels per design.
    draws
        Bootstrap draws per panel.
    seed
        Every panel has its own stream: results do not depend on which other designs or methods run.
    level
        Nominal level.

    Returns
    -------
    pandas.DataFrame
        The fields of `SizeDesign`, `design` and `method` in words, `rejects`, its Monte Carlo standard error
        `error`, `undefined` (share of panels without a p-value, which do not reject), `replications` and `draws`.

    Raises
    ------
    DataError
        If a method is unknown.

    Examples
    --------
    >>> table = inference_size([SizeDesign()], methods=["CRV1 t(30)"], replications=20)
    >>> table.shape[0], bool(table["rejects"].between(0, 0.3).all())
    (1, True)
    """
    known = JOINT if joint else METHODS
    chosen = list(known if methods is None else methods)
    for name in chosen:
        fail_if_not_one_of(name, list(known), "method")
    rows = []
    for design in designs:
        p = np.empty((replications, len(chosen)))
        for replication in track(range(replications), design.name):
            rng = np.random.default_rng([seed, replication, *design.name.encode()])
            sample = simulate_stage_sample(design, rng, draws)
            p[replication] = [known[method](sample) for method in chosen]
        for method, column in zip(chosen, p.T, strict=True):
            share = float(np.mean(column <= level))
            rows.append(
                {
                    "design": design.name,
                    "method": method,
                    "rejects": share,
                    "error": float(np.sqrt(share * (1 - share) / replications)),
                    "undefined": float(np.mean(np.isnan(column))),
                    "replications": replications,
                    "draws": draws,
                    **asdict(design),
                }
            )
    return pd.DataFrame(rows)
