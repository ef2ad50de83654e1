"""Who is training what: claim, release, and take back what was abandoned."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    bindparam,
    case,
    func,
    insert,
    literal_column,
    select,
    tuple_,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from ledger.prepared import Prepared
from ledger.queue import ORDER, PENDING, RUNNING, SPEC, slice_of
from ledger.records import Claim
from ledger.schema import attempts, runners, slices
from ledger.splitrow import RANGES
from ledger.status import Outcome, Reason, Status

LOSSES_BEFORE_DEFERRED = 3

_FREE = select(slices.c.position).where(PENDING).with_for_update(skip_locked=True)
"""A pending slice. PostgreSQL steps over the rows that others are claiming; SQLite ignores that."""
_MAY_CLAIM = (
    select(runners.c.id)
    .where(runners.c.id == bindparam("runner"), runners.c.ended_at.is_(None))
    .with_for_update(read=True)  # PostgreSQL: who declares it dead waits for this claim, and sees it
    .exists()
)
"""A runner that was declared dead while it slept claims nothing before it has a new id."""


_OF_CLAIM = ("attempt", "spec_hash", "tries", "crashes", "champion_id")


def _taking(wanted: Select[Any]) -> ReturningUpdate[Any]:
    return (
        update(slices)
        .where(slices.c.position == wanted.scalar_subquery(), PENDING, _MAY_CLAIM)
        .values(
            status=Status.RUNNING.value,
            runner_id=bindparam("runner"),
            attempt=slices.c.attempt + 1,
        )
        .returning(*SPEC, *(slices.c[name] for name in _OF_CLAIM))
    )


_CLAIM = Prepared(_taking(_FREE.order_by(*ORDER).limit(literal_column("1"))))
_CLAIM_AT = Prepared(_taking(_FREE.where(slices.c.position == bindparam("place"))))
_ATTEMPT = Prepared(
    insert(attempts).returning(attempts.c.id), ("slice_id", "number", "runner_id", "started_at", *RANGES)
)


def claim(conn: Connection, runner_id: int, *, now: datetime, position: int | None = None) -> Claim | None:
    """Take the next pending slice, or return None when there is none.

    With a `position` it is the slice there, or None when that is pending no more. Choosing and
    taking are one statement: no two runners can be given the same slice.
    """
    if position is None:
        row = _CLAIM.returned(conn, {"runner": runner_id})
    else:
        row = _CLAIM_AT.returned(conn, {"runner": runner_id, "place": position})
    if row is None:
        return None
    taken = slice_of(row)
    begun = _ATTEMPT.returned(
        conn,
        {
            "slice_id": taken.id,
            "number": row.attempt,
            "runner_id": runner_id,
            "started_at": now,
            **{name: getattr(taken, name) for name in RANGES},
        },
    )
    assert begun is not None
    return Claim(
        slice=taken,
        attempt=row.attempt,
        attempt_id=begun.id,
        runner_id=runner_id,
        spec_hash=row.spec_hash,
        tries=row.tries,
        crashes=row.crashes,
        champion_id=row.champion_id,
    )


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
