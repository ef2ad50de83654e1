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
from runner.crew import Death, Event, Task, Worker
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

    @property
    def size(self) -> int:
        """One: this process."""
        return 1

    @property
    def free(self) -> list[Worker[Claim]]:
        """This process, unless it holds a slice."""
        return [] if self._worker.tasks else [self._worker]

    @property
    def busy(self) -> list[Worker[Claim]]:
        """This process, while it holds a slice."""
        return [self._worker] if self._worker.tasks else []

    @property
    def open(self) -> list[Worker[Claim]]:
        """This process."""
        return [self._worker]

    def give(self, worker: Worker[Claim], assignment: Assignment) -> None:
        """Keep a claimed slice for the next calls of `events`."""
        worker.tasks.append(assignment)

    def events(self, timeout: float, woken: Connection | None = None, linger: float = 0.0) -> list[Event]:
        """Train what is held, one slice, or more as long as `linger` seconds are not over.

        Without a slice, wait for `timeout` seconds, or for something on `woken`. Raises
        KeyboardInterrupt when told twice to stop meanwhile: then the slice is still held.
        """
        if not self._worker.tasks:
            wait([woken] if woken else [], timeout)
            return []
        until = time.monotonic() + linger
        found = [self._next()]
        while self._worker.tasks and time.monotonic() < until and not self._stopping.wanted:
            try:
                found.append(self._next())
            except KeyboardInterrupt:  # the loop is told of it too, and first records what has ended
                break
        return found

    def _next(self) -> Event:
        """Train the slice whose turn it is. The libraries are loaded by now, except for the very first."""
        assignment = self._worker.tasks[0]
        assert isinstance(assignment, Assignment)
        started = self._worker.since = time.monotonic()
        echo = Echo(sys.stdout)
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
        self._worker.tasks.popleft()
        return event

    def unbegun(self) -> list[Task[Claim]]:
        """Nothing: there is no other worker for it."""
        return []

    def end(self) -> list[Claim]:
        """Return what is held and not yet trained."""
        self._training.close()
        held = [task.held for task in self._worker.tasks]
        self._worker.tasks.clear()
        return held
