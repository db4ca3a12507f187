"""Run the draws of a wild bootstrap: blocks of matrix products, on any number of threads."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from panelcoop.checks import fail_if_not_level, fail_if_not_one_of
from panelcoop.errors import DataError
from panelcoop.numerics.resampling.multipliers import DRAWS_PER_BLOCK, MultiplierPlan, Seed, multiplier_block
from panelcoop.numerics.resampling.wild_forms import ScoreForms, pair_products
from panelcoop.options import FloatArray
from panelcoop.progress import track

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

__all__ = ["Alternative", "Ties", "WildOptions", "fail_if_options_wrong", "run_draws"]

Ties = Literal["weak", "strict", "half"]
Alternative = Literal["two-sided", "greater", "less"]


@dataclass(frozen=True)
class WildOptions:
    """How many draws, from which seed, and how they become a p-value and an interval.

    Attributes
    ----------
    draws
        Bootstrap draws; when no fewer than 2^clusters with Rademacher multipliers, all 2^clusters sign
        vectors are taken instead, each once.
    seed
        Non-negative whole number, or a numpy generator.
    level
        Coverage of intervals.
    ties
        How a draw as extreme as the data counts: "weak" as more extreme (default: the enumerated test then
        never rejects too often), "strict" not at all, "half" by half. Equal means within 1e-9, relatively.
    alternative
        "two-sided" (on the absolute statistic), "greater" or "less".
    impose_null
        Whether the bootstrap world obeys the null (restricted residuals).
    interval
        Whether to invert the test into an interval; two-sided only.
    threads
        Threads that share the blocks; the numbers do not depend on it.
    """

    draws: int = 9_999
    seed: Seed = 0
    level: float = 0.95
    ties: Ties = "weak"
    alternative: Alternative = "two-sided"
    impose_null: bool = True
    interval: bool = True
    threads: int = 1


def fail_if_options_wrong(options: WildOptions) -> None:
    """Raise when an option is outside its vocabulary or range.

    Raises
    ------
    DataError
        Names the option and what is allowed.
    """
    fail_if_not_one_of(options.ties, ("weak", "strict", "half"), "ties")
    fail_if_not_one_of(options.alternative, ("two-sided", "greater", "less"), "alternative")
    fail_if_not_level(options.level)
    if options.threads < 1:
        msg = f"threads must be at least 1; got {options.threads}."
        raise DataError(msg)


def run_draws(plan: MultiplierPlan, forms: Sequence[ScoreForms], threads: int, label: str) -> list[FloatArray]:
    """Evaluate every form on every draw.

    Parameters
    ----------
    plan
        The multipliers.
    forms
        One or more forms that share the same multipliers.
    threads
        Number of threads.
    label
        What the progress bar says.

    Returns
    -------
    For a form with m maps an array of shape (m + m (m + 1) / 2, draws): numerators, then variance products.

    Notes
    -----
    At most `threads` blocks of 1,000 draws of multipliers are in memory at once. BLAS runs on one thread:
    on products this small a second one costs more than it brings. An interruption leaves nothing behind.
    """
    sizes = [form.numerators.shape[0] for form in forms]
    out = [np.empty((m + m * (m + 1) // 2, plan.draws)) for m in sizes]

    def fill(block: int) -> None:
        draws = multiplier_block(plan, block)
        here = slice(block * DRAWS_PER_BLOCK, block * DRAWS_PER_BLOCK + draws.shape[0])
        for form, m, result in zip(forms, sizes, out, strict=True):
            result[:m, here] = (draws @ form.numerators.T).T
            result[m:, here] = pair_products(form, draws)

    with blas_controller().limit(limits=1, user_api="blas"):
        if threads == 1 or plan.blocks == 1:
            for block in track(range(plan.blocks), label):
                fill(block)
        else:
            with ThreadPoolExecutor(threads) as pool:
                waiting = [pool.submit(fill, block) for block in range(plan.blocks)]
                try:
                    for done in track(waiting, label):
                        done.result()
                except BaseException:
                    pool.shutdown(wait=True, cancel_futures=True)
                    raise
    return out


@cache
def blas_controller() -> ThreadpoolController:
    """Return the one controller of BLAS threads; finding the libraries takes a millisecond, once."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
