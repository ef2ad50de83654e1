"""The loop of a run: claim, hand out, collect, record."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from ledger import faults
from ledger.artifacts import CannotKeepError
from ledger.errors import AccessError, ConflictError
from ledger.recording import Recording
from ledger.records import Claim
from ledger.store import Ledger
from runner.claimtimes import ClaimTimes
from runner.crew import Crew, Event
from runner.obstacle import Obstacle
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
        self._unrecorded: list[Event] = []  # what has ended and is not in the ledger yet
        self._unsure = False  # a transaction failed: it may stand all the same
        self._obstacle = Obstacle()
        self._claim_times = ClaimTimes(ledger.engine.dialect.name)
        self._queue_is_empty = False  # nothing was pending or waiting when we last looked
        self._look_again = 0.0  # monotonic: when an empty queue is looked at again
        self._grace_until: float | None = None

    def run(self) -> None:
        """Go on until nothing is left to do, or until told to stop."""
        while True:
            self._unrecorded += self._crew.events(self._patience())
            if not self._obstacle.waiting:
                self._turn()
            self._hand_out()
            self._progress.show(self._summary, self._crew)
            if self._stop_now() or self._finished():
                return

    def give_back(self, why: str) -> None:
        """Kill what is being trained, record what has ended, and give back all that is held."""
        held = [*self._crew.end(), *self._ahead]
        self._ahead.clear()
        if held or self._unrecorded:
            with self._recording() as record:
                released = sum(record.release(claim, reason=why) for claim in held)
            self._summary.released += released

    def _patience(self) -> float:
        if self._ahead and self._crew.free and self._obstacle.reason is None:
            return 0.0
        return PATIENCE

    def _turn(self) -> None:
        """Say that this runner lives, write what happened, claim what comes next.

        Where the ledger or the folder of the model files cannot be written, what has ended is kept
        here, and nothing is claimed or trained until they can.
        """
        try:
            self._ledger.require_present()
            if not self._presence.tick():
                self._ahead.clear()  # somebody else has them now
            self._results.probe()
            self._record()
        except (AccessError, ConflictError, CannotKeepError) as error:
            self._results.forget()
            self._unsure = True
            self._obstacle.met(str(error))
        else:
            if self._results.nothing_kept is not None:
                self._obstacle.met(self._results.nothing_kept)
            else:
                self._obstacle.gone()
        self._summary.waits_for = self._obstacle.reason

    def _record(self) -> None:
        """Write what happened and claim what comes next, in one transaction."""
        looking = bool(self._unrecorded) or time.monotonic() >= self._look_again
        if not self._unrecorded and not self._unsure and not (looking and self._room()):
            return
        if self._unrecorded:
            faults.reach("reported")
        claimed: list[Claim] = []
        nothing_left = False
        with self._recording() as record:
            record.queue_due(timedelta(seconds=self._options.backoff_limit))
            while len(claimed) < self._room():
                with self._claim_times.measured():
                    held = record.claim(self._presence.runner_id)
                if held is None:
                    nothing_left = not claimed and record.next_due() is None
                    self._look_again = time.monotonic() + 2 * PATIENCE
                    break
                claimed.append(held)
        # A runner that was declared dead meanwhile is given nothing, whatever is left.
        self._queue_is_empty = nothing_left and self._presence.tick(at_once=True)
        self._summary.started += len(claimed)
        self._ahead.extend(claimed)
        if claimed:
            faults.reach("claimed")
        if slow := self._claim_times.warning():
            self._summary.slow_claims = slow
            self._progress.tell(f"Warning: {slow}")

    @contextmanager
    def _recording(self) -> Iterator[Recording]:
        """One transaction that writes what has ended; what follows from that happens once it stands."""
        with self._ledger.recording() as record:
            if self._unsure:
                record.release_unknown(self._presence.runner_id, self._known())
            for event in self._unrecorded:
                self._results.record(record, event)
            yield record
        self._unsure = False
        self._unrecorded.clear()
        self._results.settle()

    def _known(self) -> set[int]:
        """The attempts that this runner knows it holds."""
        held = [*self._ahead, *(worker.held for worker in self._crew.busy)]
        held += [event.held for event in self._unrecorded]
        return {claim.attempt_id for claim in held if claim is not None}

    def _room(self) -> int:
        """How many slices may be claimed now: one for each free worker, and one ahead for each."""
        if self._stopping.wanted or self._results.stop_reason:
            return 0
        room = len(self._crew.free) + self._crew.size - len(self._ahead)
        if self._options.limit is not None:
            room = min(room, self._options.limit - self._summary.started)
        return max(0, room)

    def _hand_out(self) -> None:
        if self._stopping.wanted or self._results.stop_reason or self._obstacle.reason is not None:
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
        if self._ahead or self._crew.busy or self._unrecorded:
            return False
        spent = self._options.limit is not None and self._summary.started >= self._options.limit
        return spent or self._queue_is_empty
