"""What the commands `assemble` and `describe` do."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from panelcoop.errors import DataError
from panelcoop.panel.assemble import assemble
from panelcoop.panel.events.assemble import assemble_events
from panelcoop.panel.events.read import read_events
from panelcoop.panel.events.study import assemble_study
from panelcoop.panel.events.study_plan import is_event_study
from panelcoop.panel.record import Panel
from panelcoop.panel.stored import load_panel, save_panel
from panelcoop.panel.weeks import Calendar

__all__ = ["assemble_to", "describe_path"]


def assemble_to(
    source: Path,
    folder: Path,
    *,
    regions: Path | None,
    calendar: Calendar,
    window: tuple[str, str] | None,
    documents: Path | None,
    coverage: Path | None,
) -> Panel:
    """Assemble a panel from a plan or a log and write it to a folder.

    Raises
    ------
    DataError
        When an input breaks its contract.
    """
    if source.suffix.lower() == ".toml":
        panel = _of_plan(source)
    else:
        log = read_events(source, regions=regions, calendar=calendar, window=window)
        log.save(folder)
        panel = assemble_events(
            log, calendar=calendar, window=window, documents=_table(documents), coverage=_table(coverage)
        )
    save_panel(panel, folder)
    return panel


def describe_path(source: Path) -> str:
    """Describe whatever stands at a path: a panel, a plan or a log.

    Raises
    ------
    DataError
        When there is nothing to describe.
    """
    if source.suffix.lower() == ".toml":
        return _describe(_of_plan(source))
    if source.suffix.lower() == ".csv":
        log = read_events(source)
        return f"{log}\n{log.ledger}" if len(log.ledger.rows) else str(log)
    return _describe(load_panel(source))


def _of_plan(path: Path) -> Panel:
    return assemble_study(path) if is_event_study(path) else assemble(path)


def _describe(panel: Panel) -> str:
    table = panel.describe().drop(columns=["regions", "weeks"])
    return f"{panel}\n\n{table.to_string(float_format='{:.3f}'.format)}"


def _table(path: Path | None) -> pd.DataFrame | None:
    if path is None:
        return None
    try:
        return pd.read_csv(path, dtype={"region": str}, keep_default_na=True, encoding="utf-8-sig")
    except FileNotFoundError as fault:
        msg = f"There is no file {path}."
        raise DataError(msg) from fault
    except (ValueError, pd.errors.ParserError) as fault:
        msg = f"{path} cannot be read as CSV: {fault}."
        raise DataError(msg) from fault
