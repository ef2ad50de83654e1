"""The worker processes of a run: who is free, who is busy, who died and who takes too long."""

from __future__ import annotations

import contextlib
import shutil
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, cast

from runner.crew import Death, H, Worker
from runner.errors import RunnerError
from runner.launch import Launcher
from runner.lifeline import KILL, kill_group
from runner.memory import memory_of
from runner.printed import tail_of
from runner.process import Process
from runner.scratch import folders_of

TERM_SECONDS = 2.0
"""How long a worker that took too long may tidy up before it is killed."""
WEIGH_SECONDS = 0.1
"""How often the memory limit is looked at; the limit of the kernel (Linux) acts at once."""


R = TypeVar("R")
"""What a worker answers."""
H_co = TypeVar("H_co", covariant=True)


class Work(Protocol):
    """What is the same for all that workers of a pool do; told once, when one starts."""

    @property
    def scratch(self) -> str | None:
        """The folder under which each worker has its own."""

    @property
    def memory_limit(self) -> int | None:
        """Bytes."""

    def begin(self, printed: Path) -> Any:
        """In the worker: what it works with, whose `attempt` answers what it is given."""


class Task(Protocol[H_co]):
    """What a worker is given."""

    @property
    def held(self) -> H_co:
        """What it holds meanwhile."""


class Pool(Generic[H, R]):
    """Keeps `size` workers alive, one task each.

    The folder `setup.scratch` is theirs: it is removed with all that trainings leave in it.
    """

    def __init__(
        self,
        launcher: Launcher,
        setup: Work,
        *,
        size: int,
        timeout: float | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._launcher = launcher
        assert setup.scratch is not None
        self._scratch = Path(setup.scratch)
        self._setup = setup
        self._timeout = timeout
        self._monotonic = monotonic
        self._weighed = 0.0  # monotonic
        self.workers: dict[Connection, Process[H]] = {}
        for number in range(1, size + 1):
            self._add(number)

    @property
    def size(self) -> int:
        """How many workers are ready: nothing is claimed for one that may never be."""
        return sum(worker.ready for worker in self.workers.values())

    @property
    def free(self) -> list[Worker[H]]:
        """The workers that wait for a task."""
        return [worker for worker in self.workers.values() if worker.ready and worker.held is None]

    @property
    def busy(self) -> list[Worker[H]]:
        """The workers that hold one."""
        return [worker for worker in self.workers.values() if worker.held is not None]

    def give(self, worker: Worker[H], assignment: Task[H]) -> None:
        """Hand a task to a free worker."""
        assert isinstance(worker, Process)
        worker.held = assignment.held
        worker.since = self._monotonic()
        # Where it has just died, `events` will find that, and the slice in its hands.
        with contextlib.suppress(ConnectionError):
            worker.child.conn.send(assignment)

    def events(self, timeout: float, woken: Connection | None = None) -> list[R | Death[H]]:
        """Wait up to `timeout` seconds, and return what workers reported or died of.

        Something to read on `woken` ends the wait too. A dead worker is replaced at once. Raises
        RunnerError when workers cannot train at all.
        """
        self._end_overdue()
        self._end_oversized()
        if self._setup.memory_limit is not None:
            timeout = min(timeout, WEIGH_SECONDS)
        found: list[R | Death[H]] = []
        for conn in wait([*self.workers, *([woken] if woken else [])], timeout):
            if conn is woken:
                continue
            worker = self.workers[cast(Connection, conn)]
            try:
                message = worker.child.conn.recv()
            except (EOFError, ConnectionError):
                found.append(self._bury(worker))
                continue
            if isinstance(message, RunnerError):
                raise message
            if isinstance(message, int):  # its pid
                worker.ready = True
                continue
            worker.held = None
            found.append(message)
            if worker.wear.is_too_much(worker.child.pid, self._setup.memory_limit):
                self._replace(worker)
        return found

    def end(self) -> list[H]:
        """Kill every worker and return what they held."""
        held = [worker.held for worker in self.workers.values() if worker.held is not None]
        for worker in self.workers.values():
            kill_group(worker.child.pid, KILL)
            worker.child.conn.close()
        for launcher in {id(worker.launcher): worker.launcher for worker in self.workers.values()}.values():
            launcher.close()
        self._launcher.close()
        self.workers.clear()
        shutil.rmtree(self._scratch, ignore_errors=True)
        return held

    def _add(self, number: int) -> None:
        printed = self._scratch / f"worker-{number}.out"
        try:
            child = self._launcher.start()
        except RunnerError:
            self._fall_back()
            child = self._launcher.start()
        worker = Process[H](
            number=number, child=child, launcher=self._launcher, printed=printed, since=self._monotonic()
        )
        self.workers[child.conn] = worker
        with contextlib.suppress(ConnectionError):  # `events` will find it dead
            child.conn.send((self._setup, str(printed)))

    def _fall_back(self) -> None:
        """Start workers the other way from now on. Raises RunnerError when there is none."""
        if (other := self._launcher.fallback()) is None:
            raise RunnerError("no worker process can be started; look at what the system says of it")
        self._launcher = other

    def _bury(self, worker: Process[H]) -> Death[H]:
        del self.workers[worker.child.conn]
        death = Death(
            held=worker.held,
            ending=worker.launcher.ending(worker.child),
            exceeded=worker.exceeded,
            output=tail_of(worker.printed),
            seconds=self._monotonic() - worker.since,
        )
        if not worker.ready:
            self._could_not_start(worker, death)
        self._tidy(worker)
        self._add(worker.number)
        return death

    def _could_not_start(self, worker: Process[H], death: Death[H]) -> None:
        if worker.exceeded is None:
            raise RunnerError(f"a worker process cannot start: it {death.ending}\n{death.output}".rstrip())
        if worker.launcher is self._launcher:  # a fork can hang where a library holds a lock
            self._fall_back()

    def _replace(self, worker: Process[H]) -> None:
        del self.workers[worker.child.conn]
        worker.launcher.ending(worker.child)
        self._tidy(worker)
        self._add(worker.number)

    def _tidy(self, worker: Process[H]) -> None:
        for left in self._scratch.glob(f"{folders_of(worker.child.pid)}*"):
            shutil.rmtree(left, ignore_errors=True)

    def _end_oversized(self) -> None:
        limit, now = self._setup.memory_limit, self._monotonic()
        if limit is None or now - self._weighed < WEIGH_SECONDS:
            return
        self._weighed = now
        for worker in self.workers.values():
            if worker.held is not None and memory_of(worker.child.pid, family=True) > limit:
                worker.exceeded, worker.told_to_end = "memory", now
                kill_group(worker.child.pid, KILL)

    def _end_overdue(self) -> None:
        now = self._monotonic()
        for worker in self.workers.values():
            if worker.told_to_end is not None:
                if now - worker.told_to_end > TERM_SECONDS:
                    kill_group(worker.child.pid, KILL)
            elif worker.is_overdue(now, self._timeout):
                worker.exceeded, worker.told_to_end = "timeout", now
                kill_group(worker.child.pid, signal.SIGTERM)
