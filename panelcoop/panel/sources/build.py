"""From the originals to the shipped figures, and the comparison of the two."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from panelcoop.atomic import write_bytes
from panelcoop.panel.record import Ledger
from panelcoop.panel.sources.canghailan import weekly_canghailan
from panelcoop.panel.sources.facts import FILES, load_facts
from panelcoop.panel.sources.gpl_covid import first_dates, province_positions, weekly_gpl_covid
from panelcoop.panel.sources.jhu import weekly_jhu
from panelcoop.panel.sources.manifest import MANIFEST, describe_file
from panelcoop.panel.sources.oxcgrt import weekly_oxcgrt
from panelcoop.panel.sources.records import WeeklyFigures, join_ledgers
from panelcoop.panel.sources.registry import FOLDERS, ORIGINALS, gather, mirror_folder
from panelcoop.panel.sources.shipped import LEDGER_FILE, POSITIONS_FILE, csv_bytes, weekly_file

__all__ = ["FIRST_DATES_FILE", "FileCheck", "build_figures", "compare_figures", "rebuild_data", "write_figures"]

FIRST_DATES_FILE = "weekly/gpl_covid_first_dates.csv"
WEEKLY: Mapping[str, Callable[[Path], WeeklyFigures]] = {
    "oxcgrt": weekly_oxcgrt,
    "jhu": weekly_jhu,
    "canghailan": weekly_canghailan,
    "gpl_covid": weekly_gpl_covid,
}
KEYS = ("iso", "policy", "week")
MOST_LINES = 20


@dataclass(frozen=True)
class FileCheck:
    """What came of comparing one rebuilt file with the shipped one.

    Attributes
    ----------
    name
        Path inside the data folder.
    identical
        Whether every byte is the same.
    differences
        One row per cell that differs: key, column, `shipped`, `rebuilt`; empty when identical.
    note
        Why there are no cells to show, where the file is absent or laid out otherwise.
    """

    name: str
    identical: bool
    differences: pd.DataFrame
    note: str = ""

    def __str__(self) -> str:
        """Say "identical", or show the first cells that differ."""
        if self.identical:
            return f"{self.name}: identical"
        shown = "\n" + self.differences.head(MOST_LINES).to_string(index=False) if len(self.differences) else ""
        more = len(self.differences) - MOST_LINES
        tail = f"\n... and {more:,} more cells" if more > 0 else ""
        return f"{self.name}: DIFFERENT {self.note or f'in {len(self.differences):,} cells'}{shown}{tail}"


def rebuild_data(
    folder: Path | str, *, write: bool = False, mirror: str | None = None, cache: str | None = None
) -> list[FileCheck]:
    """Fetch the originals, rebuild the weekly figures and compare them with the shipped ones.

    Parameters
    ----------
    folder
        The data folder of the repository.
    write
        Replace the shipped figures by the rebuilt ones (after comparing).
    mirror, cache
        As in `panelcoop.panel.sources.registry.gather`.

    Returns
    -------
    list of FileCheck
        One per shipped file.

    Raises
    ------
    DownloadError
        When an original cannot be had or is another file than the pinned one.
    DataError
        When an original lacks a column or holds what cannot be read.
    """
    raw = {source: gather(source, cache=cache, mirror=mirror) for source in FOLDERS}
    figures = build_figures(raw, folder)
    checks = [compare_figures(name, content, folder) for name, content in figures.items()]
    checks += _check_facts(Path(folder), mirror)
    if write:
        write_figures(figures, folder)
    return checks


def build_figures(raw: Mapping[str, Path], folder: Path | str) -> dict[str, bytes]:
    """Build every shipped file but the facts, which are typed, not derived.

    Parameters
    ----------
    raw
        Source -> folder of its originals.
    folder
        The data folder, for the facts the manifest and the ledger also speak of.

    Returns
    -------
    dict
        Path inside the data folder -> content; the manifest comes last.
    """
    weekly = {source: build(raw[source]) for source, build in WEEKLY.items()}
    figures = {weekly_file(source): csv_bytes(result.frame) for source, result in weekly.items()}
    figures[FIRST_DATES_FILE] = csv_bytes(first_dates(raw["gpl_covid"]))
    figures[POSITIONS_FILE] = csv_bytes(province_positions(raw["gpl_covid"]))
    figures[LEDGER_FILE] = csv_bytes(_ledger_table(join_ledgers(result.ledger for result in weekly.values())))
    figures[MANIFEST] = _manifest(figures, Path(folder))
    return figures


def compare_figures(name: str, content: bytes, folder: Path | str) -> FileCheck:
    """Compare one rebuilt file with the shipped one, byte for byte and, where they differ, cell by cell."""
    path = Path(folder) / name
    nothing = pd.DataFrame()
    if not path.is_file():
        return FileCheck(name, identical=False, differences=nothing, note="(the shipped file is absent)")
    shipped = path.read_bytes()
    if shipped == content:
        return FileCheck(name, identical=True, differences=nothing)
    if not name.endswith(".csv"):
        return FileCheck(name, identical=False, differences=_lines(shipped, content), note="lines")
    return _cells(name, shipped, content)


def write_figures(figures: Mapping[str, bytes], folder: Path | str) -> list[Path]:
    """Write the rebuilt files, each whole or not at all."""
    return [write_bytes(Path(folder) / name, content) for name, content in figures.items()]


def _check_facts(folder: Path, mirror: str | None) -> list[FileCheck]:
    """Read the facts (typed, so there is nothing to rebuild) and compare them with a mirror's where it holds them."""
    load_facts(folder)
    held = mirror_folder(mirror)
    theirs = {f"facts/{name}": held / "facts" / name for name in FILES.values()} if held else {}
    return [compare_figures(name, path.read_bytes(), folder) for name, path in theirs.items() if path.is_file()]


