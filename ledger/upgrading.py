"""Bringing an older ledger to this program's schema, with a copy kept of what it was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

from ledger import migrate
from ledger.backup import back_up
from ledger.database import ledger_url, open_engine, shown, sqlite_path, writing
from ledger.errors import AccessError, SchemaError
from ledger.migrate import OURS, Migrations
from ledger.rest import keep_at_rest, require_rest
from ledger.store import Ledger


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
        return f"Upgraded from schema {self.before} to {self.after}. The ledger as it was: {self.backup}"


def upgrade_ledger(ledger: str | Path, migrations: Migrations = OURS) -> UpgradeReport:
    """Run what is missing in one transaction, after a backup; on any error nothing has changed.

    Raises AccessError when there is no ledger or no room for the backup, SchemaError when the
    ledger is newer than this program or a runner is at work on it.
    """
    url = ledger_url(ledger)
    path = sqlite_path(url)
    if path is not None and not path.exists():
        raise AccessError(f"there is no ledger {path}; `ledger import split.csv` makes one")
    found = migrate.revision_at(url)
    if found is None:
        raise AccessError(f"there is no ledger in {shown(url)}; `ledger import split.csv` makes one")
    migrate.require_known(found, shown(url), migrations)
    with Ledger(open_engine(url, durable=True)) as opened, writing(opened.engine) as conn:
        return _upgrade(conn, opened, migrations)


def _upgrade(conn: Connection, ledger: Ledger, migrations: Migrations) -> UpgradeReport:
    migrate.lock(conn)  # two may upgrade at once: the second one waits here, and finds nothing to do
    before = migrate.revision_of(conn) or ""
    if before == migrations.newest:
        return UpgradeReport(before, before, None)
    keep_at_rest(conn)
    require_rest(conn, SchemaError)
    backup = back_up(ledger, _beside(ledger, before), migrations)
    migrate.upgrade(conn, migrations)
    return UpgradeReport(before, migrations.newest, backup.file)


def _beside(ledger: Ledger, revision: str) -> Path:
    """A new name for the backup: beside a SQLite file, in the current folder for PostgreSQL."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
    path = ledger.path or Path(f"{ledger.engine.url.database}.db").absolute()
    return path.with_name(f"{path.stem}-schema-{revision}-{stamp}{path.suffix}")
