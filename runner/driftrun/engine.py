"""The loop of a drift run: hand out, collect, write."""

from __future__ import annotations

import time

from ledger.drift.records import Confirmed, Found
from ledger.errors import AccessError, ConflictError
from ledger.store import Ledger
from runner.crew import Death
from runner.driftrun.batches import Batches
from runner.driftrun.checkers import Checkers
from runner.driftrun.seat import Seat
from runner.driftrun.summary import DriftSummary
from runner.driftrun.tasks import Answer, Batch, Task, insufficient
from runner.progress import Progress
from runner.stopping import Stopping

PATIENCE = 0.5
"""The longest the loop waits for its workers, in seconds, before it looks around."""
CHUNK = 1_000
CHUNK_SECONDS = 2.0
"""So many findings are written together, or what there is after this time."""
GRACE = 5.0
"""How long a run that is told to stop waits for the checks that are being made."""


class DriftEngine:
    """Brings batches to workers and findings into the ledger. It alone writes."""

    def __init__(
        self,
        ledger: Ledger,
        checkers: Checkers,
        *,
        seat: Seat,
        detector: str,
        timeout: float | None,
        stopping: Stopping,
        progress: Progress,
        summary: DriftSummary,
    ) -> None:
        self._ledger = ledger
        self._checkers = checkers
        self._seat = seat
        self._detector = detector
        self._timeout = timeout
        self._stopping = stopping
        self._progress = progress
        self._summary = summary
        self._found: list[Found] = []
        self._confirmed: list[Confirmed] = []
        self._write_at = time.monotonic()
        self._grace_until: float | None = None

    def ready(self) -> bool:
        """Wait until a worker can check; False when told to stop before. Raises RunnerError if none can."""
        while not self._checkers.free:
            if self._stopping.wanted:
                return False
            self._turn()
            self._progress.show(self._summary, self._checkers)
            self._checkers.events(PATIENCE)  # the deaths of workers that hold nothing
        return True

    def run(self, batches: Batches) -> bool:
        """Work off all batches; False when told to stop before. What was found is in the ledger then.

        Raises TakenOverError where another runner has the run by now.
        """
        while True:
            waiting = not self._turn()
            if not waiting and not self._stopping.wanted:
                self._hand_out(batches)
            self._progress.show(self._summary, self._checkers)
            if self._stop_now():
                self._write()
                return False
            if batches.is_empty and not self._checkers.busy and not self._unwritten:
                return True
            for event in self._checkers.events(PATIENCE):
                self._collect(event, batches)

    @property
    def _unwritten(self) -> int:
        return len(self._found) + len(self._confirmed)

    def _hand_out(self, batches: Batches) -> None:
        for worker in self._checkers.free:
            if (batch := batches.take()) is None:
                return
            self._checkers.give(worker, Task(batch))

    def _collect(self, event: Answer | Death[Batch], batches: Batches) -> None:
        if isinstance(event, Answer):
            self._found += event.found
            self._confirmed += event.confirmed
        elif event.held is not None:
            self._died(event, event.held, batches)

    def _died(self, death: Death[Batch], batch: Batch, batches: Batches) -> None:
        """Find the model that ended the worker, by halves; the others are checked all the same."""
        if death.exceeded is None and len(batch.targets) > 1:
            batches.put_back(batch)
            return
        was = str(death.ending)
        told = f"the worker process {'was ' if was.startswith('killed') else ''}{was} while it checked this"
        if death.exceeded == "timeout":
            told = f"its table or file took longer than {self._timeout:g} s"
        for target in batch.targets:
            if batch.kind == "check":
                self._found.append(insufficient(target, self._detector, told))
            else:
                self._confirmed.append(Confirmed(target.slice.id, None, f"not confirmed: {told}"))

    def _turn(self) -> bool:
        """Say that this runner lives, and write what is due; False while the ledger cannot be written."""
        try:
            self._ledger.require_present()
            self._seat.beat()
            due = time.monotonic() >= self._write_at or not self._checkers.busy
            if self._unwritten >= CHUNK or (self._unwritten and due):
                self._write()
        except (AccessError, ConflictError) as error:
            self._summary.waits_for = str(error)
            return False
        self._summary.waits_for = None
        return True

    def _write(self) -> None:
        assert self._seat.run is not None
        if self._found:
            self._ledger.record_findings(self._seat.run, self._found)
            self._summary.done += len(self._found)
            self._found.clear()
        if self._confirmed:
            self._ledger.record_confirmations(self._seat.run, self._confirmed)
            self._confirmed.clear()
        self._write_at = time.monotonic() + CHUNK_SECONDS

    def _stop_now(self) -> bool:
        """Whether a run that was told to stop has no reason to wait any longer."""
        if not self._stopping.wanted:
            return False
        if self._stopping.at_once or not self._checkers.busy:
            return True
        if self._grace_until is None:
            self._grace_until = time.monotonic() + GRACE
        return time.monotonic() > self._grace_until
