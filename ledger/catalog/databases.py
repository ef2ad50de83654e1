"""The series in a database: the numeric columns of its tables with a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledger.catalog.found import Search, Table, Wanted
from ledger.errors import AccessError, LedgerError
from ledger.schema import VERSION_TABLE, metadata
from ledger.secrets import with_passwords, without_secrets
from ledger.tabular import time_column
from ledger.variables import VARIABLE, filled, values_in

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Engine
    from sqlalchemy.engine import URL
    from sqlalchemy.exc import SQLAlchemyError


PASSWORD = "THE-PASSWORD"
"""Stands in a URL while it is written, which would quote a variable."""


def in_sqlite(path: Path, search: Search) -> Iterator[Table]:
    """Yield the tables of a SQLite file; one that cannot be read is noted and left out."""
    from sqlalchemy import create_engine
    from sqlalchemy.engine import URL
    from sqlalchemy.exc import SQLAlchemyError

    database = search.relative(path).removesuffix(".db")
    name = search.names.take(path.stem, database)
    engine = create_engine(URL.create("sqlite", database=str(path)))
    try:
        yield from _in_engine(engine, database, name, search)
    except SQLAlchemyError as error:
        search.notes.skip(f"cannot be read ({_reason(error)})", str(path))
    finally:
        engine.dispose()


def in_url(source: str, search: Search) -> Iterator[Table]:
    """Yield the tables of the database behind a URL, and note the URL for runner.toml.

    Raises LedgerError for what is no database URL, AccessError where the database does not answer.
    """
    from sqlalchemy import create_engine, make_url
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError

    try:
        if source.count("@") > 1:  # of a password that is not escaped a part would be taken for the host
            raise ArgumentError
        url = make_url(filled(source))
        if url.drivername == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        engine = create_engine(url)
    except (
        ArgumentError,
        ModuleNotFoundError,
    ):  # neither it nor its words are shown: there may be a password
        raise LedgerError(
            f"{source.partition('://')[0]}://… is the URL of no database this program can open; one looks "
            "like DIALECT://USER@HOST/NAME (in a password @ is %40), and files are given by their paths"
        ) from None
    database = url.database or "database"
    name = search.names.take(database, f"{url.host}/{database}")
    search.notes.urls[name] = source if VARIABLE.search(source) else _told(url)
    try:
        yield from _in_engine(engine, name, name, search)
    except SQLAlchemyError as error:
        reason = without_secrets(_reason(error), url, values_in(source))
        raise AccessError(f"database {name} cannot be read: {reason}") from None
    finally:
        engine.dispose()


def _told(url: URL) -> str:
    """The URL for runner.toml, with an environment variable where a password was."""
    written = with_passwords(url, PASSWORD).render_as_string(hide_password=False)
    return written.replace(PASSWORD, "${DATABASE_PASSWORD}")


def _reason(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0]


def _in_engine(engine: Engine, database: str, name: str, search: Search) -> Iterator[Table]:
    from sqlalchemy import inspect

    with engine.connect() as conn:
        inspector = inspect(conn)
        there = inspector.get_table_names()
        ours = {VERSION_TABLE, *metadata.tables} if VERSION_TABLE in there else set()
        for table in sorted(filter(search.wanted.takes_table, there)):
            columns = {str(each["name"]): each["type"] for each in inspector.get_columns(table)}
            time, values = _series(columns, search.wanted)
            if table in ours:
                search.notes.skip("belong to a ledger", f"{database}.{table}")
            elif time is None or not values:
                search.notes.skip("have no time or no numeric column", f"{database}.{table}")
            elif (times := _times(conn, table, time, search.rows)) is None:
                search.notes.skip("are empty", f"{database}.{table}")
            else:
                source = {"database": database, "table": table}
                yield Table(source, f"{name}.{table}", values, *times)


def _series(columns: Mapping[str, Any], wanted: Wanted) -> tuple[str | None, list[str]]:
    """The time column, None when there is none, and the value columns that are wanted."""
    from sqlalchemy import Boolean, Float, Integer, Numeric

    time = time_column(list(columns), wanted.time_column)
    values = [
        name
        for name, kind in columns.items()
        if name != time
        and isinstance(kind, (Integer, Float, Numeric))
        and not isinstance(kind, Boolean)
        and wanted.takes_column(name)
    ]
    return (time if time in columns else None), values


def _times(conn: Connection, name: str, time: str, rows: int) -> tuple[str, str, list[str]] | None:
    """The first and the last time of a table and its `rows` last ones, None when it has none."""
    from sqlalchemy import column, func, select, table
    from sqlalchemy.sql import quoted_name

    clock: ColumnElement[Any] = column(quoted_name(time, True))
    source = table(quoted_name(name, True))
    first, last = conn.execute(select(func.min(clock), func.max(clock)).select_from(source)).one()
    if last is None:
        return None
    recent = select(clock).select_from(source).where(clock.is_not(None)).order_by(clock.desc())
    tail = conn.execute(recent.limit(rows)).scalars().all() if rows else []
    return str(first), str(last), [str(value) for value in reversed(tail)]
