"""The engine's rules: each was measured, and each test fails without its rule."""

from __future__ import annotations

import multiprocessing
import sqlite3
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing.synchronize import Barrier
from pathlib import Path
from threading import Timer

import pytest
from filelock import FileLock
from sqlalchemy import text

from ledger import checkpoint as checkpoints
from ledger.database import ledger_url, open_engine, reading, shown, writing
from ledger.errors import AccessError, LedgerBusyError, LedgerError, NotALedgerError
from ledger.refusals import translated
from ledger.store import Ledger


@pytest.fixture
def ledger(sqlite_ledger):
    """These are SQLite's rules: nothing here runs on PostgreSQL."""
    return sqlite_ledger


def pragma(ledger, name):
    with reading(ledger.engine) as conn:
        return conn.exec_driver_sql(f"PRAGMA {name}").scalar()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("journal_mode", "wal"),
        ("foreign_keys", 1),
        ("synchronous", 1),
        ("wal_autocheckpoint", 0),
        ("busy_timeout", 30_000),
        ("application_id", 0x534C4447),
    ],
)
def test_a_connection_is_set_up(ledger, name, value):
    assert pragma(ledger, name) == value


def test_a_durable_ledger_waits_for_the_disk(ledger):
    with Ledger.open(ledger.path, durable=True) as durable:
        assert pragma(durable, "synchronous") == 2


