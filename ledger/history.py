"""All that is known of one slice: its row, its attempts, their metrics and files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, text

from ledger.errors import UnknownSliceError
from ledger.records import Artifact
from ledger.registry import artifacts_of
from ledger.schema import attempts, drift_checks, metrics, slices

CHECKS = 5
"""Drift checks that are told."""


@dataclass(frozen=True, slots=True)
class AttemptHistory:
    """One attempt: its columns, metrics (NaN and infinities as `kind`) and files."""

    columns: dict[str, Any]
    metrics: dict[str, float | str]
    artifacts: tuple[Artifact, ...]


@dataclass(frozen=True, slots=True)
class SliceHistory:
    """One slice: the columns of `slice_status`, those of its row, all attempts, the last drift checks."""

    status: dict[str, Any]
    row: dict[str, Any]
    attempts: tuple[AttemptHistory, ...]
    checks: tuple[dict[str, Any], ...] = ()


def slice_history(conn: Connection, slice_id: str) -> SliceHistory:
    """Everything about a slice. Raises UnknownSliceError when there is none of this id."""
    row = conn.execute(select(slices).where(slices.c.id == slice_id)).mappings().first()
    if row is None:
        raise UnknownSliceError(slice_id)
    status = (
        conn.execute(text("SELECT * FROM slice_status WHERE id = :id"), {"id": slice_id}).mappings().one()
    )
    rows = conn.execute(
        select(attempts).where(attempts.c.slice_id == slice_id).order_by(attempts.c.number)
    ).mappings()
    return SliceHistory(
        status=dict(status),
        row=dict(row),
        attempts=tuple(
            AttemptHistory(dict(each), _metrics(conn, each["id"]), tuple(artifacts_of(conn, each["id"])))
            for each in rows.all()
        ),
        checks=tuple(_checks(conn, slice_id)),
    )


def _checks(conn: Connection, slice_id: str) -> list[dict[str, Any]]:
    """The last drift checks, the newest last, each with the number of the attempt that was judged."""
    last = (
        select(drift_checks, attempts.c.number.label("attempt"))
        .join(attempts, attempts.c.id == drift_checks.c.attempt_id)
        .where(drift_checks.c.slice_id == slice_id)
        .order_by(drift_checks.c.id.desc())
        .limit(CHECKS)
    )
    return [dict(row) for row in reversed(conn.execute(last).mappings().all())]


def _metrics(conn: Connection, attempt_id: int) -> dict[str, float | str]:
    rows = conn.execute(select(metrics).where(metrics.c.attempt_id == attempt_id).order_by(metrics.c.name))
    return {row.name: row.value if row.kind == "finite" else row.kind for row in rows}
