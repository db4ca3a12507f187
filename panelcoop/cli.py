"""The command line: start a study, check a log, assemble a panel, describe it, fetch data, draw titles to code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast, get_args

import typer

from panelcoop import __version__
from panelcoop.cli_errors import fail_usage_if, plain_errors
from panelcoop.cli_panel import (
    assemble_log,
    assemble_plan,
    check_plan,
    describe_path,
    is_plan,
    would_be_read_again,
)
from panelcoop.cli_reading import Reading, takes_reading
from panelcoop.cli_study import start_study
from panelcoop.cli_titles import draw_sheet, score_sheet
from panelcoop.panel.events.adapters.titles import fetch_titles
from panelcoop.panel.events.contract import LEVELS
from panelcoop.panel.events.settings import Assembly
from panelcoop.panel.measures.engine import Engine
from panelcoop.panel.sources.registry import FOLDERS, gather
from panelcoop.progress import track

__all__ = ["app"]

app = typer.Typer(
    name="panelcoop",
    help="From records of inter-government cooperation to a region-by-week panel.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Encoding = Annotated[str, typer.Option(help="Encoding of CSV files.")]
Folder = Annotated[Path, typer.Option(help="Folder to write to; made if absent.")]
TITLES = "titles"
BESIDE_A_PLAN = ("source", "out")


def _show_version(asked: bool) -> None:  # noqa: FBT001 - a flag of the command line
    if asked:
        typer.echo(f"panelcoop {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[  # noqa: FBT002 - a flag of the command line; its callback answers
        bool, typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """From records of inter-government cooperation to a region-by-week panel."""


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
@takes_reading
def validate(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(help="A log of events (CSV, Parquet, folder), or a plan (study.toml).")],
    reading: Reading,
    out: Annotated[Path | None, typer.Option(help="Folder for events.parquet and rejected.parquet.")] = None,
) -> None:
    """Check a log, or a plan with its log and tables: print every problem with its row; code 1 if there is one.

    Example: panelcoop validate events.csv --regions regions.csv --first 2020-W01 --last 2020-W30
    """
    if is_plan(source):
        _fail_if_plan_decides(context)
        report, clean = check_plan(source, out)
        typer.echo(report)
        raise typer.Exit(0 if clean else 1)
    _fail_if_read_again(source, out)
    log = reading.log(source)
    typer.echo(log.report())
    if reading.regions is None:
        typer.echo("regions were not checked: name their table with --regions")
    if log.window is None:
        typer.echo("the calendar was not checked: give --first and --last")
    if out is not None:
        typer.echo("written: " + ", ".join(str(path) for path in log.save(out)))
    raise typer.Exit(1 if len(log.rejected) else 0)


@app.command()
@plain_errors
@takes_reading
def assemble(  # noqa: PLR0917 - arguments are options of the command
    context: typer.Context,
    source: Annotated[Path, typer.Argument(help="A log of events (CSV, Parquet, folder), or a plan (study.toml).")],
    reading: Reading,
    out: Folder = Path("panel"),
    documents: Annotated[Path | None, typer.Option(help="Total documents: CSV of region, date, documents.")] = None,
    coverage: Annotated[Path | None, typer.Option(help="When records exist: CSV of first, last, region.")] = None,
    level: Annotated[str, typer.Option(help=f"Level of the panel's regions: {', '.join(LEVELS[1:])}.")] = "province",
    engine: Annotated[str, typer.Option(help="Where the queries run: duckdb or spark.")] = "duckdb",
) -> None:
    """Assemble the panel: panel.parquet, columns.csv and ledger.csv; of a log also events.parquet and rejected.parquet.

    Example: panelcoop assemble events.csv --regions regions.csv --documents documents.csv --out panel
    """
    fail_usage_if(level not in LEVELS[1:], f"--level is one of {', '.join(LEVELS[1:])}; got '{level}'.")
    fail_usage_if(engine not in get_args(Engine), f"--engine is one of {', '.join(get_args(Engine))}; got '{engine}'.")
    if is_plan(source):
        _fail_if_plan_decides(context)
        panel = assemble_plan(source, out)
    else:
        _fail_if_read_again(source, out)
        log = reading.log(source)
        choices = Assembly(level=level, engine=cast("Engine", engine))
        panel = assemble_log(
            log, out, calendar=reading.calendar, choices=choices, documents=documents, coverage=coverage
        )
    typer.echo(str(panel))
    typer.echo(f"written to {out}")


@app.command()
@plain_errors
def describe(
    source: Annotated[Path, typer.Argument(help="A folder or file written by assemble, a plan, or a log of events.")],
    encoding: Encoding = "utf-8",
) -> None:
    """Describe a panel: balance, coverage and missing cells by variable; or a log: events by mechanism.

    Example: panelcoop describe panel
    """
    typer.echo(describe_path(source, encoding=encoding))


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
    encoding: Encoding = "utf-8",
    score: Annotated[Path | None, typer.Option(help="A filled sheet: report precision and recall instead.")] = None,
) -> None:
    """Draw titles to code by hand, stratified by what the keyword rules say; or score a filled sheet.

    Example: panelcoop code-sample titles.xlsx --per-stratum 40, then panelcoop code-sample --score coding_sheet.csv
    """
    fail_usage_if((titles is None) == (score is None), "give the titles to draw from, or --score with a filled sheet.")
    if score is not None:
        typer.echo(score_sheet(score, rules, encoding=encoding))
    elif titles is not None:
        typer.echo(draw_sheet(titles, out, per_stratum=per_stratum, seed=seed, rules=rules, encoding=encoding))


def _is_given(context: typer.Context, name: str) -> bool:
    """Tell an option that stands on the command line from a default."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _fail_if_plan_decides(context: typer.Context) -> None:
    """Refuse options beside a plan, which would be passed over in silence."""
    given = [name for name in context.params if _is_given(context, name)]
    extra = ", ".join(f"--{name.replace('_', '-')}" for name in given if name not in BESIDE_A_PLAN)
    fail_usage_if(bool(extra), f"the plan decides that, leave out {extra} or change the plan.")


def _fail_if_read_again(source: Path, out: Path | None) -> None:
    inside = out is not None and would_be_read_again(source, out)
    fail_usage_if(inside, f"--out {out} lies among the files of the log {source}; name another folder.")
