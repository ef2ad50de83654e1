"""Strata: slices of the queue that should cost alike, so that few of them speak for all."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.errors import RangeError
from ledger.ranges import interval
from ledger.stretches import Stretch

PER_STRATUM = 10
"""Slices of a sample that each stratum should have."""


@dataclass(frozen=True, slots=True)
class Stratum:
    """Stretches of the queue with one trainer, and as far as the sample allows of one kind and size."""

    stretches: tuple[Stretch, ...]
    slices: int

    @property
    def trainer(self) -> str | None:
        """The trainer its slices name, None for that of the run."""
        return self.stretches[0].trainer

    @property
    def params(self) -> str | None:
        """The parameters that the first of its slices names, as JSON."""
        return self.stretches[0].params


def strata(stretches: Sequence[Stretch], sample: int) -> list[Stratum]:
    """Part the queue by trainer, parameters, kind of source, size of the range and group.

    What parts it last is left out first, until a sample of that many slices is enough for all. By
    trainer it is always parted: nothing costs more differently.
    """
    most = max(1, sample // PER_STRATUM)
    for depth in range(len(_KEYS), 0, -1):
        parted: dict[Hashable, list[Stretch]] = defaultdict(list)
        for stretch in stretches:
            parted[tuple(key(stretch) for key in _KEYS[:depth])].append(stretch)
        if len(parted) <= most or depth == 1:
            break
    return [Stratum(tuple(part), sum(each.slices for each in part)) for part in parted.values()]


def _size(stretch: Stretch) -> Hashable:
    """The length of the training range, to a factor of two."""
    ranges = stretch.source.ranges
    try:
        whole = interval(ranges.train_from, ranges.train_to)
    except RangeError:  # an older program let it pass; its training will say so
        return None
    length: Any = whole.high - whole.low  # type: ignore[operator]
    units = length.total_seconds() if whole.kind == "time" else float(length)
    return whole.kind, round(math.log2(max(1.0, units)))


_KEYS: tuple[Callable[[Stretch], Hashable], ...] = (
    lambda stretch: stretch.trainer,
    lambda stretch: stretch.params,
    lambda stretch: stretch.source.file is None,
    _size,
    lambda stretch: stretch.group,
)
