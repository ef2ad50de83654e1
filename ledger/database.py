"""Connections to the ledger's database, and the two kinds of transaction used on them."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from ledger import faults
from ledger.errors import AccessError, ConflictError, LedgerBusyError, LedgerError, NotALedgerError
from ledger.holders import told_holders
from ledger.secrets import with_passwords
from ledger.soundness import forget

BUSY_SECONDS = 30.0
OLDEST_SQLITE = (3, 35, 0)  # the first with RETURNING


def ledger_url(ledger: str | Path) -> URL:
    """Turn a path or a URL into a database URL; a plain path means a SQLite file."""
    written = str(ledger)
    if "://" not in written:
        return URL.create("sqlite", database=str(Path(written).expanduser().absolute()))
    try:
        url = make_url(written)
    except ArgumentError as error:
        raise LedgerError(
            "the ledger's URL cannot be read; it looks like DIALECT://USER@HOST/NAME"
        ) from error
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise LedgerError(f"a ledger lives in SQLite or PostgreSQL, not in {url.get_backend_name()}")
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    return url


def sqlite_path(url: URL) -> Path | None:
    """The file of a SQLite ledger, None for PostgreSQL."""
    if url.get_backend_name() != "sqlite":
        return None
    return Path(url.database or "ledger.db").absolute()


def shown(url: URL) -> str:
    """The file of a ledger, or its URL without its passwords, wherever they stand in it."""
    return str(sqlite_path(url) or with_passwords(url, "hidden").render_as_string(hide_password=True))


def open_engine(url: URL, *, durable: bool = False, read_only: bool = False) -> Engine:
    """Make an engine whose connections obey the rules of docs/ledger.md.

    `durable` waits for the disk at every commit, as PostgreSQL always does; `read_only` refuses
    every write in the database itself, whatever SQL comes.
    """
    if url.get_backend_name() == "postgresql":
        return _postgres_engine(url, read_only=read_only)
    return _sqlite_engine(url, durable=durable, read_only=read_only)


def _sqlite_engine(url: URL, *, durable: bool, read_only: bool) -> Engine:
    _require_returning(sqlite3.sqlite_version_info)
    arguments: dict[str, Any] = {"timeout": BUSY_SECONDS, "check_same_thread": False}
    path = sqlite_path(url)
    if path is None or may_be_written(path):
        engine = create_engine(url, connect_args=arguments)
    else:
        # A connection that takes the file as unchanging must not see two moments of it.
        engine = create_engine(url, connect_args=arguments, poolclass=NullPool)
        event.listen(engine, "do_connect", partial(_look_only, path))

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        # Python's own transactions begin too late and lose updates: we say BEGIN ourselves.
        connection.isolation_level = None
        # The busy timeout comes first: switching to WAL needs a lock itself.
        connection.execute(f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}")
        if read_only:
            connection.execute("PRAGMA query_only=ON")
        else:
            _log_ahead(connection)
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        # Checkpoints are ours alone, made under a file lock (ledger/checkpoint.py).
        connection.execute("PRAGMA wal_autocheckpoint=0")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        mode = connection.get_execution_options().get("sqlite_begin", "")
        connection.exec_driver_sql(f"BEGIN {mode}")

    return engine


def _require_returning(version: tuple[int, ...]) -> None:
    if version < OLDEST_SQLITE:
        told, oldest = (".".join(map(str, each)) for each in (version, OLDEST_SQLITE))
        raise LedgerError(
            f"Python's SQLite is {told}; the ledger needs {oldest} or newer, so use a newer Python build"
        )


def may_be_written(path: Path) -> bool:
    """Whether SQLite could make the files of a write-ahead log beside `path`."""
    return os.access(path.parent, os.W_OK) or not path.exists()


def _look_only(path: Path, _: Any, __: Any, places: list[Any], arguments: dict[str, Any]) -> None:
    # SQLite reads a file whose folder is closed to it only where it is told that nothing changes it.
    # That is so as long as there is no log: nobody has the ledger open then who may write.
    if not path.with_name(f"{path.name}-wal").exists():
        places[0] = f"{path.as_uri()}?immutable=1"
        arguments["uri"] = True


def _log_ahead(connection: sqlite3.Connection) -> None:
    # For the switch itself SQLite does not wait: two processes that make a ledger at once would meet
    # "database is locked".
    patience = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > patience:
                raise
            time.sleep(0.01)
        else:
            return


def _postgres_engine(url: URL, *, read_only: bool) -> Engine:
    # A runner outlives a server that crashes: what it was told is committed must still be there, or
    # attempts are numbered again that it holds.
    options = f"-c timezone=UTC -c synchronous_commit=on -c lock_timeout={int(BUSY_SECONDS * 1000)}"
    if read_only:
        options += " -c default_transaction_read_only=on"
    else:
        # A process that is stopped in the middle of a transaction would keep its locks until it wakes.
        options += f" -c idle_in_transaction_session_timeout={int(BUSY_SECONDS * 1000)}"
    arguments: dict[str, Any] = {"options": options, "application_name": "slice-ledger"}
    try:
        return create_engine(url, connect_args=arguments, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise LedgerError(
            "a PostgreSQL ledger needs psycopg: pip install 'slice-ledger[postgres]'"
        ) from error


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees one moment of the ledger and writes nothing."""
    with _told(engine), engine.connect().execution_options(**_moment(engine)) as conn, conn.begin():
        yield conn


