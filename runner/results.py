"""What becomes of a report or a death: recorded, tried again, or given up."""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from ledger.artifacts import ArtifactStore
from ledger.recording import Recording
from ledger.records import Claim, Facts, Failure, Success
from ledger.status import Outcome
from runner.assignment import Report
from runner.breaker import Breaker
from runner.challenge import Challenge, Defence, Ruling
from runner.crew import Death, Event
from runner.errors import SlowFitWarning
from runner.gate import Gates
from runner.retry import RetryPolicy
from runner.summary import Summary

NO_SPACE = "NoSpace"
"""The class of an attempt whose model could not be written: no fault of the slice."""


class Results:
    """Decides over attempts that ended; what follows from that is done when the ledger has it.

    `record` may be called again for the same event after a transaction that failed: nothing is
    counted before `settle`.
    """

    def __init__(
        self,
        *,
        store: ArtifactStore,
        gates: Gates,
        challenge: Challenge,
        policy: RetryPolicy,
        summary: Summary,
        clock: Callable[[], datetime],
        chance: random.Random,
        timeout: float | None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._gates = gates
        self._challenge = challenge
        self._policy = policy
        self._summary = summary
        self._clock = clock
        self._chance = chance
        self._timeout = timeout
        self._tell = tell
        self._breaker = Breaker()
        self._consequences: list[Callable[[], None]] = []
        self.nothing_kept: str | None = None  # why the last model file could not be written

    @property
    def stop_reason(self) -> str | None:
        """Why the run must stop, None while it may go on."""
        return self._summary.stopped_by

    def record(self, record: Recording, event: Event) -> None:
        """Write one event; what somebody else owns by now is dropped."""
        if not isinstance(event, Death):
            self._note_slow(event.facts.warnings)
        if isinstance(event, Death):
            self._died(record, event)
        elif event.nothing_kept is not None:
            self._nothing_kept(record, event)
        elif event.failure is not None:
            self._failed(record, event.held, event.failure, event.facts, Outcome.FAILED)
        else:
            self._trained(record, event)

    def probe(self) -> None:
        """Where a model file could not be written, try again. Raises CannotKeepError."""
        if self.nothing_kept is not None:
            self._store.probe()
            self.nothing_kept = None

    def settle(self) -> None:
        """The transaction stands: count, and remove the files of results that came too late."""
        consequences, self._consequences = self._consequences, []
        for happen in consequences:
            happen()

    def forget(self) -> None:
        """The transaction does not stand: nothing follows from it."""
        self._consequences.clear()

    def _trained(self, record: Recording, report: Report) -> None:
        verdict, ruling = self._gates.verdict(report.metrics), self._ruling(report)
        if ruling is not None and verdict.passed:
            verdict = ruling.verdict
        success = Success(report.metrics, report.artifacts, verdict.passed, verdict.reason, report.profiles)
        stands = record.complete(report.held, success, _with(report.facts, report.defence, ruling))

        def happen() -> None:
            if not stands:
                self._summary.overtaken += 1
                with contextlib.suppress(OSError):  # `ledger gc` finds what cannot be removed now
                    self._store.remove(report.artifacts)
                return
            self._summary.waiting.discard(report.held.slice.id)
            self._breaker.succeeded()
            self._summary.succeeded += verdict.passed
            self._summary.rejected += not verdict.passed
            if ruling is not None:
                self._summary.outdone += ruling.verdict is verdict and not verdict.passed
                self._summary.uncompared += verdict.passed and ruling.compared_by is None

        self._consequences.append(happen)

    def _note_slow(self, warned: str | None) -> None:
        """Tell it once in a run, and not in every worker's first attempt alone, if training is slow."""
        slow = f"{SlowFitWarning.__name__}: "
        for line in (warned or "").splitlines():
            if line.startswith(slow) and self._summary.slow_fits is None:
                self._summary.slow_fits = line.removeprefix(slow)
                self._tell(f"Warning: {self._summary.slow_fits}")

    def _ruling(self, report: Report) -> Ruling | None:
        """What the challenge says, None where there was no champion to compare with."""
        return None if report.defence is None else self._challenge.rule(report.metrics, report.defence)

    def _failed(
        self, record: Recording, held: Claim, failure: Failure, facts: Facts, outcome: Outcome
    ) -> None:
        retry_at = self._policy.retry_at(held, failure, outcome, now=self._clock(), chance=self._chance)
        stands = record.fail(held, failure, facts, outcome=outcome, retry_at=retry_at)

        def happen() -> None:
            if not stands:
                self._summary.overtaken += 1
                return
            self._summary.timed_out += outcome is Outcome.TIMEOUT
            self._summary.crashed += outcome is Outcome.CRASHED
            self._summary.retried += retry_at is not None
            self._summary.failed += retry_at is None
            wait = self._summary.waiting.discard if retry_at is None else self._summary.waiting.add
            wait(held.slice.id)
            self._breaker.failed(failure)
            self._stop(self._breaker.verdict())

        self._consequences.append(happen)

    def _died(self, record: Recording, death: Death[Claim]) -> None:
        if death.held is None:
            return
        facts = Facts(output=death.output or None, peak_memory=death.ending.peak_memory)
        outcome, failure = self._judged(death)
        self._failed(record, death.held, failure, facts, outcome)

    def _judged(self, death: Death[Claim]) -> tuple[Outcome, Failure]:
        if death.exceeded == "timeout":
            told = f"the attempt took longer than {self._timeout:g} seconds"
            return Outcome.TIMEOUT, Failure("Timeout", told)
        if death.exceeded == "memory":
            return Outcome.CRASHED, Failure("OutOfMemory", "the worker process grew past the memory limit")
        told = f"the worker process {_was(death)} while it trained this slice"
        return Outcome.CRASHED, Failure("WorkerCrash", told)

    def _nothing_kept(self, record: Recording, report: Report) -> None:
        """No file could be written: that is no fault of the slice, and would befall the next one too."""
        told = report.nothing_kept or ""
        stands = record.release(report.held, reason=told, failure=Failure(NO_SPACE, told))

        def happen() -> None:
            self._summary.released += stands
            self.nothing_kept = told

        self._consequences.append(happen)

    def _stop(self, reason: str | None) -> None:
        if reason is not None and self._summary.stopped_by is None:
            self._summary.stopped_by = reason
            self._summary.exit_with = 1


def _was(death: Death[Claim]) -> str:
    told = str(death.ending)
    return f"was {told}" if told.startswith("killed") else told


def _with(facts: Facts, defence: Defence | None, ruling: Ruling | None) -> Facts:
    """The facts with what the new model was compared with, and by what."""
    if defence is None or ruling is None:
        return facts
    score = ruling.champion_score
    return replace(
        facts,
        compared_with=defence.attempt_id,
        compared_by=ruling.compared_by,
        champion_score=score if score is not None and math.isfinite(score) else None,
    )
