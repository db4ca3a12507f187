"""How many columns fixed effects span together, from the sets into which their levels fall."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from scipy import sparse

from panelcoop.numerics.grouping import Grouping, group_rows
from panelcoop.options import IntArray

__all__ = ["added_ranks", "connected_sets"]


def connected_sets(one: Grouping, other: Grouping) -> tuple[IntArray, int]:
    """Return the set of each level of `other`, shape (G_other,), and the number of sets that share no level of either.

    Examples
    --------
    >>> a, b = group_rows(np.array([0, 0, 1, 2])), group_rows(np.array([0, 1, 1, 2]))
    >>> label, count = connected_sets(a, b)
    >>> label.tolist(), count
    ([0, 0, 1], 2)
    """
    from scipy.sparse.csgraph import connected_components

    size = one.size + other.size
    touching = sparse.coo_array((np.ones(len(one.codes), np.int8), (one.codes, other.codes + one.size)), (size, size))
    count, label = connected_components(touching, directed=False)
    return label[one.size :].astype(np.int64), int(count)


def added_ranks(effects: Sequence[Grouping]) -> tuple[int, ...]:
    """Return the columns each effect adds to the span of those before it.

    Notes
    -----
    What an effect shares with one earlier effect are the indicators of the sets into which both fall: exact for two
    effects (Abowd, Creecy and Kramarz, 2002). With more, an effect shares at least what the best pair of earlier ones
    shares with it. The sum is then exact for pairs, origin-weeks and destination-weeks of a dyadic panel, and an upper
    bound in general.

    Examples
    --------
    >>> pair, start, end = (group_rows(g.ravel()) for g in np.indices((3, 4, 5)))
    >>> added_ranks([pair, start, end])
    (3, 3, 4)
    """
    ranks: list[int] = []
    for position, effect in enumerate(effects):
        sets = [group_rows(connected_sets(earlier, effect)[0]) for earlier in effects[:position]]
        pairs = [one.size + other.size - connected_sets(one, other)[1] for one, other in combinations(sets, 2)]
        ranks.append(effect.size - max(pairs + [only.size for only in sets], default=0))
    return tuple(ranks)
