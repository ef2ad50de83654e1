"""The runner behind a drift run: it says that it lives, and gives way to one that has taken over."""

from __future__ import annotations

import time
from collections.abc import Callable

from ledger.drift.records import DriftRun
from ledger.drift.runs import TakenOverError
from ledger.runners import HEARTBEAT_SECONDS, LEASE_SECONDS, Watch
from ledger.store import Ledger
from runner.driftrun.options import DriftOptions
from runner.errors import RunnerError

LOOK_SECONDS = 1.0


class AtWorkError(RunnerError):
    """The drift run that is to be resumed is still at work."""

    exit_code = 4


class Seat:
    """One runner's right to write for a drift run; where it was declared dead it comes back with a new id."""

    def __init__(self, ledger: Ledger, options: DriftOptions) -> None:
        self._ledger = ledger
        self._options = options.as_json()
        self.runner_id = ledger.register_drift_runner(self._options)
        self._last_beat = time.monotonic()
        self.run: DriftRun | None = None

    def begin(self, planned: int) -> DriftRun:
        """Begin a run of `planned` checks."""
        self.run = self._ledger.begin_drift_run(self.runner_id, self._options, planned)
        return self.run

    def take(self, run: DriftRun) -> DriftRun:
        """Go on with the run of a runner that is no more."""
        self.run = self._ledger.hand_over(run, self.runner_id)
        return self.run

    def beat(self) -> None:
        """Say that this runner lives, if it is time. Raises TakenOverError where another has its run."""
        if time.monotonic() - self._last_beat < HEARTBEAT_SECONDS:
            return
        self._last_beat = time.monotonic()
        if not self._ledger.beat(self.runner_id):
            self.runner_id = self._ledger.register_drift_runner(self._options)
            if self.run is not None:
                self.run = self._ledger.hand_over(self.run, self.runner_id)
        self._ledger.checkpoint(larger_than=16 * 2**20)

    def leave(self, ending: str) -> None:
        """Say how this runner ended."""
        self._ledger.end_runner(self.runner_id, ending)


def require_free(
    ledger: Ledger,
    run: DriftRun,
    say: Callable[[str], None] = lambda _: None,
    *,
    wait: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> None:
    """Return once the runner of `run` has ended or is known to be dead; elsewhere that takes a lease.

    Where it takes one, it is said whose heartbeat is waited for.
    Raises AtWorkError as soon as it is seen to live: on this machine by its process, which is at work
    unless it has been silent for a lease, elsewhere by its heartbeat.
    """
    watch, first = Watch(), None
    until = monotonic() + 2 * LEASE_SECONDS
    while (other := ledger.drift_runner(run)) is not None:
        if watch.dead([other], monotonic=monotonic()):
            ledger.take_back_lost({other.id})
            return
        here = other.alive is True and (ledger.now() - other.heartbeat_at).total_seconds() < LEASE_SECONDS
        who = f"runner {other.id} on {other.process.host}, pid {other.process.pid}"
        if here or (first is not None and other.heartbeat != first) or monotonic() > until:
            raise AtWorkError(f"drift run {run.id} is at work: {who}; wait for it")
        if first is None:
            first = other.heartbeat
            say(
                f"Waiting up to {LEASE_SECONDS:.0f} s for a heartbeat of {who}, which has drift run "
                f"{run.id}: without one it is taken for dead"
            )
        wait(LOOK_SECONDS)


__all__ = ["AtWorkError", "Seat", "TakenOverError", "require_free"]
