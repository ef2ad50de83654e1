"""A crew that is watched: what each slice cost the worker that trained it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

from ledger.records import Claim, Facts
from runner.assignment import Assignment, Report
from runner.crew import Crew, Death, Event, Task, Worker
from runner.planning.load import Load
from runner.retry import MAX_CRASHES

INSTANT = 1e-6
"""Seconds: no slice takes less."""
BLOCK = 4096
"""Bytes that a file takes on the disk at least."""


@dataclass(frozen=True, slots=True)
class Trained:
    """One slice of the sample. Times are in seconds, memory and sizes in bytes."""

    slice_id: str
    worker: int
    seconds: float  # since its worker was free for it: with all that is around the training
    load: float
    rows: int  # of the train and the test range
    memory: int | None  # at most
    files: int
    bytes: int
    disk: int
    error: str | None  # its class
    message: str
    tries: int  # how often a run would train it: more than once only where it fails


class Watched:
    """Passes everything on to the real crew, and notes who took how long for what."""

    def __init__(
        self, crew: Crew, max_attempts: int, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._crew = crew
        self._max_attempts = max_attempts
        self._monotonic = monotonic
        self._given: dict[int, int] = {}  # attempt → worker
        self._free_since: dict[int, float] = {}  # worker → when it had trained the slice before
        self._load = Load()
        self.trained: list[Trained] = []
        self.began: float | None = None  # monotonic: when the first slice was handed out
        self.ended: float | None = None  # and when the last one had been trained
        self.waited = 0.0  # seconds in which the runner had nothing to do but wait for workers
        self.others = 0.0  # the share of this machine that other programs took meanwhile

    @property
    def size(self) -> int:
        """How many workers are ready."""
        return self._crew.size

    @property
    def free(self) -> Sequence[Worker[Claim]]:
        """The workers that wait for a slice."""
        return self._crew.free

    @property
    def busy(self) -> Sequence[Worker[Claim]]:
        """The workers that hold a slice."""
        return self._crew.busy

    @property
    def open(self) -> Sequence[Worker[Claim]]:
        """The workers that may be given a slice, now or for later."""
        return self._crew.open

    def give(self, worker: Worker[Claim], assignment: Assignment) -> None:
        """Hand a claimed slice to a worker, which trains it after those it was given before."""
        now = self._monotonic()
        if self.began is None:
            self.began = now
            self._load.begin()
        self._given[assignment.held.attempt_id] = worker.number
        self._free_since.setdefault(worker.number, now)
        self._crew.give(worker, assignment)

    def events(self, timeout: float, woken: Connection | None = None, linger: float = 0.0) -> list[Event]:
        """Wait up to `timeout` seconds, and return what workers reported or died of."""
        start = self._monotonic()
        found = self._crew.events(timeout, woken, linger)
        now = self._monotonic()
        if self.began is not None:
            self.waited += now - start
        for event, worker, spent in self._spent(found, now):
            self._note(event, worker, spent)
        return found

    def unbegun(self) -> Sequence[Task[Claim]]:
        """What workers have handed back since this was last asked."""
        return self._crew.unbegun()

    def end(self) -> list[Claim]:
        """Stop every worker at once and return what they held."""
        if self._crew.size:  # a run ends its workers twice, to be sure; by then their time is not seen
            self.others = self._load.others()
        return self._crew.end()

    def _spent(self, found: Sequence[Event], now: float) -> Iterator[tuple[Event, int, float]]:
        """Each event of a slice with its worker and its seconds.

        Those of one worker share the time since it was last heard of, as they measured it themselves.
        """
        of: dict[int, list[Event]] = {}
        for event in found:
            if event.held is not None:
                of.setdefault(self._given.pop(event.held.attempt_id), []).append(event)
        for worker, events in of.items():
            since, self._free_since[worker] = self._free_since[worker], now
            took = [max(_seconds(event), INSTANT) for event in events]
            for event, seconds in zip(events, took, strict=True):
                yield event, worker, (now - since) * seconds / sum(took)

    def _note(self, event: Event, worker: int, spent: float) -> None:
        assert event.held is not None
        self.ended = self._free_since[worker]
        facts = event.facts if isinstance(event, Report) else Facts()
        files = event.artifacts if isinstance(event, Report) else ()
        error, message, tries = self._failure(event)
        self.trained.append(
            Trained(
                slice_id=event.held.slice.id,
                worker=worker,
                seconds=spent,
                load=min(spent, facts.load_seconds or 0.0),
                rows=(facts.train_rows or 0) + (facts.test_rows or 0),
                memory=facts.peak_memory,
                files=len(files),
                bytes=sum(file.bytes for file in files),
                disk=sum(-(-file.bytes // BLOCK) * BLOCK for file in files),
                error=error,
                message=message,
                tries=tries,
            )
        )

    def _failure(self, event: Event) -> tuple[str | None, str, int]:
        """The class of the error, its message, and how often a run would try such a slice."""
        if isinstance(event, Death):
            if event.exceeded == "timeout":
                return "Timeout", "it takes longer than --timeout", self._max_attempts
            if event.exceeded == "memory":
                return "OutOfMemory", "the worker process grows past --memory-limit", MAX_CRASHES
            return "WorkerCrash", f"the worker process {event.ending}", MAX_CRASHES
        if event.nothing_kept is not None:
            return "NoSpace", event.nothing_kept, 1
        if event.failure is None:
            return None, "", 1
        tries = 1 if event.failure.final or event.failure.by_data else self._max_attempts
        return event.failure.error_type, event.failure.message, tries


def _seconds(event: Event) -> float:
    return event.seconds if isinstance(event, Death) else event.facts.seconds
