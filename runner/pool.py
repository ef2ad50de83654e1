"""The worker processes of a run: who is free, who is busy, who died and who takes too long."""

from __future__ import annotations

import contextlib
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, cast

from runner.crew import Death, H, Task, Worker
from runner.errors import RunnerError
from runner.launch import Launcher
from runner.lifeline import KILL, kill_group
from runner.memory import memory_of
from runner.printed import tail_of
from runner.process import Process
from runner.scratch import folders_of
from runner.worker import Unbegun

TERM_SECONDS = 2.0
"""How long a worker that took too long may tidy up before it is killed."""
WEIGH_SECONDS = 0.1
"""How often the memory limit is looked at; the limit of the kernel (Linux) acts at once."""


R = TypeVar("R")
"""What a worker answers."""


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


class Pool(Generic[H, R]):
    """Keeps `size` workers alive, which do what they are given one after the other.

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
        self._unbegun: list[Task[H]] = []
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
        return [worker for worker in self.open if not worker.tasks]

    @property
    def busy(self) -> list[Worker[H]]:
        """The workers that hold one."""
        return [worker for worker in self.workers.values() if worker.tasks]

    @property
    def open(self) -> list[Worker[H]]:
        """The workers that may be given a task, now or for later."""
        return [
            worker
            for worker in self.workers.values()
            if worker.ready and not worker.worn and worker.told_to_end is None
        ]

    def give(self, worker: Worker[H], assignment: Task[H]) -> None:
        """Hand a task to a worker, which does it after those it was given before."""
        assert isinstance(worker, Process)
        if not worker.tasks:
            worker.since = self._monotonic()
        worker.tasks.append(assignment)
        worker.send(assignment)

    def events(
        self, timeout: float, woken: Connection | None = None, linger: float = 0.0
    ) -> list[R | Death[H]]:
        """Wait up to `timeout` seconds, and return what workers reported or died of.

        Something to read on `woken` ends the wait too; what happens within `linger` seconds is gathered.
        A dead worker is replaced at once. Raises RunnerError when workers cannot train at all.
        """
        self._end_oversized()
        if self._setup.memory_limit is not None:
            timeout = min(timeout, WEIGH_SECONDS)
        if linger:  # asleep, and not woken for each of them
            time.sleep(linger)
        found: list[R | Death[H]] = []
        for conn in wait([*self.workers, *([woken] if woken else [])], timeout):
            if conn is not woken:
                found += self._heard(self.workers[cast(Connection, conn)])
        self._end_overdue()  # now that all is known which they have done
        return found

    def _heard(self, worker: Process[H]) -> Iterator[R | Death[H]]:
        """All that a worker has sent."""
        conn = worker.child.conn
        while True:
            try:
                message = conn.recv()
            except (EOFError, OSError):  # the latter also where it died in the middle of a message
                yield self._bury(worker)
                return
            if isinstance(message, RunnerError):
                raise message
            if isinstance(message, int):  # its pid
                worker.ready = True
            elif isinstance(message, Unbegun):
                self._unbegun += worker.unbegun(message.count)
            else:
                yield message
                self._has_done_one(worker)
            if conn.closed or not conn.poll():
                return

    def _has_done_one(self, worker: Process[H]) -> None:
        worker.done(self._monotonic())
        worker.worn = worker.worn or worker.wear.is_too_much(worker.child.pid, self._setup.memory_limit)
        if worker.worn and not worker.tasks:
            self._replace(worker)

    def unbegun(self) -> list[Task[H]]:
        """What workers have handed back since this was last asked."""
        handed, self._unbegun = self._unbegun, []
        return handed

    def end(self) -> list[H]:
        """Kill every worker and return what they held."""
        held = [task.held for worker in self.workers.values() for task in worker.tasks]
        held += [task.held for task in self.unbegun()]
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
        innocent = worker.has_ended_for_another
        death = Death(
            held=None if innocent else worker.held,
            left=list(worker.tasks)[0 if innocent else 1 :],
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
            if worker.tasks and memory_of(worker.child.pid, family=True) > limit:
                worker.end("memory", KILL, now)

    def _end_overdue(self) -> None:
        now = self._monotonic()
        for worker in self.workers.values():
            if worker.told_to_end is not None:
                if now - worker.told_to_end > TERM_SECONDS:
                    kill_group(worker.child.pid, KILL)
            elif worker.is_overdue(now, self._timeout):
                worker.end("timeout", signal.SIGTERM, now)
