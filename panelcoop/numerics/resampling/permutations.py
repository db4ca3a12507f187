"""Who could have been treated like whom: permutations of labels under a stated assignment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import factorial, log10, prod

import numpy as np

from panelcoop.errors import DataError
from panelcoop.numerics.resampling.multipliers import DRAWS_PER_BLOCK, Seed
from panelcoop.options import IntArray

__all__ = ["PermutationPlan", "permutation_block", "plan_permutations"]


@dataclass(frozen=True, eq=False)
class PermutationPlan:
    """An assignment mechanism and how many of its outcomes are looked at.

    Attributes
    ----------
    labels
        What is assigned to each unit (treatment date, own number), as codes, shape (N,). Units with the same
        label are interchangeable.
    strata
        Labels move only within a stratum, shape (N,).
    draws
        Assignments looked at, the one in the data always first.
    possible
        Number of distinct assignments.
    enumerated
        Whether every distinct assignment is taken once.
    entropy
        Root of the random streams.
    """

    labels: IntArray
    strata: IntArray
    draws: int
    possible: int
    enumerated: bool
    entropy: int

    @property
    def blocks(self) -> int:
        """Number of blocks of draws."""
        return -(-self.draws // DRAWS_PER_BLOCK)

    @property
    def taken(self) -> str:
        """How many assignments are looked at, in words: numbers that no float holds are written too.

        Examples
        --------
        >>> plan_permutations(np.arange(200), 999, seed=1).taken
        '999 of 7.89e+374 assignments'
        """
        if self.enumerated:
            return f"all {self.possible} assignments"
        power = int(log10(self.possible))
        many = f"{self.possible:,}" if power < 6 else f"{10 ** (log10(self.possible) - power):.3g}e+{power:02d}"
        return f"{self.draws - 1} of {many} assignments"


def plan_permutations(labels: IntArray, draws: int, seed: Seed, *, strata: IntArray | None = None) -> PermutationPlan:
    """State the assignment: labels exchanged among units, within strata.

    Parameters
    ----------
    labels
        Codes of what each unit was assigned, shape (N,); `np.arange(N)` when units' whole paths are exchanged.
    draws
        Random assignments besides the one in the data. When there are no more than `draws` distinct
        assignments all are enumerated instead, each once.
    seed
        Non-negative whole number, or a generator.
    strata
        Codes within which labels are exchanged, shape (N,); default all units together.

    Raises
    ------
    DataError
        When there is only one possible assignment.

    Examples
    --------
    >>> plan = plan_permutations(np.array([0, 0, 1, 1]), 999, seed=1)
    >>> plan.possible, plan.enumerated
    (6, True)
    """
    codes = np.unique(labels, return_inverse=True)[1].astype(np.int64)
    cells = np.zeros(codes.size, np.int64) if strata is None else np.unique(strata, return_inverse=True)[1]
    possible = prod(arrangements(codes[cells == s]) for s in np.unique(cells))
    if possible < 2:
        msg = "There is only one possible assignment: every unit of a stratum has the same label."
        raise DataError(msg)
    entropy = int(seed.integers(2**63)) if isinstance(seed, np.random.Generator) else int(seed)
    enumerated = possible <= draws
    count = possible if enumerated else draws + 1
    return PermutationPlan(codes, cells.astype(np.int64), count, possible, enumerated, entropy)


def arrangements(labels: IntArray) -> int:
    """Count the distinct orders of a list with repeated entries."""
    repeats = np.unique(labels, return_counts=True)[1]
    return factorial(labels.size) // prod(factorial(int(count)) for count in repeats)


def permutation_block(plan: PermutationPlan, block: int) -> IntArray:
    """Return one block of assignments, shape (draws in the block, N): unit i takes the label of unit order[i].

    Notes
    -----
    The first draw of the first block is the assignment in the data. Block b uses the b-th child of the seed.
    """
    start = block * DRAWS_PER_BLOCK
    rows = min(DRAWS_PER_BLOCK, plan.draws - start)
    if plan.enumerated:
        chosen = (order for number, order in enumerate(all_orders(plan)) if start <= number < start + rows)
        return np.array(list(chosen), dtype=np.int64)
    stream = np.random.Generator(np.random.PCG64(np.random.SeedSequence(plan.entropy, spawn_key=(block,))))
    orders = np.tile(np.arange(plan.labels.size), (rows, 1))
    for stratum in np.unique(plan.strata):
        members = np.flatnonzero(plan.strata == stratum)
        orders[:, members] = stream.permuted(orders[:, members], axis=1)
    if block == 0:
        orders[0] = np.arange(plan.labels.size)
    return orders


def all_orders(plan: PermutationPlan) -> Iterator[IntArray]:
    """Yield every distinct assignment as an order of units, that of the data first."""
    members = [np.flatnonzero(plan.strata == s) for s in np.unique(plan.strata)]
    lists = [distinct_orders(plan.labels[m].tolist()) for m in members]
    identity = np.arange(plan.labels.size)
    yield identity
    for chosen in product(*lists):
        order = identity.copy()
        for member, arranged in zip(members, chosen, strict=True):
            order[member] = member[sources(plan.labels[member], np.array(arranged))]
        if (plan.labels[order] != plan.labels).any():
            yield order


def distinct_orders(labels: list[int]) -> list[tuple[int, ...]]:
    """Return every distinct order of a list with repeated entries."""
    if not labels:
        return [()]
    found = []
    for first in sorted(set(labels)):
        rest = labels.copy()
        rest.remove(first)
        found += [(first, *tail) for tail in distinct_orders(rest)]
    return found


def sources(labels: IntArray, arranged: IntArray) -> IntArray:
    """Return for each unit a unit that holds the label it is to take, each used once."""
    order = np.empty(labels.size, dtype=np.int64)
    order[np.argsort(arranged, kind="stable")] = np.argsort(labels, kind="stable")
    return order
