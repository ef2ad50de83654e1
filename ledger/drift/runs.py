"""Runs of drift checks: one row each, and one runner at a time that may write for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from ledger.drift.records import DriftRun
from ledger.errors import LedgerError
from ledger.schema import VERDICTS, drift_findings, drift_runs

_OPEN = drift_runs.c.ended_at.is_(None)


class TakenOverError(LedgerError):
    """Another runner has taken this drift run over, or ended it."""

    def __init__(self, run_id: int) -> None:
        super().__init__(
            f"drift run {run_id} was taken over by another runner; nothing is lost, let that go on"
        )


def begin(
    conn: Connection, runner_id: int, *, options: Mapping[str, Any], planned: int, now: datetime
) -> DriftRun:
    """Begin a run of `planned` checks."""
    row = {
        "runner_id": runner_id,
        "started_at": now,
        "options": json.dumps(dict(options), sort_keys=True),
        "planned": planned,
    }
    made = conn.execute(insert(drift_runs).returning(drift_runs.c.id), row).scalar_one()
    return DriftRun(int(made), runner_id, planned, options)


def open_runs(conn: Connection) -> list[DriftRun]:
    """The runs that have no verdicts yet, the newest first."""
    rows = conn.execute(select(drift_runs).where(_OPEN).order_by(drift_runs.c.id.desc()))
    return [DriftRun(row.id, row.runner_id, row.planned, json.loads(row.options)) for row in rows]


def hand_over(conn: Connection, run: DriftRun, runner_id: int) -> DriftRun:
    """Give a run to another runner. Raises TakenOverError where somebody else has it by now."""
    given = conn.execute(
        update(drift_runs)
        .where(drift_runs.c.id == run.id, drift_runs.c.runner_id == run.runner_id, _OPEN)
        .values(runner_id=runner_id)
    )
    if given.rowcount == 0:
        raise TakenOverError(run.id)
    return DriftRun(run.id, runner_id, run.planned, run.options)


def require_held(conn: Connection, run: DriftRun) -> None:
    """Raise TakenOverError unless the run is still this runner's; until the transaction ends it stays so."""
    held = select(drift_runs.c.id).where(
        drift_runs.c.id == run.id, drift_runs.c.runner_id == run.runner_id, _OPEN
    )
    if conn.execute(held.with_for_update()).first() is None:
        raise TakenOverError(run.id)


def end(
    conn: Connection, run: DriftRun, ending: str, *, counts: Mapping[str, int] | None = None, now: datetime
) -> None:
    """Close a run that is held; what it had found has become checks, or is given up."""
    counted = {f"{verdict}_count": (counts or {}).get(verdict, 0) for verdict in VERDICTS} if counts else {}
    conn.execute(
        update(drift_runs)
        .where(drift_runs.c.id == run.id, _OPEN)
        .values(ended_at=now, ending=ending, **counted)
    )
    conn.execute(delete(drift_findings).where(drift_findings.c.run_id == run.id))
