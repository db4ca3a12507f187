"""Wild-bootstrap multipliers in seeded blocks: the same draws for any number of threads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from panelcoop.checks import fail_if_not_one_of
from panelcoop.errors import DataError
from panelcoop.options import FloatArray, Multiplier

__all__ = ["DRAWS_PER_BLOCK", "MultiplierPlan", "Seed", "multiplier_block", "plan_multipliers"]

Seed: TypeAlias = int | np.random.Generator
"""A non-negative whole number, or a generator from which one is drawn."""

DRAWS_PER_BLOCK = 1_000
"""Draws that share one random stream. A constant, so that results depend on the seed alone."""

MULTIPLIERS: tuple[Multiplier, ...] = ("rademacher", "webb", "mammen", "gaussian")
WEBB_POINTS = np.sqrt(np.array([0.5, 1.0, 1.5]))
MAMMEN_LOW = (1.0 - np.sqrt(5.0)) / 2.0
MAMMEN_HIGH = (1.0 + np.sqrt(5.0)) / 2.0
MAMMEN_SHARE_LOW = (np.sqrt(5.0) + 1.0) / (2.0 * np.sqrt(5.0))
MOST_GROUPS_ENUMERATED = 24


@dataclass(frozen=True)
class MultiplierPlan:
    """What the multipliers of one bootstrap are, before any is drawn.

    Attributes
    ----------
    kind
        Distribution of one multiplier: mean zero, variance one.
    groups
        Number of multipliers in a draw.
    draws
        Number of draws; 2^groups when enumerated.
    entropy
        Root of every stream.
    enumerated
        Whether the draws are all 2^groups sign vectors.
    length
        Serial dependence between neighbouring groups: the covariance of two multipliers `d` apart is
        max(0, 1 - d/length); 1 means independent.
    """

    kind: Multiplier
    groups: int
    draws: int
    entropy: int
    enumerated: bool = False
    length: int = 1

    @property
    def blocks(self) -> int:
        """Number of blocks of `DRAWS_PER_BLOCK` draws; the last may be shorter."""
        return -(-self.draws // DRAWS_PER_BLOCK)


def plan_multipliers(
    kind: Multiplier, groups: int, draws: int, seed: Seed, *, length: int = 1, enumerate_small: bool = True
) -> MultiplierPlan:
    """Fix distribution, number and seed of the multipliers.

    Parameters
    ----------
    kind
        "rademacher", "webb" (six points), "mammen" (two points) or "gaussian".
    groups
        Multipliers per draw (clusters, or weeks).
    draws
        Draws asked for.
    seed
        Non-negative whole number, or a generator.
    length
        Bartlett length of serial dependence in steps of one group; needs "gaussian" when above 1.
    enumerate_small
        Take all 2^groups sign vectors, each once, when they are no more than `draws`. Rademacher only.

    Raises
    ------
    DataError
        When `kind` is unknown, `draws` or `length` is below one, there are fewer than two groups, or
        dependent multipliers are asked for that are not Gaussian.

    Examples
    --------
    >>> plan_multipliers("rademacher", 8, 9_999, seed=1).draws
    256
    """
    fail_if_not_one_of(kind, MULTIPLIERS, "multiplier")
    if groups < 2:
        msg = f"A wild bootstrap needs at least two clusters or weeks; found {groups}. Check the grouping column."
        raise DataError(msg)
    if draws < 1 or length < 1:
        msg = f"draws and length must be at least 1; got draws={draws}, length={length}."
        raise DataError(msg)
    if length > 1 and kind != "gaussian":
        msg = f"Serially dependent multipliers are Gaussian; got kind='{kind}' with length={length}."
        raise DataError(msg)
    entropy = int(seed.integers(2**63)) if isinstance(seed, np.random.Generator) else int(seed)
    few = groups <= MOST_GROUPS_ENUMERATED and 2**groups <= draws
    enumerated = enumerate_small and kind == "rademacher" and few
    return MultiplierPlan(kind, groups, 2**groups if enumerated else draws, entropy, enumerated, length)


def multiplier_block(plan: MultiplierPlan, block: int) -> FloatArray:
    """Draw one block of multipliers.

    Parameters
    ----------
    plan
        The multipliers.
    block
        Which block, from 0 to `plan.blocks - 1`.

    Returns
    -------
    Array of shape (draws in the block, groups).

    Notes
    -----
    Block b always uses the b-th child of the root seed, whoever draws it and in whatever order. Serially
    dependent multipliers are moving sums of `length` independent normals over sqrt(length), whose
    covariance is exactly the Bartlett kernel.
    """
    start = block * DRAWS_PER_BLOCK
    rows = min(DRAWS_PER_BLOCK, plan.draws - start)
    if plan.enumerated:
        return sign_vectors(start, rows, plan.groups)
    stream = np.random.Generator(np.random.PCG64(np.random.SeedSequence(plan.entropy, spawn_key=(block,))))
    shape = (rows, plan.groups)
    if plan.kind == "rademacher":
        return random_signs(stream, shape)
    if plan.kind == "webb":
        return np.asarray(WEBB_POINTS[stream.integers(0, 3, shape)] * random_signs(stream, shape))
    if plan.kind == "mammen":
        low = stream.random(shape) < MAMMEN_SHARE_LOW
        return np.asarray(np.where(low, MAMMEN_LOW, MAMMEN_HIGH), dtype=np.float64)
    if plan.length == 1:
        return stream.standard_normal(shape)
    return moving_normals(stream, shape, plan.length)


def sign_vectors(start: int, rows: int, groups: int) -> FloatArray:
    """Return the sign vectors numbered `start` to `start + rows - 1`, shape (rows, groups)."""
    numbers = np.arange(start, start + rows, dtype=np.int64)[:, None]
    bits = (numbers >> np.arange(groups, dtype=np.int64)) & 1
    return np.asarray(1 - 2 * bits, dtype=np.float64)


def random_signs(stream: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    """Return independent signs, one random bit each."""
    count = shape[0] * shape[1]
    bits = np.unpackbits(np.frombuffer(stream.bytes(-(-count // 8)), dtype=np.uint8), count=count)
    signs = bits.reshape(shape).astype(np.float64)
    signs *= 2.0
    signs -= 1.0
    return signs


def moving_normals(stream: np.random.Generator, shape: tuple[int, int], length: int) -> FloatArray:
    """Return Gaussian rows whose covariance at distance d is max(0, 1 - d/length)."""
    shocks = stream.standard_normal((shape[0], shape[1] + length - 1))
    total = shocks[:, : shape[1]].copy()
    for shift in range(1, length):
        total += shocks[:, shift : shift + shape[1]]
    total /= np.sqrt(length)
    return total
