"""Linear hypotheses R b = r, as text or as a matrix, always checked against the names; and what their tests return."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any, TypeAlias, TypeGuard

import numpy as np
import pandas as pd
from pandas.api.types import is_list_like

from panelcoop.checks import fail_if_not_finite, name_few, nearest
from panelcoop.errors import DataError
from panelcoop.options import FloatArray

__all__ = ["Contrast", "Hypothesis", "HypothesisLike", "WaldTest", "parse_hypothesis"]

Weights: TypeAlias = "Mapping[str, float] | FloatArray | pd.Series | pd.DataFrame"
HypothesisLike: TypeAlias = "str | Sequence[str] | Weights | tuple[Weights, FloatArray | float] | Hypothesis"
"""Text ("a = b = c", "a - b = 0, c = 1"), several, weights by name (one row, a mapping or a Series), a matrix (q, k), a
frame with a column per coefficient, a pair (R, r), or a Hypothesis."""

WITH_EXPONENT = r"(?<![\w.:])(?:\d+\.?\d*|\.\d+)[eE][+-]?\d+(?![\w.:])"
REDUNDANT = 1e-10  # relative size below which a restriction is a combination of others


@dataclass(frozen=True)
class Hypothesis:
    """A linear hypothesis R b = r.

    Attributes
    ----------
    matrix
        R, shape (q, k), columns in the order of ``names``.
    value
        r, shape (q,).
    names
        Names of the k coefficients.
    text
        The hypothesis as a person writes it.
    """

    matrix: FloatArray
    value: FloatArray
    names: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class WaldTest:
    """A test of linear restrictions, with the null it tests and the distribution it is held against.

    Attributes
    ----------
    statistic
        F (chi2 / q) when ``df_denominator`` is finite, chi2 otherwise.
    df
        Number of independent restrictions q.
    df_denominator
        Denominator degrees of freedom; ``numpy.inf`` for the chi2 form.
    pvalue
        Upper-tail probability.
    null
        The hypothesis in words.
    convention
        Covariance and degrees of freedom behind the statistic.
    """

    statistic: float
    df: int
    df_denominator: float
    pvalue: float
    null: str
    convention: str

    @property
    def distribution(self) -> str:
        """The reference distribution, written out."""
        return f"chi2({self.df})" if np.isinf(self.df_denominator) else f"F({self.df}, {self.df_denominator:g})"

    def __str__(self) -> str:
        """Write the test in one line."""
        return f"H0: {self.null}; {self.distribution} = {self.statistic:.4f}, p = {self.pvalue:.4f} [{self.convention}]"


@dataclass(frozen=True)
class Contrast:
    """A linear combination of coefficients with its standard error and interval.

    Attributes
    ----------
    name, estimate, std_error, statistic, pvalue, conf_low, conf_high
        The combination and its interval; statistic and p-value test it against the right-hand side, zero by default.
    df
        Degrees of freedom of t; ``numpy.inf`` for the normal.
    level
        Level of the interval.
    convention
        Covariance and degrees of freedom used.
    """

    name: str
    estimate: float
    std_error: float
    statistic: float
    pvalue: float
    conf_low: float
    conf_high: float
    df: float
    level: float
    convention: str


def parse_hypothesis(
    hypothesis: HypothesisLike, names: Sequence[str], value: FloatArray | float | None = None
) -> Hypothesis:
    """Read a linear hypothesis on named coefficients.

    Parameters
    ----------
    hypothesis
        Text such as ``"risk:outbreak = risk:continuation"`` (a bare name stands for "name = 0"; commas separate
        joint restrictions; ``"a = b = c"`` is two), a sequence of such texts, a mapping or Series of weights by name
        (one row), a matrix of shape (q, k) or (k,), a frame whose columns are names, or a tuple (R, r) of a matrix
        and its right-hand side. Names may hold colons and spaces and need no quotes. A name that a Series or frame
        leaves out has weight zero; one without labels is read by position.
    names
        Coefficient names, length k.
    value
        Right-hand side for matrices and weights, shape (q,) or scalar; zero by default.

    Returns
    -------
    Hypothesis

    Raises
    ------
    DataError
        If a name is unknown, a text is not linear, a matrix or right-hand side has the wrong shape or is not finite, a
        row is all zero, or restrictions contradict each other. One that follows from those before it is left out: it
        adds no degree of freedom.

    Examples
    --------
    >>> parse_hypothesis("risk:outbreak = risk:recovery", ["risk:outbreak", "risk:recovery"]).matrix
    array([[ 1., -1.]])
    """
    names = tuple(str(n) for n in names)
    if isinstance(hypothesis, Hypothesis):
        return hypothesis
    if value is None and is_pair(hypothesis):
        hypothesis, value = hypothesis
    if isinstance(hypothesis, str) or is_texts(hypothesis):
        text = hypothesis if isinstance(hypothesis, str) else ", ".join(hypothesis)
        _fail_if_given(value, text)
        matrix, right = _from_text(text, names)
    else:
        matrix = _from_numbers(hypothesis, names)
        right = _right_hand_side(value, len(matrix))
        text = ", ".join(_row_text(row, r, names) for row, r in zip(matrix, right, strict=True))
    fail_if_not_finite(right, "right-hand side of the hypothesis", "use finite numbers")
    _fail_if_empty_row(matrix, text)
    matrix, right = _independent(matrix, right, text)
    return Hypothesis(matrix=matrix, value=right, names=names, text=text)


def is_texts(hypothesis: object) -> TypeGuard[Sequence[str]]:
    """Say whether a hypothesis is a list of texts, in whatever holds them."""
    if not isinstance(hypothesis, Sequence | pd.Series | pd.Index | np.ndarray) or not is_list_like(hypothesis):
        return False
    return len(hypothesis) > 0 and all(isinstance(h, str) for h in hypothesis)


def is_pair(hypothesis: object) -> TypeGuard[tuple[Any, Any]]:
    """Say whether a hypothesis is (R, r): a tuple of a matrix or weights and a right-hand side of as many rows."""
    if not isinstance(hypothesis, tuple) or len(hypothesis) != 2 or is_texts(hypothesis):
        return False
    first, second = hypothesis
    weights = isinstance(first, Sequence | Mapping | pd.Series | pd.DataFrame | np.ndarray)
    several = any(isinstance(h, str | Hypothesis) or is_texts(h) for h in hypothesis)
    if several or not weights or isinstance(second, Mapping | pd.DataFrame):
        return False
    rows = len(first) if isinstance(first, pd.DataFrame) or np.ndim(next(iter(first), 0)) else 1
    return np.ndim(second) < 2 and np.size(second) in {1, rows}


def is_one(hypotheses: object) -> bool:
    """Say whether hypotheses are one, joint where it has several rows, rather than a list of them."""
    numbers = isinstance(hypotheses, np.ndarray | pd.DataFrame | pd.Series) and not is_texts(hypotheses)
    return not is_list_like(hypotheses) or is_pair(hypotheses) or numbers


def _from_text(text: str, names: tuple[str, ...]) -> tuple[FloatArray, FloatArray]:
    from formulaic.errors import FormulaicError
    from formulaic.utils.constraints import LinearConstraints

    alias = {name: f"b{i}_" for i, name in enumerate(names)}
    try:
        parsed = LinearConstraints.from_spec(_pairwise(_quoted(text, alias)), list(alias.values()))
    except (RuntimeError, TypeError, ArithmeticError) as error:
        msg = f"The hypothesis '{text}' is not linear: coefficients may be added and multiplied or divided by numbers."
        raise DataError(msg) from error
    except (FormulaicError, KeyError, ValueError) as error:
        unknown = [word for word in re.findall(r"[^\s,=+*\-/()]+", text) if word not in names and not _is_number(word)]
        hint = "; ".join(f"'{w}'{nearest(w, names)}" for w in unknown)
        why = f"{hint} is not a coefficient" if unknown else "write sums of coefficients and equations between them"
        msg = f"Cannot read the hypothesis '{text}': {why}. Coefficients: {name_few(names, 12)}."
        raise DataError(msg) from error
    right = np.asarray(parsed.constraint_values, dtype=float)
    return np.asarray(parsed.constraint_matrix, dtype=float), right


def _quoted(text: str, alias: Mapping[str, str]) -> str:
    """Replace each coefficient name, longest first, by a plain identifier, and write out exponents such as 1e-3.

    The parser reads neither colons in names nor signs in numbers.
    """
    pattern = "|".join(re.escape(n) for n in sorted(alias, key=len, reverse=True))
    if not pattern:
        return text
    whole = rf"`?(?<![\w:])({pattern})(?![\w:])`?"
    either = rf"{whole}|{WITH_EXPONENT}"
    return re.sub(either, lambda found: alias[found[1]] if found[1] else f"{Decimal(repr(float(found[0]))):f}", text)


def _pairwise(text: str) -> str:
    """Write each chain "a = b = c" as "(a) = (b), (b) = (c)": the parser knows no chains, and no sign after another."""
    parts = []
    for restriction in text.split(","):
        sides = [f"({side.strip()})" for side in restriction.split("=")]
        parts += [" = ".join(pair) for pair in pairwise(sides)] or sides
    return ", ".join(parts)


def _is_number(word: str) -> bool:
    return re.fullmatch(r"\d*\.?\d+([eE]\d*)?", word) is not None


def _from_numbers(given: object, names: tuple[str, ...]) -> FloatArray:
    """Read a matrix (q, k) from weights by name or by position."""
    if isinstance(given, Mapping):
        given = pd.Series(list(given.values()), index=pd.Index([str(name) for name in given]), dtype=object)
    if isinstance(given, pd.Series):
        given = given.to_frame().T
    if isinstance(given, pd.DataFrame) and not _is_unlabelled(given.columns, names):
        given = _by_name(given, names)
    try:
        matrix = np.atleast_2d(np.asarray(given, dtype=float))
    except (TypeError, ValueError) as error:
        msg = f"A hypothesis is text, numbers by name or a numeric matrix; got {given!r}."
        raise DataError(msg) from error
    if matrix.ndim != 2 or matrix.shape[1] != len(names):
        msg = f"A hypothesis matrix needs one column per coefficient ({len(names)}); got shape {matrix.shape}."
        raise DataError(msg)
    lost = [name for name, column in zip(names, matrix.T, strict=True) if not np.isfinite(column).all()]
    if lost:
        msg = f"The hypothesis gives {name_few(lost)} a weight that is NaN or infinite; use finite weights."
        raise DataError(msg)
    return matrix


def _is_unlabelled(labels: pd.Index, names: tuple[str, ...]) -> bool:
    """Say whether labels only count the columns, one for each coefficient, and name none of them."""
    return labels.equals(pd.RangeIndex(len(names))) and not set(map(str, labels)) & set(names)


def _by_name(weights: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    labels = [str(label) for label in weights.columns]
    unknown = [label for label in labels if label not in names]
    if unknown:
        msg = f"No coefficient named '{unknown[0]}'{nearest(unknown[0], names)}. Coefficients: {name_few(names, 12)}."
        raise DataError(msg)
    if len(set(labels)) < len(labels):
        msg = f"A hypothesis names a coefficient more than once: {name_few(labels, 12)}; give each one weight."
        raise DataError(msg)
    return weights.set_axis(labels, axis=1).reindex(columns=list(names), fill_value=0.0)


def _right_hand_side(value: object, rows: int) -> FloatArray:
    """Read r, shape (q,), from nothing, one number or one per row."""
    try:
        right = np.broadcast_to(np.asarray(0.0 if value is None else value, dtype=float), (rows,)).copy()
    except (TypeError, ValueError) as error:
        msg = f"The right-hand side of a hypothesis is one number or one per restriction ({rows}); got {value!r}."
        raise DataError(msg) from error
    return right


def _fail_if_given(value: object, text: str) -> None:
    if value is not None:
        msg = f"A text says its own right-hand side; write '{text} = ...' instead of a value apart."
        raise DataError(msg)


def _row_text(row: FloatArray, right: float, names: tuple[str, ...]) -> str:
    terms = []
    for weight, name in zip(row, names, strict=True):
        if weight:
            size = "" if abs(weight) == 1 else f"{abs(weight):.12g} * "
            terms += ["-" if weight < 0 else "+", f"{size}{name}"]
    sign = "-" if terms[:1] == ["-"] else ""
    return f"{sign}{' '.join(terms[1:])} = {right:.12g}"


def _fail_if_empty_row(matrix: FloatArray, text: str) -> None:
    if not matrix.size or (np.abs(matrix).sum(axis=1) == 0).any():
        msg = f"The hypothesis '{text}' has a row without any coefficient; give each restriction at least one."
        raise DataError(msg)


def _independent(matrix: FloatArray, right: FloatArray, text: str) -> tuple[FloatArray, FloatArray]:
    """Leave out restrictions that follow from those before them."""
    kept: list[int] = []
    for q, row in enumerate(matrix):
        if kept:
            mix = np.linalg.lstsq(matrix[kept].T, row, rcond=None)[0]
            if np.abs(mix @ matrix[kept] - row).max() <= REDUNDANT * np.abs(row).max():
                if abs(mix @ right[kept] - right[q]) > REDUNDANT * max(1.0, float(np.abs(right).max())):
                    msg = f"The restrictions of '{text}' contradict each other; no coefficients satisfy them all."
                    raise DataError(msg)
                continue
        kept.append(q)
    return matrix[kept], right[kept]
