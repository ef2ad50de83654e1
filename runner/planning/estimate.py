"""From a sample to the whole: a stratified estimate of a run's time, with a band from a bootstrap."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev

REPLICATES = 1_000
REPEATS = 0.12
"""How far two runs of the same work lie apart on a machine of one's own (one standard deviation)."""
UNKNOWN_SPREAD = 0.5
"""Relative standard deviation between blocks where a single block is all that is known."""
PRIOR = 0.5
"""The same where few blocks are known: it counts like two of them."""
Z90 = 1.2816
"""The 90 % point of the normal distribution."""


@dataclass(frozen=True, slots=True)
class Observed:
    """One slice of the sample. Times are in seconds."""

    stratum: int
    block: int
    reads: bool  # it was the first of its table in its worker
    first: bool  # it was the first of its stratum in its worker: libraries are loaded, graphs traced
    load: float
    rest: float  # all else that its worker spent on it
    tries: int  # how often a run would train it
    share: float  # of a whole reading of its table, what falls to each slice in a run


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a run does besides training. Times are in seconds."""

    workers: float  # that have a slice at the same time
    around: float  # before the first slice and after the last
    writing: float  # the runner's own work per slice: no run is faster than that
    others: float = 0.0  # the share of the machine that other programs took, 0 to 1


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long a run takes, in seconds: P10, the mean, P90, and what it is made of."""

    low: float
    expected: float
    high: float
    around: float  # start, end, and what each worker does once
    busy: float  # of all workers together
    longest: float  # the slowest slice that was seen
    per_slice: tuple[float, ...]  # of each stratum


@dataclass(frozen=True, slots=True)
class _Part:
    """What the sample says of one stratum."""

    slices: int
    sampled: int
    blocks: tuple[float, ...]  # seconds per slice in each
    once: float  # seconds that each worker spends on its first slice more than on others
    spent: tuple[float, ...] = ()  # seconds of each slice that was tried, the first ones left out


def estimate(sizes: Sequence[int], sample: Sequence[Observed], conditions: Conditions) -> Estimate:
    """The time of a run over strata with so many slices each, of which `sample` was trained.

    A stratum's mean is that of its blocks. The bootstrap draws n - 1 of n blocks with replacement,
    which leaves variances unbiased (Rao & Wu, 1988, Resampling Inference with Complex Survey Data),
    widened by Student's t over the normal for few blocks, narrowed by the share that was sampled,
    and all of it by how well a machine repeats itself. A stratum of which nothing was trained is
    taken for the mean of the others. Raises ValueError for an empty sample.
    """
    if not sample:
        raise ValueError("nothing was trained")
    parts = _parts(sizes, sample)
    spent = [seconds for part in parts for seconds in part.spent]
    whole = _whole(sum(sizes), spent, conditions)
    means = [fmean(part.blocks) for part in parts]
    once = sum(part.once * min(1.0, part.slices / conditions.workers) for part in parts)
    busy = math.fsum(part.slices * mean for part, mean in zip(parts, means, strict=True))
    drawn = _replicates(parts, lambda some: whole(some, once), conditions.others)
    expected = whole(busy, once)
    return Estimate(
        low=min(expected, drawn[REPLICATES // 10]),
        expected=expected,
        high=max(expected, drawn[-(REPLICATES // 10)]),
        around=conditions.around + once,
        busy=busy,
        longest=max(spent),
        per_slice=tuple(means),
    )


def _whole(slices: int, spent: Sequence[float], conditions: Conditions) -> Callable[[float, float], float]:
    """The time of a run whose workers are busy for so many seconds, and so many once."""
    workers = max(1.0, min(conditions.workers, slices))
    # The last slice ends when others have none: the mean rest of an interval that is met by chance.
    tail = (1 - 1 / workers) * math.fsum(x * x for x in spent) / (2 * math.fsum(spent) or 1.0)
    least = max(slices * conditions.writing, max(spent))
    return lambda busy, once: conditions.around + once + max(busy / workers + tail, least)


def _parts(sizes: Sequence[int], sample: Sequence[Observed]) -> list[_Part]:
    by_stratum: dict[int, list[Observed]] = defaultdict(list)
    for each in sample:
        by_stratum[each.stratum].append(each)
    known = {number: _part(sizes[number], some) for number, some in by_stratum.items()}
    others = tuple(value for part in known.values() for value in part.blocks)
    return [
        known.get(number) or _Part(slices, 0, (fmean(others),), 0.0) for number, slices in enumerate(sizes)
    ]


def _part(slices: int, some: Sequence[Observed]) -> _Part:
    later = [each for each in some if not each.first]
    settled = later or list(some)
    follow = _mean(each.load for each in settled if not each.reads)
    readers = [each for each in settled if each.reads] or [each for each in some if each.reads]
    read = _mean(each.load for each in readers)
    rest = fmean(each.rest for each in settled)
    by_block: dict[int, list[Observed]] = defaultdict(list)
    for each in settled:
        by_block[each.block].append(each)
    once = [
        max(0.0, each.load - (read if each.reads else follow) + each.rest - rest)
        for each in some
        if each.first and later
    ]
    blocks = tuple(_block(block, read, follow) for block in by_block.values())
    spent = tuple(each.load + each.rest for each in settled)
    return _Part(slices, len(some), blocks, _mean(once), spent)


def _block(block: Sequence[Observed], read: float, follow: float) -> float:
    """Seconds per slice around one block: its own readings and trainings, the mean of the others' rest."""
    own = [each.load for each in block if each.reads]
    share = block[0].share
    load = share * (fmean(own) if own else read) + (1 - share) * follow
    tries = fmean(each.tries for each in block)
    return load * tries + fmean(each.rest * each.tries for each in block)


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return fmean(found) if found else 0.0


def _replicates(parts: Sequence[_Part], whole: Callable[[float], float], others: float) -> list[float]:
    """Times of runs as they might be, in order."""
    chance = random.Random(0)  # the same sample gives the same band
    spreads = [pstdev(part.blocks) / fmean(part.blocks) for part in parts if len(part.blocks) > 1]
    borrowed = fmean(spreads) if spreads else UNKNOWN_SPREAD
    # What others take may be gone in the run, or be twice as much.
    noise = math.hypot(REPEATS, 0.5 * min(1.0, -math.log(max(1e-9, 1 - others))))
    found = []
    for _ in range(REPLICATES):
        busy = math.fsum(part.slices * _drawn(part, borrowed, chance) for part in parts)
        found.append(whole(busy) * math.exp(chance.gauss(0, noise)))
    return sorted(found)


def _drawn(part: _Part, borrowed: float, chance: random.Random) -> float:
    """A stratum's seconds per slice, as another sample might have given them."""
    mean = fmean(part.blocks)
    count = len(part.blocks)
    unseen = math.sqrt(max(0.0, 1 - part.sampled / part.slices))
    if count == 1:
        moved = mean * borrowed * chance.gauss(0, 1)
    else:
        moved = fmean(chance.choices(part.blocks, k=count - 1)) - mean
        # A few blocks that are alike by chance must not look like certainty.
        moved += mean * PRIOR * math.sqrt(2 / (count * (count + 1))) * chance.gauss(0, 1)
    return max(0.2 * mean, mean + moved * unseen * _widened(count - 1))


def _widened(freedom: int) -> float:
    """Student's t over the normal at 90 % (Cornish & Fisher's series)."""
    if freedom < 1:
        return 1.0
    z = Z90
    t = z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    return t / z
