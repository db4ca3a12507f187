"""Spells in which a rule holds, week by week, where some region-weeks are not observed."""

from __future__ import annotations

import numpy as np

from panelcoop.options import BoolArray, FloatArray, IntArray

__all__ = ["rule_spells"]


def rule_spells(flags: FloatArray, clean_weeks: int, *, only_first: bool) -> tuple[IntArray, tuple[str, ...]]:
    """Find where a rule turns true and until when it stays true.

    Parameters
    ----------
    flags
        One or zero by region and week, NaN where not observed, on a calendar without holes, shape (N, T).
    clean_weeks
        Weeks before a spell in which the rule must have been observed and false.
    only_first
        Whether only the first such spell of a region counts.

    Returns
    -------
    Region, first and last week of each spell, shape (S, 3), and notes.

    Notes
    -----
    A spell goes on across weeks that are not observed: only a week observed as false ends it. One whose week before is
    not observed begins in its first observed week, the latest it can have begun; leaving it out would make a treated
    region a control.
    """
    known, true = ~np.isnan(flags), np.nan_to_num(flags) > 0
    before, going_on = _week_before(known), _last_state(known, true)
    unit, week = np.nonzero(true)
    begins = np.flatnonzero(~going_on[unit, week])
    spells = np.column_stack([unit[begins], week[begins], week[np.append(begins[1:], unit.size)[: begins.size] - 1]])
    bridged = (going_on & ~before)[unit, week].astype(np.int64)
    gaps = np.add.reduceat(bridged, begins) if begins.size else bridged[:0]
    clean, unseen = _clean(known, true, spells, clean_weeks)
    keep = clean & _first_of(spells[:, 0], clean) if only_first else clean
    kept = spells[keep]
    told = {
        f"events without {clean_weeks} observed weeks before them are left out": int(unseen.sum()),
        "events whose week before is not observed begin in the first week observed": int(
            (~before[kept[:, 0], kept[:, 1]] & (kept[:, 1] > 0)).sum()
        ),
        "gaps in which a spell is taken to go on": 0 if only_first else int(gaps[keep].sum()),
    }
    return kept, tuple(f"{what}: {count}" for what, count in told.items() if count)


def _week_before(known: BoolArray) -> BoolArray:
    """Say whether the week before is observed."""
    return np.column_stack([np.zeros(len(known), dtype=bool), known[:, :-1]])


def _last_state(known: BoolArray, true: BoolArray) -> BoolArray:
    """Say whether the rule was true when last observed before each week."""
    last = np.maximum.accumulate(np.where(known, np.arange(known.shape[1]), -1), axis=1)
    last = np.column_stack([np.full(len(known), -1), last[:, :-1]])
    return np.asarray((last >= 0) & np.take_along_axis(true, np.maximum(last, 0), axis=1))


def _clean(known: BoolArray, true: BoolArray, spells: IntArray, weeks: int) -> tuple[BoolArray, BoolArray]:
    """Mark spells after clean weeks, and those lost because some of these are not observed."""
    unit, first = spells[:, 0], spells[:, 1]
    start = np.maximum(first - weeks, 0)
    seen, touched = (_sums(which)[unit, first] - _sums(which)[unit, start] for which in (known, true))
    clean = (touched == 0) & (seen == weeks)
    return clean, (touched == 0) & ~clean


def _sums(which: BoolArray) -> IntArray:
    return np.column_stack([np.zeros(len(which), dtype=np.int64), which.cumsum(axis=1)])


def _first_of(unit: IntArray, among: BoolArray) -> BoolArray:
    """Mark the first marked spell of every region."""
    out = np.zeros(unit.size, dtype=bool)
    place = np.flatnonzero(among)
    out[place[np.unique(unit[place], return_index=True)[1]]] = True
    return out
