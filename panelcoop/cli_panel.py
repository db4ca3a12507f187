"""What the commands `validate`, `assemble` and `describe` do."""

from __future__ import annotations

from pathlib import Path

from pyarrow.parquet import read_schema

from panelcoop.panel.assemble import assemble
from panelcoop.panel.events.assemble import assemble_events
from panelcoop.panel.events.log import EventLog
from panelcoop.panel.events.read import read_events
from panelcoop.panel.events.settings import Assembly
from panelcoop.panel.events.study import assemble_study, read_study_log
from panelcoop.panel.events.study_plan import is_event_study
from panelcoop.panel.plan import read_plan
from panelcoop.panel.record import Panel
from panelcoop.panel.stored import PANEL_FILE, load_panel, save_panel
from panelcoop.panel.tables import read_table
from panelcoop.panel.weeks import Calendar

__all__ = ["assemble_log", "assemble_plan", "check_plan", "describe_path", "is_plan", "would_be_read_again"]

WRITTEN = ("events.parquet", "rejected.parquet", "panel.parquet", "columns.csv", "ledger.csv")


def is_plan(source: Path) -> bool:
    """Tell a plan from a log."""
    return source.suffix.lower() == ".toml"


def would_be_read_again(source: Path, folder: Path) -> bool:
    """Tell whether what is written to a folder would stand among the files of the log, or on top of one."""
    log, out = source.resolve(), folder.resolve()
    return out.is_relative_to(log) if log.is_dir() else log in [out / name for name in WRITTEN]


def assemble_plan(source: Path, folder: Path) -> Panel:
    """Assemble the panel of a plan and write it to a folder, with the rejected rows of its log if it has one.

    Raises
    ------
    PanelcoopError
        When the plan or an input breaks its contract.
    """
    if is_event_study(source):
        read_study_log(source).save(folder)
    panel = _of_plan(source)
    save_panel(panel, folder)
    return panel


def assemble_log(
    log: EventLog,
    folder: Path,
    *,
    calendar: Calendar,
    choices: Assembly,
    documents: Path | None = None,
    coverage: Path | None = None,
) -> Panel:
    """Assemble a panel from a log and write it to a folder, with the rejected rows.

    Raises
    ------
    DataError
        When an input breaks its contract.
    """
    log.save(folder)
    panel = assemble_events(
        log,
        calendar=calendar,
        documents=None if documents is None else read_table(documents),
        coverage=None if coverage is None else read_table(coverage),
        choices=choices,
    )
    save_panel(panel, folder)
    return panel


def check_plan(source: Path, folder: Path | None = None) -> tuple[str, bool]:
    """Check a plan, its log and its tables; return what to say and whether nothing was rejected.

    The rows of the log, good and rejected, are written to a folder if one is named.

    Raises
    ------
    PanelcoopError
        When the plan or a table breaks its contract.
    """
    if not is_event_study(source):
        read_plan(source)
        return f"{source} is a valid plan", True
    log = read_study_log(source)
    if folder is not None:
        log.save(folder)
    return f"{log.report()}\n{_of_plan(source)}", log.rejected.empty


def describe_path(source: Path, *, encoding: str = "utf-8") -> str:
    """Describe whatever stands at a path: a panel, a plan or a log.

    Raises
    ------
    PanelcoopError
        When there is nothing to describe.
    """
    if is_plan(source):
        return _describe(_of_plan(source))
    if _is_panel(source):
        return _describe(load_panel(source))
    log = read_events(source, encoding=encoding)
    return f"{log}\n{log.ledger}" if len(log.ledger.rows) else str(log)


def _is_panel(source: Path) -> bool:
    """Tell a panel from a log: a folder with panel.parquet, or a Parquet file with region and week."""
    if source.is_dir():
        return (source / PANEL_FILE).is_file()
    if not source.is_file() or source.suffix.lower() not in (".parquet", ".pq"):
        return not source.exists()
    try:
        return {"region", "week"} <= set(read_schema(source).names)
    except (OSError, ValueError):
        return True


def _of_plan(path: Path) -> Panel:
    return assemble_study(path) if is_event_study(path) else assemble(path)


def _describe(panel: Panel) -> str:
    table = panel.describe().drop(columns=["regions", "weeks"])
    return f"{panel}\n\n{table.to_string(float_format='{:.3f}'.format)}"
