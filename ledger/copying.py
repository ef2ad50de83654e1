"""A ledger moved into another database: SQLite to PostgreSQL, back, or to one of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, select
from sqlalchemy.engine import URL

from ledger import migrate
from ledger.database import ledger_url, open_engine, reading, sqlite_path, writing
from ledger.disk import remove_database
from ledger.errors import LedgerError
from ledger.rest import require_rest
from ledger.rows import copy_rows, name_root
from ledger.schema import metadata, settings
from ledger.store import Ledger


@dataclass(frozen=True, slots=True)
class CopyReport:
    """How many rows each table has, and how a command finds the copy."""

    counts: Mapping[str, int]
    name: str
    option: str

    def sentence(self) -> str:
        """The report in words."""
        width = max(len(table) for table in self.counts)
        rows = "\n".join(f"{table:<{width}}  {count}" for table, count in self.counts.items())
        return f"{rows}\nThe ledger is now in {self.name}; model files stay where they are."


def copy_ledger(source: str | Path, target: str | Path) -> CopyReport:
    """Move the ledger `source` to `target`, which is empty or not there yet, in one transaction.

    Raises LedgerError while a runner is at work on `source` and when `target` holds a ledger
    already, SchemaError for a `source` of another schema; then nothing is in `target`.
    """
    url = ledger_url(target)
    path = sqlite_path(url)
    made = path is not None and not path.exists()
    with Ledger.open(source, create=False, read_only=True) as opened:
        try:
            return _copy(opened, url)
        except BaseException:
            if made and path is not None:
                remove_database(path)
            raise


def _copy(source: Ledger, url: URL) -> CopyReport:
    revision = migrate.revision_at(url)
    with Ledger(open_engine(url, durable=True)) as target:
        if revision is not None:
            migrate.require_current(revision, target.name)
        root = source.artifact_root()
        with reading(source.engine) as conn, writing(target.engine) as copy:
            require_rest(conn)
            migrate.upgrade(copy)
            _require_empty(copy, target.name)
            counts = copy_rows(conn, copy, metadata.sorted_tables)
            name_root(copy, root)
        target.checkpoint()
        return CopyReport(counts, target.name, target.option)


def _require_empty(conn: Connection, name: str) -> None:
    for table in metadata.sorted_tables:
        if table is not settings and conn.execute(select(table).limit(1)).first() is not None:
            raise LedgerError(f"the ledger {name} holds {table.name} already; copy into an empty one")
