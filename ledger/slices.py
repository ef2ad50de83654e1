"""Slices come and go with the split file: added, changed, retired, in one transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, text

from ledger import faults
from ledger.schema import imports
from ledger.splitfile import RANGES, SplitRow

BATCH = 5_000
_COLUMNS = (
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
_SPEC = tuple(name for name in _COLUMNS if name != "id")


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, or with `dry_run` would do."""

    path: str
    rows: int
    added: int
    changed: int
    unchanged: int
    retired: int
    missing: int  # slices of the ledger that the file does not name; kept unless pruned
    overlapping: int  # rows whose test range overlaps their train range
    dry_run: bool

    def __str__(self) -> str:
        return self.sentence()

    def sentence(self) -> str:
        """The report in words."""
        would = "would be " if self.dry_run else ""
        told = f"{self.path}: {self.rows} rows, {self.added} {would}added, {self.changed} {would}changed, "
        told += f"{self.unchanged} unchanged"
        if self.retired:
            told += f", {self.retired} {would}retired"
        elif self.missing:
            told += f"; {self.missing} slices of the ledger are not in it and stay (`--prune` retires them)"
        if self.overlapping:
            told += f"\nWarning: in {self.overlapping} rows the test range overlaps the train range"
        return told


@dataclass(frozen=True, slots=True)
class Defaults:
    """What an import fills in where a row names nothing of its own."""

    trainer: str | None = None
    params: Mapping[str, str] | None = None
    group_by: str | None = None


def import_rows(
    conn: Connection,
    rows: Iterable[SplitRow],
    *,
    path: Path,
    defaults: Defaults,
    prune: bool,
    now: datetime,
    check: Callable[[], None],
) -> dict[str, int]:
    """Bring the ledger in line with `rows`, and return the counts of an ImportReport.

    The rows go into a temporary table first; what is new, changed and gone then takes one statement
    each, however many there are. A changed slice is pending again and keeps its champion; one that
    is being trained goes back in the queue when its attempt ends. `check` is called when every row
    was read, and raises what was wrong with them before anything is changed.
    """
    if conn.dialect.name == "postgresql":  # one import at a time; runners go on meanwhile
        conn.execute(text("LOCK TABLE imports IN SHARE ROW EXCLUSIVE MODE"))
    _stage(conn, rows, defaults, check)
    folder = str(path.parent)
    counts = _compare(conn, folder)
    if prune:
        counts["retired"] = counts["missing"]
    if counts["added"] or counts["changed"] or counts["retired"] or counts["moved"]:
        _apply(conn, _note(conn, path, counts, now), folder, prune=prune)
    conn.execute(text("DROP TABLE staged"))
    return counts


def spec_hash(values: Mapping[str, Any]) -> str:
    """A fingerprint of all that decides over the model: source, ranges, extra, trainer and params.

    Group and priority are left out: changing them trains nothing again.
    """
    decisive = [values[name] for name in _SPEC if name not in ("spec_hash", "model_group", "priority")]
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
    return row.extra.get(column) or getattr(row, column, None)


def _stage(conn: Connection, rows: Iterable[SplitRow], defaults: Defaults, check: Callable[[], None]) -> None:
    types = ", ".join(f"{name} {'INTEGER' if name == 'priority' else 'TEXT'}" for name in _COLUMNS)
    key = "line INTEGER PRIMARY KEY" if conn.dialect.name == "sqlite" else "line BIGSERIAL PRIMARY KEY"
    conn.execute(text(f"CREATE TEMPORARY TABLE staged ({key}, {types})"))
    mark = "?" if conn.dialect.name == "sqlite" else "%s"
    statement = f"INSERT INTO staged ({', '.join(_COLUMNS)}) VALUES ({', '.join([mark] * len(_COLUMNS))})"
    values = (_values(row, defaults) for row in rows)
    for batch in _batches(tuple(row[name] for name in _COLUMNS) for row in values):
        conn.exec_driver_sql(statement, batch)
        faults.reach("importing")
    check()
    conn.execute(text("CREATE UNIQUE INDEX staged_id ON staged (id)"))


def _batches(rows: Iterator[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    while batch := list(islice(rows, BATCH)):
        yield batch


_SAME_ID = "staged n JOIN slices ON slices.id = n.id"
_CHANGED = "(slices.spec_hash <> n.spec_hash OR slices.status = 'retired')"
_MOVED = (
    "(slices.priority <> n.priority OR COALESCE(slices.model_group, '') <> COALESCE(n.model_group, '') "
    "OR (SELECT folder FROM imports WHERE imports.id = slices.import_id) <> :folder)"
)


def _compare(conn: Connection, folder: str) -> dict[str, int]:
    def count(sql: str) -> int:
        given = {"folder": folder} if ":folder" in sql else {}
        return int(conn.execute(text(f"SELECT count(*) FROM {sql}"), given).scalar_one())

    rows = count("staged")
    known = count(_SAME_ID)
    changed = count(f"{_SAME_ID} WHERE {_CHANGED}") if known else 0
    kept = known - (count(f"{_SAME_ID} WHERE slices.status = 'retired'") if known else 0)
    return {
        "rows": rows,
        "added": rows - known,
        "changed": changed,
        "unchanged": known - changed,
        "retired": 0,
        "missing": count("slices") - count("slices WHERE status = 'retired'") - kept,
        "moved": count(f"{_SAME_ID} WHERE {_MOVED}") if known else 0,
    }


def _note(conn: Connection, path: Path, counts: Mapping[str, int], now: datetime) -> int:
    row: dict[str, Any] = {
        name: counts[name] for name in ("rows", "added", "changed", "unchanged", "retired")
    }
    row |= {"path": str(path), "folder": str(path.parent), "imported_at": now}
    return int(conn.execute(insert(imports).returning(imports.c.id), row).scalar_one())


def _apply(conn: Connection, import_id: int, folder: str, *, prune: bool) -> None:
    names = ", ".join(_COLUMNS)
    spec = ", ".join(f"{name} = n.{name}" for name in _SPEC)
    given = {"import_id": import_id}
    conn.execute(
        text(
            f"UPDATE slices SET {spec}, import_id = :import_id, "
            "status = CASE WHEN slices.status = 'running' THEN 'running' ELSE 'pending' END, "
            "reason = 'changed', tries = 0, crashes = 0, deferred = 0, not_before = NULL, "
            "active_train_from = NULL, active_train_to = NULL, "
            "active_test_from = NULL, active_test_to = NULL "
            f"FROM staged n WHERE slices.id = n.id AND {_CHANGED}"
        ),
        given,
    )
    conn.execute(  # what decides nothing about the model; and where the split file lies now
        text(
            "UPDATE slices SET priority = n.priority, model_group = n.model_group, import_id = :import_id "
            f"FROM staged n WHERE slices.id = n.id AND {_MOVED}"
        ),
        {**given, "folder": folder},
    )
    conn.execute(
        text(
            f"INSERT INTO slices ({names}, status, reason, import_id) "
            f"SELECT {names}, 'pending', 'new', :import_id FROM staged n "
            "WHERE NOT EXISTS (SELECT 1 FROM slices WHERE slices.id = n.id) ORDER BY line"
        ),
        given,
    )
    if prune:
        conn.execute(
            text(
                "UPDATE slices SET status = 'retired', reason = NULL, not_before = NULL "
                "WHERE status NOT IN ('running', 'retired') "
                "AND NOT EXISTS (SELECT 1 FROM staged n WHERE n.id = slices.id)"
            )
        )