def _ledger_table(ledger: Ledger) -> pd.DataFrame:
    return ledger.rows.assign(**{c: ledger.rows[c].map(_plain) for c in ("before", "after")})


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) and abs(value) < 1e5 else str(value).removesuffix(".0")


def _manifest(figures: Mapping[str, bytes], folder: Path) -> bytes:
    facts = {f"facts/{name}": (folder / "facts" / name).read_bytes() for name in FILES.values()}
    files = {name: describe_file(content) for name, content in sorted({**figures, **facts}.items())}
    originals = {
        original.name: {
            "source": original.source,
            "address": original.address,
            "sha256": original.sha256 or "not pinned",
            "mirror_file": f"{FOLDERS[original.source]}/{original.mirror_name}",
            "mirror_sha256": original.mirror_sha256,
        }
        for original in ORIGINALS
    }
    text = json.dumps({"files": files, "originals": originals}, indent=2, ensure_ascii=False)
    return f"{text}\n".encode()


def _lines(shipped: bytes, rebuilt: bytes) -> pd.DataFrame:
    old, new = shipped.decode().splitlines(), rebuilt.decode().splitlines()
    size = max(len(old), len(new))
    padded = zip(range(1, size + 1), old + [""] * (size - len(old)), new + [""] * (size - len(new)), strict=True)
    return pd.DataFrame([row for row in padded if row[1] != row[2]], columns=["line", "shipped", "rebuilt"])


def _cells(name: str, shipped: bytes, rebuilt: bytes) -> FileCheck:
    old, new = (pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False) for content in (shipped, rebuilt))
    if list(old.columns) != list(new.columns):
        note = f"(columns {', '.join(old.columns)} were rebuilt as {', '.join(new.columns)})"
        return FileCheck(name, identical=False, differences=pd.DataFrame(), note=note)
    keys = [key for key in KEYS if key in old] if name != LEDGER_FILE else []
    old, new = (table.set_index(keys) if keys else table for table in (old, new))
    every = old.index.union(new.index)
    rows = list(_differing(old.reindex(every), new.reindex(every)))
    columns = [*(keys or ["row"]), "column", "shipped", "rebuilt"]
    note = "" if rows else "(same cells in another order or notation)"
    return FileCheck(name, identical=False, differences=pd.DataFrame(rows, columns=columns), note=note)


def _differing(old: pd.DataFrame, new: pd.DataFrame) -> Iterator[tuple[object, ...]]:
    left, right = old.fillna("(absent)"), new.fillna("(absent)")
    for column in left.columns:
        for key in left.index[left[column] != right[column]]:
            cell = key if isinstance(key, tuple) else (key,)
            yield (*cell, column, left[column][key], right[column][key])
