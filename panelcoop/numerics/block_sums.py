"""Sums by group that grow block by block, touching only the levels a block spans."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from panelcoop.numerics.grouping import Grouping
from panelcoop.options import FloatArray, IntArray

__all__ = ["BlockSums"]

SPARE = 64  # groups by which a kept indicator matrix may be too large


class BlockSums:
    """An accumulator of sums by group.

    Parameters
    ----------
    grouping : groups of all rows
    width : columns that will be added
    contiguous : blocks hold whole stretches of ascending groups, so that the first and last row tell the span

    Notes
    -----
    A block's sums are one product of an indicator matrix (compressed by columns, so that rows may come in any order)
    with the block. The matrix is kept between blocks, and only its entries are exchanged, while it spans enough groups
    and not many too many.
    """

    def __init__(self, grouping: Grouping, width: int, *, contiguous: bool) -> None:
        self.total = np.zeros((grouping.size, width))
        self._codes, self._contiguous = grouping.codes, contiguous
        self._ones, self._steps = np.ones(0), np.zeros(1, np.int64)
        self._indicator: sparse.csc_array | None = None

    def add(self, block: FloatArray, rows: slice | IntArray, weights: FloatArray | None) -> None:
        """Add the rows (b, width) of a block, each times its weight."""
        codes = self._codes[rows]
        low, span = 0, len(self.total)
        if self._contiguous:
            low = int(codes[0])
            span = int(codes[-1]) - low + 1
        elif span > len(codes):
            low = int(codes.min())
            span = int(codes.max()) - low + 1
        if len(self._ones) != len(codes):
            self._ones, self._steps = np.ones(len(codes)), np.arange(len(codes) + 1)
        entries = codes - low if low else codes
        sums = self._filled(span, entries, self._ones if weights is None else weights) @ block
        self.total[low : low + span] += sums[:span]

    def _filled(self, span: int, entries: IntArray, data: FloatArray) -> sparse.csc_array:
        """Return the indicator matrix of a block: (span or a few groups more, b)."""
        kept = self._indicator
        if kept is None or kept.shape[1] != len(entries) or not span <= kept.shape[0] <= span + SPARE:
            kept = sparse.csc_array((data, entries, self._steps), shape=(span, len(entries)))
            self._indicator = kept
        else:
            kept.data, kept.indices = data, entries
        return kept
