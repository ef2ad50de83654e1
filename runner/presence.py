"""A runner among others: it says that it lives, and takes back the slices of those that died."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from ledger.errors import LedgerError
from ledger.runners import HEARTBEAT_SECONDS, Watch
from ledger.store import Ledger

LOOK_SECONDS = 0.2
"""How often it is looked whether the ledger's log fills the disk."""
_UNTOLD: set[tuple[str, str, int]] = set()
"""Each runner of this process that has ended and could not say so: place and uuid of its ledger, its id.

In a notebook the process lives on, and by its pid such a runner would live with it.
"""


class Presence:
    """The heartbeat of one runner, and its eye on the others.

    Runners that had died before this one started are left alone, unless it resumes their work.
    """

    def __init__(
        self,
        ledger: Ledger,
        options: Mapping[str, Any],
        *,
        resume: bool,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._options = options
        self._resume = resume
        self._monotonic = monotonic
        self._watch = Watch()
        self._where = (ledger.name, ledger.uuid())
        others = ledger.live_runners()
        self._at_start = {other.id: other.heartbeat for other in others if not other.alive}
        self._ended_at_start = self._ended()
        self.taken_back = 0
        self.runner_id = self._register()
        self._last_beat = self._looked = monotonic()
        self._take_back()

    @property
    def left_behind(self) -> int:
        """How many slices are held by runners that died before this one started."""
        return 0 if self._resume else self._ledger.held_by(self._dead_before())

    def tick(self, *, at_once: bool = False) -> bool:
        """Beat if it is time, or `at_once`; False when this runner was declared dead and has a new id now.

        What it held under the old id belongs to somebody else.
        """
        now = self._monotonic()
        if now - self._looked > LOOK_SECONDS:
            self._looked = now
            self._ledger.spare_disk()
        if now - self._last_beat < HEARTBEAT_SECONDS and not at_once:
            return True
        self._last_beat = now
        kept = self._ledger.beat(self.runner_id)
        if not kept:
            self.runner_id = self._register()
        self._take_back()
        self._ledger.checkpoint(larger_than=16 * 2**20)
        return kept

    def beat(self) -> None:
        """Say that this runner lives; where it was declared dead, `tick` finds that out.

        May be called from another thread, which gets a connection of its own. Raises GoneError
        rather than make an empty file where the ledger was.
        """
        self._ledger.require_present()
        self._ledger.beat(self.runner_id)

    def end(self, ending: str) -> int:
        """Say how this runner ended, and give back what it still holds; return how many slices."""
        try:
            return self._ledger.end_runner(self.runner_id, ending)
        except LedgerError:
            _UNTOLD.add((*self._where, self.runner_id))
            raise

    def _register(self) -> int:
        runner_id = self._ledger.register_runner(self._options)
        _UNTOLD.discard((*self._where, runner_id))  # a backup was put back, and counts from where it was
        return runner_id

    def _take_back(self) -> None:
        others = [other for other in self._ledger.live_runners() if other.id != self.runner_id]
        dead = self._watch.dead(others, monotonic=self._monotonic()) | self._ended()
        if not self._resume:
            dead -= self._dead_before()
        if dead:
            self.taken_back += self._ledger.take_back_lost(dead)

    def _dead_before(self) -> set[int]:
        """Those that have not stirred since this runner started."""
        return {
            other.id
            for other in self._ledger.live_runners()
            if not other.alive and self._at_start.get(other.id) == other.heartbeat
        } | (self._ended() & self._ended_at_start)

    def _ended(self) -> set[int]:
        """Those that have ended with slices in their hands, by the ledger or by what this process knows."""
        open_records = {other.id for other in self._ledger.live_runners()}
        untold = {runner for *where, runner in _UNTOLD if tuple(where) == self._where}
        return self._ledger.ended_with_slices() | (untold & open_records)
