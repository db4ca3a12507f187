"""A progress bar for work over two seconds: on a terminal only, silent everywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

__all__ = ["track"]

Item = TypeVar("Item")
PATIENCE_SECONDS = 2.0


def track(items: Sequence[Item], label: str) -> Iterator[Item]:
    """Iterate over items and show a bar on standard error once two seconds have passed.

    Parameters
    ----------
    items
        What to go through, in order.
    label
        What the bar says.

    Yields
    ------
    The items, unchanged and in order.

    Examples
    --------
    >>> sum(track(range(4), "adding"))
    6
    """
    started = time.monotonic()
    bar = task = None
    try:
        for done, item in enumerate(items):
            if bar is None and sys.stderr.isatty() and time.monotonic() - started > PATIENCE_SECONDS:
                from rich.console import Console
                from rich.progress import Progress

                bar = Progress(console=Console(stderr=True), transient=True)
                bar.start()
                task = bar.add_task(label, total=len(items))
            if bar is not None and task is not None:
                bar.update(task, completed=done)
            yield item
    finally:
        if bar is not None:
            bar.stop()
