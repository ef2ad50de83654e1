"""Blocks: neighbours in the queue that are tried together, so that a shared reading is seen as one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from ledger.stretches import Stretch
from runner.planning.strata import Stratum

LARGEST = 3
"""Neighbours in one block: the first one reads for all, the others show what the rest costs."""
SETTLED = 2
"""Slices of each stratum besides the first one of each worker, which shows little."""
_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True, slots=True)
class Block:
    """`slices` neighbours of one stretch, from its slice number `start` on."""

    stratum: int
    stretch: Stretch
    start: int
    slices: int


def least(part: Stratum, workers: int) -> int:
    """How many slices of a stratum have to be tried before it can be told what one costs."""
    return min(part.slices, workers + SETTLED)


def blocks(parts: Sequence[Stratum], *, workers: int, most: int) -> list[Block]:
    """At most some `most` slices in blocks, such that the first ones already stand for all.

    Every stratum first gets the `least` that it needs; then each block goes where most slices speak
    through one that was taken (D'Hondt). Within a stratum blocks are spread evenly, however many are
    taken: every next place is the golden ratio of the whole further on (Knuth, The Art of Computer
    Programming 3, 6.4).
    """
    spreads = [_Spread(number, part, least(part, workers)) for number, part in enumerate(parts)]
    found: list[Block] = []
    taken = 0
    while taken < most and (open_ones := [each for each in spreads if each.taken < each.part.slices]):
        chosen: _Spread = max(open_ones, key=_claim)
        found.append(chosen.take())
        taken += found[-1].slices
    return found


def _claim(spread: _Spread) -> tuple[bool, float]:
    return spread.taken < spread.least, spread.part.slices / (spread.taken + 1)


class _Spread:
    """The blocks of one stratum, one after the other, each where there is most room."""

    def __init__(self, number: int, part: Stratum, least: int) -> None:
        self.part = part
        self.least = least
        self.taken = 0  # slices
        self._number = number
        self._ends = list(accumulate(-(-stretch.slices // LARGEST) for stretch in part.stretches))
        self._order = self._places()

    def take(self) -> Block:
        """The next block."""
        place = next(self._order)
        at = bisect_right(self._ends, place)
        stretch = self.part.stretches[at]
        start = (place - (self._ends[at - 1] if at else 0)) * LARGEST
        block = Block(self._number, stretch, start, min(LARGEST, stretch.slices - start))
        self.taken += block.slices
        return block

    def _places(self) -> Iterator[int]:
        count = self._ends[-1]
        seen: set[int] = set()
        for step in range(1, 3 * count):
            place = int(step * _GOLDEN % 1 * count)
            if place not in seen:
                seen.add(place)
                yield place
        yield from (place for place in range(count) if place not in seen)
