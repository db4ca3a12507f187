"""The vertical and the horizontal network of each stage, and how they hang together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing
from panelcoop.errors import DataError
from panelcoop.options import FloatArray
from panelcoop.panel.measures.ratios import centralisation, density, gini, ratio

__all__ = ["TwoLayers", "network_measures", "networks_by_stage"]

FLOW_COLUMNS = ("period", "source", "target", "layer", "flow")


@dataclass(frozen=True)
class TwoLayers:
    """The cooperation network of one stage.

    Attributes
    ----------
    stage
        Label of the stage.
    regions
        Labels of the N regions.
    horizontal
        Flows between regions per period, shape (N, N), source by target; voluntary and ordered.
    ordered
        The ordered part of it.
    down, up
        Flows per period from the centre to each region, and back; shape (N,).
    periods
        Number of periods of the stage.
    """

    stage: str
    regions: tuple[str, ...]
    horizontal: FloatArray
    ordered: FloatArray
    down: FloatArray
    up: FloatArray
    periods: int


def networks_by_stage(
    flows: pd.DataFrame,
    stage: Mapping[pd.Timestamp, str] | pd.Series,
    regions: Sequence[str],
    *,
    centre: str | None = None,
) -> list[TwoLayers]:
    """Add up flows by stage, per period.

    Parameters
    ----------
    flows
        Table of ``flow_table``.
    stage
        Stage of each period (first day to label); periods without a stage are left out. A period with a stage and no
        flow counts as one with zero flow.
    regions
        Labels of the regions, in the order wanted.
    centre
        Label of the centre.

    Returns
    -------
    list of TwoLayers
        In the order in which stages begin.

    Raises
    ------
    DataError
        When a column is missing or no period has a stage.
    """
    fail_if_columns_missing(FLOW_COLUMNS, flows.columns, "The table of flows")
    by_period = pd.Series(stage).dropna().astype(str).sort_index()
    if by_period.empty:
        msg = "No period has a stage."
        raise DataError(msg)
    labels = by_period.reindex(flows["period"]).to_numpy()
    return [
        _two_layers(name, flows[labels == name], tuple(regions), centre, int((by_period == name).sum()))
        for name in by_period.drop_duplicates()
    ]


def network_measures(networks: Sequence[TwoLayers], *, communities: bool = True) -> pd.DataFrame:
    """Describe the networks of the stages.

    Parameters
    ----------
    networks
        From ``networks_by_stage``.
    communities
        Whether to look for communities (the dearest measure); without, modularity is NaN.

    Returns
    -------
    pandas.DataFrame
        One row per stage: `periods`; `volume` and `vertical_volume` (flow per period); of the horizontal layer
        `density`, `reciprocity`, `centralisation`, `strength_gini`, `modularity`; of the vertical layer
        `vertical_density`; of both `edge_correlation`, `strength_correlation`, `closed_triangles`.

    Notes
    -----
    Density, reciprocity and centralisation as in ``panelcoop.panel.measures``; `vertical_density` = share of regions
    with any tie to the centre. The layers share no pair of nodes, so the vertical layer is projected on pairs:
    p_ij = min(v_i, v_j) with v_i the flow between i and the centre; `edge_correlation` is Pearson's correlation over
    pairs of p_ij and A_ij + A_ji. `strength_correlation`: Spearman's, over regions, of v_i and horizontal strength.
    `closed_triangles` = horizontal ties whose two ends are both tied to the centre / horizontal ties, minus the same
    share over all pairs: above zero where cooperation runs among those the centre reaches. Modularity: greedy
    communities on the undirected weighted horizontal layer. NaN at 0/0 and where a variance is zero.

    References
    ----------
    Clauset, Newman and Moore (2004), Physical Review E 70.
    """
    rows = [_describe(network, communities=communities) for network in networks]
    return pd.DataFrame(rows, index=pd.Index([network.stage for network in networks], name="stage"))


def _two_layers(
    name: str, flows: pd.DataFrame, regions: tuple[str, ...], centre: str | None, periods: int
) -> TwoLayers:
    places = pd.Index(list(regions), dtype=object)
    row, column = (places.get_indexer(pd.Index(flows[side])) for side in ("source", "target"))
    flow = flows["flow"].to_numpy(float) / periods
    matrices = []
    for chosen in (row >= 0, (flows["layer"] == "mandated-horizontal").to_numpy(bool)):
        inside = chosen & (row >= 0) & (column >= 0)
        matrix = np.zeros((len(regions), len(regions)))
        np.add.at(matrix, (row[inside], column[inside]), flow[inside])
        matrices.append(matrix)
    down, up = np.zeros(len(regions)), np.zeros(len(regions))
    from_centre = (flows["source"] == centre).to_numpy(bool) & (column >= 0)
    to_centre = (flows["target"] == centre).to_numpy(bool) & (row >= 0)
    np.add.at(down, column[from_centre], flow[from_centre])
    np.add.at(up, row[to_centre], flow[to_centre])
    return TwoLayers(name, regions, matrices[0], matrices[1], down, up, periods)


def _describe(network: TwoLayers, *, communities: bool) -> dict[str, float]:
    flow = network.horizontal
    both = flow + flow.T
    tied = both > 0
    vertical = network.down + network.up
    n = np.array([float(len(flow))])
    pairs = np.triu_indices(len(flow), 1)
    reached = (vertical[pairs[0]] > 0) & (vertical[pairs[1]] > 0)
    return {
        "periods": float(network.periods),
        "volume": float(flow.sum()),
        "vertical_volume": float(vertical.sum()),
        "density": float(density(np.array([(flow > 0).sum()]), n)[0]),
        "reciprocity": float(ratio(np.minimum(flow, flow.T).sum(), flow.sum())),
        "centralisation": float(centralisation(tied.sum(axis=1).astype(float))),
        "strength_gini": float(gini(both.sum(axis=1))),
        "modularity": _modularity(both) if communities else float("nan"),
        "vertical_density": float((vertical > 0).mean()),
        "edge_correlation": _correlation(both[pairs], np.minimum(vertical[pairs[0]], vertical[pairs[1]])),
        "strength_correlation": _correlation(_ranks(both.sum(axis=1)), _ranks(vertical)),
        "closed_triangles": float(ratio((reached & tied[pairs]).sum(), tied[pairs].sum())) - float(reached.mean()),
    }


def _modularity(weights: FloatArray) -> float:
    """Modularity of the greedy partition; NaN without a tie."""
    import networkx as nx

    if not weights.any():
        return float("nan")
    graph = nx.from_numpy_array(weights)
    parts = nx.community.greedy_modularity_communities(graph, weight="weight")
    return float(nx.community.modularity(graph, parts, weight="weight"))


def _ranks(values: FloatArray) -> FloatArray:
    """Mid-ranks."""
    return np.asarray(pd.Series(values).rank(), dtype=np.float64)


def _correlation(x: FloatArray, y: FloatArray) -> float:
    """Pearson's correlation; NaN where either does not vary."""
    x, y = x - x.mean(), y - y.mean()
    return float(ratio((x * y).sum(), np.sqrt((x * x).sum() * (y * y).sum())))
