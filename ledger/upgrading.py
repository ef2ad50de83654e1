"""Bringing an older ledger to this program's schema, with a copy kept of what it was."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine

from ledger import migrate
from ledger.database import ledger_url, open_engine, reading, sqlite_path, writing
from ledger.errors import AccessError, SchemaError
from ledger.runners import live_runners


@dataclass(frozen=True, slots=True)
class UpgradeReport:
    """From which revision to which, and where the copy of before is."""

    before: str
    after: str
    backup: Path | None

    def sentence(self) -> str:
        """The report in words."""
        if self.before == self.after:
            return f"The ledger has schema {self.after} already; nothing was changed."
        kept = f" The ledger as it was: {self.backup}" if self.backup else ""
        return f"Upgraded from schema {self.before} to {self.after}.{kept}"


def upgrade_ledger(ledger: str | Path) -> UpgradeReport:
    """Run what is missing in one transaction; on any error nothing has changed.

    Raises AccessError when there is no ledger, SchemaError when it is newer than this program or a
    runner is at work on it.
    """
    url = ledger_url(ledger)
    path = sqlite_path(url)
    if path is not None and not path.exists():
        raise AccessError(f"there is no ledger {path}; `ledger import split.csv` makes one")
    engine = open_engine(url)
    try:
        before = _revision(engine, str(ledger))
        if before == migrate.REVISION:
            return UpgradeReport(before, before, None)
        backup = None if path is None else _backup(path, before)
        _migrate(engine)
        return UpgradeReport(before, migrate.REVISION, backup)
    finally:
        engine.dispose()


def _revision(engine: Engine, ledger: str) -> str:
    with reading(engine) as conn:
        found = migrate.revision_of(conn)
        if found is None:
            raise AccessError(f"there is no ledger in {ledger}; `ledger import split.csv` makes one")
        if found > migrate.REVISION:
            migrate.require_current(found, ledger)
        _require_rest(conn)
        return found


def _migrate(engine: Engine) -> None:
    with writing(engine) as conn:
        _require_rest(conn)
        migrate.upgrade(conn)


def _require_rest(conn: Connection) -> None:
    alive = [runner for runner in live_runners(conn) if runner.alive is not False]
    if alive:
        runner = alive[0]
        raise SchemaError(
            f"runner {runner.id} ({runner.process.host}, pid {runner.process.pid}) is at work "
            "on this ledger; stop it first"
        )


def _backup(path: Path, revision: str) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    target = path.with_name(f"{path.stem}-schema-{revision}-{stamp}{path.suffix}")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    return target
