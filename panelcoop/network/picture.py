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
WIDEST = 6.0
NARROWEST = 0.6


def network_picture(
    flows: pd.DataFrame,
    *,
    centre: str | None = None,
    names: Mapping[str, str] | None = None,
    positions: Mapping[str, tuple[float, float]] | None = None,
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
    title
        Title of the picture.

    Returns
    -------
    matplotlib.figure.Figure
        Arrows run from source to target; width is proportional to flow, colour names the layer.

    Raises
    ------
    DataError
        When a column is missing or there is no flow.
    """
    import networkx as nx
    from matplotlib.figure import Figure

    fail_if_columns_missing(["source", "target", "layer", "flow"], flows.columns, "The table of flows")
    total = flows.groupby(["source", "target", "layer"], sort=True)["flow"].sum().reset_index()
    total = total[total["flow"] > 0]
    if total.empty:
        msg = "There is no flow to draw."
        raise DataError(msg)
    graph = nx.DiGraph()
    graph.add_nodes_from(sorted({*total["source"], *total["target"]}))
    places = dict(positions) if positions is not None else _circle(graph, centre)
    figure = Figure(figsize=(7, 7), layout="constrained")
    axes = figure.subplots()
    nx.draw_networkx_nodes(graph, places, ax=axes, node_size=260, node_color="#e8e8e8", edgecolors="#555555")
    for layer, colour in LAYER_COLOURS.items():
        _draw_layer(axes, places, total[total["layer"] == layer], colour, float(total["flow"].max()))
    _write_labels(axes, graph, places, names or {})
    present = [layer for layer in LAYER_COLOURS if (total["layer"] == layer).any()]
    handles = [axes.plot([], [], color=LAYER_COLOURS[layer], linewidth=2.5, label=layer)[0] for layer in present]
    axes.legend(handles=handles, loc="lower left", frameon=False, fontsize=9)
    axes.set_title(title)
    axes.set_axis_off()
    axes.margins(0.18)
    return figure


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
        alpha=0.75,
        arrowsize=12,
        node_size=260,
        connectionstyle="arc3,rad=0.12",
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
