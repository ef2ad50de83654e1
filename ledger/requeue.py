"""Slices back in the queue on purpose."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, TextClause, func, select, text
from sqlalchemy.exc import DBAPIError

from ledger import shortlist
from ledger.errors import LedgerError
from ledger.schema import slices
from ledger.selection import Selection, parse_age, require_condition
from ledger.shortlist import Terms
from ledger.status import Status

__all__ = ["RequeueReport", "Selection", "Terms", "parse_age", "requeue", "require_condition"]

STAYING = (Status.RUNNING, Status.PENDING, Status.RETIRED)


@dataclass(frozen=True, slots=True)
class RequeueReport:
    """How many slices were queued again, and how many of the selected ones stay as they are."""

    queued: int
    running: int
    pending: int  # in the queue already
    retired: int
    rolled: int = 0  # of those queued: with ranges moved forward
    unmoved: int = 0  # of those queued: with ranges that do not go by time
    cooling: int = 0
    over_budget: int = 0

    def lines(self, *, dry_run: bool = False) -> list[str]:
        """The report in words."""
        told = [f"{self.queued} slices {'would be ' if dry_run else ''}queued again"]
        notes = (
            (self.rolled, "of them with ranges rolled forward"),
            (self.unmoved, "of them keep their ranges, which are row numbers and do not move with time"),
            (self.running, "are being trained and stay as they are"),
            (self.pending, "are queued already"),
            (self.retired, "are retired; importing a split file that names them queues them"),
            (self.cooling, "were trained within the cooldown and stay as they are"),
            (self.over_budget, "are over the budget and stay for the next time"),
        )
        return told + [f"{count} {sentence}" for count, sentence in notes if count]


def requeue(
    conn: Connection, selection: Selection, terms: Terms | None = None, *, now: datetime
) -> RequeueReport:
    """Make every selected slice pending, with its tries and crashes forgotten; its champion stays.

    Running and retired slices are never taken. By age or drift, ranges move forward: those the
    champion was trained and tested on by the time since, or to the end of the window that drifted.
    Raises LedgerError for an empty selection, UnknownSliceError for an id there is not, and
    QueryError for a condition that the database does not understand.
    """
    terms = terms or Terms()
    if selection.is_empty:
        raise LedgerError("say which slices: ids, --failed, --rejected, --drifted, --older-than or --where")
    wanted = selection.conditions(conn, now=now)
    try:
        staying = [_count(conn, text(f"slices.status = '{state}'"), *wanted) for state in STAYING]
        cooling, over = _left_out(conn, wanted, terms, now)
        shortlist.make(conn, selection, terms, wanted, now=now)
    except DBAPIError as error:
        if (fault := selection.fault(error)) is None:
            raise
        raise fault from None
    rolled, unmoved = shortlist.roll(conn, now=now)
    queued = shortlist.queue(conn, now=now)
    running, pending, retired = staying
    return RequeueReport(queued, running, pending, retired, rolled, unmoved, cooling, over)


def _left_out(
    conn: Connection, wanted: list[ColumnElement[bool]], terms: Terms, now: datetime
) -> tuple[int, int]:
    """How many are in their cooldown, and how many more there are than the budget allows."""
    if terms.cooldown is None and terms.budget is None:
        return 0, 0
    cooldown = [] if terms.cooldown is None else [shortlist.rested(now - terms.cooldown)]
    matching = _count(conn, shortlist.OPEN, *wanted)
    rested = _count(conn, shortlist.OPEN, *wanted, *cooldown)
    return matching - rested, 0 if terms.budget is None else max(0, rested - terms.budget)


def _count(conn: Connection, *conditions: ColumnElement[bool] | TextClause) -> int:
    """How many slices there are; a state must be a literal, or its partial index is not used."""
    return int(conn.execute(select(func.count()).select_from(slices).where(*conditions)).scalar_one())
