"""The slices that a re-queue is about, each with its reason and its ranges, in two temporary tables.

What is asked is answered once; everything else joins these tables, however many slices there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Double,
    Integer,
    MetaData,
    Select,
    Table,
    Text,
    and_,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    text,
    update,
)

from ledger.schema import Key, Utc, attempts, drift_checks, slices
from ledger.selection import Selection, found_drifted
from ledger.splitrow import RANGES
from ledger.status import Reason, Status
from ledger.temporary import filled

STAYING = (Status.RUNNING, Status.PENDING, Status.RETIRED)
"""What is not queued again."""

TABLES = MetaData()
chosen = Table(
    "chosen",
    TABLES,
    Column("position", Key, primary_key=True, autoincrement=False),
    Column("status", Text),
    Column("priority", Integer),
    Column("cooling", Integer),  # 1: the last attempt began within the cooldown
    Column("champion_id", Key),
    Column("why", Text),
    Column("p", Double),  # of the drift check
    Column("check_id", Key),  # the drift check that says so
    Column("run", Text),  # that trained the champion; like window_to, NULL where no range moves
    Column("window_to", Text),  # the end of the window that drifted
    Column("trained_at", Utc),
    *(Column(name, Text) for name in RANGES),  # what the champion was trained and tested on
    prefixes=["TEMPORARY"],
)
rolled = Table(
    "rolled",
    TABLES,
    *(Column(name, Text, primary_key=True) for name in (*RANGES, "anchor")),
    *(Column(f"new_{name}", Text) for name in RANGES),
    prefixes=["TEMPORARY"],
)
ANCHOR = func.coalesce(chosen.c.window_to, chosen.c.run)
"""What ranges move by, with the model's own: the same for all that move alike."""
_QUEUE = f"""
    UPDATE slices SET status = 'pending', reason = c.why,
        tries = 0, crashes = 0, deferred = 0, not_before = NULL,
        {", ".join(f"active_{name} = COALESCE(r.new_{name}, slices.active_{name})" for name in RANGES)}
    FROM chosen c LEFT JOIN rolled r ON {" AND ".join(f"r.{name} = c.{name}" for name in RANGES)}
        AND r.anchor = COALESCE(c.window_to, c.run)
    WHERE slices.position = c.position AND slices.status NOT IN ('running', 'retired', 'pending')
        AND COALESCE(slices.champion_id, 0) = COALESCE(c.champion_id, 0)"""


@dataclass(frozen=True, slots=True)
class Terms:
    """How slices are queued again."""

    budget: int | None = None  # at most so many: the most urgent ones
    cooldown: timedelta | None = None  # none whose last attempt began more recently
    keep_ranges: bool = False  # train again on the ranges in force


@dataclass(frozen=True, slots=True)
class Left:
    """How many of those selected are not queued again, and why."""

    running: int
    pending: int
    retired: int
    cooling: int
    over_budget: int = 0


def make(
    conn: Connection,
    selection: Selection,
    terms: Terms,
    wanted: Sequence[ColumnElement[bool]],
    *,
    now: datetime,
) -> None:
    """Note the slices that are `wanted`, whatever their state; drift is looked up here."""
    found = _found(selection, terms, now).where(*wanted)
    conn.execute(insert(chosen).from_select(chosen.c.keys(), found))
    filled(conn, chosen)


def leave_out(conn: Connection, terms: Terms) -> Left:
    """Take those off the list that are not queued again, and count them."""

    def drop(*conditions: ColumnElement[bool]) -> int:
        return conn.execute(delete(chosen).where(*conditions)).rowcount

    running, pending, retired = (drop(chosen.c.status == state.value) for state in STAYING)
    cooling = drop(chosen.c.cooling == 1)
    if terms.budget is None:
        return Left(running, pending, retired, cooling)
    # By drift the least likely chance is the most urgent, by age the oldest model.
    urgent = (chosen.c.priority.desc(), chosen.c.p.asc().nulls_last(), chosen.c.trained_at.nulls_last())
    others = select(chosen.c.position).order_by(*urgent, chosen.c.position).offset(terms.budget)
    return Left(running, pending, retired, cooling, drop(chosen.c.position.in_(others)))


def count(conn: Connection) -> int:
    """How many slices are on the list."""
    return int(conn.execute(select(func.count()).select_from(chosen)).scalar_one())


def queue(conn: Connection, *, now: datetime) -> int:
    """Queue what is noted, unless its champion is another one by now or it is being trained."""
    queued = conn.execute(text(_QUEUE)).rowcount
    judged = (
        select(chosen.c.check_id)
        .join(slices, slices.c.position == chosen.c.position)
        .where(chosen.c.check_id.is_not(None), slices.c.status == Status.PENDING.value)
    )
    conn.execute(update(drift_checks).where(drift_checks.c.id.in_(judged)).values(requeued_at=now))
    return queued


def _found(selection: Selection, terms: Terms, now: datetime) -> Select[Any]:
    made, judged = attempts.alias("made"), drift_checks.alias("judged")
    tables = slices.outerjoin(made, made.c.id == slices.c.champion_id)
    why: ColumnElement[str] = _why(selection)
    check: tuple[ColumnElement[Any], ...] = null(), null()
    anchors: tuple[ColumnElement[Any], ...] = null(), null()
    if selection.drifted:
        tables = tables.join(judged, and_(*found_drifted(judged)))
        why = literal("drift:") + func.coalesce(judged.c.reason, "")
        check = judged.c.p, judged.c.id
        anchors = null(), judged.c.window_to
    elif selection.older_than is not None:
        anchors = cast(made.c.runner_id, Text), null()
    if terms.keep_ranges:
        anchors = null(), null()
    # What an import has put in the place of the champion's ranges is newer than they are.
    same = or_(
        slices.c.active_train_from.is_not(None), and_(*(slices.c[name] == made.c[name] for name in RANGES))
    )
    anchored = (case((same, cast(anchor, Text))) for anchor in anchors)
    ranges = (made.c[name] for name in RANGES)
    state = (slices.c.position, slices.c.status, slices.c.priority, _cooling(terms, now))
    columns = (*state, slices.c.champion_id, why, *check, *anchored, made.c.finished_at, *ranges)
    return select(*columns).select_from(tables)


def _cooling(terms: Terms, now: datetime) -> ColumnElement[int]:
    if terms.cooldown is None:
        return literal(0)
    last = and_(attempts.c.slice_id == slices.c.id, attempts.c.number == slices.c.attempt)
    return case((exists().where(last, attempts.c.started_at > now - terms.cooldown), 1), else_=0)


def _why(selection: Selection) -> ColumnElement[str]:
    if selection.older_than is not None:
        return literal(Reason.EXPIRED.value)
    return literal(Reason.RETRY.value if selection.failed else Reason.MANUAL.value)
