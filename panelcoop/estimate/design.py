"""From a labelled panel to the arrays of a regression: rows with a missing cell are left out and counted by reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing, name_few
from panelcoop.errors import DataError
from panelcoop.options import BoolArray, FloatArray, IntArray
from panelcoop.panel.record import Panel

__all__ = ["PanelArrays", "StageCodes", "panel_arrays", "single_week_note", "stage_codes"]


LARGEST = 1e100  # beyond it sums of squares and of fourth powers of one column and another overflow


@dataclass(frozen=True, eq=False)
class PanelArrays:
    """Complete rows of a panel as arrays.

    Attributes
    ----------
    numbers
        Numeric columns by name, each of shape (n,).
    region, week
        Codes of each row, shape (n,), into ``regions`` and ``weeks``.
    regions, weeks
        Labels of the regions and weeks that are left.
    rows
        Which rows of the panel are used, shape (rows of the panel,).
    index
        The (region, week) labels of the rows used.
    dropped
        Rows left out, by reason; a row counts once, under its first reason.
    """

    numbers: Mapping[str, FloatArray]
    region: IntArray
    week: IntArray
    regions: pd.Index
    weeks: pd.Index
    rows: BoolArray
    index: pd.MultiIndex
    dropped: Mapping[str, int]

    def take(self, positions: IntArray, reason: str) -> PanelArrays:
        """Keep some rows (m,) and count the others under a reason; labels stay as they are."""
        rows = np.zeros(len(self.rows), dtype=bool)
        rows[np.flatnonzero(self.rows)[positions]] = True
        return replace(
            self,
            numbers={name: values[positions] for name, values in self.numbers.items()},
            region=self.region[positions],
            week=self.week[positions],
            rows=rows,
            index=self.index[positions],
            dropped={**self.dropped, reason: len(self.region) - len(positions)},
        )


@dataclass(frozen=True, eq=False)
class StageCodes:
    """The stage of each row used.

    Attributes
    ----------
    codes
        Shape (n,), into ``labels``.
    labels
        Stages that occur, in the order of the category, else of first appearance in time.
    national
        Whether all regions share the stage in every week.
    notes
        Stages without a complete row, and stages of a single week.
    column
        Name of the column they were read from.
    single_week
        Labels of the stages that one week makes up.
    """

    codes: IntArray
    labels: tuple[str, ...]
    national: bool
    notes: tuple[str, ...] = ()
    column: str = ""
    single_week: tuple[str, ...] = ()


def panel_arrays(
    panel: Panel, columns: Sequence[str], *, stage: str | None = None, weights: str | None = None
) -> PanelArrays:
    """Take the rows that are complete in all columns.

    Parameters
    ----------
    panel
        The panel.
    columns
        Numeric columns that the model needs; booleans count as 0 and 1.
    stage
        A column of labels that must be present too.
    weights
        A column of weights: rows with weight zero are left out, negative ones are an error.

    Raises
    ------
    DataError
        If a column is missing, not numeric, infinite, or nothing is left.
    """
    wanted = [*columns, *([weights] if weights else []), *([stage] if stage else [])]
    fail_if_columns_missing(wanted, list(panel.data.columns), "The panel")
    flat = panel.data.set_axis(range(len(panel.data)))  # each column taken out would carry the labels along
    numeric = {n: _numeric(flat[n], n, panel.data.index) for n in dict.fromkeys(wanted) if n != stage}
    rows, dropped = _complete_rows(panel, numeric, stage, weights)
    index = panel.data.index if rows.all() else panel.data.index[rows]
    if not len(index):
        lost = "; ".join(f"{count} rows: {reason}" for reason, count in dropped.items()) or "the panel has no rows"
        msg = f"No row is complete in {name_few(wanted, 8)}: {lost}."
        raise DataError(msg)
    assert isinstance(index, pd.MultiIndex)
    (region, regions), (week, weeks) = (_codes(index, level) for level in (0, 1))
    kept = {name: values if rows.all() else values[rows] for name, values in numeric.items()}
    return PanelArrays(kept, region, week, regions, weeks, rows, index, dropped)


def stage_codes(panel: Panel, stage: str, arrays: PanelArrays) -> StageCodes:
    """Give the stage of each row a number, in the order of the category or of first appearance in time.

    Raises
    ------
    DataError
        If two labels read the same, such as 1 and "1".
    """
    values = panel.data[stage] if arrays.rows.all() else panel.data[stage][arrays.rows]
    if isinstance(values.dtype, pd.CategoricalDtype):
        raw, labels = values.cat.codes.to_numpy().astype(np.int64), values.cat.categories
        rank: IntArray | None = np.arange(len(labels))
    else:
        raw, labels = pd.factorize(values)
        rank = None
    shape = (len(labels), len(arrays.weeks))
    seen = np.bincount(raw * shape[1] + arrays.week, minlength=shape[0] * shape[1]).reshape(shape) > 0
    if rank is None:
        rank = np.argsort(seen.argmax(axis=1), kind="stable")
    present = [int(code) for code in rank if seen[code].any()]
    renumber = np.full(len(labels), -1)
    renumber[present] = np.arange(len(present))
    named = tuple(str(labels[code]) for code in present)
    _fail_if_labels_read_alike([labels[code] for code in present], stage)
    lost = () if arrays.rows.all() else panel.data[stage][~arrays.rows].dropna().unique()
    absent = [str(label) for label in lost if str(label) not in named]
    single = tuple(label for code, label in zip(present, named, strict=True) if seen[code].sum() == 1)
    notes = (
        *[f"stage '{label}' has no complete row: nothing is estimated for it" for label in absent],
        *[single_week_note(label) for label in single],
    )
    national = bool((seen.sum(axis=0) == 1).all())
    return StageCodes(renumber[raw], named, national, notes, stage, single)


def single_week_note(label: str) -> str:
    """Say what a stage of one week means for inference."""
    return f"stage '{label}' has one week only"


def _fail_if_labels_read_alike(labels: list[object], stage: str) -> None:
    written = [str(label) for label in labels]
    twice = [label for label, text in zip(labels, written, strict=True) if written.count(text) > 1]
    if twice:
        msg = f"Stages {', '.join(map(repr, twice))} of column '{stage}' read the same; give each stage its own label."
        raise DataError(msg)


def _numeric(values: pd.Series, name: str, index: pd.Index) -> FloatArray:
    if not (pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values)):
        msg = f"Column '{name}' is {values.dtype}, not numeric; convert it (pandas.to_numeric) or name another column."
        raise DataError(msg)
    numbers = values.to_numpy(dtype=float, na_value=np.nan)
    if numbers.size and -LARGEST <= numbers.min() <= numbers.max() <= LARGEST:  # false where one is missing
        return numbers
    if np.isinf(numbers).any():
        where = index[np.isinf(numbers)]
        msg = (
            f"Column '{name}' is infinite in {len(where)} rows ({name_few(where, 3)}); repair them or set them missing."
        )
        raise DataError(msg)
    huge = np.abs(numbers) > LARGEST
    if huge.any():
        where = index[huge]
        msg = (
            f"Column '{name}' exceeds {LARGEST:g} in {len(where)} rows ({name_few(where, 3)}): its squares overflow; "
            "rescale the column or repair the rows."
        )
        raise DataError(msg)
    return numbers


def _complete_rows(
    panel: Panel, numeric: Mapping[str, FloatArray], stage: str | None, weights: str | None
) -> tuple[BoolArray, dict[str, int]]:
    rows = np.ones(len(panel.data), dtype=bool)
    missing = {f"'{name}' is missing": np.isnan(v) for name, v in numeric.items() if v.size and np.isnan(v.min())}
    if stage:
        missing[f"'{stage}' is missing"] = panel.data[stage].isna().to_numpy()
    if weights:
        _fail_if_negative(numeric[weights], weights, panel.data.index)
        missing[f"weight '{weights}' is zero"] = numeric[weights] == 0
    dropped = {}
    for reason, lost in missing.items():
        fresh = int((rows & lost).sum())
        if fresh:
            dropped[reason] = fresh
            rows &= ~lost
    return rows, dropped


def _fail_if_negative(values: FloatArray, name: str, index: pd.Index) -> None:
    if (values < 0).any():
        msg = f"Weight '{name}' is negative in {int((values < 0).sum())} rows ({name_few(index[values < 0], 3)})."
        raise DataError(msg)


def _codes(index: pd.MultiIndex, level: int) -> tuple[IntArray, pd.Index]:
    """Give codes into the labels that occur."""
    codes = np.asarray(index.codes[level], dtype=np.int64)
    labels = index.levels[level]
    present = np.bincount(codes, minlength=len(labels)) > 0
    if present.all():
        return codes, labels
    return (np.cumsum(present) - 1)[codes], labels[present]
