"""How the command line fails: code 2 for bad usage, code 1 for bad input, one plain sentence, never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import typer

from panelcoop.errors import PanelcoopError

__all__ = ["fail_usage_if", "plain_errors"]

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")


def plain_errors(command: Callable[Asked, Answer]) -> Callable[Asked, Answer]:
    """Turn errors of the input into one sentence on standard error and code 1."""

    @wraps(command)
    def guarded(*args: Asked.args, **kwargs: Asked.kwargs) -> Answer:
        try:
            return command(*args, **kwargs)
        except PanelcoopError as fault:
            typer.echo(f"Error: {fault}", err=True)
        except OSError as fault:
            where = f" ({fault.filename})" if fault.filename else ""
            typer.echo(f"Error: {fault.strerror or fault}{where}", err=True)
        raise typer.Exit(1)

    return guarded


def fail_usage_if(broken: bool, message: str) -> None:  # noqa: FBT001 - reads as a sentence
    """Raise bad usage, which ends with code 2."""
    if broken:
        raise typer.BadParameter(message)
