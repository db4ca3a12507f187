"""Aggregate group-time effects: weights over cells and the influence of estimating those weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["Grouping", "group_cells", "weight_influence"]


@dataclass(frozen=True)
class Grouping:
    """J aggregates as weighted means of M cells.

    Attributes
    ----------
    labels
        Sorted values that define the aggregates, shape (J,).
    weights
        Shape (M, J); each column sums to one.
    member
        Whether a cell belongs to an aggregate, shape (M, J).
    mass
        Total mass of each aggregate, shape (J,).
    """

    labels: FloatArray
    weights: FloatArray
    member: BoolArray
    mass: FloatArray


def group_cells(by: FloatArray, mass: FloatArray, keep: BoolArray) -> Grouping:
    """Average cells that share a label, in proportion to their mass.

    Parameters
    ----------
    by
        Label of each cell, shape (M,).
    mass
        Weight of each cell (units or observations), shape (M,).
    keep
        Cells that take part, shape (M,).
    """
    labels = np.unique(by[keep])
    member = (by[:, None] == labels) & keep[:, None]
    heavy = member * mass[:, None]
    total = heavy.sum(axis=0)
    return Grouping(labels, heavy / total, member, total)


def weight_influence(grouping: Grouping, effects: FloatArray, cohort: IntArray, n_cohorts: int) -> FloatArray:
    """Give the influence of a unit on aggregates through the estimated cohort shares.

    Parameters
    ----------
    grouping
        Aggregates whose mass is the number of units in the cell's cohort.
    effects
        Effects of the cells, shape (M,).
    cohort
        Cohort of each cell, shape (M,).
    n_cohorts
        Number C of cohorts.

    Returns
    -------
    Shape (C, J): what every unit of a cohort adds, in the sum form.

    Notes
    -----
    With shares p_g estimated by n_g / n, a unit of cohort c adds the sum over its cells of
    (effect - aggregate) / mass (Callaway and Sant'Anna 2021, Corollary 2).
    """
    value = np.nan_to_num(effects)
    aggregate = value @ grouping.weights
    cell, column = np.nonzero(grouping.member)
    out = np.zeros((n_cohorts, aggregate.size))
    np.add.at(out, (cohort[cell], column), (value[cell] - aggregate[column]) / grouping.mass[column])
    return out
