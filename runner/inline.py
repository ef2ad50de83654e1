"""Training in this very process, for a debugger or a notebook: no process, no timeout."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from dataclasses import replace
from multiprocessing.connection import Connection, wait

from ledger.records import Claim
from runner.assignment import Assignment, Setup
from runner.crew import Death, Event, Worker
from runner.environment import QUIET
from runner.launch import Ending
from runner.onethread import OneThread
from runner.printed import Echo
from runner.stopping import Stopping
from runner.training import Training


class Inline:
    """A crew of one that trains when it is asked for events."""

    def __init__(self, setup: Setup, stopping: Stopping) -> None:
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        self._training = Training(setup, printed=None)
        self._one_thread = OneThread()
        self._stopping = stopping
        self._worker = Worker[Claim](number=1)
        self._assignment: Assignment | None = None

    @property
    def size(self) -> int:
        """One: this process."""
        return 1

    @property
    def free(self) -> list[Worker[Claim]]:
        """This process, unless it holds a slice."""
        return [] if self._worker.held else [self._worker]

    @property
    def busy(self) -> list[Worker[Claim]]:
        """This process, while it holds a slice."""
        return [self._worker] if self._worker.held else []

    def give(self, worker: Worker[Claim], assignment: Assignment) -> None:
        """Keep a claimed slice for the next call of `events`."""
        worker.held = assignment.held
        self._assignment = assignment
        worker.since = time.monotonic()

    def events(self, timeout: float, woken: Connection | None = None) -> list[Event]:
        """Train what is held; without a slice, wait for `timeout` seconds, or for something on `woken`.

        Raises KeyboardInterrupt when told twice to stop meanwhile: then the slice is still held.
        """
        assignment = self._assignment
        if assignment is None:
            wait([woken] if woken else [], timeout)
            return []
        # As in a worker. The libraries are loaded by now, except for the very first slice.
        started, echo = time.monotonic(), Echo(sys.stdout)
        event: Event
        try:
            with self._one_thread.held(), contextlib.redirect_stdout(echo), self._stopping.interruptible():
                report = self._training.attempt(assignment)
            event = replace(report, facts=replace(report.facts, output=echo.tail()))
        except SystemExit as error:  # as in a worker process, which would have ended
            code = error.code if isinstance(error.code, int) else 1
            event = Death(
                assignment.held, Ending(exit_code=code), None, echo.tail() or "", time.monotonic() - started
            )
        self._worker.held = self._assignment = None
        return [event]

    def end(self) -> list[Claim]:
        """Return what is held and not yet trained."""
        self._training.close()
        held, self._worker.held = self._worker.held, None
        return [held] if held else []
