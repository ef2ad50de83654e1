"""Databases that slices are read from: any that SQLAlchemy reaches; SQLite files are never written."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ledger.records import Slice
from ledger.secrets import masked, without_secrets
from runner.addresses import database_url, filled_in
from runner.errors import SourceError
from runner.recent import Recent
from runner.tables import Known, read
from runner.windows import Window

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.engine import URL

OPEN = 8
"""Databases a worker keeps open; the one used longest ago is closed for another."""


@dataclass(slots=True)
class Database:
    """An open database; `told` is what messages call it."""

    url: URL
    told: str
    engine: Engine
    filled_in: tuple[str, ...]  # what messages must not tell
    known: Known = field(default_factory=Known)


class Databases:
    """Finds databases by the names in the split file, and reads slices from them."""

    def __init__(self, urls: Mapping[str, str], keep_open: int = OPEN) -> None:
        self._urls = urls
        self._keep_open = keep_open
        self._open: OrderedDict[tuple[str, str | None], Database] = OrderedDict()

    def read(
        self,
        row: Slice,
        *,
        wished_time: str | None,
        together: Collection[str],
        recent: Recent | None = None,
    ) -> Window:
        """Read the slice's rows, or only `recent` ones, with columns that are best read `together`.

        Raises SourceError when the database cannot be read now, and as `tables.read` does.
        """
        from sqlalchemy.exc import SQLAlchemyError

        assert row.database is not None
        database = self._database(row.database, row.base)
        try:
            with database.engine.connect() as conn:
                return read(conn, database.known, row, wished_time, together, recent)
        except SQLAlchemyError as error:
            # The driver's own words, without the statement and its values. Never the cause: its
            # traceback would be recorded, and drivers quote what they were given.
            first = _first_line(getattr(error, "orig", None) or error)
            reason = without_secrets(first, database.url, database.filled_in)
            raise SourceError(f"{database.told}: {reason}") from None

    def leave_others(self, name: str | None, base: str | None) -> None:
        """Close every database but this one."""
        for other in [key for key in self._open if key != (name, base)]:
            self._open.pop(other).engine.dispose()

    def close(self) -> None:
        """Close every database."""
        while self._open:
            self._open.popitem()[1].engine.dispose()

    def _database(self, name: str, base: str | None) -> Database:
        key = (name, base)
        if key not in self._open:
            url = database_url(name, base, self._urls)
            self._open[key] = _database(name, url, filled_in(name, self._urls))
            if len(self._open) > self._keep_open:
                _, oldest = self._open.popitem(last=False)
                oldest.engine.dispose()
        self._open.move_to_end(key)
        return self._open[key]


def _database(name: str, url: URL, filled_in: tuple[str, ...]) -> Database:
    from sqlalchemy.exc import SQLAlchemyError

    told = f"database {masked(name)}"
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == "sqlite" and url.database:
        path = Path(url.database).absolute()
        told = f"{told} ({path})"
        return Database(url, told, _sqlite_engine(path, told), ())  # a path is no secret
    try:
        return Database(url, told, _engine(url), filled_in)
    except ImportError as error:
        raise SourceError(
            f"{told}: the driver of {url.drivername}:// cannot be loaded ({error}); "
            "install it, for PostgreSQL with pip install 'slice-ledger[postgres]'"
        ) from None
    except SQLAlchemyError as error:
        raise SourceError(f"{told}: {without_secrets(_first_line(error), url, filled_in)}") from None


def _engine(url: URL) -> Engine:
    from sqlalchemy import create_engine

    # Asking first costs a round trip and outlives a server that was started anew.
    return create_engine(url, pool_size=1, max_overflow=0, pool_pre_ping=True)


def _sqlite_engine(path: Path, told: str) -> Engine:
    from sqlalchemy import create_engine
    from sqlalchemy.pool import QueuePool

    def connect() -> sqlite3.Connection:  # read-only: a missing file is an error, not a new database
        if not path.is_file():
            raise SourceError(f"{told}: there is no such file")
        # Read in one thread at a time, but not always the same: see `readahead`.
        return sqlite3.connect(
            f"file:{quote(str(path))}?mode=ro", uri=True, timeout=30, check_same_thread=False
        )

    return create_engine("sqlite://", creator=connect, poolclass=QueuePool, pool_size=1, max_overflow=0)


def _first_line(error: Any) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
