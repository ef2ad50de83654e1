"""What a test sees of a fleet: its ledger, its processes, and how far it is."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests import invariants

BOTH = pytest.mark.parametrize("place", ["sqlite", "postgresql"], indirect=True)
"""A test of a `fleet` that runs on both databases; without this mark on SQLite alone."""

PLACE = "place.txt"


def ledger_of(folder: Path) -> str:
    """The path or URL of a fleet's ledger."""
    named = folder / PLACE
    return named.read_text(encoding="utf-8") if named.exists() else str(folder / "ledger.db")


def answers(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    """What the database of a fleet says."""
    return invariants.answers(ledger_of(folder), sql)


def family(pid: int) -> list[psutil.Process]:
    """A process with all that it started."""
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def wait_for(folder: Path, process: subprocess.Popen[str], trainings: int) -> None:
    """Wait until so many trainings have begun in all, or the run is over."""
    with (folder / "log.txt").open() as log:
        begun = 0
        while begun < trainings and process.poll() is None:
            begun += sum(1 for _ in log)


def ask_twice(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """Tell a runner to stop, and then to stop at once; return when it has ended.

    Signals that come together may be heard as one: so there is time between them.
    """
    for patience in (0.5, 5, 60):
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=patience)
            return
