"""Compilation by numba, ahead of time and cached on disk; without numba, functions stay Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])

LOOSE = {"contract", "reassoc", "nsz"}
"""Sums may be taken in another order; NaN and infinity keep their meaning."""

trouble: list[str] = []
"""Why functions are not compiled; empty where they are."""


def compiled(*signatures: str) -> Callable[[F], F]:
    """Compile a function for `signatures` when its module is imported, or load it from the cache.

    Where numba is missing, or has no folder to cache in (every process would compile for seconds),
    the function stays as it is and `trouble` says why. Nothing runs in parallel and no thread is
    started: a process that has imported compiled code can be forked.
    """

    def decorate(function: F) -> F:
        if trouble:
            return function
        try:
            from numba import njit

            fast: Any = njit(list(signatures), cache=True, error_model="numpy", fastmath=LOOSE)(function)
        except ImportError as error:
            trouble.append(f"numba cannot be imported ({error})")
        except RuntimeError as error:  # numba's "no locator available"
            trouble.append(f"numba has no folder to keep compiled code in ({error})")
        else:
            return cast(F, fast)
        return function

    return decorate
