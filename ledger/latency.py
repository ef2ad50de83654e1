"""What the way to a ledger's server costs: the statements of a run, and the time each is under way."""

from __future__ import annotations

import statistics
import time
from types import TracebackType
from typing import Any

from sqlalchemy import event, text

from ledger.database import reading
from ledger.store import Ledger

TRIES = 20


class Statements:
    """Counts the statements and commits that a ledger is given inside it."""

    def __init__(self, ledger: Ledger) -> None:
        self._engine = ledger.engine
        self.count = 0

    def __enter__(self) -> Statements:
        event.listen(self._engine, "before_cursor_execute", self._one)
        event.listen(self._engine, "commit", self._one)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        event.remove(self._engine, "before_cursor_execute", self._one)
        event.remove(self._engine, "commit", self._one)

    def _one(self, *_: Any) -> None:
        self.count += 1


def round_trip(ledger: Ledger) -> float:
    """Seconds from a statement to its answer, the median of a few; 0.0 for a SQLite file."""
    if ledger.path is not None:
        return 0.0
    spent = []
    with reading(ledger.engine) as conn:
        for _ in range(TRIES):
            start = time.perf_counter()
            conn.execute(text("SELECT 1"))
            spent.append(time.perf_counter() - start)
    return statistics.median(spent)
