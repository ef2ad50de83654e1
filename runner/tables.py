"""One slice's rows from a table of an open database."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ledger.ranges import interval
from ledger.records import Slice
from ledger.secrets import masked
from ledger.tabular import time_column
from runner.bounds import after, bounds
from runner.cut import require_column
from runner.errors import MissingColumnError, NoDataError
from runner.fetching import fetched
from runner.recent import Recent
from runner.timeaxis import time_axis
from runner.windows import Window

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, FromClause, Inspector


@dataclass(frozen=True, slots=True)
class KnownTable:
    """A table as the database knows it."""

    schema: str | None
    name: str
    columns: list[str]


@dataclass(slots=True)
class Known:
    """What has been learnt of a database's tables, by their names in the split file."""

    tables: dict[str, KnownTable] = field(default_factory=dict)
    samples: dict[tuple[str, str], Any] = field(default_factory=dict)


def read(
    conn: Connection,
    known: Known,
    row: Slice,
    wished_time: str | None,
    together: Collection[str] = (),
    recent: Recent | None = None,
) -> Window:
    """Read the slice's column, or all columns where it names none, from its first time to its last.

    With `recent` only the rows that are new are read. Columns that are best read `together` with it come
    too, as far as they are there and room is. Raises MissingColumnError for a table or column that is not
    there, and UnfitDataErrors for what they hold.
    """
    from sqlalchemy import column, select
    from sqlalchemy.sql import quoted_name

    database = masked(str(row.database))
    place = f"table {row.table!r} of database {database!r}"
    table = _table(conn, known, database, str(row.table))
    time = time_column(table.columns, wished_time) or table.columns[0]
    values = _values(table.columns, time, row.column, place)
    if row.column is not None:
        others = set(together)
        values += [name for name in table.columns if name in others and name not in (time, row.column)]
    clock: ColumnElement[Any] = column(quoted_name(time, True))
    source = _quoted(table)
    sample = _sample(conn, known, (str(row.table), time), clock, source)
    wanted = select(clock, *(column(quoted_name(name, True)) for name in values)).select_from(source)
    wanted = wanted.where(clock.is_not(None))
    for bound in _bounds(clock, sample, row, recent):
        wanted = wanted.where(bound)
    if recent is not None:
        wanted = wanted.order_by(clock.desc()).limit(recent.rows)
    times, *columns = fetched(conn, wanted, least=1 + (len(values) if row.column is None else 1))
    if not len(times):
        raise NoDataError(f"{place} {_nothing(row, time, sample, recent)}")
    axis = time_axis(times.rename(time), place)
    named = dict(zip(values, columns, strict=False))
    return Window(named, axis, whole=row.column is None)


def _bounds(
    clock: ColumnElement[Any], sample: Any, row: Slice, recent: Recent | None
) -> list[ColumnElement[bool]]:
    if recent is not None:
        return after(clock, sample, recent.after)
    return bounds(clock, sample, interval(row.train_from, row.train_to), interval(row.test_from, row.test_to))


def _nothing(row: Slice, time: str, sample: Any, recent: Recent | None) -> str:
    if sample is None:
        return "is empty"
    if recent is not None:
        return f"has no rows after {recent.ends[0]}"
    return (
        f"has no rows from {row.train_from} to {row.test_to}; "
        f"its time column {time!r} holds values such as {str(sample)[:60]!r}"
    )


def _values(columns: Sequence[str], time: str, wished: str | None, place: str) -> list[str]:
    for name in filter(None, (time, wished)):
        require_column(name, list(columns), place)
    return [wished] if wished is not None else [name for name in columns if name != time]


def _quoted(table: KnownTable) -> FromClause:
    """The table for FROM, its name quoted by the dialect: a name from a split file is never SQL."""
    from sqlalchemy import table as table_of
    from sqlalchemy.sql import quoted_name

    schema = None if table.schema is None else quoted_name(table.schema, True)
    return table_of(quoted_name(table.name, True), schema=schema)


def _table(conn: Connection, known: Known, database: str, name: str) -> KnownTable:
    """The table called `name`, or, where there is none, `schema.table` as its two parts."""
    if name in known.tables:
        return known.tables[name]
    from sqlalchemy import inspect
    from sqlalchemy.exc import NoSuchTableError

    inspector = inspect(conn)
    for schema, table in _readings(inspector, name):
        try:
            found = [str(column["name"]) for column in inspector.get_columns(table, schema=schema)]
        except NoSuchTableError:
            continue
        known.tables[name] = KnownTable(schema, table, found)
        return known.tables[name]
    there = ", ".join(sorted(inspector.get_table_names())[:5]) or "none"
    raise MissingColumnError(f"database {database!r} has no table {name!r}; it has {there}")


def _readings(inspector: Inspector, name: str) -> Iterator[tuple[str | None, str]]:
    """What a name may mean: schema and table, each of which may have dots in it."""
    yield None, name
    if "." in name:
        for schema in inspector.get_schema_names():
            if name.startswith(f"{schema}."):
                yield schema, name.removeprefix(f"{schema}.")


def _sample(
    conn: Connection, known: Known, key: tuple[str, str], clock: ColumnElement[Any], source: FromClause
) -> Any:
    """One value of the time column, which tells how times are stored there; None for an empty table."""
    from sqlalchemy import select

    if key not in known.samples:
        there = select(clock).select_from(source).where(clock.is_not(None))
        sample = conn.execute(there.limit(1)).scalar()
        if sample is None:  # it may be filled later
            return None
        known.samples[key] = sample
    return known.samples[key]
