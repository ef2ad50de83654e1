"""Blocks: neighbours in the queue that are tried together, so that a shared reading is seen as one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from ledger.stretches import Stretch
from runner.planning.strata import Stratum

LARGEST = 5
"""Neighbours in one block: the first one reads for all, the others show what the rest costs."""
_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True, slots=True)
class Block:
    """`slices` neighbours of one stretch, from its slice number `start` on."""

    stratum: int
    stretch: Stretch
    start: int
    slices: int


def blocks(parts: Sequence[Stratum], *, sample: int, most: int) -> list[Block]:
    """At most some `most` slices in blocks, such that the first `sample` of them stand for all.

    Every stratum has a block before one has two; later ones go where most slices are (D'Hondt).
    Within a stratum they are spread evenly, however many are taken: every next place is the golden
    ratio of the whole further on (Weyl, 1916; Knuth, The Art of Computer Programming 3, 6.4).
    """
    size = max(1, min(LARGEST, sample // (2 * len(parts))))
    sources = [_Spread(number, part, size) for number, part in enumerate(parts)]
    found: list[Block] = []
    while sum(each.taken for each in sources) < most:
        open_ones = [each for each in sources if each.taken < each.part.slices]
        if not open_ones:
            break
        chosen: _Spread = max(open_ones, key=_claim)
        found.append(chosen.take())
    return found


def _claim(spread: _Spread) -> tuple[bool, bool, float]:
    return spread.blocks == 0, spread.blocks == 1, spread.part.slices / (spread.blocks + 1)


class _Spread:
    """The blocks of one stratum, one after the other, each where there is most room."""

    def __init__(self, number: int, part: Stratum, size: int) -> None:
        self.part = part
        self.blocks = 0
        self.taken = 0  # slices
        self._number = number
        self._size = size
        self._ends = list(accumulate(-(-stretch.slices // size) for stretch in part.stretches))
        self._order = self._places()

    def take(self) -> Block:
        """The next block."""
        place = next(self._order)
        at = bisect_right(self._ends, place)
        stretch = self.part.stretches[at]
        start = (place - (self._ends[at - 1] if at else 0)) * self._size
        block = Block(self._number, stretch, start, min(self._size, stretch.slices - start))
        self.blocks += 1
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
