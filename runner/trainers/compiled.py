"""Compilation by numba, ahead of time and cached on disk; without numba, functions stay Python."""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])

LOOSE = frozenset({"contract", "reassoc", "nsz"})
"""Sums may be taken in another order; NaN and infinity keep their meaning."""
IN_ORDER = frozenset({"contract"})
"""They may not: for a recursion, in which the value that comes last must be used last."""
EXACT: frozenset[str] = frozenset()
"""As Python and numpy compute it, to the last bit."""

trouble: list[str] = []
"""Why functions are not compiled; empty where they are."""


def compiled(*signatures: str, freedom: frozenset[str] = LOOSE) -> Callable[[F], F]:
    """Compile a function for `signatures` when its module is imported, or load it from the cache.

    Where numba is missing, or has no folder to cache in (every process would compile for seconds),
    the function stays as it is and `trouble` says why. Nothing runs in parallel and no thread is
    started: a process that has imported compiled code can be forked.
    """

    def decorate(function: F) -> F:
        if trouble:
            return function
        try:
            return cast(F, _compiled(function, signatures, freedom))
        except ImportError as error:
            trouble.append(f"numba cannot be imported ({error})")
        except (RuntimeError, OSError) as error:  # numba's "no locator available", or a full disk
            trouble.append(f"numba has no folder to keep compiled code in ({error})")
        return function

    return decorate


def _compiled(function: Callable[..., Any], signatures: tuple[str, ...], freedom: frozenset[str]) -> Any:
    from numba import njit

    dispatcher: Any = njit(error_model="numpy", fastmath=set(freedom), nogil=True)(function)
    dispatcher.enable_caching()
    # numba looks at the function's own file only, but what it calls is compiled into it as well.
    with contextlib.suppress(AttributeError):  # a version of numba that keeps it elsewhere
        dispatcher._cache._cache_file._source_stamp = _stamp(Path(function.__code__.co_filename).parent)
    for signature in signatures:
        dispatcher.compile(signature)
    dispatcher.disable_compile()
    return dispatcher


@functools.cache
def _stamp(folder: Path) -> str:
    """A hash of all code in a folder and of this file: compiled code is good while it is the same."""
    content = b"".join(path.read_bytes() for path in [*sorted(folder.glob("*.py")), Path(__file__)])
    return hashlib.sha256(content).hexdigest()
