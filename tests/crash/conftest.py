"""Runs in real processes, killed for real."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ledger.store import Ledger
from tests.crash.watching import PLACE, ledger_of

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
RUN = ("run", "--worker", "worker.py")

WORKER = """
import pathlib, time

def get_data(row):
    return [1.0, 2.0, 3.0], [4.0]

def train(row, data, folder):
    with open(pathlib.Path(row.log), "a") as log:
        log.write(f"{row.id}\\n")
    (folder / "model.bin").write_bytes(row.id.encode() * 100)
    time.sleep(float(row.seconds))
    return None
"""


@pytest.fixture
def place(request: pytest.FixtureRequest) -> str:
    """Where an empty ledger is: in SQLite, unless the test is marked with BOTH."""
    which = getattr(request, "param", "sqlite")
    return str(request.getfixturevalue("sqlite_place" if which == "sqlite" else "postgres_place"))


@pytest.fixture
def fleet_at(tmp_path: Path) -> Callable[[str], Callable[..., Path]]:
    """`fleet`, with its ledger at a path or URL."""

    def make(count: int, *, place: str, seconds: float = 0.01, worker: str = WORKER) -> Path:
        (tmp_path / "worker.py").write_text(worker, encoding="utf-8")
        (tmp_path / "log.txt").touch()
        rows = "".join(f"{n},x,0,1,2,3,{seconds},{tmp_path}/log.txt\n" for n in range(count))
        header = "id,file,train_from,train_to,test_from,test_to,seconds,log\n"
        (tmp_path / "split.csv").write_text(header + rows, encoding="utf-8")
        (tmp_path / PLACE).write_text(place, encoding="utf-8")
        with Ledger.open(place) as ledger:
            ledger.import_slices(tmp_path / "split.csv", artifacts=str(tmp_path / "artifacts"))
        return tmp_path

    return lambda place: partial(make, place=place)


@pytest.fixture
def fleet(place: str, fleet_at: Callable[[str], Callable[..., Path]]) -> Callable[..., Path]:
    """A ledger of `count` slices whose trainings take `seconds`, and write their ids into log.txt.

    The folder it returns holds everything but a PostgreSQL ledger: `ledger_of(folder)` finds either.
    """
    return fleet_at(place)


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `runner run`, or what `words` say, in a folder, in a session of its own.

    Whatever is left is killed at the end.
    """
    started: list[subprocess.Popen[str]] = []

    def starting(
        folder: Path, *options: str, words: Sequence[str] = RUN, fault: str = "", **how: Any
    ) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "runner", *words, *options]
        (folder / "tmp").mkdir(exist_ok=True)
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={
                **ENVIRONMENT,
                "TMPDIR": str(folder / "tmp"),
                "LEDGER_URL": ledger_of(folder),
                "LEDGER_FAULT": fault,
            },
            stdout=pipe,
            stderr=pipe,
            text=True,
            start_new_session=True,
            **how,
        )
        started.append(process)
        return process

    yield starting
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)
