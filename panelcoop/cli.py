"""The command line: start a study, check a log, assemble a panel, describe it, fetch data, draw titles to code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from panelcoop.cli_errors import fail_usage_if, plain_errors
from panelcoop.cli_panel import assemble_to, describe_path
from panelcoop.cli_study import start_study
from panelcoop.cli_titles import draw_sheet, score_sheet
from panelcoop.panel.events.adapters.titles import fetch_titles
from panelcoop.panel.events.read import read_events
from panelcoop.panel.sources.registry import FOLDERS, gather
from panelcoop.panel.weeks import DAYS, WEEKS, Calendar
from panelcoop.progress import track

__all__ = ["app"]

app = typer.Typer(
    name="panelcoop",
    help="From records of inter-government cooperation to a region-by-week panel.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Regions = Annotated[Path | None, typer.Option(help="Region table: code, name; where known level, parent, other_names.")]
First = Annotated[str | None, typer.Option(help="First week or day of the study, such as 2020-W01.")]
Last = Annotated[str | None, typer.Option(help="Last week or day of the study.")]
Unit = Annotated[str, typer.Option(help="Step of the calendar: week or day.")]
Encoding = Annotated[str, typer.Option(help="Encoding of CSV files.")]
Folder = Annotated[Path, typer.Option(help="Folder to write to; made if absent.")]
TITLES = "titles"


@app.command()
@plain_errors
def new(folder: Annotated[Path, typer.Argument(help="Folder to make; it must be absent or empty.")]) -> None:
    """Write a working study of one's own: plan, scripts, Makefile, paper and example data.

    Example: panelcoop new mystudy && cd mystudy && make
    """
    fail_usage_if(
        folder.exists() and (not folder.is_dir() or any(folder.iterdir())), f"{folder} exists and is not empty."
    )
    typer.echo(start_study(folder))


@app.command()
@plain_errors
def validate(  # noqa: PLR0917 - arguments are options of the command
    events: Annotated[Path, typer.Argument(help="CSV or Parquet file of events, or a folder of them.")],
    regions: Regions = None,
    first: First = None,
    last: Last = None,
    unit: Unit = "week",
    encoding: Encoding = "utf-8",
    out: Annotated[Path | None, typer.Option(help="Folder for events.parquet and rejected.parquet.")] = None,
) -> None:
    """Check a log: print every problem with its row, and end with code 1 if there is one.

    Example: panelcoop validate events.csv --regions regions.csv --first 2020-W01 --last 2020-W30
    """
    calendar, window = _calendar(unit), _window(first, last)
    log = read_events(events, regions=regions, calendar=calendar, window=window, encoding=encoding)
    typer.echo(log.report())
    if regions is None:
        typer.echo("regions were not checked: name their table with --regions")
    if out is not None:
        typer.echo("written: " + ", ".join(str(path) for path in log.save(out)))
    raise typer.Exit(1 if len(log.rejected) else 0)


@app.command()
@plain_errors
def assemble(  # noqa: PLR0917 - arguments are options of the command
    source: Annotated[Path, typer.Argument(help="A log of events (CSV, Parquet, folder), or a plan (study.toml).")],
    regions: Regions = None,
    first: First = None,
    last: Last = None,
    unit: Unit = "week",
    out: Folder = Path("panel"),
    documents: Annotated[Path | None, typer.Option(help="Total documents: CSV of region, date, documents.")] = None,
    coverage: Annotated[Path | None, typer.Option(help="When records exist: CSV of first, last, region.")] = None,
) -> None:
    """Assemble the panel: panel.parquet, columns.csv and ledger.csv; of a log also rejected.parquet.

    Example: panelcoop assemble events.csv --regions regions.csv --documents documents.csv --out panel
    """
    calendar, window = _calendar(unit), _window(first, last)
    panel = assemble_to(
        source, out, regions=regions, calendar=calendar, window=window, documents=documents, coverage=coverage
    )
    typer.echo(str(panel))
    typer.echo(f"written to {out}")


@app.command()
@plain_errors
def describe(
    source: Annotated[Path, typer.Argument(help="A folder or file written by assemble, a plan, or a log of events.")],
) -> None:
    """Describe a panel: balance, coverage and missing cells by variable; or a log: events by mechanism.

    Example: panelcoop describe panel
    """
    typer.echo(describe_path(source))


@app.command()
@plain_errors
def fetch(
    source: Annotated[str, typer.Argument(help=f"One of {', '.join(FOLDERS)}, {TITLES}, or all.")],
    folder: Annotated[Path | None, typer.Option(help="Where to keep the files; default the user's cache.")] = None,
) -> None:
    """Download the originals of a source from their public address; what is there already is not fetched again.

    Example: panelcoop fetch jhu --folder originals
    """
    known = [*FOLDERS, TITLES]
    fail_usage_if(source not in [*known, "all"], f"'{source}' is no source; use {', '.join(known)} or all.")
    fail_usage_if(source == TITLES and folder is None, "titles carry no licence: name your own --folder for them.")
    chosen = [source] if source != "all" else list(FOLDERS)
    for name in track(chosen, "fetching"):
        path = fetch_titles(folder) if name == TITLES and folder is not None else gather(name, cache=folder)
        typer.echo(f"{name}: {path}")


@app.command("code-sample")
@plain_errors
def code_sample(  # noqa: PLR0917 - arguments are options of the command
    titles: Annotated[Path | None, typer.Argument(help="XLSX or CSV of titles: prov, date, title.")] = None,
    out: Annotated[Path, typer.Option(help="Sheet to write.")] = Path("coding_sheet.csv"),
    per_stratum: Annotated[int, typer.Option(min=1, help="Titles drawn per mechanism.")] = 40,
    seed: Annotated[int, typer.Option(help="Seed of the draw.")] = 0,
    rules: Annotated[Path | None, typer.Option(help="Own keyword rules (TOML).")] = None,
    score: Annotated[Path | None, typer.Option(help="A filled sheet: report precision and recall instead.")] = None,
) -> None:
    """Draw titles to code by hand, stratified by what the keyword rules say; or score a filled sheet.

    Example: panelcoop code-sample titles.xlsx --per-stratum 40, then panelcoop code-sample --score coding_sheet.csv
    """
    fail_usage_if((titles is None) == (score is None), "give the titles to draw from, or --score with a filled sheet.")
    if score is not None:
        typer.echo(score_sheet(score, rules))
    elif titles is not None:
        typer.echo(draw_sheet(titles, out, per_stratum=per_stratum, seed=seed, rules=rules))


def _calendar(unit: str) -> Calendar:
    fail_usage_if(unit not in ("week", "day"), f"--unit is week or day; got '{unit}'.")
    return WEEKS if unit == "week" else DAYS


def _window(first: str | None, last: str | None) -> tuple[str, str] | None:
    fail_usage_if((first is None) != (last is None), "--first and --last go together.")
    return (first, last) if first is not None and last is not None else None
