"""Does a contrast rest on one cluster or week? Partial leverage and the effective number of clusters, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from panelcoop.errors import DataError
from panelcoop.estimate.covariances import cluster_codes, cluster_labels
from panelcoop.estimate.fitted import FittedModel, week_text
from panelcoop.estimate.settings import InferenceSettings, Method, two_dimensions
from panelcoop.hypotheses import Hypothesis
from panelcoop.numerics.block_sums import BlockSums
from panelcoop.numerics.covariance.cluster_diagnostics import effective_clusters
from panelcoop.numerics.grouping import Grouping, group_rows
from panelcoop.options import FloatArray, IntArray

__all__ = ["leverage_notes", "summed_over"]

FEWEST = 2.0  # effective clusters below which inference over them has nothing to go by
MOST = 0.95  # share of a contrast's information in one cluster above which it rests on that cluster


def summed_over(method: Method, settings: InferenceSettings) -> tuple[str, ...]:
    """Name the variables over whose groups a method sums scores; none for methods by row."""
    if method in ("two-way", "WCR two-way"):
        return two_dimensions(settings.clusters)
    if method in ("DWB-t", "driscoll-kraay"):
        return ("week",)
    return () if method in ("iid", "HC1", "HC2", "HC3", "newey-west", "conley") else (settings.clusters,)


def leverage_notes(
    model: FittedModel, hypotheses: Sequence[Hypothesis], variables: Sequence[str]
) -> dict[str, list[list[str]]]:
    """Note, by variable and hypothesis, contrasts that (nearly) one cluster or week identifies.

    Parameters
    ----------
    model
        A fitted model.
    hypotheses
        Estimable hypotheses.
    variables
        Names of cluster variables.

    Returns
    -------
    By variable one list per hypothesis: a note per restriction with fewer than two effective clusters, or with more
    than 95% of its partial leverage in one.
    """
    groups = {name: codes for name in dict.fromkeys(variables) if (codes := _codes_of(model, name)) is not None}
    sums = _summed_squares(model, np.vstack([h.matrix for h in hypotheses]), groups)
    owner = np.repeat(np.arange(len(hypotheses)), [len(h.matrix) for h in hypotheses])
    found: dict[str, list[list[str]]] = {name: [[] for _ in hypotheses] for name in variables}
    for name, grouping in groups.items():
        notes = _notes(sums[name].T, name, cluster_labels(model, name)[grouping.labels])
        found[name] = [[n for n, at in zip(notes, owner, strict=True) if at == i and n] for i in range(len(hypotheses))]
    return found


def _codes_of(model: FittedModel, name: str) -> Grouping | None:
    """Return the groups of a cluster variable; None where its column is unfit, which the method's own line says."""
    try:
        return group_rows(cluster_codes(model, name), name)
    except DataError:
        return None


def _summed_squares(model: FittedModel, matrix: FloatArray, groups: Mapping[str, Grouping]) -> dict[str, FloatArray]:
    """Sum by group (G, m) what rows add to the variance of each contrast were errors alike: w z^2, R b = z' w e."""
    linear = model.linear
    rows = matrix if linear.design.turn is None else matrix @ linear.design.turn
    directions = linear.bread @ rows.T
    sums = {name: BlockSums(grouping, len(matrix), contiguous=False) for name, grouping in groups.items()}
    for block in linear.design.blocks() if groups else ():
        squares = np.square(z := block.columns @ directions, out=z)
        weights = None if linear.weights is None else linear.weights[block.rows]
        for one in sums.values():
            one.add(squares, block.rows, weights)
    return {name: one.total for name, one in sums.items()}


def _notes(shares: FloatArray, name: str, labels: pd.Index) -> list[str]:
    """Write one note per contrast (m, G), empty where enough clusters carry it."""
    total = shares.sum(axis=1, keepdims=True)
    part = shares / np.where(total > 0, total, 1.0)
    heaviest: IntArray = part.argmax(axis=1)
    effective = effective_clusters(np.where(total > 0, shares, 1.0))
    said = []
    for row, at, count in zip(part, heaviest, effective, strict=True):
        where = (
            f"{row[at]:.1%} of the information lies in {name} {week_text(labels[at])} ({count:.1f} effective groups)"
        )
        rests = row[at] > MOST or count < FEWEST
        said.append(f"{where}: inference over {name}s has nothing to go by" if rests else "")
    return said
