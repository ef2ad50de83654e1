"""A copy of the ledger as it is at one moment, whoever is at work on it."""

from __future__ import annotations

import os
import shlex
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ledger import migrate
from ledger.database import ledger_url, open_engine, reading, writing
from ledger.disk import flush_file, flush_folder, remove_database
from ledger.errors import AccessError, LedgerError
from ledger.migrate import OURS, Migrations
from ledger.rows import as_they_are, copy_rows
from ledger.store import Ledger


@dataclass(frozen=True, slots=True)
class BackupReport:
    """Where the backup is, and what it holds."""

    file: Path
    slices: int
    bytes: int
    of: Path | str  # the ledger: its file, or its URL without the password

    def sentence(self) -> str:
        """The report in words."""
        return f"{self.file}: {self.slices} slices, {self.bytes / 1e6:.1f} MB"

    def restoring(self) -> str:
        """How the backup is put in the ledger's place."""
        if isinstance(self.of, str):
            into = shlex.quote(self.of)
            return f"To restore it into an empty database: ledger copy {shlex.quote(str(self.file))} {into}"
        # SQLite would take a write-ahead log that it finds beside the file for the file's own.
        of, wal, shm = (shlex.quote(f"{self.of}{suffix}") for suffix in ("", "-wal", "-shm"))
        return (
            f"To restore it when no runner is at work: rm -f {of} {wal} {shm}; "
            f"cp {shlex.quote(str(self.file))} {of}"
        )


def back_up(ledger: Ledger, file: str | Path, migrations: Migrations = OURS) -> BackupReport:
    """Copy `ledger` into a new SQLite file, which says where the model files are.

    Raises LedgerError when `file` exists already and AccessError when it cannot be written; then
    nothing is left of it.
    """
    target = Path(file).absolute()
    _require_new(target)
    temporary = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    try:
        if ledger.path is not None:
            _copy_pages(ledger, temporary)
        else:
            _copy_rows(ledger, temporary, migrations)
        slices = _close_up(temporary, ledger.artifact_root())
        flush_file(temporary)
        _require_new(target)
        temporary.replace(target)
    except (OSError, sqlite3.Error) as error:
        remove_database(temporary)
        raise AccessError(f"the backup {target} cannot be written: {error}") from error
    except BaseException:
        remove_database(temporary)
        raise
    flush_folder(target.parent)
    return BackupReport(target, slices, target.stat().st_size, ledger.path or ledger.name)


def _copy_pages(ledger: Ledger, target: Path) -> None:
    with reading(ledger.engine) as conn, closing(sqlite3.connect(target)) as copy:
        migrate.revision_of(conn)  # the moment begins with the first look, which waits for locks
        source = conn.connection.driver_connection
        assert isinstance(source, sqlite3.Connection)
        source.backup(copy)


def _copy_rows(ledger: Ledger, target: Path, migrations: Migrations) -> None:
    engine = open_engine(ledger_url(target))
    try:
        with reading(ledger.engine) as conn, writing(engine) as copy:
            migrate.upgrade(copy, migrations, to=migrate.revision_of(conn) or migrations.newest)
            copy_rows(conn, copy, as_they_are(conn, like=copy))
    finally:
        engine.dispose()


def _close_up(copy: Path, artifact_root: str) -> int:
    """Make one file of the copy, name the place of the model files in it, and count its slices."""
    with closing(sqlite3.connect(copy, isolation_level=None)) as raw:
        # Without a write-ahead log the file is all there is to keep, and may lie where nobody can write.
        raw.execute("PRAGMA journal_mode=DELETE")
        raw.execute("INSERT OR IGNORE INTO settings VALUES ('artifact_root', ?)", (artifact_root,))
        return int(raw.execute("SELECT count(*) FROM slices").fetchone()[0])


def _require_new(target: Path) -> None:
    if target.exists():
        raise LedgerError(f"{target} exists already; give the backup a name of its own")
    if not target.parent.is_dir():
        raise AccessError(f"the folder {target.parent} of the backup does not exist; create it first")
