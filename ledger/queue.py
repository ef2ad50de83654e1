"""The queue: what is still to be trained, when, and what a slice in it looks like."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, exists, func, or_, select, text, update

from ledger.records import Claim, Slice, Source, Upcoming
from ledger.schema import attempts, imports, slices
from ledger.splitrow import RANGES
from ledger.status import Reason, Status

# A status in WHERE is always a literal: with a bound value neither SQLite nor a generic plan of
# PostgreSQL can use the partial indexes, and a claim among a million slices takes 0.1 s and more.
RUNNING = text("slices.status = 'running'")
PENDING = text("slices.status = 'pending'")
WAITING = text("slices.status = 'waiting'")
SUCCEEDED = text("slices.status = 'succeeded'")

_AT_ONCE = 500
"""Values in one statement; databases have a limit."""

FOLDER = select(imports.c.folder).where(imports.c.id == slices.c.import_id).scalar_subquery().label("base")
"""The folder of the split file."""

ORDER = (slices.c.deferred, slices.c.priority.desc(), slices.c.position)
"""The order in which pending slices are claimed."""

SPEC = (
    *(slices.c[name] for name in ("id", "database_name", "table_name", "column_name", "file")),
    *(slices.c[f"{active}{name}"] for active in ("", "active_") for name in RANGES),
    *(slices.c[name] for name in ("extra", "model_group", "trainer", "params", "priority")),
    FOLDER,
)
"""What `slice_of` needs of a row."""

_UPCOMING = (
    select(slices.c.position, slices.c.deferred, *SPEC)
    .where(PENDING)
    .order_by(*ORDER)
    .limit(bindparam("count"))
)


def slice_of(row: Any) -> Slice:
    """A row with the columns SPEC as the rest of the program knows it: the ranges in force."""
    return Slice(
        id=row.id,
        train_from=row.active_train_from or row.train_from,
        train_to=row.active_train_to or row.train_to,
        test_from=row.active_test_from or row.test_from,
        test_to=row.active_test_to or row.test_to,
        database=row.database_name,
        table=row.table_name,
        column=row.column_name,
        file=row.file,
        extra=json.loads(row.extra) if row.extra else {},
        group=row.model_group,
        trainer=row.trainer,
        params=json.loads(row.params) if row.params else {},
        priority=row.priority,
        base=row.base,
    )


def upcoming(conn: Connection, count: int) -> list[Upcoming]:
    """The next `count` pending slices, in the order in which they will be claimed."""
    rows = conn.execute(_UPCOMING, {"count": count})
    found = []
    for row in rows:
        spec = slice_of(row)
        found.append(Upcoming(row.position, (row.deferred, -row.priority), spec, Source.of(spec)))
    return found


def queue_due(conn: Connection, *, now: datetime, longest: timedelta | None = None) -> int:
    """Put every waiting slice whose time has come back in the queue; return how many.

    A slice waits by the clock of the machine it failed on. Where that was set back since, its time
    would come hours or days too late: one that would wait for more than `longest` from now, and has
    failed in what is the future by now, is due at once.
    """
    due = slices.c.not_before <= now
    if longest is not None:
        due = or_(due, and_(slices.c.not_before > now + longest, _failed_after(now)))
    return conn.execute(
        update(slices)
        .where(WAITING, due)
        .values(status=Status.PENDING.value, reason=Reason.RETRY.value, not_before=None)
    ).rowcount


def _failed_after(now: datetime) -> ColumnElement[bool]:
    last = (attempts.c.slice_id == slices.c.id) & (attempts.c.number == slices.c.attempt)
    return exists().where(last, attempts.c.finished_at > now)


def next_due(conn: Connection) -> datetime | None:
    """When the next waiting slice may be tried again, None when none waits."""
    found: datetime | None = conn.execute(
        select(slices.c.not_before).where(WAITING).order_by(slices.c.not_before).limit(1)
    ).scalar()
    return found


def held_by(conn: Connection, runner_ids: Collection[int]) -> int:
    """How many slices these runners hold."""
    counted = select(func.count()).select_from(slices).where(RUNNING, slices.c.runner_id.in_(runner_ids))
    return int(conn.execute(counted).scalar_one())


def unfinished(conn: Connection) -> int:
    """How many slices are pending, waiting or running."""
    states = (PENDING, WAITING, RUNNING)  # one count each: only so are the partial indexes used
    counted = (select(func.count()).select_from(slices).where(state) for state in states)
    return sum(int(conn.execute(count).scalar_one()) for count in counted)


def still_queued(conn: Connection, ids: Collection[str]) -> set[str]:
    """Those of the slices `ids` that are pending or waiting."""
    named, found = sorted(ids), set[str]()
    for start in range(0, len(named), _AT_ONCE):
        some = named[start : start + _AT_ONCE]
        asked = select(slices.c.id).where(slices.c.id.in_(some), or_(PENDING, WAITING))
        found.update(conn.execute(asked).scalars())
    return found


def trainers_named(conn: Connection) -> set[str]:
    """The trainers named by slices that are still to be trained."""
    named = select(slices.c.trainer).where(or_(PENDING, WAITING), slices.c.trainer.is_not(None)).distinct()
    return set(conn.execute(named).scalars())


def every(conn: Connection) -> Iterator[Slice]:
    """Every slice that is not retired, in the order of import."""
    there = select(*SPEC).where(text("slices.status <> 'retired'")).order_by(slices.c.position)
    return map(slice_of, conn.execute(there.execution_options(yield_per=1_000)))


def sample(conn: Connection, count: int) -> list[Claim]:
    """Slices spread evenly over the order of import, as claims that own nothing."""
    first, last, total = conn.execute(
        select(func.min(slices.c.position), func.max(slices.c.position), func.count()).where(
            text("slices.status <> 'retired'")
        )
    ).one()
    if not total:
        return []
    wanted = sorted({first + (last - first) * place // max(1, count - 1) for place in range(count)})
    found: dict[str, Claim] = {}
    for position in wanted:
        row = conn.execute(
            select(*slices.c, FOLDER)
            .where(slices.c.position >= position, text("slices.status <> 'retired'"))
            .order_by(slices.c.position)
            .limit(1)
        ).one_or_none()
        if row is not None:
            found[row.id] = Claim(slice_of(row), row.attempt, 0, 0, row.spec_hash, row.tries, row.crashes)
    return list(found.values())
