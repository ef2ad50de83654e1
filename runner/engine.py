"""The loop of a run: claim, hand out, collect, record."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from ledger import faults
from ledger.artifacts import CannotKeepError
from ledger.errors import AccessError, ConflictError
from ledger.recording import Recording
from ledger.store import Ledger
from runner.assignment import Assignment, Report
from runner.claimtimes import ClaimTimes
from runner.crew import Crew, Event
from runner.dealing import Dealing
from runner.flushing import Flushing
from runner.lookahead import Lookahead
from runner.obstacle import Obstacle
from runner.options import RunOptions
from runner.presence import Presence
from runner.progress import Progress
from runner.results import Results
from runner.stopping import Stopping
from runner.stride import Stride
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
        flushing: Flushing,
        results: Results,
        stopping: Stopping,
        progress: Progress,
        summary: Summary,
        lookahead: Lookahead | None = None,
        stride: Stride | None = None,
    ) -> None:
        self._ledger = ledger
        self._options = options
        self._crew = crew
        self._presence = presence
        self._flushing = flushing
        self._results = results
        self._stopping = stopping
        self._progress = progress
        self._summary = summary
        self._lookahead = lookahead or Lookahead(per_source=options.per_source)
        self._dealing = Dealing(crew, keeps_to_plan=options.per_source is not None, stride=stride)
        self._unrecorded: list[Event] = []  # what has ended and is not in the ledger yet
        self._unsure = False  # a transaction failed: it may stand all the same
        self._obstacle = Obstacle()
        self._claim_times = ClaimTimes(ledger.engine.dialect.name)
        self._queue_is_empty = False  # nothing was pending or waiting when we last looked
        self._look_again = 0.0  # monotonic: when an empty queue is looked at again
        self._due_again = 0.0  # monotonic: when it is asked again who has waited long enough
        self._grace_until: float | None = None

    def run(self) -> None:
        """Go on until nothing is left to do, or until told to stop."""
        while True:
            self._collect(self._crew.events(PATIENCE, self._flushing.woken, self._dealing.linger))
            self._hand_out()  # what was claimed ahead: a worker does not wait for the ledger
            if not self._obstacle.waiting:
                self._turn()
            self._hand_out()
            self._progress.show(self._summary, self._crew)
            if self._stop_now() or self._finished():
                return

    def give_back(self, why: str) -> None:
        """Kill what is being trained, record what has ended, and give back all that is held."""
        held = self._crew.end() + self._dealing.waiting
        self._dealing.forget()
        self._unrecorded += self._flushing.finish()
        if held or self._unrecorded:
            with self._recording() as record:
                released = sum(record.release(claim, reason=why) for claim in held)
            self._summary.released += released

    def _collect(self, events: list[Event]) -> None:
        """Take what has ended; a model's files go to the disk before the ledger names them."""
        self._dealing.take_back()
        for event in events:
            self._dealing.note(event)
            if isinstance(event, Report) and event.artifacts:
                self._flushing.give(event)
            else:
                self._unrecorded.append(event)
        self._unrecorded += self._flushing.taken()

    def _turn(self) -> None:
        """Say that this runner lives, write what happened, claim what comes next.

        Where the ledger or the folder of the model files cannot be written, what has ended is kept
        here, and nothing is claimed or trained until they can.
        """
        try:
            self._ledger.require_present()
            if not self._presence.tick():
                self._dealing.forget()
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
        wanting = self._wanting() if looking else []
        if not self._unrecorded and not self._unsure and not wanting:
            return
        if self._unrecorded:
            faults.reach("reported")
        claimed: list[Assignment] = []
        nothing_left = False
        with self._recording() as record:
            if time.monotonic() >= self._due_again:
                record.queue_due(timedelta(seconds=self._options.backoff_limit))
                self._due_again = time.monotonic() + PATIENCE / 2
            for worker in self._wanting():  # all are asked: one may read what another may not
                if len(claimed) >= self._left():
                    break
                with self._claim_times.measured():
                    assignment = self._claim(record, worker)
                if assignment is not None:
                    claimed.append(assignment)
                elif not self._lookahead.held_back:
                    nothing_left = not claimed and record.next_due() is None
                    self._look_again = time.monotonic() + 2 * PATIENCE
                    break
        # A runner that was declared dead meanwhile is given nothing, whatever is left.
        self._queue_is_empty = nothing_left and self._presence.tick(at_once=True)
        self._summary.started += len(claimed)
        self._dealing.add(claimed)
        if claimed:
            faults.reach("claimed")
        if slow := self._claim_times.warning():
            self._summary.slow_claims = slow
            self._progress.tell(f"Warning: {slow}")

    def _claim(self, record: Recording, worker: int) -> Assignment | None:
        """Claim the slice that suits this worker best, None when there is none for it."""
        if wanted := self._lookahead.wanted(self._crew.size):
            self._lookahead.fill(record.upcoming(wanted))
        while (hint := self._lookahead.take(worker)) is not None:
            held = record.claim(self._presence.runner_id, hint.position)
            if held is not None:
                return Assignment(
                    held,
                    self._lookahead.together(hint),
                    ahead=self._lookahead.ahead(worker),
                    champion=record.champion(held),
                    worker=worker,
                )
            self._lookahead.forget(hint)
        if self._lookahead.held_back:
            return None
        held = record.claim(self._presence.runner_id)
        if held is None:
            return None
        return Assignment(held, champion=record.champion(held), worker=worker)

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
        held = [*self._dealing.held, *self._flushing.held]
        held += [event.held for event in self._unrecorded if event.held is not None]
        return {claim.attempt_id for claim in held}

    def _wanting(self) -> list[int]:
        """The workers a slice may be claimed for now."""
        if self._stopping.wanted or self._results.stop_reason:
            return []
        return self._dealing.wanting() if self._left() > 0 else []

    def _left(self) -> float:
        """How many slices may still be claimed."""
        return math.inf if self._options.limit is None else self._options.limit - self._summary.started

    def _hand_out(self) -> None:
        if not self._stopping.wanted and not self._results.stop_reason and self._obstacle.reason is None:
            self._dealing.deal()

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
        if self._dealing.held or self._unrecorded or self._flushing.held:
            return False
        return self._left() <= 0 or self._queue_is_empty
