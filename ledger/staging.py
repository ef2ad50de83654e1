"""The rows of a split file as they will stand in the ledger, put into a temporary table."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Connection, text

from ledger import faults
from ledger.splitrow import RANGES, SOURCE, SplitRow

BATCH = 5_000
COLUMNS = (
    "id",
    "database_name",
    "table_name",
    "column_name",
    "file",
    *RANGES,
    "extra",
    "spec_hash",
    "model_group",
    "trainer",
    "params",
    "priority",
)
SPEC = tuple(name for name in COLUMNS if name != "id")


@dataclass(frozen=True, slots=True)
class Defaults:
    """What an import fills in where a row names nothing of its own."""

    trainer: str | None = None
    params: Mapping[str, str] | None = None
    group_by: str | None = None


def stage(conn: Connection, rows: Iterable[SplitRow], defaults: Defaults, check: Callable[[], None]) -> None:
    """Put `rows` into the temporary table `staged`; `line` is their order.

    `check` is called when every row was read, before anything can be made of them.
    """
    types = ", ".join(f"{name} {'INTEGER' if name == 'priority' else 'TEXT'}" for name in COLUMNS)
    key = "line INTEGER PRIMARY KEY" if conn.dialect.name == "sqlite" else "line BIGSERIAL PRIMARY KEY"
    conn.execute(text(f"CREATE TEMPORARY TABLE staged ({key}, {types})"))
    mark = "?" if conn.dialect.name == "sqlite" else "%s"
    statement = f"INSERT INTO staged ({', '.join(COLUMNS)}) VALUES ({', '.join([mark] * len(COLUMNS))})"
    values = (_values(row, defaults) for row in rows)
    for batch in _batches(tuple(row[name] for name in COLUMNS) for row in values):
        conn.exec_driver_sql(statement, batch)
        faults.reach("importing")
    check()
    conn.execute(text("CREATE UNIQUE INDEX staged_id ON staged (id)"))


def spec_hash(values: Mapping[str, Any]) -> str:
    """A fingerprint of all that decides over the model: source, ranges, extra, trainer and params.

    Group and priority are left out: changing them trains nothing again.
    """
    decisive = [values[name] for name in SPEC if name not in ("spec_hash", "model_group", "priority")]
    return hashlib.blake2b(json.dumps(decisive).encode(), digest_size=16).hexdigest()


def _values(row: SplitRow, defaults: Defaults) -> dict[str, Any]:
    params = row.params or defaults.params
    values = {
        "id": row.id,
        "database_name": row.database,
        "table_name": row.table,
        "column_name": row.column,
        "file": row.file,
        **dict(zip(RANGES, row.ranges, strict=True)),
        "extra": json.dumps(row.extra, ensure_ascii=False, sort_keys=True) if row.extra else None,
        "model_group": _group(row, defaults.group_by),
        "trainer": row.trainer or defaults.trainer,
        "params": json.dumps(dict(params), ensure_ascii=False, sort_keys=True) if params else None,
        "priority": row.priority,
    }
    values["spec_hash"] = spec_hash(values)
    return values


def _group(row: SplitRow, column: str | None) -> str | None:
    if column is None or row.group:
        return row.group
    if column in RANGES:
        return row.ranges[RANGES.index(column)]
    return row.extra.get(column) or (getattr(row, column) if column in (*SOURCE, "trainer") else None)


def _batches(rows: Iterator[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    while batch := list(islice(rows, BATCH)):
        yield batch
