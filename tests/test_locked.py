"""A ledger that another program keeps locked: who that is, and what becomes of a run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, event, text

import runner
from ledger.database import ledger_url
from ledger.errors import LedgerBusyError
from ledger.requeue import Selection
from ledger.store import Ledger
from tests.invariants import answers, broken

LOCKS = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "BEGIN; LOCK TABLE slices"}

WORKER = """
from pathlib import Path

def get_data(row):
    return [1.0, 2.0], [3.0]

def train(row, data):
    Path("trained").touch()
    return {"m": 1.0}
"""


class Other:
    """Another program with a lock on the ledger, as long as it wants."""

    def __init__(self, place: str) -> None:
        self._engine = create_engine(ledger_url(place), isolation_level="AUTOCOMMIT")
        self._conn = self._engine.connect()
        self.locks = False

    def lock(self) -> None:
        """Let nobody else write."""
        self._conn.exec_driver_sql(LOCKS[self._engine.dialect.name])
        self.locks = True

    def let_go(self) -> None:
        """Let others write again."""
        self._conn.exec_driver_sql("ROLLBACK")
        self.locks = False

    def close(self) -> None:
        """End the program."""
        self._conn.close()
        self._engine.dispose()


@pytest.fixture
def other(place: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Other]:
    monkeypatch.setattr("ledger.database.BUSY_SECONDS", 0.2)
    other = Other(place)
    yield other
    other.close()


@pytest.fixture
def project(place: str, other: Other, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    """A ledger of three slices in the current folder, which another program locks once one was trained."""
    monkeypatch.chdir(tmp_path)
    Path("worker.py").write_text(WORKER, encoding="utf-8")
    rows = "".join(f"{name},x,0,1,2,3\n" for name in "abc")
    Path("split.csv").write_text(f"id,file,train_from,train_to,test_from,test_to\n{rows}", encoding="utf-8")
    with Ledger.open(place, create=False) as ledger:
        ledger.import_slices("split.csv")
        event.listen(ledger.engine, "checkout", _lock_once_trained(other))
        yield ledger


def _lock_once_trained(other: Other) -> Callable[..., None]:
    def checked_out(*_: object) -> None:
        if Path("trained").exists() and not other.locks:
            Path("trained").rename("locked")
            other.lock()

    return checked_out


HOLDS = """
import sys
from sqlalchemy import create_engine
from ledger.database import ledger_url

engine = create_engine(ledger_url(sys.argv[1]), isolation_level="AUTOCOMMIT")
with engine.connect() as conn:
    conn.exec_driver_sql(sys.argv[2])
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(place: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[str]]:
    """Another process that keeps the ledger locked."""
    monkeypatch.setattr("ledger.database.BUSY_SECONDS", 0.2)
    dialect = ledger_url(place).get_backend_name()
    command = [sys.executable, "-c", HOLDS, place, LOCKS[dialect]]
    environment = {**os.environ, "PGAPPNAME": "night report"}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.communicate()


def pid_of(process: subprocess.Popen[str], place: str) -> int:
    """The pid that the ledger's database sees: of a program of its own, PostgreSQL knows its backend's."""
    if "://" not in place:
        return process.pid
    ((pid,),) = answers(place, "SELECT pid FROM pg_stat_activity WHERE application_name = 'night report'")
    return int(pid)


def test_who_keeps_a_ledger_locked_is_told(ledger, place, holder):
    with Ledger.open(place, create=False) as waiting, pytest.raises(LedgerBusyError) as caught:
        waiting.requeue(Selection(failed=True))

    assert "is locked by another program" in str(caught.value)
    assert f"(pid {pid_of(holder, place)}" in str(caught.value)
    assert ("night report (pid" in str(caught.value)) is ("://" in place)


def test_a_holder_that_cannot_be_known_keeps_nothing_from_being_told(ledger, place, holder, monkeypatch):
    monkeypatch.setitem(sys.modules, "psutil", None)
    monkeypatch.setattr("ledger.holders._WITH_LOCKS", text("SELECT * FROM hidden"))

    with (
        Ledger.open(place, create=False) as waiting,
        pytest.raises(LedgerBusyError, match="close what has it open and try again$"),
    ):
        waiting.requeue(Selection(failed=True))


def test_a_run_whose_ledger_stays_locked_is_gone_on_with_in_the_same_process(project, other, place):
    with pytest.raises(LedgerBusyError) as caught:
        runner.run(project, worker="worker.py", workers=0, quiet=True)
    assert caught.value.exit_code == 4
    other.let_go()
    assert answers(place, "SELECT count(*) FROM slices WHERE status = 'running'") != [(0,)]

    Path("worker.py").write_text(WORKER.replace("trained", "gone on"), encoding="utf-8")
    summary = runner.run(project, worker="worker.py", workers=0, quiet=True, resume=True)

    assert (summary.exit_code, summary.succeeded) == (0, 3)
    assert summary.taken_back > 0
    assert broken(place, imported=3) == []
