"""What the checks of a run found, kept until all of them are there."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import fields
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from ledger.drift.records import Confirmed, DriftRun, Found, Previous, Undecided
from ledger.prepared import Prepared
from ledger.schema import drift_checks, drift_findings, slices
from ledger.text import storable

_COLUMNS = tuple(field.name for field in fields(Found))
_CONFIRM = Prepared(
    update(drift_findings)
    .where(drift_findings.c.run_id == bindparam("run"), drift_findings.c.slice_id == bindparam("slice"))
    .values(
        confirmed=bindparam("is_confirmed", type_=drift_findings.c.confirmed.type),
        confirmation=bindparam("told", type_=drift_findings.c.confirmation.type),
    )
)


@cache
def _finding() -> Prepared:
    """What is written again after a COMMIT that nobody heard of is there already."""
    from sqlalchemy.dialects.postgresql import (
        insert,  # 20 ms that no other command needs; good for SQLite too
    )

    return Prepared(insert(drift_findings).on_conflict_do_nothing(), ("run_id", "checked_at", *_COLUMNS))


def record(conn: Connection, run: DriftRun, found: Collection[Found], *, now: datetime) -> None:
    """Write what checks of the run found; it must be held."""
    _finding().execute_each(
        conn,
        [
            {
                **{name: getattr(each, name) for name in _COLUMNS},
                "run_id": run.id,
                "checked_at": now,
                "reason": storable(each.reason, limit=1_000),
            }
            for each in found
        ],
    )


def confirm(conn: Connection, run: DriftRun, confirmed: Collection[Confirmed]) -> None:
    """Write what the models' own errors say of findings of the run; it must be held."""
    _CONFIRM.execute_each(
        conn,
        [
            {
                "run": run.id,
                "slice": each.slice_id,
                "is_confirmed": None if each.confirmed is None else int(each.confirmed),
                "told": storable(each.reason, limit=1_000),
            }
            for each in confirmed
        ],
    )


def count(conn: Connection, run: DriftRun) -> int:
    """How many checks of the run are there."""
    found = select(func.count()).select_from(drift_findings).where(drift_findings.c.run_id == run.id)
    return int(conn.execute(found).scalar_one())


def undecided(conn: Connection, run: DriftRun) -> Iterator[Undecided]:
    """What the verdicts of the run depend on, in the order of import."""
    f = drift_findings.c
    wanted = (
        select(
            f.slice_id,
            f.p,
            f.window_from,
            f.window_to,
            slices.c.database_name,
            slices.c.column_name,
            f.previous_id,
        )
        .join_from(drift_findings, slices, slices.c.id == f.slice_id)
        .where(f.run_id == run.id)
        .order_by(slices.c.position)
        .execution_options(yield_per=10_000)
    )
    for row in conn.execute(wanted):
        yield tuple(row)


def suspicions(conn: Connection, run: DriftRun) -> dict[int, Previous]:
    """The checks before those of the run that raised a suspicion or more, by their ids."""
    c = drift_checks.c
    wanted = (
        select(c.id, c.verdict, c.reason, c.window_to, c.since)
        .join(drift_findings, drift_findings.c.previous_id == c.id)
        .where(drift_findings.c.run_id == run.id, c.verdict.in_(("suspect", "drifted", "common_cause")))
    )
    return {row.id: Previous(row.id, row.verdict, row.reason or "", *row[3:]) for row in conn.execute(wanted)}


def confirmations(conn: Connection, run: DriftRun) -> dict[str, Confirmed]:
    """What models' own errors have said so far, by slice."""
    f = drift_findings.c
    told: Any = select(f.slice_id, f.confirmed, f.confirmation).where(
        f.run_id == run.id, f.confirmation.is_not(None)
    )
    return {
        row.slice_id: Confirmed(
            row.slice_id, None if row.confirmed is None else bool(row.confirmed), row.confirmation
        )
        for row in conn.execute(told)
    }
