"""Which rows each step of a training sees, epoch after epoch, and which are held back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int32]

SHORTEST = 64
HELD = 10
"""One row in so many is held back where a training may stop early."""
PATIENCE = (
    "epochs without a lower loss on the last tenth of the rows, held back, after which training stops "
    "and the best weights are kept; 0: all epochs, on all rows"
)
"""What the parameter of that name does."""


@dataclass(frozen=True, slots=True)
class Batches:
    """Rows by their numbers; a batch that is not full ends in places of -1, which count nothing."""

    limits: Integers  # (4,) epochs, steps of an epoch, steps over the held rows, patience
    places: Integers  # (steps, batch)
    held: Integers  # (steps, batch)


def room(count: int) -> int:
    """The next power of two: slices of all lengths that are filled up to it share a few compilations."""
    return max(SHORTEST, 1 << (count - 1).bit_length())


def batches(
    count: int, space: int, epochs: int, batch: int, patience: int, chance: np.random.Generator
) -> Batches:
    """Every row once in every epoch, in a new order; with `patience`, the last tenth is held back.

    The shapes follow from `space`, which is at least `count`, and not from `count`.
    """
    import numpy as np

    tail = max(1, count // HELD) if patience else 0
    trained = count - tail
    per_epoch = -(-trained // batch)
    places = np.full((epochs * -(-space // batch), batch), -1, np.int32)
    for epoch in range(epochs):
        rows = places[epoch * per_epoch : (epoch + 1) * per_epoch].reshape(-1)
        rows[:trained] = chance.permutation(trained)
    most = max(1, space // HELD) if patience else 1
    held = np.full((-(-most // batch), batch), -1, np.int32)
    held.reshape(-1)[:tail] = np.arange(trained, count)
    return Batches(np.array([epochs, per_epoch, -(-tail // batch), patience], np.int32), places, held)
