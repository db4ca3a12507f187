"""Does a contrast rest on one cluster or week? Partial leverage and the effective number of clusters, by name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from panelcoop.errors import DataError
from panelcoop.estimate.covariances import cluster_codes, cluster_labels
from panelcoop.estimate.fitted import FittedModel, week_text
from panelcoop.estimate.settings import InferenceSettings, Method, two_dimensions
from panelcoop.hypotheses import Hypothesis
from panelcoop.numerics.covariance.cluster_diagnostics import effective_clusters
from panelcoop.numerics.grouping import group_sums
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
    owner = np.repeat(np.arange(len(hypotheses)), [len(h.matrix) for h in hypotheses])
    squares = _squared_directions(model, np.vstack([h.matrix for h in hypotheses]))
    found: dict[str, list[list[str]]] = {}
    for name in dict.fromkeys(variables):
        try:
            codes = cluster_codes(model, name)
        except DataError:  # the method's own line says what is wrong with the column
            found[name] = [[] for _ in hypotheses]
            continue
        present, groups = np.unique(codes, return_inverse=True)
        shares = group_sums(squares, groups, present.size).T
        notes = _notes(shares, name, [week_text(label) for label in cluster_labels(model, name)[present]])
        found[name] = [[n for n, at in zip(notes, owner, strict=True) if at == i and n] for i in range(len(hypotheses))]
    return found


def _squared_directions(model: FittedModel, matrix: FloatArray) -> FloatArray:
    """Return (n, m) what each row adds to the variance of each contrast were errors alike: w z^2, R b = z' w e."""
    linear = model.linear
    rows = matrix if linear.design.turn is None else matrix @ linear.design.turn
    squares = np.ascontiguousarray((linear.design.demeaned()[0] @ (linear.bread @ rows.T)) ** 2)
    if linear.weights is not None:
        squares *= linear.weights[:, None]
    return squares


def _notes(shares: FloatArray, name: str, labels: list[str]) -> list[str]:
    """Write one note per contrast (m, G), empty where enough clusters carry it."""
    total = shares.sum(axis=1, keepdims=True)
    part = shares / np.where(total > 0, total, 1.0)
    heaviest: IntArray = part.argmax(axis=1)
    effective = effective_clusters(np.where(total > 0, shares, 1.0))
    said = []
    for row, at, count in zip(part, heaviest, effective, strict=True):
        where = f"{row[at]:.1%} of the information lies in {name} {labels[at]} ({count:.1f} effective groups)"
        rests = row[at] > MOST or count < FEWEST
        said.append(f"{where}: inference over {name}s has nothing to go by" if rests else "")
    return said