def test_a_writing_transaction_has_the_lock_before_it_reads(ledger):
    with (
        writing(ledger.engine),
        closing(sqlite3.connect(ledger.path, timeout=0, isolation_level=None)) as other,
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        other.execute("BEGIN IMMEDIATE")


def _meet(barrier: Barrier) -> None:
    global _all_there
    _all_there = barrier


def _count_up(path: str, times: int) -> None:
    engine = open_engine(ledger_url(path))
    _all_there.wait()  # a process that starts late would find the others done
    for _ in range(times):
        with writing(engine) as conn:
            now = conn.execute(text("SELECT value FROM settings WHERE key = 'n'")).scalar_one()
            conn.execute(text("UPDATE settings SET value = :n WHERE key = 'n'"), {"n": str(int(now) + 1)})


def test_no_update_of_many_processes_is_lost_or_locked_out(ledger):
    with writing(ledger.engine) as conn:
        conn.execute(text("INSERT INTO settings VALUES ('n', '0')"))

    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(4, spawn, initializer=_meet, initargs=(spawn.Barrier(4),)) as pool:
        done = [pool.submit(_count_up, str(ledger.path), 100) for _ in range(4)]
        [each.result() for each in done]

    assert ledger.setting("n") == "400"


def test_a_failed_transaction_leaves_nothing_not_even_a_table(ledger):
    with pytest.raises(ZeroDivisionError), writing(ledger.engine) as conn:
        conn.execute(text("CREATE TABLE half (x)"))
        raise ZeroDivisionError

    with reading(ledger.engine) as conn:
        assert conn.execute(text("SELECT count(*) FROM sqlite_master WHERE name = 'half'")).scalar() == 0


def test_a_reader_sees_one_moment(ledger):
    with reading(ledger.engine) as conn:
        before = conn.execute(text("SELECT count(*) FROM settings")).scalar()
        with writing(ledger.engine) as other:
            other.execute(text("INSERT INTO settings VALUES ('new', '1')"))
        assert conn.execute(text("SELECT count(*) FROM settings")).scalar() == before


def test_foreign_keys_are_enforced(ledger):
    with pytest.raises(Exception, match="FOREIGN KEY"), writing(ledger.engine) as conn:
        conn.execute(text("INSERT INTO metrics (attempt_id, name, value) VALUES (99, 'x', 1)"))


def test_a_checkpoint_empties_the_log(ledger, make_slice):
    make_slice()
    assert checkpoints.wal_bytes(ledger.path) > 0

    assert checkpoints.checkpoint(ledger.engine)

    assert checkpoints.wal_bytes(ledger.path) == 0


def test_a_checkpoint_that_another_process_makes_is_left_to_it(ledger, make_slice):
    make_slice()

    with FileLock(f"{ledger.path}.lock"):
        assert not checkpoints.checkpoint(ledger.engine)


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "ledger.db"
    path.write_bytes(b"this is no database, whatever it is called" * 100)
    before = path.read_bytes()

    with pytest.raises(NotALedgerError, match="is not a SQLite database"):
        Ledger.open(path)

    assert path.read_bytes() == before


@pytest.mark.parametrize("statement", ["CREATE TABLE notes (x)", "PRAGMA application_id = 7"])
def test_the_database_of_another_program_is_refused(tmp_path, statement):
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE IF NOT EXISTS notes (x)")
        other.execute(statement.replace("CREATE TABLE notes", "CREATE TABLE more"))

    with pytest.raises(NotALedgerError, match="belongs to another program"):
        Ledger.open(path)


@pytest.mark.parametrize("version", [(3, 7, 17), (3, 34, 1)])
def test_a_sqlite_without_returning_is_refused_and_nothing_is_made(tmp_path, monkeypatch, version):
    monkeypatch.setattr("sqlite3.sqlite_version_info", version)

    with pytest.raises(LedgerError, match=r"the ledger needs 3\.35\.0 or newer") as caught:
        Ledger.open(tmp_path / "ledger.db")

    assert f"SQLite is {'.'.join(map(str, version))};" in str(caught.value)
    assert caught.value.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_the_oldest_sqlite_with_returning_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr("sqlite3.sqlite_version_info", (3, 35, 0))

    with Ledger.open(tmp_path / "ledger.db") as ledger:
        assert ledger.uuid()


@pytest.mark.parametrize(("create", "sentence"), [(True, "does not exist; create it"), (False, "no ledger")])
def test_a_missing_ledger_or_folder_is_told(tmp_path, create, sentence):
    with pytest.raises(AccessError, match=sentence):
        Ledger.open(tmp_path / "none" / "ledger.db", create=create)


def test_a_ledger_locked_by_somebody_else_is_told(ledger, monkeypatch):
    monkeypatch.setattr("ledger.database.BUSY_SECONDS", 0.05)
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with (
            Ledger.open(ledger.path) as waiting,
            pytest.raises(LedgerBusyError, match="is locked by another"),
        ):
            waiting.beat(1)


def test_a_ledger_that_has_no_log_yet_is_waited_for_as_well(ledger):
    ledger.close()
    with closing(sqlite3.connect(ledger.path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("PRAGMA journal_mode=DELETE")
        other.execute("BEGIN IMMEDIATE")
        letting_go = Timer(0.2, other.rollback)
        letting_go.start()

        try:
            with Ledger.open(ledger.path) as waited:
                assert pragma(waited, "journal_mode") == "wal"
        finally:
            letting_go.join()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [("mysql://h/d", "not in mysql"), ("://nothing", "cannot be read")],
)
def test_a_url_that_cannot_be_a_ledger_is_told(url, sentence):
    with pytest.raises(LedgerError, match=sentence):
        ledger_url(url)


def test_a_plain_path_is_a_sqlite_file_wherever_the_command_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert Path(str(ledger_url("x.db").database)) == tmp_path / "x.db"


def test_a_postgresql_url_gets_its_driver():
    assert ledger_url("postgresql://h/d").drivername == "postgresql+psycopg"


def test_an_error_that_may_be_a_bug_of_ours_is_not_explained_away(ledger):
    with pytest.raises(Exception, match="no such table") as caught, reading(ledger.engine) as conn:
        conn.execute(text("SELECT * FROM not_there"))

    assert translated(caught.value, "x") is None


def test_text_that_is_no_text_is_told_as_what_it_is(ledger):
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as other:
        other.execute("INSERT INTO settings VALUES ('artifact_root', CAST(x'FFFE' AS TEXT))")

    with pytest.raises(NotALedgerError, match="holds text that is not UTF-8"):
        ledger.artifact_root()


@pytest.mark.parametrize("url", ["postgresql://me:hunter2@h/db", "postgresql://h/db?password=hunter2"])
def test_a_ledger_is_never_named_with_its_password(url):
    told = shown(ledger_url(url))

    assert "hunter2" not in told
    assert told.startswith("postgresql+psycopg://")
