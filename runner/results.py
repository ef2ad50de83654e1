"""What becomes of a report or a death: recorded, tried again, or given up."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime

from ledger.artifacts import ArtifactStore
from ledger.recording import Recording
from ledger.records import Artifact, Claim, Facts, Failure, Success
from ledger.status import Outcome
from runner.assignment import Report
from runner.breaker import Breaker
from runner.crew import Death, Event
from runner.gate import Gates
from runner.retry import RetryPolicy
from runner.summary import Summary

NO_ACCESS = 7


class Results:
    """Decides over attempts that ended, and counts them."""

    def __init__(
        self,
        *,
        store: ArtifactStore,
        gates: Gates,
        policy: RetryPolicy,
        summary: Summary,
        clock: Callable[[], datetime],
        chance: random.Random,
        timeout: float | None,
    ) -> None:
        self._store = store
        self._gates = gates
        self._policy = policy
        self._summary = summary
        self._clock = clock
        self._chance = chance
        self._timeout = timeout
        self._breaker = Breaker()
        self._overtaken: list[Artifact] = []
        self.stop_reason: str | None = None

    def record(self, record: Recording, event: Event) -> None:
        """Write one event; what somebody else owns by now is dropped."""
        if isinstance(event, Death):
            self._died(record, event)
        elif event.nothing_kept is not None:
            self._nothing_kept(record, event)
        elif event.failure is not None:
            self._failed(record, event.held, event.failure, event.facts, Outcome.FAILED)
        else:
            self._trained(record, event)

    def drop_overtaken(self) -> None:
        """Remove the files of results that came too late."""
        if self._overtaken:
            self._store.remove(self._overtaken)
            self._overtaken.clear()

    def _trained(self, record: Recording, report: Report) -> None:
        verdict = self._gates.verdict(report.metrics)
        success = Success(report.metrics, report.artifacts, verdict.passed, verdict.reason)
        if not record.complete(report.held, success, report.facts):
            self._summary.overtaken += 1
            self._overtaken.extend(report.artifacts)
            return
        self._breaker.succeeded()
        if verdict.passed:
            self._summary.succeeded += 1
        else:
            self._summary.rejected += 1

    def _failed(
        self, record: Recording, held: Claim, failure: Failure, facts: Facts, outcome: Outcome
    ) -> None:
        retry_at = self._policy.retry_at(held, failure, outcome, now=self._clock(), chance=self._chance)
        if not record.fail(held, failure, facts, outcome=outcome, retry_at=retry_at):
            self._summary.overtaken += 1
            return
        self._breaker.failed(failure)
        self._stop(self._breaker.verdict(), 1)
        self._summary.retried += retry_at is not None
        self._summary.failed += retry_at is None

    def _died(self, record: Recording, death: Death) -> None:
        if death.held is None:
            return
        facts = Facts(output=death.output or None, peak_memory=death.ending.peak_memory)
        if death.timed_out:
            self._summary.timed_out += 1
            failure = Failure("Timeout", f"the attempt took longer than {self._timeout:g} seconds")
            self._failed(record, death.held, failure, facts, Outcome.TIMEOUT)
            return
        self._summary.crashed += 1
        failure = Failure("WorkerCrash", f"the worker process {_was(death)} while it trained this slice")
        self._failed(record, death.held, failure, facts, Outcome.CRASHED)

    def _nothing_kept(self, record: Recording, report: Report) -> None:
        """No file could be written: that is no fault of the slice, and would befall the next one too."""
        self._summary.released += record.release(report.held, reason=report.nothing_kept or "")
        self._stop(report.nothing_kept, NO_ACCESS)

    def _stop(self, reason: str | None, exit_with: int) -> None:
        if reason is not None and self.stop_reason is None:
            self.stop_reason = reason
            self._summary.stopped_by = reason
            self._summary.exit_with = exit_with


def _was(death: Death) -> str:
    told = str(death.ending)
    return f"was {told}" if told.startswith("killed") else told
