"""Slices come and go with the split file: added, changed, retired, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, text, update

from ledger.bulk import Value
from ledger.schema import imports
from ledger.staging import COLUMNS, SPEC, Rows, put, stage
from ledger.status import Reason, Status

_SAME_ID = "staged n JOIN slices ON slices.id = n.id"
_CHANGED = "(slices.spec_hash <> n.spec_hash OR slices.status = 'retired')"
_GONE = "NOT EXISTS (SELECT 1 FROM staged n WHERE n.id = slices.id)"
_MOVED = (
    "(slices.priority <> n.priority OR COALESCE(slices.model_group, '') <> COALESCE(n.model_group, '') "
    "OR (SELECT folder FROM imports WHERE imports.id = slices.import_id) <> :folder)"
)
_TAKE_UP_CHANGES = f"""
    UPDATE slices SET {", ".join(f"{name} = n.{name}" for name in SPEC)}, import_id = :import_id,
        status = CASE WHEN slices.status = 'running' THEN 'running' ELSE 'pending' END,
        reason = 'changed', tries = 0, crashes = 0, deferred = 0, not_before = NULL,
        active_train_from = NULL, active_train_to = NULL, active_test_from = NULL, active_test_to = NULL
    FROM staged n WHERE slices.id = n.id AND {_CHANGED}"""
# What decides nothing about the model; and where the split file lies now.
_TAKE_UP_MOVES = f"""
    UPDATE slices SET priority = n.priority, model_group = n.model_group, import_id = :import_id
    FROM staged n WHERE slices.id = n.id AND {_MOVED}"""
_ADD = f"""
    INSERT INTO slices ({", ".join(COLUMNS)}, status, reason, import_id)
    SELECT {", ".join(COLUMNS)}, 'pending', 'new', :import_id FROM staged n
    WHERE NOT EXISTS (SELECT 1 FROM slices WHERE slices.id = n.id) ORDER BY line"""
_RETIRE = f"""
    UPDATE slices SET status = 'retired', reason = NULL, not_before = NULL
    WHERE status NOT IN ('running', 'retired') AND {_GONE}"""


def import_rows(conn: Connection, rows: Rows, *, path: Path, prune: bool, now: datetime) -> dict[str, int]:
    """Bring the ledger in line with a split file, and return the counts of an ImportReport.

    The rows go into a temporary table first, unless they are the first ones of the ledger; what is
    new, changed and gone then takes one statement each, however many there are. A changed slice is
    pending again and keeps its champion; one that is being trained goes back in the queue when its
    attempt ends. Raises what was wrong with the rows; then the transaction must not be committed.
    """
    if conn.dialect.name == "postgresql":  # one import at a time; runners go on meanwhile
        conn.execute(text("LOCK TABLE imports IN SHARE ROW EXCLUSIVE MODE"))
    if conn.execute(text("SELECT 1 FROM slices LIMIT 1")).first() is None:
        return _first(conn, rows, path, now)
    stage(conn, rows)
    folder = str(path.parent)
    counts = _compare(conn, folder)
    if prune:
        counts["retired"] = counts["missing"] - _count(conn, f"slices WHERE status = 'running' AND {_GONE}")
    if counts["added"] or counts["changed"] or counts["retired"] or counts["moved"]:
        _apply(conn, _note(conn, path, counts, now), folder, prune=prune)
    conn.execute(text("DROP TABLE staged"))
    return counts


def _first(conn: Connection, rows: Rows, path: Path, now: datetime) -> dict[str, int]:
    """Import into a ledger without slices: every row is new."""
    counts = dict.fromkeys(("rows", "added", "changed", "unchanged", "retired", "missing", "moved"), 0)
    import_id = _note(conn, path, counts, now)
    new: dict[str, Value] = {"status": Status.PENDING.value, "reason": Reason.NEW.value}
    counts["rows"] = counts["added"] = put(conn, "slices", rows, import_id=import_id, **new)
    counted = update(imports).where(imports.c.id == import_id)
    conn.execute(counted.values(rows=counts["rows"], added=counts["added"]))
    return counts


def _count(conn: Connection, sql: str, **given: str) -> int:
    return int(conn.execute(text(f"SELECT count(*) FROM {sql}"), given).scalar_one())


def _compare(conn: Connection, folder: str) -> dict[str, int]:
    rows = _count(conn, "staged")
    known = _count(conn, _SAME_ID)
    changed = _count(conn, f"{_SAME_ID} WHERE {_CHANGED}") if known else 0
    kept = known - (_count(conn, f"{_SAME_ID} WHERE slices.status = 'retired'") if known else 0)
    return {
        "rows": rows,
        "added": rows - known,
        "changed": changed,
        "unchanged": known - changed,
        "retired": 0,
        "missing": _count(conn, "slices") - _count(conn, "slices WHERE status = 'retired'") - kept,
        "moved": _count(conn, f"{_SAME_ID} WHERE {_MOVED}", folder=folder) if known else 0,
    }


def _note(conn: Connection, path: Path, counts: Mapping[str, int], now: datetime) -> int:
    row: dict[str, Any] = {
        name: counts[name] for name in ("rows", "added", "changed", "unchanged", "retired")
    }
    row |= {"path": str(path), "folder": str(path.parent), "imported_at": now}
    return int(conn.execute(insert(imports).returning(imports.c.id), row).scalar_one())


def _apply(conn: Connection, import_id: int, folder: str, *, prune: bool) -> None:
    conn.execute(text(_TAKE_UP_CHANGES), {"import_id": import_id})
    conn.execute(text(_TAKE_UP_MOVES), {"import_id": import_id, "folder": folder})
    conn.execute(text(_ADD), {"import_id": import_id})
    if prune:
        conn.execute(text(_RETIRE))
