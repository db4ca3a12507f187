"""Titles of provincial government releases: read, de-duplicated, classified, and counted by week."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing, name_few
from panelcoop.errors import DataError
from panelcoop.panel.events.adapters.title_rules import TitleRule, classify_titles, keyword_hits, read_rules
from panelcoop.panel.events.contract import MECHANISMS, SEPARATOR
from panelcoop.panel.events.csv_lines import USUAL_ENCODINGS
from panelcoop.panel.events.log import EventLog
from panelcoop.panel.events.problems import parse_date
from panelcoop.panel.events.read import RegionsLike, as_regions, read_events
from panelcoop.panel.record import Ledger
from panelcoop.panel.regions import RegionSystem, china_provinces
from panelcoop.panel.sources.download import download
from panelcoop.panel.weeks import WEEKS, Calendar

__all__ = ["TITLES_ADDRESS", "TitleLog", "fetch_titles", "read_titles", "title_events", "weekly_title_counts"]

TITLES_ADDRESS = (
    "https://raw.githubusercontent.com/onjas-buidl/COVID-19_sosc/master/Data/CN_media/zky_data/"
    "raw%20%E6%96%B0%E5%86%A0%E5%85%A8.xlsx"
)
"""The collection carries no licence: it may be looked at, not passed on."""

HEADERS = {"prov": "province", "region": "province", "省份": "province", "日期": "date", "标题": "title"}
SHORTEST_NAME = 2
NO_WORD = re.compile(r"[\W_]+")
LATIN = "[A-Za-zÀ-ɏ]"


@dataclass(frozen=True)
class TitleLog:
    """Titles that were read, checked and classified.

    Attributes
    ----------
    titles
        Good rows: `region` (code), `date`, `title`, `row` (from 1), a true-or-false column per rule, `mechanism`,
        `contents`, `target`.
    rejected
        `row`, `reasons`, `province`, `date`, `title`.
    hits
        Titles in which each rule's keywords occur, before de-duplication and guards.
    rules
        The rules.
    ledger
        Rows dropped by reason.
    """

    titles: pd.DataFrame
    rejected: pd.DataFrame
    hits: pd.Series
    rules: tuple[TitleRule, ...] = field(repr=False)
    ledger: Ledger = field(default_factory=Ledger.empty)

    def __str__(self) -> str:
        """Count rows, rejections, mechanisms, and raw hits of keywords."""
        counts = self.titles["mechanism"].replace("", "none").value_counts()
        lines = [f"TitleLog: {len(self.titles):,} titles, {len(self.rejected):,} rejected"]
        told = {"mechanisms": counts, "raw hits": self.hits}
        lines += [
            f"  {what:<10} " + ", ".join(f"{name} {count:,}" for name, count in numbers.to_dict().items())
            for what, numbers in told.items()
        ]
        return "\n".join([*lines, str(self.ledger)])


def fetch_titles(folder: Path | str) -> Path:
    """Download the collection of titles to a folder of one's own; nothing of it comes with the package.

    Raises
    ------
    DownloadError
        When it cannot be fetched.
    """
    return download(TITLES_ADDRESS, Path(folder) / "titles.xlsx", sha256=None)


def read_titles(
    source: Path | str | pd.DataFrame,
    *,
    rules: Path | str | None = None,
    system: RegionsLike | None = None,
    encoding: str = "utf-8",
) -> TitleLog:
    """Read and classify titles.

    Parameters
    ----------
    source
        XLSX, CSV or frame with `prov` (or `province`), `date` and `title`.
    rules
        TOML file of keyword rules; default those of the package.
    system
        Regions of the provinces; default the 31 of China.
    encoding
        Encoding of a CSV file.

    Returns
    -------
    TitleLog

    Raises
    ------
    DataError
        When the table cannot be read, or lacks a column or holds it twice.

    Notes
    -----
    De-duplication comes first: rows that repeat province, date and title are dropped, exactly or but for spaces and
    punctuation, then rows with an impossible date, an unknown province or no title. A row with two faults is counted
    under both, and said so. Days are written year first and never guessed from another order.

    Examples
    --------
    >>> log = read_titles(pd.DataFrame({"prov": ["湖北", "湖北", "山东"], "date": ["2020-02-03", "2020-02-03", ""],
    ...     "title": ["a", "a", "援鄂医疗队"]}))
    >>> len(log.titles), log.rejected["reasons"].tolist()
    (1, ['exact duplicate', 'impossible date'])
    """
    table = source if isinstance(source, pd.DataFrame) else _read(Path(source), encoding)
    raw = _named(table).reset_index(drop=True)
    applied = read_rules(rules)
    places = _regions(system).match(raw["province"].astype(object)).codes
    dates = _days(raw["date"])
    exact = raw.duplicated()
    faults = {
        "exact duplicate": exact,
        "duplicate but for spaces and punctuation": _alike(places, dates, raw["title"]) & ~exact,
        "impossible date": dates.isna(),
        "unknown province": places.isna() & raw["province"].notna(),
        "no title": raw["title"].isna() | (raw["title"].astype(str).str.strip() == ""),
    }
    marks = pd.DataFrame(faults)
    marks["no province"] = raw["province"].isna() & ~marks.any(axis=1)
    bad = marks.any(axis=1)
    reasons = marks[bad].apply(lambda row: "; ".join(row.index[row.to_numpy(bool)]), axis=1).astype(object)
    good = pd.DataFrame({"region": places, "date": dates, "title": raw["title"], "row": raw.index + 1})[~bad]
    classified = classify_titles(good["title"], applied)
    return TitleLog(
        titles=good.join(classified).reset_index(drop=True),
        rejected=raw[bad].assign(row=raw.index[bad] + 1, reasons=reasons).reset_index(drop=True),
        hits=keyword_hits(raw["title"], applied),
        rules=applied,
        ledger=_ledger(marks),
    )


def title_events(log: TitleLog, *, system: RegionsLike | None = None) -> EventLog:
    """Turn the titles that name a partner into events.

    Parameters
    ----------
    log
        From ``read_titles``.
    system
        Regions whose names are looked for: those of the column `name_zh`, or every name where there is none.

    Returns
    -------
    EventLog
        Source: the province that released the title; targets: other provinces named in it, and the rule's own target.
        Titles that name no partner are rejected with that reason: a count by week is all they can give.

    Notes
    -----
    Formality is not coded: a title does not show it.
    """
    told = log.titles[log.titles["mechanism"] != ""]
    regions = _regions(system)
    partners = _partners(told, regions)
    events = pd.DataFrame(
        {
            "start": told["date"].dt.strftime("%Y-%m-%d"),
            "source": told["region"],
            "target": partners,
            "mechanism": told["mechanism"],
            "contents": told["contents"],
            "document": "title " + told["row"].astype(str),
        }
    )
    return read_events(events.reset_index(drop=True), regions=regions)


def weekly_title_counts(log: TitleLog, *, calendar: Calendar = WEEKS) -> pd.DataFrame:
    """Count titles by region, period and mechanism.

    Parameters
    ----------
    log
        From ``read_titles``.
    calendar
        Weeks or days.

    Returns
    -------
    pandas.DataFrame
        Indexed by (region, week): a column per mechanism, `cooperation` (any mechanism) and `documents` (all titles:
        the offset). From a region's first release to its last, a period without a title is zero; before and after,
        everything is missing: no records, not no cooperation.

    Raises
    ------
    DataError
        When the log holds no good title.
    """
    if log.titles.empty:
        msg = f"There is no good title to count; {len(log.rejected):,} were rejected: see `rejected`."
        raise DataError(msg)
    week = calendar.starts(log.titles["date"])
    keys = [log.titles["region"].to_numpy(object), week]
    flags = {name: (log.titles["mechanism"] == name).to_numpy(int) for name in MECHANISMS}
    counts = pd.DataFrame({**flags, "documents": 1}).groupby(keys).sum()
    periods = calendar.range(week.min(), week.max())
    full = pd.MultiIndex.from_product([sorted(log.titles["region"].unique()), periods], names=["region", "week"])
    grid = counts.rename_axis(["region", "week"]).reindex(full)
    seen = grid["documents"].notna()
    begun = seen.groupby("region").cummax() & seen[::-1].groupby("region").cummax()[::-1]
    filled = grid.fillna(0.0).where(begun)
    filled.insert(len(MECHANISMS), "cooperation", filled[list(MECHANISMS)].sum(axis=1, skipna=False))
    return filled


def _read(path: Path, encoding: str) -> pd.DataFrame:
    if not path.is_file():
        msg = f"There is no file {path}."
        raise DataError(msg)
    try:
        if path.suffix.lower() == ".xlsx":
            return pd.read_excel(path)
        return pd.read_csv(path, dtype=str, index_col=False, encoding=encoding)
    except (UnicodeError, LookupError) as fault:
        msg = f"{path} cannot be read in {encoding}: {fault}. Usual encodings are utf-8, {USUAL_ENCODINGS}."
        raise DataError(msg) from fault
    except ImportError as fault:
        msg = f"Reading {path} needs openpyxl; install it, or save the sheet as CSV."
        raise DataError(msg) from fault
    except Exception as fault:  # broken archives fail in many ways
        msg = f"{path} cannot be read as a table of titles: {fault}."
        raise DataError(msg) from fault


def _regions(system: RegionsLike | None) -> RegionSystem:
    return china_provinces() if system is None else as_regions(system)


def _named(table: pd.DataFrame) -> pd.DataFrame:
    """Pick the three columns, whatever they are called; each must be there once."""
    wanted = ["province", "date", "title"]
    plain = table.rename(columns=lambda name: HEADERS.get(str(name).strip(), str(name).strip()))
    fail_if_columns_missing(wanted, plain.columns, "The table of titles")
    for name in wanted:
        alike = table.columns[plain.columns == name]
        if len(alike) > 1:
            msg = f"The table of titles holds the column '{name}' {len(alike)} times ({name_few(alike)}); keep one."
            raise DataError(msg)
    return plain[wanted]


def _days(cells: pd.Series) -> pd.Series:
    """Read days, year first; missing where a cell is none."""
    text = cells.astype(object).map(str).str.strip().str.removesuffix(".0")
    return parse_date(text, required=True).values


def _alike(places: pd.Series, dates: pd.Series, titles: pd.Series) -> pd.Series:
    """Tell the titles that repeat an earlier one of their province and day but for spaces, punctuation and width."""
    words = titles.fillna("").astype(str).map(lambda title: NO_WORD.sub("", normalize("NFKC", title).casefold()))
    known = places.notna() & dates.notna() & (words != "")
    return pd.DataFrame({"place": places, "date": dates, "words": words}).duplicated() & known


def _partners(told: pd.DataFrame, system: RegionSystem) -> list[str]:
    """List the other regions whose Chinese name stands in each title, and the rule's target.

    Names are read from left to right without overlap: 浙江西部 names 浙江, not 江西; of two names that begin alike the
    longer one is read.
    """
    names = _names(system)
    any_name = re.compile("|".join(map(_whole, sorted(names, key=len, reverse=True))) or "(?!)")
    found: list[str] = []
    for own, title, target in zip(told["region"], told["title"].astype(str), told["target"], strict=True):
        codes = {names[name] for name in any_name.findall(title)} | ({target} if target else set())
        found.append(SEPARATOR.join(sorted(codes - {own})))
    return found


def _names(system: RegionSystem) -> dict[str, str]:
    """Map names to codes: the Chinese ones, or all where the table has none; those of one letter say too little."""
    table = system.table
    every = [name for name in table.columns if name in ("name", "other_names") or str(name).startswith("name_")]
    columns = ["name_zh"] if "name_zh" in table else every
    spelt = [
        (name.strip(), str(code))
        for column in columns
        for code, cell in table[column].dropna().items()
        for name in str(cell).split(SEPARATOR)
    ]
    return {name: code for name, code in spelt if len(name) >= SHORTEST_NAME}


def _whole(name: str) -> str:
    """Write the pattern of a name; one in Latin letters is no part of a longer word."""
    before = f"(?<!{LATIN})" if re.match(LATIN, name[0]) else ""
    behind = f"(?!{LATIN})" if re.match(LATIN, name[-1]) else ""
    return before + re.escape(name) + behind


def _ledger(marks: pd.DataFrame) -> Ledger:
    both = int((marks.sum(axis=1) > 1).sum())
    entries: list[dict[str, object]] = [
        {"source": "titles", "action": "dropped", "reason": reason, "count": int(count)}
        for reason, count in zip(marks, np.asarray(marks.sum()), strict=True)
        if count
    ]
    if both:
        why = "rows with two reasons, counted under both"
        entries.append({"source": "titles", "action": "noted", "reason": why, "count": both})
    return Ledger.of(entries)
