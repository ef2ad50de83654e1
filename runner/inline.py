"""Training in this very process, for a debugger or a notebook: no process, no timeout."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ledger.records import Claim
from runner.assignment import Setup
from runner.crew import Event
from runner.training import Training


@dataclass(slots=True)
class Here:
    """The one worker there is: this process."""

    number: int = 1
    held: Claim | None = None
    since: float = 0.0


class Inline:
    """A crew of one that trains when it is asked for events."""

    size = 1

    def __init__(self, setup: Setup) -> None:
        self._training = Training(setup, printed=None)
        self._worker = Here()

    @property
    def free(self) -> list[Here]:
        """This process, unless it holds a slice."""
        return [] if self._worker.held else [self._worker]

    @property
    def busy(self) -> list[Here]:
        """This process, while it holds a slice."""
        return [self._worker] if self._worker.held else []

    def give(self, worker: Here, held: Claim) -> None:
        """Keep a claimed slice for the next call of `events`."""
        worker.held = held
        worker.since = time.monotonic()

    def events(self, timeout: float) -> list[Event]:
        """Train what is held; without a slice, wait for `timeout` seconds."""
        held = self._worker.held
        if held is None:
            time.sleep(timeout)
            return []
        report = self._training.attempt(held)
        self._worker.held = None
        return [report]

    def end(self) -> list[Claim]:
        """Return what is held and not yet trained."""
        held, self._worker.held = self._worker.held, None
        return [held] if held else []
