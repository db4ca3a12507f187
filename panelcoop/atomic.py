"""Files that are either whole or absent: written under a temporary name and moved into place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkstemp

__all__ = ["atomic_path", "write_bytes", "write_text"]


@contextmanager
def atomic_path(target: Path | str) -> Iterator[Path]:
    """Give a temporary path beside the target; move it into place only if the block succeeds.

    Parameters
    ----------
    target
        Where the file shall stand; missing parent folders are made.

    Yields
    ------
    A path with the same suffix in the same folder.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = mkstemp(dir=target.parent, prefix=f".{target.stem}.", suffix=f".partial{target.suffix}")
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        partial.chmod(0o666 & ~_umask())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def write_text(target: Path | str, text: str) -> Path:
    """Write text in UTF-8 with Unix line ends, atomically; return the path."""
    return write_bytes(target, text.encode("utf-8"))


def write_bytes(target: Path | str, content: bytes) -> Path:
    """Write bytes atomically; return the path."""
    with atomic_path(target) as partial:
        partial.write_bytes(content)
    return Path(target)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
