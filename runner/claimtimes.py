"""How long claims take, and a word about it when they have become slow."""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LAST = 100
"""Claims that are looked at: one that stood behind a lock says nothing."""
SLOW_SECONDS = 0.1
"""For the median of them; it is 0.1 to 2 ms on every machine that was measured."""

_WHY = {
    "sqlite": "look at the disk, and with `ledger doctor` at who reads from the ledger all the time",
    "postgresql": "a transaction that stays open keeps PostgreSQL from removing the dead rows that "
    "every claim leaves; `ledger doctor` names old ones, end them",
}


class ClaimTimes:
    """Measures claims; `warning` speaks once."""

    def __init__(self, dialect: str, monotonic: Callable[[], float] = time.perf_counter) -> None:
        self._dialect = dialect
        self._monotonic = monotonic
        self._last: deque[float] = deque(maxlen=LAST)
        self._told = False

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Note how long the claim inside takes."""
        began = self._monotonic()
        yield
        self._last.append(self._monotonic() - began)

    def warning(self) -> str | None:
        """What is wrong and what to do when the last claims were slow, the first time; else None."""
        if self._told or len(self._last) < LAST:
            return None
        median = statistics.median(self._last)
        if median <= SLOW_SECONDS:
            return None
        self._told = True
        return f"a claim takes {1000 * median:.0f} ms (median of {LAST}): {_WHY[self._dialect]}"
