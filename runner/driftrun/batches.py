"""What is still to be checked, as batches for workers, read from the ledger just before they are needed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace

from ledger.drift.plan import Group
from ledger.drift.records import Target
from ledger.store import Ledger
from runner.driftrun.tasks import Batch, Kind

AT_ONCE = 512
"""Models read from the ledger together."""


class Batches:
    """A queue of batches."""

    def __init__(self, ledger: Ledger, groups: Iterable[Group], detector: str, kind: Kind = "check") -> None:
        self._ledger = ledger
        self._groups = deque(groups)
        self._detector = detector
        self._kind: Kind = kind
        self._ready: deque[Batch] = deque()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to hand out."""
        return not self._ready and not self._groups

    def take(self) -> Batch | None:
        """The next batch, None where there is none."""
        while not self._ready and self._groups:
            self._fill()
        return self._ready.popleft() if self._ready else None

    def put_back(self, batch: Batch) -> None:
        """Hand the two halves of a batch out again: one of its models ended the worker."""
        half = len(batch.targets) // 2
        for part in (batch.targets[:half], batch.targets[half:]):
            self._ready.append(replace(batch, targets=part))

    def _fill(self) -> None:
        groups = [self._groups.popleft()]
        count = len(groups[0].positions)
        while self._groups and count + len(self._groups[0].positions) <= AT_ONCE:
            groups.append(self._groups.popleft())
            count += len(groups[-1].positions)
        wanted = [position for group in groups for position in group.positions]
        there: dict[int, Target] = {
            target.position: target
            for target in self._ledger.targets(wanted, self._detector, with_files=self._kind == "confirm")
        }
        for group in groups:  # what serves no more by now is left out
            targets = tuple(there[place] for place in group.positions if place in there)
            if targets:
                self._ready.append(Batch(self._kind, targets))
