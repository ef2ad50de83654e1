"""How an attempt ends: with a model, with a failure, or given back; fenced by its number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, case, func, insert, update

from ledger import promotions
from ledger.errors import LeaseLostError
from ledger.prepared import Prepared
from ledger.queue import RUNNING
from ledger.records import Claim, Facts, Failure, Success
from ledger.schema import Utc, artifacts, attempts, drift_profiles, metrics, slices
from ledger.status import Outcome, Reason, Status
from ledger.text import storable

_FACTS = tuple(field.name for field in fields(Facts))
_TOLD = ("reason", "error_type", "error_message", "traceback")
_UNCHANGED = slices.c.spec_hash == bindparam("claimed_hash")
"""Whether the slice still has the row that was claimed."""


def _leaving(**changes: Any) -> Prepared:
    """The statement that moves a slice out of `running`, fenced by the attempt that was claimed.

    A slice whose row was changed by an import meanwhile goes back in the queue: what was trained
    is kept, and the new row is trained once more.
    """
    status, reason = (
        bindparam("to_status", type_=slices.c.status.type),
        bindparam("why", type_=slices.c.reason.type),
    )
    return Prepared(
        update(slices)
        .where(slices.c.id == bindparam("slice"), slices.c.attempt == bindparam("claimed_attempt"), RUNNING)
        .values(
            status=case((_UNCHANGED, status), else_=Status.PENDING.value),
            reason=case((_UNCHANGED, func.coalesce(reason, slices.c.reason)), else_=Reason.CHANGED.value),
            not_before=case((_UNCHANGED, bindparam("retry_at", type_=Utc()))),
            runner_id=None,
            **changes,
        )
    )


def _once_more(column: Any) -> Any:
    """What a row did is not held against one that an import put in its place meanwhile."""
    return case((_UNCHANGED, column + 1), else_=column)


_CLEAN = {"tries": 0, "crashes": 0, "deferred": 0}
_SUCCEED = _leaving(**_CLEAN, champion_id=bindparam("champion"))
_REJECT = _leaving(**_CLEAN)
_FAIL = _leaving(tries=_once_more(slices.c.tries))
_CRASH = _leaving(crashes=_once_more(slices.c.crashes))
_RELEASE = _leaving()
_CLOSE = Prepared(
    update(attempts).where(attempts.c.id == bindparam("closed"), attempts.c.outcome == Outcome.RUNNING.value),
    ("outcome", "finished_at", *_FACTS, *_TOLD),
)
_METRIC = Prepared(insert(metrics), ("attempt_id", "name", "value", "kind"))
_ARTIFACT = Prepared(insert(artifacts), ("attempt_id", "path", "format", "bytes", "sha256"))
_PROFILE = Prepared(insert(drift_profiles), ("attempt_id", "detector", "column_name", "profile", "problem"))


def complete(conn: Connection, held: Claim, success: Success, facts: Facts, *, now: datetime) -> None:
    """Record a trained model: all of it, and only if the attempt still owns its slice.

    Raises LeaseLostError, before anything is written, when it does not.
    """
    if success.passed:
        _leave(conn, _SUCCEED, held, Status.SUCCEEDED, champion=held.attempt_id)
        promotions.note(conn, held, now=now)
    else:
        _leave(conn, _REJECT, held, Status.REJECTED)
    outcome = Outcome.SUCCEEDED if success.passed else Outcome.REJECTED
    _close(conn, held, outcome, facts, now=now, reason=success.verdict or None)
    _METRIC.execute_each(conn, _metric_rows(held, success.metrics))
    _ARTIFACT.execute_each(
        conn,
        [
            {
                "attempt_id": held.attempt_id,
                "path": file.path,
                "format": file.format,
                "bytes": file.bytes,
                "sha256": file.sha256,
            }
            for file in success.artifacts
        ],
    )
    _PROFILE.execute_each(
        conn,
        [
            {
                "attempt_id": held.attempt_id,
                "detector": kept.detector,
                "column_name": kept.column,
                "profile": kept.profile,
                "problem": storable(kept.problem, limit=1_000),
            }
            for kept in success.profiles
        ],
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

    Raises LeaseLostError, before anything is written, when the attempt no longer owns its slice.
    """
    status = Status.WAITING if retry_at else Status.FAILED
    _leave(conn, _CRASH if outcome is Outcome.CRASHED else _FAIL, held, status, retry_at=retry_at)
    _close(conn, held, outcome, facts, now=now, reason=None, failure=failure)


def release(
    conn: Connection, held: Claim, *, reason: str, now: datetime, failure: Failure | None = None
) -> None:
    """Give a claimed slice back; an interruption, or a `failure` of the machine, costs it nothing.

    Raises LeaseLostError when the attempt no longer owns its slice.
    """
    _leave(conn, _RELEASE, held, Status.PENDING, why=Reason.INTERRUPTED.value)
    outcome = Outcome.FAILED if failure else Outcome.INTERRUPTED
    _close(conn, held, outcome, Facts(), now=now, reason=reason, failure=failure)


def _leave(conn: Connection, leaving: Prepared, held: Claim, status: Status, **given: Any) -> None:
    values = {
        "slice": held.slice.id,
        "claimed_attempt": held.attempt,
        "claimed_hash": held.spec_hash,
        "to_status": status.value,
        "why": None,
        "retry_at": None,
        **given,
    }
    if not leaving.execute(conn, values):
        raise LeaseLostError(held.slice.id, held.attempt)


def _close(
    conn: Connection,
    held: Claim,
    outcome: Outcome,
    facts: Facts,
    *,
    now: datetime,
    reason: str | None,
    failure: Failure | None = None,
) -> None:
    values = {name: getattr(facts, name) for name in _FACTS}
    values |= {
        "closed": held.attempt_id,
        "outcome": outcome.value,
        "finished_at": now,
        "output": storable(facts.output, limit=16_000, tail=True),
        "warnings": storable(facts.warnings, limit=16_000),
        "reason": storable(reason, limit=4_000),
        "error_type": storable(failure.error_type, limit=200) if failure else None,
        "error_message": storable(failure.message, limit=4_000) if failure else None,
        "traceback": storable(failure.traceback, limit=64_000) if failure else None,
    }
    _CLOSE.execute(conn, values)


def _metric_rows(held: Claim, values: Mapping[str, float]) -> list[dict[str, Any]]:
    return [{"attempt_id": held.attempt_id, "name": name, **_stored(value)} for name, value in values.items()]


def _stored(value: float) -> dict[str, Any]:
    """NaN and the infinities have no place in SQL: `kind` says which of them a NULL stands for."""
    if math.isfinite(value):
        return {"value": value, "kind": "finite"}
    kind = "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return {"value": None, "kind": kind}
