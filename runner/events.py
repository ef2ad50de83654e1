"""Runs of labelled points: each is one event."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Events:
    """The first and the last point of each event, in order."""

    starts: NDArray[np.int64]  # (events,)
    ends: NDArray[np.int64]  # (events,), included

    @classmethod
    def of(cls, flags: Flags) -> Events:
        """The runs of true among `flags`, shape (n,)."""
        import numpy as np

        turns = np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))
        return cls(np.flatnonzero(turns == 1), np.flatnonzero(turns == -1) - 1)

    def merged(self, margin: int, size: int) -> Iterator[tuple[int, int]]:
        """The events with `margin` points more on either side, those that touch joined, of `size` points."""
        first = max(int(self.starts[0]) - margin, 0)
        for end, following in zip(self.ends[:-1], self.starts[1:], strict=True):
            if end + margin < following - margin:
                yield first, int(end) + margin
                first = int(following) - margin
        yield first, min(int(self.ends[-1]) + margin, size - 1)
