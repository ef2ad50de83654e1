"""The loop of a run: claim, hand out, collect, record."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence

from ledger.records import Claim
from ledger.store import Ledger
from runner.crew import Crew, Event
from runner.options import RunOptions
from runner.presence import Presence
from runner.progress import Progress
from runner.results import Results
from runner.stopping import Stopping
from runner.summary import Summary

PATIENCE = 0.5
"""The longest the loop waits for its workers, in seconds, before it looks around."""


class Engine:
    """One run over one ledger with one crew of workers. It alone writes."""

    def __init__(
        self,
        ledger: Ledger,
        options: RunOptions,
        crew: Crew,
        *,
        presence: Presence,
        results: Results,
        stopping: Stopping,
        progress: Progress,
        summary: Summary,
    ) -> None:
        self._ledger = ledger
        self._options = options
        self._crew = crew
        self._presence = presence
        self._results = results
        self._stopping = stopping
        self._progress = progress
        self._summary = summary
        self._ahead: deque[Claim] = deque()  # claimed, and waiting for a worker
        self._queue_is_empty = False  # nothing was pending or waiting when we last looked
        self._look_again = 0.0  # monotonic: when an empty queue is looked at again
        self._grace_until: float | None = None

    def run(self) -> None:
        """Go on until nothing is left to do, or until told to stop."""
        while True:
            if not self._presence.tick():
                self._ahead.clear()  # somebody else has them now
            self._record(self._crew.events(self._patience()))
            self._results.drop_overtaken()
            self._hand_out()
            self._progress.show(self._summary, self._crew)
            if self._stop_now() or self._finished():
                return

    def give_back(self, why: str) -> None:
        """Kill what is being trained, and give back all that is held."""
        held = [*self._crew.end(), *self._ahead]
        self._ahead.clear()
        if held:
            with self._ledger.recording() as record:
                self._summary.released += sum(record.release(claim, reason=why) for claim in held)

    def _patience(self) -> float:
        if self._ahead and self._crew.free:
            return 0.0
        return PATIENCE

    def _record(self, events: Sequence[Event]) -> None:
        """Write what happened and claim what comes next, in one transaction."""
        looking = bool(events) or time.monotonic() >= self._look_again
        if not events and not (looking and self._room()):
            return
        with self._ledger.recording() as record:
            for event in events:
                self._results.record(record, event)
            record.queue_due()
            for _ in range(self._room()):
                held = record.claim(self._presence.runner_id)
                if held is None:
                    break
                self._summary.started += 1
                self._ahead.append(held)
            else:
                self._queue_is_empty = False
                return
            self._queue_is_empty = record.next_due() is None
        self._look_again = time.monotonic() + 2 * PATIENCE

    def _room(self) -> int:
        """How many slices may be claimed now: one for each free worker, and one ahead for each."""
        if self._stopping.wanted or self._results.stop_reason:
            return 0
        room = len(self._crew.free) + self._crew.size - len(self._ahead)
        if self._options.limit is not None:
            room = min(room, self._options.limit - self._summary.started)
        return max(0, room)

    def _hand_out(self) -> None:
        if self._stopping.wanted or self._results.stop_reason:
            return
        for worker in self._crew.free:
            if not self._ahead:
                return
            self._crew.give(worker, self._ahead.popleft())

    def _stop_now(self) -> bool:
        """Whether a run that was told to stop has no reason to wait any longer."""
        if not (self._stopping.wanted or self._results.stop_reason):
            return False
        if self._results.stop_reason or self._stopping.at_once or not self._crew.busy:
            return True
        if self._grace_until is None:
            self._grace_until = time.monotonic() + self._options.grace
        return time.monotonic() > self._grace_until

    def _finished(self) -> bool:
        """Whether nothing is claimed, pending or waiting, or the limit is reached."""
        if self._ahead or self._crew.busy:
            return False
        spent = self._options.limit is not None and self._summary.started >= self._options.limit
        return spent or self._queue_is_empty
