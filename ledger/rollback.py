"""Champions that give way to the ones before them: of one slice or of all, in the same few statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Select,
    Table,
    Text,
    and_,
    case,
    exists,
    func,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError

from ledger.errors import LedgerError
from ledger.promotions import COLUMNS, keep_still
from ledger.schema import Key, Utc, artifacts, promotions, runners, slices
from ledger.selection import Selection
from ledger.status import Why
from ledger.temporary import filled, temporary

_tables = MetaData()
_selected = Table(
    "selected",
    _tables,
    Column("position", Key, primary_key=True, autoincrement=False),
    Column("slice_id", Text),
    Column("status", Text),
    Column("champion_id", Key),
    Column("served_id", Key),  # the promotion that says so
    prefixes=["TEMPORARY"],
)
_back = Table(
    "back",
    _tables,
    Column("position", Key, primary_key=True, autoincrement=False),
    Column("slice_id", Text),
    Column("champion_id", Key),  # what gives way
    Column("attempt_id", Key),  # what serves again
    Column("before_id", Key),  # and what a rollback from there returns to
    Column("gone", Integer),  # 1: the files of what would serve again were removed
    prefixes=["TEMPORARY"],
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


def roll_back(
    conn: Connection, selection: Selection, *, now: datetime, dry_run: bool = False
) -> RollbackReport:
    """Let the champion before serve again for every selected slice; with `dry_run` only count them.

    Slices that are being trained stay, and so do those whose champion was the first, or follows one
    whose files were removed. Raises LedgerError for an empty selection or a run there is not,
    UnknownSliceError, and QueryError for a condition that is none.
    """
    _require_sense(conn, selection)
    keep_still(conn)
    wanted = selection.conditions(conn, now=now)
    with temporary(conn, _tables):
        try:
            _select(conn, wanted)
        except DBAPIError as error:
            if (fault := selection.fault(error)) is None:
                raise
            raise fault from None
        _look_back(conn)
        report = _report(conn)
        if not dry_run:
            report = _moved(conn, report, now=now)
    return report


def _require_sense(conn: Connection, selection: Selection) -> None:
    if selection.is_empty:
        raise LedgerError("say which slices: ids, --run or --where")
    run = select(runners.c.id).where(runners.c.id == selection.run)
    if selection.run is not None and conn.execute(run).first() is None:
        raise LedgerError(
            f'there is no run {selection.run}; `ledger query "SELECT id, started_at FROM runners"` lists them'
        )


def _select(conn: Connection, wanted: Sequence[ColumnElement[bool]]) -> None:
    last = select(func.max(promotions.c.id)).where(promotions.c.slice_id == slices.c.id).scalar_subquery()
    found = select(slices.c.position, slices.c.id, slices.c.status, slices.c.champion_id, last)
    conn.execute(insert(_selected).from_select(_selected.c.keys(), found.where(*wanted)))
    filled(conn, _selected)


def _look_back(conn: Connection) -> None:
    served, before = promotions.alias("served"), promotions.alias("before")
    gone = exists().where(artifacts.c.attempt_id == before.c.attempt_id, artifacts.c.removed_at.is_not(None))
    found = (
        select(
            _selected.c.position,
            _selected.c.slice_id,
            _selected.c.champion_id,
            before.c.attempt_id,
            before.c.before_id,
            case((gone, 1), else_=0),
        )
        .join(served, served.c.id == _selected.c.served_id)
        .join(before, before.c.id == served.c.before_id)
        .where(_selected.c.status != "running")
    )
    conn.execute(insert(_back).from_select(_back.c.keys(), found))
    filled(conn, _back)


def _report(conn: Connection) -> RollbackReport:
    serves, rests = _selected.c.champion_id.is_not(None), _selected.c.status != "running"

    def count(of: Table, *conditions: ColumnElement[bool]) -> int:
        counted: Select[Any] = select(func.count()).select_from(of).where(*conditions)
        return int(conn.execute(counted).scalar_one())

    going = count(_back)
    gone = count(_back, _back.c.gone == 1)
    return RollbackReport(
        rolled_back=going - gone,
        running=count(_selected, ~rests),
        first=count(_selected, rests, serves) - going,
        gone=gone,
        without=count(_selected, rests, ~serves),
    )


def _moved(conn: Connection, told: RollbackReport, *, now: datetime) -> RollbackReport:
    """Move the champions, unless a runner has taken the slice since it was selected, and note it."""
    same = _back.c.position == slices.c.position
    still = and_(slices.c.champion_id == _back.c.champion_id, text("slices.status <> 'running'"))
    going = update(slices).where(same, still, _back.c.gone == 0).values(champion_id=_back.c.attempt_id)
    moved = conn.execute(going).rowcount
    said = (literal(Why.ROLLED_BACK.value), literal(now, Utc()))
    rows = (
        select(_back.c.slice_id, _back.c.attempt_id, _back.c.before_id, *said)
        .join(slices, same)
        .where(slices.c.champion_id == _back.c.attempt_id, _back.c.gone == 0)
    )
    conn.execute(insert(promotions).from_select(COLUMNS, rows))
    taken = told.rolled_back - moved
    return RollbackReport(moved, told.running + taken, told.first, told.gone, told.without)
