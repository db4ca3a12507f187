"""Numbers as text: one place decides on digits, signs and what a missing value looks like."""

from __future__ import annotations

import math

__all__ = ["MISSING", "count_text", "interval_text", "number_text", "percent_text", "pvalue_text"]

MISSING = "–"
SMALLEST_P = 0.001


def number_text(value: float | None, digits: int = 2) -> str:
    """Write a number with a true minus sign; a missing one is a dash, one that rounds to zero has no sign.

    Examples
    --------
    >>> number_text(-0.126), number_text(-0.001), number_text(float("nan")), number_text(1234.5, 0)
    ('−0.13', '0.00', '–', '1,234')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    text = f"{value:,.{digits}f}"
    bare = text.removeprefix("-")
    return bare if text == bare or not bare.strip("0.,") else f"−{bare}"


def interval_text(low: float, high: float, digits: int = 2) -> str:
    """Write an interval.

    Examples
    --------
    >>> interval_text(-0.5, 1.25)
    '[−0.50, 1.25]'
    """
    if not (math.isfinite(low) or math.isfinite(high)):
        return MISSING
    return f"[{_bound(low, digits)}, {_bound(high, digits)}]"


def pvalue_text(value: float | None, *, sign: bool = False) -> str:
    """Write a p-value with three digits, and as smaller than 0.001 below that.

    Parameters
    ----------
    value
        The p-value; missing values become a dash.
    sign
        Whether to begin with "p = ".

    Examples
    --------
    >>> pvalue_text(0.0404), pvalue_text(0.00002), pvalue_text(0.5, sign=True), pvalue_text(0.0, sign=True)
    ('0.040', '<0.001', 'p = 0.500', 'p < 0.001')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    small = value < SMALLEST_P
    text = str(SMALLEST_P) if small else f"{value:.3f}"
    return f"p {'<' if small else '='} {text}" if sign else ("<" if small else "") + text


def percent_text(share: float, digits: int = 1) -> str:
    """Write a share as a percentage.

    Examples
    --------
    >>> percent_text(0.0525)
    '5.2%'
    """
    return MISSING if not math.isfinite(share) else f"{number_text(100 * share, digits)}%"


def count_text(value: float) -> str:
    """Write a count with thousands separated.

    Examples
    --------
    >>> count_text(4836)
    '4,836'
    """
    return number_text(float(value), 0)


def _bound(value: float, digits: int) -> str:
    return number_text(value, digits) if math.isfinite(value) else ("−∞" if value < 0 else "∞")
