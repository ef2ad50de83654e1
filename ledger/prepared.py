"""A statement that is compiled once: building it anew costs several times what the database needs for it."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.dml import UpdateBase


@dataclass(frozen=True, slots=True)
class _Compiled:
    sql: str
    positions: Sequence[str] | None  # the names in the order of the marks; None where marks have names
    defaults: Mapping[str, Any]
    processors: Mapping[str, Callable[[Any], Any]]
    row: Any  # gives the values that came back their names

    def parameters(self, given: Mapping[str, Any]) -> Any:
        values = {**self.defaults, **given}
        for name, process in self.processors.items():
            values[name] = process(values[name])
        return values if self.positions is None else tuple(map(values.__getitem__, self.positions))


class Prepared:
    """An INSERT or UPDATE whose values are given by name.

    `columns` are those that get a value of their own name. It goes to the driver at once, inside the
    transaction of the connection: what SQLAlchemy does around a statement takes as long as the statement.
    What goes wrong is raised as SQLAlchemy's errors.
    """

    def __init__(self, statement: UpdateBase, columns: Sequence[str] = ()) -> None:
        self._statement = statement
        self._columns = list(columns)
        self._compiled: dict[str, _Compiled] = {}

    def execute(self, conn: Connection, given: Mapping[str, Any]) -> int:
        """Execute it with these values; return how many rows it has changed."""
        compiled = self._for(conn.dialect)
        return int(_driven(conn, compiled.sql, compiled.parameters(given)).rowcount)

    def returned(self, conn: Connection, given: Mapping[str, Any]) -> Any | None:
        """Execute it with these values; return the row of its RETURNING by name, None without one."""
        compiled = self._for(conn.dialect)
        rows = _driven(conn, compiled.sql, compiled.parameters(given)).fetchall()
        return compiled.row(*rows[0]) if rows else None

    def execute_each(self, conn: Connection, given: Sequence[Mapping[str, Any]]) -> None:
        """Execute it with each of several sets of values, if there are any."""
        if len(given) == 1:  # PostgreSQL's driver takes longer to get ready for several
            self.execute(conn, given[0])
        elif given:
            compiled = self._for(conn.dialect)
            _driven(conn, compiled.sql, [compiled.parameters(each) for each in given])

    def _for(self, dialect: Dialect) -> _Compiled:
        if dialect.name not in self._compiled:
            self._compiled[dialect.name] = self._compile(dialect)
        return self._compiled[dialect.name]

    def _compile(self, dialect: Dialect) -> _Compiled:
        compiled: Any = self._statement.compile(dialect=dialect, column_keys=self._columns or None)
        processors = {
            name: bind.type.dialect_impl(dialect).bind_processor(dialect)
            for name, bind in compiled.binds.items()
        }
        names = [column["name"] for column in self._statement.returning_column_descriptions]
        return _Compiled(
            sql=compiled.string,
            positions=compiled.positiontup if compiled.positional else None,
            defaults=compiled.params,
            processors={name: process for name, process in processors.items() if process is not None},
            row=namedtuple("Returned", names),
        )


def _driven(conn: Connection, sql: str, values: Any) -> Any:
    """Give the driver a statement with its values, a list for several; return the driver's cursor."""
    dialect = conn.dialect
    if conn.dispatch.before_cursor_execute or dialect.dispatch.handle_error:  # somebody listens
        return conn.exec_driver_sql(sql, values)
    cursor: Any = None
    try:
        cursor = conn.connection.cursor()
        (cursor.executemany if isinstance(values, list) else cursor.execute)(sql, values)
    except dialect.loaded_dbapi.Error as error:
        gone = dialect.is_disconnect(error, conn.connection, cursor)
        if gone:
            conn.invalidate(error)
        raise DBAPIError.instance(
            sql, values, error, dialect.loaded_dbapi.Error, connection_invalidated=gone, dialect=dialect
        ) from error
    return cursor
