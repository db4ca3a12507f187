"""What absorbing effects does to one group's values: coordinates on the space the effects span."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from panelcoop.errors import DataError
from panelcoop.numerics.grouping import group_sums
from panelcoop.options import FloatArray, IntArray

__all__ = ["EffectBasis", "effect_basis", "effect_coordinates", "is_nested", "row_projections"]

MOST_DENSE_CELLS = 20_000_000


@dataclass(frozen=True)
class EffectBasis:
    """Orthonormal coordinates of the space spanned by at most two sets of effects.

    Attributes
    ----------
    large, small
        Level of each row in the set with more and with fewer levels, shape (n,); None when absent.
    large_totals
        Weight of each large level, shape (L,).
    shares
        Weight of each large-by-small cell over its large total, shape (L, S).
    root
        Lower Cholesky factor of the small set's normal matrix after the large set is removed, with one
        rank added per connected component so that it is positive definite, shape (S, S).
    """

    large: IntArray | None
    small: IntArray | None
    large_totals: FloatArray
    shares: FloatArray
    root: FloatArray


def effect_basis(effects: Sequence[IntArray], weights: FloatArray) -> EffectBasis:
    """Prepare the coordinates of none, one or two sets of effects.

    Parameters
    ----------
    effects
        Level codes 0, 1, ... of each row, one array of shape (n,) per set of effects.
    weights
        Positive weight of each row, shape (n,).

    Raises
    ------
    DataError
        When more than two sets are given: these need an absorbing function instead.
    """
    empty = np.zeros((0, 0))
    if len(effects) > 2:
        msg = f"Coordinates exist for at most two sets of effects; got {len(effects)}. Pass an absorbing function."
        raise DataError(msg)
    ordered = sorted(effects, key=lambda codes: int(codes.max()), reverse=True)
    large = ordered[0] if ordered else None
    small = ordered[1] if len(ordered) == 2 else None
    if large is None:
        return EffectBasis(None, None, np.zeros(0), empty, empty)
    totals = group_sums(weights, large, int(large.max()) + 1)
    if small is None:
        return EffectBasis(large, None, totals, empty, empty)
    n_large, n_small = totals.size, int(small.max()) + 1
    cells = cell_sums(weights, large, small, (n_large, n_small))
    shares = cells / totals[:, None]
    normal = np.diag(cells.sum(axis=0)) - cells.T @ shares
    return EffectBasis(large, small, totals, shares, cholesky(normal + null_space(normal), lower=True))


def null_space(normal: FloatArray) -> FloatArray:
    """Return a matrix that fills the null space of a graph Laplacian, one rank per component."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    tiny = 1e-12 * np.abs(np.diag(normal)).max()
    if (np.abs(normal) > tiny).all():
        return np.full_like(normal, np.trace(normal) / normal.shape[0] ** 2)
    count, label = connected_components(csr_array(np.abs(normal) > tiny), directed=False)
    member = (label[:, None] == np.arange(count)).astype(np.float64)
    scale = np.trace(normal) / normal.shape[0]
    return np.asarray(scale * (member / member.sum(axis=0)) @ member.T)


def effect_coordinates(
    basis: EffectBasis, values: FloatArray, groups: IntArray, n_groups: int, *, keep_large: bool
) -> FloatArray:
    """Project each group's values on the effects.

    Parameters
    ----------
    basis
        The effects.
    values
        Weighted values of each row, orthogonal to every effect, shape (n,).
    groups
        Group of each row, shape (n,).
    n_groups
        Number of groups G.
    keep_large
        Whether the large set takes coordinates; False when it is nested in either grouping compared.

    Returns
    -------
    Array U of shape (G, r): for two groups g and h and columns a and b, U_a[g] @ U_b[h] is the inner
    product of a restricted to g with the effects' projection of b restricted to h.

    Notes
    -----
    A set of effects nested in the groups contributes nothing, as the values sum to zero on each of its
    levels: this is why region effects drop out of a bootstrap that clusters by region, and week effects
    out of one that draws by week.
    """
    if basis.large is None:
        return np.zeros((n_groups, 0))
    shape = (n_groups, basis.large_totals.size)
    nested = is_nested(basis.large, groups)
    on_large = np.zeros((0, 0)) if nested else cell_sums(values, groups, basis.large, shape)
    parts = [on_large / np.sqrt(basis.large_totals)] if keep_large and not nested else []
    if basis.small is not None:
        rest = cell_sums(values, groups, basis.small, (n_groups, basis.root.shape[0]))
        if not nested:
            rest = rest - on_large @ basis.shares
        parts.append(solve_triangular(basis.root, rest.T, lower=True).T)
    return np.concatenate(parts, axis=1) if parts else np.zeros((n_groups, 0))


def row_projections(basis: EffectBasis, coordinates: FloatArray, *, keep_large: bool) -> FloatArray:
    """Return the effects' projection of each group's values at every row, shape (n, G).

    Parameters
    ----------
    basis
        The effects.
    coordinates
        Of the groups' values, from `effect_coordinates`, shape (G, r).
    keep_large
        As it was there.

    Notes
    -----
    Level by level, then gathered: for groups that are single rows this replaces coordinates of every row.
    """
    if basis.large is None:
        return np.zeros((0, len(coordinates)))
    kept = basis.large_totals.size if keep_large else 0
    on_large = np.zeros((basis.large_totals.size, len(coordinates)))
    if kept:
        on_large = coordinates[:, :kept].T / np.sqrt(basis.large_totals)[:, None]
    if basis.small is None:
        return on_large[basis.large]
    on_small = solve_triangular(basis.root, coordinates[:, kept:].T, lower=True, trans=1)
    return np.asarray((on_large - basis.shares @ on_small)[basis.large] + on_small[basis.small])


def cell_sums(values: FloatArray, groups: IntArray, levels: IntArray, shape: tuple[int, int]) -> FloatArray:
    """Sum values by group and level, shape (groups, levels).

    Raises
    ------
    DataError
        When the table would not fit in memory.
    """
    if shape[0] * shape[1] > MOST_DENSE_CELLS:
        msg = (
            f"{shape[0]} groups by {shape[1]} effect levels that are not nested in them need a table of "
            f"{shape[0] * shape[1]:,} cells; bootstrap over a grouping with fewer groups."
        )
        raise DataError(msg)
    return group_sums(values, groups * shape[1] + levels, shape[0] * shape[1]).reshape(shape)


def is_nested(levels: IntArray, groups: IntArray) -> bool:
    """Tell whether every level lies in a single group."""
    first = np.empty(int(levels.max()) + 1, dtype=groups.dtype)
    first[levels] = groups
    return bool((first[levels] == groups).all())
