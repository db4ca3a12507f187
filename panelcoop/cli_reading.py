"""How a log is read: the options that `validate` and `assemble` share, as one record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from panelcoop.cli_errors import fail_usage_if
from panelcoop.panel.events.log import EventLog
from panelcoop.panel.events.read import RegionsLike, read_events, with_code_changes
from panelcoop.panel.weeks import DAYS, WEEKS, Calendar

__all__ = ["Reading", "takes_reading"]


@dataclass(frozen=True)
class Reading:
    """Regions, calendar, window and encoding of a log; every field is an option of the command line."""

    regions: Annotated[
        Path | None, typer.Option(help="Region table: code, name; where known level, parent, other_names.")
    ] = None
    code_changes: Annotated[Path | None, typer.Option(help="Replaced region codes: CSV of old, new, since.")] = None
    first: Annotated[str | None, typer.Option(help="First week or day of the study, such as 2020-W01.")] = None
    last: Annotated[str | None, typer.Option(help="Last week or day of the study.")] = None
    unit: Annotated[str, typer.Option(help="Step of the calendar: week or day.")] = "week"
    encoding: Annotated[str, typer.Option(help="Encoding of CSV files.")] = "utf-8"

    @property
    def calendar(self) -> Calendar:
        """Weeks or days."""
        fail_usage_if(self.unit not in ("week", "day"), f"--unit is week or day; got '{self.unit}'.")
        return WEEKS if self.unit == "week" else DAYS

    def log(self, source: Path) -> EventLog:
        """Read the log.

        Raises
        ------
        DataError
            When it cannot be read.
        """
        fail_usage_if((self.first is None) != (self.last is None), "--first and --last go together.")
        fail_usage_if(self.code_changes is not None and self.regions is None, "--code-changes needs --regions.")
        window = (self.first, self.last) if self.first is not None and self.last is not None else None
        regions: RegionsLike | None = self.regions
        if regions is not None and self.code_changes is not None:
            regions = with_code_changes(regions, self.code_changes, encoding=self.encoding)
        return read_events(source, regions=regions, calendar=self.calendar, window=window, encoding=self.encoding)


def takes_reading(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for every field of ``Reading``, and hand it the record as `reading`."""
    hints = get_type_hints(Reading, include_extras=True)
    names = [field.name for field in fields(Reading)]
    own = [part for part in signature(command, eval_str=True).parameters.values() if part.name != "reading"]
    shared = [
        Parameter(field.name, Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name])
        for field in fields(Reading)
    ]

    @wraps(command)
    def wider(**given: Any) -> None:  # noqa: ANN401 - what the command line gives
        options = {name: value for name, value in given.items() if name not in names}
        command(**options, reading=Reading(**{name: given[name] for name in names}))

    wider.__signature__ = Signature([*own, *shared])  # type: ignore[attr-defined]
    wider.__annotations__ = {part.name: part.annotation for part in [*own, *shared]}
    return wider
