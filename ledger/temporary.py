"""Tables of one transaction: what it works with is gathered once, and then only joined."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, MetaData, Table, text


@contextmanager
def temporary(conn: Connection, tables: MetaData) -> Iterator[None]:
    """Make these tables, which must be temporary ones, and remove them afterwards.

    Where something raises they are left to the transaction, which then is rolled back with them.
    """
    tables.create_all(conn, checkfirst=False)
    yield
    tables.drop_all(conn, checkfirst=False)


def filled(conn: Connection, table: Table) -> None:
    """Tell PostgreSQL how much is in a temporary table: nothing else does, and until then it guesses."""
    if conn.dialect.name == "postgresql":
        conn.execute(text(f"ANALYZE {table.name}"))
