"""Many rows into one table, given by column: what is alike in all of them is handed over once."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, islice

from sqlalchemy import Connection

Value = str | int | None

TOGETHER = 500
"""Rows in one statement: each statement costs as much as some rows."""


def alike(values: Sequence[Value]) -> bool:
    """Whether all values are the same one; there is at least one."""
    return values[0] == values[-1] and values.count(values[0]) == len(values)


def insert_columns(
    conn: Connection, table: str, columns: Mapping[str, Sequence[Value]], **same: Value
) -> None:
    """Insert rows whose values stand under the columns' names, in their order; at least one.

    `same` are columns with one value for all of them.
    """
    once = same | {name: values[0] for name, values in columns.items() if alike(values)}
    varying = [name for name in columns if name not in once] or [once.popitem()[0]]
    mark = "?" if conn.dialect.name == "sqlite" else "%s"
    chosen = [mark] * len(once) + [f"v.column{place}" for place in range(1, len(varying) + 1)]
    head = f"INSERT INTO {table} ({', '.join([*once, *varying])}) SELECT {', '.join(chosen)} FROM (VALUES "
    one = f"({', '.join([mark] * len(varying))})"
    rows = zip(*(columns[name] for name in varying), strict=True)
    while some := tuple(islice(rows, TOGETHER)):
        given = (*once.values(), *chain.from_iterable(some))
        conn.exec_driver_sql(f"{head}{', '.join([one] * len(some))}) v", given)


@contextmanager
def nothing_collected() -> Iterator[None]:
    """Hold back Python's collector of cycles, which would look at every row again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
