"""A worker process: it gets one task at a time, a claimed slice say, and sends back what became of it."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from runner.errors import RunnerError
from runner.lifeline import die_with_parent, lead_own_group
from runner.memory import limit_memory

LONG_SECONDS = 0.1
"""A task that takes longer is none of those of which a worker is given several."""


@dataclass(frozen=True, slots=True)
class Unbegun:
    """A worker hands back so many of the tasks behind the one that it does: others may be free for them."""

    count: int


def serve(fd: int) -> None:
    """Do what comes over the socket `fd` until it is closed."""
    work(Connection(fd))


def work(conn: Connection) -> None:
    """Do what comes over `conn`: first what all tasks share and a file for what is printed, then tasks.

    The first answer is this process's pid, when it is ready, or the error that keeps it from
    working at all; then comes one answer for each task that is not handed back.
    """
    lead_own_group()
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the runner decides what ends and how
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with contextlib.suppress(EOFError, ConnectionError):
        setup, printed = conn.recv()
        _print_into(printed)
        if setup.memory_limit is not None:
            limit_memory(setup.memory_limit)
        try:
            at_work = setup.begin(Path(printed))
        except RunnerError as error:  # the worker file: its error is the run's
            conn.send(error)
            return
        own = os.getpid()
        conn.send(own)
        while True:
            task, began = conn.recv(), time.monotonic()
            answer = at_work.attempt(task)
            if os.getpid() != own:  # the task has forked, and this is the child: the other one answers
                os._exit(0)
            if time.monotonic() - began > LONG_SECONDS:
                _hand_back(conn)
            conn.send(answer)


def _hand_back(conn: Connection) -> None:
    """Hand back the tasks that wait, before the answer that ends the one in hand."""
    count = 0
    while conn.poll():
        conn.recv_bytes()
        count += 1
    if count:
        conn.send(Unbegun(count))


def _print_into(path: str) -> None:
    """Send all that is printed, by Python or by C, into a file whose end the ledger keeps."""
    sys.stdout.flush()
    sys.stderr.flush()
    out = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for standard, fd in ((0, nothing), (1, out), (2, out)):
        os.dup2(fd, standard)
    os.close(out)
    os.close(nothing)
