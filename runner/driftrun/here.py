"""Checking in this very process, for a debugger or a notebook."""

from __future__ import annotations

import os
from multiprocessing.connection import wait

from runner.crew import Death, Worker
from runner.driftrun.checking import Checking
from runner.driftrun.tasks import Answer, Batch, CheckSetup, Task
from runner.environment import QUIET


class Here:
    """One worker that checks when it is asked for events."""

    def __init__(self, setup: CheckSetup) -> None:
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        self._checking = Checking(setup)
        self._worker = Worker[Batch](number=1)

    @property
    def free(self) -> list[Worker[Batch]]:
        """This process, unless it holds a batch."""
        return [] if self._worker.tasks else [self._worker]

    @property
    def busy(self) -> list[Worker[Batch]]:
        """This process, while it holds a batch."""
        return [self._worker] if self._worker.tasks else []

    def give(self, worker: Worker[Batch], assignment: Task) -> None:
        """Keep a batch for the next call of `events`."""
        worker.tasks.append(assignment)

    def events(self, timeout: float) -> list[Answer | Death[Batch]]:
        """Check what is held; without that, wait for `timeout` seconds."""
        if not self._worker.tasks:
            wait([], timeout)
            return []
        task = self._worker.tasks[0]
        assert isinstance(task, Task)
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):  # as in a worker: small sums are slower with more threads
            answer = self._checking.attempt(task)
        self._worker.tasks.clear()
        return [answer]

    def end(self) -> list[Batch]:
        """Let go of the sources."""
        self._checking.close()
        return []
