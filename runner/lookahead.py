"""What comes next in the queue, dealt so that the slices of one table go to one worker.

A worker that has read a table trains all of its slices from that one reading. What stands here is a
hint: a slice belongs to this runner only when the ledger has given it the claim.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import takewhile

from ledger.records import Source, Upcoming
from runner.assignment import Ahead

PER_WORKER = 128
"""Slices looked at ahead of time for each worker: the metrics of a few tables."""
WITH_LIMIT = 4_096
"""The same where few workers may read one database at once: others have to be found behind it."""
SOON = 8
"""So few slices before a table is used up, the next one is read."""
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
        self._next: dict[int, Group] = {}  # worker number → what it was told to read next
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
        if self._next.get(worker) == group:
            del self._next[worker]
        upcoming = self._groups[group].popleft()
        if not self._groups[group]:
            del self._groups[group]
        return upcoming

    def together(self, taken: Upcoming) -> tuple[str, ...]:
        """The columns that are best read with this slice: those of the slices that come after it."""
        rest = self._groups.get((taken.rank, taken.source), ())
        return tuple(each.slice.column for each in rest if each.slice.column is not None)

    def ahead(self, worker: int) -> Ahead | None:
        """What this worker reads next, as soon as what it reads now is nearly used up, else None.

        Others leave that to it, as long as there is anything else for them.
        """
        kept = self._kept_by(worker)
        if kept is not None and len(self._groups[kept]) > SOON:
            return None
        group = self._new_for(worker)
        if group is None:
            return None
        self._next[worker] = group
        first = self._groups[group][0]
        return Ahead(first.slice, self.together(first))

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
        return self._kept_by(worker) or self._new_for(worker)

    def _kept_by(self, worker: int) -> Group | None:
        """What this worker reads already, if there is more of it and nothing else comes first."""
        first = self._first_rank()
        if first is None or worker not in self._reads:
            return None
        kept = (first, self._reads[worker])
        return kept if kept in self._groups else None

    def _new_for(self, worker: int) -> Group | None:
        """What this worker was told to read next, else what no other reads or will, else any."""
        told = self._next.get(worker)
        if told in self._groups and told[0] == self._first_rank() and self._allowed(worker, told[1]):
            return told
        taken = {source for number, source in self._readers() if number != worker}
        of_others = None
        for group in self._may_begin(worker):
            if group[1] not in taken:
                return group
            of_others = of_others or group
        return of_others

    def _may_begin(self, worker: int) -> Iterator[Group]:
        """What comes first, besides what this worker reads already."""
        first, own = self._first_rank(), self._reads.get(worker)
        of_first = takewhile(lambda group: group[0] == first, self._groups)
        return (group for group in of_first if group[1] != own and self._allowed(worker, group[1]))

    def _first_rank(self) -> tuple[int, int] | None:
        return next(iter(self._groups))[0] if self._groups else None

    def _readers(self) -> list[tuple[int, Source]]:
        """Who reads what, or will next."""
        soon = [(number, group[1]) for number, group in self._next.items() if group in self._groups]
        return [*self._reads.items(), *soon]

    def _allowed(self, worker: int, source: Source) -> bool:
        if self._per_source is None or source.database is None:
            return True
        name = (source.database, source.base)
        readers = {
            number
            for number, other in self._readers()
            if number != worker and (other.database, other.base) == name
        }
        return len(readers) < self._per_source
