"""One BLAS thread inside: small matrix products on many threads are many times slower on a busy machine."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import ParamSpec, TypeVar

import scipy.linalg  # noqa: F401  # its BLAS must be loaded before threads are counted
from threadpoolctl import ThreadpoolController

__all__ = ["one_thread"]

P = ParamSpec("P")
R = TypeVar("R")


@cache
def _controller() -> ThreadpoolController:
    """Find the BLAS libraries once: looking for them costs more than a small fit."""
    return ThreadpoolController().select(user_api="blas")


def one_thread(function: Callable[P, R]) -> Callable[P, R]:
    """Run a function with one BLAS thread; the caller's setting returns afterwards.

    Examples
    --------
    >>> one_thread(sum)([1, 2])
    3
    """

    @wraps(function)
    def limited(*args: P.args, **kwargs: P.kwargs) -> R:
        controller = _controller()
        if all(library.num_threads == 1 for library in controller.lib_controllers):
            return function(*args, **kwargs)
        with controller.limit(limits=1):
            return function(*args, **kwargs)

    return limited
