"""What the command `code-sample` does: draw a sheet of titles, score a filled one."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from panelcoop.atomic import atomic_path
from panelcoop.errors import DataError
from panelcoop.panel.events.adapters.hand_coding import draw_coding_sheet, score_coding_sheet
from panelcoop.panel.events.adapters.title_rules import read_rules
from panelcoop.panel.events.adapters.titles import read_titles
from panelcoop.panel.events.csv_lines import USUAL_ENCODINGS

__all__ = ["draw_sheet", "score_sheet"]


def draw_sheet(
    titles: Path, out: Path, *, per_stratum: int, seed: int, rules: Path | None, encoding: str = "utf-8"
) -> str:
    """Draw titles, write the sheet, and say what to do with it."""
    log = read_titles(titles, rules=rules, encoding=encoding)
    sheet = draw_coding_sheet(log, per_stratum=per_stratum, seed=seed)
    with atomic_path(out) as partial:
        sheet.to_csv(partial, index=False, encoding="utf-8-sig")
    return f"{log}\n{len(sheet):,} titles written to {out}: fill hand_mechanism, then run code-sample --score {out}"


def score_sheet(sheet: Path, rules: Path | None, *, encoding: str = "utf-8") -> str:
    """Read a filled sheet and report precision and recall.

    Raises
    ------
    DataError
        When the sheet is absent or unreadable, or not coded.
    """
    try:
        table = pd.read_csv(sheet, encoding=encoding)
    except FileNotFoundError as fault:
        msg = f"There is no file {sheet}."
        raise DataError(msg) from fault
    except (UnicodeError, LookupError) as fault:
        msg = f"{sheet} cannot be read in {encoding}: {fault}. Usual encodings are utf-8, {USUAL_ENCODINGS}."
        raise DataError(msg) from fault
    except (ValueError, pd.errors.ParserError) as fault:
        msg = f"{sheet} cannot be read as CSV: {fault}."
        raise DataError(msg) from fault
    return str(score_coding_sheet(table, read_rules(rules)))
