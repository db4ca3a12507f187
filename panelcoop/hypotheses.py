"""Linear hypotheses R b = r, as text or as a matrix, always checked against the names; and what their tests return."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from panelcoop.checks import fail_if_not_finite, name_few, nearest
from panelcoop.errors import DataError
from panelcoop.options import FloatArray

__all__ = ["Contrast", "Hypothesis", "HypothesisLike", "WaldTest", "parse_hypothesis"]

HypothesisLike: TypeAlias = "str | Sequence[str] | Mapping[str, float] | FloatArray | Hypothesis"
"""Text ("a = b = c", "a - b = 0, c = 1"), several, weights by name (one row), a matrix (q, k), or a Hypothesis."""

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
        joint restrictions; ``"a = b = c"`` is two), a sequence of such texts, a mapping of weights by name (one row),
        or a matrix of shape (q, k) or (k,). Names may hold colons and spaces and need no quotes.
    names
        Coefficient names, length k.
    value
        Right-hand side for matrices and mappings, shape (q,) or scalar; zero by default.

    Returns
    -------
    Hypothesis

    Raises
    ------
    DataError
        If a name is unknown, a matrix has the wrong number of columns, a row is all zero, or restrictions contradict
        each other. One that follows from those before it is left out: it adds no degree of freedom.

    Examples
    --------
    >>> parse_hypothesis("risk:outbreak = risk:recovery", ["risk:outbreak", "risk:recovery"]).matrix
    array([[ 1., -1.]])
    """
    names = tuple(str(n) for n in names)
    if isinstance(hypothesis, Hypothesis):
        return hypothesis
    if isinstance(hypothesis, Mapping):
        matrix, text = _from_weights(hypothesis, names)
        right = np.broadcast_to(np.asarray(0.0 if value is None else value, dtype=float), (1,)).copy()
    elif isinstance(hypothesis, str) or _is_texts(hypothesis):
        text = hypothesis if isinstance(hypothesis, str) else ", ".join(map(str, hypothesis))
        matrix, right = _from_text(text, names)
    else:
        matrix = np.atleast_2d(np.asarray(hypothesis, dtype=float))
        right = np.broadcast_to(np.asarray(0.0 if value is None else value, dtype=float), matrix.shape[:1]).copy()
        _fail_if_misshapen(matrix, names)
        text = ", ".join(_row_text(row, r, names) for row, r in zip(matrix, right, strict=True))
    _fail_if_empty_row(matrix, text)
    matrix, right = _independent(matrix, right, text)
    return Hypothesis(matrix=matrix, value=right, names=names, text=text)


def _is_texts(hypothesis: object) -> bool:
    return isinstance(hypothesis, Sequence) and len(hypothesis) > 0 and all(isinstance(h, str) for h in hypothesis)


def _from_text(text: str, names: tuple[str, ...]) -> tuple[FloatArray, FloatArray]:
    from formulaic.errors import FormulaicError
    from formulaic.utils.constraints import LinearConstraints

    alias = {name: f"b{i}_" for i, name in enumerate(names)}
    try:
        parsed = LinearConstraints.from_spec(_pairwise(_quoted(text, alias)), list(alias.values()))
    except (FormulaicError, KeyError, ValueError) as error:
        unknown = [word for word in re.findall(r"[^\s,=+*\-/()]+", text) if word not in names and not _is_number(word)]
        hint = "; ".join(f"'{w}'{nearest(w, names)}" for w in unknown) or "the text"
        msg = f"Cannot read the hypothesis '{text}': {hint} is not a coefficient. Coefficients: {name_few(names, 12)}."
        raise DataError(msg) from error
    return np.asarray(parsed.constraint_matrix, dtype=float), np.asarray(parsed.constraint_values, dtype=float)


def _quoted(text: str, alias: Mapping[str, str]) -> str:
    """Replace each coefficient name, longest first, by a plain identifier that the parser can read."""
    pattern = "|".join(re.escape(n) for n in sorted(alias, key=len, reverse=True))
    if not pattern:
        return text
    whole = rf"`?(?<![\w:])({pattern})(?![\w:])`?"
    return re.sub(whole, lambda found: alias[found.group(1)], text)


def _pairwise(text: str) -> str:
    """Write each chain "a = b = c" as "(a) = (b), (b) = (c)": the parser knows no chains, and no sign after another."""
    parts = []
    for restriction in text.split(","):
        sides = [f"({side.strip()})" for side in restriction.split("=")]
        parts += [" = ".join(pair) for pair in pairwise(sides)] or sides
    return ", ".join(parts)


def _is_number(word: str) -> bool:
    return re.fullmatch(r"\d*\.?\d+(e\d*)?", word) is not None


def _from_weights(weights: Mapping[str, float], names: tuple[str, ...]) -> tuple[FloatArray, str]:
    unknown = [w for w in weights if w not in names]
    if unknown:
        msg = f"No coefficient named '{unknown[0]}'{nearest(unknown[0], names)}. Coefficients: {name_few(names, 12)}."
        raise DataError(msg)
    matrix = np.array([[float(weights.get(n, 0.0)) for n in names]])
    return matrix, _row_text(matrix[0], 0.0, names)


def _row_text(row: FloatArray, right: float, names: tuple[str, ...]) -> str:
    terms = []
    for weight, name in zip(row, names, strict=True):
        if weight:
            size = "" if abs(weight) == 1 else f"{abs(weight):.12g} * "
            terms += ["-" if weight < 0 else "+", f"{size}{name}"]
    sign = "-" if terms[:1] == ["-"] else ""
    return f"{sign}{' '.join(terms[1:])} = {right:.12g}"


def _fail_if_misshapen(matrix: FloatArray, names: tuple[str, ...]) -> None:
    if matrix.ndim != 2 or matrix.shape[1] != len(names):
        msg = f"A hypothesis matrix needs one column per coefficient ({len(names)}); got shape {matrix.shape}."
        raise DataError(msg)
    fail_if_not_finite(matrix, "hypothesis matrix", "use finite weights")


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
