"""Systems of regions: one code per region, many spellings, and a list of the names that fit none."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from types import MappingProxyType

import pandas as pd

from panelcoop.checks import fail_if_columns_missing, name_few
from panelcoop.errors import DataError

__all__ = ["RegionMatch", "RegionSystem", "china_provinces", "code_texts"]

SUFFIXES = ("autonomous region", "municipality", "province", "zizhiqu", "sheng")
SEPARATOR = "|"


@dataclass(frozen=True)
class RegionMatch:
    """What became of a list of names.

    Attributes
    ----------
    codes
        The code of each name, in the order and with the index of the input; missing where no region fits.
    unmatched
        One row per name that fits no region: `name`, `count` (how often it occurs), `nearest` (candidates, best first).
    """

    codes: pd.Series
    unmatched: pd.DataFrame


@dataclass(frozen=True)
class RegionSystem:
    """Regions with codes, names and parents, read from a table.

    Attributes
    ----------
    label
        What the system is called in messages, for example "China, 31 provinces".
    table
        One row per region, indexed by `code`, with `name`, and `parent` and `level` where known.
    spellings
        Every known spelling, folded, to its code.
    suffixes
        Generic endings that are cut from a name before it is looked up.

    Notes
    -----
    A name matches when it equals a code or a spelling after folding: case, width, spaces, hyphens and apostrophes are
    ignored, generic endings ("Province", "Autonomous Region") are cut, and tone marks are ignored unless they
    alone tell two regions apart (Shānxī, Shǎnxī). Nothing is guessed: a name one letter away from a region is
    listed as unmatched, with that region as its nearest candidate.
    """

    label: str
    table: pd.DataFrame
    spellings: Mapping[str, str] = field(repr=False)
    suffixes: tuple[str, ...] = SUFFIXES

    @classmethod
    def from_table(
        cls, table: pd.DataFrame, *, label: str, name_columns: Sequence[str] = (), suffixes: Sequence[str] = SUFFIXES
    ) -> RegionSystem:
        """Build a system from a table.

        Parameters
        ----------
        table
            One row per region: `code` (unique), `name`, optionally `parent` and `level`. Codes that are numbers are
            read as text.
        label
            What the system is called in messages.
        name_columns
            Further columns that hold spellings; several in one cell are parted by "|".
        suffixes
            Generic endings that carry no information.

        Raises
        ------
        DataError
            When a column is missing, a code is missing or repeated, or one spelling names two regions.

        Examples
        --------
        >>> two = pd.DataFrame({"code": ["A", "B"], "name": ["North Province", "South Province"]})
        >>> RegionSystem.from_table(two, label="two").code_of("north")
        'A'
        """
        fail_if_columns_missing(["code", "name", *name_columns], table.columns, f"the region table '{label}'")
        plain = table.assign(**{name: code_texts(table[name]) for name in ("code", "parent") if name in table})
        _fail_if_codes_not_unique(plain, label)
        spellings = _spellings(plain, ["code", "name", *name_columns], tuple(suffixes), label)
        return cls(label, plain.set_index("code"), MappingProxyType(spellings), tuple(suffixes))

    @property
    def codes(self) -> list[str]:
        """All codes, in the order of the table."""
        return [str(code) for code in self.table.index]

    def __len__(self) -> int:
        return len(self.table)

    def __contains__(self, code: object) -> bool:
        return code in self.table.index

    def name_of(self, code: str) -> str:
        """Return the name of a code.

        Raises
        ------
        DataError
            When there is no such code.
        """
        if code not in self.table.index:
            msg = f"'{code}' is no code of {self.label}. {self._candidates(code)}"
            raise DataError(msg)
        return str(self.table.loc[code, "name"])

    def find(self, name: object) -> str | None:
        """Return the code of a name, or None when no region fits."""
        if name is None or (isinstance(name, float) and name != name):  # noqa: PLR0124 - NaN differs from itself
            return None
        folded = _fold(str(name), self.suffixes)
        return self.spellings.get(folded) or self.spellings.get(_strip_tones(folded))

    def code_of(self, name: object) -> str:
        """Return the code of a name.

        Raises
        ------
        DataError
            When no region fits; the message names the nearest candidates.
        """
        code = self.find(name)
        if code is None:
            msg = f"'{name}' is no region of {self.label}. {self._candidates(str(name))}"
            raise DataError(msg)
        return code

    def nearest(self, name: str, most: int = 3) -> list[str]:
        """Return the names of the regions whose spellings are closest, best first."""
        close = get_close_matches(_strip_tones(_fold(name, self.suffixes)), self.spellings, n=2 * most, cutoff=0.5)
        return list(dict.fromkeys(self.name_of(self.spellings[spelling]) for spelling in close))[:most]

    def match(self, names: Iterable[object]) -> RegionMatch:
        """Match many names at once and list those that fit no region.

        Parameters
        ----------
        names
            Names or codes; missing values stay missing and are listed as "(missing)".

        Examples
        --------
        >>> found = china_provinces().match(["湖北省", "Nei Mongol", "Hubie"])
        >>> found.codes.tolist()
        ['CN-HB', 'CN-NM', None]
        >>> found.unmatched["nearest"].iloc[0].split(", ")[0]
        'Hubei'
        """
        given = names if isinstance(names, pd.Series) else pd.Series(list(names), dtype=object)
        known = {name: self.find(name) for name in given.dropna().unique()}
        codes = pd.Series([known.get(name) for name in given], index=given.index, name="code", dtype=object)
        lost = given[codes.isna()].map(lambda name: "(missing)" if pd.isna(name) else str(name)).value_counts()
        rows = [(name, int(count), ", ".join(self.nearest(str(name)))) for name, count in sorted(lost.items())]
        return RegionMatch(codes, pd.DataFrame(rows, columns=["name", "count", "nearest"]))

    def _candidates(self, name: str) -> str:
        close = self.nearest(name)
        return f"Nearest: {', '.join(close)}." if close else f"Known: {name_few(self.table['name'])}."


@cache
def china_provinces() -> RegionSystem:
    """Return the 31 provinces of mainland China, coded by ISO 3166-2.

    Returns
    -------
    RegionSystem
        Spellings: ISO code ("CN-HB"), the code of GB/T 2260 ("420000"), the response tracker's code ("CHN_HB"),
        English, Chinese short, full, abbreviated and traditional names, and older or local romanisations
        (Xizang, Nei Mongol, Neimenggu).

    Notes
    -----
    "Shanxi" is 山西 (CN-SX), "Shaanxi" is 陕西 (CN-SN). "City" and 市 are cut only from the four municipalities:
    吉林市 is a city in Jilin, not the province.

    Examples
    --------
    >>> china = china_provinces()
    >>> len(china), china.code_of("陕西省"), china.code_of("Shanxi Province"), china.name_of("CN-XZ")
    (31, 'CN-SN', 'CN-SX', 'Tibet')
    """
    source = files("panelcoop.panel").joinpath("china_regions.csv")
    with source.open(encoding="utf-8") as handle:
        table = pd.read_csv(handle, dtype=str, keep_default_na=False)
    names = ["adcode", "oxcgrt_code", "name_zh", "full_name_zh", "abbreviation_zh", "other_names"]
    return RegionSystem.from_table(table, label="China, 31 provinces", name_columns=names)


def code_texts(codes: pd.Series) -> pd.Series:
    """Write codes as text: numbers without a fraction, missing codes empty.

    Examples
    --------
    >>> code_texts(pd.Series([11, None, 12])).tolist()
    ['11', '', '12']
    """
    return codes.map(_code_text)


def _code_text(code: object) -> str:
    if code is None or code is pd.NA or (isinstance(code, float) and code != code):  # noqa: PLR0124 - NaN
        return ""
    return str(int(code)) if isinstance(code, float) and code.is_integer() else str(code).strip()


def _fail_if_codes_not_unique(table: pd.DataFrame, label: str) -> None:
    codes = table["code"]
    if (bad := codes.duplicated() | (codes == "")).any():
        repeated = name_few(codes[bad].unique())
        msg = f"the region table '{label}' has missing or repeated codes ({repeated}); each region needs one row."
        raise DataError(msg)


def _spellings(table: pd.DataFrame, columns: Sequence[str], suffixes: tuple[str, ...], label: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for row in table[list(columns)].itertuples(index=False):
        code = str(row[0])
        for name in (part for cell in row if not pd.isna(cell) for part in str(cell).split(SEPARATOR)):
            folded = _fold(name, suffixes)
            if folded and found.setdefault(folded, code) != code:
                msg = f"'{name}' names both {found[folded]} and {code} in the region table '{label}'; keep one."
                raise DataError(msg)
    return found


def _fold(name: str, suffixes: Sequence[str]) -> str:
    folded = " ".join(unicodedata.normalize("NFKC", name).casefold().replace("_", "-").split())
    for suffix in suffixes:
        folded = folded.removesuffix(f" {suffix}")
    return "".join(character for character in folded if character not in " -'’.·")


def _strip_tones(folded: str) -> str:
    parts = unicodedata.normalize("NFD", folded)
    return "".join(character for character in parts if not unicodedata.combining(character))
