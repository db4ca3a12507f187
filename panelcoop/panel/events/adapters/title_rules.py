"""Rules that read a title: which mechanism it tells of, and what only looks like cooperation."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_not_one_of
from panelcoop.errors import DataError
from panelcoop.panel.events.contract import CONTENTS, MECHANISMS

__all__ = ["TitleRule", "classify_titles", "keyword_hits", "read_rules"]

KEYS = ("label", "mechanism", "contents", "target", "where", "any", "unless")
COLUMNS = ("region", "date", "title", "row", "mechanism", "contents", "target")
"""Columns of classified titles, which no label of a rule may take."""


@dataclass(frozen=True)
class TitleRule:
    """One rule.

    Attributes
    ----------
    label
        Short name, a column of the classified titles.
    mechanism, contents
        What a matching title is counted as.
    target
        Code of the partner the rule implies, or empty.
    where
        The partner is implied only where this is found in the title; None: in every title that matches.
    keywords
        Matches when found in the title.
    guards
        Cut from the title before the keywords are looked for.
    """

    label: str
    mechanism: str
    contents: tuple[str, ...]
    target: str
    where: re.Pattern[str] | None
    keywords: re.Pattern[str]
    guards: re.Pattern[str] | None

    def matches(self, titles: pd.Series) -> pd.Series:
        """Tell which titles match once the guards are cut."""
        plain = titles if self.guards is None else titles.str.replace(self.guards, "", regex=True)
        return _holds(plain, self.keywords)

    def target_of(self, title: str) -> str:
        """Return the partner that a matching title implies, or nothing."""
        return self.target if self.where is None or self.where.search(title) else ""


def read_rules(path: Path | str | None = None) -> tuple[TitleRule, ...]:
    """Read keyword rules from a TOML file.

    Parameters
    ----------
    path
        Own rules; default the ones for Chinese provincial releases that come with the package.

    Raises
    ------
    DataError
        When the file is unreadable, a key is unknown, missing or no list, a label is repeated or the name of a column
        of titles, or a pattern is no regular expression.

    Examples
    --------
    >>> [rule.label for rule in read_rules()][:3]
    ['counterpart support', 'aid to Hubei', 'medical team']
    """
    source = files("panelcoop.panel.events.adapters").joinpath("china_titles.toml") if path is None else Path(path)
    try:
        content = tomllib.loads(source.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        msg = f"The rules {source} cannot be read: {fault}."
        raise DataError(msg) from fault
    listed = content.get("rule", [])
    if not listed:
        msg = f"The rules {source} hold no [[rule]]."
        raise DataError(msg)
    rules = tuple(_rule(entry) for entry in listed)
    labels = [rule.label for rule in rules]
    for k, label in enumerate(labels):
        if label in COLUMNS or label in labels[:k]:
            why = "is a column of titles" if label in COLUMNS else "stands twice"
            msg = f"The label '{label}' of a rule {why}: give each rule a label of its own."
            raise DataError(msg)
    return rules


def classify_titles(titles: pd.Series, rules: tuple[TitleRule, ...]) -> pd.DataFrame:
    """Classify titles.

    Parameters
    ----------
    titles
        Text; missing counts as empty.
    rules
        From ``read_rules``.

    Returns
    -------
    pandas.DataFrame
        Same index: a true-or-false column per rule's label, `mechanism`, `contents` and `target` of the first rule
        that matches (empty where none does).

    Examples
    --------
    >>> told = pd.Series(["山东援鄂医疗队出发", "合作社复工", "国务院联防联控机制发布会"])
    >>> seen = classify_titles(told, read_rules())
    >>> seen["mechanism"].tolist()
    ['other', '', '']
    """
    text = titles.fillna("").astype(str)
    hits = pd.DataFrame({rule.label: rule.matches(text) for rule in rules}, index=titles.index)
    first = np.where(hits.to_numpy(bool).any(axis=1), hits.to_numpy(bool).argmax(axis=1), len(rules))
    words = {
        "mechanism": [*(rule.mechanism for rule in rules), ""],
        "contents": [*("|".join(rule.contents) for rule in rules), ""],
    }
    target = [rules[k].target_of(title) if k < len(rules) else "" for k, title in zip(first, text, strict=True)]
    named = {name: np.array(values, dtype=object)[first] for name, values in words.items()}
    return hits.assign(**named, target=np.array(target, dtype=object))


def keyword_hits(titles: pd.Series, rules: tuple[TitleRule, ...]) -> pd.Series:
    """Count the titles in which a rule's keywords occur, guards aside.

    Returns
    -------
    pandas.Series
        Indexed by label.
    """
    text = titles.fillna("").astype(str)
    return pd.Series({rule.label: int(_holds(text, rule.keywords).sum()) for rule in rules}, name="hits")


def _rule(entry: dict[str, object]) -> TitleRule:
    for key in entry:
        fail_if_not_one_of(key, KEYS, "a rule's key")
    label = str(entry.get("label", ""))
    if not label or not entry.get("any"):
        msg = f"Rule '{label}' needs a label and at least one pattern under 'any'."
        raise DataError(msg)
    mechanism, contents = str(entry.get("mechanism", "")), _words(entry, "contents", label)
    fail_if_not_one_of(mechanism, MECHANISMS, f"the mechanism of rule '{label}'")
    for content in contents:
        fail_if_not_one_of(content, CONTENTS, f"a content of rule '{label}'")
    keywords = _pattern(_words(entry, "any", label), label)
    where, guards = (
        _pattern(words, label) if (words := _words(entry, key, label)) else None for key in ("where", "unless")
    )
    return TitleRule(label, mechanism, contents, str(entry.get("target", "")), where, keywords, guards)


def _words(entry: dict[str, object], key: str, label: str) -> tuple[str, ...]:
    value = entry.get(key, [])
    if not isinstance(value, list) or not all(isinstance(word, str) and word.strip() for word in value):
        msg = f"Rule '{label}' needs a list of texts under '{key}', none of them empty, such as {key} = ['text']."
        raise DataError(msg)
    return tuple(value)


def _holds(titles: pd.Series, pattern: re.Pattern[str]) -> pd.Series:
    return titles.map(lambda title: pattern.search(title) is not None).astype(bool)


def _pattern(patterns: tuple[str, ...], label: str) -> re.Pattern[str]:
    try:
        return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))
    except re.error as fault:
        msg = f"Rule '{label}' has a pattern that is no regular expression: {fault}."
        raise DataError(msg) from fault
