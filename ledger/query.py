"""SQL of the user's own, on a connection that cannot write."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, ResourceClosedError
from sqlalchemy.pool import ConnectionPoolEntry

from ledger.database import open_engine, reading
from ledger.errors import QueryError

_ALLOWED = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
)
_HARMFUL = frozenset({"load_extension", "writefile", "edit", "fts3_tokenizer"})
BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Answer:
    """The columns of a query, and its rows as they come."""

    columns: list[str]
    rows: Iterator[tuple[Any, ...]]


@contextmanager
def answering(url: URL, sql: str) -> Iterator[Answer]:
    """Run one SELECT and yield its answer; memory stays flat however many rows it has.

    The connection is read-only, and SQLite is asked about every single action of the statement.
    Raises QueryError with the database's own words.
    """
    engine = open_engine(url, read_only=True)
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _guard)
    try:
        with reading(engine) as conn, closing(_asked(conn, sql.rstrip().rstrip(";"))) as result:
            yield Answer(list(result.keys()), (tuple(row) for row in result.yield_per(BATCH)))
    except ResourceClosedError:
        raise QueryError("the query returns no rows; `ledger query` takes a SELECT") from None
    except DBAPIError as error:
        raise QueryError(f"the query cannot be answered: {_reason(error)}") from None
    finally:
        engine.dispose()


def _asked(conn: Connection, sql: str) -> CursorResult[Any]:
    if conn.dialect.name != "postgresql":
        return conn.exec_driver_sql(sql)
    # The extended protocol takes one statement only: a second one could end the transaction. With
    # parameters, even none, the driver reads a single % as the place of one.
    return conn.execution_options(stream_results=True).exec_driver_sql(sql.replace("%", "%%"), ())


def _guard(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    connection.set_authorizer(_authorize)


def _authorize(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    if action == sqlite3.SQLITE_FUNCTION and second in _HARMFUL:
        return sqlite3.SQLITE_DENY
    if action in _ALLOWED or (
        action == sqlite3.SQLITE_TRANSACTION and first in ("BEGIN", "ROLLBACK", "COMMIT")
    ):
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def _reason(error: DBAPIError) -> str:
    told = str(error.orig).strip().splitlines()[0]
    return "it may only read (SELECT)" if told == "not authorized" else told


def run_query(engine: Engine, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The columns and all rows of one SELECT. Raises QueryError."""
    with answering(engine.url, sql) as answer:
        return answer.columns, list(answer.rows)
