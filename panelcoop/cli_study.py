"""What the command `new` does: copy the template of a study."""

from __future__ import annotations

import sys
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from shlex import quote

from panelcoop.atomic import write_bytes

__all__ = ["start_study"]

SKIPPED = ("__pycache__", "__init__.py")
ANY_PYTHON = b"PYTHON ?= python3\n"
"""The line of the Makefile that names the interpreter."""


def start_study(folder: Path) -> str:
    """Write the template into a folder, its Makefile with the interpreter that runs now, and say how to go on.

    Returns
    -------
    str
        The files written and the next step.
    """
    written = _copy(files("panelcoop").joinpath("template"), folder)
    makefile = folder / "Makefile"
    write_bytes(makefile, makefile.read_bytes().replace(ANY_PYTHON, _this_python(sys.executable)))
    names = "\n".join(f"  {path.relative_to(folder)}" for path in written)
    return f"{folder}:\n{names}\nNext: cd {quote(str(folder))} && make"


def _this_python(path: str) -> bytes:
    """Name an interpreter in a Makefile, as the shell will read it."""
    plain = path or "python3"
    for sign, escaped in (("\\", "\\\\"), (" ", "\\ "), ("$", "$$"), ("#", "\\#")):
        plain = plain.replace(sign, escaped)
    return f"PYTHON ?= {plain}\n".encode()


def _copy(source: Traversable, target: Path) -> list[Path]:
    written: list[Path] = []
    for entry in sorted(source.iterdir(), key=lambda entry: entry.name):
        if entry.name in SKIPPED:
            continue
        here = target / entry.name
        written += _copy(entry, here) if entry.is_dir() else [write_bytes(here, entry.read_bytes())]
    return written
