"""Check keyword rules against hand-coded titles: draw the sheet, read it back, report precision and recall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_columns_missing, name_few
from panelcoop.errors import DataError
from panelcoop.panel.events.adapters.title_rules import TitleRule, classify_titles
from panelcoop.panel.events.adapters.titles import TitleLog
from panelcoop.panel.events.contract import MECHANISMS
from panelcoop.panel.tables import read_numbers

__all__ = ["CodingReport", "draw_coding_sheet", "score_coding_sheet"]

NONE = "none"
CODES = (*MECHANISMS, NONE)
NORMAL_95 = 1.959963984540054


@dataclass(frozen=True)
class CodingReport:
    """Precision and recall of keyword rules.

    Attributes
    ----------
    table
        One row per mechanism and one for "any": `found` (titles the rules assign), `coded` (titles the coder assigns),
        `both`, `precision` with a 95% Wilson interval (`precision_low`, `precision_high`), `recall`, `f1`. Recall is
        weighted by the inverse of each stratum's sampling share.
    coded
        Number of titles coded by hand.
    """

    table: pd.DataFrame
    coded: int

    def __str__(self) -> str:
        """Print the table with two decimals."""
        return f"{self.coded:,} hand-coded titles\n{self.table.round(2).to_string()}"


def draw_coding_sheet(log: TitleLog, *, per_stratum: int = 40, seed: int = 0) -> pd.DataFrame:
    """Draw a sample of titles to code by hand, stratified by what the rules say.

    Parameters
    ----------
    log
        Classified titles.
    per_stratum
        Titles per mechanism the rules assign, and as many of those they assign none; fewer where there are fewer.
    seed
        Seed of the draw.

    Returns
    -------
    pandas.DataFrame
        `row`, `region`, `date`, `title`, `hand_mechanism` (empty: to be filled with a mechanism or "none"), and
        `weight` (titles of the stratum per title drawn). Rows are shuffled and the rules' answer is left out, so
        that the coder is blind to it.

    Raises
    ------
    DataError
        When `per_stratum` is not positive or the log holds no good title.
    """
    if per_stratum < 1:
        msg = f"Draw at least one title per stratum; got {per_stratum}."
        raise DataError(msg)
    if log.titles.empty:
        msg = f"There is no good title to draw from; {len(log.rejected):,} were rejected.\n{log.ledger}"
        raise DataError(msg)
    rng = np.random.default_rng(seed)
    parts = []
    for _, group in log.titles.groupby(log.titles["mechanism"].replace("", NONE), sort=True):
        taken = rng.choice(len(group), size=min(per_stratum, len(group)), replace=False)
        parts.append(group.iloc[np.sort(taken)].assign(weight=len(group) / len(taken)))
    sheet = pd.concat(parts)
    shuffled = sheet.iloc[rng.permutation(len(sheet))]
    kept = shuffled[["row", "region", "date", "title", "weight"]].reset_index(drop=True)
    kept.insert(4, "hand_mechanism", "")
    return kept


def score_coding_sheet(sheet: pd.DataFrame, rules: tuple[TitleRule, ...]) -> CodingReport:
    """Compare the rules with a filled sheet.

    Parameters
    ----------
    sheet
        From ``draw_coding_sheet``, with `hand_mechanism` filled; rows left empty are not counted.
    rules
        The rules to check; they may have changed since the sheet was drawn.

    Returns
    -------
    CodingReport

    Raises
    ------
    DataError
        When a column is missing, nothing is coded, a code is no mechanism and not "none", or the weight of a
        coded title is no positive number (rows are named).

    Notes
    -----
    precision = both / found; recall = sum of weights of both / sum of weights of coded; f1 their harmonic mean. NaN
    at 0/0.

    References
    ----------
    Wilson (1927), Journal of the American Statistical Association 22.

    Examples
    --------
    >>> from panelcoop.panel.events.adapters.title_rules import read_rules
    >>> sheet = pd.DataFrame({"title": ["援鄂医疗队", "合作社", "对口支援"], "weight": 1.0,
    ...     "hand_mechanism": ["other", "none", "counterpart_support"]})
    >>> score_coding_sheet(sheet, read_rules()).table.loc["any", ["precision", "recall"]].tolist()
    [1.0, 1.0]
    """
    fail_if_columns_missing(["title", "hand_mechanism"], sheet.columns, "The coding sheet")
    hand = sheet["hand_mechanism"].fillna("").astype(str).str.strip().str.casefold().str.replace(" ", "_")
    done = hand != ""
    _fail_if_codes_unknown(hand[done], done)
    weight = _weights(sheet, done)
    found = classify_titles(sheet.loc[done, "title"], rules)["mechanism"].replace("", NONE)
    rows = {name: _score(found == name, hand[done] == name, weight[done]) for name in MECHANISMS}
    rows["any"] = _score(found != NONE, hand[done] != NONE, weight[done])
    return CodingReport(pd.DataFrame(rows).T.rename_axis("mechanism"), int(done.sum()))


def _fail_if_codes_unknown(codes: pd.Series, done: pd.Series) -> None:
    if not done.any():
        msg = f"No title is coded: fill the column hand_mechanism with {', '.join(CODES)}."
        raise DataError(msg)
    unknown = codes[~codes.isin(CODES)]
    if len(unknown):
        rows = name_few(f"{code!r} in row {int(k) + 1}" for k, code in zip(unknown.index, unknown, strict=True))
        msg = f"The coding sheet holds unknown codes: {rows}. Use {', '.join(CODES)}."
        raise DataError(msg)


def _weights(sheet: pd.DataFrame, done: pd.Series) -> pd.Series:
    if "weight" not in sheet:
        return pd.Series(1.0, index=sheet.index)
    weight = read_numbers(sheet["weight"], "The coding sheet")
    bad = np.flatnonzero(done & ~(weight > 0))
    if bad.size:
        msg = (
            f"The coding sheet, column 'weight': the weight in row {name_few(bad + 1)} is missing or not positive; "
            "leave the column as it was drawn."
        )
        raise DataError(msg)
    return weight


def _score(found: pd.Series, coded: pd.Series, weight: pd.Series) -> dict[str, float]:
    both = found & coded
    n, hits = int(found.sum()), int(both.sum())
    precision = hits / n if n else np.nan
    total = float(weight[coded].sum())
    recall = float(weight[both].sum()) / total if total else np.nan
    low, high = _wilson(hits, n)
    harmonic = 2 * precision * recall / (precision + recall) if precision + recall > 0 else np.nan
    return {
        "found": n,
        "coded": int(coded.sum()),
        "both": hits,
        "precision": precision,
        "precision_low": low,
        "precision_high": high,
        "recall": recall,
        "f1": harmonic,
    }


def _wilson(hits: int, n: int) -> tuple[float, float]:
    """Wilson's interval for a share; NaN without a trial."""
    if n == 0:
        return np.nan, np.nan
    z2 = NORMAL_95**2
    share = hits / n
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = NORMAL_95 * np.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return float(middle - half), float(middle + half)
