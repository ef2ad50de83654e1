"""Who is training what: claim, complete, fail, release, and take back what was abandoned."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    case,
    func,
    insert,
    literal,
    literal_column,
    select,
    tuple_,
    update,
)

from ledger.errors import LeaseLostError
from ledger.queue import FOLDER, PENDING, RUNNING, slice_of
from ledger.records import Claim, Facts, Failure, Success
from ledger.schema import Utc, artifacts, attempts, metrics, runners, slices
from ledger.status import Outcome, Reason, Status
from ledger.text import storable

LOSSES_BEFORE_DEFERRED = 3

_NEXT = (
    select(slices.c.position)
    .where(PENDING)
    .order_by(slices.c.deferred, slices.c.priority.desc(), slices.c.position)
    .limit(literal_column("1"))
    .with_for_update(skip_locked=True)  # PostgreSQL: others step over the row, SQLite ignores it
    .scalar_subquery()
)
_MAY_CLAIM = (
    select(runners.c.id)
    .where(runners.c.id == bindparam("runner"), runners.c.ended_at.is_(None))
    .with_for_update(read=True)  # PostgreSQL: who declares it dead waits for this claim, and sees it
    .exists()
)
"""A runner that was declared dead while it slept claims nothing before it has a new id."""
_CLAIM = (
    update(slices)
    .where(slices.c.position == _NEXT, PENDING, _MAY_CLAIM)
    .values(
        status=Status.RUNNING.value,
        runner_id=bindparam("runner"),
        attempt=slices.c.attempt + 1,
    )
    .returning(*slices.c, FOLDER)
)
_ATTEMPT = insert(attempts).returning(attempts.c.id)


def claim(conn: Connection, runner_id: int, *, now: datetime) -> Claim | None:
    """Take the next pending slice, or return None when there is none.

    Choosing and taking are one statement: no two runners can be given the same slice.
    """
    row = conn.execute(_CLAIM, {"runner": runner_id}).one_or_none()
    if row is None:
        return None
    taken = slice_of(row)
    attempt_id = conn.execute(
        _ATTEMPT,
        {
            "slice_id": taken.id,
            "number": row.attempt,
            "runner_id": runner_id,
            "started_at": now,
            **asdict(taken.ranges),
        },
    ).scalar_one()
    return Claim(
        slice=taken,
        attempt=row.attempt,
        attempt_id=attempt_id,
        runner_id=runner_id,
        spec_hash=row.spec_hash,
        tries=row.tries,
        crashes=row.crashes,
    )


def complete(conn: Connection, held: Claim, success: Success, facts: Facts, *, now: datetime) -> None:
    """Record a trained model: all of it, and only if the attempt still owns its slice.

    Raises LeaseLostError, before anything is written, when it does not.
    """
    outcome = Outcome.SUCCEEDED if success.passed else Outcome.REJECTED
    changes: dict[str, Any] = {"tries": 0, "crashes": 0, "deferred": 0}
    if success.passed:
        changes["champion_id"] = held.attempt_id
    _leave(conn, held, Status(outcome.value), changes)
    _close(conn, held, outcome, facts, now=now, reason=success.verdict or None)
    if success.metrics:
        conn.execute(insert(metrics), _metric_rows(held, success.metrics))
    if success.artifacts:
        conn.execute(
            insert(artifacts), [{"attempt_id": held.attempt_id, **asdict(file)} for file in success.artifacts]
        )


def fail(
    conn: Connection,
    held: Claim,
    failure: Failure,
    facts: Facts,
    *,
    outcome: Outcome = Outcome.FAILED,
    retry_at: datetime | None,
    now: datetime,
) -> None:
    """Record an attempt that gave no model; without `retry_at` the slice has failed for good.

    What a row did is not held against one that an import put in its place meanwhile. Raises
    LeaseLostError, before anything is written, when the attempt no longer owns its slice.
    """
    counted = slices.c["crashes" if outcome is Outcome.CRASHED else "tries"]
    once_more = case((_unchanged(held), counted + 1), else_=counted)
    changes = {counted.name: once_more, "not_before": retry_at}
    _leave(conn, held, Status.WAITING if retry_at else Status.FAILED, changes)
    _close(conn, held, outcome, facts, now=now, reason=None, **_told(failure))


def release(
    conn: Connection, held: Claim, *, reason: str, now: datetime, failure: Failure | None = None
) -> None:
    """Give a claimed slice back; an interruption, or a `failure` of the machine, costs it nothing.

    Raises LeaseLostError when the attempt no longer owns its slice.
    """
    _leave(conn, held, Status.PENDING, {"reason": Reason.INTERRUPTED.value})
    outcome = Outcome.FAILED if failure else Outcome.INTERRUPTED
    _close(conn, held, outcome, Facts(), now=now, reason=reason, **_told(failure))


def release_unknown(
    conn: Connection,
    runner_id: int,
    *,
    known: Collection[int],
    now: datetime,
    reason: str = "its runner never heard of it",
) -> int:
    """Give back what a runner holds by the ledger but not by its own account; return how many.

    A claim whose COMMIT was done while the connection broke is one that its runner never heard of.
    """
    mine = (
        select(attempts.c.id, attempts.c.slice_id, attempts.c.number)
        .join(slices, (slices.c.id == attempts.c.slice_id) & (slices.c.attempt == attempts.c.number))
        .where(RUNNING, slices.c.runner_id == runner_id)
    )
    unheard = [row for row in conn.execute(mine) if row.id not in known]
    for row in unheard:
        conn.execute(
            update(slices)
            .where(slices.c.id == row.slice_id, slices.c.attempt == row.number, RUNNING)
            .values(status=Status.PENDING.value, reason=Reason.INTERRUPTED.value, runner_id=None)
        )
        conn.execute(
            update(attempts)
            .where(attempts.c.id == row.id, attempts.c.outcome == Outcome.RUNNING.value)
            .values(outcome=Outcome.INTERRUPTED.value, finished_at=now, reason=reason)
        )
    return len(unheard)


def outcome_of(conn: Connection, held: Claim) -> Outcome | None:
    """How an attempt ended, by the ledger; None where a restored one has never heard of it."""
    found = conn.execute(select(attempts.c.outcome).where(attempts.c.id == held.attempt_id)).scalar()
    return None if found is None else Outcome(found)


def take_back_lost(conn: Connection, *, dead: Collection[int], now: datetime) -> int:
    """Give back what dead runners held, and return how many slices that were.

    A slice lost with its runner three times in a row may be what kills them: it goes behind all
    others. Nothing else is held against it.
    """
    theirs = select(slices.c.id, slices.c.attempt).where(RUNNING, slices.c.runner_id.in_(dead))
    # PostgreSQL: what is being recorded at this moment is waited for, and then it is theirs no longer.
    conn.execute(theirs.order_by(slices.c.position).with_for_update())
    conn.execute(
        update(attempts)
        .where(tuple_(attempts.c.slice_id, attempts.c.number).in_(theirs))
        .values(outcome=Outcome.LOST.value, finished_at=now, reason="its runner died")
    )
    losses = (
        select(func.count())
        .select_from(attempts)
        .where(
            attempts.c.slice_id == slices.c.id,
            attempts.c.number > slices.c.attempt - LOSSES_BEFORE_DEFERRED,
            attempts.c.outcome == Outcome.LOST.value,
        )
        .scalar_subquery()
    )
    return conn.execute(
        update(slices)
        .where(RUNNING, slices.c.runner_id.in_(dead))
        .values(
            status=Status.PENDING.value,
            reason=Reason.INTERRUPTED.value,
            runner_id=None,
            deferred=case((losses >= LOSSES_BEFORE_DEFERRED, 1), else_=slices.c.deferred),
        )
    ).rowcount


def _unchanged(held: Claim) -> ColumnElement[bool]:
    """Whether the slice still has the row that was claimed."""
    return slices.c.spec_hash == held.spec_hash


def _leave(conn: Connection, held: Claim, status: Status, changes: Mapping[str, Any]) -> None:
    """Move a slice out of `running`, fenced by the attempt that was claimed.

    A slice whose row was changed by an import meanwhile goes back in the queue: what was trained
    is kept, and the new row is trained once more.
    """
    unchanged = _unchanged(held)
    waits = changes.get("not_before")
    moved = conn.execute(
        update(slices)
        .where(slices.c.id == held.slice.id, slices.c.attempt == held.attempt, RUNNING)
        .values(
            {
                **changes,
                "status": case((unchanged, status.value), else_=Status.PENDING.value),
                "reason": case(
                    (unchanged, changes.get("reason", slices.c.reason)), else_=Reason.CHANGED.value
                ),
                "not_before": case((unchanged, literal(waits, Utc())), else_=None) if waits else None,
                "runner_id": None,
            }
        )
    ).rowcount
    if moved == 0:
        raise LeaseLostError(held.slice.id, held.attempt)


def _close(
    conn: Connection, held: Claim, outcome: Outcome, facts: Facts, *, now: datetime, **told: str | None
) -> None:
    told = {name: storable(value, limit=4_000) if name == "reason" else value for name, value in told.items()}
    measured = {
        **asdict(facts),
        "output": storable(facts.output, limit=16_000, tail=True),
        "warnings": storable(facts.warnings, limit=16_000),
    }
    conn.execute(
        update(attempts)
        .where(attempts.c.id == held.attempt_id, attempts.c.outcome == Outcome.RUNNING.value)
        .values(outcome=outcome.value, finished_at=now, **measured, **told)
    )


def _told(failure: Failure | None) -> dict[str, str | None]:
    if failure is None:
        return {}
    return {
        "error_type": storable(failure.error_type, limit=200),
        "error_message": storable(failure.message, limit=4_000),
        "traceback": storable(failure.traceback, limit=64_000),
    }


def _metric_rows(held: Claim, values: Mapping[str, float]) -> list[dict[str, Any]]:
    return [{"attempt_id": held.attempt_id, "name": name, **_stored(value)} for name, value in values.items()]


def _stored(value: float) -> dict[str, Any]:
    """NaN and the infinities have no place in SQL: `kind` says which of them a NULL stands for."""
    if math.isfinite(value):
        return {"value": value, "kind": "finite"}
    kind = "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return {"value": None, "kind": kind}
