"""How much support an effect needs: cohorts and clean controls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panelcoop.options import BoolArray, FloatArray

__all__ = ["SupportRule", "count_support"]


@dataclass(frozen=True)
class SupportRule:
    """How much support a horizon needs.

    Attributes
    ----------
    min_cohorts, min_controls
        Cohorts (event weeks) behind a horizon and clean controls behind a comparison.
    require
        False marks thin horizons and shows them. True leaves comparisons with fewer controls out where the estimator
        makes comparisons one by one, and shows horizons with fewer cohorts or controls as NaN, each with its reason.

    Examples
    --------
    >>> SupportRule(min_cohorts=2).require
    False
    """

    min_cohorts: int = 3
    min_controls: int = 5
    require: bool = False

    def thin(self, cohorts: FloatArray, controls: FloatArray) -> BoolArray:
        """Say which horizons have fewer."""
        out: BoolArray = (cohorts < self.min_cohorts) | (controls < self.min_controls)
        return out

    def reason(self, cohorts: float, controls: float) -> str:
        """Say what a horizon lacks."""
        if cohorts < self.min_cohorts:
            return f"fewer than {self.min_cohorts} cohorts ({cohorts:g})"
        return f"fewer than {self.min_controls} clean controls ({controls:g})"


def count_support(label: FloatArray, starts: FloatArray, control: BoolArray, horizons: FloatArray) -> FloatArray:
    """Count event weeks, treated units and fewest controls behind each horizon.

    Parameters
    ----------
    label
        Horizon in which each unit and week is shown, NaN where in none, shape (N, T).
    starts
        First treated period of each unit, shape (N,).
    control
        Whether a unit can be compared with in a week, shape (N, T); units of the same start are not counted.
    horizons
        Shape (K,).

    Returns
    -------
    Shape (K, 3).
    """
    levels, cohort = np.unique(starts, return_inverse=True)
    by_cohort = np.zeros((levels.size, label.shape[1]))
    np.add.at(by_cohort, cohort, control)
    others = by_cohort.sum(axis=0) - by_cohort
    if not horizons.size:
        return np.zeros((0, 3))
    order = np.argsort(horizons)
    unit, week = np.nonzero(~np.isnan(label))
    place = order[np.minimum(np.searchsorted(horizons, label[unit, week], sorter=order), horizons.size - 1)]
    shown = horizons[place] == label[unit, week]
    unit, week, place = unit[shown], week[shown], place[shown]
    units, cohorts = (np.zeros((horizons.size, size), dtype=bool) for size in (starts.size, levels.size))
    units[place, unit] = cohorts[place, cohort[unit]] = True
    fewest = np.full(horizons.size, np.inf)
    np.minimum.at(fewest, place, others[cohort[unit], week])
    return np.column_stack([cohorts.sum(axis=1), units.sum(axis=1), np.where(np.isfinite(fewest), fewest, 0.0)])
