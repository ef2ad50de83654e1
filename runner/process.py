"""A worker process as its runner sees it."""

from __future__ import annotations

import contextlib
import os
import socket
from collections import deque
from dataclasses import dataclass, field
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Literal

from runner.crew import H, Task, Worker
from runner.launch import Child, Launcher
from runner.lifeline import kill_group
from runner.wear import Wear


@dataclass(slots=True, kw_only=True)
class Process(Worker[H]):
    """A worker process: how it was started, and what its runner has to do about it."""

    child: Child
    launcher: Launcher
    printed: Path  # the file that gets what it prints
    ready: bool = False
    worn: bool = False  # to be replaced when it has done what it holds
    wear: Wear = field(default_factory=Wear)
    exceeded: Literal["timeout", "memory"] | None = None
    told_to_end: float | None = None  # monotonic
    told_for: Task[H] | None = None  # what it did then
    _unsent: deque[memoryview] = field(default_factory=deque)
    _sent: deque[int] = field(default_factory=deque)  # the bytes of each task that it has not done
    _room: int = field(init=False)

    def __post_init__(self) -> None:
        self._room = _room(self.child.conn.fileno())

    def send(self, task: Task[H]) -> None:
        """Send it a task, as soon as that surely fits into the line."""
        self._unsent.append(ForkingPickler.dumps(task))
        self._send()

    def end(self, exceeded: Literal["timeout", "memory"], signal: int, now: float) -> None:
        """Tell it to end, for what it does now."""
        self.exceeded, self.told_to_end = exceeded, now
        self.told_for = self.tasks[0] if self.tasks else None
        kill_group(self.child.pid, signal)

    @property
    def has_ended_for_another(self) -> bool:
        """Whether what it does is not what it was told to end for: that came to its end meanwhile."""
        return self.told_for is not None and (not self.tasks or self.tasks[0] is not self.told_for)

    def done(self, now: float) -> None:
        """It has done its first task, and goes on with the next."""
        self.tasks.popleft()
        self._sent.popleft()
        self.since = now
        self._send()

    def _send(self) -> None:
        # A line that is full would keep the runner waiting for a worker that waits for the runner.
        while self._unsent and (not self._sent or sum(self._sent) + len(self._unsent[0]) <= self._room):
            task = self._unsent.popleft()
            self._sent.append(len(task))
            # Where it has just died, the pool will find that, and the slices in its hands.
            with contextlib.suppress(ConnectionError):
                self.child.conn.send_bytes(task)

    def unbegun(self, count: int) -> list[Task[H]]:
        """Take back so many of the tasks behind the first, which it has handed back."""
        first, *rest = self.tasks
        self.tasks = deque([first, *rest[count:]])
        sent = list(self._sent)
        self._sent = deque([sent[0], *sent[1 + count :]])
        return rest[:count]

    def is_overdue(self, now: float, timeout: float | None) -> bool:
        """Whether its slice, or its own start, takes longer than it may; `now` is monotonic."""
        if self.held is not None:
            return timeout is not None and now - self.since > timeout
        return not self.ready and now - self.since > self.launcher.start_timeout


def _room(line: int) -> int:
    """Bytes that fit into a line besides one message; the system counts what it keeps around each too."""
    if os.name != "posix":
        return 0
    with socket.socket(fileno=os.dup(line)) as end:
        end.setblocking(True)  # the line too: a default timeout of the program's sockets has changed that
        return end.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) // 8
