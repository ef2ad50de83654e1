"""Who else has a ledger open or locked, as far as this user may see."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

NAMED = 3

_WITH_LOCKS = text(
    "SELECT DISTINCT a.pid, a.application_name, a.state, a.xact_start FROM pg_locks l "
    "JOIN pg_stat_activity a ON a.pid = l.pid "
    "WHERE l.granted AND l.locktype = 'relation' AND l.mode <> 'AccessShareLock' "
    "AND a.datname = current_database() AND a.pid <> pg_backend_pid() "
    "ORDER BY a.xact_start, a.pid"
)
"""A session that only reads is in nobody's way."""


def openers(path: Path) -> tuple[str, ...]:
    """Other processes that have the file `path` open, as far as this user may see."""
    import psutil

    names = {str(path), os.path.realpath(path)}
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and any(each.path in names for each in process.open_files()):
                found.append(f"{process.name()} (pid {process.pid})")
        except (psutil.Error, OSError):
            continue  # it ended, or belongs to somebody else
    return tuple(found)


def lockers(engine: Engine) -> tuple[str, ...]:
    """Other sessions of a PostgreSQL server that hold locks in the database of `engine`, oldest first."""
    with engine.connect() as conn:
        rows = conn.execute(_WITH_LOCKS).all()
    told = (f"{row.application_name or 'a session'} (pid {row.pid}, {row.state or 'hidden'})" for row in rows)
    return tuple(told)


def told_holders(engine: Engine, path: Path | None) -> str:
    """Who may keep the ledger locked, in half a sentence; "" where nothing can be known.

    It is asked when something has failed already, so nothing of its own may fail. `path` is the
    file of a SQLite ledger.
    """
    try:
        found = lockers(engine) if path is None else openers(path)
    except (ImportError, OSError, SQLAlchemyError):
        return ""
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    if not found:
        return ""
    how = "locks are held by" if path is None else "it is open in"
    return f"; {how} {', '.join(found[:NAMED])}{more}"
