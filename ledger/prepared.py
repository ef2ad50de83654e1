"""A statement that is compiled once: building it anew costs several times what the database needs for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, CursorResult, Dialect
from sqlalchemy.sql.dml import UpdateBase


@dataclass(frozen=True, slots=True)
class _Compiled:
    sql: str
    positions: Sequence[str] | None  # the names in the order of the marks; None where marks have names
    defaults: Mapping[str, Any]
    processors: Mapping[str, Callable[[Any], Any]]

    def parameters(self, given: Mapping[str, Any]) -> Any:
        values = {**self.defaults, **given}
        for name, process in self.processors.items():
            values[name] = process(values[name])
        return values if self.positions is None else tuple(values[name] for name in self.positions)


class Prepared:
    """An INSERT or UPDATE whose values are given by name.

    `columns` are those that get a value of their own name.
    """

    def __init__(self, statement: UpdateBase, columns: Sequence[str] = ()) -> None:
        self._statement = statement
        self._columns = list(columns)
        self._compiled: dict[str, _Compiled] = {}

    def execute(self, conn: Connection, given: Mapping[str, Any]) -> CursorResult[Any]:
        """Execute it with these values."""
        compiled = self._for(conn.dialect)
        return conn.exec_driver_sql(compiled.sql, compiled.parameters(given))

    def execute_each(self, conn: Connection, given: Sequence[Mapping[str, Any]]) -> None:
        """Execute it with each of several sets of values, if there are any."""
        if given:
            compiled = self._for(conn.dialect)
            conn.exec_driver_sql(compiled.sql, [compiled.parameters(each) for each in given])

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
        return _Compiled(
            sql=compiled.string,
            positions=compiled.positiontup if compiled.positional else None,
            defaults=compiled.params,
            processors={name: process for name, process in processors.items() if process is not None},
        )
