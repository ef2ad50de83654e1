"""A process that imports what the trainers need once, then forks workers in milliseconds.

It may import but never compute: a fork after the first TensorFlow operation, or after OpenMP ran
with two threads, hangs for ever. It has one thread, runs no user code, and dies with its runner.

The runner sends `fork` with a socket for the new worker over a Unix socket; the answer is a line
of JSON with its pid. When a worker ends, another line tells its exit status and peak memory. `over`
says that the runner ends by itself, and removes what it made.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import warnings
from collections.abc import Collection, Iterator
from typing import Any, NoReturn

from runner.lifeline import adopt_orphans, kill_group


def main(control_fd: int, scratch: str, of_runner: str, preload: list[str]) -> None:
    """Serve the runner at the other end of `control_fd` until it goes away.

    This process must outlive its runner by a moment: it kills what the workers have started, and
    removes what they left in the folder `scratch`. The folder `of_runner`, where there is one ("" for
    none), is removed only when the runner was killed.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the runner to handle
    adopt_orphans()
    control = socket.socket(fileno=control_fd)
    # Libraries start threads when they are imported, and Python 3.12 warns of every fork then. Those
    # threads only wait for work here; `--start spawn` is for a library where that is not so.
    warnings.filterwarnings("ignore", ".*use of fork", DeprecationWarning)
    with _silence():
        for name in preload:
            # What cannot be imported here fails where it is used, with a traceback in the ledger.
            with contextlib.suppress(Exception):
                importlib.import_module(name)
    gc.collect()
    gc.freeze()  # keeps the collector from touching, and so copying, every imported page
    server = Server(control)
    server.serve()
    shutil.rmtree(scratch, ignore_errors=True)
    if of_runner and not server.is_over:
        shutil.rmtree(of_runner, ignore_errors=True)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep banners that libraries print while they are imported, from C as well, off the screen."""
    kept = [os.dup(fd) for fd in (1, 2)]
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        for fd in (1, 2):
            os.dup2(nothing, fd)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for fd, before in zip((1, 2), kept, strict=True):
            os.dup2(before, fd)
            os.close(before)
        os.close(nothing)


class Server:
    """Forks on request and tells how each worker ended."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self.is_over = False  # the runner said that it ends by itself
        self._workers: set[int] = set()
        self._wake, self._woken = socket.socketpair()
        for end in (self._wake, self._woken):
            end.setblocking(False)
        signal.set_wakeup_fd(self._wake.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> None:
        """Answer requests until the runner's end is closed, then kill what is left."""
        while True:
            ready, _, _ = select.select([self._control, self._woken], [], [])
            if self._woken in ready:
                with contextlib.suppress(BlockingIOError):
                    self._woken.recv(4096)
                self._reap()
            if self._control in ready and not self._request():
                self._end()
                return

    def _end(self) -> None:
        """Kill the workers and all that they started, also what has left their groups."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for pid in self._workers:
            kill_group(pid, signal.SIGKILL)
        for pid in self._workers:  # what they leave comes to this process when they are gone
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
        self._kill_strays(spare=frozenset())

    def _kill_strays(self, spare: Collection[int]) -> None:
        """Kill what trainings started in groups of its own: orphans come to this process (Linux)."""
        import psutil

        mine = psutil.Process()
        strays = [child for child in mine.children() if child.pid not in spare]
        for stray in strays:
            with contextlib.suppress(psutil.Error):
                stray.kill()

    def _request(self) -> bool:
        try:
            asked, fds, _, _ = socket.recv_fds(self._control, 4, 1)
        except ConnectionError:
            return False
        if not asked:
            return False
        if asked == b"over":
            self.is_over = True
            return True
        pid = os.fork()
        if pid == 0:
            self._become_worker(fds[0])
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)  # the worker does so too: from now on its group can be killed
        os.close(fds[0])
        self._workers.add(pid)
        self._tell({"started": pid})
        return True

    def _become_worker(self, fd: int) -> NoReturn:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for end in (self._control, self._wake, self._woken):
            end.close()
        status = 1
        try:
            from runner.worker import serve

            serve(fd)
            status = 0
        except SystemExit as error:
            status = error.code & 0xFF if isinstance(error.code, int) else 1
        finally:
            os._exit(status)

    def _reap(self) -> None:
        while self._workers:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid not in self._workers:
                continue
            self._workers.discard(pid)
            kill_group(pid, signal.SIGKILL)  # what it started ends with it
            self._kill_strays(spare=self._workers)
            unit = 1 if sys.platform == "darwin" else 1024
            self._tell({"ended": pid, "status": status, "peak_memory": usage.ru_maxrss * unit})

    def _tell(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(ConnectionError):
            self._control.sendall(json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:])
