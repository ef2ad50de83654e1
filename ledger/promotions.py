"""Which model serves: every change of champion is noted, and can be taken back.

A row of `promotions` is never changed. It names the row to which a rollback returns, so the rows of
a slice are a stack that remembers: a rollback adds one that says what the one below had said.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    TextClause,
    and_,
    bindparam,
    exists,
    func,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError

from ledger.errors import LedgerError, UnknownSliceError
from ledger.prepared import Prepared
from ledger.records import Claim
from ledger.registry import NoModelError, require_kept
from ledger.schema import Key, Utc, artifacts, attempts, promotions, runners, slices
from ledger.selection import Selection
from ledger.status import Outcome, Why

_LOCK = 0x534C4443
_COLUMNS = ("slice_id", "attempt_id", "before_id", "why", "at")
_SERVED = promotions.alias("served")
_REST = text("slices.status <> 'running'")


def _last(slice_id: ColumnElement[Any]) -> ColumnElement[Any]:
    """The id of the row that says what serves for a slice, NULL where nothing ever did."""
    rows = promotions.alias()
    return select(func.max(rows.c.id)).where(rows.c.slice_id == slice_id).scalar_subquery()


_NOTE = Prepared(
    insert(promotions).from_select(
        _COLUMNS,
        select(
            bindparam("slice", type_=promotions.c.slice_id.type),
            bindparam("attempt", type_=Key),
            select(func.max(_SERVED.c.id)).where(_SERVED.c.slice_id == bindparam("slice")).scalar_subquery(),
            bindparam("reason", type_=promotions.c.why.type),
            bindparam("now", type_=Utc()),
        ),
    )
)


@dataclass(frozen=True, slots=True)
class RollbackReport:
    """How many champions gave way to the ones before them, and how many of those selected did not."""

    rolled_back: int
    running: int
    first: int  # no champion came before theirs
    gone: int  # the files of the one before were removed
    without: int  # nothing serves

    def lines(self, *, dry_run: bool = False) -> list[str]:
        """The report in words."""
        told = [f"{self.rolled_back} slices {'would be' if dry_run else 'are'} served by the champion before"]
        notes = (
            (self.running, "are being trained and stay as they are; try again when that has ended"),
            (self.first, "have no champion before this one and keep it"),
            (self.gone, "keep their champion: `ledger gc` has removed the files of the one before"),
            (self.without, "have no champion"),
        )
        return told + [f"{count} {sentence}" for count, sentence in notes if count]


def note(conn: Connection, held: Claim, *, now: datetime) -> None:
    """Note that the model of a claimed attempt serves from now on."""
    values = {"slice": held.slice.id, "attempt": held.attempt_id, "reason": Why.TRAINED.value, "now": now}
    _NOTE.execute(conn, values)


def keep_still(conn: Connection) -> None:
    """Let nobody else choose champions or remove their files until the transaction of `conn` ends.

    SQLite's write lock does that already. Runners go on: they hold the slices they change.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def promote(conn: Connection, slice_id: str, number: int, *, now: datetime) -> None:
    """Let the model of attempt `number` serve for a slice, a rejected one too.

    Raises UnknownSliceError, NoModelError where the attempt gave none or its files were removed, and
    LedgerError while the slice is being trained and where that model serves already.
    """
    keep_still(conn)
    row = conn.execute(select(slices).where(slices.c.id == slice_id).with_for_update()).first()
    if row is None:
        raise UnknownSliceError(slice_id)
    if row.status == "running":
        raise LedgerError(f"slice {slice_id!r} is being trained; promote a model when that has ended")
    wanted = and_(attempts.c.slice_id == slice_id, attempts.c.number == number)
    attempt = conn.execute(select(attempts.c.id, attempts.c.outcome).where(wanted)).first()
    if attempt is None or attempt.outcome not in (Outcome.SUCCEEDED, Outcome.REJECTED):
        why = "there is none" if attempt is None else f"it {attempt.outcome}"
        raise NoModelError(
            f"attempt {number} of slice {slice_id!r} has no model, {why}; see `ledger show {slice_id}`"
        )
    if attempt.id == row.champion_id:
        raise LedgerError(f"the model of attempt {number} serves for slice {slice_id!r} already")
    require_kept(conn, attempt.id, slice_id)
    given = {"slice": slice_id, "attempt": attempt.id, "reason": Why.PROMOTED.value, "now": now}
    _NOTE.execute(conn, given)
    conn.execute(update(slices).where(slices.c.id == slice_id).values(champion_id=attempt.id))


