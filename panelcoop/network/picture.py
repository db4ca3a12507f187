"""Draw a cooperation network: regions on a circle or on their places, arrows as wide as their flow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing
from panelcoop.errors import DataError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["network_picture"]

LAYER_COLOURS = {"vertical": "#b2182b", "horizontal": "#2166ac", "mandated-horizontal": "#d98c21"}
LAYER_ARCS = {"vertical": 0.05, "horizontal": 0.15, "mandated-horizontal": 0.32}
"""How far the arrows of each layer bend, so that two layers between the same regions lie apart."""

WIDEST = 5.0
NARROWEST = 0.6


def network_picture(
    flows: pd.DataFrame,
    *,
    centre: str | None = None,
    names: Mapping[str, str] | None = None,
    positions: Mapping[str, tuple[float, float]] | None = None,
    most: int = 50,
    title: str = "",
) -> Figure:
    """Draw the flows of a whole window or one stage.

    Parameters
    ----------
    flows
        `source`, `target`, `layer`, `flow`: such as rows of ``flow_table``; periods are added up.
    centre
        Node drawn in the middle.
    names
        Node to label; default the node itself.
    positions
        Node to place on the plane; default a circle in alphabetical order.
    most
        Most ties drawn: more can hardly be told apart. The strongest of every layer come first, so that each layer
        shows about the same share of its flow; the picture says how many ties and how much of the flow it shows.
    title
        Title of the picture.

    Returns
    -------
    matplotlib.figure.Figure
        Arrows run from source to target; width grows with flow, colour and bend tell the layer.

    Raises
    ------
    DataError
        When a column is missing, there is no flow, or `most` is less than one.
    """
    import networkx as nx
    from matplotlib.figure import Figure

    fail_if_columns_missing(["source", "target", "layer", "flow"], flows.columns, "The table of flows")
    total = flows.groupby(["source", "target", "layer"], sort=True)["flow"].sum().reset_index()
    total = _strongest_first(total[total["flow"] > 0])
    if total.empty or most < 1:
        msg = "There is no flow to draw." if total.empty else f"most must be one or more; got {most}."
        raise DataError(msg)
    graph = nx.DiGraph()
    graph.add_nodes_from(sorted({*total["source"], *total["target"]}))
    drawn = total.iloc[:most]
    places = dict(positions) if positions is not None else _circle(graph, centre)
    figure = Figure(figsize=(7, 7), layout="constrained")
    axes = figure.subplots()
    nx.draw_networkx_nodes(graph, places, ax=axes, node_size=260, node_color="#e8e8e8", edgecolors="#555555")
    for layer, colour in LAYER_COLOURS.items():
        _draw_layer(axes, places, drawn[drawn["layer"] == layer], colour, float(total["flow"].max()))
    _write_labels(axes, graph, places, names or {})
    present = [layer for layer in LAYER_COLOURS if (drawn["layer"] == layer).any()]
    handles = [axes.plot([], [], color=LAYER_COLOURS[layer], linewidth=2.5, label=layer)[0] for layer in present]
    axes.legend(handles=handles, loc="lower left", frameon=False, fontsize=9)
    axes.set_title(title)
    if len(drawn) < len(total):
        share = drawn["flow"].sum() / total["flow"].sum()
        shown = f"the {len(drawn)} strongest of {len(total)} ties: {share:.0%} of the flow"
        axes.text(1.0, 0.0, shown, transform=axes.transAxes, ha="right", va="bottom", fontsize=9)
    axes.set_axis_off()
    axes.margins(0.18)
    return figure


def _strongest_first(ties: pd.DataFrame) -> pd.DataFrame:
    """Sort ties by the share of their layer's flow that stronger ties hold."""
    ranked = ties.sort_values("flow", ascending=False, kind="stable")
    layers = ranked.groupby("layer")["flow"]
    before = (layers.cumsum() - ranked["flow"]) / layers.transform("sum")
    return ranked.loc[before.sort_values(kind="stable").index]


def _draw_layer(axes: Any, places: Any, flows: pd.DataFrame, colour: str, most: float) -> None:  # noqa: ANN401
    import networkx as nx

    if flows.empty:
        return
    pairs = list(zip(flows["source"], flows["target"], strict=True))
    widths = NARROWEST + (WIDEST - NARROWEST) * flows["flow"].to_numpy(float) / most
    layer = nx.DiGraph(pairs)
    layer.add_nodes_from(places)
    nx.draw_networkx_edges(
        layer,
        places,
        edgelist=pairs,
        ax=axes,
        width=list(widths),
        edge_color=colour,
        alpha=0.8,
        arrowsize=9,
        node_size=260,
        connectionstyle=f"arc3,rad={LAYER_ARCS[flows['layer'].iloc[0]]}",
    )


def _write_labels(axes: Any, graph: Any, places: Any, names: Mapping[str, str]) -> None:  # noqa: ANN401
    """Write each label outside its node, away from the middle of the picture."""
    middle = np.mean([places[node] for node in graph], axis=0)
    for node in graph:
        x, y = places[node]
        away = np.array([x, y]) - middle
        shift = away / max(float(np.hypot(*away)), 1e-9) * 12
        side = "left" if shift[0] > 4 else "right" if shift[0] < -4 else "center"
        text = names.get(node, str(node))
        axes.annotate(text, (x, y), xytext=tuple(shift), textcoords="offset points", ha=side, va="center", fontsize=9)


def _circle(graph: Any, centre: str | None) -> dict[Any, tuple[float, float]]:  # noqa: ANN401
    around = [node for node in graph if node != centre]
    angles = np.pi / 2 - 2 * np.pi * np.arange(len(around)) / max(len(around), 1)
    places = {node: (float(np.cos(a)), float(np.sin(a))) for node, a in zip(around, angles, strict=True)}
    return places | ({centre: (0.0, 0.0)} if centre in graph else {})
