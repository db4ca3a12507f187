"""Spatial weights of any matrix, by contiguity, and the spatial lag they define."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing, name_few
from panelcoop.errors import DataError
from panelcoop.options import FloatArray
from panelcoop.panel.record import SpatialWeights

__all__ = ["contiguity_weights", "spatial_lag", "spatial_weights"]


def spatial_weights(
    name: str, regions: Sequence[str], matrix: FloatArray, note: str, *, row_standardised: bool = True
) -> SpatialWeights:
    """Hand a matrix to libpysal, which standardises its rows and names its isolates.

    Parameters
    ----------
    name, regions, note
        As in `SpatialWeights`.
    matrix
        Shape (N, N), zero or more, zero diagonal.
    row_standardised
        Whether rows are divided by their sums.

    Examples
    --------
    >>> spatial_weights("own", ["A", "B"], np.array([[0.0, 2.0], [0.0, 0.0]]), "").isolates
    ('B',)
    """
    from libpysal.graph import Graph
    from scipy.sparse import coo_array

    graph = Graph.from_sparse(coo_array(matrix)).transform("R" if row_standardised else "O")
    isolates = tuple(str(regions[i]) for i in graph.isolates)
    full = np.asarray(graph.sparse.toarray(), dtype=np.float64)
    return SpatialWeights(name, tuple(regions), full, row_standardised=row_standardised, isolates=isolates, note=note)


def contiguity_weights(
    edges: pd.DataFrame,
    regions: Sequence[str],
    *,
    joined: Iterable[tuple[str, str]] = (),
    row_standardised: bool = True,
) -> SpatialWeights:
    """Make contiguity weights.

    Parameters
    ----------
    edges
        Columns `a` and `b`: one row for each pair of neighbours, in either order.
    regions
        Codes of the N regions, in the order wanted; pairs with a region outside are left out and counted in
        the note.
    joined
        Further pairs joined by decision, such as an island and the coast it faces.
    row_standardised
        Whether rows are divided by their sums.

    Returns
    -------
    SpatialWeights
        w_ij = 1 / (number of neighbours of i) for neighbours (1 where rows are not standardised), zero otherwise;
        regions without a neighbour are named in ``isolates`` and have a row of zeros.

    Raises
    ------
    DataError
        If a column is missing, a region borders itself, or the table names none of the regions.

    Examples
    --------
    >>> pairs = pd.DataFrame({"a": ["A", "B"], "b": ["B", "C"]})
    >>> w = contiguity_weights(pairs, ["A", "B", "C", "D"])
    >>> w.matrix[1].tolist(), w.isolates
    ([0.5, 0.0, 0.5, 0.0], ('D',))
    """
    joined = list(joined)
    rows = _rows(edges, regions)
    pairs = sorted({(min(p), max(p)) for p in [*rows, *joined] if p[0] in regions and p[1] in regions})
    outside = len({frozenset(p) for p in rows if p[0] not in regions or p[1] not in regions})
    left_out = [f"{outside} pairs with a region outside left out"] if outside else []
    matrix = _adjacency(pairs, regions)
    found = spatial_weights("contiguity", regions, matrix, "", row_standardised=row_standardised)
    decided = [f"{a}-{b} joined by the plan" for a, b in joined if a in regions and b in regions]
    alone = [f"no neighbour: {name_few(found.isolates)}"] if found.isolates else []
    return replace(found, note="; ".join([f"{len(pairs)} pairs", *left_out, *decided, *alone]))


def spatial_lag(values: FloatArray, matrix: FloatArray) -> FloatArray:
    """Average a variable over partners.

    Parameters
    ----------
    values
        Shape (T, N).
    matrix
        Weights, shape (N, N).

    Returns
    -------
    FloatArray
        sum_j w_ij x_jt, shape (T, N); NaN where a partner with positive weight is missing, and for regions without
        partners: no partner is not a partner with zero.

    Examples
    --------
    >>> spatial_lag(np.array([[1.0, 3.0, np.nan]]), np.array([[0, 1.0, 0], [1.0, 0, 0], [0.5, 0.5, 0]]))
    array([[3., 1., 2.]])
    """
    missing = np.isnan(values)
    lag: FloatArray = np.where(missing, 0.0, values) @ matrix.T
    lag[(missing.astype(float) @ (matrix > 0).T.astype(float)) > 0] = np.nan
    lag[:, ~(matrix > 0).any(axis=1)] = np.nan
    return lag


def _rows(edges: pd.DataFrame, regions: Sequence[str]) -> list[tuple[str, str]]:
    fail_if_columns_missing(["a", "b"], list(edges.columns), "The contiguity table")
    rows = [(str(a), str(b)) for a, b in edges[["a", "b"]].itertuples(index=False)]
    loops = [a for a, b in rows if a == b]
    if loops:
        msg = f"The contiguity table says that {name_few(loops)} borders itself; remove these rows."
        raise DataError(msg)
    named = {name for pair in rows for name in pair}
    if named and not named & set(regions):
        told = f"it names {name_few(sorted(named))}, the regions are {name_few(regions)}"
        msg = f"The contiguity table names none of the regions: {told}; write the same codes in both."
        raise DataError(msg)
    return rows


def _adjacency(pairs: list[tuple[str, str]], regions: Sequence[str]) -> FloatArray:
    place = {region: number for number, region in enumerate(regions)}
    matrix = np.zeros((len(regions), len(regions)))
    for a, b in pairs:
        matrix[place[a], place[b]] = matrix[place[b], place[a]] = 1.0
    return matrix