def _moment(engine: Engine) -> dict[str, Any]:
    # By itself PostgreSQL shows every statement a moment of its own; SQLite shows one per transaction.
    if engine.dialect.name == "sqlite":
        return {}
    return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that takes the write lock at once.

    One that began by reading and wrote later would fail with "database is locked" when another
    writer came between, and no busy timeout would help it.
    """
    with (
        _told(engine),
        engine.connect().execution_options(sqlite_begin="IMMEDIATE") as conn,
        conn.begin(),
    ):
        faults.reach("begun")
        yield conn
        faults.reach("committing")
    faults.reach("committed")


_SENTENCES: dict[int, tuple[type[LedgerError], str]] = {
    sqlite3.SQLITE_BUSY: (
        LedgerBusyError,
        "is locked by another program for more than 30 seconds; close what has it open and try again",
    ),
    sqlite3.SQLITE_NOTADB: (NotALedgerError, "is not a SQLite database; name another file with --ledger"),
    sqlite3.SQLITE_CORRUPT: (
        NotALedgerError,
        "is damaged; restore a backup, or save what is readable with `sqlite3 FILE .recover`",
    ),
    sqlite3.SQLITE_READONLY: (AccessError, "cannot be written; check the rights of the file and its folder"),
    sqlite3.SQLITE_CANTOPEN: (
        AccessError,
        "cannot be opened; check that its folder exists and may be written",
    ),
    sqlite3.SQLITE_FULL: (AccessError, "cannot grow: the disk is full; free some space and go on"),
    sqlite3.SQLITE_IOERR: (AccessError, "cannot be read or written: the disk reports an error"),
    sqlite3.SQLITE_PERM: (AccessError, "may not be opened by this user"),
}


_STATES: dict[str, tuple[type[LedgerError], str]] = {
    "40": (ConflictError, "put this transaction behind another one; try again"),
    "53100": (AccessError, "cannot grow: the server's disk is full; free some space and go on"),
    "53": (AccessError, "has no room for another connection"),
    "55P03": (LedgerBusyError, "is locked by another program; close what has it open and try again"),
    "25006": (AccessError, "may only be read"),
    "42501": (AccessError, "may not be used this way by this user"),
}
"""PostgreSQL's SQLSTATE or its class."""


def translated(error: DBAPIError, where: str) -> LedgerError | None:
    """The sentence for a database error that is no bug of ours, None for every other."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        known = _SENTENCES.get(code & 0xFF)
        return known[0](f"the ledger {where} {known[1]}") if known else None
    state = str(getattr(error.orig, "sqlstate", None) or "")
    if known := _STATES.get(state) or _STATES.get(state[:2]):
        return known[0](f"the ledger {where} {known[1]}")
    if (
        error.connection_invalidated
        or (not state and isinstance(error, OperationalError))
        or state[:2]
        in (
            "08",  # connection exceptions
            "57",  # the server was shut down, or ended this connection
        )
    ):
        reason = str(error.orig).strip().splitlines()
        return AccessError(f"the ledger {where} cannot be reached: {reason[0] if reason else 'no answer'}")
    return None


@contextmanager
def _told(engine: Engine) -> Iterator[None]:
    """Say in a sentence what the database refuses, where the cause is outside this program."""
    try:
        yield
    except DBAPIError as error:
        told = translated(error, shown(engine.url))
        if told is None:
            raise
        if type(told) is NotALedgerError and (path := sqlite_path(engine.url)) is not None:
            forget(path)
        if type(told) is LedgerBusyError:  # of a conflict the server has told already
            told = LedgerBusyError(f"{told}{told_holders(engine, sqlite_path(engine.url))}")
        raise told from error