def roll_back(conn: Connection, selection: Selection, *, now: datetime) -> RollbackReport:
    """Let the champion before serve again for every selected slice, in two statements for all of them.

    Slices that are being trained stay, and so do those whose champion was the first, or follows one
    whose files were removed. Raises LedgerError for an empty selection or a run there is not,
    UnknownSliceError, and QueryError for a condition that is none.
    """
    if selection.is_empty:
        raise LedgerError("say which slices: ids, --run or --where")
    if (
        selection.run is not None
        and conn.execute(select(runners).where(runners.c.id == selection.run)).first() is None
    ):
        raise LedgerError(
            f'there is no run {selection.run}; `ledger query "SELECT id, started_at FROM runners"` lists them'
        )
    keep_still(conn)
    wanted = selection.conditions(conn, now=now)
    try:
        _hold(conn, wanted)
        counts = _counts(conn, wanted)
    except DBAPIError as error:
        if (fault := selection.fault(error)) is None:
            raise
        raise fault from None
    last = conn.execute(select(func.coalesce(func.max(promotions.c.id), 0))).scalar_one()
    before, tables = _before()
    said = (
        slices.c.id,
        before.c.attempt_id,
        before.c.before_id,
        literal(Why.ROLLED_BACK.value),
        literal(now, Utc()),
    )
    back = select(*said).select_from(tables).where(_REST, *wanted, ~_gone(before))
    conn.execute(insert(promotions).from_select(_COLUMNS, back))
    mine = and_(
        promotions.c.slice_id == slices.c.id,
        promotions.c.id > last,
        promotions.c.why == Why.ROLLED_BACK.value,
    )
    moved = conn.execute(update(slices).where(mine).values(champion_id=promotions.c.attempt_id)).rowcount
    return RollbackReport(moved, **counts)


def _hold(conn: Connection, wanted: list[ColumnElement[bool]]) -> None:
    """PostgreSQL: from now on no runner claims these slices, and what is being claimed is waited for."""
    held = select(slices.c.position).where(*wanted).with_for_update()
    conn.execute(select(func.count()).select_from(held.subquery()))


def _before() -> tuple[FromClause, FromClause]:
    """What served before what serves, and the tables that lead there from the slices."""
    now, before = promotions.alias("now"), promotions.alias("before")
    tables = slices.join(now, now.c.id == _last(slices.c.id)).join(before, before.c.id == now.c.before_id)
    return before, tables


def _gone(before: FromClause) -> ColumnElement[bool]:
    return exists().where(artifacts.c.attempt_id == before.c.attempt_id, artifacts.c.removed_at.is_not(None))


def _counts(conn: Connection, wanted: list[ColumnElement[bool]]) -> dict[str, int]:
    before, tables = _before()

    def count(table: FromClause, *where: ColumnElement[bool] | TextClause) -> int:
        return int(conn.execute(select(func.count()).select_from(table).where(*where, *wanted)).scalar_one())

    served = count(slices, _REST, slices.c.champion_id.is_not(None))
    return {
        "running": count(slices, text("slices.status = 'running'")),
        "first": served - count(tables, _REST),
        "gone": count(tables, _REST, _gone(before)),
        "without": count(slices, _REST, slices.c.champion_id.is_(None)),
    }
