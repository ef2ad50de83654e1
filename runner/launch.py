"""Starting worker processes: forked from a server that has imported everything, or spawned afresh."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from typing import Any, Protocol

from runner.environment import worker_environment
from runner.errors import RunnerError
from runner.lifeline import KILL, kill_group
from runner.worker import work


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended."""

    signal: int | None = None
    exit_code: int | None = None
    peak_memory: int | None = None  # bytes

    def __str__(self) -> str:
        if self.signal is not None:
            names = {number.value: number.name for number in signal.Signals}
            return f"killed by signal {self.signal} ({names.get(self.signal, 'unknown')})"
        return f"exited with code {self.exit_code}"


@dataclass(frozen=True, slots=True)
class Child:
    """A started worker process and the runner's end of the line to it."""

    pid: int
    conn: Connection


class Launcher(Protocol):
    """A way to start workers and to learn how they ended."""

    @property
    def start_timeout(self) -> float:
        """How many seconds a worker has to say that it is ready."""

    def fallback(self) -> Launcher | None:
        """Another way, for when workers started this one never get ready."""

    def start(self) -> Child:
        """Start a worker, which then waits for its Setup."""

    def ending(self, child: Child) -> Ending:
        """Kill what is left of a worker's process group and say how the worker ended."""

    def close(self) -> None:
        """Kill every worker that is left."""


class ForkServer:
    """Workers forked from one process that has imported what the trainers need (20–40 ms each)."""

    def __init__(
        self, preload: Sequence[str], scratch: str, *, of_runner: str = "", may_spawn: bool = False
    ) -> None:
        self._may_spawn = may_spawn
        self.start_timeout = 30.0 if may_spawn else 120.0
        self._control, theirs = socket.socketpair()
        program = [sys.executable, "-m", "runner.forkserver"]
        command = [*program, str(theirs.fileno()), scratch, of_runner, *preload]
        # A group of its own: Ctrl-C in a terminal goes to the runner alone, which then decides.
        self._server = subprocess.Popen(
            command,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env=worker_environment() | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,
        )
        theirs.close()
        self._lines = self._control.makefile("rb")
        self._endings: dict[int, Ending] = {}

    def fallback(self) -> Launcher | None:
        """Afresh, unless the user wants forks and nothing else."""
        return Spawn() if self._may_spawn else None

    def start(self) -> Child:
        """Start a worker. Raises RunnerError when the server is gone."""
        ours, theirs = Pipe()
        try:
            socket.send_fds(self._control, [b"fork"], [theirs.fileno()])
        except (BrokenPipeError, ConnectionError):
            raise RunnerError("the fork server is gone") from None
        finally:
            theirs.close()
        while True:
            message = self._hear()
            if "started" in message:
                return Child(message["started"], ours)

    def ending(self, child: Child) -> Ending:
        """Kill what is left of a worker's process group and say how the worker ended."""
        kill_group(child.pid, KILL)
        child.conn.close()
        while child.pid not in self._endings:
            self._hear()
        return self._endings.pop(child.pid)

    def close(self) -> None:
        """Let the server kill its workers and end."""
        with contextlib.suppress(OSError):  # the server is gone
            self._control.sendall(b"over")
        self._lines.close()
        self._control.close()
        try:
            self._server.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()

    def _hear(self) -> dict[str, Any]:
        line = self._lines.readline()
        if not line:
            raise RunnerError("the fork server is gone")
        message: dict[str, Any] = json.loads(line)
        if "ended" in message:
            status = message["status"]
            self._endings[message["ended"]] = Ending(
                signal=os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
                exit_code=os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
                peak_memory=message["peak_memory"],
            )
        return message


class Spawn:
    """Workers that each start afresh: slower, but nothing is shared, and it works on every system."""

    start_timeout = 120.0

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._processes: dict[int, Any] = {}

    def fallback(self) -> Launcher | None:
        """None: this is the last way."""
        return None

    def start(self) -> Child:
        """Start a worker."""
        ours, theirs = Pipe()
        process = self._context.Process(target=work, args=(theirs,), daemon=False)
        with _environment(worker_environment()):
            process.start()
        theirs.close()
        assert process.pid is not None
        self._processes[process.pid] = process
        return Child(process.pid, ours)

    def ending(self, child: Child) -> Ending:
        """Kill what is left of a worker's process group and say how the worker ended."""
        process = self._processes.pop(child.pid)
        kill_group(child.pid, KILL)
        process.kill()
        child.conn.close()
        process.join()
        code = process.exitcode
        return Ending(signal=-code) if code is not None and code < 0 else Ending(exit_code=code)

    def close(self) -> None:
        """Kill every worker that is left."""
        for process in self._processes.values():
            process.kill()
            process.join()
        self._processes.clear()


@contextlib.contextmanager
def _environment(wanted: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(wanted)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def launcher_for(start: str, preload: Sequence[str], scratch: str, of_runner: str = "") -> Launcher:
    """The way of starting workers that `start` asks for; `auto` takes the fork server where there is one.

    The folder `scratch`, and one that the runner itself works in, are removed also when the runner is
    killed, where there is a fork server.
    """
    if start == "spawn" or (start == "auto" and not hasattr(os, "fork")):
        return Spawn()
    return ForkServer(preload, scratch, of_runner=of_runner, may_spawn=start == "auto")
