"""What the command `new` does: copy the template of a study."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from panelcoop.atomic import write_bytes

__all__ = ["start_study"]

SKIPPED = ("__pycache__", "__init__.py")


def start_study(folder: Path) -> str:
    """Write the template into a folder and say how to go on.

    Returns
    -------
    str
        The files written and the next step.
    """
    written = _copy(files("panelcoop").joinpath("template"), folder)
    names = "\n".join(f"  {path.relative_to(folder)}" for path in written)
    return f"{folder}:\n{names}\nNext: cd {folder} && make"


def _copy(source: Traversable, target: Path) -> list[Path]:
    written: list[Path] = []
    for entry in sorted(source.iterdir(), key=lambda entry: entry.name):
        if entry.name in SKIPPED:
            continue
        here = target / entry.name
        written += _copy(entry, here) if entry.is_dir() else [write_bytes(here, entry.read_bytes())]
    return written
