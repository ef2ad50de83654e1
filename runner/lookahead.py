"""What comes next in the queue, dealt so that the slices of one table go to one worker.

A worker that has read a table trains all of its slices from that one reading. What stands here is a
hint: a slice belongs to this runner only when the ledger has given it the claim.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable

from ledger.records import Source, Upcoming

PER_WORKER = 128
"""Slices looked at ahead of time for each worker: the metrics of a few tables."""
WITH_LIMIT = 4_096
"""The same where few workers may read one database at once: others have to be found behind it."""
REFRESH = 5.0
"""Seconds after which the queue is looked at again: what was queued meanwhile may come first."""

Group = tuple[tuple[int, int], Source]


class Lookahead:
    """The pending slices that come next, by what is read for them, in the order of the queue.

    `per_source` is how many workers may read one database at the same time, None for any number.
    """

    def __init__(
        self, *, per_source: int | None = None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_source = per_source
        self._monotonic = monotonic
        self._groups: dict[Group, deque[Upcoming]] = {}
        self._reads: dict[int, Source] = {}  # worker number → what it reads now
        self._until = 0.0

    def wanted(self, workers: int) -> int:
        """How many slices `fill` is to be given, 0 while there are enough and they are fresh."""
        if self._groups and self._monotonic() < self._until:
            return 0
        return PER_WORKER * workers if self._per_source is None else WITH_LIMIT

    def fill(self, upcoming: Iterable[Upcoming]) -> None:
        """Replace all hints by what the ledger says comes next."""
        self._groups.clear()
        for each in upcoming:
            self._groups.setdefault((each.rank, each.source), deque()).append(each)
        self._until = self._monotonic() + REFRESH

    def take(self, worker: int) -> Upcoming | None:
        """The next slice for the worker of this number: of what it has read, else of what nobody reads.

        None where there is none, or where others read as many of its databases as may be.
        """
        group = self._group_for(worker)
        if group is None:
            return None
        self._reads[worker] = group[1]
        upcoming = self._groups[group].popleft()
        if not self._groups[group]:
            del self._groups[group]
        return upcoming

    def together(self, taken: Upcoming) -> tuple[str, ...]:
        """The columns that are best read with this slice: those of the slices that come after it."""
        rest = self._groups.get((taken.rank, taken.source), ())
        return tuple(each.column for each in rest if each.column is not None)

    def forget(self, taken: Upcoming) -> None:
        """Drop what is read like a slice that somebody else has claimed: they are at it."""
        self._groups.pop((taken.rank, taken.source), None)

    @property
    def held_back(self) -> bool:
        """Whether slices are pending that may only be claimed when a database is read by fewer."""
        return self._per_source is not None and bool(self._groups)

    def _group_for(self, worker: int) -> Group | None:
        if not self._groups:
            return None
        first = next(iter(self._groups))
        kept = (first[0], self._reads[worker]) if worker in self._reads else None
        if kept in self._groups:
            return kept
        read = {source for number, source in self._reads.items() if number != worker}
        same_rank = [
            group for group in self._groups if group[0] == first[0] and self._allowed(worker, group[1])
        ]
        return next((group for group in same_rank if group[1] not in read), next(iter(same_rank), None))

    def _allowed(self, worker: int, source: Source) -> bool:
        if self._per_source is None or source.database is None:
            return True
        name = (source.database, source.import_id)
        readers = [
            number
            for number, other in self._reads.items()
            if number != worker and (other.database, other.import_id) == name
        ]
        return len(readers) < self._per_source
