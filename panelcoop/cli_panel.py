"""What the commands `assemble` and `describe` do."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from panelcoop.atomic import atomic_path
from panelcoop.errors import DataError
from panelcoop.panel.assemble import assemble
from panelcoop.panel.events.assemble import assemble_events
from panelcoop.panel.events.read import read_events
from panelcoop.panel.events.study import assemble_study
from panelcoop.panel.events.study_plan import is_event_study
from panelcoop.panel.record import Panel, Role, panel_from_frame
from panelcoop.panel.weeks import Calendar

__all__ = ["assemble_to", "describe_path", "load_panel", "save_panel"]

PANEL_FILE, COLUMNS_FILE, LEDGER_FILE = "panel.parquet", "columns.csv", "ledger.csv"


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


def save_panel(panel: Panel, folder: Path | str) -> None:
    """Write the data, what each column is, and the ledger."""
    columns = [
        (name, panel.roles.get(name, "other"), panel.notes.get(name, "")) for name in map(str, panel.data.columns)
    ]
    described = pd.DataFrame(columns, columns=["column", "role", "note"])
    with atomic_path(Path(folder) / PANEL_FILE) as partial:
        panel.data.to_parquet(partial)
    for name, table in ((COLUMNS_FILE, described), (LEDGER_FILE, panel.ledger.rows)):
        with atomic_path(Path(folder) / name) as partial:
            table.to_csv(partial, index=False)


def load_panel(path: Path | str) -> Panel:
    """Read a panel that ``save_panel`` wrote, or any Parquet file with region and week.

    Raises
    ------
    DataError
        When the file is absent, is no Parquet, or has no region and week.
    """
    file = Path(path) / PANEL_FILE if Path(path).is_dir() else Path(path)
    if not file.is_file():
        msg = f"There is no panel at {path}; `panelcoop assemble` writes one."
        raise DataError(msg)
    try:
        frame = pd.read_parquet(file)
    except ValueError as fault:
        msg = f"{file} cannot be read as Parquet: {fault}."
        raise DataError(msg) from fault
    return panel_from_frame(frame, roles=_roles(file.with_name(COLUMNS_FILE)))


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


def _roles(path: Path) -> dict[str, Role]:
    if not path.is_file():
        return {}
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    return dict(zip(table["column"], table["role"], strict=True))


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
