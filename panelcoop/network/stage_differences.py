"""Do the networks of the stages differ? Blocks of weeks are permuted, every week at the same volume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from panelcoop.errors import DataError
from panelcoop.network.stages import network_measures, networks_by_stage

__all__ = ["stage_differences"]

MEASURES = (
    "density", "reciprocity", "centralisation", "strength_gini", "vertical_density", "edge_correlation",
    "strength_correlation", "closed_triangles",
)  # fmt: skip


def stage_differences(
    flows: pd.DataFrame,
    stage: Mapping[pd.Timestamp, str] | pd.Series,
    regions: Sequence[str],
    *,
    centre: str | None = None,
    block: int = 4,
    draws: int = 499,
    seed: int = 0,
) -> pd.DataFrame:
    """Test whether network measures differ between stages.

    Parameters
    ----------
    flows, stage, regions, centre
        As in ``networks_by_stage``.
    block
        Consecutive periods that stay together.
    draws
        Permutations.
    seed
        Seed of the permutations.

    Returns
    -------
    pandas.DataFrame
        One row per measure: its value at each stage, `range` (largest minus smallest) and `p_value`.

    Raises
    ------
    DataError
        When there are fewer than two stages or three blocks.

    Notes
    -----
    H0: the order of the blocks does not matter. The flows of every period are scaled to the same total first, so that a
    busy stage is no different for being busy; the sequence of stages is fixed and the blocks of periods change places.
    p = (1 + #{range* >= range}) / (draws + 1); few blocks have few different orders, which bounds p from below. NaN
    where a measure is not defined at some stage.
    """
    labels = pd.Series(stage).dropna().astype(str).sort_index()
    blocks = -(-len(labels) // block)
    if labels.nunique() < 2 or blocks < 3:
        msg = f"{labels.nunique()} stages in {blocks} blocks of {block} periods cannot be permuted; use smaller blocks."
        raise DataError(msg)
    known = flows[flows["period"].isin(labels.index)]
    total = known.groupby("period")["flow"].transform("sum")
    even = known.assign(flow=known["flow"] / total.where(total > 0, 1.0))
    observed = _measures(even, labels, regions, centre)
    rng = np.random.default_rng(seed)
    ranges = np.array([_range(_measures(even, _permuted(labels, block, rng), regions, centre)) for _ in range(draws)])
    span = _range(observed)
    beyond = (ranges >= span - 1e-12).sum(axis=0)
    p_value = np.where(np.isfinite(span), (1 + beyond) / (draws + 1), np.nan)
    return observed.T.assign(range=span, p_value=p_value)


def _measures(flows: pd.DataFrame, labels: pd.Series, regions: Sequence[str], centre: str | None) -> pd.DataFrame:
    networks = networks_by_stage(flows, labels, regions, centre=centre)
    return network_measures(networks, communities=False)[list(MEASURES)]


def _range(table: pd.DataFrame) -> np.ndarray:
    values = table.to_numpy(float)
    return np.asarray(values.max(axis=0) - values.min(axis=0))


def _permuted(labels: pd.Series, block: int, rng: np.random.Generator) -> pd.Series:
    """Move the blocks of periods: period by period, which stage its flows are counted to."""
    places = np.array_split(np.arange(len(labels)), np.arange(block, len(labels), block))
    order = np.concatenate([places[k] for k in rng.permutation(len(places))])
    return pd.Series(labels.to_numpy(), index=labels.index[order]).sort_index()
