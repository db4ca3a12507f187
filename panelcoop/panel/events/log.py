"""What reading a log gives: the good rows, the rejected rows with their reasons, and the ledger of both."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from panelcoop.atomic import atomic_path
from panelcoop.errors import DataError
from panelcoop.panel.record import Ledger
from panelcoop.panel.regions import RegionSystem

__all__ = ["PROBLEM_COLUMNS", "REJECTED_COLUMNS", "EventLog"]

PROBLEM_COLUMNS = ("file", "row", "column", "value", "problem")
REJECTED_COLUMNS = ("file", "row", "reasons", "original")


@dataclass(frozen=True)
class EventLog:
    """A log of cooperation events that was read and checked.

    Attributes
    ----------
    events
        Accepted rows, in the columns of ``EVENT_COLUMNS``: de-duplicated, regions as codes.
    rejected
        Rejected rows: `file`, `row`, `reasons` and the `original` cells.
    problems
        One line per problem of a rejected row: `file`, `row` (data rows count from 1), `column`, `value`, `problem`.
    regions
        The region system that names were matched against, if one was given.
    ledger
        Rows rejected by reason, corrections of accepted rows, files and columns that were not read.
    window
        First and last day of the study, where the log was read with a window.

    Notes
    -----
    ``len(log.events) + len(log.rejected)`` is the number of rows read: no row is lost.
    """

    events: pd.DataFrame
    rejected: pd.DataFrame
    problems: pd.DataFrame
    regions: RegionSystem | None = field(default=None, repr=False)
    ledger: Ledger = field(default_factory=Ledger.empty)
    window: tuple[pd.Timestamp, pd.Timestamp] | None = None

    def __len__(self) -> int:
        """Count the accepted rows."""
        return len(self.events)

    def without(self, rows: pd.Series, reason: str) -> EventLog:
        """Return the log without some accepted rows, which move to the rejected ones.

        Parameters
        ----------
        rows
            True for each row of `events` to leave out, same index.
        reason
            Why; written to the ledger, the problems and the rejected rows.
        """
        gone = self.events[rows.to_numpy(bool)]
        problems = gone[["file", "row"]].assign(column="", value="", problem=reason)
        original = [",".join(map(str, cells)) for cells in gone.itertuples(index=False, name=None)]
        rejected = gone[["file", "row"]].assign(reasons=reason, original=original)
        return replace(
            self,
            events=self.events[~rows.to_numpy(bool)].reset_index(drop=True),
            rejected=_stack(self.rejected, rejected[list(REJECTED_COLUMNS)]),
            problems=_stack(self.problems, problems[list(PROBLEM_COLUMNS)]),
            ledger=self.ledger
            + Ledger.of(
                [{"source": "events", "action": "dropped", "reason": reason, "count": len(gone)}] if len(gone) else []
            ),
        )

    def save(self, folder: Path | str) -> list[Path]:
        """Write `events.parquet` and `rejected.parquet` into a folder; return their paths.

        Raises
        ------
        DataError
            When the folder cannot be written.
        """
        targets = [Path(folder) / "events.parquet", Path(folder) / "rejected.parquet"]
        try:
            for target, table in zip(targets, (self.events, self.rejected), strict=True):
                with atomic_path(target) as partial:
                    table.to_parquet(partial, index=False)
        except OSError as fault:
            msg = f"Cannot write to {folder}: {fault.strerror or fault}."
            raise DataError(msg) from fault
        return targets

    def report(self) -> str:
        """Write every problem on one line with its file and row, then what was noted or corrected."""
        rows = [
            f"{file}: row {row}" + (f", {column} '{value}'" if column else "") + f": {problem}"
            for file, row, column, value, problem in self.problems.astype(str).to_numpy().tolist()
        ]
        noted = self.ledger.rows[self.ledger.rows["action"] != "dropped"]
        rows += [f"{file}: {why} ({count:,})" for file, why, count in noted[["source", "reason", "count"]].to_numpy()]
        read = len(self.events) + len(self.rejected)
        return "\n".join([*rows, f"{read:,} rows read: {len(self.events):,} good, {len(self.rejected):,} rejected"])

    def __str__(self) -> str:
        """Say how many events there are, of what, and what was rejected."""
        read = len(self.events) + len(self.rejected)
        lines = [f"EventLog: {len(self.events):,} events of {read:,} rows"]
        if len(self.events):
            first, last = pd.Timestamp(min(self.events["start"])), pd.Timestamp(max(self.events["end"]))
            lines.append(f"  days       {first.date()} to {last.date()}")
            counts = Counter(self.events["mechanism"]).most_common()
            lines.append("  mechanisms " + ", ".join(f"{name} {count:,}" for name, count in counts))
        if len(self.rejected):
            lines.append(f"  rejected   {len(self.rejected):,} rows, see log.problems")
        return "\n".join(lines)


def _stack(top: pd.DataFrame, bottom: pd.DataFrame) -> pd.DataFrame:
    parts = [part for part in (top, bottom) if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else top
