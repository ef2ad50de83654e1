"""The slices that a re-queue takes, each with its reason and its ranges, in two temporary tables.

Most slices have their ranges in common: each different one is rolled once, by what ledger/rolling.py
says of its text, and everything else is a few statements however many slices there are.
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
    MetaData,
    Select,
    Table,
    Text,
    and_,
    case,
    cast,
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

from ledger.records import Ranges
from ledger.rolling import moved, until, whole
from ledger.schema import Key, Utc, attempts, drift_checks, slices
from ledger.selection import Selection, found_drifted
from ledger.splitrow import RANGES
from ledger.status import Reason

OPEN = text("slices.status NOT IN ('running', 'retired', 'pending')")
"""What may be queued again."""

_tables = MetaData()
_chosen = Table(
    "chosen",
    _tables,
    Column("position", Key, primary_key=True, autoincrement=False),
    Column("champion_id", Key),
    Column("why", Text),
    Column("check_id", Key),  # the drift check that says so
    Column("run", Text),  # that trained the champion; like window_to, NULL where no range moves
    Column("window_to", Text),  # the end of the window that drifted
    Column("trained_at", Utc),
    *(Column(name, Text) for name in RANGES),  # what the champion was trained and tested on
    prefixes=["TEMPORARY"],
)
_KEY = (*RANGES, "anchor")
_rolled = Table(
    "rolled",
    _tables,
    *(Column(name, Text, primary_key=True) for name in _KEY),
    *(Column(f"new_{name}", Text) for name in RANGES),
    prefixes=["TEMPORARY"],
)
_ANCHOR = func.coalesce(_chosen.c.window_to, _chosen.c.run)
_SAME = and_(*(_rolled.c[name] == _chosen.c[name] for name in RANGES), _rolled.c.anchor == _ANCHOR)
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


def rested(since: datetime) -> ColumnElement[bool]:
    """That no attempt of a slice has begun after `since`."""
    last = (attempts.c.slice_id == slices.c.id) & (attempts.c.number == slices.c.attempt)
    return ~exists().where(last, attempts.c.started_at > since)


def make(
    conn: Connection,
    selection: Selection,
    terms: Terms,
    wanted: Sequence[ColumnElement[bool]],
    *,
    now: datetime,
) -> None:
    """Note the slices that are `wanted` and may be taken, the most urgent ones first."""
    _tables.create_all(conn, checkfirst=False)
    cooldown = [] if terms.cooldown is None else [rested(now - terms.cooldown)]
    found = _found(selection, terms).where(OPEN, *wanted, *cooldown).limit(terms.budget)
    conn.execute(insert(_chosen).from_select([column.name for column in _chosen.columns], found))


def roll(conn: Connection, *, now: datetime) -> tuple[int, int]:
    """Move the ranges of what is noted; return how many slices have other ones now, and how many cannot."""
    ranges = [_chosen.c[name] for name in RANGES]
    groups = (
        select(
            *ranges,
            _chosen.c.window_to,
            _ANCHOR.label("anchor"),
            func.max(_chosen.c.trained_at).label("last"),
        )
        .where(_ANCHOR.is_not(None))
        .group_by(*ranges, _chosen.c.window_to, _ANCHOR)
    )
    rows = []
    for group in conn.execute(groups).all():
        old = Ranges(*group[:4])
        new = until(old, group.window_to) if group.window_to else moved(old, whole(now - group.last))
        if new is not None:
            rows.append({**_columns(old), "anchor": group.anchor, **_columns(new, "new_")})
    if rows:
        conn.execute(insert(_rolled), rows)
    matched = exists().where(_SAME)
    changed = exists().where(_SAME, or_(*(_rolled.c[f"new_{name}"] != _rolled.c[name] for name in RANGES)))
    return _count(conn, changed), _count(conn, _ANCHOR.is_not(None), ~matched)


def queue(conn: Connection, *, now: datetime) -> int:
    """Queue what is noted, unless its champion is another one by now, and forget the notes."""
    queued = conn.execute(text(_QUEUE)).rowcount
    judged = select(_chosen.c.check_id).where(_chosen.c.check_id.is_not(None))
    conn.execute(update(drift_checks).where(drift_checks.c.id.in_(judged)).values(requeued_at=now))
    _tables.drop_all(conn, checkfirst=False)
    return queued


def _found(selection: Selection, terms: Terms) -> Select[Any]:
    made, judged = attempts.alias("made"), drift_checks.alias("judged")
    tables = slices.outerjoin(made, made.c.id == slices.c.champion_id)
    anchors: tuple[ColumnElement[Any], ...] = null(), null()
    why: ColumnElement[str] = _why(selection)
    check: ColumnElement[Any] = null()
    urgency: ColumnElement[Any] = made.c.finished_at
    if selection.drifted:
        tables = tables.join(judged, and_(*found_drifted(judged)))
        why = literal("drift:") + func.coalesce(judged.c.reason, "")
        check, urgency = judged.c.id, judged.c.p
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
    return (
        select(slices.c.position, slices.c.champion_id, why, check, *anchored, made.c.finished_at, *ranges)
        .select_from(tables)
        .order_by(slices.c.priority.desc(), urgency.asc().nulls_last(), slices.c.position)
    )


def _why(selection: Selection) -> ColumnElement[str]:
    if selection.older_than is not None:
        return literal(Reason.EXPIRED.value)
    return literal(Reason.RETRY.value if selection.failed else Reason.MANUAL.value)


def _columns(ranges: Ranges, prefix: str = "") -> dict[str, str]:
    return {f"{prefix}{name}": getattr(ranges, name) for name in RANGES}


def _count(conn: Connection, *conditions: ColumnElement[bool]) -> int:
    return int(conn.execute(select(func.count()).select_from(_chosen).where(*conditions)).scalar_one())
