"""Series in databases: any that SQLAlchemy reaches, opened for reading only."""

from __future__ import annotations

import re
import sqlite3
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ledger.errors import LedgerError
from ledger.formats import DATABASES
from ledger.ranges import Interval, interval
from ledger.records import Slice
from ledger.tabular import time_column
from ledger.variables import filled
from runner.cut import Cut, cut_frame, require_column
from runner.errors import MissingColumnError, NoDataError, SourceError
from runner.timeaxis import MILLISECONDS, time_axis

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Engine

OPEN = 8
"""Databases a worker keeps open; the one used longest ago is closed for another."""

_ISO = re.compile(r"\d{4}-\d{2}")


@dataclass(frozen=True, slots=True)
class KnownTable:
    """A table as the database knows it."""

    schema: str | None
    name: str
    columns: list[str]


@dataclass(slots=True)
class Database:
    """An open database and what is known of its tables."""

    engine: Engine
    tables: dict[str, KnownTable] = field(default_factory=dict)
    samples: dict[tuple[str, str], Any] = field(default_factory=dict)


class Databases:
    """Finds databases by the names in the split file, and reads slices from them."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls = urls
        self._open: OrderedDict[tuple[str, str | None], Database] = OrderedDict()

    def load(self, row: Slice, *, wished_time: str | None) -> Cut:
        """Read the slice's rows and cut them.

        Raises SourceError when the database cannot be read now, MissingColumnError for a table or
        column that is not there, and other UnfitDataErrors for what it holds.
        """
        from sqlalchemy.exc import DBAPIError, SQLAlchemyError

        assert row.database is not None
        try:
            database = self._database(row.database, row.base)
            with database.engine.connect() as conn:
                return _read(conn, database, row, wished_time)
        except DBAPIError as error:
            raise SourceError(f"database {row.database}: {_reason(error)}") from None
        except SQLAlchemyError as error:
            raise SourceError(f"database {row.database}: {str(error).splitlines()[0]}") from None

    def close(self) -> None:
        """Close every database."""
        while self._open:
            self._open.popitem()[1].engine.dispose()

    def _database(self, name: str, base: str | None) -> Database:
        key = (name, base)
        if key not in self._open:
            self._open[key] = Database(_engine(self._url(name, base)))
            if len(self._open) > OPEN:
                _, oldest = self._open.popitem(last=False)
                oldest.engine.dispose()
        self._open.move_to_end(key)
        return self._open[key]

    def _url(self, name: str, base: str | None) -> str:
        """The URL behind a name: of runner.toml, of its template, or a SQLite file beside the split file."""
        if name in self._urls:
            return _filled(self._urls[name])
        if "://" in name:
            return _filled(name)
        if "*" in self._urls:
            return _filled(self._urls["*"].replace("{database}", quote(name, safe="")))
        folder = Path(base or ".")
        for suffix in ("", *DATABASES):
            if (file := folder / f"{name}{suffix}").is_file():
                return f"sqlite:///{file}"
        raise SourceError(
            f"database {name}: there is no file {folder / name}.db, and runner.toml names no URL for it; "
            f'add `{name} = "…"` (or `"*" = "…{{database}}"` for all) under [databases]'
        )


def _filled(url: str) -> str:
    try:
        return filled(url)
    except LedgerError as error:
        raise SourceError(str(error)) from None


def _engine(url: str) -> Engine:
    from sqlalchemy import create_engine, make_url
    from sqlalchemy.pool import QueuePool

    parsed = make_url(url)
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return create_engine(parsed, pool_size=1, max_overflow=0, pool_pre_ping=True)
    path = Path(parsed.database).absolute()

    def connect() -> sqlite3.Connection:  # read-only: a missing file is an error, not a new database
        return sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=30)

    return create_engine("sqlite://", creator=connect, poolclass=QueuePool, pool_size=1, max_overflow=0)


def _read(conn: Connection, database: Database, row: Slice, wished_time: str | None) -> Cut:
    import pandas as pd
    from sqlalchemy import column, select, table
    from sqlalchemy.sql import quoted_name

    known = _table(conn, database, str(row.database), str(row.table))
    time = time_column(known.columns, wished_time) or known.columns[0]
    for name in filter(None, (time, row.column)):
        require_column(name, known.columns, f"table {row.table}")
    values = [row.column] if row.column is not None else [name for name in known.columns if name != time]
    # Quoted by the dialect: a name from a split file is never SQL.
    source = table(quoted_name(known.name, True), schema=known.schema and quoted_name(known.schema, True))
    clock: ColumnElement[Any] = column(quoted_name(time, True))
    there = select(clock).select_from(source).where(clock.is_not(None))
    sample = _sample(conn, database, (str(row.table), time), there)
    train, test = interval(row.train_from, row.train_to), interval(row.test_from, row.test_to)
    wanted = select(clock, *(column(quoted_name(name, True)) for name in values)).select_from(source)
    for bound in _bounds(clock, sample, train, test):
        wanted = wanted.where(bound)
    frame = pd.DataFrame(conn.execute(wanted.where(clock.is_not(None))).all(), columns=[time, *values])
    if frame.empty:
        raise NoDataError(
            f"table {row.table} of database {row.database} has no rows from {row.train_from} to {row.test_to}"
            + ("; it is empty" if sample is None else "")
        )
    return cut_frame(frame[values], time_axis(frame[time]), row)


def _table(conn: Connection, database: Database, database_name: str, name: str) -> KnownTable:
    """The table called `name`, or, where there is none, `schema.table` as its two parts."""
    if name in database.tables:
        return database.tables[name]
    from sqlalchemy import inspect
    from sqlalchemy.exc import NoSuchTableError, OperationalError

    inspector = inspect(conn)
    schema, _, bare = name.rpartition(".")
    for part, table in ((None, name), (schema or None, bare)):
        try:
            found = [str(column["name"]) for column in inspector.get_columns(table, schema=part)]
        except (NoSuchTableError, OperationalError):  # SQLite: no such schema
            continue
        database.tables[name] = KnownTable(part, table, found)
        return database.tables[name]
    there = ", ".join(sorted(inspector.get_table_names())[:5]) or "none"
    raise MissingColumnError(f"database {database_name} has no table {name!r}; it has {there}")


def _sample(conn: Connection, database: Database, key: tuple[str, str], first: Any) -> Any:
    """One value of the time column, which tells how times are stored there; None for an empty table."""
    if key not in database.samples:
        database.samples[key] = conn.execute(first.limit(1)).scalar()
    return database.samples[key]


def _bounds(clock: ColumnElement[Any], sample: Any, *ranges: Interval) -> list[ColumnElement[bool]]:
    """Conditions that an index can serve and that lose no row; the exact cut comes after them."""
    low, high = min(each.low for each in ranges), max(each.high for each in ranges)
    if isinstance(sample, datetime):
        if not isinstance(low, datetime) or not isinstance(high, datetime):
            return []
        if sample.tzinfo is not None:
            low, high = low.replace(tzinfo=UTC), high.replace(tzinfo=UTC)
        return [clock >= low, clock <= high]
    if isinstance(sample, date) and isinstance(low, datetime) and isinstance(high, datetime):
        return [clock >= low.date(), clock <= high.date()]
    if isinstance(sample, str):
        if not _ISO.match(sample) or not isinstance(low, datetime) or not isinstance(high, datetime):
            return []
        # Whatever stands between date and time, and whatever the offset, dates compare as text.
        return [clock >= _day(low, -1), clock < _day(high, 2)]
    if sample is None:
        return []
    if isinstance(low, datetime) and isinstance(high, datetime):
        unit = 1000 if float(sample) >= MILLISECONDS[0] else 1
        start, end = low.replace(tzinfo=UTC).timestamp(), high.replace(tzinfo=UTC).timestamp()
        return [clock >= start * unit, clock <= end * unit]
    return [clock >= _plain(low), clock <= _plain(high)]


def _day(moment: datetime, days: int) -> str:
    try:
        return (moment + timedelta(days=days)).date().isoformat()
    except OverflowError:
        return moment.date().isoformat()


def _plain(number: Any) -> int | float:
    return int(number) if number == int(number) else float(number)


def _reason(error: Any) -> str:
    """The driver's own words, without the statement and its values."""
    lines = str(error.orig).strip().splitlines()
    return lines[0] if lines else type(error.orig).__name__
