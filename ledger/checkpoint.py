"""Checkpoints of a SQLite ledger: the write-ahead log goes into the file, one process at a time."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from sqlalchemy import Engine

from ledger.database import BUSY_SECONDS, sqlite_path
from ledger.soundness import note_again

LARGE = 16 * 2**20


def wal_bytes(path: Path) -> int:
    """The size of the write-ahead log beside `path`, 0 when there is none."""
    try:
        return path.with_name(path.name + "-wal").stat().st_size
    except FileNotFoundError:
        return 0


def log_fills_disk(path: Path) -> bool:
    """Whether the log beside `path` takes more than half of what is free: it may grow that much again.

    Emptied now, it fits into the file for certain; once the disk is full it may fit no more, and
    would keep that disk full.
    """
    try:
        return 2 * wal_bytes(path) > shutil.disk_usage(path.parent).free
    except OSError:
        return False


def checkpoint(engine: Engine, *, larger_than: int = 0, known_sound: bool = False) -> bool:
    """Move the log into the database file and empty it; False when somebody else is at it.

    SQLite up to 3.51.2 can damage a file when two connections checkpoint and commit at the same
    moment; with automatic checkpoints off and this lock, ours never do. A reader that is in the
    way only puts the work off. With `known_sound` it is noted that the file is whole also after it.
    """
    path = sqlite_path(engine.url)
    if path is None or wal_bytes(path) <= larger_than:
        return False
    from filelock import FileLock, Timeout  # brings asyncio, and most commands have no log to move

    try:
        with FileLock(f"{path}.lock", timeout=0):
            done = _truncate(engine)
            if done and known_sound:
                note_again(path)
            return done
    except (Timeout, OSError):
        return False


def _truncate(engine: Engine) -> bool:
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("PRAGMA busy_timeout=1000")  # a checkpoint can wait for the next one
        blocked = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        return not blocked
    except sqlite3.OperationalError:
        return False
    finally:
        connection.cursor().execute(f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}")
        connection.close()
