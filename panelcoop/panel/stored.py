"""A panel on disk: its data, what each column is, and its ledger, in three files a person can open."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from panelcoop.atomic import atomic_path
from panelcoop.errors import DataError
from panelcoop.panel.record import Panel, Role, panel_from_frame

__all__ = ["PANEL_FILE", "load_panel", "save_panel"]

PANEL_FILE, COLUMNS_FILE, LEDGER_FILE = "panel.parquet", "columns.csv", "ledger.csv"


def save_panel(panel: Panel, folder: Path | str) -> None:
    """Write a panel to a folder: `panel.parquet`, `columns.csv` (role and note of each column) and `ledger.csv`.

    Weights and the plan are not written.
    """
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


def _roles(path: Path) -> dict[str, Role]:
    if not path.is_file():
        return {}
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    return dict(zip(table["column"], table["role"], strict=True))
