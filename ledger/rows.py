"""Every row of a ledger, carried from one connection to another with its keys as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Inspector,
    MetaData,
    Select,
    Table,
    bindparam,
    delete,
    event,
    func,
    insert,
    inspect,
    select,
    text,
    update,
)

from ledger.schema import VERSION_TABLE, Utc, metadata, settings

BATCH = 1_000
ORDER = [table.name for table in metadata.sorted_tables]
"""A table comes after those that its rows name; slices and their champions name each other."""


def as_they_are(conn: Connection, *, like: Connection) -> list[Table]:
    """The tables behind `conn`, in order: those that the ledger `like`, of the same schema, has.

    They may be of an older schema than this program's.
    """
    found = MetaData()

    @event.listens_for(found, "column_reflect")
    def tell_times(_: Inspector, table: Table, column: dict[str, Any]) -> None:  # noqa: ARG001
        if isinstance(column["type"], DateTime):
            column["type"] = Utc()

    names = {name for name in inspect(like).get_table_names() if name != VERSION_TABLE}
    found.reflect(conn, only=sorted(names))
    return sorted(found.tables.values(), key=lambda table: (*ORDER, table.name).index(table.name))


def copy_rows(source: Connection, target: Connection, tables: Sequence[Table]) -> dict[str, int]:
    """Copy every row of `tables` into the same, empty tables; return how many each has.

    Memory stays flat however many there are. New rows of the target go on counting where the
    source would have: an id that was ever given is never given again.
    """
    target.execute(delete(settings))
    counts = {table.name: _copy(source, target, table) for table in tables}
    _name_champions(source, target, next(table for table in tables if table.name == "slices"))
    for table in tables:
        if (key := table.autoincrement_column) is not None:
            _go_on_counting(target, table, key, last=_last_given(source, table, key))
    return counts


def name_root(conn: Connection, root: str) -> None:
    """Say where the model files are, unless the ledger does: the default would be beside the copy."""
    if conn.execute(select(settings).where(settings.c.key == "artifact_root")).first() is None:
        conn.execute(insert(settings).values(key="artifact_root", value=root))


def _copy(source: Connection, target: Connection, table: Table) -> int:
    columns = [column for column in table.columns if column.name != "champion_id"]
    count = 0
    # In the order of the keys, an attempt comes after the one it started from.
    for batch in source.execute(_streamed(select(*columns).order_by(*table.primary_key))).partitions():
        target.execute(insert(table), [row._asdict() for row in batch])
        count += len(batch)
    return count


def _name_champions(source: Connection, target: Connection, slices: Table) -> None:
    named = select(slices.c.position.label("at"), slices.c.champion_id.label("champion"))
    serving = named.where(slices.c.champion_id.is_not(None)).order_by(slices.c.position)
    naming = (
        update(slices).where(slices.c.position == bindparam("at")).values(champion_id=bindparam("champion"))
    )
    for batch in source.execute(_streamed(serving)).partitions():
        target.execute(naming, [row._asdict() for row in batch])


def _streamed(rows: Select[Any]) -> Select[Any]:
    return rows.execution_options(stream_results=True, yield_per=BATCH)


def _last_given(conn: Connection, table: Table, key: Column[Any]) -> int:
    if conn.dialect.name == "sqlite":
        given = select(text("seq")).select_from(text("sqlite_sequence")).where(text("name = :table"))
        return int(conn.execute(given, {"table": table.name}).scalar() or 0)
    counter = conn.execute(_COUNTER, {"table": table.name, "column": key.name}).scalar_one()
    last = text(f"SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM {counter}")
    largest = conn.execute(select(func.max(key))).scalar() or 0
    return max(int(conn.execute(last).scalar_one()), int(largest))


def _go_on_counting(conn: Connection, table: Table, key: Column[Any], *, last: int) -> None:
    if last == 0:
        return
    if conn.dialect.name == "sqlite":
        given = {"table": table.name, "last": last}
        conn.execute(text("DELETE FROM sqlite_sequence WHERE name = :table"), given)
        conn.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :last)"), given)
    else:
        counter = conn.execute(_COUNTER, {"table": table.name, "column": key.name}).scalar_one()
        conn.execute(text("SELECT setval(:counter, :last)"), {"counter": counter, "last": last})


_COUNTER = text("SELECT pg_get_serial_sequence(:table, :column)")
