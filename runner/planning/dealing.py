"""How often a run will read its tables: the queue dealt to the workers as the run will deal it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from ledger.records import Slice, Source, Upcoming
from ledger.stretches import Stretch
from runner.lookahead import Lookahead

MOST = 20_000
"""Slices that are dealt; what comes after them is dealt alike."""


@dataclass(frozen=True, slots=True)
class Dealt:
    """How a queue goes to the workers."""

    readings: float  # of a whole table of several slices, on average; 1.0 where each is read once
    at_work: float  # workers that have a slice at the same time, on average


def dealt(stretches: Sequence[Stretch], *, workers: int, per_source: int | None, seconds: float) -> Dealt:
    """Deal the queue, or the beginning of a long one.

    Two workers that finish a table together read it twice, and so does one that sees its columns in
    two looks at the queue: that happens the more, the fewer `seconds` a slice takes. A reading of
    some columns costs a quarter of the whole and a share of the rest (docs/performance.md).
    """
    table = _Queue(stretches)
    now = 0.0
    lookahead = Lookahead(per_source=per_source, monotonic=lambda: now)
    covered: dict[tuple[int, Source], int] = {}  # the last column that a worker has of a table
    cost, rounds = 0.0, 0
    while table.dealt < MOST:
        before = table.dealt
        for worker in range(workers):
            if wanted := lookahead.wanted(workers):
                lookahead.fill(table.upcoming(wanted))
            hint = lookahead.take(worker)
            if hint is None:
                continue
            several = table.deal(hint)
            if several and hint.position > covered.get((worker, hint.source), -1):
                others = len(lookahead.together(hint))
                covered[worker, hint.source] = hint.position + others
                cost += 0.25 + 0.75 * (1 + others) / several
        now += seconds
        rounds += 1
        if table.dealt == before:
            break
    return Dealt(
        readings=max(1.0, cost / table.read) if table.read else 1.0,
        at_work=min(float(workers), max(1.0, table.dealt / rounds))
        if per_source is not None
        else float(workers),
    )


class _Queue:
    """The slices that nobody was dealt yet; a slice's position is its place in its table."""

    def __init__(self, stretches: Sequence[Stretch]) -> None:
        self._sizes: dict[Source, int] = {}
        self._ranks: dict[Source, tuple[int, int]] = {}
        for stretch in stretches:
            self._sizes[stretch.source] = self._sizes.get(stretch.source, 0) + stretch.slices
            self._ranks.setdefault(stretch.source, stretch.rank)
        self._next = dict.fromkeys(self._sizes, 0)
        self.dealt = 0
        self.read = 0.0  # tables of several slices, the last ones in part

    def upcoming(self, count: int) -> Iterator[Upcoming]:
        """The next `count` slices."""
        return islice(self._left(), count)

    def deal(self, hint: Upcoming) -> int:
        """Take a slice out; return how many slices its table has, 0 where it is the only one."""
        size = self._sizes[hint.source]
        self._next[hint.source] += 1
        if self._next[hint.source] == size:
            del self._next[hint.source]
        self.dealt += 1
        if size == 1:
            return 0
        self.read += 1 / size
        return size

    def _left(self) -> Iterator[Upcoming]:
        for source, start in self._next.items():
            rank = self._ranks[source]
            row = _row_of(source)
            for place in range(start, self._sizes[source]):
                yield Upcoming(place, rank, row, source)


def _row_of(source: Source) -> Slice:
    """A slice that is read from `source`."""
    ranges = source.ranges
    return Slice(
        "",
        ranges.train_from,
        ranges.train_to,
        ranges.test_from,
        ranges.test_to,
        database=source.database,
        table=source.table,
        column="",
        file=source.file,
        base=source.base,
    )
